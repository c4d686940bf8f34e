// Adam with decoupled weight decay (Loshchilov and Hutter, 2019), as torch.optim.AdamW: each step begins with
// w -= rate weight_decay w, and the gradient is left as it is.
#pragma once

#include "adam.hpp"

namespace inlay::inline v0_1::optim {

struct adamw_config {
  double learning_rate = 1e-3;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
  double weight_decay = 1e-2;
  bool amsgrad = false;
  optim::epsilon_placement epsilon_placement = optim::epsilon_placement::corrected;
  std::vector<group> groups = {};
};

class adamw final : public adam {
 public:
  // Throws value_error for numbers out of range, and for a model without parameters.
  template <module M> explicit adamw(M& model, const adamw_config& config = {}) : adamw(members_of(model), config) {}

 private:
  template <class = void>  // compiled only where it is used
  INLAY_COLD adamw(const std::vector<member>& members, const adamw_config& c)
      : adam("adamw", members,
             {c.learning_rate, c.beta1, c.beta2, c.epsilon, c.weight_decay, c.amsgrad, c.epsilon_placement, c.groups},
             true) {}
};

}  // namespace inlay::inline v0_1::optim
