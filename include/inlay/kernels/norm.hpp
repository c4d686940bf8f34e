// Normalisation over channels (batch norm), x seen as (N, C, L), and over rows (layer norm), x seen as (rows, length).
// Order of a sum: parts of 2048 along a row, in order, four registers in turn within a part; row after row, those of a
// channel in double. Columns (L = 1) are added up in parts of 128 rows, sums over the rows of layer norm in parts of
// 32. It depends on the sizes of what is summed and the level alone.
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
    constexpr int turns = 4;
    V sums[turns], squares[turns];
    for (int k = 0; k < turns; ++k) sums[k] = squares[k] = V::zero();
    for (; i + turns * V::size <= end; i += turns * V::size)
#pragma GCC unroll 4
      for (int k = 0; k < turns; ++k)
        add_terms(V::load(x + i + k * V::size) - middle, dy, w, i + k * V::size, sums[k], squares[k]);
    for (; i + V::size <= end; i += V::size) add_terms(V::load(x + i) - middle, dy, w, i, sums[0], squares[0]);
    T one = sum_lanes((sums[0] + sums[1]) + (sums[2] + sums[3])),
      two = sum_lanes((squares[0] + squares[1]) + (squares[2] + squares[3]));
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

// Mean and biased variance of `rows` rows that are `step` apart, share = 1 / (rows length). They are measured from the
// first value, and once more from the mean where that lies more than two deviations away: exact however far the values
// lie from 0.
template <isa Level, class T>
INLAY_INLINE void moments(const T* x, std::int64_t rows, std::int64_t step, std::int64_t length, double share, T& mean,
                          double& variance) {
  mean = *x;
  for (bool again = false;; again = true) {
    double sum = 0, squares = 0;
    for (std::int64_t r = 0; r < rows; ++r)
      add_row<Level, T>(x + r * step, mean, nullptr, nullptr, length, sum, squares);
    const double shift = sum * share;
    variance = squares * share - shift * shift;
    mean = static_cast<T>(static_cast<double>(mean) + shift);
    if (again || !(shift * shift > 4 * variance)) break;
  }
  if (variance < 0) variance = 0;  // NaN stays
}

// f(i, count) for each register along `length` elements from i on; only the last may have less than a full count.
template <class V, class F> INLAY_INLINE void each_piece(std::int64_t length, const F& f) {
  std::int64_t i = 0;
  for (; i + V::size <= length; i += V::size) f(i, std::int64_t{V::size});
  if (i < length) f(i, length - i);
}

// Channels [first, last) of samples [begin, end) of (N, C, L); where the channels lie side by side (L = 1), a register
// of them at a time. f.take(c, count, one) reads the numbers of channel c, or of `count` channels; f.write(i, count)
// what follows.
template <class V, class F>
INLAY_INLINE void walk_planes(F& f, std::int64_t channels, std::int64_t length, std::int64_t begin, std::int64_t end,
                              std::int64_t first, std::int64_t last) {
  for (std::int64_t n = begin; n < end; ++n)
    if (length == 1) {
      for (std::int64_t c = first; c < last; c += V::size) {
        f.take(c, last - c, false);
        f.write(n * channels + c, last - c);
      }
    } else {
      for (std::int64_t c = first; c < last; ++c) {
        f.take(c, length, true);
        const std::int64_t at = (n * channels + c) * length;
        each_piece<V>(
            length, [&](std::int64_t i, std::int64_t count) __attribute__((always_inline)) { f.write(at + i, count); });
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
    const double share = 1 / static_cast<double>(batch * length);
    for (std::int64_t c = first; c < last; ++c) {
      double spread;
      detail::moments<Level>(x + c * length, batch, channels * length, length, share, mean[c], spread);
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

// y = (x - center[c]) scale[c] + shift[c] for channels [first, last) of samples [begin, end); center and shift may be
// null: 0. `past`: see past_caches().
template <class T> struct channel_affine {
  using memory_bound = void;

  template <isa Level>
  INLAY_INLINE static void run(const T* x, const T* center, const T* scale, const T* shift, T* y, std::int64_t channels,
                               std::int64_t length, std::int64_t begin, std::int64_t end, std::int64_t first,
                               std::int64_t last, bool past) noexcept {
    using V = simd<T, Level>;
    step<V> f{x, center, scale, shift, y, past, V::zero(), V::zero(), V::zero()};
    detail::walk_planes<V>(f, channels, length, begin, end, first, last);
    if (past) end_of_stream();
  }

 private:
  template <class V> struct step {
    const T *x, *center, *scale, *shift;
    T* y;
    bool past;
    V middle, factor, rest;

    INLAY_INLINE void take(std::int64_t c, std::int64_t count, bool one) {
      factor = detail::of_channels<V>(scale + c, count, one);
      if (center != nullptr) middle = detail::of_channels<V>(center + c, count, one);
      if (shift != nullptr) rest = detail::of_channels<V>(shift + c, count, one);
    }
    INLAY_INLINE void write(std::int64_t i, std::int64_t count) const {
      multiply_add(V::load_up_to(x + i, count) - middle, factor, rest).store_up_to(y + i, count, past);
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

// dx = scale[c] (dy - db[c] / n - (x - mean[c]) inverse[c] dw[c] / n) for channels [first, last) of samples
// [begin, end): the gradient through batch norm and its statistics, of n values per channel (share = 1 / n), from the
// sums above.
template <class T> struct channel_gradient {
  using memory_bound = void;

  template <isa Level>
  INLAY_INLINE static void run(const T* dy, const T* x, const T* mean, const T* inverse, const T* scale, const T* dw,
                               const T* db, T* dx, T share, std::int64_t channels, std::int64_t length,
                               std::int64_t begin, std::int64_t end, std::int64_t first, std::int64_t last,
                               bool past) noexcept {
    using V = simd<T, Level>;
    step<V> f{dy, x, mean, inverse, scale, dw, db, dx, share, past, V::zero(), V::zero(), V::zero(), V::zero()};
    detail::walk_planes<V>(f, channels, length, begin, end, first, last);
    if (past) end_of_stream();
  }

 private:
  template <class V> struct step {
    const T *dy, *x, *mean, *inverse, *scale, *dw, *db;
    T *dx, share;
    bool past;
    V middle, factor, pull, turn;

    INLAY_INLINE void take(std::int64_t c, std::int64_t count, bool one) {
      middle = detail::of_channels<V>(mean + c, count, one);
      factor = detail::of_channels<V>(scale + c, count, one);
      pull = detail::of_channels<V>(db + c, count, one) * V(share);
      turn = detail::of_channels<V>(inverse + c, count, one) * detail::of_channels<V>(dw + c, count, one) * V(-share);
    }
    INLAY_INLINE void write(std::int64_t i, std::int64_t count) const {
      const V q = V::load_up_to(x + i, count) - middle, g = V::load_up_to(dy + i, count) - pull;
      (multiply_add(q, turn, g) * factor).store_up_to(dx + i, count, past);
    }
  };
};

// y = (x - mean) inverse w + b for each row, inverse = 1 / sqrt(variance + epsilon); where the rows are not centred,
// the mean counts as 0. w and b may be null: 1 and 0; mean and inverse are stored, one per row, unless they are null.
template <class T> struct layer_norm {
  using memory_bound = void;

  template <isa Level>
  INLAY_INLINE static void run(const T* x, const T* w, const T* b, T* y, T* mean, T* inverse, double epsilon,
                               bool centred, std::int64_t rows, std::int64_t length) noexcept {
    using V = simd<T, Level>;
    const double share = 1 / static_cast<double>(length);
    for (std::int64_t r = 0; r < rows; ++r, x += length, y += length) {
      T center{0};
      double variance = 0, sum = 0;
      if (centred)
        detail::moments<Level>(x, 1, 0, length, share, center, variance);
      else
        detail::add_row<Level, T>(x, center, nullptr, nullptr, length, sum, variance), variance *= share;
      const T factor = static_cast<T>(1 / __builtin_sqrt(variance + epsilon));
      if (mean != nullptr) mean[r] = center;
      if (inverse != nullptr) inverse[r] = factor;
      detail::each_piece<V>(
          length, [&](std::int64_t i, std::int64_t count) __attribute__((always_inline)) {
            __builtin_prefetch(x + length + i);  // of the next row
            V out = (V::load_up_to(x + i, count) - V(center)) * V(factor);
            if (w != nullptr) out = out * V::load_up_to(w + i, count);
            if (b != nullptr) out += V::load_up_to(b + i, count);
            out.store_up_to(y + i, count);
          });
    }
  }
};

// dx = inverse (g - mean(g) - xhat mean(g xhat)) for each row, g = dy w and xhat = (x - mean) inverse; without a mean
// the rows are not centred, and mean(g) counts as 0. w may be null. For each part of `part` rows, of which [first,
// last) are done: db[j] = sum of dy and dw[j] = sum of dy xhat, (parts, length). dx, or dw and db, may be null.
template <class T> struct layer_norm_gradient {
  using memory_bound = void;
  static constexpr std::int64_t part = 32;

  template <isa Level>
  INLAY_INLINE static void run(const T* dy, const T* x, const T* w, const T* mean, const T* inverse, T* dx, T* dw,
                               T* db, std::int64_t rows, std::int64_t length, std::int64_t first,
                               std::int64_t last) noexcept {
    using V = simd<T, Level>;
    const double share = 1 / static_cast<double>(length);
    for (std::int64_t p = first; p < last; ++p) {
      const std::int64_t begin = p * part, end = rows - begin < part ? rows : begin + part;
      T *products = dw != nullptr ? dw + p * length : dw, *sums = dw != nullptr ? db + p * length : db;
      if (dw != nullptr)
        for (std::int64_t j = 0; j < length; ++j) products[j] = sums[j] = T{0};
      for (std::int64_t r = begin; r < end; ++r) {
        const T *g = dy + r * length, *from = x + r * length;
        const V center(mean != nullptr ? mean[r] : T{0}), factor(inverse[r]);
        V pull = V::zero(), turn = pull;
        if (dx != nullptr) {
          double sum = 0, product = 0;
          detail::add_row<Level>(from, mean != nullptr ? mean[r] : T{0}, g, w, length, sum, product);
          const auto scale = static_cast<double>(inverse[r]);
          if (mean != nullptr) pull = V(static_cast<T>(sum * share));
          turn = V(static_cast<T>(-scale * scale * product * share));
        }
        detail::each_piece<V>(
            length, [&](std::int64_t i, std::int64_t count) __attribute__((always_inline)) {
              __builtin_prefetch(g + length + i);  // of the next row
              __builtin_prefetch(from + length + i);
              const V d = V::load_up_to(g + i, count), q = V::load_up_to(from + i, count) - center;
              if (dx != nullptr) {
                const V pulled = (w != nullptr ? d * V::load_up_to(w + i, count) : d) - pull;
                (multiply_add(q, turn, pulled) * factor).store_up_to(dx + r * length + i, count);
              }
              if (dw != nullptr) {
                (V::load_up_to(sums + i, count) + d).store_up_to(sums + i, count);
                multiply_add(d, q * factor, V::load_up_to(products + i, count)).store_up_to(products + i, count);
              }
            });
      }
    }
  }
};

}  // namespace inlay::inline v0_1::kernels

INLAY_PRECISE_END
