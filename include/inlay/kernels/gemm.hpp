// C = f(A B + bias): packed and blocked matrix product for float and double.
//
// B is packed once into panels of `columns` columns ([panel][k][columns], zero padded), so weights can be kept packed.
// A is packed a block at a time into strips of `rows` rows ([strip][k][rows]), or comes in strips. A register tile
// holds rows x columns of C: 6 x 2 registers of 16 (12 sums, 2 of B, 1 of A: two FMAs per cycle hide their 4-5 cycles
// of latency), 12 x 2 of 32 with AVX-512, and 4 x 2 where a product needs a register before it is added. A panel piece
// of `depth` rows (16 KiB) stays in L1 while the strips of a block of A (240 KiB, L2) stream by.
//
// Order of a sum: from 0 over `depth` rows of k, then these parts in order. It depends on k alone, so a row of C has
// the same bits whatever other rows, tiles or threads there are.
#pragma once

#include "activation.hpp"

INLAY_PRECISE_BEGIN

namespace inlay::inline v0_1::kernels {

template <class T, isa Level> struct gemm_blocking {
  static constexpr int rows = Level == isa::avx512 ? 12 : Level == isa::avx2 ? 6 : 4;
  static constexpr int registers = 2;
  static constexpr int columns = registers * simd<T, Level>::size;
  static constexpr std::int64_t block_rows = 240;
  static constexpr std::int64_t most_depth = 16 * 1024 / (columns * static_cast<int>(sizeof(T)));
  // k cut into equal parts of at most most_depth.
  static constexpr std::int64_t depth(std::int64_t k) {
    const std::int64_t parts = (k + most_depth - 1) / most_depth;
    return parts <= 1 ? k : (k + parts - 1) / parts;
  }
};

// Sizes that the caller must know, for the level it will dispatch to.
template <class T> std::int64_t gemm_panel_columns(isa level) noexcept {
  return level == isa::avx512 ? gemm_blocking<T, isa::avx512>::columns
         : level == isa::avx2 ? gemm_blocking<T, isa::avx2>::columns
                              : gemm_blocking<T, isa::plain>::columns;
}
// Elements of scratch memory that one call of gemm_range needs.
template <class T> constexpr std::int64_t gemm_scratch() noexcept {
  return gemm_blocking<T, isa::plain>::block_rows * gemm_blocking<T, isa::plain>::most_depth;
}

template <class T> int gemm_strip_rows(isa level) noexcept {
  return level == isa::avx512 ? gemm_blocking<T, isa::avx512>::rows
         : level == isa::avx2 ? gemm_blocking<T, isa::avx2>::rows
                              : gemm_blocking<T, isa::plain>::rows;
}
// Elements of A (m x k) in strips.
template <class T> constexpr std::int64_t gemm_strips(std::int64_t m, std::int64_t k) noexcept {
  return (m + gemm_blocking<T, isa::avx512>::rows) * k;
}

// A matrix in memory: element (i, j) is data[i * row + j * column].
template <class T> struct strided {
  const T* data;
  std::int64_t row, column;
};

namespace detail {

// out[j * out_step + i] = in[i * in_step + j] for a square of 16-byte rows.
template <class T>
INLAY_INLINE void transpose_square(const T* in, std::int64_t in_step, T* out, std::int64_t out_step) {
  using raw = typename simd<T, isa::plain>::raw;
  if constexpr (sizeof(T) == 4) {
    raw a, b, c, d;
    std::memcpy(&a, in, 16);
    std::memcpy(&b, in + in_step, 16);
    std::memcpy(&c, in + 2 * in_step, 16);
    std::memcpy(&d, in + 3 * in_step, 16);
    const raw ab0 = __builtin_shufflevector(a, b, 0, 4, 1, 5), ab1 = __builtin_shufflevector(a, b, 2, 6, 3, 7);
    const raw cd0 = __builtin_shufflevector(c, d, 0, 4, 1, 5), cd1 = __builtin_shufflevector(c, d, 2, 6, 3, 7);
    a = __builtin_shufflevector(ab0, cd0, 0, 1, 4, 5);
    b = __builtin_shufflevector(ab0, cd0, 2, 3, 6, 7);
    c = __builtin_shufflevector(ab1, cd1, 0, 1, 4, 5);
    d = __builtin_shufflevector(ab1, cd1, 2, 3, 6, 7);
    std::memcpy(out, &a, 16);
    std::memcpy(out + out_step, &b, 16);
    std::memcpy(out + 2 * out_step, &c, 16);
    std::memcpy(out + 3 * out_step, &d, 16);
  } else {
    for (int i = 0; i < 2; ++i)
      for (int j = 0; j < 2; ++j) out[j * out_step + i] = in[i * in_step + j];
  }
}

// Packs `width` lines of length `depth` so that element p of line i is out[p * width + i]; lines from `lines` on are 0.
// Line i starts at in + i * line_step, its elements are `step` apart.
template <class T>
INLAY_OUTLINE void pack_lines(const T* in, std::int64_t line_step, std::int64_t step, std::int64_t lines,
                              std::int64_t width, std::int64_t depth, T* out) {
  constexpr std::int64_t square = 16 / static_cast<int>(sizeof(T));
  if (line_step == 1 && lines == width) {  // lines lie side by side
    using V = simd<T, isa::plain>;         // every width is a multiple of 16 bytes, or 1
    for (std::int64_t p = 0; p < depth; ++p)
      for (std::int64_t j = 0; j < width; j += V::size)
        V::load_up_to(in + p * step + j, width - j).store_up_to(out + p * width + j, width - j);
    return;
  }
  std::int64_t i = 0;
  if (step == 1) {  // lines are contiguous: transpose squares
    for (; i + square <= lines; i += square) {
      std::int64_t p = 0;
      for (; p + square <= depth; p += square)
        transpose_square(in + i * line_step + p, line_step, out + p * width + i, width);
      for (; p < depth; ++p)
        for (std::int64_t j = i; j < i + square; ++j) out[p * width + j] = in[j * line_step + p];
    }
  }
  for (std::int64_t p = 0; p < depth; ++p) {
    for (std::int64_t j = i; j < lines; ++j) out[p * width + j] = in[j * line_step + p * step];
    for (std::int64_t j = lines; j < width; ++j) out[p * width + j] = T{0};
  }
}

}  // namespace detail

// Packs panels [first, last) of B (k x n) for a level whose panels have `columns` columns.
template <class T>
void gemm_pack_b(const strided<T>& b, std::int64_t columns, std::int64_t k, std::int64_t n, std::int64_t first,
                 std::int64_t last, T* panels) noexcept {
  constexpr std::int64_t piece = 128;  // of k: keeps B's lines in cache
  for (std::int64_t p = 0; p < k; p += piece)
    for (std::int64_t panel = first; panel < last; ++panel) {
      const std::int64_t j = panel * columns;
      detail::pack_lines(b.data + j * b.column + p * b.row, b.column, b.row, n - j < columns ? n - j : columns, columns,
                         k - p < piece ? k - p : piece, panels + (panel * k + p) * columns);
    }
}

namespace detail {

// Height of the next strip of a block with `rows` rows left: the widest while it is filled better than fours; a block
// of one row has its own.
INLAY_INLINE std::int64_t strip_height(std::int64_t rows, std::int64_t widest) {
  return widest == 1 ? 1 : rows > (widest - 1) / 4 * 4 ? widest : 4;
}

// Packs a block of at most block_rows rows.
template <class T>
INLAY_OUTLINE void pack_strips(const strided<T>& a, std::int64_t rows, std::int64_t widest, std::int64_t length,
                               T* out) {
  if (rows == 1) widest = 1;
  for (std::int64_t s = 0; length > 0 && s < rows;) {
    const std::int64_t height = strip_height(rows - s, widest);
    pack_lines(a.data + s * a.row, a.row, a.column, rows - s < height ? rows - s : height, height, length,
               out + s * length);
    s += height;
  }
}

}  // namespace detail

// Packs the whole of A (m x k) into strips for a level, to be used in many calls.
template <class T>
void gemm_pack_a(isa level, const strided<T>& a, std::int64_t m, std::int64_t k, T* strips) noexcept {
  constexpr std::int64_t most = gemm_blocking<T, isa::plain>::block_rows;
  for (std::int64_t i = 0; i < m; i += most)
    detail::pack_strips(strided<T>{a.data + i * a.row, a.row, a.column}, m - i < most ? m - i : most,
                        gemm_strip_rows<T>(level), k, strips + i * k);
}

template <class T> struct gemm_problem {
  std::int64_t m, n, k;
  strided<T> a;
  const T* strips;  // A packed whole; null: it is packed from `a`, block by block
  const T* panels;  // B, packed
  T* c;
  std::int64_t c_row;
  bool accumulate;  // C += instead of C =
  const T* bias;    // n values, or null
  bool relu;        // f: max(c, 0), or nothing
};

// Rows [row_first, row_last) and panels [panel_first, panel_last) of a problem. `scratch`: gemm_scratch elements,
// unused when A comes in strips; row_first is 0 then.
template <class T> struct gemm_range {
  template <isa Level>
  INLAY_INLINE static void run(const gemm_problem<T>* problem, std::int64_t row_first, std::int64_t row_last,
                               std::int64_t panel_first, std::int64_t panel_last, T* scratch) noexcept {
    using blocking = gemm_blocking<T, Level>;
    const gemm_problem<T>& g = *problem;
    const std::int64_t depth = blocking::depth(g.k);
    for (std::int64_t i = row_first; i < row_last; i += blocking::block_rows) {
      const std::int64_t rows = row_last - i < blocking::block_rows ? row_last - i : blocking::block_rows;
      std::int64_t p = 0;
      do {  // at least once: k = 0 gives C = f(bias)
        const std::int64_t length = g.k - p < depth ? g.k - p : depth;
        block<Level>(g, i, rows, p, length, panel_first, panel_last, scratch);
        p += depth;
      } while (p < g.k);
    }
  }

 private:
  // One block of A against all panels of the range.
  template <isa Level>
  INLAY_INLINE static void block(const gemm_problem<T>& g, std::int64_t i, std::int64_t rows, std::int64_t p,
                                 std::int64_t length, std::int64_t panel_first, std::int64_t panel_last, T* scratch) {
    using blocking = gemm_blocking<T, Level>;
    const bool single = rows == 1;
    const std::int64_t widest = single ? 1 : blocking::rows;
    if (g.strips == nullptr)
      detail::pack_strips(strided<T>{g.a.data + i * g.a.row + p * g.a.column, g.a.row, g.a.column}, rows,
                          blocking::rows, length, scratch);
    // Of a strip of `height` rows, this part of k begins at a + height * skip; the next strip is height * step on.
    const T* a = g.strips == nullptr ? scratch : g.strips + i * g.k;
    const std::int64_t skip = g.strips == nullptr ? 0 : p, step = g.strips == nullptr ? length : g.k;
    const bool add = g.accumulate || p > 0, last = p + length >= g.k;
    for (std::int64_t panel = panel_first, taken = 1; panel < panel_last; panel += taken) {
      const T* b = g.panels + (panel * g.k + p) * blocking::columns;
      T* c = g.c + i * g.c_row + panel * blocking::columns;
      const std::int64_t left = g.n - panel * blocking::columns;
      taken = single && panel + 4 <= panel_last && left >= 4 * blocking::columns ? 4 : 1;
      const std::int64_t columns = left < taken * blocking::columns ? left : taken * blocking::columns;
      if (taken == 4)
        tile<Level, 1, 4>(length, a + skip, b, g.k * blocking::columns, c, g.c_row, add);
      else
        column_of_tiles<Level>(g, length, rows, widest, columns, a, skip, step, b, c, add);
      if (last)
        finish_rows<T, Level>(c, g.c_row, g.bias ? g.bias + panel * blocking::columns : nullptr, g.relu, rows, columns);
    }
  }

  // All strips of a block of A against one panel.
  template <isa Level>
  INLAY_INLINE static void column_of_tiles(const gemm_problem<T>& g, std::int64_t length, std::int64_t rows,
                                           std::int64_t widest, std::int64_t columns, const T* a, std::int64_t skip,
                                           std::int64_t step_a, const T* b, T* c, bool add) {
    using blocking = gemm_blocking<T, Level>;
    for (std::int64_t s = 0; s < rows;) {
      const std::int64_t height = detail::strip_height(rows - s, widest), used = rows - s < height ? rows - s : height;
      // A tile over the edge of C is computed whole in `edge`, and the part inside copied.
      T edge[blocking::rows * blocking::columns];
      const bool whole = used == height && columns == blocking::columns;
      if (!whole && add) copy(c, g.c_row, edge, blocking::columns, used, columns);
      T* to = whole ? c : edge;
      const std::int64_t step = whole ? g.c_row : blocking::columns;
      if (height == blocking::rows)
        tile<Level, blocking::rows, 1>(length, a + height * skip, b, 0, to, step, add);
      else if (height == 1)
        tile<Level, 1, 1>(length, a + skip, b, 0, to, step, add);
      else if constexpr (blocking::rows != 4)
        tile<Level, 4, 1>(length, a + height * skip, b, 0, to, step, add);
      if (!whole) copy(edge, blocking::columns, c, g.c_row, used, columns);
      s += height;
      a += height * step_a;
      c += height * g.c_row;
    }
  }

  INLAY_OUTLINE static void copy(const T* from, std::int64_t from_step, T* to, std::int64_t to_step, std::int64_t rows,
                                 std::int64_t columns) {
    for (std::int64_t i = 0; i < rows; ++i)
      for (std::int64_t j = 0; j < columns; ++j) to[i * to_step + j] = from[i * from_step + j];
  }

  // The register tile: Rows x (Panels x columns) sums over `length`. One row takes four panels at a time, so that there
  // are enough independent sums to hide latency, and four streams from memory.
  template <isa Level, int Rows, int Panels>
  INLAY_INLINE static void tile(std::int64_t length, const T* a, const T* b, std::int64_t panel_step, T* c,
                                std::int64_t c_row, bool add) {
    using V = simd<T, Level>;
    constexpr int registers = gemm_blocking<T, Level>::registers, columns = Panels * registers;
    V sum[Rows][columns];
#pragma GCC unroll 12
    for (int i = 0; i < Rows; ++i)
#pragma GCC unroll 12
      for (int j = 0; j < columns; ++j) sum[i][j] = V::zero();
    for (std::int64_t p = 0; p < length; ++p, a += Rows, b += registers * V::size) {
      V right[columns];
#pragma GCC unroll 12
      for (int j = 0; j < columns; ++j) right[j] = V::load(b + j / registers * panel_step + j % registers * V::size);
#pragma GCC unroll 12
      for (int i = 0; i < Rows; ++i) {
        const V left(a[i]);
#pragma GCC unroll 12
        for (int j = 0; j < columns; ++j) sum[i][j] = multiply_add(left, right[j], sum[i][j]);
      }
    }
    const T* before = add ? c : none<columns * V::size>;
    const std::int64_t before_row = add ? c_row : 0;
#pragma GCC unroll 12
    for (int i = 0; i < Rows; ++i)
#pragma GCC unroll 12
      for (int j = 0; j < columns; ++j)
        (V::load(before + i * before_row + j * V::size) + sum[i][j]).store(c + i * c_row + j * V::size);
  }

  // What was in C before, when that is nothing.
  template <int Count> static constexpr T none[Count] = {};
};

}  // namespace inlay::inline v0_1::kernels

INLAY_PRECISE_END
