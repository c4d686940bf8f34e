// What the models share: layers with torchvision's first weights, checks of configs, and what a part is called in
// PyTorch's files.
#pragma once

#include <string>
#include <vector>

#include "../nn/batch_norm.hpp"
#include "../nn/conv.hpp"
#include "../nn/dense.hpp"

namespace inlay::inline v0_1::models {

// How a file has a part.
enum class torch_form {
  same,
  transposed,  // its matrices are (in, out)
  also,        // under another name, too, or instead: files that have it are read, none is written
  unused       // a pattern of names (`*` any characters, `?` one) that the model needs nothing of
};

// A part of a model (a module, parameter or buffer): {.torch = "features.0", .ours = "stem.conv"}. Parts of the same
// name lie behind each other in one tensor, along the first axis of the model's. A model whose names are not PyTorch's
// lists them in `std::vector<torch_name> torch_names() const`.
struct torch_name {
  std::string torch, ours = {};
  torch_form form = torch_form::same;
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

// Weights of a standard deviation; biases of 0.
template <floating T> void redraw(nn::dense<T>& layer, double stddev) {
  redraw(layer.weight, init::normal(0, stddev));
  redraw(layer.bias, init::constant(0));
}
template <floating T> nn::dense<T> normal_dense(const nn::dense_config& config) {
  nn::dense<T> out(config);
  redraw(out, 0.01);
  return out;
}

// As PyTorch's MultiheadAttention and what it is in draw them: queries', keys' and values' weights as one matrix, by
// the rule of Glorot and Bengio, 2010; biases of 0.
void redraw_joined(auto& attention) {
  for (auto* layer : {&attention.query, &attention.key, &attention.value})
    redraw(layer->weight, init::xavier_uniform(__builtin_sqrt(0.5)));
  for (auto* layer : {&attention.query, &attention.key, &attention.value, &attention.out})
    redraw(layer->bias, init::constant(0));
}

// Of an attention with PyTorch's MultiheadAttention's names: queries', keys' and values' weights are one tensor.
INLAY_COLD inline void add_attention_names(std::vector<torch_name>& names, const std::string& torch,
                                           const std::string& ours) {
  for (const char* part : {".query", ".key", ".value"}) {
    names.push_back({torch + ".in_proj_weight", ours + part + ".weight"});
    names.push_back({torch + ".in_proj_bias", ours + part + ".bias"});
  }
  names.push_back({torch + ".out_proj", ours + ".out"});
}

// Of layers of a recurrent net, with those of PyTorch's LSTM, GRU and RNN.
INLAY_COLD inline void add_recurrent_names(std::vector<torch_name>& names, const std::string& torch,
                                           const std::string& ours, std::int64_t layers, bool bidirectional = false) {
  const std::int64_t directions = bidirectional ? 2 : 1;
  for (std::int64_t i = 0; i < layers * directions; ++i)
    for (const char* part : {"weight_ih", "weight_hh", "bias_ih", "bias_hh"})
      names.push_back(
          {torch + "." + part + "_l" + std::to_string(i / directions) + (i % directions == 1 ? "_reverse" : ""),
           ours + ".cells." + std::to_string(i) + "." + part});
}

}  // namespace detail

}  // namespace inlay::inline v0_1::models
