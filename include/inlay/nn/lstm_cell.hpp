// One step of an LSTM; the caller holds the state.
//   i, f, o = sigmoid(…), g = tanh(…) of x W_ih^T + b_ih + h W_hh^T + b_hh;  c' = f c + i g;  h' = o tanh(c')
// x (N, in), h and c (N, hidden); weights (4 hidden, …) in the order i, f, g, o, as in PyTorch.
// Hochreiter and Schmidhuber, Long Short-Term Memory, 1997.
#pragma once

#include "../autograd/members.hpp"
#include "../ops/arithmetic.hpp"
#include "../ops/functions.hpp"
#include "../ops/linear.hpp"
#include "../ops/slice.hpp"
#include "init.hpp"

namespace inlay::inline v0_1::nn {

struct lstm_cell_config {
  std::int64_t in = 0;      // features of the input; required
  std::int64_t hidden = 0;  // features of the state; required
  bool bias = true;
};

// What is carried from step to step: tensors, or variables while gradients are recorded.
template <class Value> struct lstm_state {
  Value h, c;
  static void members(auto& self, auto&& visit) {
    visit("h", self.h);
    visit("c", self.c);
  }
};

template <floating T = float> class lstm_cell {
 public:
  // Throws value_error when a size is missing.
  explicit lstm_cell(const lstm_cell_config& config) {
    if (config.in < 1 || config.hidden < 1)
      throw value_error("lstm_cell",
                        {"expected .in and .hidden of 1 or more, got ", config.in, " and ", config.hidden});
    const distribution rule = init::fan_in_uniform(config.hidden);
    weight_ih = parameter<T>(shape{4 * config.hidden, config.in}, rule);
    weight_hh = parameter<T>(shape{4 * config.hidden, config.hidden}, rule);
    if (!config.bias) return;
    bias_ih = parameter<T>(shape{4 * config.hidden}, rule);
    bias_hh = parameter<T>(shape{4 * config.hidden}, rule);
  }

  // A state of zeros for a batch.
  lstm_state<tensor<T>> start(std::int64_t batch) const {
    const tensor<T> zero(shape{batch, weight_hh.dim(1)});
    return {zero, zero};
  }

  // The next state; its h is the output. The state may be of tensors where x is a variable (the first step).
  // Throws shape_error when sizes do not fit.
  template <class X, class State> auto operator()(const X& x, const lstm_state<State>& state) const {
    const std::int64_t hidden = weight_hh.dim(1);
    if (!(state.c.shape() == state.h.shape())) [[unlikely]]
      throw shape_error("lstm_cell",
                        {"expected h and c of one shape, got ", state.h.shape(), " and ", state.c.shape()});
    const auto gates = linear(x, weight_ih, bias_ih) + linear(state.h, weight_hh.in(x), bias_hh.in(x));
    const auto part = [&](std::int64_t i) { return slice(gates, -1, i * hidden, (i + 1) * hidden); };
    auto c = inlay::sigmoid(part(1)) * state.c + inlay::sigmoid(part(0)) * inlay::tanh(part(2));
    auto h = inlay::sigmoid(part(3)) * inlay::tanh(c);
    return lstm_state<decltype(c)>{std::move(h), std::move(c)};
  }

  static void members(auto& self, auto&& visit) {
    visit("weight_ih", self.weight_ih);
    visit("weight_hh", self.weight_hh);
    visit("bias_ih", self.bias_ih);
    visit("bias_hh", self.bias_hh);
  }

  parameter<T> weight_ih, weight_hh, bias_ih, bias_hh;
};

}  // namespace inlay::inline v0_1::nn
