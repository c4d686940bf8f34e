// The gradient of a convolution's weights: dW (groups k, c taps) = the sum over the batch of dy (k, out…) times the
// matrix of x, transposed. Pixels are what is summed over; how is told in kernels/conv_direct.hpp.
#pragma once

#include "../kernels/conv_direct.hpp"
#include "conv_winograd.hpp"
#include "map.hpp"

namespace inlay::inline v0_1::detail {

// The gradient of weights with one output channel per group: products of whole planes. x and dy as below.
template <class T>
void conv_dot_gradient(const conv_sizes& s, const T* x, const T* dy, std::int64_t parts, std::int64_t room, T* sums) {
  const isa level = active_isa();
  const kernels::conv_geometry& g = s.geometry;
  const kernels::conv_pass pass(g, 0, 1, sizeof(T));
  tensor<std::int32_t> offsets = tensor<std::int32_t>::empty({pass.rows});
  kernels::conv_offsets(g, pass, writable(offsets));
  parallel_for(parts * s.groups, conv_grain(g.columns() * pass.rows), [&](std::int64_t first, std::int64_t last) {
    tensor<T> scratch = tensor<T>::empty({pass.planes * pass.plane});
    T* image = writable(scratch);
    for (std::int64_t item = first; item < last; ++item) {
      const std::int64_t group = item % s.groups, of = item / s.groups;
      T* to = sums + of * room + group * pass.rows;
      std::fill_n(to, pass.rows, T{0});
      for (std::int64_t n = s.batch * of / parts; n < s.batch * (of + 1) / parts; ++n) {
        const std::int64_t plane = n * s.groups + group;
        for (std::int64_t i = 0; i < pass.bands(); ++i) {
          const kernels::conv_band band(pass, i);
          kernels::conv_image(g, pass, band, x + plane * s.c * g.product(g.in), image);
          const kernels::conv_dots<T> dots{
              pass.rows,  band.height,
              band.width, dy + plane * g.columns() + (band.at[0] * g.out[1] + band.at[1]) * g.out[2] + band.at[2],
              g.out[2],   image,
              pass.pitch, offsets.data(),
              to};
          dispatch<kernels::conv_dots<T>>(level, &dots);
        }
      }
    }
  });
}

// A weight's gradient, panel by panel of what the outputs see, over parts of the batch: sums[panel][tap][k][lanes] +=
// dy (k, out…) times the panel's lanes, turned.
template <class T> struct conv_panel_gradient {
  const conv_sizes& s;
  const isa level;
  const std::int64_t lanes;
  const kernels::conv_pixels pixels;
  const std::int64_t columns, taps, rows;  // of the gradient; rows with room for a last strip
  tensor<std::int32_t> offsets;            // of the pixels of a band

  conv_panel_gradient(const conv_sizes& sizes, isa at)
      : s(sizes),
        level(at),
        lanes(kernels::gemm_panel_columns<T>(at)),
        pixels(s.geometry, s.k, lanes),
        columns(pixels.rows_in_lanes ? s.geometry.rows() : s.c),
        taps(pixels.rows_in_lanes ? 1 : s.geometry.product(s.geometry.kernel)),
        rows(s.k + kernels::gemm_widest_strip),
        offsets(tensor<std::int32_t>::empty({pixels.height * pixels.width})) {
    const kernels::conv_geometry& g = s.geometry;
    std::int32_t* to = writable(offsets);
    for (std::int64_t r = 0; r < pixels.height; ++r)
      for (std::int64_t j = 0; j < pixels.width; ++j)
        *to++ = static_cast<std::int32_t>(
            lanes * (pixels.rows_in_lanes ? r * pixels.width + j : r * g.stride[1] * pixels.pitch + j * g.stride[2]));
  }

  std::int64_t panels() const { return (columns + lanes - 1) / lanes; }
  std::int64_t of_panel() const { return taps * rows * lanes; }
  std::int64_t of_group() const { return panels() * of_panel(); }
  std::int64_t of_lines() const { return lanes * pixels.height * pixels.width; }
  std::int64_t scratch() const {
    return pixels.size * lanes + of_lines() + kernels::gemm_strips<T>(s.k, pixels.height * pixels.width);
  }

  // Panels [first, last) of a group, images [from, to); sums are those of the group.
  void operator()(const T* x, const T* dy, std::int64_t group, std::int64_t from, std::int64_t to, std::int64_t first,
                  std::int64_t last, T* scratch, T* sums) const {
    const kernels::conv_geometry& g = s.geometry;
    T *image = scratch, *lines = image + pixels.size * lanes, *strips = lines + of_lines();
    for (std::int64_t n = from; n < to; ++n) {
      const std::int64_t plane = n * s.groups + group;
      const T* seen = x + plane * s.c * g.product(g.in);
      for (std::int64_t o0 = 0; o0 < g.out[0]; ++o0)
        for (std::int64_t o1 = 0; o1 < g.out[1]; o1 += pixels.height)
          for (std::int64_t o2 = 0; o2 < g.out[2]; o2 += pixels.width) {
            const std::int64_t at = (o0 * g.out[1] + o1) * g.out[2] + o2,
                               height = std::min(pixels.height, g.out[1] - o1),
                               count = height * std::min(pixels.width, g.out[2] - o2);
            kernels::gemm_pack_a<T>(level, {dy + plane * s.k * g.columns() + at, g.columns(), 1}, s.k, count, strips);
            for (std::int64_t panel = first; panel < last; ++panel)
              if (pixels.rows_in_lanes)
                add_rows(seen, panel, at, count, lines, image, strips, sums + panel * of_panel());
              else
                add_channels(seen, panel, {o0, o1, o2}, height, count, image, strips, sums + panel * of_panel());
          }
    }
  }

  // Sums of all groups in the order of the weight.
  void collect(const T* sums, T* dw) const {
    for (std::int64_t group = 0; group < s.groups; ++group)
      for (std::int64_t k = 0; k < s.k; ++k)
        for (std::int64_t c = 0; c < columns; ++c)
          for (std::int64_t tap = 0; tap < taps; ++tap)
            *dw++ = sums[(((group * panels() + c / lanes) * taps + tap) * rows + k) * lanes + c % lanes];
  }

 private:
  std::int64_t used(std::int64_t panel) const { return std::min(lanes, columns - panel * lanes); }

  void add_rows(const T* x, std::int64_t panel, std::int64_t at, std::int64_t count, T* lines, T* image,
                const T* strips, T* to) const {
    for (std::int64_t i = 0; i < used(panel); ++i)
      kernels::conv_row(s.geometry, x, panel * lanes + i, at, at + count, lines + i * count);
    kernels::gemm_pack_b<T>({lines, 1, count}, lanes, count, used(panel), 0, 1, image);
    add(image, count, strips, to);
  }

  void add_channels(const T* x, std::int64_t panel, const std::array<std::int64_t, 3>& o, std::int64_t height,
                    std::int64_t count, T* image, const T* strips, T* to) const {
    const kernels::conv_geometry& g = s.geometry;
    const std::int64_t seen = (height - 1) * g.stride[1] + (g.kernel[1] - 1) * g.dilation[1] + 1;
    for (std::int64_t k0 = 0; k0 < g.kernel[0]; ++k0) {
      const std::int64_t i0 = o[0] * g.stride[0] - g.padding[0] + k0 * g.dilation[0];
      if (i0 < 0 || i0 >= g.in[0]) continue;
      kernels::conv_turned_image(g, x + panel * lanes * g.product(g.in), used(panel), lanes, i0, o[1], o[2], seen,
                                 pixels.pitch, image);
      for (std::int64_t k1 = 0; k1 < g.kernel[1]; ++k1)
        for (std::int64_t k2 = 0; k2 < g.kernel[2]; ++k2)
          add(image + (k1 * g.dilation[1] * pixels.pitch + k2 * g.dilation[2]) * lanes, count, strips,
              to + ((k0 * g.kernel[1] + k1) * g.kernel[2] + k2) * rows * lanes);
    }
  }

  void add(const T* image, std::int64_t count, const T* strips, T* to) const {
    const kernels::conv_tiles<T> tiles{.rows = s.k,
                                       .lines = 1,
                                       .columns = lanes,
                                       .length = count,
                                       .strips = strips,
                                       .k = count,
                                       .skip = 0,
                                       .image = image,
                                       .pitch = 0,
                                       .offsets = offsets.data(),
                                       .c = to,
                                       .c_row = lanes,
                                       .c_line = 0,
                                       .add = true,
                                       .staged = true};
    dispatch<kernels::conv_tiles<T>>(level, &tiles);
  }
};

// dW from x and dy by a way that sums panels of it over images. Parts of the batch are fixed by the shapes, and added
// in order.
template <class T, class Gradient>
tensor<T> conv_panels_gradient(const conv_sizes& s, const T* x, const T* dy, std::int64_t parts, const Gradient& way) {
  const std::int64_t all = s.groups * s.k * s.geometry.rows(),
                     blocks = std::min<std::int64_t>(way.panels(), 8 / parts),  // of panels: for threads to share
      of_group = way.of_group();
  tensor<T> sums({parts, s.groups * of_group});
  T* to = writable(sums);
  parallel_for(
      parts * s.groups * blocks, conv_grain(s.batch * s.geometry.columns() * all / (parts * s.groups * blocks)),
      [&](std::int64_t first, std::int64_t last) {
        tensor<T> scratch = tensor<T>::empty({way.scratch()});
        for (std::int64_t item = first; item < last; ++item) {
          const std::int64_t block = item % blocks, group = item / blocks % s.groups, part = item / (blocks * s.groups);
          way(x, dy, group, s.batch * part / parts, s.batch * (part + 1) / parts, way.panels() * block / blocks,
              way.panels() * (block + 1) / blocks, writable(scratch), to + (part * s.groups + group) * of_group);
        }
      });
  if (parts > 1) sums = sum_rows(sums, parts, s.groups * of_group);
  tensor<T> dw = tensor<T>::empty({all});
  way.collect(std::as_const(sums).data(), writable(dw));
  return dw;
}

template <class T> tensor<T> conv_weight_gradient(const conv_sizes& s, const T* x, const T* dy) {
  const std::int64_t all = s.groups * s.k * s.geometry.rows();
  const auto parts_of = [&](std::int64_t sums) {
    return std::min(s.batch, std::clamp<std::int64_t>((std::int64_t{1} << 21) / (sums + 1), 1, 8));
  };
  if (s.k == 1) {
    const std::int64_t parts = parts_of(all);
    tensor<T> sums = tensor<T>::empty({parts, all});
    conv_dot_gradient(s, x, dy, parts, all, writable(sums));
    return parts == 1 ? sums : sum_rows(sums, parts, all);
  }
  if constexpr (sizeof(T) == 4)
    if (winograd_tile<T>(s.geometry, s.k) == 4) {
      const winograd_gradient<T> gradient(s);
      return conv_panels_gradient(s, x, dy, parts_of(s.groups * gradient.of_group()), gradient);
    }
  return conv_panels_gradient(s, x, dy, parts_of(all), conv_panel_gradient<T>(s, active_isa()));
}

}  // namespace inlay::inline v0_1::detail
