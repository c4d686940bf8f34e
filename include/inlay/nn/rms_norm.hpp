// RMS normalisation with a learned weight.  x (…, features) -> y of the same shape; see ops/layer_norm.hpp.
#pragma once

#include "../autograd/members.hpp"
#include "../ops/layer_norm.hpp"

namespace inlay::inline v0_1::nn {

struct rms_norm_config {
  std::int64_t features = 0;  // size of the last axis; required
  double epsilon = 1e-6;      // keeps the root away from 0
};

template <floating T = float> class rms_norm {
 public:
  // Throws value_error when the size is missing.
  explicit rms_norm(const rms_norm_config& config) : epsilon_(config.epsilon) {
    if (config.features < 1) throw value_error("rms_norm", {"expected .features of 1 or more, got ", config.features});
    weight = parameter<T>(shape{config.features}, distribution::constant(1));
  }

  // Throws shape_error when the last axis of x is not `features`.
  auto operator()(const auto& x) const {
    if (x.rank() < 1 || x.dim(-1) != weight.dim(0)) [[unlikely]]
      throw shape_error("rms_norm", {"expected input (…, ", weight.dim(0), "), got ", x.shape()});
    return inlay::rms_norm(x, weight, {.epsilon = epsilon_});
  }

  static void members(auto& self, auto&& visit) { visit("weight", self.weight); }

  parameter<T> weight;

 private:
  double epsilon_;
};

}  // namespace inlay::inline v0_1::nn
