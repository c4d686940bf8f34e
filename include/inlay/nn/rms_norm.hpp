// RMS normalisation: y = x / sqrt(mean(x^2) + epsilon) * weight.  x (…, features) -> y of the same shape.
// Zhang and Sennrich, Root Mean Square Layer Normalization, 2019.
#pragma once

#include "../autograd/members.hpp"
#include "../ops/functions.hpp"
#include "../ops/reduce.hpp"

namespace inlay::inline v0_1::nn {

struct rms_norm_config {
  std::int64_t features = 0;  // size of the last axis; required
  double epsilon = 1e-6;      // keeps the root away from 0
};

template <floating T = float> class rms_norm {
 public:
  // Throws value_error when the size is missing.
  explicit rms_norm(const rms_norm_config& config) : epsilon_(static_cast<T>(config.epsilon)) {
    if (config.features < 1) throw value_error("rms_norm", {"expected .features of 1 or more, got ", config.features});
    weight = parameter<T>(shape{config.features}, distribution::constant(1));
  }

  // Throws shape_error when the last axis of x is not `features`.
  auto operator()(const auto& x) const {
    if (x.rank() < 1 || x.dim(-1) != weight.dim(0)) [[unlikely]]
      throw shape_error("rms_norm", {"expected input (…, ", weight.dim(0), "), got ", x.shape()});
    return x / sqrt(mean(x * x, {.axes = {-1}, .keep_dims = true}) + epsilon_) * weight;
  }

  static void members(auto& self, auto&& visit) { visit("weight", self.weight); }

  parameter<T> weight;

 private:
  T epsilon_;
};

}  // namespace inlay::inline v0_1::nn
