// Kullback-Leibler divergence of a target from a prediction: y (log y - x) with log-probabilities x, as torch's kl_div.
#pragma once

#include "../ops/compare.hpp"
#include "reduced.hpp"

namespace inlay::inline v0_1::loss {

struct kl_div_options {
  bool log_target = false;  // the target too is given as log-probabilities
  bool batch_mean = true;   // the sum over the number of rows, which is what the formula says; else by .reduction
  inlay::reduction reduction = inlay::reduction::mean;
};

// log-probabilities and target of one shape -> (), or that shape without reduction. Throws shape_error.
template <operand X, operand Y>
auto kl_div(const X& log_probabilities, const Y& target, const kl_div_options& options = {}) {
  using T = inlay::detail::element_of<X>;
  inlay::detail::check_pair("kl_div", log_probabilities.shape(), target.shape());
  const auto reduce = [&](auto values) {
    if (!options.batch_mean) return inlay::detail::reduced_loss(std::move(values), options.reduction);
    const std::int64_t rows = values.shape().rank() == 0 ? 1 : values.shape()[0];
    return sum(std::move(values)) * (T{1} / static_cast<T>(rows));
  };
  if (options.log_target) return reduce(exp(target) * (target - log_probabilities));
  const auto present = gt(target, T{0});  // 0 log 0 is 0
  const auto logarithm = log(where(present, target, T{1}));
  return reduce(target * (logarithm - log_probabilities));
}

}  // namespace inlay::inline v0_1::loss
