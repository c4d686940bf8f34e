// What nn::lstm, nn::gru and nn::rnn share: layers of a recurrent net in one or both directions, as in PyTorch.
// x (T, N, in) -> y (T, N, directions out) and a state of h (layers directions, N, out) and, of an LSTM, of c
// (layers directions, N, hidden); out is hidden, or what the outputs are projected to.
#pragma once

#include <optional>

#include "../ops/concat.hpp"
#include "../ops/dropout.hpp"
#include "../ops/recurrent.hpp"
#include "../ops/reshape.hpp"
#include "../ops/slice.hpp"
#include "../ops/transpose.hpp"
#include "init.hpp"

namespace inlay::inline v0_1::nn {

// What a call gives: the outputs of all steps, and the state to go on with.
template <class Value, class State> struct recurrent_result {
  Value y;
  State state;
};

// One direction of one layer. What a net does not have is empty.
template <floating T> struct recurrent_weights {
  parameter<T> weight_ih, weight_hh, bias_ih, bias_hh, peepholes, projection;

  static void members(auto& self, auto&& visit) {
    visit("weight_ih", self.weight_ih);
    visit("weight_hh", self.weight_hh);
    visit("bias_ih", self.bias_ih);
    visit("bias_hh", self.bias_hh);
    visit("peepholes", self.peepholes);
    visit("projection", self.projection);
  }
};

struct recurrent_config {
  std::int64_t in, hidden, layers;
  bool bias, bidirectional, batch_first;
  double dropout;
  std::int64_t out;  // of h: hidden, or what it is projected to
  shape peepholes;   // of one direction of one layer, or empty
};

// State<Value> is what the caller holds: an h, and of a rule with cells a c.
template <floating T, class Rule, template <class> class State> class recurrent {
 public:
  // A state of zeros for a batch.
  State<tensor<T>> start(std::int64_t batch) const {
    State<tensor<T>> out;
    out.h = tensor<T>(shape{std::ssize(cells), batch, config_.out});
    if constexpr (Rule::has_cell) out.c = tensor<T>(shape{std::ssize(cells), batch, config_.hidden});
    return out;
  }

  // From a state of zeros, or from one that an earlier call gave; .detach() what it holds where gradients are not to go
  // back beyond it. `lengths` (N,): steps of each row; outputs behind them are 0, and the state is that at their end.
  // Throws shape_error or value_error when sizes do not fit.
  template <class X> auto operator()(const X& x) const { return (*this)(x, start(x.dim(config_.batch_first ? 0 : 1))); }
  template <class X, class Value>
  auto operator()(const X& x, const State<Value>& state, const tensor<std::int64_t>& lengths = {}) const {
    check(x.shape(), state, config_.batch_first);
    if (!config_.batch_first) return run(x, state, lengths);
    auto result = run(transpose(x, 0, 1), state, lengths);
    result.y = transpose(result.y, 0, 1);
    return result;
  }

  // One step: x (N, in) -> y (N, out). The same numbers as in a sequence. Throws value_error with both directions.
  template <class X, class Value> auto step(const X& x, const State<Value>& state) const {
    check_single();
    if (x.rank() != 2) [[unlikely]]
      throw shape_error(Rule::name, {"expected input (N, ", config_.in, "), got ", x.shape()});
    check(shape{1, x.dim(0), x.dim(1)}, state, false);
    auto result = run(reshape(x, shape{1, x.dim(0), x.dim(1)}), state, {});
    result.y = reshape(result.y, shape{x.dim(0), config_.out});
    return result;
  }

  // The same on the host's arrays, x (N, in) and y (N, out), for threads that may not wait: once it is warm it takes no
  // memory. `state` is written in place.
  void step(std::span<const T> x, State<tensor<T>>& state, std::span<T> y) const {
    const std::int64_t batch = state.h.rank() == 3 ? state.h.dim(1) : 0;
    check_single();
    check(shape{1, batch, config_.in}, state, false);
    if (std::cmp_not_equal(x.size(), batch * config_.in) || std::cmp_not_equal(y.size(), batch * config_.out))
        [[unlikely]]
      throw value_error(Rule::name, {"expected ", batch * config_.in, " elements in and ", batch * config_.out,
                                     " out, got ", x.size(), " and ", y.size()});
    T *h = inlay::detail::writable(state.h), *c = nullptr;
    if constexpr (Rule::has_cell) c = inlay::detail::writable(state.c);
    const T* from = x.data();
    for (const recurrent_weights<T>& cell : cells) {
      op(false).advance(
          batch, from, h, c,
          inlay::detail::recurrent_weights<T>{cell.weight_ih.value(), cell.weight_hh.value(), cell.bias_ih.value(),
                                              cell.bias_hh.value(), cell.peepholes.value(), cell.projection.value()});
      from = std::exchange(h, h + y.size());
      if (Rule::has_cell) c += batch * config_.hidden;
    }
    std::copy_n(from, y.size(), y.data());
  }

  static void members(auto& self, auto&& visit) { visit("cells", self.cells); }

  std::vector<recurrent_weights<T>> cells;  // layer after layer, both directions of a layer after each other

 protected:
  // Throws value_error when a size is missing.
  recurrent(const recurrent_config& config, const Rule& rule) : config_(config), rule_(rule) {
    if (config.in < 1 || config.hidden < 1 || config.layers < 1)
      throw value_error(Rule::name, {"expected .in, .hidden and .layers of 1 or more, got ", config.in, ", ",
                                     config.hidden, " and ", config.layers});
    if (!(config.dropout >= 0 && config.dropout <= 1))
      throw value_error(Rule::name, {"expected .dropout from 0 to 1, got ", config.dropout});
    const distribution draw = init::fan_in_uniform(config.hidden);
    const std::int64_t row = rule.gates() * config.hidden;
    for (std::int64_t i = 0; i < config.layers * directions(); ++i) {
      recurrent_weights<T>& cell = cells.emplace_back();
      cell.weight_ih = parameter<T>(shape{row, i < directions() ? config.in : directions() * config.out}, draw);
      cell.weight_hh = parameter<T>(shape{row, config.out}, draw);
      if (config.bias) cell.bias_ih = parameter<T>(shape{row}, draw), cell.bias_hh = parameter<T>(shape{row}, draw);
      if (config.peepholes.size() > 0) cell.peepholes = parameter<T>(config.peepholes, draw);
      if (config.out != config.hidden) cell.projection = parameter<T>(shape{config.out, config.hidden}, draw);
    }
  }

 private:
  std::int64_t directions() const { return config_.bidirectional ? 2 : 1; }
  recurrent_op<Rule> op(bool reverse) const { return {rule_, reverse}; }

  template <class X, class Value> auto run(X y, const State<Value>& state, const tensor<std::int64_t>& lengths) const {
    const std::int64_t steps = y.dim(0), batch = y.dim(1), out = config_.out, hidden = config_.hidden;
    std::optional<X> outputs, h, c;  // of the layer; of all layers
    const auto join = [](std::optional<X>& all, std::int64_t axis, X part) {
      all = all ? concat(axis, *all, part) : std::move(part);
    };
    const auto before = [&](const auto& of, std::int64_t i, std::int64_t size) {
      return reshape(slice(of, 0, i, i + 1), shape{batch, size});
    };
    for (std::int64_t layer = 0; layer < config_.layers; ++layer) {
      if (layer > 0 && config_.dropout > 0) y = inlay::dropout(y, config_.dropout);
      outputs.reset();
      for (std::int64_t direction = 0; direction < directions(); ++direction) {
        const std::int64_t i = layer * directions() + direction;
        const recurrent_weights<T>& cell = cells[static_cast<std::size_t>(i)];
        const auto call = [&](const auto& c_before) -> X {
          return apply(op(direction == 1), y, before(state.h, i, out), c_before, cell.weight_ih, cell.weight_hh,
                       cell.bias_ih, cell.bias_hh, cell.peepholes, cell.projection, lengths);
        };
        std::optional<X> all;
        if constexpr (Rule::has_cell)
          all = call(before(state.c, i, hidden));
        else
          all = call(tensor<T>());
        const auto part = [&](std::int64_t& at, const shape& sizes) {
          const std::int64_t first = std::exchange(at, at + sizes.size());
          return reshape(slice(*all, 0, first, at), sizes);
        };
        std::int64_t at = 0;
        join(outputs, -1, part(at, shape{steps, batch, out}));
        join(h, 0, part(at, shape{1, batch, out}));
        at += steps * batch * hidden;  // the cells of all steps
        if constexpr (Rule::has_cell) join(c, 0, part(at, shape{1, batch, hidden}));
      }
      y = *outputs;
    }
    if constexpr (Rule::has_cell)
      return recurrent_result<X, State<X>>{std::move(y), {std::move(*h), std::move(*c)}};
    else
      return recurrent_result<X, State<X>>{std::move(y), {std::move(*h)}};
  }

  void check_single() const {
    if (config_.bidirectional) [[unlikely]]
      throw value_error(Rule::name, {"expected one direction for single steps: the other one begins at the end"});
  }
  template <class Value> void check(const shape& x, const State<Value>& state, bool batch_first) const {
    if (x.rank() != 3 || x[2] != config_.in) [[unlikely]]
      throw shape_error(Rule::name, {"expected input ", batch_first ? "(N, T, " : "(T, N, ", config_.in, "), got ", x});
    const std::int64_t batch = x[batch_first ? 0 : 1];
    check("h", state.h.shape(), shape{std::ssize(cells), batch, config_.out});
    if constexpr (Rule::has_cell) check("c", state.c.shape(), shape{std::ssize(cells), batch, config_.hidden});
  }
  static void check(const char* what, const shape& got, const shape& expected) {
    if (!(got == expected)) [[unlikely]]
      throw shape_error(Rule::name, {"expected a state ", what, " ", expected, ", got ", got});
  }

  recurrent_config config_;
  Rule rule_;
};

}  // namespace inlay::inline v0_1::nn
