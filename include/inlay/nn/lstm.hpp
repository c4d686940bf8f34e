// Long short-term memory over sequences, in one or both directions, in layers.
//   i, f, o = sigmoid(…), g = tanh(…) of x W_ih^T + b_ih + h W_hh^T + b_hh;  c' = f c + i g;  h' = o tanh(c')
// x (T, N, in) -> y (T, N, directions hidden) and a state of h and c (layers directions, N, hidden), as in PyTorch.
// Hochreiter and Schmidhuber, Long Short-Term Memory, 1997; peepholes: Gers and Schmidhuber, 2000.
#pragma once

#include <optional>

#include "../ops/concat.hpp"
#include "../ops/dropout.hpp"
#include "../ops/lstm.hpp"
#include "../ops/reshape.hpp"
#include "../ops/slice.hpp"
#include "../ops/transpose.hpp"
#include "lstm_cell.hpp"

namespace inlay::inline v0_1::nn {

struct lstm_config {
  std::int64_t in = 0;      // features of the input; required
  std::int64_t hidden = 0;  // features of the state; required
  std::int64_t layers = 1;
  bool bias = true;
  bool bidirectional = false;
  bool peepholes = false;    // i, f and o see the cell
  bool batch_first = false;  // x and y are (N, T, …)
  double dropout = 0;        // between layers, while training
  double forget_bias = 0;    // added to what the bias of f starts with; 1: nothing is forgotten at first
};

// One direction of one layer.
template <floating T> struct lstm_weights {
  lstm_weights(const lstm_config& config, std::int64_t in) {
    const distribution rule = init::fan_in_uniform(config.hidden);
    weight_ih = parameter<T>(shape{4 * config.hidden, in}, rule);
    weight_hh = parameter<T>(shape{4 * config.hidden, config.hidden}, rule);
    if (config.bias) {
      bias_ih = parameter<T>(shape{4 * config.hidden}, rule);
      bias_hh = parameter<T>(shape{4 * config.hidden}, rule);
      if (config.forget_bias != 0)
        bias_ih.write([&](std::span<T> b) {
          for (std::int64_t i = config.hidden; i < 2 * config.hidden; ++i)
            b[static_cast<std::size_t>(i)] += static_cast<T>(config.forget_bias);
        });
    }
    if (config.peepholes) peepholes = parameter<T>(shape{3, config.hidden}, rule);
  }
  static void members(auto& self, auto&& visit) {
    visit("weight_ih", self.weight_ih);
    visit("weight_hh", self.weight_hh);
    visit("bias_ih", self.bias_ih);
    visit("bias_hh", self.bias_hh);
    visit("peepholes", self.peepholes);
  }
  parameter<T> weight_ih, weight_hh, bias_ih, bias_hh, peepholes;
};

// What a call gives: the outputs of all steps, and the state to go on with.
template <class Value> struct lstm_result {
  Value y;
  lstm_state<Value> state;
};

template <floating T = float> class lstm {
 public:
  // Throws value_error when a size is missing, or when there is a forget_bias and no bias.
  explicit lstm(const lstm_config& config) : config_(config) {
    if (config.in < 1 || config.hidden < 1 || config.layers < 1)
      throw value_error("lstm", {"expected .in, .hidden and .layers of 1 or more, got ", config.in, ", ", config.hidden,
                                 " and ", config.layers});
    if (config.forget_bias != 0 && !config.bias)
      throw value_error("lstm", {"expected .bias for a .forget_bias of ", config.forget_bias});
    if (!(config.dropout >= 0 && config.dropout <= 1))
      throw value_error("lstm", {"expected .dropout from 0 to 1, got ", config.dropout});
    for (std::int64_t i = 0; i < config.layers * directions(); ++i)
      cells.emplace_back(config, i < directions() ? config.in : directions() * config.hidden);
  }

  // A state of zeros for a batch.
  lstm_state<tensor<T>> start(std::int64_t batch) const {
    const tensor<T> zero(shape{std::ssize(cells), batch, config_.hidden});
    return {zero, zero};
  }

  // From a state of zeros, or from one that an earlier call gave; .detach() its h and c where gradients are not to go
  // back beyond it. `lengths` (N,): steps of each row; outputs behind them are 0, and the state is that at their end.
  // Throws shape_error or value_error when sizes do not fit.
  template <class X> auto operator()(const X& x) const { return (*this)(x, start(x.dim(config_.batch_first ? 0 : 1))); }
  template <class X, class State>
  auto operator()(const X& x, const lstm_state<State>& state, const tensor<std::int64_t>& lengths = {}) const {
    check(x.shape(), state.h.shape(), state.c.shape(), config_.batch_first);
    if (!config_.batch_first) return run(x, state, lengths);
    auto result = run(transpose(x, 0, 1), state, lengths);
    result.y = transpose(result.y, 0, 1);
    return result;
  }

  // One step: x (N, in) -> y (N, hidden). The same numbers as in a sequence. Throws value_error with both directions.
  template <class X, class State> auto step(const X& x, const lstm_state<State>& state) const {
    check_single();
    if (x.rank() != 2) [[unlikely]]
      throw shape_error("lstm", {"expected input (N, ", config_.in, "), got ", x.shape()});
    check(shape{1, x.dim(0), x.dim(1)}, state.h.shape(), state.c.shape(), false);
    auto result = run(reshape(x, shape{1, x.dim(0), x.dim(1)}), state, {});
    result.y = reshape(result.y, shape{x.dim(0), config_.hidden});
    return result;
  }

  // The same on the host's arrays, x (N, in) and y (N, hidden), for threads that may not wait: once it is warm it takes
  // no memory. `state` is written in place.
  void step(std::span<const T> x, lstm_state<tensor<T>>& state, std::span<T> y) const {
    const std::int64_t batch = state.h.rank() == 3 ? state.h.dim(1) : 0;
    check_single();
    check(shape{1, batch, config_.in}, state.h.shape(), state.c.shape(), false);
    if (std::cmp_not_equal(x.size(), batch * config_.in) || std::cmp_not_equal(y.size(), batch * config_.hidden))
        [[unlikely]]
      throw value_error("lstm", {"expected ", batch * config_.in, " elements in and ", batch * config_.hidden,
                                 " out, got ", x.size(), " and ", y.size()});
    state.h.write([&](std::span<T> h) {
      state.c.write([&](std::span<T> c) {
        const T* from = x.data();
        std::size_t at = 0;
        for (const lstm_weights<T>& cell : cells) {
          lstm_op::advance<T>(batch, from, h.data() + at, c.data() + at, cell.weight_ih.value(), cell.weight_hh.value(),
                              cell.bias_ih.value(), cell.bias_hh.value(), cell.peepholes.value());
          from = h.data() + at;
          at += y.size();
        }
        std::copy_n(from, y.size(), y.data());
      });
    });
  }

  const lstm_config& config() const noexcept { return config_; }
  static void members(auto& self, auto&& visit) { visit("cells", self.cells); }

  std::vector<lstm_weights<T>> cells;  // layer after layer, both directions of a layer after each other

 private:
  std::int64_t directions() const { return config_.bidirectional ? 2 : 1; }

  template <class X, class State>
  auto run(X y, const lstm_state<State>& state, const tensor<std::int64_t>& lengths) const {
    const std::int64_t steps = y.dim(0), batch = y.dim(1);
    std::optional<X> outputs, h, c;  // of the layer; of all layers
    const auto join = [](std::optional<X>& all, std::int64_t axis, X part) {
      all = all ? concat(axis, *all, part) : std::move(part);
    };
    for (std::int64_t layer = 0; layer < config_.layers; ++layer) {
      if (layer > 0 && config_.dropout > 0) y = inlay::dropout(y, config_.dropout);
      outputs.reset();
      for (std::int64_t direction = 0; direction < directions(); ++direction) {
        const std::int64_t i = layer * directions() + direction;
        const lstm_weights<T>& cell = cells[static_cast<std::size_t>(i)];
        const auto before = [&](const State& of) {
          return reshape(slice(of, 0, i, i + 1), shape{batch, config_.hidden});
        };
        const X all = inlay::lstm(y, before(state.h), before(state.c), cell.weight_ih, cell.weight_hh, cell.bias_ih,
                                  cell.bias_hh, cell.peepholes, lengths, direction == 1);
        join(outputs, -1, slice(all, 0, 0, steps));
        join(h, 0, slice(all, 0, steps, steps + 1));
        join(c, 0, slice(all, 0, 2 * steps + 1, 2 * steps + 2));
      }
      y = *outputs;
    }
    return lstm_result<X>{std::move(y), {std::move(*h), std::move(*c)}};
  }

  void check_single() const {
    if (config_.bidirectional) [[unlikely]]
      throw value_error("lstm", {"expected one direction for single steps: the other one begins at the end"});
  }
  void check(const shape& x, const shape& h, const shape& c, bool batch_first) const {
    if (x.rank() != 3 || x[2] != config_.in) [[unlikely]]
      throw shape_error("lstm", {"expected input ", batch_first ? "(N, T, " : "(T, N, ", config_.in, "), got ", x});
    const shape expected{std::ssize(cells), x[batch_first ? 0 : 1], config_.hidden};
    if (!(h == expected && c == expected)) [[unlikely]]
      throw shape_error("lstm", {"expected a state of h and c ", expected, ", got ", h, " and ", c});
  }

  lstm_config config_;
};

}  // namespace inlay::inline v0_1::nn
