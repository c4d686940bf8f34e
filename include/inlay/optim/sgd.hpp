// Stochastic gradient descent with momentum, Nesterov's form and weight decay, as torch.optim.SGD:
//   g += weight_decay w;  v = momentum v + (1 - dampening) g (the first v is g);  w -= rate v
// With nesterov: w -= rate (g + momentum v). With moving_average: v = momentum v + (1 - momentum) g, from v = 0.
#pragma once

#include "../kernels/update.hpp"
#include "optimizer.hpp"

namespace inlay::inline v0_1::optim {

struct sgd_config {
  double learning_rate = 1e-2;
  double momentum = 0;
  double dampening = 0;
  double weight_decay = 0;
  bool nesterov = false;
  bool moving_average = false;
  std::vector<group> groups = {};
};

class sgd final : public optimizer_of<sgd> {
 public:
  // Throws value_error for numbers out of range, and for a model without parameters.
  template <module M> explicit sgd(M& model, const sgd_config& config = {}) : sgd(members_of(model), config) {}

 private:
  friend optimizer_of<sgd>;

  template <class = void>  // compiled only where it is used
  INLAY_COLD sgd(const std::vector<member>& members, const sgd_config& config)
      : optimizer_of(members, {.name = "sgd",
                               .learning_rate = config.learning_rate,
                               .weight_decay = config.weight_decay,
                               .groups = {config.groups.data(), config.groups.size()},
                               .states = {config.momentum > 0 ? "momentum_buffer" : nullptr},
                               .momentum = checked(config).momentum > 0 ? config.momentum : -1}),
        dampening_(config.dampening),
        nesterov_(config.nesterov),
        moving_average_(config.moving_average) {}

  static const sgd_config& checked(const sgd_config& config) {
    if (!(config.momentum >= 0)) throw value_error("sgd", {"expected .momentum of 0 or more, got ", config.momentum});
    if (config.nesterov && (config.momentum == 0 || config.dampening != 0 || config.moving_average))
      throw value_error("sgd", {"expected .momentum above 0 and no .dampening or .moving_average with .nesterov"});
    if (config.moving_average && (config.momentum >= 1 || config.dampening != 0))
      throw value_error("sgd", {"expected .momentum below 1 and no .dampening with .moving_average"});
    return config;
  }

  template <class = void> void run(const weight& w) const {
    void* velocity = w.state(0);
    const double kept = velocity != nullptr ? momentum() : 0;
    const double share = moving_average_ ? 1 - kept : w.steps == 1 ? 1 : 1 - dampening_;
    const kernels::sgd_numbers numbers{rate_of(w), kept, share, w.decay, nesterov_};
    if (velocity == nullptr && w.decay == 0 && run_update_of_rows<kernels::sgd_update>(w, numbers, velocity)) return;
    run_update<kernels::sgd_update>(w, numbers, velocity);
  }

  double dampening_;
  bool nesterov_, moving_average_;
};

}  // namespace inlay::inline v0_1::optim
