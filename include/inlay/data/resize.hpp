// Images of another size: bilinear, and when it gets smaller over as many pixels as become one (as PIL and PyTorch's
// interpolate with antialias do), so that nothing flickers.  x (…, H, W) -> (…, height, width).
#pragma once

#include <vector>

#include "../core/tensor.hpp"
#include "../core/threads.hpp"

namespace inlay::inline v0_1::data {

namespace detail {

// Which inputs make an output, and how much of each.
struct taps {
  std::int64_t first = 0;
  std::vector<double> weights;
};

template <class = void>  // compiled only where it is used
INLAY_COLD std::vector<taps> resize_taps(std::int64_t from, std::int64_t to) {
  std::vector<taps> out(static_cast<std::size_t>(to));
  const double scale = static_cast<double>(from) / static_cast<double>(to), reach = scale < 1 ? 1.0 : scale;
  for (std::int64_t i = 0; i < to; ++i) {
    const double centre = (static_cast<double>(i) + 0.5) * scale;
    taps& t = out[static_cast<std::size_t>(i)];
    t.first = std::max<std::int64_t>(static_cast<std::int64_t>(centre - reach + 0.5), 0);
    const std::int64_t end = std::min(static_cast<std::int64_t>(centre + reach + 0.5), from);
    double sum = 0;
    for (std::int64_t j = t.first; j < end; ++j) {
      const double distance = __builtin_fabs((static_cast<double>(j) + 0.5 - centre) / reach);
      t.weights.push_back(distance < 1 ? 1 - distance : 0);
      sum += t.weights.back();
    }
    for (double& weight : t.weights) weight /= sum;
  }
  return out;
}

// One plane whose rows lie `stride` apart; `between` is room for the rows at their new width.
template <class T>
void resize_plane(const T* from, std::int64_t stride, const std::vector<taps>& rows, const std::vector<taps>& columns,
                  std::int64_t height, T* to, std::vector<double>& between) {
  const std::size_t width = columns.size();
  between.resize(static_cast<std::size_t>(height) * width);
  double* at = between.data();
  for (std::int64_t row = 0; row < height; ++row, from += stride)
    for (const taps& t : columns) {
      double sum = 0;
      for (std::size_t j = 0; j < t.weights.size(); ++j)
        sum += t.weights[j] * static_cast<double>(from[t.first + static_cast<std::int64_t>(j)]);
      *at++ = sum;
    }
  for (const taps& t : rows)
    for (std::size_t column = 0; column < width; ++column) {
      const double* values = between.data() + static_cast<std::size_t>(t.first) * width + column;
      double sum = 0;
      for (std::size_t j = 0; j < t.weights.size(); ++j) sum += t.weights[j] * values[j * width];
      *to++ = static_cast<T>(sum);
    }
}

}  // namespace detail

// Throws shape_error unless x has two axes of at least one pixel, value_error for a size below 1.
template <floating T> tensor<T> resize(const tensor<T>& x, std::int64_t height, std::int64_t width) {
  if (x.rank() < 2 || x.dim(-1) < 1 || x.dim(-2) < 1)
    throw shape_error("resize", {"expected images (…, H, W), got ", x.shape()});
  if (height < 1 || width < 1)
    throw value_error("resize", {"expected a size of 1 or more, got ", height, " by ", width});
  const std::int64_t h = x.dim(-2), w = x.dim(-1), planes = x.shape().count(0, x.rank() - 2);
  tensor<T> y = empty<T>(x.shape().with(-2, height).with(-1, width));
  const std::vector<detail::taps> rows = detail::resize_taps(h, height), columns = detail::resize_taps(w, width);
  const T* from = x.data();
  T* to = inlay::detail::writable(y);
  parallel_for(planes, 4, [&](std::int64_t first, std::int64_t last) {
    std::vector<double> between;
    for (std::int64_t i = first; i < last; ++i)
      detail::resize_plane(from + i * h * w, w, rows, columns, h, to + i * height * width, between);
  });
  return y;
}

}  // namespace inlay::inline v0_1::data
