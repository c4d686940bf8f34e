// Windows of one plane read element by element.
#pragma once

#include <array>
#include <cmath>
#include <cstdint>
#include <vector>

namespace naive {

struct pool {
  using axes = std::array<std::int64_t, 3>;
  axes in, out, kernel, stride, padding, dilation;

  static std::int64_t product(const axes& a) { return a[0] * a[1] * a[2]; }

  // An element of a window: its number there, and its place in the plane, or -1 in the padding.
  struct element {
    std::int64_t number, place;
  };
  // Elements of window `o`; those behind the padding are left out.
  std::vector<element> window(std::int64_t o) const {
    const axes at{o / out[2] / out[1], o / out[2] % out[1], o % out[2]};
    std::vector<element> elements;
    axes k{};
    for (k[0] = 0; k[0] < kernel[0]; ++k[0])
      for (k[1] = 0; k[1] < kernel[1]; ++k[1])
        for (k[2] = 0; k[2] < kernel[2]; ++k[2]) {
          bool inside = true, roomy = true;
          std::int64_t place = 0;
          for (std::size_t i = 0; i < 3; ++i) {
            const std::int64_t here = at[i] * stride[i] - padding[i] + k[i] * dilation[i];
            inside = inside && here >= 0 && here < in[i];
            roomy = roomy && here < in[i] + padding[i];
            place = place * in[i] + here;
          }
          if (roomy) elements.push_back({(k[0] * kernel[1] + k[1]) * kernel[2] + k[2], inside ? place : -1});
        }
    return elements;
  }

  // Of window `o` of x: the largest element (a NaN above all, the first of equals), or number -1 when nothing is seen.
  template <class T> element largest(const T* x, std::int64_t o) const {
    element best{-1, -1};
    for (const element& e : window(o)) {
      if (e.place < 0) continue;
      const T here = x[e.place];
      if (best.place < 0 || here > x[best.place] || std::isnan(here)) best = e;
    }
    return best;
  }

  // How many elements count in the mean of window `o`.
  std::int64_t count(std::int64_t o, bool padding_counts) const {
    std::int64_t seen = 0;
    for (const element& e : window(o)) seen += padding_counts || e.place >= 0;
    return seen;
  }
};

}  // namespace naive
