// Products of numbers written in 8 bits, by their definition.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

namespace naive {

// Whole numbers and what one of them is worth.
struct whole_numbers {
  std::vector<double> q;
  double scale = 1;
};

// 256 steps from the least to the greatest of x and 0; nearest, halves to even. All in float, as the library does.
inline whole_numbers affine(std::span<const float> x, float low, float high) {
  const float scale = (high - low) / 255;
  if (scale == 0) return {std::vector<double>(x.size()), 1};
  const float zero = std::nearbyint(-low / scale), inverse = 1 / scale;
  whole_numbers out{{}, scale};
  for (const float value : x) out.q.push_back(std::nearbyint(std::clamp(value * inverse, -zero, 255 - zero)));
  return out;
}
inline whole_numbers affine(std::span<const float> x) {
  float low = 0, high = 0;
  for (const float value : x) low = std::min(low, value), high = std::max(high, value);
  return affine(x, low, high);
}

// -127 to 127 for the element that is largest without its sign.
inline whole_numbers symmetric(std::span<const float> w) {
  float largest = 0;
  for (const float value : w) largest = std::max(largest, std::abs(value));
  const float scale = largest == 0 ? 1 : largest / 127, inverse = 1 / scale;
  whole_numbers out{{}, scale};
  for (const float value : w) out.q.push_back(std::nearbyint(std::clamp(value * inverse, -127.0f, 127.0f)));
  return out;
}

}  // namespace naive
