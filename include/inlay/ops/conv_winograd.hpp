// Convolutions of 3 x 3 kernels by Winograd's products (kernels/conv_winograd.hpp): which ones, their weights, their
// threads.
#pragma once

#include "../kernels/conv_winograd.hpp"
#include "packed.hpp"
#include "represented.hpp"

namespace inlay::inline v0_1::detail {

// What a convolution takes and gives: y (N, groups m, out…) = f(strips * x (N, groups c, in…) + bias); bias may be
// null, f is max(·, 0) when `relu`. `past`: see past_caches().
template <class T> struct conv_operands {
  std::int64_t m;
  const T* strips;
  const T* x;
  const T* bias;
  bool relu;
  T* y;
  bool past = false;
};

// Work of a convolution that is worth a thread of its own.
inline std::int64_t conv_grain(std::int64_t multiply_adds) noexcept {
  return std::max<std::int64_t>(1, (std::int64_t{1} << 19) / std::max<std::int64_t>(multiply_adds, 1));
}

// Output channels [first, last) of a band.
struct conv_rows {
  std::int64_t first, last;
  std::int64_t count() const noexcept { return last - first; }
};

// product(item, rows, scratch) for every band of every group and image; where there are less bands than the threads
// could share evenly, for parts of the m output channels, which are whole strips but for the last.
template <class Product>
void each_band(const conv_sizes& s, const kernels::conv_pass& pass, std::int64_t m, std::int64_t multiply_adds,
               const Product& product) {
  using T = typename Product::value_type;
  constexpr std::int64_t strips = 2 * kernels::gemm_widest_strip;  // what is done again for a part is to be little
  const std::int64_t items = s.batch * s.groups * pass.bands(), threads = thread_count();
  std::int64_t parts = 1;
  if (items > 0 && items < 2 * threads && items % threads != 0)
    parts = std::clamp<std::int64_t>((2 * threads + items - 1) / items, 1, std::max<std::int64_t>(m / strips, 1));
  const std::int64_t each = parts == 1 ? m : m / parts / kernels::gemm_widest_strip * kernels::gemm_widest_strip;
  parallel_for(items * parts, conv_grain(multiply_adds / parts), [&](std::int64_t first, std::int64_t last) {
    tensor<T> scratch = tensor<T>::empty({product.scratch()});
    for (std::int64_t i = first; i < last; ++i) {
      const std::int64_t part = i % parts;
      product(i / parts, conv_rows{part * each, part + 1 == parts ? m : (part + 1) * each}, writable(scratch));
    }
  });
}

// Whether a convolution with m outputs per group is done this way: by its sizes alone, in float. Of a tile the products
// take time as channels m, the transforms as channels + m: there must be channels enough.
template <class T> bool is_winograd(const kernels::conv_geometry& g, std::int64_t m) noexcept {
  using axes = kernels::conv_geometry::axes;
  return sizeof(T) == 4 && g.kernel == axes{1, 3, 3} && g.stride == axes{1, 1, 1} && g.dilation == axes{1, 1, 1} &&
         g.spread == axes{1, 1, 1} && g.channels * m >= 32 * (g.channels + m) && g.out[1] >= 4 && g.out[2] >= 4;
}

// The transformed weights of all groups in strips, position after position. `turned`: for the input's gradient.
template <class T> tensor<T> winograd_strips(const tensor<T>& w, const conv_sizes& s, bool turned) {
  const isa level = active_isa();
  const std::int64_t m = turned ? s.c : s.k, channels = turned ? s.k : s.c, room = kernels::gemm_strips<T>(m, channels);
  const packed_key key{w.data(), {s.groups, m, channels}, turned ? layout_flipped_winograd : layout_winograd, level};
  return packed<T>(w, key, [&] {
    constexpr std::int64_t positions = kernels::winograd_positions;
    tensor<T> strips = tensor<T>::empty({s.groups * positions * room}),
              rows = tensor<T>::empty({positions, m, channels});
    T *to = writable(strips), *row = writable(rows);
    for (std::int64_t group = 0; group < s.groups; ++group) {
      const T* from = w.data() + group * s.k * s.c * 9;
      for (std::int64_t i = 0; i < m; ++i)
        for (std::int64_t c = 0; c < channels; ++c)
          kernels::winograd_weight(turned ? from + (c * s.c + i) * 9 + 8 : from + (i * s.c + c) * 9, turned ? -1 : 1,
                                   row + i * channels + c, m * channels);
      for (std::int64_t p = 0; p < positions; ++p)
        kernels::gemm_pack_a<T>(level, {row + p * m * channels, channels, 1}, m, channels,
                                to + (group * positions + p) * room);
    }
    return strips;
  });
}

// All bands of such a convolution.
template <class T> class winograd_bands {
 public:
  using value_type = T;

  // `pass`: over `tiles`, which are those of g.
  winograd_bands(const conv_sizes& s, const kernels::conv_geometry& g, const kernels::conv_geometry& tiles,
                 const kernels::conv_pass& pass, const conv_operands<T>& of)
      : g_(g),
        tiles_(tiles),
        pass_(pass),
        of_(of),
        groups_(s.groups),
        row_(pass.positions),
        level_(active_isa()),
        offsets_(tensor<std::int32_t>::empty({g.channels})) {
    std::int32_t* to = writable(offsets_);
    for (std::int64_t c = 0; c < g.channels; ++c) to[c] = static_cast<std::int32_t>(c * row_);
  }

  std::int64_t scratch() const {
    return image() + transformed() + (positions * of_.m + kernels::gemm_widest_strip) * row_;
  }

  // Some rows of band `item` % bands of a group of an image.
  void operator()(std::int64_t item, const conv_rows& rows, T* scratch) const {
    const std::int64_t plane = item / pass_.bands(), group = plane % groups_, channels = g_.channels;
    const kernels::conv_band band(pass_, item % pass_.bands());
    T *const in = scratch + image(), *const out = in + transformed();
    kernels::conv_image(tiles_, pass_, band, of_.x + plane * channels * g_.product(g_.in), scratch);
    const kernels::winograd_input<T> enter{channels,    band.height, band.width, scratch,
                                           pass_.pitch, pass_.plane, in,         row_};
    dispatch<kernels::winograd_input<T>>(level_, &enter);
    for (std::int64_t p = 0; p < positions; ++p)  // what fills up a strip is overwritten by the next position's rows
      multiply(rows.count(), band.height * band.width,
               of_.strips + (group * positions + p) * kernels::gemm_strips<T>(of_.m, channels) + rows.first * channels,
               in + p * channels * row_, out + p * rows.count() * row_);
    const std::int64_t i = 2 * band.at[1], j = 2 * band.at[2];
    const kernels::winograd_output<T> leave{
        rows.count(),
        std::min(2 * band.height, g_.out[1] - i),
        std::min(2 * band.width, g_.out[2] - j),
        out,
        row_,
        of_.bias == nullptr ? nullptr : of_.bias + group * of_.m + rows.first,
        of_.relu,
        of_.y + (plane * of_.m + rows.first) * g_.columns() + (band.at[0] * g_.out[1] + i) * g_.out[2] + j,
        g_.columns(),
        g_.out[2],
        of_.past};
    dispatch<kernels::winograd_output<T>>(level_, &leave);
  }

 private:
  static constexpr std::int64_t positions = kernels::winograd_positions;

  std::int64_t image() const { return pass_.planes * pass_.plane; }
  std::int64_t transformed() const { return positions * g_.channels * row_ + 64; }  // a tile reads whole registers

  void multiply(std::int64_t rows, std::int64_t count, const T* strips, const T* in, T* out) const {
    const kernels::conv_tiles<T> tiles{.rows = rows,
                                       .lines = 1,
                                       .columns = count,
                                       .length = g_.channels,
                                       .strips = strips,
                                       .k = g_.channels,
                                       .skip = 0,
                                       .image = in,
                                       .pitch = 0,
                                       .offsets = offsets_.data(),
                                       .c = out,
                                       .c_row = row_,
                                       .c_line = 0,
                                       .add = false,
                                       .staged = true};
    dispatch<kernels::conv_tiles<T>>(level_, &tiles);
  }

  const kernels::conv_geometry &g_, &tiles_;
  const kernels::conv_pass& pass_;
  conv_operands<T> of_;
  std::int64_t groups_, row_;  // row: of transformed numbers, and of products
  isa level_;
  tensor<std::int32_t> offsets_;
};

template <class T>
void winograd_product(const conv_sizes& s, const kernels::conv_geometry& g, const conv_operands<T>& of) {
  const kernels::conv_geometry tiles = kernels::winograd_tiles(g);
  // Transformed numbers and products of a band are to stay in L2, but for two register tiles of columns at least.
  const kernels::conv_pass pass(tiles, 0, 5 * (g.channels + of.m), sizeof(T), (31 + tiles.out[2]) / tiles.out[2]);
  each_band(s, pass, of.m, kernels::winograd_positions * pass.positions * of.m * g.channels,
            winograd_bands<T>(s, g, tiles, pass, of));
}

}  // namespace inlay::inline v0_1::detail
