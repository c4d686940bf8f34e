// GPT: a language model of transformer blocks that see what came before.
//   tokens (N, T) int64 -> logits (N, T, vocabulary), of the token that comes next
// Radford and others, Language Models are Unsupervised Multitask Learners, 2019 (GPT-2); Touvron and others, LLaMA:
// Open and Efficient Foundation Language Models, 2023: RMS norm, SwiGLU, rotary positions, no biases.
#pragma once

#include <optional>
#include <vector>

#include "../nn/embedding.hpp"
#include "../nn/transformer.hpp"

namespace inlay::inline v0_1::models {

enum class positions { learned, sinusoidal, rotary, alibi };

struct gpt_config {
  std::int64_t vocabulary = 0;  // required
  std::int64_t context = 1024;  // the most positions of a sequence, where they are learned
  std::int64_t layers = 12;
  std::int64_t heads = 12;
  std::int64_t kv_heads = 0;  // heads of keys and values; 0: as many
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

namespace detail {
// Sines and cosines of positions (…) -> (…, features), as in the paper of the transformer: pairs of features turn ever
// slower.
template <floating T> tensor<T> sinusoids(const tensor<std::int64_t>& at, std::int64_t features) {
  tensor<T> out({at.dim(0), at.dim(1), features});
  out.write([&](std::span<T> to) {
    for (std::int64_t i = 0; i < features; ++i) {
      const double rate = __builtin_pow(10000.0, -static_cast<double>(i / 2 * 2) / static_cast<double>(features));
      for (std::int64_t p = 0; p < at.size(); ++p) {
        const double angle = static_cast<double>(at.data()[p]) * rate;
        to[static_cast<std::size_t>(p * features + i)] =
            static_cast<T>(i % 2 == 0 ? __builtin_sin(angle) : __builtin_cos(angle));
      }
    }
  });
  return out;
}
}  // namespace detail

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
    if (c.positions == positions::learned)
      places.emplace(nn::embedding_config{.vocabulary = c.context, .features = c.in});
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
  // A state that has seen nothing; `room`: positions to keep memory for at once.
  state start(std::int64_t room = 0) const {
    return {std::vector<nn::kv_cache<T>>(blocks.size(), nn::kv_cache<T>({.room = room, .window = config_.window}))};
  }

  const gpt_config& config() const noexcept { return config_; }
  static void members(auto& self, auto&& visit) {
    visit("embedding", self.embedding);
    visit("places", self.places);
    visit("blocks", self.blocks);
    visit("norm", self.norm);
    visit("head", self.head);
  }

  nn::embedding<T> embedding;
  std::optional<nn::embedding<T>> places;
  std::vector<nn::transformer_block<T>> blocks;
  nn::block_norm<T> norm;
  std::optional<nn::dense<T>> head;

 private:
  // Weights of standard deviation 0.02, and those that write to the shortcuts less, the more of them there are; biases
  // of 0 (GPT-2).
  void first_values() {
    const auto draw = [](parameter<T>& p, double stddev) {
      if (p) p = parameter<T>(p.shape(), stddev > 0 ? distribution::normal(0, stddev) : distribution::constant(0));
    };
    const auto dense = [&](nn::dense<T>& d, double stddev) { draw(d.weight, stddev), draw(d.bias, 0); };
    const double last = 0.02 / __builtin_sqrt(2 * static_cast<double>(blocks.size()));
    draw(embedding.weight, 0.02);
    if (places) draw(places->weight, 0.02);
    if (head) draw(head->weight, 0.02);
    for (nn::transformer_block<T>& b : blocks) {
      dense(b.attention.query, 0.02), dense(b.attention.key, 0.02), dense(b.attention.value, 0.02);
      dense(b.attention.out, last), dense(b.feed_forward.up, 0.02), dense(b.feed_forward.down, last);
      draw(b.feed_forward.gate_weight, 0.02), draw(b.feed_forward.gate_bias, 0);
    }
  }

  // `starts`: positions that rows have seen; none, if empty.
  auto embedded(const auto& tokens, const tensor<std::int64_t>& starts) const {
    if (tokens.rank() != 2) [[unlikely]]
      throw shape_error("gpt", {"expected tokens (N, T), got ", tokens.shape()});
    const std::int64_t steps = tokens.dim(1), rows = starts.size() > 0 ? starts.size() : 1;
    auto x = embedding(tokens);
    if (places || config_.positions == positions::sinusoidal) {
      tensor<std::int64_t> at({rows, steps});
      for (std::int64_t i = 0; i < at.size(); ++i) {
        at.data()[i] = (starts.size() > 0 ? starts(i / steps) : 0) + i % steps;
        if (places && at.data()[i] >= config_.context) [[unlikely]]
          throw value_error("gpt", {"expected ", config_.context, " positions at most, got ", at.data()[i] + 1});
      }
      if (places)
        x = x + inlay::embedding(at, places->weight.in(x));
      else
        x = x + detail::sinusoids<T>(at, config_.in);
    }
    if (config_.dropout > 0) x = dropout(x, config_.dropout);
    return x;
  }
  auto scores(const auto& x) const { return head ? (*head)(x) : linear(x, embedding.weight); }

  gpt_config config_;
};

}  // namespace inlay::inline v0_1::models
