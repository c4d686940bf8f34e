// What cells of recurrent nets are judged by: PyTorch's cell with the same weights, every judge on steps in a row, and
// the bits of the layer's steps.
#pragma once

#include <inlay/ops/concat.hpp>
#include <inlay/testing/check_layer.hpp>

#include "naive/waves.hpp"

namespace support {

template <class State> constexpr bool has_cells = requires(State s) { s.c; };

template <class State> auto parts_of(const State& s) {
  std::vector<std::remove_cvref_t<decltype(s.h)>> out{s.h};
  if constexpr (has_cells<State>) out.push_back(s.c);
  return out;
}

// Weights are waves from 0.1, 0.2, … on.
template <class Cell> Cell waving(Cell cell) {
  double angle = 0;
  for (auto* p : {&cell.weight_ih, &cell.weight_hh, &cell.bias_ih, &cell.bias_hh})
    if (p->value().size() > 0) p->assign(naive::wave(p->shape(), angle += 0.1));
  return cell;
}

// The state after a step, then the gradients of x, the state and all weights (see cell in golden/make.py).
template <template <class> class State, class Cell>
void check_torch_cell(const Cell& cell, const std::vector<numbers>& expected) {
  const inlay::autograd::tape tape;
  const auto x = tape.leaf(naive::wave({2, 2}, 0.5));
  const auto begin = [&] {
    const auto h = tape.leaf(naive::wave({2, 2}, 0.6)), c = tape.leaf(naive::wave({2, 2}, 0.7));
    if constexpr (has_cells<State<inlay::variable<double>>>)
      return State<inlay::variable<double>>{h, c};
    else
      return State<inlay::variable<double>>{h};
  }();
  const auto next = parts_of(cell(x, begin));
  std::vector<inlay::tensor<double>> got;
  for (const auto& part : next) got.push_back(part.value());
  auto loss = sum(next[0] * naive::wave({2, 2}, 0.8));
  if (next.size() > 1) loss = loss + sum(next[1] * naive::wave({2, 2}, 0.9));
  loss.backward();
  got.push_back(x.grad());
  for (const auto& part : parts_of(begin)) got.push_back(part.grad());
  for (const auto* p : {&cell.weight_ih, &cell.weight_hh, &cell.bias_ih, &cell.bias_hh})
    if (p->value().size() > 0) got.push_back(p->grad());
  REQUIRE(got.size() == expected.size());
  for (std::size_t i = 0; i < got.size(); ++i) {
    INFO("part ", i);
    check_close(got[i], expected[i]);
  }
}

// x (N, 3 steps · 2 features) -> the last state, side by side.
template <class Cell> struct unrolled {
  Cell cell;
  auto operator()(const auto& x) const {
    auto state = cell(slice(x, 1, 0, 2));
    for (std::int64_t t = 1; t < 3; ++t) state = cell(slice(x, 1, 2 * t, 2 * t + 2), state);
    if constexpr (has_cells<decltype(state)>)
      return concat(1, state.h, state.c);
    else
      return state.h;
  }
  static void members(auto& self, auto&& visit) { visit("cell", self.cell); }
};

template <class Cell> void check_cell(const Cell& cell, const numbers& golden = {}) {
  inlay::testing::layer_options<double> options;
  const auto x = naive::wave({2, 6}, 0.5);
  if (!golden.empty())
    options.golden = inlay::from<double>({2, std::ssize(golden) / 2}, std::span<const double>(golden));
  const auto r = inlay::testing::check_layer(unrolled<Cell>{waving(cell)}, x, options);
  CHECK_MESSAGE(r.ok(), r.text());
}

// A cell with the layer's weights gives the bits of its steps, at every level and for batches of one and more.
template <class Layer, class Cell> void check_steps(const Layer& layer, Cell cell) {
  static_cast<std::remove_cvref_t<decltype(layer.cells[0])>&>(cell) = layer.cells[0];
  for_each_isa([&](inlay::isa) {
    for (const std::int64_t batch : {1, 5}) {
      const auto x = made_up<float>({4, batch, cell.weight_ih.dim(1)}, 7, -2, 2);
      const auto at_once = layer(x);
      auto state = cell.start(batch);
      for (std::int64_t t = 0; t < 4; ++t) {
        const auto now = x.slice(t, t + 1).reshape({batch, x.dim(2)});
        state = cell(now, state);
        CHECK(same_bits(state.h, at_once.y.slice(t, t + 1).reshape(state.h.shape())));
      }
      const auto last = parts_of(at_once.state), own = parts_of(state);
      for (std::size_t i = 0; i < own.size(); ++i) CHECK(same_bits(own[i], last[i].reshape(own[i].shape())));
    }
  });
}

}  // namespace support
