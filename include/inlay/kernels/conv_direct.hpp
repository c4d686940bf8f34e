// Convolution without its matrix (see conv.hpp). What a band of outputs sees is copied into an image of zero-padded
// planes; for a stride s the elements of each phase, i mod s, have a plane of their own. Then neighbouring outputs see
// neighbouring elements at every kernel position, and row p of the matrix is simply the image from offsets[p] on: the
// register tile of gemm.hpp multiplies strips of weights with it unpacked. The copy costs a few percent; an image and
// its sums stay in L2 (160 KiB each), a strip and what a tile sees in L1.
//
// Rows of an image lie `pitch` apart, and a product runs over all of a band's positions, those between the rows too:
// what it gives there is not copied out. Padding in front of a row serves behind the row before it. Where there are
// many rows of weights and few channels, each kernel position along the last axis has planes of its own instead: more
// to copy, but rows follow each other without gaps, and tiles write to the result at once.
//
// The gradient of the input of a strided convolution is taken in passes: outputs of one phase see some of the kernel
// positions, and see them as a convolution of stride 1 does.
//
// Order of a sum: that of a matrix product over the kernel positions seen (gemm.hpp), channel after channel.
#pragma once

#include "conv.hpp"
#include "functions.hpp"

INLAY_PRECISE_BEGIN

namespace inlay::inline v0_1::kernels {

// How the outputs of a pass look along one axis. Output i is first + i step; by kernel position k, when it `sees(k)`,
// it sees the input's element start + i stride + distance(k).
struct conv_line {
  std::int64_t first, step, count;
  std::int64_t start, stride;
  std::int64_t kernel, dilation, spread;
  // Of the image: planes, and how far beyond an output it is seen. Planes hold a phase of distances each, or, apart,
  // what one kernel position sees.
  std::int64_t phases = 1, reach = 0;
  bool apart = false;

  conv_line(const conv_geometry& g, std::size_t axis, std::int64_t phase) noexcept
      : first(phase),
        step(g.spread[axis]),
        count((g.out[axis] - phase + step - 1) / step),
        start(phase - g.padding[axis]),
        stride(g.stride[axis]),
        kernel(g.kernel[axis]),
        dilation(g.dilation[axis]),
        spread(g.spread[axis]),
        origin_(start) {
    if (count < 0) count = 0;
    std::int64_t nearest = 0, farthest = 0;
    bool any = false;
    for (std::int64_t k = 0; k < kernel; ++k)
      if (sees(k)) {
        farthest = (origin_ + k * dilation) / spread;
        if (!any) nearest = farthest;
        any = true;
      }
    if (spread > 1) start = nearest;
    const std::int64_t most = spread > 1 ? farthest - nearest : (kernel - 1) * dilation;
    phases = most < stride ? most + 1 : stride;
    reach = most / stride;
  }

  bool sees(std::int64_t k) const noexcept { return spread == 1 || (origin_ + k * dilation) % spread == 0; }
  std::int64_t distance(std::int64_t k) const noexcept {
    return spread == 1 ? k * dilation : (origin_ + k * dilation) / spread - start;
  }
  void take_apart() noexcept {  // where all kernel positions are seen
    apart = true;
    phases = kernel;
    reach = 0;
  }
  // The plane that kernel position k looks at, how far on, and where a plane begins.
  std::int64_t plane(std::int64_t k) const noexcept { return apart ? k : distance(k) % stride; }
  std::int64_t shift(std::int64_t k) const noexcept { return apart ? 0 : distance(k) / stride; }
  std::int64_t begin(std::int64_t plane) const noexcept { return start + (apart ? plane * dilation : plane); }
  std::int64_t seen() const noexcept {
    std::int64_t out = 0;
    for (std::int64_t k = 0; k < kernel; ++k) out += sees(k);
    return out;
  }

 private:
  std::int64_t origin_;
};

// One pass, and how it is cut into bands of `height` x `width` outputs of axes 1 and 2 (one output of axis 0 each).
struct conv_pass {
  static constexpr std::int64_t deepest = 384;  // of k at a time: a strip and what a tile sees stay in L1
  conv_line line[3];
  std::int64_t rows;           // of the matrix: kernel positions seen, of all channels
  std::int64_t height, width;  // of a band, at most
  std::int64_t down, across;   // bands along axes 1 and 2
  std::int64_t pitch, plane, planes;
  std::int64_t positions;  // columns of a band's product, with room for whole tiles; rows of sums lie so far apart

  // The number of passes; pass i is conv_pass(…, i, …).
  static std::int64_t count(const conv_geometry& g) noexcept { return g.product(g.spread); }

  // For `m` rows of weights and elements of `size` bytes; bands of `least` outputs of axis 1 at least; `gapless`:
  // planes may be taken apart.
  conv_pass(const conv_geometry& g, std::int64_t i, std::int64_t m, std::int64_t size, std::int64_t least = 1,
            bool gapless = false) noexcept
      : line{{g, 0, i / (g.spread[2] * g.spread[1])}, {g, 1, i / g.spread[2] % g.spread[1]}, {g, 2, i % g.spread[2]}} {
    constexpr std::int64_t budget = 160 << 10, longest = 512, lanes = 64;  // lanes: four registers of any level
    rows = g.channels * line[0].seen() * line[1].seen() * line[2].seen();
    across = (line[2].count + longest - 1) / longest;
    width = across == 0 ? 0 : (line[2].count + across - 1) / across;
    pitch = width + line[2].reach;
    if (across == 1) pitch -= shared_padding(line[2], g.in[2], pitch);
    if (pitch < width) pitch = width;
    const std::int64_t depth = g.channels * line[0].seen() * line[1].phases;
    const auto of_image = [&] { return budget / (depth * line[2].phases * pitch * size + 1) - line[1].reach; };
    height = budget / (m * pitch * size + 1);  // of sums
    if (of_image() < height) height = of_image();
    constexpr std::int64_t most = 160;  // rows: what a tile sees of planes apart stays in L1
    if (gapless && pitch > width && across == 1 && line[2].spread == 1 && m >= 16 && rows <= most) {
      const conv_line before = line[2];
      const std::int64_t gap = pitch, last = height;
      line[2].take_apart();
      pitch = width;
      height = of_image();
      if (height <= line[1].reach) line[2] = before, pitch = gap, height = last;
    }
    planes = depth * line[2].phases;
    if (height < least) height = least;
    down = (line[1].count + height - 1) / height;
    height = down == 0 ? 0 : (line[1].count + down - 1) / down;
    positions = odd_lines((height * pitch + lanes - 1) / lanes * lanes, size);
    plane = odd_lines(positions + line[1].reach * pitch + line[2].reach, size);
  }

  std::int64_t bands() const noexcept { return line[0].count * down * across; }
  std::int64_t sums(std::int64_t m) const noexcept { return (m + gemm_widest_strip) * positions; }

 private:
  // Zeros that every row of a plane has in front and behind.
  static std::int64_t shared_padding(const conv_line& l, std::int64_t in, std::int64_t length) noexcept {
    const std::int64_t front = (-l.start - (l.phases - 1) + l.stride - 1) / l.stride,
                       behind = length - (in - l.start + l.stride - 1) / l.stride,
                       both = front < behind ? front : behind;
    return both > 0 ? both : 0;
  }
};

// Which outputs a band has.
struct conv_band {
  std::int64_t at[3], height, width;  // the first, counted within the pass

  conv_band(const conv_pass& pass, std::int64_t i) noexcept
      : at{i / (pass.down * pass.across), i / pass.across % pass.down * pass.height, i % pass.across * pass.width},
        height(pass.line[1].count - at[1]),
        width(pass.line[2].count - at[2]) {
    if (height > pass.height) height = pass.height;
    if (width > pass.width) width = pass.width;
  }
};

// f(channel, k0, k1, k2, p) for the kernel positions that a pass sees, in the order of the matrix's rows p.
template <class F> void each_tap(const conv_geometry& g, const conv_pass& pass, F f) {
  std::int64_t p = 0;
  for (std::int64_t c = 0; c < g.channels; ++c)
    for (std::int64_t k0 = 0; k0 < g.kernel[0]; ++k0)
      for (std::int64_t k1 = 0; k1 < g.kernel[1]; ++k1)
        for (std::int64_t k2 = 0; k2 < g.kernel[2]; ++k2)
          if (pass.line[0].sees(k0) && pass.line[1].sees(k1) && pass.line[2].sees(k2)) f(c, k0, k1, k2, p++);
}

// Where in the image each row of the matrix begins.
[[gnu::noinline]] inline void conv_offsets(const conv_geometry& g, const conv_pass& pass,
                                           std::int32_t* offsets) noexcept {
  const conv_line &one = pass.line[1], &two = pass.line[2];
  std::int64_t depth = -1, last_c = -1, last_k0 = -1;  // planes of (channel, k0) come one after the other
  each_tap(g, pass, [&](std::int64_t c, std::int64_t k0, std::int64_t k1, std::int64_t k2, std::int64_t p) {
    if (c != last_c || k0 != last_k0) ++depth, last_c = c, last_k0 = k0;
    const std::int64_t plane = (depth * one.phases + one.plane(k1)) * two.phases + two.plane(k2);
    offsets[p] = static_cast<std::int32_t>(plane * pass.plane + one.shift(k1) * pass.pitch + two.shift(k2));
  });
}

namespace detail {

// A line of an image: to[i] = row[first + i stride] for i < count, 0 outside of the row.
struct conv_copy {
  std::int64_t first, stride, count;
  std::int64_t begin, end;  // of what lies inside

  conv_copy(std::int64_t in, std::int64_t at, std::int64_t step, std::int64_t size) noexcept
      : first(at), stride(step), count(size), begin(at < 0 ? (step - 1 - at) / step : 0) {
    end = at < in ? (in - at + step - 1) / step : 0;
    if (end > count) end = count;
    if (begin > end) begin = end;
  }

  // Registers where a line has room for one, the last over the one before it: a call for each line would cost more.
  // `ahead`: a line that will be copied soon.
  template <class T> INLAY_INLINE void operator()(const T* row, const T* ahead, T* to) const {
    using V = simd<T, isa::plain>;
    for (std::int64_t i = 0; i < end * stride; i += 64 / std::int64_t{sizeof(T)}) __builtin_prefetch(ahead + i);
    if (count < V::size) {
      for (std::int64_t i = 0; i < count; ++i) to[i] = i < begin || i >= end ? T{0} : row[first + i * stride];
      return;
    }
    for (std::int64_t i = 0; i < begin; i += V::size) V::zero().store(to + (i < count - V::size ? i : count - V::size));
    for (std::int64_t i = count; i > end; i -= V::size) V::zero().store(to + (i > V::size ? i - V::size : 0));
    const std::int64_t inside = end - begin;
    if (inside == 0) return;
    const T* from = row + first + begin * stride;
    to += begin;
    std::int64_t i = 0;
    if (stride == 1 && inside >= V::size) {
      for (; i < inside - V::size; i += V::size) V::load(from + i).store(to + i);
      V::load(from + inside - V::size).store(to + inside - V::size);
      return;
    }
    if (stride == 2)
      for (; i + V::size < inside; i += V::size) {  // the last element read twice is inside
        const V a = V::load(from + 2 * i), b = V::load(from + 2 * i + V::size);
        if constexpr (V::size == 4)
          V::wrap(__builtin_shufflevector(a.v, b.v, 0, 2, 4, 6)).store(to + i);
        else
          V::wrap(__builtin_shufflevector(a.v, b.v, 0, 2)).store(to + i);
      }
    for (; i < inside; ++i) to[i] = from[i * stride];
  }
  template <class T> INLAY_INLINE void nothing(T* to) const {
    for (std::int64_t i = 0; i < count; ++i) to[i] = T{0};
  }
};

}  // namespace detail

// The image of a band, from the input of one group (channels, in…).
template <class T>
[[gnu::noinline]] void conv_image(const conv_geometry& g, const conv_pass& pass, const conv_band& band, const T* x,
                                  T* image) noexcept {
  const conv_line &zero = pass.line[0], &one = pass.line[1], &two = pass.line[2];
  const std::int64_t height = band.height + one.reach, width = band.width + two.reach,
                     ahead = 2 * conv_geometry::product(g.in);  // two channels on
  for (std::int64_t c = 0; c < g.channels; ++c)
    for (std::int64_t k0 = 0; k0 < zero.kernel; ++k0) {
      if (!zero.sees(k0)) continue;
      const std::int64_t i0 = zero.start + band.at[0] * zero.stride + zero.distance(k0);
      const T* slice = x + (c * g.in[0] + i0) * g.in[1] * g.in[2];
      for (std::int64_t f1 = 0; f1 < one.phases; ++f1)
        for (std::int64_t f2 = 0; f2 < two.phases; ++f2, image += pass.plane) {
          const detail::conv_copy copy(g.in[2], two.begin(f2) + band.at[2] * two.stride, two.stride, width);
          for (std::int64_t r = 0; r < height; ++r) {
            const std::int64_t i1 = one.begin(f1) + (band.at[1] + r) * one.stride;
            if (i0 >= 0 && i0 < g.in[0] && i1 >= 0 && i1 < g.in[1])
              copy(slice + i1 * g.in[2], slice + i1 * g.in[2] + ahead, image + r * pass.pitch);
            else
              copy.nothing(image + r * pass.pitch);
          }
        }
    }
}

// C = A B, or C += A B, over `length` of k: A in strips (see gemm.hpp), row p of B at image + offsets[p]. C has `lines`
// of `columns` columns each. A single row takes four registers of columns at a time.
//
// Sums that are `staged` are written up to the next whole tile, beyond the columns and rows. Where C is the result, the
// last tile of a line overlaps the one before it, and bias and relu are applied: this takes gemm_exact_rows(), lines of
// a tile or more, and all of k at once where they are no whole tiles.
template <class T> struct conv_tiles {
  std::int64_t rows, lines, columns, length;
  const T* strips;
  std::int64_t k, skip;  // of a strip: its length, and where the part begins
  const T* image;
  std::int64_t pitch;  // from a line to the next
  const std::int32_t* offsets;
  T* c;
  std::int64_t c_row, c_line;
  bool add, staged;
  const T* bias = nullptr;  // of each row
  bool relu = false;
  bool past = false;  // see past_caches(): of a result

  // Columns of a tile: of the narrowest one.
  static std::int64_t tile_columns(isa level) noexcept { return gemm_panel_columns<T>(level); }

  using register_tile = void;
  template <isa Level> INLAY_INLINE static void run(const conv_tiles* t) noexcept {
    for (std::int64_t i = 0; i < t->rows; i += gemm_block_rows<T>)
      for (std::int64_t r = 0; r < t->lines; ++r)
        t->block<Level>(i, t->rows - i < gemm_block_rows<T> ? t->rows - i : gemm_block_rows<T>, t->image + r * t->pitch,
                        t->c + i * t->c_row + r * t->c_line);
    if (t->past) end_of_stream();
  }

 private:
  // Rows [first, first + height) of a line.
  template <isa Level> INLAY_INLINE void block(std::int64_t first, std::int64_t height, const T* from, T* to) const {
    constexpr int widest = gemm_blocking<T, Level>::rows, lanes = simd<T, Level>::size;
    const T* const strip = strips + first * k;
    const std::int64_t width = height == 1 && (staged || columns >= 4 * lanes) ? 4 * lanes : 2 * lanes;
    for (std::int64_t j = 0; j < columns; j += width) {
      if (!staged && j > columns - width) j = columns - width;
      const T* a = strip;
      for (std::int64_t s = 0; s < height;) {
        const std::int64_t of = height == 1 ? 1 : detail::strip_height(height - s, widest);
        const T* part = a + of * skip;
        T* out = to + s * c_row + j;
        if (of == widest)
          multiply<Level, widest, 2>(part, from + j, out, first + s);
        else if (of == 1)
          width > 2 * lanes ? multiply<Level, 1, 4>(part, from + j, out, first)
                            : multiply<Level, 1, 2>(part, from + j, out, first);
        else if constexpr (widest != 4)
          multiply<Level, 4, 2>(part, from + j, out, first + s);
        a += of * k;
        s += of;
      }
    }
  }

  template <isa Level, int Rows, int Registers>
  INLAY_INLINE void multiply(const T* a, const T* b, T* to, std::int64_t row) const {
    using V = simd<T, Level>;
    V sum[Rows][Registers];
#pragma GCC unroll 12
    for (int i = 0; i < Rows; ++i)
#pragma GCC unroll 4
      for (int j = 0; j < Registers; ++j) sum[i][j] = V::zero();
    const std::int64_t step = c_row;
    if (add)
      for (int i = 0; i < Rows; ++i) __builtin_prefetch(to + i * step);
    for (const std::int32_t *at = offsets, *end = offsets + length; at != end; ++at, a += Rows) {
      const T* from = b + *at;
      V right[Registers];
#pragma GCC unroll 4
      for (int j = 0; j < Registers; ++j) right[j] = V::load(from + j * V::size);
#pragma GCC unroll 12
      for (int i = 0; i < Rows; ++i) {
        const V left(a[i]);
#pragma GCC unroll 4
        for (int j = 0; j < Registers; ++j) sum[i][j] = multiply_add(left, right[j], sum[i][j]);
      }
    }
    if (add) {
#pragma GCC unroll 12
      for (int i = 0; i < Rows; ++i)
#pragma GCC unroll 4
        for (int j = 0; j < Registers; ++j) sum[i][j] = V::load(to + i * step + j * V::size) + sum[i][j];
    }
    if (bias != nullptr) {
#pragma GCC unroll 12
      for (int i = 0; i < Rows; ++i) {
        const V term(bias[row + i]);
#pragma GCC unroll 4
        for (int j = 0; j < Registers; ++j) sum[i][j] += term;
      }
    }
    if (relu) {
#pragma GCC unroll 12
      for (int i = 0; i < Rows; ++i)
#pragma GCC unroll 4
        for (int j = 0; j < Registers; ++j) sum[i][j] = function::relu{}(sum[i][j]);
    }
    constexpr std::int64_t bytes = sizeof(typename V::raw);
    if (past && (reinterpret_cast<std::int64_t>(to) | step * std::int64_t{sizeof(T)}) % bytes == 0) {
#pragma GCC unroll 12
      for (int i = 0; i < Rows; ++i)
#pragma GCC unroll 4
        for (int j = 0; j < Registers; ++j) inlay::detail::stream(sum[i][j].v, to + i * step + j * V::size);
      return;
    }
#pragma GCC unroll 12
    for (int i = 0; i < Rows; ++i)
#pragma GCC unroll 4
      for (int j = 0; j < Registers; ++j) sum[i][j].store(to + i * step + j * V::size);
  }
};

// Copies a band's sums to where they belong: y = f(sum + bias), f = max(·, 0) or nothing.
template <class T> struct conv_finish {
  std::int64_t rows, height, width;
  const T* sums;
  std::int64_t sums_row, pitch;
  const T* bias;  // of each row, or null
  bool relu;
  T* y;  // of the first output
  std::int64_t y_row, y_line, y_step;
  bool past;  // see past_caches()

  using memory_bound = void;
  template <isa Level> INLAY_INLINE static void run(const conv_finish* f) noexcept {
    for (std::int64_t i = 0; i < f->rows; ++i)
      for (std::int64_t r = 0; r < f->height; ++r)
        f->line<Level>(f->sums + i * f->sums_row + r * f->pitch, f->bias == nullptr ? T{0} : f->bias[i],
                       f->y + i * f->y_row + r * f->y_line);
    if (f->past) end_of_stream();
  }

 private:
  template <isa Level> INLAY_INLINE void line(const T* from, T term, T* to) const {
    using wide = simd<T, Level>;
    using narrow = simd<T, isa::plain>;
    if (y_step != 1)
      for (std::int64_t j = 0; j < width; ++j) {
        T one[narrow::size];
        finished(narrow(from[j]), narrow(term)).store(one);
        to[j * y_step] = one[0];
      }
    else if (width >= wide::size)
      registers<wide>(from, term, to);
    else if (width >= narrow::size)
      registers<narrow>(from, term, to);
    else
      finished(narrow::load_first(from, width), narrow(term)).store_first(to, width);
  }
  // The last register overlaps the one before it.
  template <class V> INLAY_INLINE void registers(const T* from, T term, T* to) const {
    const V more(term);
    std::int64_t j = 0;
    for (; j + V::size <= width; j += V::size) finished(V::load(from + j), more).store(to + j, past);
    if (j < width) finished(V::load(from + width - V::size), more).store(to + width - V::size);
  }
  template <class V> INLAY_INLINE V finished(const V& sum, const V& term) const {
    const V out = sum + term;
    return relu ? function::relu{}(out) : out;
  }
};

// sums[p] += the products of a band's gradients with row p of the matrix: all of a weight's gradient where a group has
// one output channel. Eight rows at a time; dy's lines lie `line` apart.
template <class T> struct conv_dots {
  std::int64_t rows, height, width;
  const T* dy;
  std::int64_t line;
  const T* image;
  std::int64_t pitch;
  const std::int32_t* offsets;
  T* sums;

  using memory_bound = void;
  using register_tile = void;
  template <isa Level> INLAY_INLINE static void run(const conv_dots* d) noexcept {
    std::int64_t p = 0;
    for (; p + together <= d->rows; p += together) d->add<Level, together>(p);
    for (; p < d->rows; ++p) d->add<Level, 1>(p);
  }

 private:
  static constexpr int together = 8;
  template <isa Level, int Rows> INLAY_INLINE void add(std::int64_t p) const {
    using V = simd<T, Level>;
    V sum[Rows];
    const T* at[Rows];
#pragma GCC unroll 8
    for (int i = 0; i < Rows; ++i) {
      sum[i] = V::zero();
      at[i] = image + offsets[p + i];
    }
    for (std::int64_t r = 0; r < height; ++r)
      for (std::int64_t j = 0; j < width; j += V::size) {
        const V left = V::load_up_to(dy + r * line + j, width - j);  // zeros behind the line
        const bool whole = width - j >= V::size;
#pragma GCC unroll 8
        for (int i = 0; i < Rows; ++i) {
          const T* from = at[i] + r * pitch + j;
          sum[i] = multiply_add(left, whole ? V::load(from) : V::load_first(from, width - j), sum[i]);
        }
      }
    for (int i = 0; i < Rows; ++i) sums[p + i] += sum_lanes(sum[i]);
  }
};

// Gradients of weights: pixels are what is summed over, so the image is turned: [pixel][lanes], one panel of channels
// at a time, and a kernel position is a distance in pixels. Where there are few channels, the lanes hold the rows of
// the matrix instead, and there is one position.
struct conv_pixels {
  std::int64_t height, width;  // of a band of outputs, at most
  std::int64_t pitch, size;    // pixels of a row of the image, and of all of it
  bool rows_in_lanes;

  conv_pixels(const conv_geometry& g, std::int64_t m, std::int64_t lanes) noexcept {
    constexpr std::int64_t most = 256;
    const std::int64_t taps = g.product(g.kernel), panels = (g.channels + lanes - 1) / lanes,
                       row_panels = (g.rows() + lanes - 1) / lanes;
    rows_in_lanes = row_panels * (m + 24) < panels * taps * m;
    width = g.out[2] < most ? g.out[2] : most;
    height = width == 0 || width < g.out[2] ? 1 : most / width;
    if (height > g.out[1]) height = g.out[1];
    if (height < 1) height = 1;
    pitch = (width - 1) * g.stride[2] + (g.kernel[2] - 1) * g.dilation[2] + 1;
    size =
        rows_in_lanes ? height * width : ((height - 1) * g.stride[1] + (g.kernel[1] - 1) * g.dilation[1] + 1) * pitch;
  }
};

}  // namespace inlay::inline v0_1::kernels

INLAY_PRECISE_END
