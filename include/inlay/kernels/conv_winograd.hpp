// Convolution of 3 x 3 kernels by F(T x T, 3 x 3) (Winograd, 1980; Lavin and Gray, 2016): a tile of T x T outputs takes
// (T + 2)^2 products of transformed numbers in place of 9 T^2. For T = 4 that is a quarter, for T = 2 four ninths:
//   y = A^T [ (G w G^T) . (B^T x B) ] A,   x: T + 2 elements each way, tiles T apart
// and, the same turned round, the gradient of the kernel is the sum over all tiles
//   dw = G^T [ (A dy A^T) . (B^T x B) ] G
// The matrices follow from points at which polynomials are evaluated (Toom and Cook): 0, 1, -1 and infinity for T = 2;
// 0, 3/4, -3/4, 3/2, -3/2 and infinity for T = 4. These are exact, and lose little: rounding errors are about twice
// those of the direct sum for both, where the usual 0, 1, -1, 2, -2 make it four times.
//
// For each of the (T + 2)^2 positions that is a product of matrices, (tiles x C) times (C x K), done by gemm.hpp's
// tile. Channels lie side by side: what a row of tiles sees is turned to [line][pixel][channels], a block of `lanes`
// channels at a time, which stays in L1; a transform works on a register of channels, so no lane is idle however small
// the maps. An infinity makes NaN of all outputs of its tiles.
#pragma once

#include "conv.hpp"
#include "functions.hpp"

INLAY_PRECISE_BEGIN

namespace inlay::inline v0_1::kernels {

// Channels that are turned and transformed together.
template <class T> inline constexpr int winograd_lanes = simd<T, isa::avx2>::size;

// The transforms along one axis, of registers `step` apart.
template <int Tile> struct winograd;

template <> struct winograd<2> {
  static constexpr int edge = 4, positions = 16;

  // B^T = 1 0 -1 0 | 0 1 1 0 | 0 -1 1 0 | 0 1 0 -1
  template <class V> INLAY_INLINE static void in(const V* d, int step, V* to, int to_step) {
    to[0] = d[0] - d[2 * step];
    to[to_step] = d[step] + d[2 * step];
    to[2 * to_step] = d[2 * step] - d[step];
    to[3 * to_step] = d[step] - d[3 * step];
  }
  // A^T = 1 1 1 0 | 0 1 -1 -1
  template <class V> INLAY_INLINE static void out(const V* m, int step, V* y, int y_step) {
    y[0] = m[0] + m[step] + m[2 * step];
    y[y_step] = m[step] - m[2 * step] - m[3 * step];
  }
  // G = 1 0 0 | 1/2 1/2 1/2 | 1/2 -1/2 1/2 | 0 0 1
  template <class V> INLAY_INLINE static void weight(const V* w, int step, V* to, int to_step) {
    const V half(number<V>(0.5)), even = (w[0] + w[2 * step]) * half, odd = w[step] * half;
    to[0] = w[0];
    to[to_step] = even + odd;
    to[2 * to_step] = even - odd;
    to[3 * to_step] = w[2 * step];
  }

 private:
  template <class V> using number = typename V::value_type;
};

template <> struct winograd<4> {
  static constexpr int edge = 6, positions = 36;

  // With p = 3/4, q = 3/2:  B^T = p^2q^2 0 -(p^2 + q^2) 0 1 0 | 0 -pq^2 -q^2 p 1 0 | 0 pq^2 -q^2 -p 1 0
  //   | 0 -p^2q -p^2 q 1 0 | 0 p^2q -p^2 -q 1 0 | 0 p^2q^2 0 -(p^2 + q^2) 0 1
  template <class V> INLAY_INLINE static void in(const V* d, int step, V* to, int to_step) {
    using T = number<V>;
    const V both(T(p * p * q * q)), sum(T(-(p * p + q * q))), minus_pp(T(-p * p)), minus_qq(T(-q * q));
    const V x1 = d[step], x2 = d[2 * step], x3 = d[3 * step], x4 = d[4 * step];
    const V even_p = multiply_add(minus_qq, x2, x4), odd_p = multiply_add(minus_qq, x1, x3);
    const V even_q = multiply_add(minus_pp, x2, x4), odd_q = multiply_add(minus_pp, x1, x3);
    to[0] = multiply_add(sum, x2, multiply_add(both, d[0], x4));
    to[to_step] = multiply_add(V(T(p)), odd_p, even_p);
    to[2 * to_step] = multiply_add(V(T(-p)), odd_p, even_p);
    to[3 * to_step] = multiply_add(V(T(q)), odd_q, even_q);
    to[4 * to_step] = multiply_add(V(T(-q)), odd_q, even_q);
    to[5 * to_step] = multiply_add(sum, x3, multiply_add(both, x1, d[5 * step]));
  }
  // A^T = 1 1 1 1 1 0 | 0 p -p q -q 0 | 0 p^2 p^2 q^2 q^2 0 | 0 p^3 -p^3 q^3 -q^3 1
  template <class V> INLAY_INLINE static void out(const V* m, int step, V* y, int y_step) {
    using T = number<V>;
    const V even_p = m[step] + m[2 * step], odd_p = m[step] - m[2 * step];
    const V even_q = m[3 * step] + m[4 * step], odd_q = m[3 * step] - m[4 * step];
    y[0] = m[0] + even_p + even_q;
    y[y_step] = multiply_add(V(T(p)), odd_p, V(T(q)) * odd_q);
    y[2 * y_step] = multiply_add(V(T(p * p)), even_p, V(T(q * q)) * even_q);
    y[3 * y_step] = multiply_add(V(T(p * p * p)), odd_p, multiply_add(V(T(q * q * q)), odd_q, m[5 * step]));
  }
  // G: 1/(p^2q^2) 0 0 | (1 p p^2) / (2p^2 (p^2 - q^2)) | (1 -p p^2) / the same | q and p changed over | 0 0 1
  template <class V> INLAY_INLINE static void weight(const V* w, int step, V* to, int to_step) {
    using T = number<V>;
    const V a = w[0], b = w[step], c = w[2 * step];
    const V even_p = multiply_add(V(T(p * p * of_p)), c, V(T(of_p)) * a), odd_p = V(T(p * of_p)) * b;
    const V even_q = multiply_add(V(T(q * q * of_q)), c, V(T(of_q)) * a), odd_q = V(T(q * of_q)) * b;
    to[0] = a * V(T(1 / (p * p * q * q)));
    to[to_step] = even_p + odd_p;
    to[2 * to_step] = even_p - odd_p;
    to[3 * to_step] = even_q + odd_q;
    to[4 * to_step] = even_q - odd_q;
    to[5 * to_step] = c;
  }

  // A, for gradients.
  template <class V> INLAY_INLINE static void spread(const V* y, int step, V* to, int to_step) {
    using T = number<V>;
    const V even_p = multiply_add(V(T(p * p)), y[2 * step], y[0]),
            even_q = multiply_add(V(T(q * q)), y[2 * step], y[0]);
    const V odd_p = multiply_add(V(T(p * p * p)), y[3 * step], V(T(p)) * y[step]);
    const V odd_q = multiply_add(V(T(q * q * q)), y[3 * step], V(T(q)) * y[step]);
    to[0] = y[0];
    to[to_step] = even_p + odd_p;
    to[2 * to_step] = even_p - odd_p;
    to[3 * to_step] = even_q + odd_q;
    to[4 * to_step] = even_q - odd_q;
    to[5 * to_step] = y[3 * step];
  }
  // G^T
  template <class V> INLAY_INLINE static void gather(const V* m, int step, V* w, int w_step) {
    using T = number<V>;
    const V even_p = m[step] + m[2 * step], odd_p = m[step] - m[2 * step];
    const V even_q = m[3 * step] + m[4 * step], odd_q = m[3 * step] - m[4 * step];
    w[0] = multiply_add(V(T(of_p)), even_p, multiply_add(V(T(of_q)), even_q, m[0] * V(T(1 / (p * p * q * q)))));
    w[w_step] = multiply_add(V(T(p * of_p)), odd_p, V(T(q * of_q)) * odd_q);
    w[2 * w_step] = multiply_add(V(T(p * p * of_p)), even_p, multiply_add(V(T(q * q * of_q)), even_q, m[5 * step]));
  }

 private:
  static constexpr double p = 0.75, q = 1.5;
  static constexpr double of_p = 1 / (2 * p * p * (p * p - q * q)), of_q = 1 / (2 * q * q * (q * q - p * p));
  template <class V> using number = typename V::value_type;
};

// G w G^T of 3 x 3 kernels, for a panel of B (see gemm.hpp): position p of channel c and column j, whose kernel begins
// at w + c channel + j column and has its elements `element` apart, goes to out[p position + c columns + j].
template <class T, int Tile> struct winograd_weights {
  std::int64_t channels, columns, used;  // columns that there are kernels for; the others are 0
  const T* w;
  std::int64_t channel, column, element;
  T* out;
  std::int64_t position;

  using memory_bound = void;
  template <isa Level> INLAY_INLINE static void run(const winograd_weights* t) noexcept {
    for (std::int64_t c = 0; c < t->channels; ++c)
      for (std::int64_t j = 0; j < t->columns; j += simd<T, Level>::size)
        t->transform<Level>(t->w + c * t->channel + j * t->column, t->used - j, t->out + c * t->columns + j);
  }

 private:
  template <isa Level> INLAY_INLINE void transform(const T* from, std::int64_t left, T* to) const {
    using V = simd<T, Level>;
    constexpr int edge = winograd<Tile>::edge;
    T lanes[9][V::size] = {};
    for (std::int64_t j = 0; j < V::size && j < left; ++j)
      for (std::int64_t e = 0; e < 9; ++e) lanes[e][j] = from[j * column + e * element];
    V half[edge][3];
    for (int v = 0; v < 3; ++v) {
      const V line[3] = {V::load(lanes[v]), V::load(lanes[3 + v]), V::load(lanes[6 + v])};
      winograd<Tile>::weight(line, 1, &half[0][v], 3);
    }
    for (int u = 0; u < edge; ++u) {
      V y[edge];
      winograd<Tile>::weight(half[u], 1, y, 1);
      for (int v = 0; v < edge; ++v) y[v].store(to + (edge * u + v) * position);
    }
  }
};

// What tiles see: the inputs, by B^T; or dy, by A.
template <int Tile> struct winograd_of_input {
  static constexpr int tile = Tile, seen = winograd<Tile>::edge;
  template <class V> INLAY_INLINE static void along(const V* d, int step, V* to, int to_step) {
    winograd<Tile>::in(d, step, to, to_step);
  }
};
struct winograd_of_gradient {
  static constexpr int tile = 4, seen = 4;
  template <class V> INLAY_INLINE static void along(const V* y, int step, V* to, int to_step) {
    winograd<4>::spread(y, step, to, to_step);
  }
};

// B^T x B, or A dy A^T, of a row of tiles, for a block of channels: from the turned image [line][pixel][lanes],
// position p of tile t to out[p position + t tile].
template <class T, class Of> struct winograd_enter {
  std::int64_t tiles;
  const T* image;
  std::int64_t pitch;  // pixels of a line
  T* out;
  std::int64_t tile, position;

  using memory_bound = void;
  using register_tile = void;
  template <isa Level> INLAY_INLINE static void run(const winograd_enter* t) noexcept {
    for (std::int64_t i = 0; i < t->tiles; ++i)
      for (int lane = 0; lane < winograd_lanes<T>; lane += simd<T, Level>::size)
        t->transform<Level>(t->image + i * Of::tile * winograd_lanes<T> + lane, t->out + i * t->tile + lane);
  }

 private:
  template <isa Level> INLAY_INLINE void transform(const T* from, T* to) const {
    using V = simd<T, Level>;
    constexpr int edge = winograd<Of::tile>::edge, seen = Of::seen;
    V half[edge][seen];
#pragma GCC unroll 6
    for (int v = 0; v < seen; ++v) {
      V d[seen];
#pragma GCC unroll 6
      for (int u = 0; u < seen; ++u) d[u] = V::load(from + (u * pitch + v) * winograd_lanes<T>);
      Of::along(d, 1, &half[0][v], seen);
    }
#pragma GCC unroll 6
    for (int u = 0; u < edge; ++u) {
      V d[edge];
      Of::along(half[u], 1, d, 1);
#pragma GCC unroll 6
      for (int v = 0; v < edge; ++v) d[v].store(to + (edge * u + v) * position);
    }
  }
};

// f(A^T m A + bias) of a row of tiles, for a block of channels, f = max(., 0) or nothing: position p of tile t is at
// sums[p position + t tile]; goes to [line][pixel][lanes], a line Tile pixels for each tile.
template <class T, int Tile> struct winograd_output {
  std::int64_t tiles;
  const T* sums;
  std::int64_t tile, position;
  const T* bias;  // of each channel of the block
  bool relu;
  T* out;

  using memory_bound = void;
  using register_tile = void;
  template <isa Level> INLAY_INLINE static void run(const winograd_output* t) noexcept {
    for (std::int64_t i = 0; i < t->tiles; ++i)
      for (int lane = 0; lane < winograd_lanes<T>; lane += simd<T, Level>::size)
        t->transform<Level>(t->sums + i * t->tile + lane, t->bias + lane, t->out + i * Tile * winograd_lanes<T> + lane);
  }

 private:
  template <isa Level> INLAY_INLINE void transform(const T* from, const T* term, T* to) const {
    using V = simd<T, Level>;
    constexpr int edge = winograd<Tile>::edge;
    V half[Tile][edge];
#pragma GCC unroll 6
    for (int v = 0; v < edge; ++v) {
      V m[edge];
#pragma GCC unroll 6
      for (int u = 0; u < edge; ++u) m[u] = V::load(from + (edge * u + v) * position);
      winograd<Tile>::out(m, 1, &half[0][v], edge);
    }
#pragma GCC unroll 4
    for (int u = 0; u < Tile; ++u) {
      V y[Tile];
      winograd<Tile>::out(half[u], 1, y, 1);
#pragma GCC unroll 4
      for (int v = 0; v < Tile; ++v) {
        y[v] += V::load(term);
        if (relu) y[v] = function::relu{}(y[v]);
        y[v].store(to + (u * tiles * Tile + v) * winograd_lanes<T>);
      }
    }
  }
};

// dw = G^T m G for the channels of one output: position p of channel c is at sums[p position + c], and element e of its
// kernel goes to dw[9 c + e]. Reads up to the next full register.
template <class T> struct winograd_gather {
  std::int64_t channels;
  const T* sums;
  std::int64_t position;
  T* dw;

  using memory_bound = void;
  template <isa Level> INLAY_INLINE static void run(const winograd_gather* t) noexcept {
    for (std::int64_t c = 0; c < t->channels; c += simd<T, Level>::size)
      t->transform<Level>(t->sums + c, t->channels - c, t->dw + 9 * c);
  }

 private:
  template <isa Level> INLAY_INLINE void transform(const T* from, std::int64_t left, T* to) const {
    using V = simd<T, Level>;
    V half[3][6];
    for (int v = 0; v < 6; ++v) {
      V m[6];
      for (int u = 0; u < 6; ++u) m[u] = V::load(from + (6 * u + v) * position);
      winograd<4>::gather(m, 1, &half[0][v], 6);
    }
    T lanes[9][V::size];
    for (int u = 0; u < 3; ++u) {
      V w[3];
      winograd<4>::gather(half[u], 1, w, 1);
      for (int v = 0; v < 3; ++v) w[v].store(lanes[3 * u + v]);
    }
    for (std::int64_t c = 0; c < V::size && c < left; ++c)
      for (int e = 0; e < 9; ++e) to[9 * c + e] = lanes[e][c];
  }
};

}  // namespace inlay::inline v0_1::kernels

INLAY_PRECISE_END
