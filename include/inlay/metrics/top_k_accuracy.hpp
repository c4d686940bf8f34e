// Top-k accuracy: the share of rows whose true class is among the k highest scores.
// A class is among them when fewer than k scores are strictly higher: of equal scores at the border all count. NaN is
// higher than any number, as in predictions(), and a class whose own score is NaN is never right.
#pragma once

#include "predictions.hpp"

namespace inlay::inline v0_1::metrics {

class top_k_accuracy {
 public:
  // Throws value_error for a k below 1.
  explicit top_k_accuracy(std::int64_t k) : k_(k) {
    if (k < 1) throw value_error("top_k_accuracy", {"expected k of 1 or more, got ", k});
  }

  // Scores (N, V) and true classes (N,). Throws shape_error, also for less than k classes, and value_error.
  template <floating T> void update(const tensor<T>& scores, const tensor<std::int64_t>& classes) {
    detail::check_scored("top_k_accuracy", scores.shape(), classes);
    const std::int64_t length = scores.dim(1);
    if (length < k_) throw shape_error("top_k_accuracy", {"expected ", k_, " classes or more, got ", scores.shape()});
    for (std::int64_t i = 0; i < classes.size(); ++i)
      right_ += higher(scores.data() + i * length, length, classes.data()[i]) < k_;
    seen_ += classes.size();
  }

  // From 0 to 1. Throws state_error before the first row.
  double value() const {
    if (seen_ == 0) throw state_error("top_k_accuracy", {"expected an update() first, got none"});
    return static_cast<double>(right_) / static_cast<double>(seen_);
  }
  void reset() noexcept { right_ = seen_ = 0; }

 private:
  // How many scores stand above that of class c.
  template <class T> static std::int64_t higher(const T* row, std::int64_t length, std::int64_t c) {
    if (inlay::detail::is_nan(row[c])) return length;
    std::int64_t out = 0;
    for (std::int64_t j = 0; j < length; ++j) out += row[j] > row[c] || inlay::detail::is_nan(row[j]);
    return out;
  }

  std::int64_t k_, right_ = 0, seen_ = 0;
};

}  // namespace inlay::inline v0_1::metrics
