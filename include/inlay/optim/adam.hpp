// Adam (Kingma and Ba, 2015), as torch.optim.Adam:
//   g += weight_decay w;  m = b1 m + (1 - b1) g;  v = b2 v + (1 - b2) g^2
//   w -= rate / (1 - b1^t) · m / (sqrt(v) / sqrt(1 - b2^t) + epsilon)
#pragma once

#include "../kernels/update.hpp"
#include "optimizer.hpp"

namespace inlay::inline v0_1::optim {

// Where epsilon is added: to the corrected root, as above, or to sqrt(v) itself ("epsilon hat" of the paper; Keras,
// ONNX).
enum class epsilon_placement { corrected, uncorrected };

struct adam_config {
  double learning_rate = 1e-3;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
  double weight_decay = 0;  // L2: added to the gradient
  bool amsgrad = false;     // divide by the largest v so far (Reddi, Kale and Kumar, 2018)
  optim::epsilon_placement epsilon_placement = optim::epsilon_placement::corrected;
  std::vector<group> groups = {};
};

class adam : public optimizer_of<adam> {
 public:
  // Throws value_error for numbers out of range, and for a model without parameters.
  template <module M>
  explicit adam(M& model, const adam_config& config = {}) : adam("adam", members_of(model), config, false) {}

 protected:
  template <class = void>  // compiled only where it is used
  INLAY_COLD adam(const char* name, const std::vector<member>& members, const adam_config& config, bool decoupled)
      : optimizer_of(members, {.name = name,
                               .learning_rate = config.learning_rate,
                               .weight_decay = config.weight_decay,
                               .groups = {config.groups.data(), config.groups.size()},
                               .states = {"exp_avg", "exp_avg_sq", config.amsgrad ? "max_exp_avg_sq" : nullptr},
                               .momentum = checked(name, config).beta1}),
        beta2_(config.beta2),
        epsilon_(config.epsilon),
        amsgrad_(config.amsgrad),
        corrected_(config.epsilon_placement == epsilon_placement::corrected),
        decoupled_(decoupled) {}

 private:
  friend optimizer_of<adam>;

  INLAY_COLD static const adam_config& checked(const char* name, const adam_config& config) {
    const auto fraction = [](double beta) { return beta >= 0 && beta < 1; };
    if (!fraction(config.beta1) || !fraction(config.beta2))
      throw value_error(name,
                        {"expected .beta1 and .beta2 from 0 to below 1, got ", config.beta1, " and ", config.beta2});
    if (!(config.epsilon >= 0)) throw value_error(name, {"expected .epsilon of 0 or more, got ", config.epsilon});
    return config;
  }

  template <class = void> void run(const weight& w) const {
    const kernels::adam_numbers numbers = numbers_of(w);
    void *mean = w.state(0), *square = w.state(1), *largest = amsgrad_ ? w.state(2) : square;
    run_update<kernels::adam_update>(w, numbers, mean, square, largest);
  }

  INLAY_OUTLINE kernels::adam_numbers numbers_of(const weight& w) const {
    const double t = static_cast<double>(w.steps), beta1 = momentum(), rate = rate_of(w),
                 root = 1 / __builtin_sqrt(1 - __builtin_pow(beta2_, t));
    return {
        .rate = rate / (1 - __builtin_pow(beta1, t)),
        .beta1 = beta1,
        .beta2 = beta2_,
        .epsilon = corrected_ ? epsilon_ : epsilon_ * root,
        .share1 = 1 - beta1,
        .share2 = 1 - beta2_,
        .root_correction = root,
        .decay = decoupled_ ? 0 : w.decay,
        .keep = decoupled_ ? 1 - rate * w.decay : 1,
        .amsgrad = amsgrad_,
    };
  }

  double beta2_, epsilon_;
  bool amsgrad_, corrected_, decoupled_;
};

}  // namespace inlay::inline v0_1::optim
