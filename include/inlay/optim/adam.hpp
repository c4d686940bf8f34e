// Adam (Kingma and Ba, 2015), as torch.optim.Adam:
//   g += weight_decay w;  m = b1 m + (1 - b1) g;  v = b2 v + (1 - b2) g^2
//   w -= rate / (1 - b1^t) · m / (sqrt(v) / sqrt(1 - b2^t) + epsilon)
#pragma once

#include "../kernels/update.hpp"
#include "optimizer.hpp"

namespace inlay::inline v0_1::optim {

struct adam_config {
  double learning_rate = 1e-3;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
  double weight_decay = 0;  // L2: added to the gradient
};

class adam final : public optimizer_of<adam> {
 public:
  // Throws value_error for numbers out of range, and for a model without parameters.
  template <module M>
  explicit adam(M& model, const adam_config& config = {})
      : optimizer_of("adam", members_of(model), config.learning_rate), config_(checked(config)) {}

 private:
  friend optimizer_of<adam>;

  INLAY_COLD static const adam_config& checked(const adam_config& config) {
    const auto fraction = [](double beta) { return beta >= 0 && beta < 1; };
    if (!fraction(config.beta1) || !fraction(config.beta2))
      throw value_error("adam",
                        {"expected .beta1 and .beta2 from 0 to below 1, got ", config.beta1, " and ", config.beta2});
    if (!(config.epsilon >= 0) || !(config.weight_decay >= 0))
      throw value_error("adam", {"expected .epsilon and .weight_decay of 0 or more"});
    return config;
  }

  template <class T> void run(weight& w, detail::cell<T>& cell) const {
    const kernels::adam_numbers numbers = numbers_of(w.steps);
    T *first = w.state<T>(0), *second = w.state<T>(1);
    run_update<kernels::adam_update<T>>(cell, numbers, first, second);
  }

  INLAY_OUTLINE kernels::adam_numbers numbers_of(std::int64_t step) const {
    const double t = static_cast<double>(step);
    return {
        .rate = learning_rate() / (1 - __builtin_pow(config_.beta1, t)),
        .beta1 = config_.beta1,
        .beta2 = config_.beta2,
        .epsilon = config_.epsilon,
        .share1 = 1 - config_.beta1,
        .share2 = 1 - config_.beta2,
        .root_correction = 1 / __builtin_sqrt(1 - __builtin_pow(config_.beta2, t)),
        .decay = config_.weight_decay,
    };
  }

  adam_config config_;
};

}  // namespace inlay::inline v0_1::optim
