// Area under the ROC curve: the probability that a row of the class scores higher than one of another class; equal
// scores count half. As scikit-learn's roc_auc_score with one class against the rest; any scores will do, all are kept.
#pragma once

#include "ranking.hpp"

namespace inlay::inline v0_1::metrics {

namespace detail {

struct area_under_roc {
  static constexpr const char* name = "roc_auc";
  double operator()(std::span<const ranked_row> rows, double right) const {
    std::int64_t above = 0,
                 pairs = 0;  // right rows so far; pairs in order, those of equal score once, the others twice
    each_score(rows, [&](std::int64_t some_right, std::int64_t some_wrong) {
      pairs += some_wrong * (2 * above + some_right);
      above += some_right;
    });
    return static_cast<double>(pairs) / (2 * right * (static_cast<double>(rows.size()) - right));
  }
};

}  // namespace detail

class roc_auc : public detail::ranking<detail::area_under_roc> {
  using ranking::ranking;
};

}  // namespace inlay::inline v0_1::metrics
