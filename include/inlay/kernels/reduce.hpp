// Sums and maxima of rows, and of columns.
// Order of a sum: parts of 2048 along the axis, in order; within a part of contiguous values, four registers in turn,
// then their lanes in a fixed tree. It depends on the length and the level alone.
#pragma once

#include "../core/simd.hpp"

INLAY_PRECISE_BEGIN

namespace inlay::inline v0_1::kernels {

struct sum_of {
  template <class T> static constexpr T start() { return T{0}; }
  template <class V> INLAY_INLINE static V join(const V& a, const V& b) { return a + b; }
  template <class V> INLAY_INLINE static auto lanes(const V& a) { return sum_lanes(a); }
};
// NaN wins over every number.
struct max_of {
  static constexpr const char* name = "max";
  template <class T> static constexpr T start() {
    using limits = std::numeric_limits<T>;
    return std::is_floating_point_v<T> ? -limits::infinity() : limits::lowest();
  }
  template <class V> INLAY_INLINE static V join(const V& a, const V& b) { return select((b > a) | (b != b), b, a); }
  template <class V> INLAY_INLINE static auto lanes(const V& a) { return max_lanes(a); }
};
struct min_of {
  static constexpr const char* name = "min";
  template <class T> static constexpr T start() {
    using limits = std::numeric_limits<T>;
    return std::is_floating_point_v<T> ? limits::infinity() : (limits::max)();
  }
  template <class V> INLAY_INLINE static V join(const V& a, const V& b) { return select((b < a) | (b != b), b, a); }
  template <class V> INLAY_INLINE static auto lanes(const V& a) {
    typename V::value_type all[V::size];
    a.store(all);
    for (int i = 1; i < V::size; ++i)
      if (all[i] < all[0] || all[i] != all[i]) all[0] = all[i];
    return all[0];
  }
};

inline constexpr std::int64_t reduce_part = 2048;

// out[i] = the sum of row i of (rows, length).
template <class F, class T> struct reduce_rows {
  using memory_bound = void;

  template <isa Level>
  INLAY_INLINE static void run(const T* x, T* out, std::int64_t rows, std::int64_t length) noexcept {
    for (std::int64_t i = 0; i < rows; ++i) out[i] = row<Level>(x + i * length, length);
  }

 private:
  template <isa Level> INLAY_INLINE static T row(const T* x, std::int64_t length) {
    using V = simd<T, Level>;
    using one = simd<T, isa::plain>;
    T total = F::template start<T>();
    for (std::int64_t begin = 0; begin < length; begin += reduce_part) {
      const std::int64_t end = length - begin < reduce_part ? length : begin + reduce_part;
      V a(F::template start<T>()), b = a, c = a, d = a;
      std::int64_t i = begin;
      for (; i + 4 * V::size <= end; i += 4 * V::size) {
        a = F::join(a, V::load(x + i));
        b = F::join(b, V::load(x + i + V::size));
        c = F::join(c, V::load(x + i + 2 * V::size));
        d = F::join(d, V::load(x + i + 3 * V::size));
      }
      for (; i + V::size <= end; i += V::size) a = F::join(a, V::load(x + i));
      T sum = F::lanes(F::join(F::join(a, b), F::join(c, d)));
      for (; i < end; ++i) sum = F::join(one(sum), one(x[i])).v[0];
      total = F::join(one(total), one(sum)).v[0];
    }
    return total;
  }
};

// out[j] = the sum of column j of `count` columns; a row of x begins every `step`. Those that fill no register take
// their turn one by one, with the same bits.
template <class F, class T> struct reduce_columns {
  using memory_bound = void;

  template <isa Level>
  INLAY_INLINE static void run(const T* x, T* out, std::int64_t length, std::int64_t step,
                               std::int64_t count) noexcept {
    using V = simd<T, Level>;
    for (std::int64_t j = 0; j < count;) {
      const bool whole = j + V::size <= count;
      V total(F::template start<T>());
      for (std::int64_t begin = 0; begin < length; begin += reduce_part) {
        const std::int64_t end = length - begin < reduce_part ? length : begin + reduce_part;
        V sum(F::template start<T>());
        for (std::int64_t r = begin; r < end; ++r) {
          const T* from = x + r * step + j;
          sum = F::join(sum, whole ? V::load(from) : V(*from));
        }
        total = F::join(total, sum);
      }
      if (whole)
        total.store(out + j);
      else
        out[j] = total.v[0];
      j += whole ? V::size : 1;
    }
  }
};

}  // namespace inlay::inline v0_1::kernels

INLAY_PRECISE_END
