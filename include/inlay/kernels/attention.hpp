// What attention does to scores between its two products, a block of queries and keys at a time, so that no row of
// scores is ever whole (Dao and others, FlashAttention, 2022; the running softmax is of Milakov and Gimelshein, 2018).
// A block is `rows` queries by `width` keys, row after row, and `width` is a multiple of every register. With s the
// scaled scores and what is added to them, m the largest of a row so far and l the sum of exp(s - m):
//   scores -> exp(s - m) in place; m, l and the rows of sums of values are brought to the new m first
//   last of all: rows / l, and m + log l, from which the gradient makes the probabilities again
// Keys that a query does not see have score -inf and weight 0; a row that sees none gives zeros.
#pragma once

#include "softmax.hpp"

INLAY_PRECISE_BEGIN

namespace inlay::inline v0_1::kernels {

namespace detail {
template <class T> inline constexpr T lane_numbers[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
}

// Which keys of a block each of its queries sees, and what is added to their scores.
template <class T> struct attention_block {
  std::int64_t rows, width, keys;  // keys: of the block, that there are
  std::int64_t first_query;        // the first query's position among the keys, less the first key's
  std::int64_t window;             // keys that a query sees, its own position included
  bool causal;                     // keys behind a query's position are not seen
  T scale, slope;                  // slope (ALiBi): times key - query is added
  const T* bias;                   // (rows, keys), `bias_row` apart; null: nothing is added
  std::int64_t bias_row;

  std::int64_t low(std::int64_t row) const {
    const std::int64_t first = first_query + row - window + 1;
    return first < 0 ? 0 : first < keys ? first : keys;
  }
  std::int64_t high(std::int64_t row) const {
    const std::int64_t last = causal ? first_query + row + 1 : keys;
    return last < 0 ? 0 : last < keys ? last : keys;
  }

  // s of a register of row `row` at key `at`; -inf for keys that are not seen.
  template <class V>
  INLAY_INLINE V scaled(const V& raw, std::int64_t row, std::int64_t at, std::int64_t low, std::int64_t high) const {
    constexpr T hidden = -std::numeric_limits<T>::infinity();
    V s = raw * V(scale);
    if (slope != 0)
      s = multiply_add(V(slope), V::load(detail::lane_numbers<T>) + V(static_cast<T>(at - first_query - row)), s);
    if (bias != nullptr) s = s + V::load_up_to(bias + row * bias_row + at, high - at);
    if (at < low || at + V::size > high) {
      const V place = V::load(detail::lane_numbers<T>) + V(static_cast<T>(at));
      s = select(place < V(static_cast<T>(high)), select(place < V(static_cast<T>(low)), V(hidden), s), V(hidden));
    }
    return s;
  }
};

template <class T> struct attention_scores {
  attention_block<T> block;
  T *scores, *top, *sum;  // m and l of each row
  T* out;                 // sums of values (rows, features), `out_row` apart
  std::int64_t out_row, features;

  template <isa Level> INLAY_INLINE static void run(const attention_scores* a) noexcept {
    using V = simd<T, Level>;
    const attention_block<T>& b = a->block;
    for (std::int64_t r = 0; r < b.rows; ++r) {
      T* const s = a->scores + r * b.width;
      const std::int64_t low = b.low(r), high = b.high(r), first = low / V::size * V::size;
      V most(-std::numeric_limits<T>::infinity());
      for (std::int64_t i = first; i < high; i += V::size) {
        const V v = b.scaled(V::load(s + i), r, i, low, high);
        v.store(s + i);
        most = max(most, v);
      }
      const T before = a->top[r], now = [&] {
        const T here = max_lanes(most);
        return here > before ? here : before;
      }();
      std::int64_t at = 0;
      if (now > -std::numeric_limits<T>::infinity()) {
        for (; at < first; at += V::size) V::zero().store(s + at);
        V total = V::zero();
        for (; at < high; at += V::size) {
          const V e = exp_of_negative(V::load(s + at) - V(now));
          e.store(s + at);
          total += e;
        }
        if (now > before) {
          const T factor = before > -std::numeric_limits<T>::infinity()
                               ? static_cast<T>(__builtin_exp(static_cast<double>(before - now)))
                               : T{0};
          a->top[r] = now;
          a->sum[r] *= factor;
          if (factor != 0)
            for (std::int64_t i = 0; i < a->features; i += V::size)
              (V::load_up_to(a->out + r * a->out_row + i, a->features - i) * V(factor))
                  .store_up_to(a->out + r * a->out_row + i, a->features - i);
        }
        a->sum[r] += sum_lanes(total);
      }
      for (; at < b.width; at += V::size) V::zero().store(s + at);
    }
  }
};

// rows / l in place, and m + log l in the place of m: +inf for a row that saw no key.
template <class T> struct attention_finish {
  std::int64_t rows, features;
  T *out, *top;
  const T* sum;
  std::int64_t out_row;

  using memory_bound = void;
  template <isa Level> INLAY_INLINE static void run(const attention_finish* a) noexcept {
    using V = simd<T, Level>;
    for (std::int64_t r = 0; r < a->rows; ++r) {
      const bool seen = a->sum[r] > 0;
      const V factor(seen ? T{1} / a->sum[r] : T{0});
      T* const out = a->out + r * a->out_row;
      for (std::int64_t i = 0; i < a->features; i += V::size)
        (V::load_up_to(out + i, a->features - i) * factor).store_up_to(out + i, a->features - i);
      a->top[r] = seen ? a->top[r] + detail::log_of(a->sum[r]) : std::numeric_limits<T>::infinity();
    }
  }
};

// From scores and the gradients of probabilities to the probabilities p and the gradients of scores,
// p (dp - sum(dy y)) scale; each takes the place of what it is made from.
template <class T> struct attention_gradient {
  attention_block<T> block;
  T *scores, *dp;
  const T *log_sum, *products;  // of each row: m + log l, and sum(dy y)

  template <isa Level> INLAY_INLINE static void run(const attention_gradient* a) noexcept {
    using V = simd<T, Level>;
    const attention_block<T>& b = a->block;
    for (std::int64_t r = 0; r < b.rows; ++r) {
      T *const s = a->scores + r * b.width, *const d = a->dp + r * b.width;
      const std::int64_t low = b.low(r), high = b.high(r), first = low / V::size * V::size;
      std::int64_t at = 0;
      for (; at < first; at += V::size) V::zero().store(s + at), V::zero().store(d + at);
      for (; at < high; at += V::size) {
        const V p = exp_of_negative(b.scaled(V::load(s + at), r, at, low, high) - V(a->log_sum[r]));
        p.store(s + at);
        (p * (V::load(d + at) - V(a->products[r])) * V(b.scale)).store(d + at);
      }
      for (; at < b.width; at += V::size) V::zero().store(s + at), V::zero().store(d + at);
    }
  }
};

// One query on all keys it sees, where a product would spend its time on packing: dot products, softmax, and the sum of
// values. `scores`: room for all keys, to a whole register.
template <class T> struct attention_query {
  attention_block<T> block;  // rows 1
  const T *query, *keys, *values;
  std::int64_t key_row, value_row, size, features;
  T *scores, *out, *log_sum;

  template <isa Level> INLAY_INLINE static void run(const attention_query* a) noexcept {
    using V = simd<T, Level>;
    const attention_block<T>& b = a->block;
    const std::int64_t low = b.low(0), high = b.high(0);
    for (std::int64_t j = low; j < high; ++j) {
      const T* const key = a->keys + j * a->key_row;
      V one = V::zero(), two = one;
      std::int64_t i = 0;
      for (; i + 2 * V::size <= a->size; i += 2 * V::size) {
        one = multiply_add(V::load(a->query + i), V::load(key + i), one);
        two = multiply_add(V::load(a->query + i + V::size), V::load(key + i + V::size), two);
      }
      for (; i < a->size; i += V::size)
        one = multiply_add(V::load_up_to(a->query + i, a->size - i), V::load_up_to(key + i, a->size - i), one);
      a->scores[j] = sum_lanes(one + two);
    }
    const std::int64_t first = low / V::size * V::size;
    V most(-std::numeric_limits<T>::infinity());
    for (std::int64_t i = first; i < high; i += V::size) {
      const V v = b.scaled(V::load(a->scores + i), 0, i, low, high);
      v.store(a->scores + i);
      most = max(most, v);
    }
    const T top = max_lanes(most);
    const bool seen = top > -std::numeric_limits<T>::infinity();
    V total = V::zero();
    for (std::int64_t i = first; seen && i < high; i += V::size) {
      const V e = exp_of_negative(V::load(a->scores + i) - V(top));
      e.store(a->scores + i);
      total += e;
    }
    const T sum = sum_lanes(total);
    *a->log_sum = seen ? top + detail::log_of(sum) : std::numeric_limits<T>::infinity();
    for (std::int64_t i = 0; i < a->features; i += 4 * V::size) {
      V out[4] = {V::zero(), V::zero(), V::zero(), V::zero()};
      const std::int64_t left = a->features - i;
      for (std::int64_t j = low; seen && j < high; ++j) {
        const T* const value = a->values + j * a->value_row + i;
        const V weight(a->scores[j]);
        for (int k = 0; k < 4 && k * V::size < left; ++k)
          out[k] = multiply_add(weight, V::load_up_to(value + k * V::size, left - k * V::size), out[k]);
      }
      for (int k = 0; k < 4 && k * V::size < left; ++k)
        (out[k] * V(seen ? T{1} / sum : T{0})).store_up_to(a->out + i + k * V::size, left - k * V::size);
    }
  }
};

}  // namespace inlay::inline v0_1::kernels

INLAY_PRECISE_END
