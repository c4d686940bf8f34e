// Stochastic gradient descent with momentum, Nesterov's form and weight decay, as torch.optim.SGD:
//   g += weight_decay w;  v = momentum v + (1 - dampening) g (the first v is g);  w -= rate v
// With nesterov: w -= rate (g + momentum v).
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
};

class sgd final : public optimizer_of<sgd> {
 public:
  // Throws value_error for numbers out of range, and for a model without parameters.
  template <module M>
  explicit sgd(M& model, const sgd_config& config = {})
      : optimizer_of("sgd", members_of(model), config.learning_rate), config_(checked(config)) {}

 private:
  friend optimizer_of<sgd>;

  INLAY_COLD static const sgd_config& checked(const sgd_config& config) {
    if (!(config.momentum >= 0) || !(config.weight_decay >= 0))
      throw value_error("sgd", {"expected .momentum and .weight_decay of 0 or more, got ", config.momentum, " and ",
                                config.weight_decay});
    if (config.nesterov && (config.momentum == 0 || config.dampening != 0))
      throw value_error("sgd", {"expected .momentum above 0 and no .dampening with .nesterov"});
    return config;
  }

  template <class T> void run(weight& w, detail::cell<T>& cell) const {
    const kernels::sgd_numbers numbers{learning_rate(), config_.momentum, w.steps == 1 ? 1 : 1 - config_.dampening,
                                       config_.weight_decay, config_.nesterov};
    if (config_.momentum == 0 && config_.weight_decay == 0 && run_update_of_rows<kernels::sgd_update<T>>(cell, numbers))
      return;
    T* velocity = config_.momentum > 0 ? w.state<T>(0) : nullptr;
    run_update<kernels::sgd_update<T>>(cell, numbers, velocity);
  }

  sgd_config config_;
};

}  // namespace inlay::inline v0_1::optim
