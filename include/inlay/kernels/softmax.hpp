// Rows of scores: softmax, log-softmax, and cross-entropy with class indices. All subtract the row's maximum first.
// Rows may be -inf in places; a row that is -inf throughout gives NaN, as in the field.
// A row is read in whole registers, of which the last ends with it and overlaps the one before; a row that is shorter
// than a register is worked on in a padded copy. Order of a sum: register by register, what overlaps counted once.
#pragma once

#include "math.hpp"

INLAY_PRECISE_BEGIN

namespace inlay::inline v0_1::kernels {

namespace detail {

// A row of at least a register: itself, or a copy padded with `fill`.
template <class V> struct source_row {
  using T = typename V::value_type;
  const T* at;
  INLAY_INLINE source_row(const T* x, std::int64_t length, T fill) : at(x) {
    if (length >= V::size) return;
    inlay::detail::pad_lanes<T>(x, length, fill, lanes_, V::size);
    at = lanes_;
  }

 private:
  T lanes_[V::size];
};
// Where such a row goes; may be null.
template <class V> struct target_row {
  using T = typename V::value_type;
  T* at;
  INLAY_INLINE target_row(T* y, std::int64_t length) : at(y != nullptr && length < V::size ? lanes_ : y) {}
  INLAY_INLINE void finish(T* y, std::int64_t length) const {
    if (at == lanes_) inlay::detail::copy_lanes(lanes_, length, y);
  }

 private:
  T lanes_[V::size];
};

// f(at, fresh) for each register; the last `fresh` of its lanes were in none before.
template <class V, class F> INLAY_INLINE void each_in_row(std::int64_t length, const F& f) {
  const std::int64_t last = length > V::size ? length - V::size : 0;
  for (std::int64_t i = 0; i < last + V::size; i += V::size)
    f(i < last ? i : last, i <= last ? std::int64_t{V::size} : last + V::size - i);
}

template <class I>
inline constexpr I lane_masks[32] = {0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,
                                     -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1};

// The last `fresh` lanes; the others become 0.
template <class V> INLAY_INLINE V last_lanes(const V& x, std::int64_t fresh) {
  using I = typename V::integer;
  return V::from_bits(x.bits() & I::load(lane_masks<typename I::value_type> + 16 - V::size + fresh));
}

// NaN may be lost: the sum of exponentials will be NaN all the same.
template <isa Level, class T> INLAY_INLINE T row_max(const T* x, std::int64_t length) {
  using V = simd<T, Level>;
  V one(-std::numeric_limits<T>::infinity()), two = one;
  const std::int64_t last = length > V::size ? length - V::size : 0;
  for (std::int64_t i = 0; i < length; i += 2 * V::size) {
    const std::int64_t next = i + V::size;
    one = max(one, V::load(x + (i < last ? i : last)));
    two = max(two, V::load(x + (next < last ? next : last)));
  }
  return max_lanes(max(one, two));
}

// Sum of exp(x - shift); the exponentials go to `out` when it is not null.
template <isa Level, class T> INLAY_INLINE T exp_sum(const T* x, T shift, std::int64_t length, T* out) {
  using V = simd<T, Level>;
  V sum = V::zero();
  each_in_row<V>(
      length, [&](std::int64_t at, std::int64_t fresh) __attribute__((always_inline)) {
        __builtin_prefetch(x + length + at);  // of the next row
        const V e = exp_of_negative(V::load(x + at) - V(shift));
        if (out != nullptr) {
          __builtin_prefetch(out + length + at, 1);
          e.store(out + at);
        }
        sum += last_lanes(e, fresh);
      });
  return sum_lanes(sum);
}

// One logarithm per row: libm's, in double, is exact enough and needs no code here.
template <class T> INLAY_INLINE T log_of(T x) { return static_cast<T>(__builtin_log(static_cast<double>(x))); }

// y = x factor; y may be x.
template <isa Level, class T>
INLAY_INLINE void scale_row(const T* x, T* y, std::int64_t length, T factor, bool past = false) {
  using V = simd<T, Level>;
  const std::int64_t last = length > V::size ? length - V::size : 0;
  const V end = V::load(x + last) * V(factor);
  for (std::int64_t i = 0; i < last; i += V::size) (V::load(x + i) * V(factor)).store(y + i, past);
  end.store(y + last, past);
}

}  // namespace detail

template <class T> struct softmax {
  // `past`: see past_caches(); exponentials that wait for their sum then do so in `nearest`, not in y.
  template <isa Level>
  INLAY_INLINE static void run(const T* x, T* y, std::int64_t rows, std::int64_t length, bool past) noexcept {
    using V = simd<T, Level>;
    constexpr std::int64_t longest = 2048;
    T nearest[longest];
    if (length > longest) past = false;
    for (std::int64_t r = 0; r < rows; ++r, x += length, y += length) {
      const detail::source_row<V> from(x, length, -std::numeric_limits<T>::infinity());
      const detail::target_row<V> to(y, length);
      T* const waiting = past ? nearest : to.at;
      const T sum = detail::exp_sum<Level>(from.at, detail::row_max<Level>(from.at, length), length, waiting);
      detail::scale_row<Level>(waiting, to.at, length, T{1} / sum, past);
      to.finish(y, length);
    }
    if (past) end_of_stream();
  }
};

// dx = y (dy - sum(dy y))
template <class T> struct softmax_gradient {
  template <isa Level>
  INLAY_INLINE static void run(const T* dy, const T* y, T* dx, std::int64_t rows, std::int64_t length,
                               bool past) noexcept {
    using V = simd<T, Level>;
    for (std::int64_t r = 0; r < rows; ++r, dy += length, y += length, dx += length) {
      const detail::source_row<V> g(dy, length, T{0}), p(y, length, T{0});
      const detail::target_row<V> to(dx, length);
      V sum = V::zero();
      detail::each_in_row<V>(
          length, [&](std::int64_t at, std::int64_t fresh) __attribute__((always_inline)) {
            sum = multiply_add(V::load(g.at + at), detail::last_lanes(V::load(p.at + at), fresh), sum);
          });
      const V total = lane_sums(sum);
      detail::each_in_row<V>(
          length, [&](std::int64_t at, std::int64_t) __attribute__((always_inline)) {
            __builtin_prefetch(dy + length + at);  // of the next row
            __builtin_prefetch(y + length + at);
            (V::load(p.at + at) * (V::load(g.at + at) - total)).store(to.at + at, past);
          });
      to.finish(dx, length);
    }
    if (past) end_of_stream();
  }
};

template <class T> struct log_softmax {
  template <isa Level>
  INLAY_INLINE static void run(const T* x, T* y, std::int64_t rows, std::int64_t length, bool past) noexcept {
    using V = simd<T, Level>;
    for (std::int64_t r = 0; r < rows; ++r, x += length, y += length) {
      const detail::source_row<V> from(x, length, -std::numeric_limits<T>::infinity());
      const detail::target_row<V> to(y, length);
      const T top = detail::row_max<Level>(from.at, length);
      const T rest = detail::log_of<T>(detail::exp_sum<Level, T>(from.at, top, length, nullptr));
      detail::each_in_row<V>(
          length, [&](std::int64_t at, std::int64_t) __attribute__((always_inline)) {
            (V::load(from.at + at) - V(top) - V(rest)).store(to.at + at, past);
          });
      to.finish(y, length);
    }
    if (past) end_of_stream();
  }
};

// dx = dy - exp(y) sum(dy)
template <class T> struct log_softmax_gradient {
  template <isa Level>
  INLAY_INLINE static void run(const T* dy, const T* y, T* dx, std::int64_t rows, std::int64_t length,
                               bool past) noexcept {
    using V = simd<T, Level>;
    for (std::int64_t r = 0; r < rows; ++r, dy += length, y += length, dx += length) {
      const detail::source_row<V> g(dy, length, T{0}), p(y, length, T{0});
      const detail::target_row<V> to(dx, length);
      V sum = V::zero();
      detail::each_in_row<V>(
          length, [&](std::int64_t at, std::int64_t fresh)
                      __attribute__((always_inline)) { sum += detail::last_lanes(V::load(g.at + at), fresh); });
      const V total = lane_sums(sum);
      detail::each_in_row<V>(
          length, [&](std::int64_t at, std::int64_t) __attribute__((always_inline)) {
            __builtin_prefetch(dy + length + at);  // of the next row
            (V::load(g.at + at) - exp_of_negative(V::load(p.at + at)) * total).store(to.at + at, past);
          });
      to.finish(dx, length);
    }
    if (past) end_of_stream();
  }
};

// loss[r] = log sum exp(x_r) - x_r[class_r]. What the gradient needs of it is exp(x_r - max x_r), stored when
// `numerators` is not null, and its sum.
template <class T> struct cross_entropy {
  using memory_bound = void;

  template <isa Level>
  INLAY_INLINE static void run(const T* x, const std::int64_t* classes, T* loss, T* numerators, T* sums,
                               std::int64_t rows, std::int64_t length) noexcept {
    using V = simd<T, Level>;
    for (std::int64_t r = 0; r < rows; ++r, x += length) {
      const detail::source_row<V> from(x, length, -std::numeric_limits<T>::infinity());
      const detail::target_row<V> to(numerators, length);
      const T top = detail::row_max<Level>(from.at, length);
      sums[r] = detail::exp_sum<Level>(from.at, top, length, to.at);
      loss[r] = detail::log_of<T>(sums[r]) - (x[classes[r]] - top);
      if (numerators == nullptr) continue;
      to.finish(numerators, length);
      numerators += length;
    }
  }
};

// dx_r = scale_r (softmax(x_r) - one_hot(class_r)); scale has one value per row, or one for all (step 0).
template <class T> struct cross_entropy_gradient {
  using memory_bound = void;

  template <isa Level>
  INLAY_INLINE static void run(const T* numerators, const T* sums, const std::int64_t* classes, const T* scale,
                               std::int64_t scale_step, T factor, T* dx, std::int64_t rows,
                               std::int64_t length) noexcept {
    using V = simd<T, Level>;
    for (std::int64_t r = 0; r < rows; ++r, numerators += length, dx += length) {
      const T weight = scale[r * scale_step] * factor;
      const detail::source_row<V> from(numerators, length, T{0});
      const detail::target_row<V> to(dx, length);
      detail::scale_row<Level>(from.at, to.at, length, weight / sums[r]);
      to.finish(dx, length);
      dx[classes[r]] -= weight;
    }
  }
};

}  // namespace inlay::inline v0_1::kernels

INLAY_PRECISE_END
