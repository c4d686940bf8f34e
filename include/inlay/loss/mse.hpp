// Mean squared error: (x - y)^2.
#pragma once

#include "../ops/reduce.hpp"
#include "../ops/reduction.hpp"

namespace inlay::inline v0_1::loss {

struct mse_options {
  inlay::reduction reduction = inlay::reduction::mean;
};

// prediction and target of one shape -> (), or that shape without reduction. Throws shape_error: an accidental
// broadcast of (N,) against (N, 1) is an error.
template <operand X, operand Y> auto mse(X&& prediction, Y&& target, const mse_options& options = {}) {
  if (!(prediction.shape() == target.shape())) [[unlikely]]
    throw shape_error(
        "mse", {"expected prediction and target of one shape, got ", prediction.shape(), " and ", target.shape()});
  if (prediction.shape().size() == 0) [[unlikely]]
    throw shape_error("mse", {"expected at least one element, got an empty batch ", prediction.shape()});
  auto difference = std::forward<X>(prediction) - std::forward<Y>(target);
  auto squares = difference * difference;
  if (options.reduction == inlay::reduction::none) return squares;
  return options.reduction == inlay::reduction::mean ? mean(std::move(squares)) : sum(std::move(squares));
}

}  // namespace inlay::inline v0_1::loss
