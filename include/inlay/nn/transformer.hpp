// Blocks of transformers: attention and a feed-forward net, each with a shortcut past it and a normalisation, before
// them (pre-norm) or after the sum (post-norm).
//   x (N, T, in) -> y (N, T, in); a block with cross-attention also sees a memory (N, S, memory)
// Vaswani and others, Attention Is All You Need, 2017; pre-norm: Xiong and others, On Layer Normalization in the
// Transformer Architecture, 2020; SwiGLU: Shazeer, GLU Variants Improve Transformer, 2020.
#pragma once

#include <optional>

#include "../ops/arithmetic.hpp"
#include "../ops/dropout.hpp"
#include "../ops/functions.hpp"
#include "../ops/layer_norm.hpp"
#include "multi_head_attention.hpp"

namespace inlay::inline v0_1::nn {

enum class feed_forward_kind { relu, gelu, gelu_tanh, swiglu };
enum class norm_kind { layer, rms };

struct feed_forward_config {
  std::int64_t in = 0;      // features of the input and the output; required
  std::int64_t hidden = 0;  // features between; 0: 4 in, or of swiglu 8/3 in, a multiple of 8
  feed_forward_kind kind = feed_forward_kind::gelu;
  bool bias = true;
  double dropout = 0;  // of the features between, while training
};

// down(f(up(x))), or with swiglu down(silu(gate(x)) up(x)).
template <floating T = float> class feed_forward {
 public:
  // Throws value_error when a size is missing.
  explicit feed_forward(const feed_forward_config& c)
      : up({.in = c.in,
            .out = hidden_of(c),
            .bias = c.bias,
            .activation = c.kind == feed_forward_kind::relu ? activation::relu : activation::none}),
        down({.in = hidden_of(c), .out = c.in, .bias = c.bias}),
        kind_(c.kind),
        dropout_(c.dropout) {
    if (!(c.dropout >= 0 && c.dropout <= 1))
      throw value_error("feed_forward", {"expected .dropout from 0 to 1, got ", c.dropout});
    if (c.kind != feed_forward_kind::swiglu) return;
    const distribution rule = init::fan_in_uniform(c.in);
    gate_weight = parameter<T>(up.weight.shape(), rule);
    if (c.bias) gate_bias = parameter<T>(up.bias.shape(), rule);
  }

  auto operator()(const auto& x) const {
    auto y = up(x);
    if (kind_ == feed_forward_kind::swiglu) y = inlay::silu(linear(x, gate_weight, gate_bias)) * std::move(y);
    if (kind_ == feed_forward_kind::gelu) y = inlay::gelu(std::move(y));
    if (kind_ == feed_forward_kind::gelu_tanh) y = inlay::gelu_tanh(std::move(y));
    if (dropout_ > 0) y = inlay::dropout(y, dropout_);
    return down(std::move(y));
  }

  static void members(auto& self, auto&& visit) {
    visit("up", self.up);
    visit("gate_weight", self.gate_weight);
    visit("gate_bias", self.gate_bias);
    visit("down", self.down);
  }

  dense<T> up, down;
  parameter<T> gate_weight, gate_bias;  // of swiglu

 private:
  static std::int64_t hidden_of(const feed_forward_config& c) {
    if (c.hidden != 0) return c.hidden;
    return c.kind == feed_forward_kind::swiglu ? (8 * c.in / 3 + 7) / 8 * 8 : 4 * c.in;
  }
  feed_forward_kind kind_;
  double dropout_;
};

// Layer or RMS normalisation, as a config says.
template <floating T = float> class block_norm {
 public:
  block_norm(norm_kind kind, std::int64_t features, double epsilon, bool biased = true)
      : kind_(kind), epsilon_(epsilon) {
    weight = parameter<T>(shape{features}, distribution::constant(1));
    if (kind == norm_kind::layer && biased) bias = parameter<T>(shape{features}, distribution::constant(0));
  }
  auto operator()(const auto& x) const {
    if (kind_ == norm_kind::rms) return inlay::rms_norm(x, weight, {.epsilon = epsilon_});
    return inlay::layer_norm(x, weight, bias, {.epsilon = epsilon_});
  }
  static void members(auto& self, auto&& visit) {
    visit("weight", self.weight);
    visit("bias", self.bias);
  }

  parameter<T> weight, bias;

 private:
  norm_kind kind_;
  double epsilon_;
};

struct transformer_config {
  std::int64_t in = 0;        // features; required
  std::int64_t heads = 0;     // required
  std::int64_t kv_heads = 0;  // 0: as many
  std::int64_t size = 0;      // features of a head; 0: in / heads
  std::int64_t hidden = 0;    // of the feed-forward net; 0: see feed_forward_config
  feed_forward_kind feed_forward = feed_forward_kind::gelu;
  norm_kind norm = norm_kind::layer;
  bool pre_norm = true;
  bool bias = true;
  bool causal = false;      // a decoder's
  std::int64_t window = 0;  // positions that one sees; 0: all
  bool alibi = false;
  std::optional<rotary_options> rotary = {};
  bool cross = false;            // attends to a memory, too
  std::int64_t memory = 0;       // features of the memory; 0: in
  double dropout = 0;            // of what is added to the shortcuts, while training
  double hidden_dropout = 0;     // of the features within the feed-forward net, while training
  double attention_dropout = 0;  // of the weights of attention, while training
  double epsilon = 1e-5;         // of the normalisations
};

template <floating T = float> class transformer_block {
 public:
  // Throws value_error when a size is missing, or heads do not fit each other.
  explicit transformer_block(const transformer_config& c)
      : attention(multi_head_attention_config{.in = c.in,
                                              .heads = c.heads,
                                              .kv_heads = c.kv_heads,
                                              .size = c.size,
                                              .bias = c.bias,
                                              .out_bias = c.bias,
                                              .causal = c.causal,
                                              .window = c.window,
                                              .alibi = c.alibi,
                                              .rotary = c.rotary,
                                              .attention_dropout = c.attention_dropout}),
        feed_forward(
            {.in = c.in, .hidden = c.hidden, .kind = c.feed_forward, .bias = c.bias, .dropout = c.hidden_dropout}),
        norm1(c.norm, c.in, c.epsilon, c.bias),
        norm2(c.norm, c.in, c.epsilon, c.bias),
        pre_norm_(c.pre_norm),
        dropout_(c.dropout) {
    if (!(c.dropout >= 0 && c.dropout <= 1))
      throw value_error("transformer_block", {"expected .dropout from 0 to 1, got ", c.dropout});
    if (!c.cross) return;
    cross.emplace(multi_head_attention_config{.in = c.in,
                                              .heads = c.heads,
                                              .kv_heads = c.kv_heads,
                                              .size = c.size,
                                              .memory = c.memory,
                                              .bias = c.bias,
                                              .out_bias = c.bias,
                                              .attention_dropout = c.attention_dropout});
    norm_cross.emplace(c.norm, c.in, c.epsilon, c.bias);
  }

  template <class X> auto operator()(const X& x, const attention_masks<T>& masks = {}) const {
    check_cross(false);
    return feed(added(x, norm1, [&](const auto& y) { return attention(y, masks); }));
  }
  template <class X, class M>
  requires(operand<M>) auto operator()(const X& x, const M& memory, const attention_masks<T>& masks = {},
                                       const attention_masks<T>& memory_masks = {}) const {
    check_cross(true);
    const auto y = added(inlay::detail::beside(memory, x), norm1, [&](const auto& z) { return attention(z, masks); });
    return feed(added(y, *norm_cross, [&](const auto& z) { return (*cross)(z, memory, memory_masks); }));
  }

  // The next positions of a causal sequence; see multi_head_attention::step.
  tensor<T> step(const tensor<T>& x, kv_cache<T>& cache, const tensor<std::int64_t>& counts = {}) const {
    check_cross(false);
    return feed(added(x, norm1, [&](const auto& y) { return attention.step(y, cache, counts); }));
  }
  // The same, with what `cross->remember` made of a memory.
  tensor<T> step(const tensor<T>& x, kv_cache<T>& cache, const kv_cache<T>& remembered,
                 const tensor<std::int64_t>& counts = {}) const {
    check_cross(true);
    const tensor<T> y = added(x, norm1, [&](const auto& z) { return attention.step(z, cache, counts); });
    return feed(added(y, *norm_cross, [&](const auto& z) { return cross->recall(z, remembered); }));
  }

  static void members(auto& self, auto&& visit) {
    visit("norm1", self.norm1);
    visit("attention", self.attention);
    visit("norm_cross", self.norm_cross);
    visit("cross", self.cross);
    visit("norm2", self.norm2);
    visit("feed_forward", self.feed_forward);
  }

  multi_head_attention<T> attention;
  std::optional<multi_head_attention<T>> cross;
  nn::feed_forward<T> feed_forward;
  block_norm<T> norm1, norm2;
  std::optional<block_norm<T>> norm_cross;

 private:
  // x and what a part makes of it, normalised before or after.
  auto added(const auto& x, const block_norm<T>& norm, const auto& part) const {
    const auto dropped = [&](auto y) {
      if (dropout_ > 0) y = inlay::dropout(y, dropout_);
      return y;
    };
    if (pre_norm_) return x + dropped(part(norm(x)));
    return norm(x + dropped(part(x)));
  }
  auto feed(const auto& x) const {
    return added(x, norm2, [&](const auto& y) { return feed_forward(y); });
  }
  void check_cross(bool with_memory) const {
    if (cross.has_value() != with_memory) [[unlikely]]
      throw value_error("transformer_block", {with_memory ? "expected a block with .cross for a memory"
                                                          : "expected a memory for a block with .cross"});
  }

  bool pre_norm_;
  double dropout_;
};

}  // namespace inlay::inline v0_1::nn
