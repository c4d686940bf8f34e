// The best value of a measure so far.
#pragma once

#include "callback.hpp"

namespace inlay::inline v0_1::train::detail {

class best_value {
 public:
  explicit best_value(bool maximize, double min_delta = 0) : maximize_(maximize), min_delta_(min_delta) {
    if (inlay::detail::is_nan(min_delta) || min_delta < 0)
      throw value_error("early_stopping", {"expected .min_delta of 0 or more, got ", min_delta});
  }

  // True when `value` is better than all before; what is no number never is.
  bool take(double value) {
    if (inlay::detail::is_nan(value)) return false;
    const bool better = seen_ == 0 || (maximize_ ? value > best_ + min_delta_ : value < best_ - min_delta_);
    if (better) {
      best_ = value;
      seen_ = 1;
    }
    return better;
  }

  bool any() const noexcept { return seen_ != 0; }
  double value() const noexcept { return best_; }

  static void members(auto& self, auto&& visit) {
    visit("value", self.best_);
    visit("seen", self.seen_);
  }

 private:
  bool maximize_;
  double min_delta_, best_ = 0;
  std::int64_t seen_ = 0;
};

}  // namespace inlay::inline v0_1::train::detail
