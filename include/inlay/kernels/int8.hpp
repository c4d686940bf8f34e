// Matrix products of whole numbers, for weights of 8 bits. Sums are exact, so their order does not matter.
//   c[i][j] = f(row_scale[i] column_scale[j] (sum over k of a[i][k] b[k][j]) + row_bias[i] + column_bias[j])
//
// An instruction multiplies the numbers in the words of 32 bits of two registers and adds up the products of each word,
// so neighbours of k lie side by side: strips of A are [word][rows], panels of B [word][columns]. A word holds
//   pairs: two numbers of 16 bits (pmaddwd); B's may come in 8, and are widened as they are loaded, or once for many
//     strips. The instruction for 8 bits (pmaddubsw) would take a quarter less, but its sums of pairs saturate.
//   quads: four numbers of 8 bits, A's without a sign (vpdpbusd, which adds to the sums too: VNNI). A row of A is too
//     large by its zero; that times the sum of a column of B comes off at the end.
// Tiles are as large as those of gemm.hpp.
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

// out[0], out[1] = the least and the greatest of x and 0; NaN when one is not finite.
struct extremes {
  template <isa Level> INLAY_INLINE static void run(const float* x, std::int64_t count, float* out) noexcept {
    using V = simd<float, Level>;
    // Two of each hide the latency of comparing.
    V least[2] = {V::zero(), V::zero()}, greatest[2] = {V::zero(), V::zero()}, odd[2] = {V::zero(), V::zero()};
    for (std::int64_t i = 0; i < count; i += 2 * V::size)
#pragma GCC unroll 2
      for (int j = 0; j < 2; ++j) {
        const V here = V::load_up_to(x + i + j * V::size, count - i - j * V::size);
        least[j] = min(here, least[j]);
        greatest[j] = max(here, greatest[j]);
        odd[j] = multiply_add(here, V::zero(), odd[j]);
      }
    const V end = lane_sums(odd[0] + odd[1]);
    out[0] = min_of::lanes(min(least[0], least[1]) + end);
    out[1] = max_of::lanes(max(greatest[0], greatest[1]) + end);
  }
};

// q = x in whole numbers, or for quads q - low, from 0 to 255; writes up to the next full register.
template <class Q> struct to_whole {
  template <isa Level> INLAY_INLINE static void run(const float* x, std::int64_t count, int8_scale s, Q* q) noexcept {
    using V = simd<float, Level>;
    using narrow = typename inlay::detail::raw_vector<Q, register_bytes(Level) /
                                                             static_cast<int>(sizeof(float) / sizeof(Q))>::type;
    const V inverse(s.inverse), low(s.low), high(s.high), magic(12582912.0f);  // 1.5 · 2^23: its last bit counts ones
    const auto zero = (magic + (sizeof(Q) == 1 ? low : V::zero())).bits();
    for (std::int64_t i = 0; i < count; i += V::size) {
      const V t = min(max(V::load_up_to(x + i, count - i) * inverse, low), high);
      const narrow whole = __builtin_convertvector(((t + magic).bits() - zero).v, narrow);
      std::memcpy(q + i, &whole, sizeof(whole));
    }
  }
};

// Numbers of A in a word, and words that k of them take.
template <class Left> inline constexpr std::int64_t int8_group = 4 / std::int64_t{sizeof(Left)};
template <class Left> std::int64_t int8_words(std::int64_t k) noexcept {
  return (k + int8_group<Left> - 1) / int8_group<Left>;
}

// Height of the strips of A with m rows: the level's, or 4 where that leaves a quarter less to fill up; and numbers
// they take.
constexpr std::int64_t int8_strip_rows(std::int64_t widest, std::int64_t m) noexcept {
  return m == 1 ? 1 : (m + 3) / 4 * 16 < (m + widest - 1) / widest * widest * 3 ? 4 : widest;
}
inline std::int64_t int8_strip_rows(isa level, std::int64_t m) noexcept {
  return int8_strip_rows(gemm_strip_rows<float>(level), m);
}
template <class Left> std::int64_t int8_strips(isa level, std::int64_t m, std::int64_t k) noexcept {
  const std::int64_t rows = int8_strip_rows(level, m);
  return (m + rows - 1) / rows * rows * int8_group<Left> * int8_words<Left>(k);
}

// Lines of k numbers to [word][width], for products with a Left; lines from `count` on are 0.
template <class Left, class From, class To>
[[gnu::noinline]] void int8_interleave(const From* lines, std::int64_t line_step, std::int64_t count, std::int64_t k,
                                       std::int64_t width, To* out) noexcept {
  for (std::int64_t p = 0; p < k; p += int8_group<Left>)
    for (std::int64_t line = 0; line < width; ++line)
      for (std::int64_t i = p; i < p + int8_group<Left>; ++i)
        *out++ = line < count && i < k ? static_cast<To>(lines[line * line_step + i]) : To{0};
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
[[gnu::target("avx512f,avx512vnni")]] inline void add_by_vnni(std::int16_t, const simd<std::int32_t, isa::avx512>& a,
                                                              const simd<std::int32_t, isa::avx512>& b,
                                                              simd<std::int32_t, isa::avx512>& sum) noexcept {
  sum.v = __builtin_ia32_vpdpwssd512(sum.v, a.v, b.v);
}
[[gnu::target("avx512f,avx512vnni")]] inline void add_by_vnni(std::uint8_t, const simd<std::int32_t, isa::avx512>& a,
                                                              const simd<std::int32_t, isa::avx512>& b,
                                                              simd<std::int32_t, isa::avx512>& sum) noexcept {
  sum.v = __builtin_ia32_vpdpbusd512(sum.v, a.v, b.v);
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

// A register of words of B.
template <class Left, isa Level, class Right> INLAY_INLINE simd<std::int32_t, Level> load_words(const Right* from) {
  simd<std::int32_t, Level> out;
  if constexpr (sizeof(Right) == sizeof(Left)) {
    std::memcpy(&out.v, from, sizeof(out.v));
  } else {
    const auto wide = load_wide<Level>(from);
    std::memcpy(&out.v, &wide.v, sizeof(out.v));
  }
  return out;
}

template <isa Level> INLAY_INLINE simd<std::int16_t, Level> as_pairs(const simd<std::int32_t, Level>& words) {
  simd<std::int16_t, Level> out;
  std::memcpy(&out.v, &words.v, sizeof(out.v));
  return out;
}

// sum += the products of the numbers in each word.
template <class Left, bool Vnni, isa Level>
INLAY_INLINE void add_products(const simd<std::int32_t, Level>& a, const simd<std::int32_t, Level>& b,
                               simd<std::int32_t, Level>& sum) {
#if INLAY_X86
  if constexpr (Vnni) {
#if defined(__clang__)
    add_by_vnni(Left{}, a, b, sum);
#else
    if constexpr (sizeof(Left) == 1)
      asm("vpdpbusd %2, %1, %0" : "+v"(sum.v) : "v"(a.v), "v"(b.v));
    else
      asm("vpdpwssd %2, %1, %0" : "+v"(sum.v) : "v"(a.v), "v"(b.v));
#endif
    return;
  }
#endif
  const auto left = as_pairs(a), right = as_pairs(b);
  if constexpr (sizeof(Left) == 2) {
    sum += pair_products<Level>(left, right);
  } else {
    const simd<std::int16_t, Level> even(std::int16_t{255});
    sum += pair_products<Level>(left & even, (right << 8) >> 8) + pair_products<Level>((left >> 8) & even, right >> 8);
  }
}

}  // namespace detail

template <class Left, class Right> struct int8_problem {
  std::int64_t m, n, k;
  const Left* strips;   // A: std::int16_t for pairs, std::uint8_t for quads
  const Right* panels;  // B: std::int8_t, or std::int16_t for pairs
  float* c;
  std::int64_t c_row;
  operand<float> row_scale, column_scale;
  const float *row_bias = nullptr, *column_bias = nullptr;
  bool relu;
  const std::int32_t *row_zero = nullptr, *column_sum = nullptr;  // of quads: of each row of A, of each column of B
};

// Strips [strip_first, strip_last) and panels [panel_first, panel_last) of a problem.
template <class Left, class Right> struct int8_range {
  using register_tile = void;
  using whole_products = void;
  template <isa Level, bool Vnni = false>
  INLAY_INLINE static void run(const int8_problem<Left, Right>* problem, std::int64_t strip_first,
                               std::int64_t strip_last, std::int64_t panel_first, std::int64_t panel_last) noexcept {
    const int8_problem<Left, Right>& g = *problem;
    const std::int64_t height = int8_strip_rows(std::int64_t{widest<Level>}, g.m), words = int8_words<Left>(g.k);
    // Strips that fit into half of L2 stay there while the panels go by.
    constexpr std::int64_t room = 12 * 1024 / (widest<Level> * columns<Level> * 4);
    std::int64_t most = (256 << 10) / (height * words * 4 + 1) + 1;
    if (most > room) most = room;
    std::int32_t sums[room][widest<Level> * columns<Level>];
    for (std::int64_t from = strip_first; from < strip_last; from += most) {
      const std::int64_t count = strip_last - from < most ? strip_last - from : most;
      for (std::int64_t panel = panel_first; panel < panel_last; ++panel) {
        multiply<Level, Vnni>(height, count, words, g.strips + from * height * each * words,
                              g.panels + panel * columns<Level> * each * words, sums[0]);
        for (std::int64_t i = 0; i < count; ++i)
          finish<Level>(g, (from + i) * height, height, panel * columns<Level>, sums[i]);
      }
    }
  }

 private:
  static constexpr std::int64_t each = int8_group<Left>;
  template <isa Level> static constexpr int widest = gemm_blocking<float, Level>::rows;
  template <isa Level> static constexpr int columns = gemm_blocking<float, Level>::columns;

  // `count` strips times a panel. For the widest strips it is widened before, a piece at a time that stays in L1.
  template <isa Level, bool Vnni>
  INLAY_INLINE static void multiply(std::int64_t height, std::int64_t count, std::int64_t words, const Left* a,
                                    const Right* b, std::int32_t* sums) {
    constexpr bool in_place = sizeof(Right) == sizeof(Left);
    constexpr std::int64_t depth = 16 * 1024 / (4 * columns<Level>), step = widest<Level> * columns<Level>;
    if (height == 1) return tile<Level, Vnni, 1>(words, a, b, false, sums);
    if (widest<Level> != 4 && height == 4) {
      for (std::int64_t i = 0; i < count; ++i)
        tile<Level, Vnni, 4>(words, a + i * 4 * each * words, b, false, sums + i * step);
      return;
    }
    using Taken = std::conditional_t<in_place, Right, std::int16_t>;
    std::int16_t wide[in_place ? 1 : depth * each * columns<Level>];
    std::int64_t p = 0;
    do {  // at least once: k = 0 gives sums of 0
      const std::int64_t length = words - p < depth ? words - p : depth;
      const Right* here = b + p * each * columns<Level>;
      const Taken* right;
      if constexpr (in_place) {
        right = here;
      } else {
        for (std::int64_t i = 0; i < length * each * columns<Level>; i += simd<std::int16_t, Level>::size)
          detail::load_wide<Level>(here + i).store(wide + i);
        right = wide;
      }
      for (std::int64_t i = 0; i < count; ++i)
        tile<Level, Vnni, widest<Level>>(length, a + (i * words + p) * each * height, right, p > 0, sums + i * step);
      p += depth;
    } while (p < words);
  }

  // The register tile: Rows x columns sums, or what they grow by.
  template <isa Level, bool Vnni, int Rows, class From>
  INLAY_INLINE static void tile(std::int64_t words, const Left* a, const From* b, bool grow, std::int32_t* sums) {
    using V = simd<std::int32_t, Level>;
    V sum[Rows][2];
#pragma GCC unroll 12
    for (int i = 0; i < Rows; ++i) {
      sum[i][0] = grow ? V::load(sums + 2 * i * V::size) : V::zero();
      sum[i][1] = grow ? V::load(sums + (2 * i + 1) * V::size) : V::zero();
    }
    for (std::int64_t p = 0; p < words; ++p, a += each * Rows, b += each * 2 * V::size) {
      const V first = detail::load_words<Left, Level>(b), second = detail::load_words<Left, Level>(b + each * V::size);
#pragma GCC unroll 12
      for (int i = 0; i < Rows; ++i) {
        std::int32_t word;
        std::memcpy(&word, a + each * i, sizeof(word));
        const V left(word);
        detail::add_products<Left, Vnni>(left, first, sum[i][0]);
        detail::add_products<Left, Vnni>(left, second, sum[i][1]);
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
  INLAY_INLINE static void finish(const int8_problem<Left, Right>& g, std::int64_t i, std::int64_t rows, std::int64_t j,
                                  const std::int32_t* sums) {
    using V = simd<float, Level>;
    using I = simd<std::int32_t, Level>;
    const std::int64_t last = g.m - i < rows ? g.m - i : rows,
                       width = g.n - j < columns<Level> ? g.n - j : columns<Level>;
    for (std::int64_t at = 0; at < width; at += V::size) {
      const std::int64_t column = j + at, left = width - at;
      const V scales =
          g.column_scale.step != 0 ? V::load_up_to(g.column_scale.data + column, left) : V(g.column_scale.data[0]);
      const V biases = g.column_bias != nullptr ? V::load_up_to(g.column_bias + column, left) : V::zero();
      const V least(g.relu ? 0 : -std::numeric_limits<float>::infinity());
      I total = I::zero();
      if constexpr (each == 4) total = I::load_up_to(g.column_sum + column, left);
      for (std::int64_t r = 0; r < last; ++r) {
        I sum = I::load(sums + r * columns<Level> + at);
        if constexpr (each == 4) sum = sum - I(g.row_zero[i + r]) * total;
        V whole, offset = biases;
        whole.v = __builtin_convertvector(sum.v, typename V::raw);
        if (g.row_bias != nullptr) offset += V(g.row_bias[i + r]);
        const V y = multiply_add(whole, scales * V(g.row_scale.data[(i + r) * g.row_scale.step]), offset);
        max(least, y).store_up_to(g.c + (i + r) * g.c_row + column, left);  // the order lets NaN through
      }
    }
  }
};

}  // namespace inlay::inline v0_1::kernels

INLAY_PRECISE_END
