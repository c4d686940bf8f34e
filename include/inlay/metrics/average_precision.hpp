// Average precision sum_n (recall_n - recall_{n-1}) precision_n over the thresholds n, the scores from the highest
// down. As scikit-learn's average_precision_score, with one class against the rest; any scores will do, all are kept.
#pragma once

#include "ranking.hpp"

namespace inlay::inline v0_1::metrics {

namespace detail {

struct mean_precision {
  static constexpr const char* name = "average_precision";
  double operator()(std::span<const ranked_row> rows, double right) const {
    std::int64_t found = 0, taken = 0;
    double sum = 0;
    each_score(rows, [&](std::int64_t some_right, std::int64_t some_wrong) {
      found += some_right, taken += some_right + some_wrong;
      sum += static_cast<double>(some_right) * static_cast<double>(found) / static_cast<double>(taken);
    });
    return sum / right;
  }
};

}  // namespace detail

class average_precision : public detail::ranking<detail::mean_precision> {
  using ranking::ranking;
};

}  // namespace inlay::inline v0_1::metrics
