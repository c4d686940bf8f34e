// Sums and maxima of x seen as (outer, length, inner), over the middle axis.
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
  template <class T> static constexpr T start() { return -std::numeric_limits<T>::infinity(); }
  template <class V> INLAY_INLINE static V join(const V& a, const V& b) { return select((b > a) | (b != b), b, a); }
  template <class V> INLAY_INLINE static auto lanes(const V& a) { return max_lanes(a); }
};

template <class F, class T> struct reduce {
  using memory_bound = void;
  static constexpr std::int64_t part = 2048;

  // out[o * inner + i] over columns [first, last) of outer * inner; contiguous rows when inner is 1.
  template <isa Level>
  INLAY_INLINE static void run(const T* x, T* out, std::int64_t length, std::int64_t inner, std::int64_t first,
                               std::int64_t last) noexcept {
    if (inner == 1) {
      for (std::int64_t o = first; o < last; ++o) out[o] = row<Level>(x + o * length, length);
      return;
    }
    for (std::int64_t at = first; at < last;) {
      const std::int64_t o = at / inner, i = at % inner;
      const std::int64_t count = last - at < inner - i ? last - at : inner - i;
      columns<Level>(length > 0 ? x + o * length * inner + i : x, out + at, length, inner, count);  // x may be null
      at += count;
    }
  }

 private:
  template <isa Level> INLAY_INLINE static T row(const T* x, std::int64_t length) {
    using V = simd<T, Level>;
    using one = simd<T, isa::plain>;
    T total = F::template start<T>();
    for (std::int64_t begin = 0; begin < length; begin += part) {
      const std::int64_t end = length - begin < part ? length : begin + part;
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

  template <isa Level>
  INLAY_INLINE static void columns(const T* x, T* out, std::int64_t length, std::int64_t inner, std::int64_t count) {
    using V = simd<T, Level>;
    for (std::int64_t j = 0; j < count; j += V::size) {
      const bool whole = j + V::size <= count;
      V total(F::template start<T>());
      for (std::int64_t begin = 0; begin < length; begin += part) {
        const std::int64_t end = length - begin < part ? length : begin + part;
        V sum(F::template start<T>());
        for (std::int64_t r = begin; r < end; ++r) {
          const T* from = x + r * inner + j;
          sum = F::join(sum, whole ? V::load(from) : V::load_first(from, count - j));
        }
        total = F::join(total, sum);
      }
      if (whole)
        total.store(out + j);
      else
        total.store_first(out + j, count - j);
    }
  }
};

}  // namespace inlay::inline v0_1::kernels

INLAY_PRECISE_END
