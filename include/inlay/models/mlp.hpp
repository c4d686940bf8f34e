// Multilayer perceptron: dense layers, and behind each but the last batch normalisation (where asked for), an
// activation and dropout.  x (…, in) -> y (…, out); with batch normalisation x (N, in).
#pragma once

#include <optional>
#include <vector>

#include "../nn/dropout.hpp"
#include "../ops/functions.hpp"
#include "parts.hpp"

namespace inlay::inline v0_1::models {

struct mlp_config {
  std::int64_t in = 0;                    // features of the input; required
  std::vector<std::int64_t> hidden = {};  // widths of the hidden layers; of none: one dense layer
  std::int64_t out = 0;                   // features of the output; required
  inlay::activation activation = inlay::activation::relu;
  double dropout = 0;  // share of a hidden layer that is dropped in training
  bool batch_norm = false;
};

namespace detail {

// f(x), where no product has applied it.
template <class X> X activated(X x, const activation& f) {
  if (f == activation::relu) return relu(std::move(x));
  if (f == activation::tanh) return tanh(std::move(x));
  if (f == activation::sigmoid) return sigmoid(std::move(x));
  return x;
}

}  // namespace detail

// Dense, batch normalisation, activation.
template <floating T = float> struct mlp_layer {
  mlp_layer(std::int64_t in, std::int64_t out, const mlp_config& config)
      : dense({.in = in, .out = out, .activation = config.batch_norm ? activation::none : config.activation}),
        after_norm(config.activation) {
    if (config.batch_norm) bn.emplace(nn::batch_norm_config{.features = out});
  }

  auto operator()(const auto& x) const {
    auto y = dense(x);
    return bn ? detail::activated((*bn)(y), after_norm) : y;
  }
  static void members(auto& self, auto&& visit) {
    visit("dense", self.dense);
    visit("bn", self.bn);
  }

  nn::dense<T> dense;
  std::optional<nn::batch_norm<T>> bn;
  activation after_norm;
};

// First weights are the layers' own: uniform in ±1 / sqrt(in), as PyTorch has it.
template <floating T = float> struct mlp {
  // Throws value_error when a size is missing or the share is none.
  explicit mlp(const mlp_config& config) : mlp(checked(config), config.in) {}

  // Throws shape_error when the last axis of x is not `in`.
  auto operator()(const auto& x) const {
    auto y = x;
    for (const mlp_layer<T>& layer : hidden) y = drops ? drop(layer(y)) : layer(y);
    return out(y);
  }

  static void members(auto& self, auto&& visit) {
    visit("hidden", self.hidden);
    visit("out", self.out);
  }

  // Those of a nn.Sequential of Linear, BatchNorm1d, an activation and Dropout, as far as they are there.
  std::vector<torch_name> torch_names() const {
    std::vector<torch_name> names;
    int at = 0;
    for (std::size_t i = 0; i < hidden.size(); ++i) {
      const std::string path = "hidden." + std::to_string(i);
      names.push_back({std::to_string(at++), path + ".dense"});
      if (hidden[i].bn) names.push_back({std::to_string(at++), path + ".bn"});
      at += (hidden[i].after_norm == activation::none ? 0 : 1) + (drops ? 1 : 0);
    }
    names.push_back({std::to_string(at), "out"});
    return names;
  }

  std::vector<mlp_layer<T>> hidden;
  nn::dense<T> out;
  nn::dropout drop;
  bool drops;

 private:
  static const mlp_config& checked(const mlp_config& config) {
    if (config.in < 1 || config.out < 1)
      throw value_error("mlp", {"expected .in and .out of 1 or more, got ", config.in, " and ", config.out});
    for (const std::int64_t width : config.hidden)
      if (width < 1) throw value_error("mlp", {"expected .hidden of widths of 1 or more, got ", width});
    detail::check_dropout("mlp", config.dropout);
    return config;
  }

  mlp(const mlp_config& config, std::int64_t in)
      : out({.in = config.hidden.empty() ? in : config.hidden.back(), .out = config.out}),
        drop({.p = config.dropout}),
        drops(config.dropout > 0) {
    hidden.reserve(config.hidden.size());
    for (const std::int64_t width : config.hidden) {
      hidden.emplace_back(in, width, config);
      in = width;
    }
  }
};

}  // namespace inlay::inline v0_1::models
