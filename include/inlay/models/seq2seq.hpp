// A transformer that turns one sequence into another: an encoder reads the source, a decoder writes the target and sees
// what it has written and all of the source.
//   source (N, S) int64, target (N, T) int64 -> logits (N, T, target vocabulary), of the target's token that comes next
// Vaswani and others, Attention Is All You Need, 2017.
#pragma once

#include <optional>
#include <vector>

#include "../nn/embedding.hpp"
#include "../nn/position_embedding.hpp"
#include "../nn/transformer.hpp"
#include "parts.hpp"

namespace inlay::inline v0_1::models {

struct seq2seq_config {
  std::int64_t source = 0;          // tokens of the source's vocabulary; required
  std::int64_t target = 0;          // of the target's; 0: both have one vocabulary, and one embedding
  std::int64_t context = 0;         // the most positions, where they are learned; 0: sines and cosines
  std::int64_t layers = 6;          // of the encoder
  std::int64_t decoder_layers = 0;  // 0: as many
  std::int64_t heads = 8;
  std::int64_t in = 512;    // features
  std::int64_t hidden = 0;  // of the feed-forward nets; 0: see nn::feed_forward_config
  nn::feed_forward_kind feed_forward = nn::feed_forward_kind::relu;
  nn::norm_kind norm = nn::norm_kind::layer;
  bool pre_norm = false;
  bool scaled = true;            // rows of the embeddings count sqrt(in) times
  bool tied = false;             // the scores are products with the rows of the target's embedding
  double dropout = 0;            // while training
  double attention_dropout = 0;  // of the weights of attention, while training
  double epsilon = 1e-5;         // of the normalisations
};

template <floating T = float> class seq2seq {
 public:
  using value_type = T;

  // The model with sources that it has read: what text::generate takes. Its prompts are what targets begin with, one
  // for each source. It refers to the model.
  class reader {
   public:
    struct state {
      std::vector<nn::kv_cache<T>> caches, memories;  // of each layer
      void reorder(const tensor<std::int64_t>& rows) {
        for (nn::kv_cache<T>& cache : caches) cache.reorder(rows);
        for (nn::kv_cache<T>& memory : memories) memory.reorder(rows);
      }
    };

    tensor<T> step(const tensor<std::int64_t>& tokens, state& s, const tensor<std::int64_t>& counts = {}) const {
      if (s.caches.empty()) s = start();
      if (tokens.rank() != 2 || tokens.dim(0) != s.memories[0].lengths().dim(0)) [[unlikely]]
        throw shape_error("seq2seq", {"expected tokens (N, T) of ", s.memories[0].lengths().dim(0),
                                      " rows, one for each source, got ", tokens.shape()});
      tensor<T> x = model_->target_places(model_->scaled(model_->target_rows()(tokens)), s.caches[0].lengths());
      for (std::size_t i = 0; i < model_->decoder.size(); ++i)
        x = model_->decoder[i].step(x, s.caches[i], s.memories[i], counts);
      return model_->scores(model_->decoder_norm(x));
    }
    state start(std::int64_t room = 0) const {
      return {std::vector<nn::kv_cache<T>>(memories_.size(), nn::kv_cache<T>({.room = room})), memories_};
    }

   private:
    friend seq2seq;
    reader(const seq2seq& model, const tensor<T>& memory, const tensor<std::int64_t>& lengths) : model_(&model) {
      for (const nn::transformer_block<T>& block : model.decoder)
        memories_.push_back(block.cross->remember(memory, lengths));
    }
    const seq2seq* model_;
    std::vector<nn::kv_cache<T>> memories_;
  };

  // Throws value_error when a size is missing or does not fit.
  explicit seq2seq(const seq2seq_config& c)
      : embedding({.vocabulary = c.source, .features = c.in}),
        source_places({.features = c.in, .context = c.context}),
        target_places({.features = c.in, .context = c.context}),
        encoder_norm(c.norm, c.in, c.epsilon),
        decoder_norm(c.norm, c.in, c.epsilon),
        config_(c) {
    const std::int64_t decoder_layers = c.decoder_layers > 0 ? c.decoder_layers : c.layers;
    if (c.layers < 1 || c.decoder_layers < 0 || c.target < 0)
      throw value_error("seq2seq", {"expected .layers of 1 or more, and .decoder_layers and .target of 0 or more, got ",
                                    c.layers, ", ", c.decoder_layers, " and ", c.target});
    if (c.target > 0) target_embedding.emplace(nn::embedding_config{.vocabulary = c.target, .features = c.in});
    if (!c.tied) head.emplace(nn::dense_config{.in = c.in, .out = target_rows().weight.dim(0)});
    nn::transformer_config block{.in = c.in,
                                 .heads = c.heads,
                                 .hidden = c.hidden,
                                 .feed_forward = c.feed_forward,
                                 .norm = c.norm,
                                 .pre_norm = c.pre_norm,
                                 .dropout = c.dropout,
                                 .hidden_dropout = c.dropout,
                                 .attention_dropout = c.attention_dropout,
                                 .epsilon = c.epsilon};
    for (std::int64_t i = 0; i < c.layers; ++i) encoder.emplace_back(block);
    block.causal = block.cross = true;
    for (std::int64_t i = 0; i < decoder_layers; ++i) decoder.emplace_back(block);
    first_values();
  }

  // `lengths` (N,): tokens of each source, those behind are padding; all, if empty. One of both on a tape is enough for
  // the gradients of all weights. Throws shape_error for other shapes.
  template <class Source, class Target>
  auto operator()(const Source& source, const Target& target, const tensor<std::int64_t>& lengths = {}) const {
    return decode(target, encode(inlay::detail::beside(target, source), lengths), lengths);
  }
  // What the encoder makes of sources: (N, S, in).
  auto encode(const auto& source, const tensor<std::int64_t>& lengths = {}) const {
    check(source.shape());
    auto x = dropped(source_places(scaled(embedding(source))));
    for (const nn::transformer_block<T>& block : encoder) x = block(x, {.lengths = lengths});
    return encoder_norm(x);
  }
  auto decode(const auto& target, const auto& memory, const tensor<std::int64_t>& lengths = {}) const {
    check(target.shape());
    auto x = dropped(target_places(scaled(target_rows()(inlay::detail::beside(memory, target)))));
    for (const nn::transformer_block<T>& block : decoder) x = block(x, memory, {}, {.lengths = lengths});
    return scores(decoder_norm(x));
  }
  reader read(const tensor<std::int64_t>& source, const tensor<std::int64_t>& lengths = {}) const {
    return reader(*this, encode(source, lengths), lengths);
  }

  const seq2seq_config& config() const noexcept { return config_; }
  static void members(auto& self, auto&& visit) {
    visit("embedding", self.embedding);
    visit("target_embedding", self.target_embedding);
    visit("source_places", self.source_places);
    visit("target_places", self.target_places);
    visit("encoder", self.encoder);
    visit("encoder_norm", self.encoder_norm);
    visit("decoder", self.decoder);
    visit("decoder_norm", self.decoder_norm);
    visit("head", self.head);
  }

  // Those of PyTorch's tutorial on translation, which has nn.Transformer as `transformer`.
  INLAY_COLD std::vector<torch_name> torch_names(const std::string& body = "transformer.") const {
    std::vector<torch_name> names{{"src_tok_emb.embedding", "embedding"},
                                  {body + "encoder.norm", "encoder_norm"},
                                  {body + "decoder.norm", "decoder_norm"},
                                  {"positional_encoding.pos_embedding", "", torch_form::unused}};
    names.push_back({"tgt_tok_emb.embedding", target_embedding ? "target_embedding" : "embedding",
                     target_embedding ? torch_form::same : torch_form::also});
    names.push_back({"generator" + std::string(head ? "" : ".weight"),
                     head               ? "head"
                     : target_embedding ? "target_embedding.weight"
                                        : "embedding.weight",
                     head ? torch_form::same : torch_form::also});
    const auto add = [&](const std::string& side, std::size_t count) {
      for (std::size_t i = 0; i < count; ++i) {
        const std::string torch = body + side + ".layers." + std::to_string(i) + ".",
                          ours = side + "." + std::to_string(i) + ".";
        detail::add_attention_names(names, torch + "self_attn", ours + "attention");
        names.push_back({torch + "linear1", ours + "feed_forward.up"});
        names.push_back({torch + "linear2", ours + "feed_forward.down"});
        names.push_back({torch + "norm1", ours + "norm1"});
        names.push_back({torch + (side == "decoder" ? "norm3" : "norm2"), ours + "norm2"});
        if (side == "encoder") continue;
        detail::add_attention_names(names, torch + "multihead_attn", ours + "cross");
        names.push_back({torch + "norm2", ours + "norm_cross"});
      }
    };
    add("encoder", encoder.size()), add("decoder", decoder.size());
    return names;
  }

  nn::embedding<T> embedding;
  std::optional<nn::embedding<T>> target_embedding;
  nn::position_embedding<T> source_places, target_places;
  std::vector<nn::transformer_block<T>> encoder, decoder;
  nn::block_norm<T> encoder_norm, decoder_norm;
  std::optional<nn::dense<T>> head;

 private:
  const nn::embedding<T>& target_rows() const { return target_embedding ? *target_embedding : embedding; }
  auto scaled(auto x) const {
    if (config_.scaled) x = std::move(x) * static_cast<T>(__builtin_sqrt(static_cast<double>(config_.in)));
    return x;
  }
  auto dropped(auto x) const {
    if (config_.dropout > 0) x = dropout(x, config_.dropout);
    return x;
  }
  auto scores(const auto& x) const { return head ? (*head)(x) : linear(x, target_rows().weight); }
  static void check(const shape& tokens) {
    if (tokens.rank() != 2) [[unlikely]]
      throw shape_error("seq2seq", {"expected tokens (N, T), got ", tokens});
  }

  // As PyTorch's nn.Transformer draws them; embeddings of about 1 when scaled.
  void first_values() {
    const auto draw = [](nn::multi_head_attention<T>& a) {
      detail::redraw_joined(a);
      detail::redraw(a.out.weight, init::xavier_uniform());
    };
    for (auto* side : {&encoder, &decoder})
      for (nn::transformer_block<T>& b : *side) {
        draw(b.attention);
        if (b.cross) draw(*b.cross);
        for (parameter<T>* w : {&b.feed_forward.up.weight, &b.feed_forward.down.weight, &b.feed_forward.gate_weight})
          detail::redraw(*w, init::xavier_uniform());
      }
    const double stddev = config_.scaled ? 1 / __builtin_sqrt(static_cast<double>(config_.in)) : 0.02;
    detail::redraw(embedding.weight, init::normal(0, stddev));
    if (target_embedding) detail::redraw(target_embedding->weight, init::normal(0, stddev));
    for (nn::position_embedding<T>* p : {&source_places, &target_places})
      detail::redraw(p->weight, init::normal(0, 0.02));
  }

  seq2seq_config config_;
};

}  // namespace inlay::inline v0_1::models
