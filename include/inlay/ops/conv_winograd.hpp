// Convolutions of 3 x 3 kernels by Winograd's products (kernels/conv_winograd.hpp): which ones, their weights, their
// threads.
#pragma once

#include "../kernels/conv_winograd.hpp"
#include "packed.hpp"
#include "represented.hpp"

namespace inlay::inline v0_1::detail {

// What a convolution takes and gives: y (N, groups m, out…) = f(strips * x (N, groups c, in…) + bias); bias may be
// null, f is max(·, 0) when `relu`.
template <class T> struct conv_operands {
  std::int64_t m;
  const T* strips;
  const T* x;
  const T* bias;
  bool relu;
  T* y;
};

// Work of a convolution that is worth a thread of its own.
inline std::int64_t conv_grain(std::int64_t multiply_adds) noexcept {
  return std::max<std::int64_t>(1, (std::int64_t{1} << 20) / std::max<std::int64_t>(multiply_adds, 1));
}

// Whether a convolution with m outputs per group is done this way: by its sizes alone, in float, where there are
// channels enough to make the transforms, which cost what 1 / 32 of the products of 32 channels does, a small part.
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

template <class T>
void winograd_product(const conv_sizes& s, const kernels::conv_geometry& g, const conv_operands<T>& of) {
  const isa level = active_isa();
  constexpr std::int64_t positions = kernels::winograd_positions;
  const kernels::conv_geometry seen = kernels::winograd_tiles(g);
  const std::int64_t channels = g.channels, m = of.m, across = std::max<std::int64_t>(seen.out[2], 1);
  // Transformed numbers and products of a band are to stay in L2, but for a register tile's columns at least.
  const kernels::conv_pass pass(seen, 0, 5 * (channels + m), sizeof(T), (32 + across - 1) / across);
  const std::int64_t row = pass.positions, room = kernels::gemm_strips<T>(m, channels);
  tensor<std::int32_t> offsets = tensor<std::int32_t>::empty({channels});
  std::int32_t* offset = writable(offsets);
  for (std::int64_t c = 0; c < channels; ++c) offset[c] = static_cast<std::int32_t>(c * row);
  parallel_for(s.batch * s.groups * pass.bands(), conv_grain(positions * row * m * channels),
               [&](std::int64_t first, std::int64_t last) {
                 const std::int64_t of_image = pass.planes * pass.plane, of_in = positions * channels * row,
                                    of_out = positions * m * row + 12 * row;
                 tensor<T> scratch = tensor<T>::empty({of_image + of_in + of_out + 64});
                 T *image = writable(scratch), *in = image + of_image, *out = in + of_in + 64;
                 for (std::int64_t item = first; item < last; ++item) {
                   const std::int64_t plane = item / pass.bands(), group = plane % s.groups;
                   const kernels::conv_band band(pass, item % pass.bands());
                   kernels::conv_image(seen, pass, band, of.x + plane * channels * g.product(g.in), image);
                   const kernels::winograd_input<T> enter{channels,   band.height, band.width, image,
                                                          pass.pitch, pass.plane,  in,         row};
                   dispatch<kernels::winograd_input<T>>(level, &enter);
                   for (std::int64_t p = 0; p < positions; ++p) {  // rows that fill a strip are overwritten by the next
                     const kernels::conv_tiles<T> tiles{.rows = m,
                                                        .lines = 1,
                                                        .columns = band.height * band.width,
                                                        .length = channels,
                                                        .strips = of.strips + (group * positions + p) * room,
                                                        .k = channels,
                                                        .skip = 0,
                                                        .image = in + p * channels * row,
                                                        .pitch = 0,
                                                        .offsets = offset,
                                                        .c = out + p * m * row,
                                                        .c_row = row,
                                                        .c_line = 0,
                                                        .add = false,
                                                        .staged = true};
                     dispatch<kernels::conv_tiles<T>>(level, &tiles);
                   }
                   const std::int64_t i = 2 * band.at[1], j = 2 * band.at[2];
                   const kernels::winograd_output<T> leave{
                       m,
                       m,
                       std::min(2 * band.height, g.out[1] - i),
                       std::min(2 * band.width, g.out[2] - j),
                       out,
                       row,
                       of.bias == nullptr ? nullptr : of.bias + group * m,
                       of.relu,
                       of.y + plane * m * g.columns() + (band.at[0] * g.out[1] + i) * g.out[2] + j,
                       g.columns(),
                       g.out[2]};
                   dispatch<kernels::winograd_output<T>>(level, &leave);
                 }
               });
}

}  // namespace inlay::inline v0_1::detail
