// Activations as layers, for chains: nn::sequential{dense, nn::relu{}, dense}. They have no weights.
#pragma once

#include "../autograd/members.hpp"
#include "../ops/functions.hpp"
#include "../ops/softmax.hpp"

namespace inlay::inline v0_1::nn {

struct relu {
  auto operator()(const auto& x) const { return inlay::relu(x); }
  static void members(auto&, auto&&) {}
};

struct tanh {
  auto operator()(const auto& x) const { return inlay::tanh(x); }
  static void members(auto&, auto&&) {}
};

struct sigmoid {
  auto operator()(const auto& x) const { return inlay::sigmoid(x); }
  static void members(auto&, auto&&) {}
};

struct silu {
  auto operator()(const auto& x) const { return inlay::silu(x); }
  static void members(auto&, auto&&) {}
};

struct gelu {
  auto operator()(const auto& x) const { return inlay::gelu(x); }
  static void members(auto&, auto&&) {}
};

struct gelu_tanh {
  auto operator()(const auto& x) const { return inlay::gelu_tanh(x); }
  static void members(auto&, auto&&) {}
};

struct hardswish {
  auto operator()(const auto& x) const { return inlay::hardswish(x); }
  static void members(auto&, auto&&) {}
};

struct leaky_relu {
  double negative_slope = 0.01;
  auto operator()(const auto& x) const { return inlay::leaky_relu(x, negative_slope); }
  static void members(auto&, auto&&) {}
};

struct elu {
  double alpha = 1;
  auto operator()(const auto& x) const { return inlay::elu(x, alpha); }
  static void members(auto&, auto&&) {}
};

struct softplus {
  softplus_options options = {};
  auto operator()(const auto& x) const { return inlay::softplus(x, options); }
  static void members(auto&, auto&&) {}
};

struct softmax {
  std::int64_t axis = -1;
  auto operator()(const auto& x) const { return inlay::softmax(x, axis); }
  static void members(auto&, auto&&) {}
};

struct log_softmax {
  std::int64_t axis = -1;
  auto operator()(const auto& x) const { return inlay::log_softmax(x, axis); }
  static void members(auto&, auto&&) {}
};

}  // namespace inlay::inline v0_1::nn
