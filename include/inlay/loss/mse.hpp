// Mean squared error, (x - y)^2, and mean absolute error, |x - y|.
#pragma once

#include "reduced.hpp"

namespace inlay::inline v0_1::loss {

// prediction and target of one shape -> (), or that shape without reduction. Throw shape_error.
template <operand X, operand Y> auto mse(X&& prediction, Y&& target, const reduction_options& options = {}) {
  inlay::detail::check_pair("mse", prediction.shape(), target.shape());
  auto difference = std::forward<X>(prediction) - std::forward<Y>(target);
  return inlay::detail::reduced_loss(difference * difference, options.reduction);
}
template <operand X, operand Y> auto mae(X&& prediction, Y&& target, const reduction_options& options = {}) {
  inlay::detail::check_pair("mae", prediction.shape(), target.shape());
  return inlay::detail::reduced_loss(abs(std::forward<X>(prediction) - std::forward<Y>(target)), options.reduction);
}

}  // namespace inlay::inline v0_1::loss
