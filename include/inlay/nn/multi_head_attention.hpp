// Multi-head attention: queries, keys and values by dense layers, attention in each head, a dense layer over all.
//   x (N, T, in) -> y (N, T, in); with another sequence, memory (N, S, memory): keys and values are made from it
// Vaswani and others, Attention Is All You Need, 2017. See ops/attention.hpp for what heads may share or not see.
#pragma once

#include <optional>

#include "../ops/attention.hpp"
#include "../ops/rotary.hpp"
#include "../ops/slice.hpp"
#include "dense.hpp"
#include "kv_cache.hpp"

namespace inlay::inline v0_1::nn {

struct multi_head_attention_config {
  std::int64_t in = 0;        // features of the input; required
  std::int64_t heads = 0;     // required
  std::int64_t kv_heads = 0;  // heads of keys and values, which heads / kv_heads query heads share; 0: as many
  std::int64_t size = 0;      // features of a head; 0: in / heads
  std::int64_t memory = 0;    // features of what is attended to; 0: in
  bool bias = true;           // of queries, keys and values
  bool out_bias = true;       // of the last layer
  bool causal = false;        // a position sees none behind it
  std::int64_t window = 0;    // positions that one sees, its own included; 0: all
  bool alibi = false;         // far positions count less, in each head at its own rate
  std::optional<rotary_options> rotary = {};  // queries and keys turn by their position; .heads is filled in
  double attention_dropout = 0;               // of the weights of attention, while training
};

// What is not to be seen: a bias that is added to scores (see ops/attention.hpp), and how many keys each row has (N,).
template <floating T> struct attention_masks {
  tensor<T> bias = {};
  tensor<std::int64_t> lengths = {};
};

template <floating T = float> class multi_head_attention {
 public:
  // Throws value_error when a size is missing, or heads do not fit each other.
  explicit multi_head_attention(const multi_head_attention_config& c)
      : query({.in = checked(c).in, .out = c.heads * size_of(c), .bias = c.bias}),
        key({.in = memory_of(c), .out = kv_heads_of(c) * size_of(c), .bias = c.bias}),
        value({.in = memory_of(c), .out = kv_heads_of(c) * size_of(c), .bias = c.bias}),
        out({.in = c.heads * size_of(c), .out = c.in, .bias = c.out_bias}),
        config_(c) {}

  // Of a sequence to itself, or to another, whose positions have no place before or behind x's.
  template <class X> auto operator()(const X& x, const attention_masks<T>& masks = {}) const {
    return out(attention(turned(query(x), config_.heads), turned(key(x), kv_heads()), value(x), options(true),
                         masks.bias, masks.lengths));
  }
  template <class X, class M>
  requires(operand<M>) auto operator()(const X& x, const M& memory, const attention_masks<T>& masks = {}) const {
    const auto& other = inlay::detail::beside(x, memory);
    return out(attention(query(inlay::detail::beside(memory, x)), key(other), value(other), options(false), masks.bias,
                         masks.lengths));
  }

  // The next T positions of a sequence that is causal, after those that the cache has seen: x (N, T, in) -> y of the
  // same shape. `added` (N,): how many of them each row has; all, if empty. Throws value_error for a cache with another
  // window than .window, where there is one, or with a window for .alibi.
  tensor<T> step(const tensor<T>& x, kv_cache<T>& cache, const tensor<std::int64_t>& added = {}) const {
    const std::int64_t window = cache.window();
    if (window > 0 && (config_.alibi || (config_.window > 0 && config_.window != window))) [[unlikely]]
      throw value_error("multi_head_attention", {"expected a cache ", config_.alibi ? "without a window for .alibi"
                                                                                    : "with the window of the layer"});
    if (cache.empty()) cache.start(x.dim(0));
    const tensor<std::int64_t> starts = cache.lengths();
    const bool is_first = std::all_of(starts.values().begin(), starts.values().end(), [](auto at) { return at == 0; });
    if (window > 0 && x.dim(1) > 1 && !is_first) return one_by_one(x, cache, added);
    const tensor<T> q = turned(query(x), config_.heads, starts), k = turned(key(x), kv_heads(), starts), v = value(x);
    cache.append(k, v, added);
    attention_options o = options(true);
    o.causal = true;
    if (window == 0) return out(attention(q, cache.keys(), cache.values(), o, {}, {}, starts));
    o.window = window;
    if (x.dim(1) > 1) return out(attention(q, k, v, o));
    o.causal = false, o.window = 0;  // a ring has what the query sees, and in no order
    return out(attention(q, cache.keys(), cache.values(), o, {}, cache.kept()));
  }

  // Keys and values of another sequence (N, S, memory), to attend to in many calls; `lengths` (N,): how many of them
  // each row has; all, if empty.
  kv_cache<T> remember(const tensor<T>& memory, const tensor<std::int64_t>& lengths = {}) const {
    kv_cache<T> remembered({.room = memory.dim(1)});
    remembered.append(key(memory), value(memory), lengths);
    return remembered;
  }
  tensor<T> recall(const tensor<T>& x, const kv_cache<T>& remembered) const {
    return out(attention(query(x), remembered.keys(), remembered.values(), options(false), {}, remembered.lengths()));
  }

  const multi_head_attention_config& config() const noexcept { return config_; }
  static void members(auto& self, auto&& visit) {
    visit("query", self.query);
    visit("key", self.key);
    visit("value", self.value);
    visit("out", self.out);
  }

  dense<T> query, key, value, out;

 private:
  static std::int64_t kv_heads_of(const multi_head_attention_config& c) {
    return c.kv_heads > 0 ? c.kv_heads : c.heads;
  }
  static std::int64_t size_of(const multi_head_attention_config& c) { return c.size > 0 ? c.size : c.in / c.heads; }
  static std::int64_t memory_of(const multi_head_attention_config& c) { return c.memory > 0 ? c.memory : c.in; }
  static const multi_head_attention_config& checked(const multi_head_attention_config& c) {
    if (c.in < 1 || c.heads < 1 || (c.size == 0 && c.in % c.heads != 0) || c.size < 0)
      throw value_error(
          "multi_head_attention",
          {"expected .in and .heads of 1 or more, and .heads that divide .in where there is no .size, got ", c.in,
           " and ", c.heads});
    if (c.kv_heads < 0 || c.heads % kv_heads_of(c) != 0)
      throw value_error("multi_head_attention",
                        {"expected .kv_heads that divide .heads, ", c.heads, ", got ", c.kv_heads});
    if (!(c.attention_dropout >= 0 && c.attention_dropout <= 1))
      throw value_error("multi_head_attention", {"expected .attention_dropout from 0 to 1, got ", c.attention_dropout});
    return c;
  }

  std::int64_t kv_heads() const { return kv_heads_of(config_); }
  attention_options options(bool to_itself) const {
    return {.heads = config_.heads,
            .kv_heads = config_.kv_heads,
            .causal = config_.causal && to_itself,
            .window = to_itself ? config_.window : 0,
            .alibi = config_.alibi && to_itself,
            .dropout = config_.attention_dropout};
  }
  template <class X> X turned(X x, std::int64_t heads, const tensor<std::int64_t>& starts = {}) const {
    if (!config_.rotary) return x;
    rotary_options o = *config_.rotary;
    o.heads = heads;
    return inlay::rotary(x, o, starts);
  }

  tensor<T> one_by_one(const tensor<T>& x, kv_cache<T>& cache, const tensor<std::int64_t>& added) const {
    detail::check_added(added, x.dim(0), x.dim(1));
    tensor<T> y = tensor<T>::empty(x.shape());
    T* const to = inlay::detail::writable(y);
    const std::int64_t steps = x.dim(1), features = x.dim(2);
    for (std::int64_t t = 0; t < steps; ++t) {
      tensor<std::int64_t> has = added;
      if (added.size() > 0)
        has.write([&](std::span<std::int64_t> of) {
          for (std::int64_t& count : of) count = t < count ? 1 : 0;
        });
      const tensor<T> part = step(slice(x, 1, t, t + 1), cache, has);
      for (std::int64_t n = 0; n < x.dim(0); ++n)
        std::copy_n(part.data() + n * features, features, to + (n * steps + t) * features);
    }
    return y;
  }

  multi_head_attention_config config_;
};

}  // namespace inlay::inline v0_1::nn
