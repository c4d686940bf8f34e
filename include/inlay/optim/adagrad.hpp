// Adagrad (Duchi, Hazan and Singer, 2011), as torch.optim.Adagrad:
//   g += weight_decay w;  s += g^2;  w -= rate / (1 + (t - 1) learning_rate_decay) · g / (sqrt(s) + epsilon)
#pragma once

#include "../kernels/update.hpp"
#include "optimizer.hpp"

namespace inlay::inline v0_1::optim {

struct adagrad_config {
  double learning_rate = 1e-2;
  double learning_rate_decay = 0;
  double weight_decay = 0;
  double initial_accumulator = 0;  // first s
  double epsilon = 1e-10;
  std::vector<group> groups = {};
};

class adagrad final : public optimizer_of<adagrad> {
 public:
  // Throws value_error for numbers out of range, and for a model without parameters.
  template <module M>
  explicit adagrad(M& model, const adagrad_config& config = {}) : adagrad(members_of(model), config) {}

 private:
  friend optimizer_of<adagrad>;

  template <class = void>  // compiled only where it is used
  INLAY_COLD adagrad(const std::vector<member>& members, const adagrad_config& config)
      : optimizer_of(members, {.name = "adagrad",
                               .learning_rate = config.learning_rate,
                               .weight_decay = config.weight_decay,
                               .groups = {config.groups.data(), config.groups.size()},
                               .states = {"sum"},
                               .first_state = checked(config).initial_accumulator}),
        rate_decay_(config.learning_rate_decay),
        epsilon_(config.epsilon) {}

  static const adagrad_config& checked(const adagrad_config& config) {
    if (!(config.learning_rate_decay >= 0) || !(config.initial_accumulator >= 0) || !(config.epsilon >= 0))
      throw value_error("adagrad", {"expected .learning_rate_decay, .initial_accumulator and .epsilon of 0 or more"});
    return config;
  }

  template <class = void> void run(const weight& w) const {
    const double age = static_cast<double>(w.steps - 1);
    const kernels::adagrad_numbers numbers{rate_of(w) / (1 + age * rate_decay_), epsilon_, w.decay};
    void* sum = w.state(0);
    if (w.decay == 0 && run_update_of_rows<kernels::adagrad_update>(w, numbers, sum)) return;
    run_update<kernels::adagrad_update>(w, numbers, sum);
  }

  double rate_decay_, epsilon_;
};

}  // namespace inlay::inline v0_1::optim
