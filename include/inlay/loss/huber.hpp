// Huber's loss (1964): d^2 / 2 for a difference d up to delta, then delta (|d| - delta / 2).
#pragma once

#include "reduced.hpp"

namespace inlay::inline v0_1::loss {

struct huber_options {
  double delta = 1;
  inlay::reduction reduction = inlay::reduction::mean;
};

// prediction and target of one shape -> (), or that shape without reduction. Throws shape_error, and value_error for a
// delta of 0 or less.
template <operand X, operand Y> auto huber(X&& prediction, Y&& target, const huber_options& options = {}) {
  using T = inlay::detail::element_of<X>;
  inlay::detail::check_pair("huber", prediction.shape(), target.shape());
  if (inlay::detail::is_nan(options.delta) || options.delta <= 0) [[unlikely]]
    throw value_error("huber", {"expected .delta above 0, got ", options.delta});
  // With c = min(|d|, delta) it is c (|d| - c / 2), for both parts.
  auto distance = abs(std::forward<X>(prediction) - std::forward<Y>(target));
  auto near_part = clamp(distance, {.max = options.delta});
  return inlay::detail::reduced_loss(near_part * (distance - near_part * static_cast<T>(0.5)), options.reduction);
}

}  // namespace inlay::inline v0_1::loss
