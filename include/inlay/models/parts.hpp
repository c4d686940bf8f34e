// What the models share: layers with torchvision's first weights, checks of configs, and what a part is called in
// PyTorch's files.
#pragma once

#include <string>

#include "../nn/batch_norm.hpp"
#include "../nn/conv.hpp"
#include "../nn/dense.hpp"

namespace inlay::inline v0_1::models {

// A part of a model (a module, parameter or buffer): {.torch = "features.0", .ours = "stem.conv"}. A model whose names
// are not PyTorch's lists them in `std::vector<torch_name> torch_names() const`.
struct torch_name {
  std::string torch, ours;
};

namespace detail {

INLAY_COLD inline void check_channels(const char* model, std::int64_t in, std::int64_t classes) {
  if (in < 1 || classes < 1)
    throw value_error(model, {"expected .in and .classes of 1 or more, got ", in, " and ", classes});
}

INLAY_COLD inline void check_dropout(const char* model, double p) {
  if (inlay::detail::is_nan(p) || !(p >= 0 && p <= 1))
    throw value_error(model, {"expected .dropout from 0 to 1, got ", p});
}

INLAY_COLD inline void check_width(const char* model, double width) {
  if (inlay::detail::is_nan(width) || !(width > 0 && width <= 64))
    throw value_error(model, {"expected a .width above 0 and up to 64, got ", width});
}

// A first value by another rule than the layer's.
template <floating T> void redraw(parameter<T>& weight, const distribution& rule) {
  if (weight) weight = parameter<T>(weight.shape(), rule);
}

// Weights by the rule of He et al., 2015, for what comes back from the outputs; biases of 0.
template <floating T> nn::conv2d<T> he_conv(const nn::conv_config<2>& config) {
  nn::conv2d<T> out(config);
  redraw(out.weight, init::he_normal(fan::out));
  redraw(out.bias, init::constant(0));
  return out;
}

// Weights of standard deviation 0.01; biases of 0.
template <floating T> nn::dense<T> normal_dense(const nn::dense_config& config) {
  nn::dense<T> out(config);
  redraw(out.weight, init::normal(0, 0.01));
  redraw(out.bias, init::constant(0));
  return out;
}

}  // namespace detail

}  // namespace inlay::inline v0_1::models
