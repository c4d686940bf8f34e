// Pooling of planes: the largest or the mean value that a window sees. One to three axes, as in conv.hpp; a window that
// looks beyond the plane sees what is there.
#pragma once

#include "conv.hpp"

INLAY_PRECISE_BEGIN

namespace inlay::inline v0_1::kernels {

namespace detail {

// The kernel offsets [first, last) along an axis that output `o` sees inside the plane.
struct seen {
  std::int64_t first, last;
};
INLAY_INLINE seen seen_by(const conv_geometry& g, std::size_t axis, std::int64_t o) {
  const std::int64_t start = o * g.stride[axis] - g.padding[axis], d = g.dilation[axis];
  const std::int64_t first = start < 0 ? (-start + d - 1) / d : 0,
                     end = start < g.in[axis] ? (g.in[axis] - start + d - 1) / d : 0;
  return {first, end < g.kernel[axis] ? end : g.kernel[axis]};
}

// For every output: begin(output, elements seen), see(place in the plane) for each of them in a fixed order,
// end(output).
template <class Begin, class See, class End>
INLAY_INLINE void each_window(const conv_geometry& g, Begin begin, See see, End end) {
  const auto at = [&](std::size_t axis, std::int64_t o, std::int64_t k) {
    return o * g.stride[axis] - g.padding[axis] + k * g.dilation[axis];
  };
  std::int64_t out = 0;
  for (std::int64_t o0 = 0; o0 < g.out[0]; ++o0)
    for (std::int64_t o1 = 0; o1 < g.out[1]; ++o1)
      for (std::int64_t o2 = 0; o2 < g.out[2]; ++o2, ++out) {
        const seen s0 = seen_by(g, 0, o0), s1 = seen_by(g, 1, o1), s2 = seen_by(g, 2, o2);
        begin(out, (s0.last - s0.first) * (s1.last - s1.first) * (s2.last - s2.first));
        for (std::int64_t k0 = s0.first; k0 < s0.last; ++k0)
          for (std::int64_t k1 = s1.first; k1 < s1.last; ++k1) {
            const std::int64_t row = (at(0, o0, k0) * g.in[1] + at(1, o1, k1)) * g.in[2] + at(2, o2, 0);
            for (std::int64_t k2 = s2.first; k2 < s2.last; ++k2) see(row + k2 * g.dilation[2]);
          }
        end(out);
      }
}

}  // namespace detail

// y = the largest element of each window; NaN wins. `where` gets its place in the plane (the first of equals), unless
// it is null. A dilated window may see nothing but padding: minus infinity, and place -1.
template <class T> [[gnu::noinline]] void max_pool(const conv_geometry& g, const T* x, T* y, std::int64_t* where) noexcept {
  constexpr T lowest = -std::numeric_limits<T>::infinity();
  T best = lowest;
  std::int64_t place = -1;
  detail::each_window(
      g, [&](std::int64_t, std::int64_t) { best = lowest, place = -1; },
      [&](std::int64_t at) {
        if (place >= 0 && !(x[at] > best || x[at] != x[at])) return;
        best = x[at];
        place = at;
      },
      [&](std::int64_t out) {
        y[out] = best;
        if (where != nullptr) where[out] = place;
      });
}

// y = the sum of each window over its count: of the elements it sees, or of all it has room for, padding included.
template <class T>
[[gnu::noinline]] void avg_pool(const conv_geometry& g, const T* x, const std::int64_t* counts, T* y) noexcept {
  T sum{};
  detail::each_window(
      g, [&](std::int64_t, std::int64_t) { sum = T{0}; }, [&](std::int64_t at) { sum += x[at]; },
      [&](std::int64_t out) { y[out] = sum / static_cast<T>(counts[out]); });
}
template <class T>
[[gnu::noinline]] void avg_pool_gradient(const conv_geometry& g, const T* dy, const std::int64_t* counts, T* dx) noexcept {
  T share{};
  detail::each_window(
      g, [&](std::int64_t out, std::int64_t) { share = dy[out] / static_cast<T>(counts[out]); },
      [&](std::int64_t at) { dx[at] += share; }, [](std::int64_t) {});
}

// The number of elements each window sees.
[[gnu::noinline]] inline void window_counts(const conv_geometry& g, std::int64_t* counts) noexcept {
  detail::each_window(
      g, [&](std::int64_t out, std::int64_t count) { counts[out] = count; }, [](std::int64_t) {}, [](std::int64_t) {});
}

}  // namespace inlay::inline v0_1::kernels

INLAY_PRECISE_END
