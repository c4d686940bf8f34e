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
  if (sizeof(T) != 4 || !g.is_simple_3x3() || g.channels * m < 8 * (g.channels + m) || g.out[1] < 4 || g.out[2] < 4)
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

inline std::int64_t multiple(std::int64_t count, std::int64_t of) { return (count + of - 1) / of * of; }

// How many of `rows` rows of tiles are a band, for as many transformed numbers of a tile: these are to stay in L2, but
// weights, from further off, want many tiles.
template <class T> std::int64_t winograd_height(std::int64_t rows, std::int64_t across, std::int64_t numbers) {
  constexpr std::int64_t budget = 256 << 10, least = 96;
  const std::int64_t tiles = std::max(budget / (numbers * std::int64_t{sizeof(T)}), least),
                     most = std::clamp<std::int64_t>(tiles / across, 1, std::max<std::int64_t>(rows, 1)),
                     bands = (rows + most - 1) / most;
  return bands == 0 ? 0 : (rows + bands - 1) / bands;
}

// A row of tiles enters: channels [first, last) of it, from the planes of an image. `line`: the first output it sees.
template <class Of, class T>
void winograd_row(const kernels::conv_geometry& g, const T* planes, std::int64_t first, std::int64_t last,
                  std::int64_t line, kernels::winograd_enter<T, Of> tiles, T* image) {
  constexpr std::int64_t lanes = kernels::winograd_lanes<T>;
  T* const to = tiles.out;
  const isa level = active_isa();
  for (std::int64_t c = first; c < last; c += lanes) {
    kernels::conv_turned_image(g, planes + c * g.product(g.in), std::min(lanes, last - c), lanes, 0, line, 0, Of::seen,
                               tiles.pitch, image);
    tiles.image = image;
    tiles.out = to + c;
    dispatch<kernels::winograd_enter<T, Of>>(level, static_cast<const kernels::winograd_enter<T, Of>*>(&tiles));
  }
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
        channels_(multiple(g.channels, lanes)),
        columns_(kernels::gemm_panel_columns<T>(level_)),
        panels_(kernels::gemm_panels<T>(level_, of.m)) {
    height_ = winograd_height<T>(rows_, across_, positions * (channels_ + panels_ * columns_));
    bands_ = height_ == 0 ? 0 : (rows_ + height_ - 1) / height_;
    tiles_ = kernels::gemm_whole_rows(height_ * across_, level_);
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
            .rows = kernels::gemm_whole_rows(height * across_, level_),
            .columns = columns_,
            .length = g_.channels,
            .a = in + p * in_position(),
            .a_row = channels_,
            .a_step = 1,
            .b = of_.strips + ((group * positions + p) * panels_ + panel) * columns_ * g_.channels,
            .b_row = columns_,
            .panel_step = 0,
            .c = out + p * out_position() + panel * columns_,
            .c_row = panels_ * columns_,
            .before = nullptr,
            .before_row = 0};
        dispatch<kernels::gemm_panel<T>>(level_, &product);
      }
    for (std::int64_t i = 0; i < height; ++i)
      leave(group, first + i, channels, out + i * across_ * panels_ * columns_, scratch);
  }

 private:
  static constexpr std::int64_t positions = kernels::winograd<Tile>::positions, edge = kernels::winograd<Tile>::edge,
                                lanes = kernels::winograd_lanes<T>;

  std::int64_t pitch() const { return across_ * Tile + edge - Tile; }
  std::int64_t lines() const { return edge * pitch() * lanes; }  // more than those of a row of outputs
  std::int64_t in_position() const { return kernels::odd_lines(tiles_ * channels_, sizeof(T)); }
  std::int64_t out_position() const { return kernels::odd_lines(tiles_ * panels_ * columns_, sizeof(T)); }

  // Row `at` of a group: its inputs, transformed.
  void enter(std::int64_t group, std::int64_t at, T* image, T* to) const {
    const T* const planes = of_.x + (at / down_ * groups_ + group) * g_.channels * g_.product(g_.in);
    winograd_row<kernels::winograd_of_input<Tile>, T>(g_, planes, 0, g_.channels, at % down_ * Tile,
                                                      {across_, nullptr, pitch(), to, channels_, in_position()}, image);
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

// The gradient of the weights, of parts of the batch: sums[position][k][channels] += the products of the transformed
// dy (k, out…) and x over all tiles.
template <class T> class winograd_gradient {
 public:
  explicit winograd_gradient(const conv_sizes& s)
      : s_(s),
        g_(s.geometry),
        level_(active_isa()),
        down_((g_.out[1] + 3) / 4),
        across_((g_.out[2] + 3) / 4),
        columns_(kernels::gemm_panel_columns<T>(level_)),
        channels_(multiple(s.c, std::max(columns_, lanes))),
        outputs_(multiple(s.k, lanes)),
        height_(winograd_height<T>(s.batch * down_, across_, positions * (channels_ + outputs_))) {
    dy_.in = g_.out;
  }

  std::int64_t panels() const { return channels_ / columns_; }
  std::int64_t of_group() const { return positions * position(); }
  std::int64_t scratch() const {
    return lines() + positions * (x_position() + dy_position()) + kernels::gemm_widest_strip;  // read, and not used
  }

  // Panels [first, last) of a group, images [from, to); sums are those of the group.
  void operator()(const T* x, const T* dy, std::int64_t group, std::int64_t from, std::int64_t to, std::int64_t first,
                  std::int64_t last, T* scratch, T* sums) const {
    T *const of_x = scratch + lines(), *const of_dy = of_x + positions * x_position();
    for (std::int64_t row = from * down_; row < to * down_; row += height_) {
      const std::int64_t height = std::min(height_, to * down_ - row), count = height * across_;
      for (std::int64_t i = 0; i < height; ++i) {
        enter_x(x, group, row + i, first * columns_, std::min(last * columns_, s_.c), scratch,
                of_x + i * across_ * channels_);
        enter_dy(dy, group, row + i, scratch, of_dy + i * across_ * outputs_);
      }
      for (std::int64_t p = 0; p < positions; ++p)
        for (std::int64_t panel = first; panel < last; ++panel) {
          T* const of_panel = sums + p * position() + panel * columns_;
          const kernels::gemm_panel<T> product{.rows = kernels::gemm_whole_rows(s_.k, level_),
                                               .columns = columns_,
                                               .length = count,
                                               .a = of_dy + p * dy_position(),
                                               .a_row = 1,
                                               .a_step = outputs_,
                                               .b = of_x + p * x_position() + panel * columns_,
                                               .b_row = channels_,
                                               .panel_step = 0,
                                               .c = of_panel,
                                               .c_row = channels_,
                                               .before = of_panel,
                                               .before_row = channels_};
          dispatch<kernels::gemm_panel<T>>(level_, &product);
        }
    }
  }

  // Sums of all groups in the order of the weight.
  void collect(const T* sums, T* dw) const {
    for (std::int64_t group = 0; group < s_.groups; ++group)
      for (std::int64_t k = 0; k < s_.k; ++k, dw += 9 * s_.c) {
        const kernels::winograd_gather<T> gather{s_.c, sums + group * of_group() + k * channels_, position(), dw};
        dispatch<kernels::winograd_gather<T>>(level_, &gather);
      }
  }

 private:
  static constexpr std::int64_t positions = kernels::winograd<4>::positions, lanes = kernels::winograd_lanes<T>;

  std::int64_t tiles() const { return height_ * across_; }
  std::int64_t pitch() const { return across_ * 4 + 2; }
  std::int64_t lines() const { return 6 * pitch() * lanes; }
  std::int64_t x_position() const { return kernels::odd_lines(tiles() * channels_, sizeof(T)); }
  std::int64_t dy_position() const { return kernels::odd_lines(tiles() * outputs_, sizeof(T)); }
  std::int64_t position() const {
    return kernels::odd_lines(kernels::gemm_whole_rows(s_.k, level_) * channels_, sizeof(T));
  }  // of the sums

  void enter_x(const T* x, std::int64_t group, std::int64_t row, std::int64_t first, std::int64_t last, T* image,
               T* to) const {
    const T* const planes = x + (row / down_ * s_.groups + group) * s_.c * g_.product(g_.in);
    winograd_row<kernels::winograd_of_input<4>, T>(g_, planes, first, last, row % down_ * 4,
                                                   {across_, nullptr, pitch(), to, channels_, x_position()}, image);
  }
  void enter_dy(const T* dy, std::int64_t group, std::int64_t row, T* image, T* to) const {
    const T* const planes = dy + (row / down_ * s_.groups + group) * s_.k * g_.columns();
    winograd_row<kernels::winograd_of_gradient, T>(dy_, planes, 0, s_.k, row % down_ * 4,
                                                   {across_, nullptr, across_ * 4, to, outputs_, dy_position()}, image);
  }

  const conv_sizes& s_;
  const kernels::conv_geometry& g_;
  kernels::conv_geometry dy_;  // as an input
  isa level_;
  std::int64_t down_, across_;                 // rows of tiles in an image, tiles of one
  std::int64_t columns_, channels_, outputs_;  // of a panel; with room for whole panels, and for whole blocks of lanes
  std::int64_t height_;                        // rows of a band
};

}  // namespace inlay::inline v0_1::detail
