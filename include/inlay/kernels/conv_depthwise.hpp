// Convolution of planes by themselves (a group has one channel in and one out) with 3 x 3 kernels of stride 1, from
// where they lie: there is too little to compute for a copy of the plane. It waits for memory, if the registers do not
// hold it up.
//
// The register tile is 4 lines of 2 registers: 8 sums, of 9 products each, hide the latency of an FMA, and the 6 lines
// it sees are loaded 18 times for 36 products of a register of columns. Lines are copied between zeros as they come
// from memory, into a ring of 8 that stays in L1. The last tiles of a line overlap those before them. Order of a sum:
// over the kernel's lines, of each over its columns; bias last.
#pragma once

#include "conv.hpp"
#include "functions.hpp"

INLAY_PRECISE_BEGIN

namespace inlay::inline v0_1::kernels {

template <class T> struct conv_depthwise {
  std::int64_t groups, first, last;           // planes [first, last) of the batch, of group plane % groups
  std::int64_t height, width;                 // of the outputs
  std::int64_t in_height, in_width, in_size;  // in_size: from a plane to the next
  std::int64_t padding_height, padding_width;
  const T* x;
  const T* kernels;  // 3 x 3
  std::int64_t kernel_step;
  const T* bias;    // or null
  bool relu, past;  // past: see past_caches()
  T* y;
  T* scratch;  // ring() elements

  // Whether a geometry with one channel is done this way.
  static bool takes(const conv_geometry& g) noexcept {
    return g.channels == 1 && g.is_simple_3x3() && g.in[0] == 1 && g.out[0] == 1 && g.padding[0] == 0 &&
           g.padding[1] >= 0 && g.padding[2] >= 0 && g.out[2] >= 2 * simd<T, isa::avx2>::size;
  }
  static std::int64_t ring(const conv_geometry& g) noexcept { return slots * pitch(g.out[2]); }

  using memory_bound = void;
  using register_tile = void;
  template <isa Level> INLAY_INLINE static void run(const conv_depthwise* c) noexcept {
    for (std::int64_t i = 0; i < slots * pitch(c->width); ++i) c->scratch[i] = T{0};
    for (std::int64_t plane = c->first; plane < c->last; ++plane)
      c->convolve<Level>(c->x + plane * c->in_size, plane % c->groups, c->y + plane * c->height * c->width);
    if (c->past) end_of_stream();
  }

 private:
  static constexpr int lines = 4, seen = lines + 2;
  static constexpr std::int64_t slots = 8, ahead = 2048 / static_cast<int>(sizeof(T));
  static std::int64_t pitch(std::int64_t width) noexcept { return odd_lines(width + 2, sizeof(T)); }

  template <isa Level> INLAY_INLINE void convolve(const T* plane, std::int64_t group, T* to) const {
    constexpr std::int64_t columns = 2 * simd<T, Level>::size;
    const T* const weights = kernels + group * kernel_step;
    const T term = bias == nullptr ? T{0} : bias[group];
    const std::int64_t step = pitch(width);
    std::int64_t ready = 0;
    for (std::int64_t i = 0; i < height; i += lines) {
      const T* from[seen];
      for (; ready < i + seen; ++ready) copy<Level>(plane, ready - padding_height, scratch + ready % slots * step);
      for (int u = 0; u < seen; ++u) from[u] = scratch + (i + u) % slots * step;
      std::int64_t j = 0;
      for (; j + columns <= width; j += columns) tile<Level, 2>(from, j, weights, term, height - i, to + i * width);
      if (width - j > columns / 2)
        tile<Level, 2>(from, width - columns, weights, term, height - i, to + i * width);
      else if (j < width)
        tile<Level, 1>(from, width - columns / 2, weights, term, height - i, to + i * width);
    }
  }

  template <isa Level, int Registers>
  INLAY_INLINE void tile(const T* const* from, std::int64_t j, const T* weights, T term, std::int64_t left,
                         T* to) const {
    using V = simd<T, Level>;
    V sum[lines][Registers];
#pragma GCC unroll 4
    for (int r = 0; r < lines; ++r)
#pragma GCC unroll 2
      for (int at = 0; at < Registers; ++at) sum[r][at] = V::zero();
#pragma GCC unroll 6
    for (int u = 0; u < seen; ++u)
#pragma GCC unroll 3
      for (int v = 0; v < 3; ++v) {
        V here[Registers];
#pragma GCC unroll 2
        for (int at = 0; at < Registers; ++at) here[at] = V::load(from[u] + j + v + at * V::size);
#pragma GCC unroll 4
        for (int r = 0; r < lines; ++r) {
          if (u < r || u > r + 2) continue;
          const V weight(weights[(u - r) * 3 + v]);
#pragma GCC unroll 2
          for (int at = 0; at < Registers; ++at) sum[r][at] = multiply_add(here[at], weight, sum[r][at]);
        }
      }
#pragma GCC unroll 4
    for (int r = 0; r < lines; ++r) {
      if (r == left) return;
#pragma GCC unroll 2
      for (int at = 0; at < Registers; ++at) {
        const V out = sum[r][at] + V(term);
        (relu ? function::relu{}(out) : out).store(to + r * width + j + at * V::size, past);
      }
    }
  }

  // A line as the outputs see it, between zeros. Its ends are zeros already, in a line of the plane.
  template <isa Level> INLAY_INLINE void copy(const T* plane, std::int64_t line, T* to) const {
    using V = simd<T, Level>;
    const std::int64_t count = width + 2 - padding_width < in_width ? width + 2 - padding_width : in_width;
    if (line < 0 || line >= in_height) {
      for (std::int64_t j = 0; j < width + 2; ++j) to[j] = T{0};
      return;
    }
    const T* const from = plane + line * in_width;
    to += padding_width;
    std::int64_t j = 0;
    for (; j + V::size <= count; j += V::size) {
      __builtin_prefetch(from + j + ahead);
      V::load(from + j).store(to + j);
    }
    for (; j < count; ++j) to[j] = from[j];
  }
};

}  // namespace inlay::inline v0_1::kernels

INLAY_PRECISE_END
