// What all learning-rate schedules share. A schedule sets its optimiser's rate once when it is made and again with
// every step(), which a training loop calls after each step of the optimiser, or after each epoch: the unit is the
// caller's.
//   rate(t) from the base rate and t alone, as PyTorch's scheduler of the same name; first of all a linear warm-up, if
//   asked.
// A schedule is a module: io::save and io::load keep where it is.
#pragma once

#include "optimizer.hpp"

namespace inlay::inline v0_1::optim {

struct warm_up {
  std::int64_t steps = 0;  // in which the rate grows in a line; the schedule proper begins after them
  double start = 0;        // first rate, as a part of the base rate
};

class schedule {
 public:
  schedule(const schedule&) = delete;
  schedule& operator=(const schedule&) = delete;
  virtual ~schedule() = default;

  void step() {
    ++steps_;
    apply();
  }

  // The rate after `steps` steps.
  double rate(std::int64_t steps) const {
    if (steps < warm_up_.steps) {
      const double part = static_cast<double>(steps) / static_cast<double>(warm_up_.steps);
      return base_ * (warm_up_.start + (1 - warm_up_.start) * part);
    }
    return scheduled(base_, steps - warm_up_.steps);
  }

  std::int64_t steps() const noexcept { return steps_; }
  double base_rate() const noexcept { return base_; }

  static void members(auto& self, auto&& visit) {
    visit("steps", self.steps_);
    visit("base_rate", self.base_);
  }

 protected:
  // The base rate is the optimiser's own. The optimiser must live longer than the schedule.
  explicit schedule(optimizer& of, const optim::warm_up& warm_up = {})
      : optimizer_(of), warm_up_(warm_up), base_(of.learning_rate()) {
    if (warm_up.steps < 0 || !(warm_up.start >= 0))
      throw value_error("schedule", {"expected .warm_up with .steps and .start of 0 or more, got ", warm_up.steps,
                                     " and ", warm_up.start});
  }

  // The rate after `step` steps without warm-up.
  virtual double scheduled(double base, std::int64_t step) const = 0;
  virtual void apply() { optimizer_.set_learning_rate(rate(steps_)); }

  // The check that the configs share.
  static void expect(bool good, const char* name, const char* what) {
    if (!good) throw value_error(name, {"expected ", what});
  }

  optimizer& optimizer_;

 private:
  optim::warm_up warm_up_;
  double base_;
  std::int64_t steps_ = 0;
};

}  // namespace inlay::inline v0_1::optim
