// How far predictions are from targets: mean squared and mean absolute error, and the coefficient of determination
// R^2 = 1 - sum (y - x)^2 / sum (y - mean y)^2. As scikit-learn's; sums in double whatever the elements.
#pragma once

#include <vector>

#include "../core/tensor.hpp"

namespace inlay::inline v0_1::metrics {

namespace detail {

// An accidental broadcast of (N,) against (N, 1) is an error.
INLAY_OUTLINE inline void check_same_shape(const char* metric, const shape& prediction, const shape& target) {
  if (!(prediction == target))
    throw shape_error(metric, {"expected prediction and target of one shape, got ", prediction, " and ", target});
}

// The mean of f(prediction - target) over all elements of all updates.
class mean_of_errors {
 public:
  template <class T, class F>
  void update(const char* metric, const tensor<T>& prediction, const tensor<T>& target, F f) {
    check_same_shape(metric, prediction.shape(), target.shape());
    const T *x = prediction.data(), *y = target.data();
    double sum = 0;
    for (std::int64_t i = 0; i < target.size(); ++i) sum += f(static_cast<double>(x[i]) - static_cast<double>(y[i]));
    sum_ += sum;
    seen_ += target.size();
  }
  double value(const char* metric) const {
    if (seen_ == 0) throw state_error(metric, {"expected an update() first, got none"});
    return sum_ / static_cast<double>(seen_);
  }

 private:
  double sum_ = 0;
  std::int64_t seen_ = 0;
};

}  // namespace detail

struct mean_squared_error_config {
  bool root = false;  // the root of the mean (RMSE), in the unit of the targets
};

class mean_squared_error {
 public:
  explicit mean_squared_error(const mean_squared_error_config& config = {}) : root_(config.root) {}

  // Prediction and target of one shape. Throws shape_error.
  template <floating T> void update(const tensor<T>& prediction, const tensor<T>& target) {
    mean_.update("mean_squared_error", prediction, target, [](double error) { return error * error; });
  }

  // 0 or more. Throws state_error before the first element.
  double value() const {
    const double mean = mean_.value("mean_squared_error");
    return root_ ? __builtin_sqrt(mean) : mean;
  }
  void reset() noexcept { mean_ = {}; }

 private:
  bool root_;
  detail::mean_of_errors mean_;
};

class mean_absolute_error {
 public:
  // Prediction and target of one shape. Throws shape_error.
  template <floating T> void update(const tensor<T>& prediction, const tensor<T>& target) {
    mean_.update("mean_absolute_error", prediction, target, [](double error) { return __builtin_fabs(error); });
  }

  // 0 or more. Throws state_error before the first element.
  double value() const { return mean_.value("mean_absolute_error"); }
  void reset() noexcept { mean_ = {}; }

 private:
  detail::mean_of_errors mean_;
};

// The share of the targets' variance that the predictions explain. With several outputs per row the mean of their R^2.
class r2_score {
 public:
  // Prediction and target of one shape, (N,) or (N, …) with the same outputs in every update. Throws shape_error.
  template <floating T> void update(const tensor<T>& prediction, const tensor<T>& target) {
    detail::check_same_shape("r2_score", prediction.shape(), target.shape());
    if (target.size() == 0) return;
    const std::int64_t rows = target.rank() == 0 ? 1 : target.dim(0);
    const auto width = static_cast<std::size_t>(target.size() / rows);
    if (seen_ > 0 && width != outputs_.size())
      throw shape_error("r2_score", {"expected ", outputs_.size(), " outputs per row, got ", target.shape()});
    if (seen_ == 0) outputs_.assign(width, {});
    const T *x = prediction.data(), *y = target.data();
    for (std::int64_t i = 0; i < rows; ++i) {
      const double count = static_cast<double>(++seen_);
      for (output& out : outputs_) out.add(static_cast<double>(*x++), static_cast<double>(*y++), count);
    }
  }

  // 1 at best; for targets that are all equal 1 when the predictions are too, else 0. Throws state_error before the
  // second row.
  double value() const {
    if (seen_ < 2) throw state_error("r2_score", {"expected 2 rows or more, got ", seen_});
    double sum = 0;
    for (const output& out : outputs_) sum += out.value();
    return sum / static_cast<double>(outputs_.size());
  }
  void reset() noexcept { seen_ = 0; }

 private:
  // Welford's update: no large sums cancel, and targets that are all equal leave a spread of exactly 0.
  struct output {
    double mean = 0, spread = 0, residual = 0;

    void add(double x, double y, double count) {
      const double from_mean = y - mean;
      mean += from_mean / count;
      spread += from_mean * (y - mean);
      residual += (y - x) * (y - x);
    }
    double value() const { return residual == 0 ? 1 : spread == 0 ? 0 : 1 - residual / spread; }
  };

  std::vector<output> outputs_;
  std::int64_t seen_ = 0;
};

}  // namespace inlay::inline v0_1::metrics
