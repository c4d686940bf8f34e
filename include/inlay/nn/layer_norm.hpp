// Layer normalisation: y = (x - mean) / sqrt(variance + epsilon) * weight + bias, with mean and variance of each row.
// x (…, features) -> y of the same shape.  Ba, Kiros and Hinton, Layer Normalization, 2016.
#pragma once

#include "../autograd/members.hpp"
#include "../ops/layer_norm.hpp"

namespace inlay::inline v0_1::nn {

struct layer_norm_config {
  std::int64_t features = 0;  // size of the last axis; required
  double epsilon = 1e-5;      // keeps the root away from 0
  bool bias = true;
};

template <floating T = float> class layer_norm {
 public:
  // Throws value_error when the size is missing.
  explicit layer_norm(const layer_norm_config& config) : epsilon_(config.epsilon) {
    if (config.features < 1)
      throw value_error("layer_norm", {"expected .features of 1 or more, got ", config.features});
    weight = parameter<T>(shape{config.features}, distribution::constant(1));
    if (config.bias) bias = parameter<T>(shape{config.features}, distribution::constant(0));
  }

  // Throws shape_error when the last axis of x is not `features`.
  auto operator()(const auto& x) const { return inlay::layer_norm(x, weight, bias, {.epsilon = epsilon_}); }

  static void members(auto& self, auto&& visit) {
    visit("weight", self.weight);
    visit("bias", self.bias);
  }

  parameter<T> weight, bias;

 private:
  double epsilon_;
};

}  // namespace inlay::inline v0_1::nn
