// Normalisation over channels (batch norm), x seen as (N, C, L), and over rows (layer norm), x seen as (rows, length).
// Order of a sum: parts of 2048 along a row, in order, two registers in turn within a part; row after row, those of a
// channel in double. Columns (L = 1, and sums over rows) are added up in parts of 128 rows. It depends on the sizes of
// what is summed and the level alone.
#pragma once

#include "math.hpp"

INLAY_PRECISE_BEGIN

namespace inlay::inline v0_1::kernels {

namespace detail {

inline constexpr std::int64_t row_part = 2048, column_part = 128;

// p and p q are added to two sums; p is q itself, dy, or dy w.
template <class V, class T>
INLAY_INLINE void add_terms(const V& q, const T* dy, const T* w, std::int64_t i, V& sum, V& products) {
  V p = dy != nullptr ? V::load(dy + i) : q;
  if (w != nullptr) p = p * V::load(w + i);
  sum += p;
  products = multiply_add(p, q, products);
}

// Adds the sums of p and of p q over a row, q = x - center. dy and w may be null.
template <isa Level, class T>
INLAY_INLINE void add_row(const T* x, T center, const T* dy, const T* w, std::int64_t length, double& sum,
                          double& products) {
  using V = simd<T, Level>;
  const V middle(center);
  for (std::int64_t i = 0; i < length;) {
    const std::int64_t end = length - i < row_part ? length : i + row_part;
    V a = V::zero(), b = a, aa = a, bb = a;
    for (; i + 2 * V::size <= end; i += 2 * V::size) {
      add_terms(V::load(x + i) - middle, dy, w, i, a, aa);
      add_terms(V::load(x + i + V::size) - middle, dy, w, i + V::size, b, bb);
    }
    for (; i + V::size <= end; i += V::size) add_terms(V::load(x + i) - middle, dy, w, i, a, aa);
    T one = sum_lanes(a + b), two = sum_lanes(aa + bb);
    for (; i < end; ++i) {
      const T q = x[i] - center;
      T p = dy != nullptr ? dy[i] : q;
      if (w != nullptr) p *= w[i];
      one += p;
      two += p * q;
    }
    sum += one;
    products += two;
  }
}

// The same for a strip of columns side by side, over rows that are `step` apart: a row of the strip is read at a time,
// which memory likes, while the sums stay in the nearest cache.
template <class V> struct strip {
  using T = typename V::value_type;
  static constexpr std::int64_t registers = 64, width = registers * V::size;
  V center[registers], sums[registers], products[registers];

  // Of the first `count` columns; dy may be null.
  INLAY_INLINE void add_up(const T* x, const T* dy, std::int64_t rows, std::int64_t step, std::int64_t count) {
    const std::int64_t whole = count / V::size, rest = count % V::size, used = whole + (rest > 0);
    for (std::int64_t k = 0; k < used; ++k) sums[k] = products[k] = V::zero();
    for (std::int64_t r = 0; r < rows;) {
      const std::int64_t end = rows - r < column_part ? rows : r + column_part;
      for (std::int64_t k = 0; k < used; ++k) part_sums[k] = part_products[k] = V::zero();
      for (; r < end; ++r) {
        const std::int64_t at = r * step;
        for (std::int64_t k = 0; k < whole; ++k) {
          const V q = V::load(x + at + k * V::size) - center[k];
          add(k, q, dy != nullptr ? V::load(dy + at + k * V::size) : q);
        }
        if (rest > 0) {
          const V q = V::load_first(x + at + whole * V::size, rest) - center[whole];
          add(whole, q, dy != nullptr ? V::load_first(dy + at + whole * V::size, rest) : q);
        }
      }
      for (std::int64_t k = 0; k < used; ++k) {
        sums[k] += part_sums[k];
        products[k] += part_products[k];
      }
    }
  }

 private:
  INLAY_INLINE void add(std::int64_t k, const V& q, const V& p) {
    part_sums[k] += p;
    part_products[k] = multiply_add(p, q, part_products[k]);
  }

  V part_sums[registers], part_products[registers];
};

// Mean and biased variance of `rows` rows that are `step` apart. The first pass finds the mean, the second measures
// from it: exact however far the values lie from 0.
template <isa Level, class T>
INLAY_INLINE void moments(const T* x, std::int64_t rows, std::int64_t step, std::int64_t length, T& mean,
                          double& variance) {
  const auto count = static_cast<double>(rows * length);
  mean = *x;
  for (int pass = 0; pass < 2; ++pass) {
    double sum = 0, squares = 0;
    for (std::int64_t r = 0; r < rows; ++r)
      add_row<Level, T>(x + r * step, mean, nullptr, nullptr, length, sum, squares);
    const double shift = sum / count;
    variance = squares / count - shift * shift;
    mean = static_cast<T>(static_cast<double>(mean) + shift);
  }
  if (variance < 0) variance = 0;  // NaN stays
}

// Planes [first, last) of N C, each one channel's; where the channels lie side by side (length 1), a register of them
// at a time. f.take(c, count, one) reads the numbers of channel c, or of `count` channels; f.write(i, count) what
// follows.
template <int Size, class F>
INLAY_INLINE void walk_planes(F& f, std::int64_t channels, std::int64_t length, std::int64_t first, std::int64_t last) {
  if (first >= last) return;
  for (std::int64_t at = first, c = first % channels; at < last; c = 0)
    if (length == 1) {
      const std::int64_t count = last - at < channels - c ? last - at : channels - c;
      for (std::int64_t i = 0; i < count; i += Size) {
        f.take(c + i, count - i, false);
        f.write(at + i, count - i);
      }
      at += count;
    } else {
      for (; at < last && c < channels; ++at, ++c) {
        f.take(c, length, true);
        for (std::int64_t i = 0; i < length; i += Size) f.write(at * length + i, length - i);
      }
    }
}

template <class V, class T> INLAY_INLINE V of_channels(const T* from, std::int64_t count, bool one) {
  return one ? V(*from) : V::load_up_to(from, count);
}

}  // namespace detail

// mean[c] and biased variance[c] over N and L, for channels [first, last). N L is at least 1.
template <class T> struct channel_statistics {
  using memory_bound = void;

  template <isa Level>
  INLAY_INLINE static void run(const T* x, T* mean, T* variance, std::int64_t batch, std::int64_t channels,
                               std::int64_t length, std::int64_t first, std::int64_t last) noexcept {
    if (length == 1) return columns<Level>(x, mean, variance, batch, channels, first, last);
    for (std::int64_t c = first; c < last; ++c) {
      double spread;
      detail::moments<Level>(x + c * length, batch, channels * length, length, mean[c], spread);
      variance[c] = static_cast<T>(spread);
    }
  }

 private:
  template <isa Level>
  INLAY_INLINE static void columns(const T* x, T* mean, T* variance, std::int64_t rows, std::int64_t step,
                                   std::int64_t first, std::int64_t last) {
    using V = simd<T, Level>;
    const V count(static_cast<T>(rows));
    detail::strip<V> all;
    for (std::int64_t begin = first; begin < last; begin += all.width) {
      const std::int64_t end = last - begin < all.width ? last : begin + all.width;
      for (std::int64_t c = begin, k = 0; c < end; c += V::size, ++k) all.center[k] = V::load_up_to(x + c, end - c);
      for (int pass = 0; pass < 2; ++pass) {
        all.add_up(x + begin, nullptr, rows, step, end - begin);
        for (std::int64_t c = begin, k = 0; c < end; c += V::size, ++k) {
          const V shift = all.sums[k] / count, spread = all.products[k] / count - shift * shift;
          all.center[k] += shift;
          all.center[k].store_up_to(mean + c, end - c);
          select(spread < V::zero(), V::zero(), spread).store_up_to(variance + c, end - c);
        }
      }
    }
  }
};

// out = w / sqrt(variance + epsilon); w may be null: 1.
template <class T> struct inverse_deviation {
  using memory_bound = void;

  template <isa Level>
  INLAY_INLINE static void run(const T* variance, T epsilon, const T* w, T* out, std::int64_t count) noexcept {
    using V = simd<T, Level>;
    for (std::int64_t i = 0; i < count; i += V::size) {
      const V top = w != nullptr ? V::load_up_to(w + i, count - i) : V(T{1});
      (top / kernels::sqrt(V::load_up_to(variance + i, count - i) + V(epsilon))).store_up_to(out + i, count - i);
    }
  }
};

// y = (x - center[c]) scale[c] + shift[c] on planes [first, last) of N C; center and shift may be null: 0.
template <class T> struct channel_affine {
  using memory_bound = void;

  template <isa Level>
  INLAY_INLINE static void run(const T* x, const T* center, const T* scale, const T* shift, T* y, std::int64_t channels,
                               std::int64_t length, std::int64_t first, std::int64_t last) noexcept {
    using V = simd<T, Level>;
    step<V> f{x, center, scale, shift, y, V::zero(), V::zero(), V::zero()};
    detail::walk_planes<V::size>(f, channels, length, first, last);
  }

 private:
  template <class V> struct step {
    const T *x, *center, *scale, *shift;
    T* y;
    V middle, factor, rest;

    INLAY_INLINE void take(std::int64_t c, std::int64_t count, bool one) {
      factor = detail::of_channels<V>(scale + c, count, one);
      if (center != nullptr) middle = detail::of_channels<V>(center + c, count, one);
      if (shift != nullptr) rest = detail::of_channels<V>(shift + c, count, one);
    }
    INLAY_INLINE void write(std::int64_t i, std::int64_t count) const {
      multiply_add(V::load_up_to(x + i, count) - middle, factor, rest).store_up_to(y + i, count);
    }
  };
};

// db[c] = sum of dy and dw[c] = sum of dy (x - mean[c]) inverse[c], for channels [first, last).
template <class T> struct channel_gradient_sums {
  using memory_bound = void;

  template <isa Level>
  INLAY_INLINE static void run(const T* dy, const T* x, const T* mean, const T* inverse, T* dw, T* db,
                               std::int64_t batch, std::int64_t channels, std::int64_t length, std::int64_t first,
                               std::int64_t last) noexcept {
    if (length == 1) return columns<Level>(dy, x, mean, inverse, dw, db, batch, channels, first, last);
    for (std::int64_t c = first; c < last; ++c) {
      double sum = 0, products = 0;
      for (std::int64_t n = 0; n < batch; ++n) {
        const std::int64_t at = (n * channels + c) * length;
        detail::add_row<Level, T>(x + at, mean[c], dy + at, nullptr, length, sum, products);
      }
      db[c] = static_cast<T>(sum);
      dw[c] = static_cast<T>(products * static_cast<double>(inverse[c]));
    }
  }

 private:
  template <isa Level>
  INLAY_INLINE static void columns(const T* dy, const T* x, const T* mean, const T* inverse, T* dw, T* db,
                                   std::int64_t rows, std::int64_t step, std::int64_t first, std::int64_t last) {
    using V = simd<T, Level>;
    detail::strip<V> all;
    for (std::int64_t begin = first; begin < last; begin += all.width) {
      const std::int64_t end = last - begin < all.width ? last : begin + all.width;
      for (std::int64_t c = begin, k = 0; c < end; c += V::size, ++k) all.center[k] = V::load_up_to(mean + c, end - c);
      all.add_up(x + begin, dy + begin, rows, step, end - begin);
      for (std::int64_t c = begin, k = 0; c < end; c += V::size, ++k) {
        all.sums[k].store_up_to(db + c, end - c);
        (all.products[k] * V::load_up_to(inverse + c, end - c)).store_up_to(dw + c, end - c);
      }
    }
  }
};

// dx = scale[c] (dy - db[c] / n - (x - mean[c]) inverse[c] dw[c] / n) on planes [first, last) of N C: the gradient
// through batch norm and its statistics, of n values per channel (share = 1 / n), from the sums above.
template <class T> struct channel_gradient {
  using memory_bound = void;

  template <isa Level>
  INLAY_INLINE static void run(const T* dy, const T* x, const T* mean, const T* inverse, const T* scale, const T* dw,
                               const T* db, T* dx, T share, std::int64_t channels, std::int64_t length,
                               std::int64_t first, std::int64_t last) noexcept {
    using V = simd<T, Level>;
    step<V> f{dy, x, mean, inverse, scale, dw, db, dx, share, V::zero(), V::zero(), V::zero(), V::zero()};
    detail::walk_planes<V::size>(f, channels, length, first, last);
  }

 private:
  template <class V> struct step {
    const T *dy, *x, *mean, *inverse, *scale, *dw, *db;
    T *dx, share;
    V middle, factor, pull, turn;

    INLAY_INLINE void take(std::int64_t c, std::int64_t count, bool one) {
      middle = detail::of_channels<V>(mean + c, count, one);
      factor = detail::of_channels<V>(scale + c, count, one);
      pull = detail::of_channels<V>(db + c, count, one) * V(share);
      turn = detail::of_channels<V>(inverse + c, count, one) * detail::of_channels<V>(dw + c, count, one) * V(-share);
    }
    INLAY_INLINE void write(std::int64_t i, std::int64_t count) const {
      const V q = V::load_up_to(x + i, count) - middle, g = V::load_up_to(dy + i, count) - pull;
      (multiply_add(q, turn, g) * factor).store_up_to(dx + i, count);
    }
  };
};

// y = (x - mean) inverse w + b for each row, inverse = 1 / sqrt(variance + epsilon). w and b may be null: 1 and 0;
// mean and inverse are stored, one per row, unless they are null.
template <class T> struct layer_norm {
  using memory_bound = void;

  template <isa Level>
  INLAY_INLINE static void run(const T* x, const T* w, const T* b, T* y, T* mean, T* inverse, double epsilon,
                               std::int64_t rows, std::int64_t length) noexcept {
    using V = simd<T, Level>;
    for (std::int64_t r = 0; r < rows; ++r, x += length, y += length) {
      T center;
      double variance;
      detail::moments<Level>(x, 1, 0, length, center, variance);
      const T factor = static_cast<T>(1 / __builtin_sqrt(variance + epsilon));
      if (mean != nullptr) mean[r] = center;
      if (inverse != nullptr) inverse[r] = factor;
      for (std::int64_t i = 0; i < length; i += V::size) {
        const std::int64_t left = length - i;
        V out = (V::load_up_to(x + i, left) - V(center)) * V(factor);
        if (w != nullptr) out = out * V::load_up_to(w + i, left);
        if (b != nullptr) out += V::load_up_to(b + i, left);
        out.store_up_to(y + i, left);
      }
    }
  }
};

// dx = inverse (g - mean(g) - xhat mean(g xhat)) for each row, g = dy w and xhat = (x - mean) inverse; w may be null.
template <class T> struct layer_norm_gradient {
  using memory_bound = void;

  template <isa Level>
  INLAY_INLINE static void run(const T* dy, const T* x, const T* w, const T* mean, const T* inverse, T* dx,
                               std::int64_t rows, std::int64_t length) noexcept {
    using V = simd<T, Level>;
    const auto count = static_cast<double>(length);
    for (std::int64_t r = 0; r < rows; ++r, dy += length, x += length, dx += length) {
      double sum = 0, products = 0;
      detail::add_row<Level>(x, mean[r], dy, w, length, sum, products);
      const auto factor = static_cast<double>(inverse[r]);
      const T pull = static_cast<T>(sum / count), turn = static_cast<T>(-factor * factor * products / count);
      for (std::int64_t i = 0; i < length; i += V::size) {
        const std::int64_t left = length - i;
        V g = V::load_up_to(dy + i, left);
        if (w != nullptr) g = g * V::load_up_to(w + i, left);
        const V q = V::load_up_to(x + i, left) - V(mean[r]);
        (multiply_add(q, V(turn), g - V(pull)) * V(inverse[r])).store_up_to(dx + i, left);
      }
    }
  }
};

// Over each part of `part` rows: db[j] = sum of dy and dw[j] = sum of dy (x - mean) inverse, (parts, length), for parts
// [first, last) of the rows.
template <class T> struct layer_norm_weight_gradient {
  using memory_bound = void;
  static constexpr std::int64_t part = detail::column_part;

  template <isa Level>
  INLAY_INLINE static void run(const T* dy, const T* x, const T* mean, const T* inverse, T* dw, T* db,
                               std::int64_t rows, std::int64_t length, std::int64_t first, std::int64_t last) noexcept {
    using V = simd<T, Level>;
    for (std::int64_t p = first; p < last; ++p) {
      const std::int64_t begin = p * part, end = rows - begin < part ? rows : begin + part;
      T *products = dw + p * length, *sums = db + p * length;
      for (std::int64_t j = 0; j < length; ++j) products[j] = sums[j] = T{0};
      for (std::int64_t r = begin; r < end; ++r)
        for (std::int64_t j = 0; j < length; j += V::size) {
          const std::int64_t left = length - j;
          const V g = V::load_up_to(dy + r * length + j, left);
          const V xhat = (V::load_up_to(x + r * length + j, left) - V(mean[r])) * V(inverse[r]);
          (V::load_up_to(sums + j, left) + g).store_up_to(sums + j, left);
          multiply_add(g, xhat, V::load_up_to(products + j, left)).store_up_to(products + j, left);
        }
    }
  }
};

}  // namespace inlay::inline v0_1::kernels

INLAY_PRECISE_END
