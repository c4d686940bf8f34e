// Convolution by F(2x2, 3x3) (Winograd, 1980; Lavin and Gray, 2016): a tile of 2 x 2 outputs of a 3 x 3 kernel takes 16
// products of transformed numbers in place of 36:
//   y = A^T [ (G w G^T) . (B^T x B) ] A,   x: 4 x 4 elements, tiles 2 apart
//   B^T = 1 0 -1 0 | 0 1 1 0 | 0 -1 1 0 | 0 1 0 -1    G = 1 0 0 | 1/2 1/2 1/2 | 1/2 -1/2 1/2 | 0 0 1
//   A^T = 1 1 1 0 | 0 1 -1 -1
// For each of the 16 positions that is a product of matrices, (K x C) times (C x tiles), done by conv_direct.hpp's
// tile. The image has its even and odd rows and columns apart (what a stride of 2 asks of conv_image), so that
// neighbouring tiles see neighbouring elements; a register of tiles is transformed at a time. Rounding errors are about
// twice those of the direct sum. An infinity makes NaN of all outputs of its tiles.
#pragma once

#include "conv_direct.hpp"

INLAY_PRECISE_BEGIN

namespace inlay::inline v0_1::kernels {

inline constexpr int winograd_positions = 16;

// What a convolution's tiles see, as one of stride 2: output (i, j) of it is tile (i, j).
inline conv_geometry winograd_tiles(conv_geometry g) noexcept {
  for (const std::size_t axis : {1u, 2u}) {
    g.out[axis] = (g.out[axis] + 1) / 2;
    g.kernel[axis] = 4;
    g.stride[axis] = 2;
  }
  return g;
}

// G w G^T of a 3 x 3 kernel, element e of it w[e step]; position p goes to out[p out_step].
template <class T> INLAY_INLINE void winograd_weight(const T* w, std::int64_t step, T* out, std::int64_t out_step) {
  T half[4][3];
  const auto spread = [](T a, T b, T c, T* to, std::int64_t by) {
    const T ends = a + c;
    to[0] = a;
    to[by] = (ends + b) / 2;
    to[2 * by] = (ends - b) / 2;
    to[3 * by] = c;
  };
  for (std::int64_t j = 0; j < 3; ++j) spread(w[j * step], w[(3 + j) * step], w[(6 + j) * step], &half[0][j], 3);
  for (std::int64_t i = 0; i < 4; ++i) spread(half[i][0], half[i][1], half[i][2], out + 4 * i * out_step, out_step);
}

namespace detail {

// B^T (a, b, c, d).
template <class V> INLAY_INLINE void winograd_in(V& a, V& b, V& c, V& d) {
  const V first = a - c, last = b - d, sum = b + c;
  c = c - b;
  a = first;
  b = sum;
  d = last;
}
// A^T (a, b, c, d), two numbers.
template <class V> INLAY_INLINE void winograd_out(const V& a, const V& b, const V& c, const V& d, V& one, V& two) {
  one = a + b + c;
  two = b - c - d;
}
// One of a and one of b in turn, from lane `From` of each.
template <int From, class V, int... Lane>
INLAY_INLINE V interleaved(const V& a, const V& b, std::integer_sequence<int, Lane...>) {
  return V::wrap(__builtin_shufflevector(a.v, b.v, (From + Lane / 2 + Lane % 2 * V::size)...));
}

}  // namespace detail

// B^T x B of `height` x `width` tiles of each channel, from the image of a band: position p of tile t of channel c goes
// to out[(p channels + c) row + t]. Writes up to a register behind the last tile.
template <class T> struct winograd_input {
  std::int64_t channels, height, width;
  const T* image;
  std::int64_t pitch, plane;  // of the image; a channel has four planes
  T* out;
  std::int64_t row;

  using memory_bound = void;
  using register_tile = void;
  template <isa Level> INLAY_INLINE static void run(const winograd_input* t) noexcept {
    for (std::int64_t c = 0; c < t->channels; ++c)
      for (std::int64_t i = 0; i < t->height; ++i)
        for (std::int64_t j = 0; j < t->width; j += simd<T, Level>::size)  // what is too much the next line overwrites
          t->tiles<Level>(t->image + 4 * c * t->plane + i * t->pitch + j, t->out + c * t->row + i * t->width + j);
  }

 private:
  template <isa Level> INLAY_INLINE void tiles(const T* from, T* to) const {
    using V = simd<T, Level>;
    V d[4][4];
#pragma GCC unroll 4
    for (int v = 0; v < 4; ++v) {
#pragma GCC unroll 4
      for (int u = 0; u < 4; ++u) d[u][v] = V::load(from + (u % 2 * 2 + v % 2) * plane + u / 2 * pitch + v / 2);
      detail::winograd_in(d[0][v], d[1][v], d[2][v], d[3][v]);
    }
    const std::int64_t step = channels * row;
#pragma GCC unroll 4
    for (int u = 0; u < 4; ++u) {
      detail::winograd_in(d[u][0], d[u][1], d[u][2], d[u][3]);
#pragma GCC unroll 4
      for (int v = 0; v < 4; ++v) d[u][v].store(to + (4 * u + v) * step);
    }
  }
};

// y = f(A^T m A + bias) for `height` x `width` outputs of each row of the products, f = max(., 0) or nothing; position
// p of tile t of row k is at sums[(p rows + k) row + t], with a register's room behind the last.
template <class T> struct winograd_output {
  std::int64_t rows, height, width;
  const T* sums;
  std::int64_t row;
  const T* bias;  // of each row, or null
  bool relu;
  T* y;
  std::int64_t y_row, y_line;
  bool past;  // see past_caches()

  using memory_bound = void;
  using register_tile = void;
  template <isa Level> INLAY_INLINE static void run(const winograd_output* t) noexcept {
    const std::int64_t across = (t->width + 1) / 2;
    for (std::int64_t k = 0; k < t->rows; ++k)
      for (std::int64_t i = 0; 2 * i < t->height; ++i)
        for (std::int64_t j = 0; j < across; j += simd<T, Level>::size)
          t->tiles<Level>(t->sums + k * t->row + i * across + j, t->bias == nullptr ? T{0} : t->bias[k],
                          t->y + k * t->y_row + 2 * i * t->y_line + 2 * j, t->height - 2 * i, t->width - 2 * j);
    if (t->past) end_of_stream();
  }

 private:
  template <isa Level>
  INLAY_INLINE void tiles(const T* from, T term, T* to, std::int64_t lines, std::int64_t left) const {
    using V = simd<T, Level>;
    const std::int64_t step = rows * row;
    V half[2][4];
#pragma GCC unroll 4
    for (int v = 0; v < 4; ++v)
      detail::winograd_out(V::load(from + v * step), V::load(from + (4 + v) * step), V::load(from + (8 + v) * step),
                           V::load(from + (12 + v) * step), half[0][v], half[1][v]);
#pragma GCC unroll 2
    for (int u = 0; u < 2; ++u) {
      if (u == lines) return;
      V even, odd;
      detail::winograd_out(half[u][0], half[u][1], half[u][2], half[u][3], even, odd);
      even = finished(even, term);
      odd = finished(odd, term);
      constexpr auto lanes = std::make_integer_sequence<int, V::size>();
      const V first = detail::interleaved<0>(even, odd, lanes),
              second = detail::interleaved<V::size / 2>(even, odd, lanes);
      first.store_up_to(to + u * y_line, left, past);
      if (left > V::size) second.store_up_to(to + u * y_line + V::size, left - V::size, past);
    }
  }
  template <class V> INLAY_INLINE V finished(const V& sum, T term) const {
    const V out = sum + V(term);
    return relu ? function::relu{}(out) : out;
  }
};

}  // namespace inlay::inline v0_1::kernels

INLAY_PRECISE_END
