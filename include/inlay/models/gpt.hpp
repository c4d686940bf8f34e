// GPT: a language model of transformer blocks that see what came before.
//   tokens (N, T) int64 -> logits (N, T, vocabulary), of the token that comes next
// Radford and others, Language Models are Unsupervised Multitask Learners, 2019 (GPT-2); Touvron and others, LLaMA:
// Open and Efficient Foundation Language Models, 2023: RMS norm, SwiGLU, rotary positions, no biases.
#pragma once

#include <optional>
#include <vector>

#include "../nn/embedding.hpp"
#include "../nn/position_embedding.hpp"
#include "../nn/transformer.hpp"
#include "parts.hpp"

namespace inlay::inline v0_1::models {

enum class positions { learned, sinusoidal, rotary, alibi };

struct gpt_config {
  std::int64_t vocabulary = 0;  // required
  std::int64_t context = 1024;  // the most positions of a sequence, where they are learned
  std::int64_t layers = 12;
  std::int64_t heads = 12;
  std::int64_t kv_heads = 0;  // heads of keys and values; 0: as many
  std::int64_t size = 0;      // features of a head; 0: in / heads
  std::int64_t in = 768;      // features
  std::int64_t hidden = 0;    // of the feed-forward nets; 0: see nn::feed_forward_config
  nn::feed_forward_kind feed_forward = nn::feed_forward_kind::gelu_tanh;
  nn::norm_kind norm = nn::norm_kind::layer;
  models::positions positions = models::positions::learned;
  double rotary_base = 10000;
  std::int64_t window = 0;  // positions that one sees; 0: all
  bool bias = true;
  bool tied = true;              // the scores are products with the rows of the embedding
  double dropout = 0;            // while training
  double attention_dropout = 0;  // of the weights of attention, while training
  double epsilon = 1e-5;         // of the normalisations

  // The options of Llama and what follows it; sizes are the caller's.
  static gpt_config llama(gpt_config c) {
    c.feed_forward = nn::feed_forward_kind::swiglu;
    c.norm = nn::norm_kind::rms;
    c.positions = models::positions::rotary;
    c.bias = c.tied = false;
    return c;
  }
};

template <floating T = float> class gpt {
 public:
  using value_type = T;
  // What a sequence has been seen of: a cache for each layer.
  struct state {
    std::vector<nn::kv_cache<T>> caches;
    void reorder(const tensor<std::int64_t>& rows) {
      for (nn::kv_cache<T>& cache : caches) cache.reorder(rows);
    }
  };

  // Throws value_error when a size is missing or does not fit.
  explicit gpt(const gpt_config& c)
      : embedding({.vocabulary = c.vocabulary, .features = c.in}), norm(c.norm, c.in, c.epsilon, c.bias), config_(c) {
    if (c.layers < 1 || c.context < 1)
      throw value_error("gpt", {"expected .layers and .context of 1 or more, got ", c.layers, " and ", c.context});
    const nn::transformer_config block{.in = c.in,
                                       .heads = c.heads,
                                       .kv_heads = c.kv_heads,
                                       .size = c.size,
                                       .hidden = c.hidden,
                                       .feed_forward = c.feed_forward,
                                       .norm = c.norm,
                                       .bias = c.bias,
                                       .causal = true,
                                       .window = c.window,
                                       .alibi = c.positions == positions::alibi,
                                       .rotary = c.positions == positions::rotary
                                                     ? std::optional(rotary_options{.base = c.rotary_base})
                                                     : std::nullopt,
                                       .dropout = c.dropout,
                                       .attention_dropout = c.attention_dropout,
                                       .epsilon = c.epsilon};
    if (c.positions == positions::learned || c.positions == positions::sinusoidal)
      places.emplace(nn::position_embedding_config{.features = c.in,
                                                   .context = c.positions == positions::learned ? c.context : 0});
    for (std::int64_t i = 0; i < c.layers; ++i) blocks.emplace_back(block);
    if (!c.tied) head.emplace(nn::dense_config{.in = c.in, .out = c.vocabulary, .bias = false});
    first_values();
  }

  auto operator()(const auto& tokens, const nn::attention_masks<T>& masks = {}) const {
    auto x = embedded(tokens, {});
    for (const nn::transformer_block<T>& block : blocks) x = block(x, masks);
    return scores(norm(x));
  }

  // The scores behind each of the next tokens (N, T), after those that the state has seen. `counts` (N,): how many of
  // them a row has; all, if empty.
  tensor<T> step(const tensor<std::int64_t>& tokens, state& s, const tensor<std::int64_t>& counts = {}) const {
    if (s.caches.empty()) s = start();
    tensor<T> x = embedded(tokens, s.caches[0].lengths());
    for (std::size_t i = 0; i < blocks.size(); ++i) x = blocks[i].step(x, s.caches[i], counts);
    return scores(norm(x));
  }
  // A state that has seen nothing; `room`: positions to keep memory for at once. ALiBi needs to know which is which, so
  // its caches keep all.
  state start(std::int64_t room = 0) const {
    const std::int64_t window = config_.positions == positions::alibi ? 0 : config_.window;
    return {std::vector<nn::kv_cache<T>>(blocks.size(), nn::kv_cache<T>({.room = room, .window = window}))};
  }

  const gpt_config& config() const noexcept { return config_; }
  static void members(auto& self, auto&& visit) {
    visit("embedding", self.embedding);
    visit("places", self.places);
    visit("blocks", self.blocks);
    visit("norm", self.norm);
    visit("head", self.head);
  }

  // Those of Hugging Face's files: Llama's with SwiGLU, else GPT-2's. `body`: what stands before the names of all but
  // the scores; "" in files of the body alone.
  std::vector<torch_name> torch_names() const { return torch_names(is_gated() ? "model." : "transformer."); }
  INLAY_COLD std::vector<torch_name> torch_names(const std::string& body) const {
    std::vector<torch_name> names{{body + (is_gated() ? "embed_tokens" : "wte"), "embedding"},
                                  {body + (is_gated() ? "norm" : "ln_f"), "norm"}};
    if (places && places->weight) names.push_back({body + "wpe", "places"});
    names.push_back({"lm_head", head ? "head" : "embedding", head ? torch_form::same : torch_form::also});
    for (std::size_t i = 0; i < blocks.size(); ++i) {
      const std::string ours = "blocks." + std::to_string(i) + ".";
      const auto add = [&](const std::string& torch, const char* part, torch_form form = torch_form::same) {
        names.push_back({body + (is_gated() ? "layers." : "h.") + std::to_string(i) + "." + torch, ours + part, form});
      };
      if (is_gated()) {
        add("input_layernorm", "norm1"), add("post_attention_layernorm", "norm2");
        add("self_attn.q_proj", "attention.query"), add("self_attn.k_proj", "attention.key");
        add("self_attn.v_proj", "attention.value"), add("self_attn.o_proj", "attention.out");
        add("mlp.gate_proj.weight", "feed_forward.gate_weight");
        if (config_.bias) add("mlp.gate_proj.bias", "feed_forward.gate_bias");
        add("mlp.up_proj", "feed_forward.up"), add("mlp.down_proj", "feed_forward.down");
      } else {
        add("ln_1", "norm1"), add("ln_2", "norm2");
        for (const char* part : {"attention.query", "attention.key", "attention.value"})
          add("attn.c_attn", part, torch_form::transposed);
        add("attn.c_proj", "attention.out", torch_form::transposed);
        add("mlp.c_fc", "feed_forward.up", torch_form::transposed);
        add("mlp.c_proj", "feed_forward.down", torch_form::transposed);
      }
    }
    // Masks and frequencies that these modules keep as buffers.
    for (const char* pattern : {"*.attn.bias", "*.attn.masked_bias", "*.rotary_emb.inv_freq"})
      names.push_back({pattern, "", torch_form::unused});
    return names;
  }

  nn::embedding<T> embedding;
  std::optional<nn::position_embedding<T>> places;
  std::vector<nn::transformer_block<T>> blocks;
  nn::block_norm<T> norm;
  std::optional<nn::dense<T>> head;

 private:
  // Weights of standard deviation 0.02, and those that write to the shortcuts less, the more of them there are; biases
  // of 0 (GPT-2).
  void first_values() {
    const double last = 0.02 / __builtin_sqrt(2 * static_cast<double>(blocks.size()));
    const distribution rule = init::normal(0, 0.02);
    detail::redraw(embedding.weight, rule);
    if (places) detail::redraw(places->weight, rule);
    if (head) detail::redraw(*head, 0.02);
    for (nn::transformer_block<T>& b : blocks) {
      for (nn::dense<T>* d : {&b.attention.query, &b.attention.key, &b.attention.value, &b.feed_forward.up})
        detail::redraw(*d, 0.02);
      for (nn::dense<T>* d : {&b.attention.out, &b.feed_forward.down}) detail::redraw(*d, last);
      detail::redraw(b.feed_forward.gate_weight, rule);
      detail::redraw(b.feed_forward.gate_bias, init::constant(0));
    }
  }

  // `starts`: positions that rows have seen; none, if empty.
  auto embedded(const auto& tokens, const tensor<std::int64_t>& starts) const {
    if (tokens.rank() != 2) [[unlikely]]
      throw shape_error("gpt", {"expected tokens (N, T), got ", tokens.shape()});
    auto x = embedding(tokens);
    if (places) x = (*places)(x, starts);
    if (config_.dropout > 0) x = dropout(x, config_.dropout);
    return x;
  }
  bool is_gated() const { return config_.feed_forward == nn::feed_forward_kind::swiglu; }
  auto scores(const auto& x) const { return head ? (*head)(x) : linear(x, embedding.weight); }

  gpt_config config_;
};

}  // namespace inlay::inline v0_1::models
