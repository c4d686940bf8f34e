// Activations as layers, for chains: nn::sequential{dense, nn::relu{}, dense}. They have no weights.
#pragma once

#include "../autograd/members.hpp"
#include "../ops/activation.hpp"
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
