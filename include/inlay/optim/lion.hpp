// Lion (Chen et al., Symbolic Discovery of Optimization Algorithms, 2023):
//   w -= rate weight_decay w;  w -= rate sign(b1 m + (1 - b1) g);  m = b2 m + (1 - b2) g
// A rate 3 to 10 times smaller than Adam's, and a weight decay as much larger, do the same.
#pragma once

#include "../kernels/update.hpp"
#include "optimizer.hpp"

namespace inlay::inline v0_1::optim {

struct lion_config {
  double learning_rate = 1e-4;
  double beta1 = 0.9;
  double beta2 = 0.99;
  double weight_decay = 0;  // decoupled, as in AdamW
  std::vector<group> groups = {};
};

class lion final : public optimizer_of<lion> {
 public:
  // Throws value_error for numbers out of range, and for a model without parameters.
  template <module M> explicit lion(M& model, const lion_config& config = {}) : lion(members_of(model), config) {}

 private:
  friend optimizer_of<lion>;

  template <class = void>  // compiled only where it is used
  INLAY_COLD lion(const std::vector<member>& members, const lion_config& config)
      : optimizer_of(members, {.name = "lion",
                               .learning_rate = config.learning_rate,
                               .weight_decay = config.weight_decay,
                               .groups = {config.groups.data(), config.groups.size()},
                               .states = {"exp_avg"},
                               .momentum = checked(config).beta1}),
        beta2_(config.beta2) {}

  static const lion_config& checked(const lion_config& config) {
    const auto fraction = [](double beta) { return beta >= 0 && beta < 1; };
    if (!fraction(config.beta1) || !fraction(config.beta2))
      throw value_error("lion",
                        {"expected .beta1 and .beta2 from 0 to below 1, got ", config.beta1, " and ", config.beta2});
    return config;
  }

  template <class = void> void run(const weight& w) const {
    const double rate = rate_of(w), beta1 = momentum();
    const kernels::lion_numbers numbers{rate, beta1, 1 - beta1, beta2_, 1 - beta2_, 1 - rate * w.decay};
    run_update<kernels::lion_update>(w, numbers, w.state(0));
  }

  double beta2_;
};

}  // namespace inlay::inline v0_1::optim
