// Rows of scores: softmax, log-softmax, and cross-entropy with class indices. All subtract the row's maximum first.
// Rows may be -inf in places; a row that is -inf throughout gives NaN, as in the field.
#pragma once

#include "math.hpp"

INLAY_PRECISE_BEGIN

namespace inlay::inline v0_1::kernels {

namespace detail {

template <isa Level, class T> INLAY_INLINE T row_max(const T* x, std::int64_t length) {
  using V = simd<T, Level>;
  V best(-std::numeric_limits<T>::infinity());
  std::int64_t i = 0;
  for (; i + V::size <= length; i += V::size) {
    const V v = V::load(x + i);
    best = select((v > best) | (v != v), v, best);
  }
  T out = max_lanes(best);
  for (; i < length; ++i)
    if (x[i] > out || x[i] != x[i]) out = x[i];
  return out;
}

// The first `count` lanes; the others become 0.
template <class V> INLAY_INLINE V first_lanes(const V& x, std::int64_t count) {
  typename V::value_type lanes[V::size];
  x.store(lanes);
  return V::load_first(lanes, count);
}

// Sum of exp(x - shift); the exponentials go to `out` when it is not null.
template <isa Level, class T> INLAY_INLINE T exp_sum(const T* x, T shift, std::int64_t length, T* out) {
  using V = simd<T, Level>;
  V sum = V::zero();
  for (std::int64_t i = 0; i < length; i += V::size) {
    V e = kernels::exp(V::load_up_to(x + i, length - i) - V(shift));
    if (length - i < V::size) e = first_lanes(e, length - i);
    sum += e;
    if (out != nullptr) e.store_up_to(out + i, length - i);
  }
  return sum_lanes(sum);
}

// One logarithm per row: libm's, in double, is exact enough and needs no code here.
template <class T> INLAY_INLINE T log_of(T x) { return static_cast<T>(__builtin_log(static_cast<double>(x))); }

// y = f(x), y may be x.
template <isa Level, class T, class F> INLAY_INLINE void map_row(const T* x, T* y, std::int64_t length, const F& f) {
  using V = simd<T, Level>;
  each_register<V>(
      length, T{0}, [&](const T* from, T* to) __attribute__((always_inline)) { f(V::load(from)).store(to); }, x, y);
}

template <class T> struct scale_by {
  T factor;
  template <class V> INLAY_INLINE V operator()(const V& x) const { return x * V(factor); }
};
template <class T> struct shift_by {
  T amount;
  template <class V> INLAY_INLINE V operator()(const V& x) const { return x - V(amount); }
};

}  // namespace detail

template <class T> struct softmax {
  template <isa Level> INLAY_INLINE static void run(const T* x, T* y, std::int64_t rows, std::int64_t length) noexcept {
    for (std::int64_t r = 0; r < rows; ++r, x += length, y += length) {
      const T sum = detail::exp_sum<Level>(x, detail::row_max<Level>(x, length), length, y);
      detail::map_row<Level>(y, y, length, detail::scale_by<T>{T{1} / sum});
    }
  }
};

// dx = y (dy - sum(dy y))
template <class T> struct softmax_gradient {
  template <isa Level>
  INLAY_INLINE static void run(const T* dy, const T* y, T* dx, std::int64_t rows, std::int64_t length) noexcept {
    using V = simd<T, Level>;
    for (std::int64_t r = 0; r < rows; ++r, dy += length, y += length, dx += length) {
      V sum = V::zero();
      for (std::int64_t i = 0; i < length; i += V::size)
        sum = multiply_add(V::load_up_to(dy + i, length - i), V::load_up_to(y + i, length - i), sum);
      const V total(sum_lanes(sum));
      for (std::int64_t i = 0; i < length; i += V::size)
        (V::load_up_to(y + i, length - i) * (V::load_up_to(dy + i, length - i) - total))
            .store_up_to(dx + i, length - i);
    }
  }
};

template <class T> struct log_softmax {
  template <isa Level> INLAY_INLINE static void run(const T* x, T* y, std::int64_t rows, std::int64_t length) noexcept {
    for (std::int64_t r = 0; r < rows; ++r, x += length, y += length) {
      const T top = detail::row_max<Level>(x, length);
      const T rest = detail::log_of<T>(detail::exp_sum<Level, T>(x, top, length, nullptr));
      detail::map_row<Level>(x, y, length, detail::shift_by<T>{top});
      detail::map_row<Level>(y, y, length, detail::shift_by<T>{rest});
    }
  }
};

// dx = dy - exp(y) sum(dy)
template <class T> struct log_softmax_gradient {
  template <isa Level>
  INLAY_INLINE static void run(const T* dy, const T* y, T* dx, std::int64_t rows, std::int64_t length) noexcept {
    using V = simd<T, Level>;
    for (std::int64_t r = 0; r < rows; ++r, dy += length, y += length, dx += length) {
      V sum = V::zero();
      for (std::int64_t i = 0; i < length; i += V::size) sum += V::load_up_to(dy + i, length - i);
      const V total(sum_lanes(sum));
      for (std::int64_t i = 0; i < length; i += V::size)
        (V::load_up_to(dy + i, length - i) - kernels::exp(V::load_up_to(y + i, length - i)) * total)
            .store_up_to(dx + i, length - i);
    }
  }
};

// loss[r] = log sum exp(x_r) - x_r[class_r]. What the gradient needs of it is exp(x_r - max x_r), stored when
// `numerators` is not null, and its sum.
template <class T> struct cross_entropy {
  using memory_bound = void;

  template <isa Level>
  INLAY_INLINE static void run(const T* x, const std::int64_t* classes, T* loss, T* numerators, T* sums,
                               std::int64_t rows, std::int64_t length) noexcept {
    for (std::int64_t r = 0; r < rows; ++r, x += length) {
      const T top = detail::row_max<Level>(x, length);
      sums[r] = detail::exp_sum<Level>(x, top, length, numerators);
      loss[r] = detail::log_of<T>(sums[r]) - (x[classes[r]] - top);
      if (numerators != nullptr) numerators += length;
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
    for (std::int64_t r = 0; r < rows; ++r, numerators += length, dx += length) {
      const T weight = scale[r * scale_step] * factor;
      detail::map_row<Level>(numerators, dx, length, detail::scale_by<T>{weight / sums[r]});
      dx[classes[r]] -= weight;
    }
  }
};

}  // namespace inlay::inline v0_1::kernels

INLAY_PRECISE_END
