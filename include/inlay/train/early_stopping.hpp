// Ends a run when a measure has stopped to get better.
#pragma once

#include "best.hpp"

namespace inlay::inline v0_1::train {

struct early_stopping_config {
  std::string monitor = "val_loss";
  bool maximize = false;      // of an accuracy; otherwise of a loss
  std::int64_t patience = 5;  // so many epochs in a row without a better value end the run
  double min_delta = 0;       // what a better value is better by
};

class early_stopping final : public callback {
 public:
  // Throws value_error for a patience below 1 or a negative difference.
  explicit early_stopping(const early_stopping_config& config = {})
      : config_(config), best_(config.maximize, config.min_delta) {
    if (config.patience < 1)
      throw value_error("early_stopping", {"expected .patience of 1 or more, got ", config.patience});
  }

  void start(state&) override {
    best_ = detail::best_value(config_.maximize, config_.min_delta);
    waited_ = 0;
  }

  void resume(state& run) override { judge(run); }
  void after_epoch(state& run) override {
    waited_ = best_.take(run.value(config_.monitor)) ? 0 : waited_ + 1;
    judge(run);
  }

  double best() const noexcept { return best_.value(); }

  void keep(member_visitor& visit) override {
    visit("best", best_);
    visit("waited", waited_);
  }

 private:
  void judge(state& run) const {
    if (waited_ >= config_.patience)
      run.stopped = config_.monitor + " has not become better for " + std::to_string(waited_) + " epochs";
  }

  early_stopping_config config_;
  detail::best_value best_;
  std::int64_t waited_ = 0;
};

}  // namespace inlay::inline v0_1::train
