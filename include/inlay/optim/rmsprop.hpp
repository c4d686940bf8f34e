// RMSprop (Hinton, 2012), as torch.optim.RMSprop:
//   g += weight_decay w;  s = alpha s + (1 - alpha) g^2;  d = g / (sqrt(s) + epsilon);  w -= rate d
// centered: a = alpha a + (1 - alpha) g, and s - a^2 in place of s (Graves, 2013). With momentum: b = momentum b + d,
// w -= rate b.
#pragma once

#include "../kernels/update.hpp"
#include "optimizer.hpp"

namespace inlay::inline v0_1::optim {

struct rmsprop_config {
  double learning_rate = 1e-2;
  double alpha = 0.99;
  double epsilon = 1e-8;
  double weight_decay = 0;
  double momentum = 0;
  bool centered = false;
  std::vector<group> groups = {};
};

class rmsprop final : public optimizer_of<rmsprop> {
 public:
  // Throws value_error for numbers out of range, and for a model without parameters.
  template <module M>
  explicit rmsprop(M& model, const rmsprop_config& config = {}) : rmsprop(members_of(model), config) {}

 private:
  friend optimizer_of<rmsprop>;

  template <class = void>  // compiled only where it is used
  INLAY_COLD rmsprop(const std::vector<member>& members, const rmsprop_config& config)
      : optimizer_of(members, {.name = "rmsprop",
                               .learning_rate = config.learning_rate,
                               .weight_decay = config.weight_decay,
                               .groups = {config.groups.data(), config.groups.size()},
                               .states = {"square_avg", config.centered ? "grad_avg" : nullptr,
                                          config.momentum > 0 ? "momentum_buffer" : nullptr},
                               .momentum = checked(config).momentum > 0 ? config.momentum : -1}),
        alpha_(config.alpha),
        epsilon_(config.epsilon) {}

  static const rmsprop_config& checked(const rmsprop_config& config) {
    if (!(config.alpha >= 0 && config.alpha < 1))
      throw value_error("rmsprop", {"expected .alpha from 0 to below 1, got ", config.alpha});
    if (!(config.epsilon >= 0) || !(config.momentum >= 0))
      throw value_error(
          "rmsprop", {"expected .epsilon and .momentum of 0 or more, got ", config.epsilon, " and ", config.momentum});
    return config;
  }

  template <class = void> void run(const weight& w) const {
    void *square = w.state(0), *average = w.state(1), *velocity = w.state(2);
    const kernels::rmsprop_numbers numbers{
        rate_of(w), alpha_, 1 - alpha_, epsilon_, velocity != nullptr ? momentum() : 0, w.decay};
    run_update<kernels::rmsprop_update>(w, numbers, square, average, velocity);
  }

  double alpha_, epsilon_;
};

}  // namespace inlay::inline v0_1::optim
