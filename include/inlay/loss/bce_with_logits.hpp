// Binary cross-entropy of scores x with targets y from 0 to 1, in a form that neither overflows nor cancels:
//   -y log s(x) - (1 - y) log(1 - s(x)) = y log(1 + exp(-x)) + (1 - y) log(1 + exp(x)), with the sigmoid s
#pragma once

#include <limits>

#include "reduced.hpp"

namespace inlay::inline v0_1::loss {

struct bce_options {
  std::vector<double> pos_weight = {};  // of the positive part, for each of the last axis, or one for all
  inlay::reduction reduction = inlay::reduction::mean;
};

// scores and targets of one shape -> (), or that shape without reduction. Throws shape_error.
template <operand X, operand Y>
auto bce_with_logits(const X& scores, const Y& targets, const bce_options& options = {}) {
  using T = inlay::detail::element_of<X>;
  inlay::detail::check_pair("bce_with_logits", scores.shape(), targets.shape());
  const auto count = static_cast<std::int64_t>(options.pos_weight.size());
  if (count > 1 && (scores.shape().rank() == 0 || scores.shape()[-1] != count)) [[unlikely]]
    throw shape_error("bce_with_logits", {"expected one .pos_weight, or one for each of the last axis of ",
                                          scores.shape(), ", got ", count});
  const softplus_options exact{.threshold = static_cast<double>((std::numeric_limits<T>::max)())};
  auto positive = targets * softplus(-scores, exact);
  if (count > 0) positive = std::move(positive) * from<double>({count}, options.pos_weight).template cast<T>();
  return inlay::detail::reduced_loss(std::move(positive) + (T{1} - targets) * softplus(scores, exact),
                                     options.reduction);
}

}  // namespace inlay::inline v0_1::loss
