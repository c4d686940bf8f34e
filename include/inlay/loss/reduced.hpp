// What the losses of elements or rows have in common: how they become one number, and that prediction and target are of
// one shape.
#pragma once

#include "../ops/functions.hpp"
#include "../ops/reduce.hpp"
#include "../ops/reduction.hpp"

namespace inlay::inline v0_1 {

namespace loss {
struct reduction_options {
  inlay::reduction reduction = inlay::reduction::mean;
};
}  // namespace loss

namespace detail {

template <class X> auto reduced_loss(X losses, inlay::reduction how) {
  if (how == inlay::reduction::none) return losses;
  return how == inlay::reduction::mean ? mean(std::move(losses)) : sum(std::move(losses));
}

// An accidental broadcast of (N,) against (N, 1) is an error.
INLAY_OUTLINE inline void check_pair(const char* name, const shape& prediction, const shape& target) {
  if (!(prediction == target)) [[unlikely]]
    throw shape_error(name, {"expected prediction and target of one shape, got ", prediction, " and ", target});
  if (prediction.size() == 0) [[unlikely]]
    throw shape_error(name, {"expected at least one element, got an empty batch ", prediction});
}

}  // namespace detail

}  // namespace inlay::inline v0_1
