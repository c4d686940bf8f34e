// Dense layer: y = f(x W^T + b).  x (…, in) -> y (…, out); W (out, in), b (out,).
#pragma once

#include "../ops/linear.hpp"
#include "init.hpp"

namespace inlay::inline v0_1::nn {

struct dense_config {
  std::int64_t in = 0;   // features of the input; required
  std::int64_t out = 0;  // features of the output; required
  bool bias = true;
  inlay::activation activation = inlay::activation::none;  // applied in the same pass
};

template <floating T = float> class dense {
 public:
  // Throws value_error when a size is missing.
  INLAY_COLD explicit dense(const dense_config& config) : activation_(config.activation) {
    if (config.in < 1 || config.out < 1)
      throw value_error("dense", {"expected .in and .out of 1 or more, got ", config.in, " and ", config.out});
    const distribution rule = init::fan_in_uniform(config.in);
    weight = parameter<T>(shape{config.out, config.in}, rule);
    if (config.bias) bias = parameter<T>(shape{config.out}, rule);
  }

  // Throws shape_error when the last axis of x is not `in`.
  auto operator()(const auto& x) const { return linear(x, weight, bias, activation_); }

  // On the host's arrays, x (N, in) and y (N, out), for threads that may not wait: once it is warm it takes no memory.
  // Throws value_error when they have other sizes.
  void run(std::span<const T> x, std::span<T> y) const {
    linear_op{activation_}.run(x, weight.value(), bias.value(), y);
  }

  static void members(auto& self, auto&& visit) {
    visit("weight", self.weight);
    visit("bias", self.bias);
  }

  parameter<T> weight, bias;

 private:
  inlay::activation activation_;
};

}  // namespace inlay::inline v0_1::nn
