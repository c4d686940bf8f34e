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

// product(item, rows, scratch) for all items of a convolution; where there are less of them than the threads could
// share evenly, for parts of the m output channels, which are multiples of `unit` but for the last.
template <class Product>
void each_band(std::int64_t items, std::int64_t m, std::int64_t unit, std::int64_t multiply_adds,
               const Product& product) {
  using T = typename Product::value_type;
  const std::int64_t threads = thread_count();
  std::int64_t parts = 1;
  if (items > 0 && items < 2 * threads && items % threads != 0)  // what is done again for a part is to be little
    parts = std::clamp<std::int64_t>((2 * threads + items - 1) / items, 1, std::max<std::int64_t>(m / (2 * unit), 1));
  const std::int64_t each = parts == 1 ? m : m / parts / unit * unit;
  parallel_for(items * parts, conv_grain(multiply_adds / parts), [&](std::int64_t first, std::int64_t last) {
    tensor<T> scratch = tensor<T>::empty({product.scratch()});
    for (std::int64_t i = first; i < last; ++i) {
      const std::int64_t part = i % parts;
      product(i / parts, conv_rows{part * each, part + 1 == parts ? m : (part + 1) * each}, writable(scratch));
    }
  });
}

// Outputs of a tile, along an axis, of a convolution with m outputs per group that is done this way; 0: it is not. By
// its sizes alone, in float. Of a tile the products take time as channels m, the transforms as channels + m: there must
// be channels enough. Larger tiles never take more products, but twice the memory for weights, which small batches
// wait for.
template <class T> int winograd_tile(const kernels::conv_geometry& g, std::int64_t m) noexcept {
  using axes = kernels::conv_geometry::axes;
  if (sizeof(T) != 4 || g.kernel != axes{1, 3, 3} || g.stride != axes{1, 1, 1} || g.dilation != axes{1, 1, 1} ||
      g.spread != axes{1, 1, 1} || g.channels * m < 8 * (g.channels + m) || g.out[1] < 4 || g.out[2] < 4)
    return 0;
  constexpr std::int64_t most = 16 << 20;  // bytes of weights
  return kernels::winograd<4>::positions * g.channels * m * std::int64_t{sizeof(T)} <= most ? 4 : 2;
}

// The transformed weights of all groups in panels (see gemm.hpp), position after position. `turned`: for the input's
// gradient.
template <int Tile, class T> tensor<T> winograd_panels(const tensor<T>& w, const conv_sizes& s, bool turned) {
  constexpr std::int64_t positions = kernels::winograd<Tile>::positions;
  const isa level = active_isa();
  const std::int64_t m = turned ? s.c : s.k, channels = turned ? s.k : s.c,
                     columns = kernels::gemm_panel_columns<T>(level), panels = kernels::gemm_panels<T>(level, m);
  const packed_key key{
      w.data(), {s.groups, m, channels, Tile}, turned ? layout_flipped_winograd : layout_winograd, level};
  return packed<T>(w, key, [&] {
    const std::int64_t of_panel = columns * channels, last = turned ? 8 : 0;
    tensor<T> out = tensor<T>::empty({s.groups, positions, panels * of_panel});
    for (std::int64_t group = 0; group < s.groups; ++group)
      for (std::int64_t panel = 0; panel < panels; ++panel) {
        const std::int64_t first = panel * columns, channel = turned ? s.c * 9 : 9, column = turned ? 9 : s.c * 9;
        const kernels::winograd_weights<T, Tile> weights{
            .channels = channels,
            .columns = columns,
            .used = m - first,
            .w = w.data() + group * s.k * s.c * 9 + first * column + last,
            .channel = channel,
            .column = column,
            .element = turned ? -1 : 1,
            .out = writable(out) + (group * positions * panels + panel) * of_panel,
            .position = panels * of_panel};
        dispatch<kernels::winograd_weights<T, Tile>>(level, &weights);
      }
    return out;
  });
}

// Rows of tiles, a band of some of them at a time. A row's tiles lie within one image; those of a group follow each
// other through the batch.
template <int Tile, class T> class winograd_bands {
 public:
  using value_type = T;

  winograd_bands(const conv_sizes& s, const kernels::conv_geometry& g, const conv_operands<T>& of)
      : g_(g),
        of_(of),
        groups_(s.groups),
        level_(active_isa()),
        down_((g.out[1] + Tile - 1) / Tile),
        across_((g.out[2] + Tile - 1) / Tile),
        rows_(s.batch * down_),
        channels_(whole_lanes(g.channels)),
        columns_(kernels::gemm_panel_columns<T>(level_)),
        panels_(kernels::gemm_panels<T>(level_, of.m)) {
    // Transformed numbers and products of a band are to stay in L2; weights, from further off, want many tiles.
    const std::int64_t bytes = positions * (channels_ + panels_ * columns_) * std::int64_t{sizeof(T)},
                       tiles = std::max<std::int64_t>(budget / bytes, least_tiles);
    const std::int64_t most = std::clamp<std::int64_t>(tiles / across_, 1, std::max<std::int64_t>(rows_, 1)),
                       bands = (rows_ + most - 1) / most;
    height_ = bands == 0 ? 0 : (rows_ + bands - 1) / bands;
    bands_ = height_ == 0 ? 0 : (rows_ + height_ - 1) / height_;
    tiles_ = whole_strips(height_ * across_);
  }

  std::int64_t items() const { return groups_ * bands_; }
  std::int64_t unit() const { return columns_; }
  std::int64_t multiply_adds() const { return positions * height_ * across_ * of_.m * g_.channels; }
  std::int64_t scratch() const { return lines() + positions * (in_position() + out_position()); }

  // Some output channels of a band.
  void operator()(std::int64_t item, const conv_rows& channels, T* scratch) const {
    const std::int64_t group = item / bands_, first = item % bands_ * height_,
                       height = std::min(height_, rows_ - first);
    T *const in = scratch + lines(), *const out = in + positions * in_position();
    for (std::int64_t i = 0; i < height; ++i) enter(group, first + i, scratch, in + i * across_ * channels_);
    for (std::int64_t p = 0; p < positions; ++p)
      for (std::int64_t panel = channels.first / columns_; panel * columns_ < channels.last; ++panel) {
        const kernels::gemm_panel<T> product{
            .rows = whole_strips(height * across_),
            .columns = columns_,
            .length = g_.channels,
            .add = false,
            .a = in + p * in_position(),
            .a_row = channels_,
            .b = of_.strips + ((group * positions + p) * panels_ + panel) * columns_ * g_.channels,
            .b_row = columns_,
            .panel_step = 0,
            .c = out + p * out_position() + panel * columns_,
            .c_row = panels_ * columns_};
        dispatch<kernels::gemm_panel<T>>(level_, &product);
      }
    for (std::int64_t i = 0; i < height; ++i)
      leave(group, first + i, channels, out + i * across_ * panels_ * columns_, scratch);
  }

 private:
  static constexpr std::int64_t positions = kernels::winograd<Tile>::positions, edge = kernels::winograd<Tile>::edge,
                                lanes = kernels::winograd_lanes<T>, budget = 256 << 10, least_tiles = 96;

  static std::int64_t whole_lanes(std::int64_t count) { return (count + lanes - 1) / lanes * lanes; }
  // Of tiles: what is too much is computed of whatever lies there.
  std::int64_t whole_strips(std::int64_t tiles) const {
    const std::int64_t of = level_ == isa::avx2 ? 2 : 4;
    return std::max<std::int64_t>((tiles + of - 1) / of * of, 4);
  }
  // A position takes an odd number of cache lines: so they share all sets of L1.
  static std::int64_t odd_lines(std::int64_t elements) {
    constexpr std::int64_t of = 64 / static_cast<int>(sizeof(T));
    return ((elements + of - 1) / of | 1) * of;
  }
  std::int64_t pitch() const { return across_ * Tile + edge - Tile; }
  std::int64_t lines() const { return edge * pitch() * lanes; }  // more than those of a row of outputs
  std::int64_t in_position() const { return odd_lines(tiles_ * channels_); }
  std::int64_t out_position() const { return odd_lines(tiles_ * panels_ * columns_); }

  // Row `at` of a group: its inputs, transformed.
  void enter(std::int64_t group, std::int64_t at, T* image, T* to) const {
    const std::int64_t plane = at / down_ * groups_ + group, size = g_.product(g_.in);
    for (std::int64_t c = 0; c < g_.channels; c += lanes) {
      kernels::conv_turned_image(g_, of_.x + (plane * g_.channels + c) * size, std::min(lanes, g_.channels - c), lanes,
                                 0, at % down_ * Tile, 0, edge, pitch(), image);
      const kernels::winograd_input<T, Tile> input{across_, image, pitch(), to + c, channels_, in_position()};
      dispatch<kernels::winograd_input<T, Tile>>(level_, &input);
    }
  }

  // Its outputs.
  void leave(std::int64_t group, std::int64_t at, const conv_rows& channels, const T* from, T* image) const {
    const std::int64_t plane = at / down_ * groups_ + group, size = g_.columns(), line = at % down_ * Tile;
    T bias[lanes] = {};
    for (std::int64_t k = channels.first; k < channels.last; k += lanes) {
      const std::int64_t count = std::min(lanes, channels.last - k);
      if (of_.bias != nullptr) std::copy_n(of_.bias + group * of_.m + k, count, bias);
      const kernels::winograd_output<T, Tile> output{across_,  from + k, panels_ * columns_, out_position(), bias,
                                                     of_.relu, image};
      dispatch<kernels::winograd_output<T, Tile>>(level_, &output);
      for (std::int64_t i = 0; i < std::min<std::int64_t>(Tile, g_.out[1] - line); ++i)
        kernels::conv_turned_back(image + i * across_ * Tile * lanes, lanes, count, g_.out[2],
                                  of_.y + (plane * of_.m + k) * size + (line + i) * g_.out[2], size);
    }
  }

  const kernels::conv_geometry& g_;
  conv_operands<T> of_;
  std::int64_t groups_;
  isa level_;
  std::int64_t down_, across_, rows_;  // rows of tiles in an image, tiles of one, rows of a group in the batch
  std::int64_t channels_;              // with room for whole blocks of lanes
  std::int64_t columns_, panels_;
  std::int64_t height_, bands_, tiles_;  // rows of a band, bands of a group, room for the tiles of a band
};

template <int Tile, class T>
void winograd_product(const conv_sizes& s, const kernels::conv_geometry& g, const conv_operands<T>& of) {
  const winograd_bands<Tile, T> bands(s, g, of);
  each_band(bands.items(), of.m, bands.unit(), bands.multiply_adds(), bands);
}

}  // namespace inlay::inline v0_1::detail
