// C = f(bias + A B), or f(C + A B): packed and blocked matrix product for float and double.
//
// The register tile holds `rows` x 2 registers of C. AVX2 has 16 registers: 6 x 2 sums, 2 of B, 1 of A; 12 independent
// sums keep two FMAs per cycle busy over their 4-5 cycles of latency, and 8 loads beside 12 FMAs leave the load ports
// free. AVX-512 has 32: 12 x 2. Plain SSE has no FMA, a product needs a register of its own before it is added: 4 x 2.
// What a level's rows would leave empty is worked on in tiles of 4 rows, a lone row in one of 1 x 4 registers.
//
// B is packed once into panels as wide as a tile ([panel][k][columns], zero padded), so weights can be kept packed; the
// caller may also have it read where it lies. A is packed into strips as high as a tile ([strip][k][rows]); rows that
// are near each other, fill their strips and meet few panels are read where they lie. A panel piece of `depth` rows of
// k (256 of float, 16 KiB or, with AVX-512, 32) stays in L1 while the strips of a block of A stream by from L2: 384
// KiB, 192 rows of float by 512 of k or fewer rows by more. All parts of k in a block are taken before the next panel,
// while C is near. Where a block makes for many products, each strip asks for a share of the next piece of B while it
// is multiplied.
//
// Threads: the caller gives each a rectangle of C and scratch memory of its own. Order of a sum: from 0 over `depth`
// rows of k, and these parts in order to the bias, or to what was in C. It depends on k and the type alone,
// so a row of C has the same bits whatever other rows, rectangles or threads there are.
#pragma once

#include <limits>

#include "../core/simd.hpp"

INLAY_PRECISE_BEGIN

namespace inlay::inline v0_1::kernels {

template <class T, isa Level> struct gemm_blocking {
  static constexpr int rows = Level == isa::avx512 ? 12 : Level == isa::avx2 ? 6 : 4;
  static constexpr int registers = 2;
  static constexpr int columns = registers * simd<T, Level>::size;
};
inline constexpr std::int64_t gemm_block_bytes = 384 << 10;
template <class T> inline constexpr std::int64_t gemm_block_rows = 768 / static_cast<int>(sizeof(T));  // whole strips
template <class T> inline constexpr std::int64_t gemm_most_depth = 1024 / static_cast<int>(sizeof(T));
inline constexpr std::int64_t gemm_widest_strip = gemm_blocking<float, isa::avx512>::rows;  // the most of any level

namespace detail {
// f(gemm_blocking) of a level.
template <class T, class F> auto of_level(isa level, F f) noexcept {
  return level == isa::avx512 ? f(gemm_blocking<T, isa::avx512>())
         : level == isa::avx2 ? f(gemm_blocking<T, isa::avx2>())
                              : f(gemm_blocking<T, isa::plain>());
}
}  // namespace detail

// Sizes that the caller must know, for the level it will run at.
template <class T> std::int64_t gemm_strip_rows(isa level) noexcept {
  return detail::of_level<T>(level, [](auto blocking) { return std::int64_t{blocking.rows}; });
}
template <class T> std::int64_t gemm_panel_columns(isa level) noexcept {
  return detail::of_level<T>(level, [](auto blocking) { return std::int64_t{blocking.columns}; });
}
template <class T> std::int64_t gemm_panels(isa level, std::int64_t n) noexcept {
  return detail::of_level<T>(level, [n](auto blocking) { return (n + blocking.columns - 1) / blocking.columns; });
}
// Rows of k in a part: the fewest parts, as equal as can be.
template <class T> std::int64_t gemm_depth(std::int64_t k) noexcept {
  if (k <= gemm_most_depth<T>) return k;  // without a division
  const std::int64_t parts = (k + gemm_most_depth<T> - 1) / gemm_most_depth<T>;
  return (k + parts - 1) / parts;
}
// Whether `rows` rows fill their strips (see strip_height below).
inline bool gemm_exact_rows(std::int64_t rows, isa level) noexcept {
  return rows == 1 || (level == isa::avx2 ? rows % 2 == 0 && rows != 2 : rows % 4 == 0);
}
// The rows with what their strips are padded by: what fills them. 4 at least, as a single row takes another tile.
inline std::int64_t gemm_whole_rows(std::int64_t rows, isa level) noexcept {
  const std::int64_t of = level == isa::avx2 ? 2 : 4, whole = (rows + of - 1) / of * of;
  return whole < 4 ? 4 : whole;
}
// Elements of a block of A: room for gemm_block_rows by the most depth of any level.
template <class T> constexpr std::int64_t gemm_block() noexcept {
  return gemm_block_bytes / static_cast<int>(sizeof(T));
}
// Elements of scratch memory that a call of gemm_range needs: such a block, and a panel piece.
template <class T> constexpr std::int64_t gemm_scratch() noexcept {
  return gemm_block<T>() + gemm_blocking<T, isa::avx512>::columns * gemm_most_depth<T>;
}
// Room for A (m x k) packed by gemm_pack_a.
template <class T> constexpr std::int64_t gemm_strips(std::int64_t m, std::int64_t k) noexcept {
  return (m + gemm_widest_strip) * k;
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

// `depth` rows of `width` elements, `step` apart, to rows that follow each other; a row has 16 bytes at least.
template <class T>
INLAY_INLINE void pack_rows(const T* in, std::int64_t step, std::int64_t width, std::int64_t depth, T* out) {
  using V = simd<T, isa::plain>;
  for (std::int64_t p = 0; p < depth; ++p, in += step, out += width)
    for (std::int64_t j = 0; j < width; j += V::size) {
      const std::int64_t at = j < width - V::size ? j : width - V::size;  // the last one over the one before it
      V::load(in + at).store(out + at);
    }
}

// Packs `lines` lines of length `depth` so that element p of line i is out[p * width + i]; up to `width`, zeros follow.
// Line i starts at in + i * line_step, its elements are `step` apart.
template <class T>
[[gnu::noinline]] void pack_lines(const T* in, std::int64_t line_step, std::int64_t step, std::int64_t lines,
                                  std::int64_t width, std::int64_t depth, T* out) {
  constexpr std::int64_t square = 16 / static_cast<int>(sizeof(T));
  if (line_step == 1 && lines == width && width >= square)  // lines lie side by side
    return width == 4 * square ? pack_rows(in, step, 4 * square, depth, out) : pack_rows(in, step, width, depth, out);
  std::int64_t p = 0;
  if (step == 1 && lines >= square && depth >= square)  // lines are contiguous: squares are transposed, the last ones
    for (; p < depth; p += square) {                    // over those before them
      const std::int64_t from = p < depth - square ? p : depth - square;
      for (std::int64_t i = 0; i < lines; i += square) {
        const std::int64_t at = i < lines - square ? i : lines - square;
        transpose_square(in + at * line_step + from, line_step, out + from * width + at, width);
      }
    }
  for (; p < depth; ++p)
    for (std::int64_t j = 0; j < lines; ++j) out[p * width + j] = in[j * line_step + p * step];
  if (lines < width)
    for (p = 0; p < depth; ++p)
      for (std::int64_t j = lines; j < width; ++j) out[p * width + j] = T{0};
}

}  // namespace detail

// Packs panels [first, last) of B (k x n) for a level whose panels have `columns` columns.
template <class T>
INLAY_OUTLINE void gemm_pack_b(const strided<T>& b, std::int64_t columns, std::int64_t k, std::int64_t n,
                               std::int64_t first, std::int64_t last, T* panels) noexcept {
  constexpr std::int64_t piece = 128;  // of k: keeps B's lines in cache
  for (std::int64_t p = 0; p < k; p += piece)
    for (std::int64_t panel = first; panel < last; ++panel) {
      const std::int64_t j = panel * columns;
      detail::pack_lines(b.data + j * b.column + p * b.row, b.column, b.row, n - j < columns ? n - j : columns, columns,
                         k - p < piece ? k - p : piece, panels + (panel * k + p) * columns);
    }
}

namespace detail {

// Height of the next strip of a block with `rows` rows left: the level's, or 4 where that pads less (with AVX2, 8 rows
// are 4 + 4, not 6 + 2). `widest` is 1 for a block of one row.
INLAY_INLINE std::int64_t strip_height(std::int64_t rows, std::int64_t widest) {
  if (widest == 1) return 1;
  const bool fours = rows <= (widest - 1) / 4 * 4 || (widest == 6 && (rows == 7 || rows == 8));
  return fours ? 4 : widest;
}

template <class T>
INLAY_OUTLINE void copy_block(const T* from, std::int64_t from_step, T* to, std::int64_t to_step, std::int64_t rows,
                              std::int64_t columns) {
  for (std::int64_t i = 0; i < rows; ++i)
    for (std::int64_t j = 0; j < columns; ++j) to[i * to_step + j] = from[i * from_step + j];
}

// Packs `rows` rows, gemm_block_rows at most.
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

// Packs the whole of A (m x k) into strips for a level, gemm_block_rows rows at a time, to be used in many calls (by
// convolution, whose tiles take all of k at once; see conv_tiles).
template <class T>
void gemm_pack_a(isa level, const strided<T>& a, std::int64_t m, std::int64_t k, T* strips) noexcept {
  for (std::int64_t i = 0; i < m; i += gemm_block_rows<T>)
    detail::pack_strips(strided<T>{a.data + i * a.row, a.row, a.column},
                        m - i < gemm_block_rows<T> ? m - i : gemm_block_rows<T>, gemm_strip_rows<T>(level), k,
                        strips + i * k);
}

template <class T> struct gemm_problem {
  std::int64_t m, n, k;
  strided<T> a, b;
  const T* panels;  // B, packed; null: it is read where it lies, and its rows are contiguous
  T* c;
  std::int64_t c_row;
  bool accumulate;  // C += instead of C =, and no bias then
  const T* bias;    // n values, or null
  bool relu;        // f: max(c, 0), or nothing
};

// The part of a product that is compiled for every level: C = f(before + A B) for `rows` rows and the columns of one
// panel of B, over `length` of k. A single row takes two panels at a time, to have more independent sums.
template <class T> struct gemm_panel {
  std::int64_t rows, columns, length;
  const T* a;
  std::int64_t a_row;   // from a row of A to the next, where it lies in place; 0: in strips
  std::int64_t a_step;  // in place, from an element of a row to the next
  const T* b;
  std::int64_t b_row;       // from a row of B to the next
  std::int64_t panel_step;  // to the second panel; 0: there is one, and a single row multiplies it twice
  T* c;
  std::int64_t c_row;
  const T* before;          // C itself, a row of biases, or null: nothing
  std::int64_t before_row;  // from a row of it to the next; 0: there is one, or none
  bool relu = false;        // f: max(c, 0), or nothing
  const T* next = nullptr;  // as much of B as this, to be asked for meanwhile; or null

  using register_tile = void;  // see core/isa.hpp

  // A tile over the edge of C is computed whole in `edge`, and the part inside copied.
  template <isa Level> INLAY_INLINE static void run(const gemm_panel* panel) noexcept {
    const gemm_panel& g = *panel;
    using blocking = gemm_blocking<T, Level>;
    constexpr int widest = blocking::rows;
    const std::int64_t width = (g.rows == 1 ? 2 : 1) * blocking::columns;
    constexpr std::int64_t line = 64 / static_cast<int>(sizeof(T));
    // Lines of cache to ask for with a row.
    const std::int64_t share = g.next == nullptr ? 0 : (g.length * width / line + g.rows - 1) / g.rows;
    const T* const before = g.before != nullptr ? g.before : zeros<2 * blocking::columns>;
    T edge[widest * blocking::columns];
    for (std::int64_t s = 0, height = 0; s < g.rows; s += height) {
      height = g.rows == 1 ? 1 : detail::strip_height(g.rows - s, widest);
      const std::int64_t used = g.rows - s < height ? g.rows - s : height;
      for (std::int64_t l = s * share; l < (s + height) * share; ++l) __builtin_prefetch(g.next + l * line, 0, 2);
      const bool whole = used == height && g.columns == width;
      T* const to = g.c + s * g.c_row;
      tile at{g.a + s * (g.a_row == 0 ? g.length : g.a_row), before + s * g.before_row, g.before_row, to, g.c_row};
      if (!whole) {
        detail::copy_block(at.before, at.before_row, edge, width, used, g.columns);
        at = {at.left, edge, width, edge, width};
      }
      if (height == widest)
        g.template multiply<Level, widest, 1>(at);
      else if (height == 1)
        g.template multiply<Level, 1, 2>(at);
      else if constexpr (widest != 4)
        g.template multiply<Level, 4, 1>(at);
      if (!whole) detail::copy_block(static_cast<const T*>(edge), width, to, g.c_row, used, g.columns);
    }
  }

 private:
  struct tile {
    const T *left, *before;
    std::int64_t before_row;
    T* to;
    std::int64_t to_row;
  };

  template <isa Level, int Rows, int Panels> INLAY_INLINE void multiply(const tile& at) const {
    using V = simd<T, Level>;
    constexpr int registers = gemm_blocking<T, Level>::registers, count = Panels * registers;
    V sum[Rows][count];
#pragma GCC unroll 12
    for (int i = 0; i < Rows; ++i)
#pragma GCC unroll 12
      for (int j = 0; j < count; ++j) sum[i][j] = V::zero();
#pragma GCC unroll 12
    for (int i = 0; i < Rows; ++i) __builtin_prefetch(at.to + i * at.to_row);
    constexpr int each = 3, groups = (Rows + each - 1) / each;  // base, base + row and base + 2 row
    const std::int64_t row = a_row == 0 ? 1 : a_row, step = a_row == 0 ? Rows : a_step;
    const T* left[groups];
#pragma GCC unroll 4
    for (int i = 0; i < groups; ++i) left[i] = at.left + i * each * row;
    const T* right_at = b;
    for (std::int64_t p = 0; p < length; ++p, right_at += b_row) {
      __builtin_prefetch(left[0] + 16 * step);  // strips come from L2
      V right[count];
#pragma GCC unroll 12
      for (int j = 0; j < count; ++j)
        right[j] = V::load(right_at + j / registers * panel_step + j % registers * V::size);
#pragma GCC unroll 12
      for (int i = 0; i < Rows; ++i) {
        const V one(left[i / each][i % each * row]);
#pragma GCC unroll 12
        for (int j = 0; j < count; ++j) sum[i][j] = multiply_add(one, right[j], sum[i][j]);
      }
#pragma GCC unroll 4
      for (int i = 0; i < groups; ++i) left[i] += step;
    }
    const V least(relu ? T{0} : -std::numeric_limits<T>::infinity());
#pragma GCC unroll 12
    for (int i = 0; i < Rows; ++i)
#pragma GCC unroll 12
      for (int j = 0; j < count; ++j)
        max(least, V::load(at.before + i * at.before_row + j * V::size) + sum[i][j])  // the order lets NaN through
            .store(at.to + i * at.to_row + j * V::size);
  }

  // Stand in for `before` when that is nothing.
  template <int Count> static constexpr T zeros[Count] = {};
};

// Rows [row_first, row_last) and panels [panel_first, panel_last) of a problem. `scratch`: gemm_scratch elements; not
// needed by a single row whose elements are contiguous, when B is packed.
template <class T>
INLAY_OUTLINE void gemm_range(isa level, const gemm_problem<T>& g, std::int64_t row_first, std::int64_t row_last,
                              std::int64_t panel_first, std::int64_t panel_last, T* scratch) noexcept {
  const inlay::detail::flush_denormals scope;
  const std::int64_t width = gemm_panel_columns<T>(level), depth = gemm_depth<T>(g.k);
  const std::int64_t widest = gemm_strip_rows<T>(level);
  // Packing A would not pay: few panels use it again, and few of its rows share cache sets.
  const bool close_rows =
      g.k > 0 && panel_last - panel_first <= 16 && g.a.row > 0 && g.a.row * std::int64_t{sizeof(T)} <= 2048;
  // Products of a block from which on it pays to ask for B ahead: before, the hardware does it well enough.
  constexpr std::int64_t many = 50'000'000;
  for (std::int64_t i = row_first, rows; i < row_last; i += rows) {
    rows = row_last - i < gemm_block_rows<T> ? row_last - i : gemm_block_rows<T>;
    const bool in_place = g.a.column == 1 && ((rows == 1 && g.k > 0) || (close_rows && gemm_exact_rows(rows, level)));
    const std::int64_t a_at = i * g.a.row;  // no pointer yet: there is no A when k = 0
    const std::int64_t height = gemm_whole_rows(rows, level);
    const std::int64_t most =  // of k in a block: whole parts
        in_place || height * g.k <= gemm_block<T>() ? g.k : gemm_block<T>() / (height * depth) * depth;
    const bool ahead = g.panels != nullptr && rows > 1 && rows * g.n * g.k > many;
    std::int64_t first = 0;
    do {  // at least once: k = 0 gives f(bias)
      const std::int64_t last = g.k - first < most ? g.k : first + most;
      if (!in_place)
        for (std::int64_t p = first; p < last; p += depth)
          detail::pack_strips(strided<T>{g.a.data + a_at + p * g.a.column, g.a.row, g.a.column}, rows, widest,
                              last - p < depth ? last - p : depth, scratch + (p - first) * height);
      for (std::int64_t panel = panel_first, taken = 1; panel < panel_last; panel += taken) {
        const std::int64_t left = g.n - panel * width;
        taken = rows == 1 && panel + 2 <= panel_last && left >= 2 * width ? 2 : 1;
        const std::int64_t columns = left < taken * width ? left : taken * width;
        std::int64_t p = first;
        do {
          T* const c = g.c + i * g.c_row + panel * width;
          const bool add = g.accumulate || p > 0;
          const T* const piece = g.panels == nullptr ? nullptr : g.panels + (panel * g.k + p) * width;
          gemm_panel<T> part{.rows = rows,
                             .columns = columns,
                             .length = last - p < depth ? last - p : depth,
                             .a = in_place ? g.a.data + a_at + p : scratch + (p - first) * height,
                             .a_row = in_place ? g.a.row : 0,
                             .a_step = 1,
                             .b = piece,
                             .b_row = width,
                             .panel_step = taken == 2 ? g.k * width : 0,
                             .c = c,
                             .c_row = g.c_row,
                             .before = add                 ? c
                                       : g.bias != nullptr ? g.bias + panel * width
                                                           : nullptr,
                             .before_row = add ? g.c_row : 0,
                             .relu = g.relu && p + depth >= g.k};
          if (g.panels == nullptr && g.k > 0) {
            part.b = g.b.data + p * g.b.row + panel * width;
            if (columns % width == 0)
              part.b_row = g.b.row, part.panel_step = taken == 2 ? width : 0;
            else  // the last columns do not fill a panel
              detail::pack_lines(part.b, std::int64_t{1}, g.b.row, columns, width, part.length,
                                 scratch + gemm_block<T>()),
                  part.b = scratch + gemm_block<T>();
          }
          if (ahead) {
            if (p + depth < last)
              part.next = piece + depth * width;
            else if (panel + 1 < panel_last)
              part.next = piece + (g.k - p + first) * width;
          }
          on_level<gemm_panel<T>>(level, static_cast<const gemm_panel<T>*>(&part));
          p += depth;
        } while (p < last);
      }
      first = last;
    } while (first < g.k);
  }
}

}  // namespace inlay::inline v0_1::kernels

INLAY_PRECISE_END
