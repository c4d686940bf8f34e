// Convolution as a matrix product: the weights (K x C·kernel) times the matrix whose row p holds what kernel position
// p = (channel, offsets) sees from each output position. That matrix is never stored whole: pieces of it are packed
// straight into gemm's panels, zeros standing for the padding.
//
// One geometry serves one to three axes (missing ones have size 1) and both directions: the gradient of the input is
// the convolution of the output's gradient, spread apart by the stride, with the kernel turned round.
#pragma once

#include <array>

#include "gemm.hpp"

INLAY_PRECISE_BEGIN

namespace inlay::inline v0_1::kernels {

struct conv_geometry {
  using axes = std::array<std::int64_t, 3>;
  axes in{1, 1, 1}, out{1, 1, 1}, kernel{1, 1, 1}, stride{1, 1, 1}, dilation{1, 1, 1};
  axes padding{0, 0, 0};      // before the first element; what is behind the last follows from `out`
  axes spread{1, 1, 1};       // elements of the input lie this far apart, zeros between them
  std::int64_t channels = 1;  // that one output sees

  static std::int64_t product(const axes& a) noexcept { return a[0] * a[1] * a[2]; }
  std::int64_t rows() const noexcept { return channels * product(kernel); }  // of the matrix
  std::int64_t columns() const noexcept { return product(out); }
  // A 3 x 3 kernel that moves by single steps over neighbours.
  bool is_simple_3x3() const noexcept {
    constexpr axes ones{1, 1, 1};
    return kernel == axes{1, 3, 3} && stride == ones && dilation == ones && spread == ones;
  }
  // The input's gradient, for `of` output channels of one group.
  conv_geometry turned(std::int64_t of) const noexcept {
    conv_geometry g;
    for (std::size_t i = 0; i < 3; ++i) {
      g.padding[i] = dilation[i] * (kernel[i] - 1) - padding[i];
      g.spread[i] = stride[i];
    }
    g.in = out, g.out = in, g.kernel = kernel, g.dilation = dilation, g.channels = of;
    return g;
  }
};

// So many elements of `size` bytes, or a few more, that they take an odd number of cache lines: rows of them share all
// sets of L1.
inline std::int64_t odd_lines(std::int64_t elements, std::int64_t size) noexcept {
  const std::int64_t of = 64 / size;
  return ((elements + of - 1) / of | 1) * of;
}

namespace detail {

// Where output position 0 looks along an axis, for one kernel offset; output o looks at first + o * stride.
INLAY_INLINE std::int64_t conv_first(const conv_geometry& g, std::size_t axis, std::int64_t offset) {
  return offset * g.dilation[axis] - g.padding[axis];
}

// The element of the input that lies at a place along an axis, or -1.
INLAY_INLINE std::int64_t conv_element(const conv_geometry& g, std::size_t axis, std::int64_t place) {
  if (place < 0) return -1;
  const std::int64_t spread = g.spread[axis], element = spread == 1 ? place : place / spread;
  if (element * spread != place) return -1;
  return element < g.in[axis] ? element : -1;
}

// to[i] = the elements that `count` neighbouring outputs see, the first of them at `place`; 0 outside.
template <class T>
INLAY_INLINE void conv_segment(const conv_geometry& g, const T* row, std::int64_t place, std::int64_t count, T* to) {
  const std::int64_t step = g.stride[2], spread = g.spread[2], width = g.in[2];
  if (spread == 1) {
    std::int64_t first = place < 0 ? (-place + step - 1) / step : 0;
    std::int64_t last = place < width ? (width - place + step - 1) / step : 0;
    first = first < count ? first : count;
    last = last < count ? last : count;
    last = last > first ? last : first;
    for (std::int64_t i = 0; i < first; ++i) to[i] = T{0};
    const T* from = row + place;
    if (step == 1) {
      using V = simd<T, isa::plain>;
      std::int64_t i = first;
      for (; i + V::size <= last; i += V::size) V::load(from + i).store(to + i);
      for (; i < last; ++i) to[i] = from[i];
    } else {
      for (std::int64_t i = first; i < last; ++i) to[i] = from[i * step];
    }
    for (std::int64_t i = last; i < count; ++i) to[i] = T{0};
  } else {
    for (std::int64_t i = 0; i < count; ++i) to[i] = T{0};
    std::int64_t element = place > 0 ? (place + spread - 1) / spread : 0;  // the stride is 1 here
    for (; element < width && element * spread < place + count; ++element) to[element * spread - place] = row[element];
  }
}

}  // namespace detail

// Columns [first, last) of row p of the matrix, from the input of one group (channels, in…).
template <class T>
[[gnu::noinline]] void conv_row(const conv_geometry& g, const T* x, std::int64_t p, std::int64_t first,
                                std::int64_t last, T* to) noexcept {
  const std::int64_t k2 = p % g.kernel[2], k1 = p / g.kernel[2] % g.kernel[1],
                     k0 = p / (g.kernel[2] * g.kernel[1]) % g.kernel[0];
  x += p / conv_geometry::product(g.kernel) * conv_geometry::product(g.in);
  const std::int64_t first2 = detail::conv_first(g, 2, k2), first1 = detail::conv_first(g, 1, k1),
                     first0 = detail::conv_first(g, 0, k0);
  std::int64_t o2 = first % g.out[2], o1 = first / g.out[2] % g.out[1], o0 = first / (g.out[2] * g.out[1]);
  for (std::int64_t left = last - first; left > 0;) {
    const std::int64_t count = left < g.out[2] - o2 ? left : g.out[2] - o2;
    const std::int64_t i1 = detail::conv_element(g, 1, first1 + o1 * g.stride[1]),
                       i0 = detail::conv_element(g, 0, first0 + o0 * g.stride[0]);
    if (i0 < 0 || i1 < 0)
      for (std::int64_t i = 0; i < count; ++i) to[i] = T{0};
    else
      detail::conv_segment(g, x + (i0 * g.in[1] + i1) * g.in[2], first2 + o2 * g.stride[2], count, to);
    to += count;
    left -= count;
    o2 = 0;
    if (++o1 == g.out[1]) o1 = 0, ++o0;
  }
}

// `count` <= lanes channels from x on, as output (o1, o2) on sees them from the first kernel position: rows x pitch
// pixels of slice i0 of axis 0.
template <class T>
[[gnu::noinline]] void conv_turned_image(const conv_geometry& g, const T* x, std::int64_t count, std::int64_t lanes,
                                         std::int64_t i0, std::int64_t o1, std::int64_t o2, std::int64_t rows,
                                         std::int64_t pitch, T* image) noexcept {
  const std::int64_t step = g.product(g.in), first = o2 * g.stride[2] - g.padding[2];
  const std::int64_t begin = first < 0 ? (-first < pitch ? -first : pitch) : 0;
  std::int64_t end = g.in[2] - first < pitch ? g.in[2] - first : pitch;
  if (end < begin) end = begin;
  for (std::int64_t r = 0; r < rows; ++r, image += pitch * lanes) {
    const std::int64_t i1 = o1 * g.stride[1] - g.padding[1] + r;
    const bool inside = i1 >= 0 && i1 < g.in[1];
    const std::int64_t from = inside ? begin : pitch, to = inside ? end : pitch;
    for (std::int64_t i = 0; i < from * lanes; ++i) image[i] = T{0};
    if (from < to)
      detail::pack_lines(x + (i0 * g.in[1] + i1) * g.in[2] + first + from, step, std::int64_t{1}, count, lanes,
                         to - from, image + from * lanes);
    for (std::int64_t i = to * lanes; i < pitch * lanes; ++i) image[i] = T{0};
  }
}

// Back again: channel c < count of pixel j, image[j lanes + c], to to[c plane + j].
template <class T>
[[gnu::noinline]] void conv_turned_back(const T* image, std::int64_t lanes, std::int64_t count, std::int64_t pixels,
                                        T* to, std::int64_t plane) noexcept {
  constexpr std::int64_t square = 16 / static_cast<int>(sizeof(T));
  std::int64_t c = 0;
  if (pixels >= square)
    for (; c + square <= count; c += square)
      for (std::int64_t j = 0; j < pixels; j += square) {
        const std::int64_t at = j < pixels - square ? j : pixels - square;  // the last one over the one before it
        detail::transpose_square(image + at * lanes + c, lanes, to + c * plane + at, plane);
      }
  for (; c < count; ++c)
    for (std::int64_t j = 0; j < pixels; ++j) to[c * plane + j] = image[j * lanes + c];
}

}  // namespace inlay::inline v0_1::kernels

INLAY_PRECISE_END
