// A smaller learning rate whenever a measure has stopped to improve, as torch.optim.lr_scheduler.ReduceLROnPlateau.
#pragma once

#include <limits>

#include "optimizer.hpp"

namespace inlay::inline v0_1::optim {

struct reduce_lr_on_plateau_config {
  bool maximize = false;       // of an accuracy; otherwise of a loss
  double factor = 0.1;         // the new rate over the old one
  std::int64_t patience = 10;  // steps without a better value that are tolerated
  double threshold = 1e-4;     // what counts as better: by this part of the best, or by this much
  bool relative = true;
  std::int64_t cooldown = 0;  // steps after a reduction in which none is counted
  double minimum = 0;         // rate
  double epsilon = 1e-8;      // smaller changes of the rate are not made
};

class reduce_lr_on_plateau {
 public:
  // Throws value_error for numbers out of range. The optimiser must live longer.
  explicit reduce_lr_on_plateau(optimizer& of, const reduce_lr_on_plateau_config& config = {})
      : optimizer_(of), config_(config), best_(worst()) {
    if (!(config.factor > 0 && config.factor < 1) || config.patience < 0 || config.cooldown < 0)
      throw value_error("reduce_lr_on_plateau",
                        {"expected .factor between 0 and 1, and .patience and .cooldown of 0 or more"});
  }

  // With the measure's value, after each epoch. True when the rate was reduced.
  bool step(double value) {
    if (better(value)) {
      best_ = value;
      bad_ = 0;
    } else {
      ++bad_;
    }
    if (cooling_ > 0) {
      --cooling_;
      bad_ = 0;
    }
    if (bad_ <= config_.patience) return false;
    cooling_ = config_.cooldown;
    bad_ = 0;
    const double old = optimizer_.learning_rate(), next = (std::max)(old * config_.factor, config_.minimum);
    if (old - next <= config_.epsilon) return false;
    optimizer_.set_learning_rate(next);
    return true;
  }

  double best() const noexcept { return best_; }

  static void members(auto& self, auto&& visit) {
    visit("best", self.best_);
    visit("bad", self.bad_);
    visit("cooling", self.cooling_);
  }

 private:
  double worst() const noexcept {
    return config_.maximize ? std::numeric_limits<double>::lowest() : (std::numeric_limits<double>::max)();
  }
  bool better(double value) const noexcept {
    if (inlay::detail::is_nan(value)) return false;
    const double margin = config_.relative ? config_.threshold * (best_ < 0 ? -best_ : best_) : config_.threshold;
    if (best_ == worst()) return config_.maximize ? value > best_ : value < best_;
    return config_.maximize ? value > best_ + margin : value < best_ - margin;
  }

  optimizer& optimizer_;
  reduce_lr_on_plateau_config config_;
  double best_;
  std::int64_t bad_ = 0, cooling_ = 0;
};

}  // namespace inlay::inline v0_1::optim
