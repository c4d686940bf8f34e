// What each output of an interpolation weighs each input of an axis with: a matrix, from the definitions alone.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

namespace naive {

// Modes by number: nearest, nearest_exact, linear, cubic, area. (out, in).
inline std::vector<double> resampling(int mode, std::int64_t in, std::int64_t out) {
  std::vector<double> weights(static_cast<std::size_t>(in * out));
  const double ratio = static_cast<double>(in) / static_cast<double>(out);
  for (std::int64_t o = 0; o < out; ++o) {
    const auto add = [&](std::int64_t i, double weight) {
      weights[static_cast<std::size_t>(o * in + std::clamp<std::int64_t>(i, 0, in - 1))] += weight;
    };
    const double middle = (static_cast<double>(o) + 0.5) * ratio;  // of the output, measured in inputs
    if (mode == 0) add(o * in / out, 1);
    if (mode == 1) add((2 * o + 1) * in / (2 * out), 1);
    for (std::int64_t i = -3; i < in + 3; ++i) {
      const double at = mode == 2 ? std::max(middle - 0.5, 0.0) : middle - 0.5,
                   far = std::abs(at - static_cast<double>(i));
      if (mode == 2) add(i, std::max(0.0, 1 - far));  // a tent
      if (mode == 3)                                  // Keys, a = -0.75
        add(i, far < 1   ? 1.25 * far * far * far - 2.25 * far * far + 1
               : far < 2 ? -0.75 * (far * far * far - 5 * far * far + 8 * far - 4)
                         : 0);
    }
    const std::int64_t first = o * in / out, last = ((o + 1) * in + out - 1) / out;
    for (std::int64_t i = first; mode == 4 && i < last; ++i) add(i, 1 / static_cast<double>(last - first));
  }
  return weights;
}

// (lines, in, inner) -> (lines, out, inner), or back.
inline std::vector<double> weighted(const std::vector<double>& weights, std::int64_t in, std::int64_t out,
                                    std::int64_t inner, std::span<const float> x, bool back) {
  const std::int64_t from = back ? out : in, to = back ? in : out,
                     lines = static_cast<std::int64_t>(x.size()) / from / inner;
  std::vector<double> y(static_cast<std::size_t>(lines * to * inner));
  for (std::int64_t line = 0; line < lines; ++line)
    for (std::int64_t o = 0; o < to; ++o)
      for (std::int64_t i = 0; i < from; ++i)
        for (std::int64_t j = 0; j < inner; ++j)
          y[static_cast<std::size_t>((line * to + o) * inner + j)] +=
              weights[static_cast<std::size_t>(back ? i * in + o : o * in + i)] *
              static_cast<double>(x[static_cast<std::size_t>((line * from + i) * inner + j)]);
  return y;
}

}  // namespace naive
