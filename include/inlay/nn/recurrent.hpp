// What nn::lstm, nn::gru and nn::rnn share: layers of a recurrent net in one or both directions, as in PyTorch.
// x (T, N, in) -> y (T, N, directions out) and a state of h (layers directions, N, out) and, of an LSTM, of c
// (layers directions, N, hidden); out is hidden, or what the outputs are projected to.
// And what their cells share, which are one such layer for one step: x (N, in), h (N, hidden), c (N, hidden).
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

// What is carried from step to step: tensors, or variables while gradients are recorded.
template <class Value> struct recurrent_state {
  Value h;
  static void members(auto& self, auto&& visit) { visit("h", self.h); }
};
template <class Value> struct lstm_state {
  Value h, c;
  static void members(auto& self, auto&& visit) {
    visit("h", self.h);
    visit("c", self.c);
  }
};

// What a call gives: the outputs of all steps, and the state to go on with.
template <class Value, class State> struct recurrent_result {
  Value y;
  State state;
};

// One direction of one layer. What a net does not have is empty.
template <floating T> struct recurrent_weights {
  parameter<T> weight_ih, weight_hh, bias_ih, bias_hh, peepholes, projection;

  // `row`: features of all gates.
  recurrent_weights(std::int64_t row, std::int64_t in, std::int64_t hidden, std::int64_t out, bool bias,
                    const shape& of_peepholes) {
    const distribution draw = init::fan_in_uniform(hidden);
    weight_ih = parameter<T>(shape{row, in}, draw);
    weight_hh = parameter<T>(shape{row, out}, draw);
    if (bias) bias_ih = parameter<T>(shape{row}, draw), bias_hh = parameter<T>(shape{row}, draw);
    if (of_peepholes.size() > 0) peepholes = parameter<T>(of_peepholes, draw);
    if (out != hidden) projection = parameter<T>(shape{out, hidden}, draw);
  }

  static void members(auto& self, auto&& visit) {
    visit("weight_ih", self.weight_ih);
    visit("weight_hh", self.weight_hh);
    visit("bias_ih", self.bias_ih);
    visit("bias_hh", self.bias_hh);
    visit("peepholes", self.peepholes);
    visit("projection", self.projection);
  }
};

// What a layer's steps leave in one direction.
template <class Value> struct recurrent_parts {
  Value all;
  inlay::detail::recurrent_sizes sizes;

  Value y() const { return part(0, shape{sizes.steps, sizes.batch, sizes.out}); }
  Value h(const shape& as) const { return part(sizes.h_of(sizes.steps), as); }
  Value c(const shape& as) const { return part(sizes.c_of(sizes.steps), as); }

 private:
  Value part(std::int64_t first, const shape& as) const { return reshape(slice(all, 0, first, first + as.size()), as); }
};

// x (T, N, in), h (N, out), c (N, hidden) or, without cells, an empty tensor.
template <class Rule, class X, class H, class C, class T>
auto run_recurrent(const recurrent_op<Rule>& op, const X& x, const H& h, const C& c, const recurrent_weights<T>& w,
                   const tensor<std::int64_t>& lengths = {}) {
  auto all = apply(op, x, h, c, w.weight_ih, w.weight_hh, w.bias_ih, w.bias_hh, w.peepholes, w.projection, lengths);
  const std::int64_t out = w.weight_hh.dim(1), hidden = w.weight_hh.dim(0) / op.rule.gates();
  return recurrent_parts<decltype(all)>{std::move(all), {x.shape(), hidden, out, Rule::has_cell}};
}

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
    check(state, batch);
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
    for (std::int64_t i = 0; i < config.layers * directions(); ++i)
      cells.emplace_back(rule.gates() * config.hidden, i < directions() ? config.in : directions() * config.out,
                         config.hidden, config.out, config.bias, config.peepholes);
  }

 private:
  std::int64_t directions() const { return config_.bidirectional ? 2 : 1; }
  recurrent_op<Rule> op(bool reverse) const { return {rule_, reverse}; }

  template <class X, class Value> auto run(X y, const State<Value>& state, const tensor<std::int64_t>& lengths) const {
    const std::int64_t batch = y.dim(1), out = config_.out, hidden = config_.hidden;
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
        const auto take = [&](const auto& c_before) {
          const auto parts = run_recurrent(op(direction == 1), y, before(state.h, i, out), c_before, cell, lengths);
          join(outputs, -1, parts.y());
          join(h, 0, parts.h(shape{1, batch, out}));
          if constexpr (Rule::has_cell) join(c, 0, parts.c(shape{1, batch, hidden}));
        };
        if constexpr (Rule::has_cell)
          take(before(state.c, i, hidden));
        else
          take(tensor<T>());
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
    check(state, x[batch_first ? 0 : 1]);
  }
  template <class Value> void check(const State<Value>& state, std::int64_t batch) const {
    check("h", state.h.shape(), batch, config_.out);
    if constexpr (Rule::has_cell) check("c", state.c.shape(), batch, config_.hidden);
  }
  void check(const char* what, const shape& got, std::int64_t batch, std::int64_t features) const {
    const std::int64_t* const sizes = got.begin();
    if (got.rank() != 3 || sizes[0] != std::ssize(cells) || sizes[1] != batch || sizes[2] != features) [[unlikely]]
      throw shape_error(Rule::name,
                        {"expected a state ", what, " ", shape{std::ssize(cells), batch, features}, ", got ", got});
  }

  recurrent_config config_;
  Rule rule_;
};

// One step of such a layer; the caller holds the state.
template <floating T, class Rule, template <class> class State> class recurrent_cell : public recurrent_weights<T> {
 public:
  // A state of zeros for a batch.
  State<tensor<T>> start(std::int64_t batch) const {
    State<tensor<T>> out;
    out.h = tensor<T>(shape{batch, hidden()});
    if constexpr (Rule::has_cell) out.c = out.h;
    return out;
  }

  // The next state, from one of zeros or one that a call gave; its h is the output. The state may be of tensors where x
  // is a variable (the first step). The same bits as a step of the layer. Throws shape_error when sizes do not fit.
  template <class X> auto operator()(const X& x) const { return (*this)(x, start(x.dim(0))); }
  template <class X, class Value> auto operator()(const X& x, const State<Value>& state) const {
    if (x.rank() != 2 || x.dim(1) != this->weight_ih.dim(1)) [[unlikely]]
      throw shape_error(name_, {"expected input (N, ", this->weight_ih.dim(1), "), got ", x.shape()});
    const shape sizes{x.dim(0), hidden()};
    check("h", state.h.shape(), sizes);
    if constexpr (Rule::has_cell) check("c", state.c.shape(), sizes);
    const recurrent_op<Rule> op{rule_};
    const auto step = reshape(x, shape{1, x.dim(0), x.dim(1)});
    if constexpr (Rule::has_cell) {
      const auto parts = run_recurrent(op, step, state.h, state.c, *this);
      return State<decltype(parts.all)>{parts.h(sizes), parts.c(sizes)};
    } else {
      const auto parts = run_recurrent(op, step, state.h, tensor<T>(), *this);
      return State<decltype(parts.all)>{parts.h(sizes)};
    }
  }

 protected:
  // Throws value_error when a size is missing.
  recurrent_cell(const char* name, std::int64_t in, std::int64_t hidden, bool bias, const Rule& rule)
      : recurrent_weights<T>(rule.gates() * hidden, checked(name, in, hidden), hidden, hidden, bias, shape{0}),
        name_(name),
        rule_(rule) {}

 private:
  std::int64_t hidden() const { return this->weight_hh.dim(1); }
  static std::int64_t checked(const char* name, std::int64_t in, std::int64_t hidden) {
    if (in < 1 || hidden < 1)
      throw value_error(name, {"expected .in and .hidden of 1 or more, got ", in, " and ", hidden});
    return in;
  }
  void check(const char* what, const shape& got, const shape& expected) const {
    if (!(got == expected)) [[unlikely]]
      throw shape_error(name_, {"expected a state ", what, " ", expected, ", got ", got});
  }

  const char* name_;
  Rule rule_;
};

}  // namespace inlay::inline v0_1::nn
