// attention: softmax(scale q k^T + bias) v for each head, without ever holding a whole row of scores.
//   q (N, T, heads size), k (N, S, kv_heads size), v (N, S, kv_heads features): heads lie side by side, as dense layers
//   leave them; each key head serves heads / kv_heads query heads. bias is added to scores: (T, S), (N, T, S) or
//   (N, heads, T, S), where an extent of 1 stands for all, or none; it has no gradient. lengths (N,) int64: keys of
//   each row; starts (N,) int64: where among its keys the first query stands, else S - T; or none
//   -> (N, T, heads features)
// A key with bias -inf is not seen; a query that sees no key gives 0. Dropout takes weights after the softmax, by the
// tape's random stream: word k % 4 of its block ((n heads + h) T + t) ceil(S / 4) + k / 4 decides on a key k, so that
// the gradient draws the same words again.
// Vaswani and others, Attention Is All You Need, 2017; Dao and others, FlashAttention, 2022; Ainslie and others, GQA,
// 2023 (key heads that are shared); Press and others, Train Short, Test Long, 2022 (ALiBi).
#pragma once

#include <limits>
#include <optional>

#include "../autograd/apply.hpp"
#include "../core/random.hpp"
#include "../kernels/attention.hpp"
#include "gemm.hpp"

namespace inlay::inline v0_1 {

struct attention_options {
  std::int64_t heads = 1;
  std::int64_t kv_heads = 0;  // 0: as many
  bool causal = false;        // a query sees no keys behind its own place
  std::int64_t window = 0;    // keys that a query sees, up to and with the one at its own place; 0: all
  double scale = 0;           // 0: 1 / sqrt(size)
  bool alibi = false;         // a key counts less the farther it is before the query, in each head at its own rate
  double dropout = 0;         // while training, a weight is 0 with this probability, else divided by 1 - dropout
};

struct attention_op {
  static constexpr const char* name = "attention";
  attention_options options = {};

  static void attributes(auto& self, auto&& visit) {
    visit("heads", self.options.heads);
    visit("kv_heads", self.options.kv_heads);
    visit("causal", self.options.causal);
    visit("window", self.options.window);
    visit("scale", self.options.scale);
    visit("alibi", self.options.alibi);
    visit("dropout", self.options.dropout);
  }
  static std::int64_t multiply_adds(std::span<const shape> operands, const shape& y) {
    const std::int64_t keys = operands[1][1], heads_size = operands[0][2];
    return y[0] * y[1] * keys * (heads_size + y[2]);
  }

  template <class T> using in = const tensor<T>&;

  template <floating T>
  tensor<T> forward(in<T> q, in<T> k, in<T> v, in<T> bias, in<std::int64_t> lengths, in<std::int64_t> starts) const {
    return run(q, k, v, bias, lengths, starts, {}).result;
  }

  // Where dropout takes its words from; or it takes none.
  using stream = std::optional<random::generator>;

  // What backward needs: the output, and of each row of scores the logarithm of the sum of its exponentials
  // (N, heads, T).
  template <class T> struct kept {
    tensor<T> q, k, v, bias, y, log_sums;
    tensor<std::int64_t> lengths, starts;
    stream drawn;
  };

  template <floating T>
  recorded<T, kept<T>> record(detail::tape_state* tape, in<T> q, in<T> k, in<T> v, in<T> bias, in<std::int64_t> lengths,
                              in<std::int64_t> starts) const {
    stream drawn;
    if (options.dropout > 0) {
      if (tape == nullptr) [[unlikely]]
        throw state_error(name, {"expected a variable of a tape, which holds the random stream, for .dropout; use "
                                 "tape.input(x) or tape.leaf(x)"});
      if (tape->mode == autograd::mode::train) drawn = tape->random;
    }
    auto both = run(q, k, v, bias, lengths, starts, drawn);
    if (drawn)
      tape->random.skip(static_cast<std::uint64_t>(q.dim(0) * options.heads * q.dim(1) * word_blocks(k.dim(1))));
    return both;
  }

  template <class T>
  void backward(in<T> dy, const kept<T>& s, const gradient<T>& dq, const gradient<T>& dk, const gradient<T>& dv,
                const gradient<T>&, const gradient<std::int64_t>&, const gradient<std::int64_t>&) const {
    const problem<T> p(*this, s.q, s.k, s.v, s.bias, s.lengths, s.starts, s.drawn);
    tensor<T> of_q(s.q.shape()), of_k(s.k.shape()), of_v(s.v.shape());
    const tensor<T> key_panels = p.packed(s.k.data(), p.size), value_panels = p.packed(s.v.data(), p.features);
    const typename problem<T>::gradients to{detail::writable(of_q), detail::writable(of_k), detail::writable(of_v)};
    // A key head's gradients come from all of its queries: one thread adds them up, in order.
    parallel_for(p.batch * p.kv_heads, 1, [&](std::int64_t first, std::int64_t last) {
      room<T> scratch(p.width, s.drawn.has_value());
      for (std::int64_t i = first; i < last; ++i)
        p.backward(i / p.kv_heads, i % p.kv_heads, dy.data(), s.y.data(), s.log_sums.data(), key_panels.data(),
                   value_panels.data(), scratch, to);
    });
    if (dq.wanted()) dq.add(std::move(of_q));
    if (dk.wanted()) dk.add(std::move(of_k));
    if (dv.wanted()) dv.add(std::move(of_v));
  }

 private:
  static constexpr std::int64_t query_block = 64, key_block = 256;  // a block of scores, 64 KiB, stays in L2

  // Tasks of so many multiply-adds that a thread of its own pays for.
  static std::int64_t grain(std::int64_t work) {
    return std::max<std::int64_t>(1, (1 << 19) / std::max<std::int64_t>(work, 1));
  }

  static std::int64_t word_blocks(std::int64_t keys) { return (keys + 3) / 4; }

  template <class T>
  recorded<T, kept<T>> run(in<T> q, in<T> k, in<T> v, in<T> bias, in<std::int64_t> lengths, in<std::int64_t> starts,
                           const stream& drawn) const {
    check(q.shape(), k.shape(), v.shape(), bias.shape(), lengths, starts);
    const problem<T> p(*this, q, k, v, bias, lengths, starts, drawn);
    kept<T> out{q,
                k,
                v,
                bias,
                tensor<T>::empty({p.batch, p.queries, p.heads * p.features}),
                tensor<T>::empty({p.batch, p.heads, p.queries}),
                lengths,
                starts,
                drawn};
    T *const y = detail::writable(out.y), *const log_sums = detail::writable(out.log_sums);
    if (p.queries == 1 && !drawn) {
      parallel_for(p.batch * p.heads, grain(p.keys * (p.size + p.features)),
                   [&](std::int64_t first, std::int64_t last) {
                     for (std::int64_t i = first; i < last; ++i)
                       p.query(i / p.heads, i % p.heads, y + i * p.features, log_sums + i);
                   });
    } else {
      const std::int64_t blocks = (p.queries + query_block - 1) / query_block;
      const tensor<T> panels = p.packed(k.data(), p.size);
      parallel_for(p.batch * p.heads * blocks, grain(std::min(p.queries, query_block) * p.keys * (p.size + p.features)),
                   [&](std::int64_t first, std::int64_t last) {
                     const room<T> scratch(p.width, drawn.has_value());
                     for (std::int64_t i = first; i < last; ++i) {
                       const std::int64_t n = i / (p.heads * blocks), h = i / blocks % p.heads,
                                          from = i % blocks * query_block;
                       p.forward(n, h, from, std::min(query_block, p.queries - from), panels.data(), scratch,
                                 y + p.y_at(n, h, from), log_sums + (n * p.heads + h) * p.queries + from);
                     }
                   });
    }
    const tensor<T> result = out.y;
    return {result, std::move(out)};
  }

  // What a thread works in: two blocks of scores, numbers of each row, where weights drop out a block of factors, and
  // what products need.
  template <class T> struct room {
    tensor<T> memory;
    T *scores, *gradients, *top, *sum, *factors, *product;
    room(std::int64_t width, bool drops)
        : memory(
              tensor<T>::empty({query_block * (2 * (width + 1) + (drops ? width : 0)) + kernels::gemm_scratch<T>()})),
          scores(detail::writable(memory)),
          gradients(scores + query_block * width),
          top(gradients + query_block * width),
          sum(top + query_block),
          factors(sum + query_block),
          product(factors + (drops ? query_block * width : 0)) {}
  };

  template <class T> struct problem {
    const attention_op& op;
    in<T> q, k, v, bias;
    in<std::int64_t> lengths, starts;
    const stream& drawn;
    std::int64_t batch, queries, keys, heads, kv_heads, size, features;
    isa level;
    std::int64_t columns, width;  // of a panel, and of a block of scores
    T scale;

    problem(const attention_op& of, in<T> of_q, in<T> of_k, in<T> of_v, in<T> added, in<std::int64_t> of_rows,
            in<std::int64_t> places, const stream& of_dropout)
        : op(of),
          q(of_q),
          k(of_k),
          v(of_v),
          bias(added),
          lengths(of_rows),
          starts(places),
          drawn(of_dropout),
          batch(q.dim(0)),
          queries(q.dim(1)),
          keys(k.dim(1)),
          heads(of.options.heads),
          kv_heads(of.key_heads()),
          size(q.dim(2) / heads),
          features(v.dim(2) / kv_heads),
          level(active_isa()),
          columns(kernels::gemm_panel_columns<T>(level)),
          width(std::min((keys + columns - 1) / columns, std::max<std::int64_t>(1, key_block / columns)) * columns),
          scale(static_cast<T>(of.options.scale != 0 ? of.options.scale
                                                     : 1 / __builtin_sqrt(static_cast<double>(size)))) {}

    std::int64_t y_at(std::int64_t n, std::int64_t h, std::int64_t t) const {
      return ((n * queries + t) * heads + h) * features;
    }
    const T* query_at(std::int64_t n, std::int64_t h, std::int64_t t) const {
      return q.data() + ((n * queries + t) * heads + h) * size;
    }
    std::int64_t kv_at(std::int64_t n, std::int64_t head, std::int64_t j, std::int64_t each) const {
      return ((n * keys + j) * kv_heads + head) * each;
    }
    std::int64_t panel_count() const { return (keys + columns - 1) / columns; }

    // The transposes of all keys (or values), head after head, in panels.
    tensor<T> packed(const T* from, std::int64_t each) const {
      const std::int64_t room_of_head = panel_count() * columns * each;
      tensor<T> out = tensor<T>::empty({batch * kv_heads * room_of_head});
      if (out.size() == 0) return out;
      T* const to = detail::writable(out);
      parallel_for(batch * kv_heads, std::max<std::int64_t>(1, (1 << 16) / std::max<std::int64_t>(room_of_head, 1)),
                   [&](std::int64_t first, std::int64_t last) {
                     for (std::int64_t i = first; i < last; ++i)
                       kernels::gemm_pack_b<T>({from + kv_at(i / kv_heads, i % kv_heads, 0, each), 1, kv_heads * each},
                                               columns, each, keys, 0, panel_count(), to + i * room_of_head);
                   });
      return out;
    }

    // What queries [first, first + rows) of a head see of the keys from `from` on.
    kernels::attention_block<T> block(std::int64_t n, std::int64_t h, std::int64_t first, std::int64_t rows,
                                      std::int64_t from) const {
      const std::int64_t there = lengths.size() > 0 ? lengths.data()[n] : keys,
                         start = starts.size() > 0 ? starts.data()[n] : keys - queries;
      return {rows,
              width,
              std::clamp<std::int64_t>(there - from, 0, std::min(width, keys - from)),
              start + first - from,
              op.options.window > 0 ? op.options.window : std::numeric_limits<std::int64_t>::max() / 2,
              op.options.causal,
              scale,
              op.options.alibi ? static_cast<T>(slope_of(h, heads)) : T{0},
              bias_at(n, h, first, from),
              bias.size() > 0 && bias.dim(-2) > 1 ? bias.dim(-1) : 0};
    }
    const T* bias_at(std::int64_t n, std::int64_t h, std::int64_t t, std::int64_t j) const {
      if (bias.size() == 0) return nullptr;
      const int rank = bias.rank();
      const auto place = [&](int axis, std::int64_t at) { return bias.dim(axis) > 1 ? at : 0; };
      const std::int64_t head = rank == 4 ? place(1, h) : 0, of_heads = rank == 4 ? bias.dim(1) : 1,
                         row = rank > 2 ? place(0, n) : 0;
      return bias.data() + ((row * of_heads + head) * bias.dim(-2) + place(rank - 2, t)) * bias.dim(-1) + j;
    }

    // f(block, first key) for each block of keys that the queries see something of.
    template <class F>
    void each_block(std::int64_t n, std::int64_t h, std::int64_t first, std::int64_t rows, const F& f) const {
      for (std::int64_t from = 0; from < keys; from += width) {
        const kernels::attention_block<T> b = block(n, h, first, rows, from);
        if (b.low(0) < b.high(rows - 1)) f(b, from);
      }
    }

    // What dropout makes of the weights of a block: 0, or 1 / (1 - p). `from` and `width` are whole blocks of words.
    void draw_factors(const kernels::attention_block<T>& b, std::int64_t n, std::int64_t h, std::int64_t first,
                      std::int64_t from, T* to) const {
      const double p = op.options.dropout;
      const auto threshold = static_cast<std::uint64_t>(p * 0x1p32);  // a word below it drops
      const T stays = static_cast<T>(p < 1 ? 1 / (1 - p) : 0);
      for (std::int64_t t = 0; t < b.rows; ++t) {
        const std::int64_t of_row = ((n * heads + h) * queries + first + t) * word_blocks(keys) + from / 4;
        for (std::int64_t i = b.low(t) / 4; i < word_blocks(b.high(t)); ++i) {
          const random::words w = drawn->at(drawn->position() + static_cast<std::uint64_t>(of_row + i));
          for (std::size_t lane = 0; lane < 4; ++lane)
            to[t * width + 4 * i + static_cast<std::int64_t>(lane)] = w[lane] < threshold ? T{0} : stays;
        }
      }
    }
    void multiply(const kernels::attention_block<T>& b, const T* factors, T* values) const {
      for (std::int64_t t = 0; t < b.rows; ++t)
        for (std::int64_t i = t * width + b.low(t); i < t * width + b.high(t); ++i) values[i] *= factors[i];
    }

    // C (m, n) += A B, of products that are small enough for one thread.
    void product(std::int64_t m, std::int64_t n, std::int64_t depth, const kernels::strided<T>& a,
                 const kernels::strided<T>& b, const T* panels, T* c, std::int64_t c_row, bool add, T* scratch) const {
      kernels::gemm_range<T>(level, {m, n, depth, a, b, panels, c, c_row, add, nullptr, false}, 0, m, 0,
                             kernels::gemm_panels<T>(level, n), scratch);
    }

    // Scores, or the gradients of probabilities, of a block: rows times the keys that any of them sees.
    void times_keys(const kernels::attention_block<T>& b, const T* rows, std::int64_t row, std::int64_t each,
                    const T* panels, std::int64_t head, std::int64_t from, T* to, T* scratch) const {
      const T* const first = panels + (head * panel_count() + from / columns) * columns * each;
      product(b.rows, b.high(b.rows - 1), each, {rows, row, 1}, {}, first, to, width, false, scratch);
    }

    void forward(std::int64_t n, std::int64_t h, std::int64_t first, std::int64_t rows, const T* panels,
                 const room<T>& r, T* y, T* log_sums) const {
      const std::int64_t head = h / (heads / kv_heads), row = heads * features;
      std::fill_n(r.top, rows, -std::numeric_limits<T>::infinity());
      std::fill_n(r.sum, rows, T{0});
      for (std::int64_t t = 0; t < rows; ++t) std::fill_n(y + t * row, features, T{0});
      each_block(n, h, first, rows, [&](const kernels::attention_block<T>& b, std::int64_t from) {
        times_keys(b, query_at(n, h, first), heads * size, size, panels, n * kv_heads + head, from, r.scores,
                   r.product);
        const kernels::attention_scores<T> step{b, r.scores, r.top, r.sum, y, row, features};
        dispatch<kernels::attention_scores<T>>(level, &step);
        if (drawn) {
          draw_factors(b, n, h, first, from, r.factors);
          multiply(b, r.factors, r.scores);
        }
        product(rows, features, b.high(rows - 1), {r.scores, width, 1},
                {v.data() + kv_at(n, head, from, features), kv_heads * features, 1}, nullptr, y, row, true, r.product);
      });
      const kernels::attention_finish<T> last{rows, features, y, r.top, r.sum, row};
      dispatch<kernels::attention_finish<T>>(level, &last);
      std::copy_n(r.top, rows, log_sums);
    }

    // The only query of a row.
    void query(std::int64_t n, std::int64_t h, T* y, T* log_sum) const {
      const std::int64_t head = h / (heads / kv_heads);
      kernels::attention_block<T> b = block(n, h, 0, 1, 0);
      b.keys = lengths.size() > 0 ? std::clamp<std::int64_t>(lengths.data()[n], 0, keys) : keys;
      tensor<T> scores = tensor<T>::empty({b.keys + 64});
      const kernels::attention_query<T> step{b,
                                             query_at(n, h, 0),
                                             k.data() + kv_at(n, head, 0, size),
                                             v.data() + kv_at(n, head, 0, features),
                                             kv_heads * size,
                                             kv_heads * features,
                                             size,
                                             features,
                                             detail::writable(scores),
                                             y,
                                             log_sum};
      dispatch<kernels::attention_query<T>>(level, &step);
    }

    struct gradients {
      T *q, *k, *v;
    };
    void backward(std::int64_t n, std::int64_t head, const T* dy, const T* y, const T* log_sums, const T* key_panels,
                  const T* value_panels, const room<T>& r, const gradients& to) const {
      const std::int64_t group = heads / kv_heads, of_head = n * kv_heads + head, q_row = heads * size,
                         y_row = heads * features, k_row = kv_heads * size, v_row = kv_heads * features;
      T* const scratch = r.product;
      for (std::int64_t h = head * group; h < (head + 1) * group; ++h)
        for (std::int64_t first = 0; first < queries; first += query_block) {
          const std::int64_t rows = std::min(query_block, queries - first);
          const T *const of_y = dy + y_at(n, h, first), *const made = y + y_at(n, h, first);
          for (std::int64_t t = 0; t < rows; ++t) {
            T sum = 0;
            for (std::int64_t i = 0; i < features; ++i) sum += of_y[t * y_row + i] * made[t * y_row + i];
            r.sum[t] = sum;
          }
          each_block(n, h, first, rows, [&](const kernels::attention_block<T>& b, std::int64_t from) {
            const std::int64_t seen = b.high(rows - 1);
            times_keys(b, query_at(n, h, first), q_row, size, key_panels, of_head, from, r.scores, scratch);
            times_keys(b, of_y, y_row, features, value_panels, of_head, from, r.gradients, scratch);
            if (drawn) {
              draw_factors(b, n, h, first, from, r.factors);
              multiply(b, r.factors, r.gradients);
            }
            const kernels::attention_gradient<T> step{b, r.scores, r.gradients,
                                                      log_sums + (n * heads + h) * queries + first, r.sum};
            dispatch<kernels::attention_gradient<T>>(level, &step);
            if (drawn) multiply(b, r.factors, r.scores);
            product(seen, features, rows, {r.scores, 1, width}, {of_y, y_row, 1}, nullptr,
                    to.v + kv_at(n, head, from, features), v_row, true, scratch);
            product(seen, size, rows, {r.gradients, 1, width}, {query_at(n, h, first), q_row, 1}, nullptr,
                    to.k + kv_at(n, head, from, size), k_row, true, scratch);
            product(rows, size, seen, {r.gradients, width, 1}, {k.data() + kv_at(n, head, from, size), k_row, 1},
                    nullptr, to.q + ((n * queries + first) * heads + h) * size, q_row, true, scratch);
          });
        }
    }
  };

  std::int64_t key_heads() const { return options.kv_heads > 0 ? options.kv_heads : options.heads; }

  // 2^(-8 i / heads) for a power of two; else those of the power below, and then every second of the one above.
  static double slope_of(std::int64_t i, std::int64_t heads) {
    std::int64_t power = 1;
    while (2 * power <= heads) power *= 2;
    const double exponent = i < power ? static_cast<double>(i + 1) / static_cast<double>(power)
                                      : static_cast<double>(2 * (i - power) + 1) / static_cast<double>(2 * power);
    return __builtin_exp2(-8 * exponent);
  }

  INLAY_OUTLINE void check(const shape& q, const shape& k, const shape& v, const shape& bias,
                           const tensor<std::int64_t>& lengths, const tensor<std::int64_t>& starts) const {
    const std::int64_t heads = options.heads, kv_heads = key_heads();
    if (heads < 1 || kv_heads < 1 || heads % kv_heads != 0 || options.window < 0) [[unlikely]]
      throw value_error(name, {"expected .heads that .kv_heads divide, and a .window of 0 or more, got ", heads, ", ",
                               kv_heads, " and ", options.window});
    if (!(options.dropout >= 0 && options.dropout <= 1)) [[unlikely]]
      throw value_error(name, {"expected .dropout from 0 to 1, got ", options.dropout});
    if (q.rank() != 3 || q[2] < heads || q[2] % heads != 0) [[unlikely]]
      throw shape_error(name, {"expected queries (N, T, ", heads, " size), got ", q});
    const std::int64_t size = q[2] / heads;
    if (k.rank() != 3 || k[0] != q[0] || k[2] != kv_heads * size) [[unlikely]]
      throw shape_error(name, {"expected keys (", q[0], ", S, ", kv_heads * size, "), got ", k});
    if (v.rank() != 3 || v[0] != k[0] || v[1] != k[1] || v[2] < kv_heads || v[2] % kv_heads != 0) [[unlikely]]
      throw shape_error(name, {"expected values (", k[0], ", ", k[1], ", ", kv_heads, " features), got ", v});
    if (bias.size() > 0 || bias.rank() > 1) {
      const std::int64_t full[] = {q[0], heads, q[1], k[1]};
      bool fits = bias.rank() >= 2 && bias.rank() <= 4 && bias[bias.rank() - 1] == k[1];
      for (int axis = 0; fits && axis < bias.rank() - 1; ++axis) {
        const std::int64_t whole = bias.rank() == 3 && axis == 0 ? q[0] : full[4 - bias.rank() + axis];
        fits = bias[axis] == whole || bias[axis] == 1;
      }
      if (!fits) [[unlikely]]
        throw shape_error(
            name, {"expected a bias (", q[1], ", ", k[1], "), with (N, …) or (N, heads, …) before, got ", bias});
    }
    for (const tensor<std::int64_t>* each : {&lengths, &starts})
      if (each->size() > 0 && !(each->shape() == shape{q[0]})) [[unlikely]]
        throw shape_error(name, {"expected lengths and starts (", q[0], ",) or none, got ", lengths.shape(), " and ",
                                 starts.shape()});
  }
};

// What stands for a mask of the keys that are seen, as in PyTorch's scaled_dot_product_attention: 0 where it is true,
// -inf where it is false.
template <floating T> tensor<T> attention_bias(const tensor<bool>& seen) {
  tensor<T> out = tensor<T>::empty(seen.shape());
  const bool* from = seen.data();
  out.write([&](std::span<T> to) {
    for (std::size_t i = 0; i < to.size(); ++i) to[i] = from[i] ? T{0} : -std::numeric_limits<T>::infinity();
  });
  return out;
}

// See above; what is absent is an empty tensor. Throws shape_error or value_error when sizes do not fit.
template <operand Q, operand K, operand V>
auto attention(Q&& q, K&& k, V&& v, const attention_options& options = {},
               const tensor<detail::element_of<Q>>& bias = {}, const tensor<std::int64_t>& lengths = {},
               const tensor<std::int64_t>& starts = {}) {
  return apply(attention_op{options}, std::forward<Q>(q), std::forward<K>(k), std::forward<V>(v), bias, lengths,
               starts);
}

}  // namespace inlay::inline v0_1
