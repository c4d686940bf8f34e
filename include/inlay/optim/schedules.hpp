// Learning-rate schedules that follow from the step number alone, under PyTorch's names.
#pragma once

#include "schedule.hpp"

namespace inlay::inline v0_1::optim {

// gamma^(number of whole step_sizes so far).
struct step_lr_config {
  std::int64_t step_size = 0;  // required
  double gamma = 0.1;
  optim::warm_up warm_up = {};
};
class step_lr final : public schedule {
 public:
  step_lr(optimizer& of, const step_lr_config& config) : schedule(of, config.warm_up), config_(config) {
    expect(config.step_size > 0 && config.gamma >= 0, "step_lr", ".step_size of 1 or more and .gamma of 0 or more");
    apply();
  }

 private:
  double scheduled(double base, std::int64_t t) const override {
    return base * __builtin_pow(config_.gamma, static_cast<double>(t / config_.step_size));
  }
  step_lr_config config_;
};

// gamma^(number of milestones reached).
struct multi_step_lr_config {
  std::vector<std::int64_t> milestones = {};
  double gamma = 0.1;
  optim::warm_up warm_up = {};
};
class multi_step_lr final : public schedule {
 public:
  multi_step_lr(optimizer& of, const multi_step_lr_config& config) : schedule(of, config.warm_up), config_(config) {
    expect(config.gamma >= 0, "multi_step_lr", ".gamma of 0 or more");
    for (std::size_t i = 1; i < config.milestones.size(); ++i)
      expect(config.milestones[i - 1] <= config.milestones[i], "multi_step_lr", ".milestones in growing order");
    apply();
  }

 private:
  double scheduled(double base, std::int64_t t) const override {
    double out = base;
    for (const std::int64_t milestone : config_.milestones)
      if (t >= milestone) out *= config_.gamma;
    return out;
  }
  multi_step_lr_config config_;
};

// gamma^t.
struct exponential_lr_config {
  double gamma = 0;  // required
  optim::warm_up warm_up = {};
};
class exponential_lr final : public schedule {
 public:
  exponential_lr(optimizer& of, const exponential_lr_config& config) : schedule(of, config.warm_up), config_(config) {
    expect(config.gamma > 0, "exponential_lr", ".gamma above 0");
    apply();
  }

 private:
  double scheduled(double base, std::int64_t t) const override {
    return base * __builtin_pow(config_.gamma, static_cast<double>(t));
  }
  exponential_lr_config config_;
};

// From `start` to `end` parts of the base rate in a line of `steps` steps, and `end` from then on.
struct linear_lr_config {
  double start = 1.0 / 3, end = 1;
  std::int64_t steps = 5;
  optim::warm_up warm_up = {};
};
class linear_lr final : public schedule {
 public:
  linear_lr(optimizer& of, const linear_lr_config& config) : schedule(of, config.warm_up), config_(config) {
    expect(config.start >= 0 && config.end >= 0 && config.steps > 0, "linear_lr",
           ".start and .end of 0 or more, and .steps of 1 or more");
    apply();
  }

 private:
  double scheduled(double base, std::int64_t t) const override {
    const double part = static_cast<double>((std::min)(t, config_.steps)) / static_cast<double>(config_.steps);
    return base * (config_.start + (config_.end - config_.start) * part);
  }
  linear_lr_config config_;
};

// (1 - t / steps)^power, and 0 from then on.
struct polynomial_lr_config {
  std::int64_t steps = 5;
  double power = 1;
  optim::warm_up warm_up = {};
};
class polynomial_lr final : public schedule {
 public:
  polynomial_lr(optimizer& of, const polynomial_lr_config& config) : schedule(of, config.warm_up), config_(config) {
    expect(config.steps > 0 && config.power >= 0, "polynomial_lr", ".steps of 1 or more and .power of 0 or more");
    apply();
  }

 private:
  double scheduled(double base, std::int64_t t) const override {
    const double part = static_cast<double>((std::min)(t, config_.steps)) / static_cast<double>(config_.steps);
    return base * __builtin_pow(1 - part, config_.power);
  }
  polynomial_lr_config config_;
};

// Half a cosine from the base rate down to `minimum` in `steps` steps (Loshchilov and Hutter, 2017). With `restarts` it
// begins again each time, the next run `growth` times as long; without, it stays at the minimum.
struct cosine_annealing_lr_config {
  std::int64_t steps = 0;  // required
  double minimum = 0;      // a rate, not a part of one
  bool restarts = false;
  std::int64_t growth = 1;
  optim::warm_up warm_up = {};
};
class cosine_annealing_lr final : public schedule {
 public:
  cosine_annealing_lr(optimizer& of, const cosine_annealing_lr_config& config)
      : schedule(of, config.warm_up), config_(config) {
    expect(config.steps > 0 && config.minimum >= 0 && config.growth >= 1, "cosine_annealing_lr",
           ".steps and .growth of 1 or more, and .minimum of 0 or more");
    apply();
  }

 private:
  double scheduled(double base, std::int64_t t) const override {
    std::int64_t length = config_.steps;
    if (config_.restarts && config_.growth == 1) t %= length;
    if (config_.restarts)
      for (; t >= length; length *= config_.growth) t -= length;
    const double part = static_cast<double>((std::min)(t, length)) / static_cast<double>(length);
    return config_.minimum + (base - config_.minimum) * (1 + __builtin_cos(3.14159265358979323846 * part)) / 2;
  }
  cosine_annealing_lr_config config_;
};

// Up from max_rate / div_factor to max_rate in the first pct_start of the steps, then down to the first rate over
// final_div_factor (Smith and Topin, 2018); the momentum goes the other way, if the optimiser has one.
struct one_cycle_lr_config {
  double max_rate = 0;     // required
  std::int64_t steps = 0;  // of the whole cycle; required
  double pct_start = 0.3;
  bool cosine = true;  // or in lines
  bool cycle_momentum = true;
  double base_momentum = 0.85, max_momentum = 0.95;
  double div_factor = 25, final_div_factor = 1e4;
  bool three_phase = false;  // down to the first rate as fast as up, and then to the last
};
class one_cycle_lr final : public schedule {
 public:
  one_cycle_lr(optimizer& of, const one_cycle_lr_config& config) : schedule(of), config_(config) {
    expect(config.max_rate > 0 && config.steps > 0 && config.pct_start >= 0 && config.pct_start <= 1, "one_cycle_lr",
           ".max_rate above 0, .steps of 1 or more and .pct_start from 0 to 1");
    expect(config.div_factor > 0 && config.final_div_factor > 0, "one_cycle_lr",
           ".div_factor and .final_div_factor above 0");
    const auto fraction = [](double momentum) { return momentum >= 0 && momentum < 1; };
    expect(!config.cycle_momentum || (fraction(config.base_momentum) && fraction(config.max_momentum)), "one_cycle_lr",
           ".base_momentum and .max_momentum from 0 to below 1");
    apply();
  }

 private:
  double scheduled(double, std::int64_t t) const override {
    const double first = config_.max_rate / config_.div_factor;
    return along(t, first, config_.max_rate, first / config_.final_div_factor);
  }
  void apply() override {
    schedule::apply();
    if (config_.cycle_momentum && optimizer_.momentum() >= 0)
      optimizer_.set_momentum(along(steps(), config_.max_momentum, config_.base_momentum, config_.max_momentum));
  }

  // From `first` to `middle`, and by way of `first` or at once to `last`.
  double along(std::int64_t t, double first, double middle, double last) const {
    const double all = static_cast<double>(config_.steps), up = config_.pct_start * all - 1,
                 down = config_.three_phase ? 2 * config_.pct_start * all - 2 : all - 1,
                 at = (std::min)(static_cast<double>(t), all - 1);
    const double turn = config_.three_phase ? first : last;
    if (at <= up) return between(first, middle, up > 0 ? at / up : 1);
    if (at <= down) return between(middle, turn, (at - up) / (down - up));
    return between(turn, last, (at - down) / (all - 1 - down));
  }
  double between(double from, double to, double part) const {
    return config_.cosine ? to + (from - to) * (1 + __builtin_cos(3.14159265358979323846 * part)) / 2
                          : from + (to - from) * part;
  }
  one_cycle_lr_config config_;
};

}  // namespace inlay::inline v0_1::optim
