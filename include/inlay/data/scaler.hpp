// Columns brought to a common scale, as learnt from training data: standard_scaler, y = (x - mean) / scale, and
// min_max_scaler, y = x scale + min.  x (…, features) -> y of the same shape.
// They are modules: a model may hold one, which is then saved with it, and record it like a layer. Names, rules and
// numbers are scikit-learn's: NaN is passed over when fitting, and a constant column is not scaled.
#pragma once

#include "../autograd/members.hpp"
#include "../ops/arithmetic.hpp"
#include "../ops/functions.hpp"
#include "columns.hpp"

namespace inlay::inline v0_1::data {

struct standard_scaler_config {
  bool with_mean = true;  // move each column's mean to 0
  bool with_std = true;   // divide by its standard deviation, that of the population
};

template <floating T = float> class standard_scaler {
 public:
  explicit standard_scaler(const standard_scaler_config& config = {}) : config_(config) {}

  // Learns from the rows of x (…, features). Throws shape_error, and value_error for infinite values and columns of
  // nothing but NaN.
  INLAY_COLD void fit(const tensor<T>& x) {
    const detail::layout of = detail::rows_to_fit("standard_scaler", x);
    tensor<T> means({of.features}), scales({of.features}, T{1});
    for (std::int64_t i = 0; i < of.features; ++i) {
      const moments m = moments_of(detail::present("standard_scaler", x, of, i));
      if (config_.with_mean) inlay::detail::writable(means)[i] = static_cast<T>(m.mean);
      if (config_.with_std) inlay::detail::writable(scales)[i] = static_cast<T>(m.scale);
    }
    mean = buffer<T>(std::move(means));
    scale = buffer<T>(std::move(scales));
  }

  // Throws state_error before fit, shape_error when the last axis of x is another.
  auto operator()(const auto& x) const {
    detail::check_fitted("standard_scaler", scale.shape().size(), x.shape());
    return (x - mean.in(x)) / scale.in(x);
  }
  auto inverse(const auto& y) const {
    detail::check_fitted("standard_scaler", scale.shape().size(), y.shape());
    return y * scale.in(y) + mean.in(y);
  }

  static void members(auto& self, auto&& visit) {
    visit("mean", self.mean);
    visit("scale", self.scale);
  }

  buffer<T> mean{tensor<T>()}, scale{tensor<T>()};

 private:
  struct moments {
    double mean, scale;
  };
  static moments moments_of(const std::vector<double>& values) {
    const auto count = static_cast<double>(values.size());
    double sum = 0, squares = 0, rest = 0;
    for (const double value : values) sum += value;
    const double mean = sum / count;
    for (const double value : values) {
      rest += value - mean;
      squares += (value - mean) * (value - mean);
    }
    const double variance = (squares - rest * rest / count) / count;
    // What rounding alone makes of a constant column.
    const double unit = std::numeric_limits<double>::epsilon() * count, bound = unit * mean;
    return {mean, variance <= unit * variance + bound * bound ? 1.0 : __builtin_sqrt(variance)};
  }

  standard_scaler_config config_;
};

struct min_max_scaler_config {
  double low = 0, high = 1;  // what the smallest and the largest value become
  bool clip = false;         // keep other data within them
};

template <floating T = float> class min_max_scaler {
 public:
  // Throws value_error unless low < high.
  explicit min_max_scaler(const min_max_scaler_config& config = {}) : config_(config) {
    if (!(config.low < config.high))
      throw value_error("min_max_scaler", {"expected .low below .high, got ", config.low, " and ", config.high});
  }

  // Learns from the rows of x (…, features). Throws as standard_scaler::fit does.
  INLAY_COLD void fit(const tensor<T>& x) {
    const detail::layout of = detail::rows_to_fit("min_max_scaler", x);
    tensor<T> mins = empty<T>({of.features}), scales = empty<T>({of.features});
    for (std::int64_t i = 0; i < of.features; ++i) {
      const std::vector<double> values = detail::present("min_max_scaler", x, of, i);
      const auto [least, most] = std::minmax_element(values.begin(), values.end());
      const double width = *most - *least, tiny = 10 * static_cast<double>(std::numeric_limits<T>::epsilon());
      const double factor = (config_.high - config_.low) / (width < tiny ? 1.0 : width);
      inlay::detail::writable(scales)[i] = static_cast<T>(factor);
      inlay::detail::writable(mins)[i] = static_cast<T>(config_.low - *least * factor);
    }
    min = buffer<T>(std::move(mins));
    scale = buffer<T>(std::move(scales));
  }

  // Throws state_error before fit, shape_error when the last axis of x is another.
  auto operator()(const auto& x) const {
    detail::check_fitted("min_max_scaler", scale.shape().size(), x.shape());
    auto y = x * scale.in(x) + min.in(x);
    return config_.clip ? clamp(y, {.min = config_.low, .max = config_.high}) : y;
  }
  auto inverse(const auto& y) const {
    detail::check_fitted("min_max_scaler", scale.shape().size(), y.shape());
    return (y - min.in(y)) / scale.in(y);
  }

  static void members(auto& self, auto&& visit) {
    visit("min", self.min);
    visit("scale", self.scale);
  }

  buffer<T> min{tensor<T>()}, scale{tensor<T>()};

 private:
  min_max_scaler_config config_;
};

}  // namespace inlay::inline v0_1::data
