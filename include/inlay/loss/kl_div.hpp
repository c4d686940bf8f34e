// Kullback-Leibler divergence of a target from a prediction: y (log y - x) with log-probabilities x, as torch's kl_div.
#pragma once

#include "../ops/compare.hpp"
#include "reduced.hpp"

namespace inlay::inline v0_1::loss {

struct kl_div_options {
  bool log_target = false;  // the target too is given as log-probabilities
  bool batch_mean = true;   // a mean is over the rows, which is what the formula says; else over all elements
  inlay::reduction reduction = inlay::reduction::mean;
};

// log-probabilities and target of one shape -> (), or that shape without reduction. Where the target is 0, so is the
// loss. Throws shape_error.
template <operand X, operand Y>
auto kl_div(const X& log_probabilities, const Y& target, const kl_div_options& options = {}) {
  using T = inlay::detail::element_of<X>;
  inlay::detail::check_pair("kl_div", log_probabilities.shape(), target.shape());
  const auto divergence = [&](const auto& share, const auto& logarithm) {
    auto losses = share * where(eq(share, T{0}), T{0}, logarithm - log_probabilities);
    if (!options.batch_mean || options.reduction != inlay::reduction::mean)
      return inlay::detail::reduced_loss(std::move(losses), options.reduction);
    const std::int64_t rows = losses.shape().rank() == 0 ? 1 : losses.shape()[0];
    return sum(std::move(losses)) * (T{1} / static_cast<T>(rows));
  };
  if (options.log_target) return divergence(exp(target), target);
  return divergence(target, log(where(eq(target, T{0}), T{1}, target)));
}

}  // namespace inlay::inline v0_1::loss
