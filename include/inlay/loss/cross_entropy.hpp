// Cross-entropy of scores with class indices (log-softmax and negative log-likelihood in one stable pass).
#pragma once

#include "../ops/cross_entropy.hpp"

namespace inlay::inline v0_1::loss {

struct cross_entropy_options {
  inlay::reduction reduction = inlay::reduction::mean;
};

// scores (N, V), not normalised; classes (N,) from 0 to V - 1 -> (), or (N,) without reduction.
// Throws shape_error, and value_error for a class that is out of range.
template <operand S>
auto cross_entropy(S&& scores, const tensor<std::int64_t>& classes, const cross_entropy_options& options = {}) {
  return apply(cross_entropy_op{options.reduction}, std::forward<S>(scores), classes);
}

}  // namespace inlay::inline v0_1::loss
