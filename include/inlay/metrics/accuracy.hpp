// Accuracy: the share of rows whose highest score is the true class.
#pragma once

#include "predictions.hpp"

namespace inlay::inline v0_1::metrics {

class accuracy {
 public:
  // Scores (N, V) and true classes (N,). Throws shape_error and value_error.
  template <floating T> void update(const tensor<T>& scores, const tensor<std::int64_t>& classes) {
    const tensor<std::int64_t> predicted = predictions("accuracy", scores, classes);
    for (std::int64_t i = 0; i < classes.size(); ++i) right_ += predicted.data()[i] == classes.data()[i];
    seen_ += classes.size();
  }

  // From 0 to 1. Throws state_error before the first row.
  double value() const {
    if (seen_ == 0) throw state_error("accuracy", {"expected an update() first, got none"});
    return static_cast<double>(right_) / static_cast<double>(seen_);
  }
  void reset() noexcept { right_ = seen_ = 0; }

 private:
  std::int64_t right_ = 0, seen_ = 0;
};

}  // namespace inlay::inline v0_1::metrics
