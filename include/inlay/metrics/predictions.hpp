// The class with the highest score in each row; the first of equal ones, and NaN counts as highest.
#pragma once

#include "../ops/argmax.hpp"

namespace inlay::inline v0_1::metrics {

// scores (N, V) -> (N,). Throws shape_error.
template <floating T> tensor<std::int64_t> predictions(const tensor<T>& scores) {
  if (scores.rank() != 2 || scores.dim(1) == 0)
    throw shape_error("predictions", {"expected scores (N, V), got ", scores.shape()});
  return argmax(scores, 1);
}

namespace detail {

// Throws value_error for a class that is not from 0 to count - 1.
INLAY_OUTLINE inline void check_classes(const char* metric, const tensor<std::int64_t>& classes, std::int64_t count) {
  for (const std::int64_t c : classes.values())
    if (c < 0 || c >= count) throw value_error(metric, {"expected classes from 0 to ", count - 1, ", got ", c});
}

// Scores (N, V) and classes (N,) from 0 to V - 1, or an error.
INLAY_OUTLINE inline void check_scored(const char* metric, const shape& scores, const tensor<std::int64_t>& classes) {
  if (scores.rank() != 2 || !(classes.shape() == shape{scores[0]}))
    throw shape_error(metric, {"expected scores (N, V) and classes (N,), got ", scores, " and ", classes.shape()});
  check_classes(metric, classes, scores[1]);
}

}  // namespace detail

// The same, against true classes (N,) that are checked to be from 0 to V - 1.
template <floating T>
tensor<std::int64_t> predictions(const char* metric, const tensor<T>& scores, const tensor<std::int64_t>& classes) {
  detail::check_scored(metric, scores.shape(), classes);
  return predictions(scores);
}

}  // namespace inlay::inline v0_1::metrics
