// Hinge losses, which are 0 once a score is right by a margin (Crammer and Singer, 2001, for several classes).
#pragma once

#include "../ops/compare.hpp"
#include "../ops/cross_entropy.hpp"
#include "../ops/gather.hpp"
#include "reduced.hpp"

namespace inlay::inline v0_1::loss {

struct hinge_options {
  double margin = 1;
  bool squared = false;
  inlay::reduction reduction = inlay::reduction::mean;
};

// max(0, margin - y x) for scores x and targets y of -1 or 1, of one shape. Throws shape_error.
template <operand X, operand Y> auto hinge(const X& scores, const Y& targets, const hinge_options& options = {}) {
  using T = inlay::detail::element_of<X>;
  inlay::detail::check_pair("hinge", scores.shape(), targets.shape());
  auto lack = relu(static_cast<T>(options.margin) - targets * scores);
  return inlay::detail::reduced_loss(options.squared ? lack * lack : lack, options.reduction);
}

// The mean over the classes j other than the true one of max(0, margin - x_true + x_j), as torch's multi_margin_loss.
// scores (N, V), classes (N,) -> (), or (N,) without reduction. Throws shape_error, and value_error for a class that is
// out of range.
template <operand X>
auto multi_margin(const X& scores, const tensor<std::int64_t>& classes, const hinge_options& options = {}) {
  using T = inlay::detail::element_of<X>;
  constexpr std::int64_t none = (std::numeric_limits<std::int64_t>::min)();
  inlay::detail::check_label_rows("multi_margin", scores.shape(), classes, none);
  const auto right = gather(scores, 1, classes.reshape({classes.size(), 1}));
  const auto lack = where(eq(one_hot<T>(classes, scores.shape()[1]), T{0}),
                          relu(scores - right + static_cast<T>(options.margin)), T{0});
  auto rows = mean(options.squared ? lack * lack : lack, 1);
  return inlay::detail::reduced_loss(std::move(rows), options.reduction);
}

}  // namespace inlay::inline v0_1::loss
