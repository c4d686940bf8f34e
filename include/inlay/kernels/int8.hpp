// Matrix products of whole numbers, for weights of 8 bits. Sums are exact, so their order does not matter.
//   c[i][j] = f(row_scale[i] column_scale[j] (sum over k of a[i][k] b[k][j]) + row_bias[i] + column_bias[j])
//
// One instruction (pmaddwd) multiplies pairs of 16 bits and adds the two products, so neighbours of k lie side by side:
// strips of A are [pair][rows][2] in 16 bits, panels of B [pair][columns][2] in 16 bits, or in 8: these are widened as
// they are loaded, or once for many strips. Tiles are as large as those of gemm.hpp. The instruction for 8 bits
// (pmaddubsw) would take a quarter less, but its sums of pairs saturate.
#pragma once

#include "functions.hpp"
#include "gemm.hpp"
#include "reduce.hpp"

INLAY_PRECISE_BEGIN

namespace inlay::inline v0_1::kernels {

// Activations are at most 255 and weights 128: so many products fit into a sum of 32 bits.
inline constexpr std::int64_t int8_most_products = std::numeric_limits<std::int32_t>::max() / (255 * 128);

// Finite and above 0, in a host built with -ffast-math too.
[[gnu::noinline]] inline bool is_positive(float x) noexcept { return x > 0 && x <= std::numeric_limits<float>::max(); }

// How numbers are written in 8 bits: q = round(x / scale), halves to even, between low and high; 0 stays 0.
struct int8_scale {
  float scale = 1, inverse = 1, low = -127, high = 127;

  // -127 to 127, for |x| <= largest.
  [[gnu::noinline]] static int8_scale symmetric(float largest) noexcept { return of(largest / 127, -127, 127); }
  // 256 steps from `lowest` <= 0 to `highest` >= 0. A range that is not finite makes every result NaN.
  [[gnu::noinline]] static int8_scale affine(float lowest, float highest) noexcept {
    const float scale = (highest - lowest) / 255, zero = scale > 0 ? __builtin_rintf(-lowest / scale) : 0;
    return of(scale, -zero, 255 - zero);
  }

 private:
  static int8_scale of(float scale, float low, float high) noexcept {
    if (scale == 0) return {1, 1, low, high};
    if (!is_positive(scale)) return {std::numeric_limits<float>::quiet_NaN(), 0, 0, 0};
    return {scale, 1 / scale, low, high};
  }
};

// out[0], out[1] = the least and the greatest of x and 0; NaN when there is one.
struct extremes {
  using memory_bound = void;
  template <isa Level> INLAY_INLINE static void run(const float* x, std::int64_t count, float* out) noexcept {
    using V = simd<float, Level>;
    V least[2] = {V::zero(), V::zero()}, greatest[2] = {V::zero(), V::zero()};  // two hide the latency of comparing
    for (std::int64_t i = 0; i < count; i += 2 * V::size)
#pragma GCC unroll 2
      for (int j = 0; j < 2; ++j) {
        const V here = V::load_up_to(x + i + j * V::size, count - i - j * V::size);
        least[j] = min_of::join(least[j], here);
        greatest[j] = max_of::join(greatest[j], here);
      }
    out[0] = min_of::lanes(min_of::join(least[0], least[1]));
    out[1] = max_of::lanes(max_of::join(greatest[0], greatest[1]));
  }
};

// q = x in whole numbers; writes up to the next full register.
struct to_int16 {
  using memory_bound = void;
  template <isa Level>
  INLAY_INLINE static void run(const float* x, std::int64_t count, int8_scale s, std::int16_t* q) noexcept {
    using V = simd<float, Level>;
    using narrow = typename inlay::detail::raw_vector<std::int16_t, register_bytes(Level) / 2>::type;
    const V inverse(s.inverse), low(s.low), high(s.high), magic(12582912.0f);  // 1.5 · 2^23: its last bit counts ones
    for (std::int64_t i = 0; i < count; i += V::size) {
      const V t = min(max(V::load_up_to(x + i, count - i) * inverse, low), high);
      const narrow whole = __builtin_convertvector(((t + magic).bits() - magic.bits()).v, narrow);
      std::memcpy(q + i, &whole, sizeof(whole));
    }
  }
};

inline std::int64_t int8_pairs(std::int64_t k) noexcept { return (k + 1) / 2; }

// Height of the strips of A with m rows: the level's, or 4 where that leaves a quarter less to fill up; and numbers
// they take.
constexpr std::int64_t int8_strip_rows(std::int64_t widest, std::int64_t m) noexcept {
  return m == 1 ? 1 : (m + 3) / 4 * 16 < (m + widest - 1) / widest * widest * 3 ? 4 : widest;
}
inline std::int64_t int8_strip_rows(isa level, std::int64_t m) noexcept {
  return int8_strip_rows(gemm_strip_rows<float>(level), m);
}
inline std::int64_t int8_strips(isa level, std::int64_t m, std::int64_t k) noexcept {
  const std::int64_t rows = int8_strip_rows(level, m);
  return (m + rows - 1) / rows * rows * 2 * int8_pairs(k);
}

// Lines of k numbers to [pair][width][2]; lines from `count` on are 0.
template <class From, class To>
[[gnu::noinline]] void int8_interleave(const From* lines, std::int64_t line_step, std::int64_t count, std::int64_t k,
                                       std::int64_t width, To* out) noexcept {
  for (std::int64_t pair = 0; pair < int8_pairs(k); ++pair)
    for (std::int64_t line = 0; line < width; ++line, out += 2) {
      const From* from = lines + line * line_step + 2 * pair;
      out[0] = line < count ? static_cast<To>(from[0]) : To{0};
      out[1] = line < count && 2 * pair + 1 < k ? static_cast<To>(from[1]) : To{0};
    }
}

// Two lines of `count` columns to [column][2]. `count` is a multiple of 8.
[[gnu::noinline]] inline void int8_zip(const std::int16_t* first, const std::int16_t* second, std::int64_t count,
                                       std::int16_t* out) noexcept {
  using V = simd<std::int16_t, isa::plain>;
  for (std::int64_t i = 0; i < count; i += V::size) {
    const V a = V::load(first + i), b = V::load(second + i);
    V::wrap(__builtin_shufflevector(a.v, b.v, 0, 8, 1, 9, 2, 10, 3, 11)).store(out + 2 * i);
    V::wrap(__builtin_shufflevector(a.v, b.v, 4, 12, 5, 13, 6, 14, 7, 15)).store(out + 2 * i + V::size);
  }
}

namespace detail {

// Levels that have these instructions for a whole register; compilers do not find them in vector expressions.
#if !INLAY_X86
template <isa Level> inline constexpr bool has_pair_products = false;
#elif defined(INLAY_EMULATE_AVX512)
template <isa Level> inline constexpr bool has_pair_products = Level == isa::avx2;
#else
template <isa Level> inline constexpr bool has_pair_products = Level != isa::plain;
#endif

#if INLAY_X86 && defined(__clang__)
// clang accepts such an instruction in a function of its level only, which it then inlines into kernels of that level.
[[gnu::target("avx2")]] inline void multiply_pairs(const simd<std::int16_t, isa::avx2>& a,
                                                   const simd<std::int16_t, isa::avx2>& b,
                                                   simd<std::int32_t, isa::avx2>& out) noexcept {
  out.v = __builtin_ia32_pmaddwd256(a.v, b.v);
}
[[gnu::target("avx512bw")]] inline void multiply_pairs(const simd<std::int16_t, isa::avx512>& a,
                                                       const simd<std::int16_t, isa::avx512>& b,
                                                       simd<std::int32_t, isa::avx512>& out) noexcept {
  out.v = __builtin_ia32_pmaddwd512(a.v, b.v);
}
#endif

// a[2i] b[2i] + a[2i + 1] b[2i + 1] in lane i.
template <isa Level>
INLAY_INLINE simd<std::int32_t, Level> pair_products(const simd<std::int16_t, Level>& a,
                                                     const simd<std::int16_t, Level>& b) {
  simd<std::int32_t, Level> out;
#if INLAY_X86
  if constexpr (has_pair_products<Level>) {
#if defined(__clang__)
    multiply_pairs(a, b, out);
#else
    asm("vpmaddwd %2, %1, %0" : "=v"(out.v) : "v"(a.v), "v"(b.v));
#endif
    return out;
  } else if constexpr (Level == isa::plain) {
    std::memcpy(&out.v, &a.v, sizeof(a.v));
    asm("pmaddwd %1, %0" : "+x"(out.v) : "x"(b.v));
    return out;
  }
#endif
  for (int i = 0; i < simd<std::int32_t, Level>::size; ++i)
    out.v[i] = a.v[2 * i] * b.v[2 * i] + a.v[2 * i + 1] * b.v[2 * i + 1];
  return out;
}

template <isa Level> INLAY_INLINE simd<std::int16_t, Level> load_wide(const std::int16_t* from) {
  return simd<std::int16_t, Level>::load(from);
}
template <isa Level> INLAY_INLINE simd<std::int16_t, Level> load_wide(const std::int8_t* from) {
  using bytes = typename inlay::detail::raw_vector<std::int8_t, register_bytes(Level) / 2>::type;
  struct [[gnu::packed]] unaligned {
    bytes v;
  };
  const auto* narrow = reinterpret_cast<const unaligned*>(from);
  simd<std::int16_t, Level> out;
#if INLAY_X86 && !defined(__clang__)  // which makes one instruction of the line below; GCC makes four
  if constexpr (has_pair_products<Level>) {
    asm("vpmovsxbw %1, %0" : "=v"(out.v) : "m"(*narrow));
    return out;
  }
#endif
  out.v = __builtin_convertvector(narrow->v, typename simd<std::int16_t, Level>::raw);
  return out;
}

}  // namespace detail

template <class Right> struct int8_problem {
  std::int64_t m, n, k;
  const std::int16_t* strips;  // A
  const Right* panels;         // B, in 8 or 16 bits
  float* c;
  std::int64_t c_row;
  operand<float> row_scale, column_scale;
  const float *row_bias, *column_bias;  // or null
  bool relu;
};

// Strips [strip_first, strip_last) and panels [panel_first, panel_last) of a problem.
template <class Right> struct int8_range {
  using register_tile = void;
  template <isa Level>
  INLAY_INLINE static void run(const int8_problem<Right>* problem, std::int64_t strip_first, std::int64_t strip_last,
                               std::int64_t panel_first, std::int64_t panel_last) noexcept {
    const int8_problem<Right>& g = *problem;
    const std::int64_t height = int8_strip_rows(std::int64_t{widest<Level>}, g.m), pairs = int8_pairs(g.k);
    // Strips that fit into half of L2 stay there while the panels go by.
    constexpr std::int64_t room = 12 * 1024 / (widest<Level> * columns<Level> * 4);
    std::int64_t most = (256 << 10) / (height * pairs * 4 + 1) + 1;
    if (most > room) most = room;
    std::int32_t sums[room][widest<Level> * columns<Level>];
    for (std::int64_t from = strip_first; from < strip_last; from += most) {
      const std::int64_t count = strip_last - from < most ? strip_last - from : most;
      for (std::int64_t panel = panel_first; panel < panel_last; ++panel) {
        std::memset(sums, 0, static_cast<std::size_t>(count) * sizeof(sums[0]));
        multiply<Level>(height, count, pairs, g.strips + from * height * 2 * pairs,
                        g.panels + panel * columns<Level> * 2 * pairs, sums[0]);
        for (std::int64_t i = 0; i < count; ++i)
          finish<Level>(g, (from + i) * height, height, panel * columns<Level>, sums[i]);
      }
    }
  }

 private:
  template <isa Level> static constexpr int widest = gemm_blocking<float, Level>::rows;
  template <isa Level> static constexpr int columns = gemm_blocking<float, Level>::columns;

  // `count` strips times a panel. For the widest strips it is widened before, a piece at a time that stays in L1.
  template <isa Level>
  INLAY_INLINE static void multiply(std::int64_t height, std::int64_t count, std::int64_t pairs, const std::int16_t* a,
                                    const Right* b, std::int32_t* sums) {
    using W = simd<std::int16_t, Level>;
    constexpr std::int64_t depth = 16 * 1024 / (4 * columns<Level>), step = widest<Level> * columns<Level>;
    if (height == 1) return tile<Level, 1>(pairs, a, b, sums);
    if (widest<Level> != 4 && height == 4) {
      for (std::int64_t i = 0; i < count; ++i) tile<Level, 4>(pairs, a + i * 4 * 2 * pairs, b, sums + i * step);
      return;
    }
    std::int16_t wide[depth * 2 * columns<Level>];
    for (std::int64_t p = 0; p < pairs; p += depth) {
      const std::int64_t length = pairs - p < depth ? pairs - p : depth;
      const std::int16_t* right = wide;
      if constexpr (sizeof(Right) == sizeof(wide[0]))
        right = b + p * 2 * columns<Level>;
      else
        for (std::int64_t i = 0; i < length * 2 * columns<Level>; i += W::size)
          detail::load_wide<Level>(b + p * 2 * columns<Level> + i).store(wide + i);
      for (std::int64_t i = 0; i < count; ++i)
        tile<Level, widest<Level>>(length, a + (i * pairs + p) * 2 * height, right, sums + i * step);
    }
  }

  // The register tile: adds Rows x columns sums.
  template <isa Level, int Rows, class From>
  INLAY_INLINE static void tile(std::int64_t pairs, const std::int16_t* a, const From* b, std::int32_t* sums) {
    using V = simd<std::int32_t, Level>;
    using W = simd<std::int16_t, Level>;
    V sum[Rows][2];
#pragma GCC unroll 12
    for (int i = 0; i < Rows; ++i) {
      sum[i][0] = V::load(sums + 2 * i * V::size);
      sum[i][1] = V::load(sums + (2 * i + 1) * V::size);
    }
    for (std::int64_t p = 0; p < pairs; ++p, a += 2 * Rows, b += 2 * W::size) {
      const W first = detail::load_wide<Level>(b), second = detail::load_wide<Level>(b + W::size);
#pragma GCC unroll 12
      for (int i = 0; i < Rows; ++i) {
        std::int32_t both;
        std::memcpy(&both, a + 2 * i, sizeof(both));
        W left;
        const V repeated(both);
        std::memcpy(&left.v, &repeated.v, sizeof(left.v));
        sum[i][0] += detail::pair_products<Level>(left, first);
        sum[i][1] += detail::pair_products<Level>(left, second);
      }
    }
#pragma GCC unroll 12
    for (int i = 0; i < Rows; ++i) {
      sum[i][0].store(sums + 2 * i * V::size);
      sum[i][1].store(sums + (2 * i + 1) * V::size);
    }
  }

  // Scales, biases and f, for the part of a tile that lies inside C.
  template <isa Level>
  INLAY_INLINE static void finish(const int8_problem<Right>& g, std::int64_t i, std::int64_t rows, std::int64_t j,
                                  const std::int32_t* sums) {
    using V = simd<float, Level>;
    constexpr int columns = gemm_blocking<float, Level>::columns;
    const std::int64_t last = g.m - i < rows ? g.m - i : rows, width = g.n - j < columns ? g.n - j : columns;
    for (std::int64_t r = 0; r < last; ++r) {
      const float scale = g.row_scale.data[(i + r) * g.row_scale.step];
      const float bias = g.row_bias != nullptr ? g.row_bias[i + r] : 0;
      for (std::int64_t at = 0; at < width; at += V::size) {
        const std::int64_t left = width - at;
        const auto sum = simd<std::int32_t, Level>::load(sums + r * columns + at);
        V whole, scales(g.column_scale.data[0]);
        whole.v = __builtin_convertvector(sum.v, typename V::raw);
        if (g.column_scale.step != 0) scales = V::load_up_to(g.column_scale.data + j + at, left);
        V offset(bias);
        if (g.column_bias != nullptr) offset += V::load_up_to(g.column_bias + j + at, left);
        const V y = multiply_add(whole, scales * V(scale), offset);
        (g.relu ? function::relu{}(y) : y).store_up_to(g.c + (i + r) * g.c_row + j + at, left);
      }
    }
  }
};

}  // namespace inlay::inline v0_1::kernels

INLAY_PRECISE_END
