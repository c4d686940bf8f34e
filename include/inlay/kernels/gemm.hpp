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
};
inline constexpr std::int64_t gemm_block_rows = 240;

// Sizes that the caller must know, for the level it will run at.
template <class T> int gemm_strip_rows(isa level) noexcept {
  return level == isa::avx512 ? gemm_blocking<T, isa::avx512>::rows
         : level == isa::avx2 ? gemm_blocking<T, isa::avx2>::rows
                              : gemm_blocking<T, isa::plain>::rows;
}
template <class T> std::int64_t gemm_panel_columns(isa level) noexcept {
  return level == isa::avx512 ? gemm_blocking<T, isa::avx512>::columns
         : level == isa::avx2 ? gemm_blocking<T, isa::avx2>::columns
                              : gemm_blocking<T, isa::plain>::columns;
}
// Of k in a panel piece of `columns` columns, at most.
template <class T> constexpr std::int64_t gemm_most_depth(std::int64_t columns) noexcept {
  return 16 * 1024 / (columns * static_cast<int>(sizeof(T)));
}
// k cut into equal parts.
template <class T> std::int64_t gemm_depth(std::int64_t columns, std::int64_t k) noexcept {
  const std::int64_t most = gemm_most_depth<T>(columns), parts = (k + most - 1) / most;
  return parts <= 1 ? k : (k + parts - 1) / parts;
}
// Elements of scratch memory that one call of gemm_range needs.
template <class T> constexpr std::int64_t gemm_scratch() noexcept {
  return gemm_block_rows * gemm_most_depth<T>(gemm_blocking<T, isa::plain>::columns);
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
[[gnu::noinline]] void pack_lines(const T* in, std::int64_t line_step, std::int64_t step, std::int64_t lines,
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

// Height of the next strip of a block with `rows` rows left: the level's, or 4 where fours fill better; a block of one
// row has its own.
INLAY_INLINE std::int64_t strip_height(std::int64_t rows, std::int64_t widest) {
  if (widest == 1) return 1;
  const bool fours = rows <= (widest - 1) / 4 * 4 || (widest == 6 && (rows == 7 || rows == 8));
  return fours ? 4 : widest;
}

// Packs a block of at most block_rows rows.
template <class T>
[[gnu::noinline]] void pack_strips(const strided<T>& a, std::int64_t rows, std::int64_t widest, std::int64_t length,
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
  for (std::int64_t i = 0; i < m; i += gemm_block_rows)
    detail::pack_strips(strided<T>{a.data + i * a.row, a.row, a.column},
                        m - i < gemm_block_rows ? m - i : gemm_block_rows, gemm_strip_rows<T>(level), k,
                        strips + i * k);
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

// The part of a product that is compiled for every level: C (rows x columns of `panels` panels) = A B, or C += A B,
// over `length` of k. `rows` is the height of a strip: the level's, 4 or 1. One row takes four panels at a time where
// it can, so that there are enough independent sums to hide latency, and four streams from memory.
template <class T> struct gemm_tile {
  int rows, panels;
  bool add;
  std::int64_t length;
  const T* a;
  const T* b;
  std::int64_t panel_step;  // from a panel of B to the next
  T* c;
  std::int64_t c_row;

  template <isa Level> INLAY_INLINE static void run(const gemm_tile* tile) noexcept {
    constexpr int widest = gemm_blocking<T, Level>::rows;
    if (tile->rows == widest)
      tile->multiply<Level, widest, 1>();
    else if (tile->rows == 1)
      tile->panels == 4 ? tile->multiply<Level, 1, 4>() : tile->multiply<Level, 1, 1>();
    else if constexpr (widest != 4)
      tile->multiply<Level, 4, 1>();
  }

 private:
  template <isa Level, int Rows, int Panels> INLAY_INLINE void multiply() const {
    using V = simd<T, Level>;
    constexpr int registers = gemm_blocking<T, Level>::registers, columns = Panels * registers;
    V sum[Rows][columns];
#pragma GCC unroll 12
    for (int i = 0; i < Rows; ++i)
#pragma GCC unroll 12
      for (int j = 0; j < columns; ++j) sum[i][j] = V::zero();
    const T *left_at = a, *right_at = b;
    for (std::int64_t p = 0; p < length; ++p, left_at += Rows, right_at += registers * V::size) {
      V right[columns];
#pragma GCC unroll 12
      for (int j = 0; j < columns; ++j)
        right[j] = V::load(right_at + j / registers * panel_step + j % registers * V::size);
#pragma GCC unroll 12
      for (int i = 0; i < Rows; ++i) {
        const V left(left_at[i]);
#pragma GCC unroll 12
        for (int j = 0; j < columns; ++j) sum[i][j] = multiply_add(left, right[j], sum[i][j]);
      }
    }
    T* const to = c;  // not read again after each store
    const std::int64_t to_row = c_row, before_row = add ? to_row : 0;
    const T* before = add ? to : nothing<columns * V::size>;
#pragma GCC unroll 12
    for (int i = 0; i < Rows; ++i)
#pragma GCC unroll 12
      for (int j = 0; j < columns; ++j)
        (V::load(before + i * before_row + j * V::size) + sum[i][j]).store(to + i * to_row + j * V::size);
  }

  // What was in C before, when that is nothing.
  template <int Count> static constexpr T nothing[Count] = {};
};

namespace detail {

template <class T>
INLAY_OUTLINE void copy_block(const T* from, std::int64_t from_step, T* to, std::int64_t to_step, std::int64_t rows,
                              std::int64_t columns) {
  for (std::int64_t i = 0; i < rows; ++i)
    for (std::int64_t j = 0; j < columns; ++j) to[i * to_step + j] = from[i * from_step + j];
}

// All strips of a block of A against one panel (four, for a block of one row): `columns` columns of C.
template <class T>
INLAY_OUTLINE void gemm_panel(isa level, gemm_tile<T> tile, std::int64_t rows, std::int64_t columns,
                              std::int64_t strip_step, std::int64_t skip) noexcept {
  const int widest = rows == 1 ? 1 : gemm_strip_rows<T>(level);
  const std::int64_t width = tile.panels * gemm_panel_columns<T>(level), c_row = tile.c_row;
  const T* a = tile.a;
  T* c = tile.c;
  // A tile over the edge of C is computed whole in `edge`, and the part inside copied.
  using largest = gemm_blocking<T, isa::avx512>;
  T edge[largest::rows * largest::columns];
  for (std::int64_t s = 0; s < rows; s += tile.rows) {
    tile.rows = static_cast<int>(strip_height(rows - s, widest));
    const std::int64_t used = rows - s < tile.rows ? rows - s : tile.rows;
    const bool whole = used == tile.rows && columns == width;
    if (!whole && tile.add) copy_block(static_cast<const T*>(c), c_row, edge, width, used, columns);
    tile.a = a + tile.rows * skip;
    tile.c = whole ? c : edge;
    tile.c_row = whole ? c_row : width;
    on_level<gemm_tile<T>>(level, static_cast<const gemm_tile<T>*>(&tile));
    if (!whole) copy_block(static_cast<const T*>(edge), width, c, c_row, used, columns);
    a += tile.rows * strip_step;
    c += tile.rows * c_row;
  }
}

}  // namespace detail

// Rows [row_first, row_last) and panels [panel_first, panel_last) of a problem. `scratch`: gemm_scratch elements,
// unused when A comes in strips; row_first is 0 then.
template <class T>
INLAY_OUTLINE void gemm_range(isa level, const gemm_problem<T>& g, std::int64_t row_first, std::int64_t row_last,
                              std::int64_t panel_first, std::int64_t panel_last, T* scratch) noexcept {
  const inlay::detail::flush_denormals scope;
  const std::int64_t width = gemm_panel_columns<T>(level), depth = gemm_depth<T>(width, g.k);
  for (std::int64_t i = row_first; i < row_last; i += gemm_block_rows) {
    const std::int64_t rows = row_last - i < gemm_block_rows ? row_last - i : gemm_block_rows;
    std::int64_t p = 0;
    do {  // at least once: k = 0 gives C = f(bias)
      const std::int64_t length = g.k - p < depth ? g.k - p : depth;
      if (g.strips == nullptr)
        detail::pack_strips(strided<T>{g.a.data + i * g.a.row + p * g.a.column, g.a.row, g.a.column}, rows,
                            gemm_strip_rows<T>(level), length, scratch);
      // Of a strip of `height` rows, this part of k begins at a + height * skip; the next strip is height * step on.
      const T* a = g.strips == nullptr ? scratch : g.strips + i * g.k;
      const std::int64_t skip = g.strips == nullptr ? 0 : p, step = g.strips == nullptr ? length : g.k;
      for (std::int64_t panel = panel_first, taken = 1; panel < panel_last; panel += taken) {
        T* c = g.c + i * g.c_row + panel * width;
        const std::int64_t left = g.n - panel * width;
        taken = rows == 1 && panel + 4 <= panel_last && left >= 4 * width ? 4 : 1;
        const std::int64_t columns = left < taken * width ? left : taken * width;
        const gemm_tile<T> tile{.rows = 0,
                                .panels = static_cast<int>(taken),
                                .add = g.accumulate || p > 0,
                                .length = length,
                                .a = a,
                                .b = g.panels + (panel * g.k + p) * width,
                                .panel_step = g.k * width,
                                .c = c,
                                .c_row = g.c_row};
        detail::gemm_panel(level, tile, rows, columns, step, skip);
        if (p + length >= g.k)
          on_level<finish_rows<T>>(level, c, g.c_row, g.bias ? g.bias + panel * width : nullptr, g.relu, rows, columns);
      }
      p += depth;
    } while (p < g.k);
  }
}

}  // namespace inlay::inline v0_1::kernels

INLAY_PRECISE_END
