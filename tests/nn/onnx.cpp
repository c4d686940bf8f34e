// Shows: (recurrent nets on the node tests of the ONNX standard)
// LSTM, GRU and RNN on the standard's own cases: its order of gates and peepholes is brought to ours.
#include <doctest/doctest.h>

#include <inlay/nn/gru.hpp>
#include <inlay/nn/lstm.hpp>
#include <inlay/nn/rnn.hpp>

#include "tensors.hpp"

namespace {

#include "golden/onnx_recurrent.inc"

using namespace inlay;

tensor<float> as_tensor(const onnx_array& a) { return from<float>(shape(std::span(a.sizes)), a.values); }

// The blocks of `hidden` rows, in another order.
tensor<float> reordered(const tensor<float>& all, std::int64_t hidden, const std::vector<std::int64_t>& order) {
  tensor<float> out = all.slice(order[0] * hidden, (order[0] + 1) * hidden);
  for (std::size_t i = 1; i < order.size(); ++i)
    out = concat(0, out, all.slice(order[i] * hidden, (order[i] + 1) * hidden));
  return out;
}

template <class Net> void check_case(const onnx_recurrent_case& c, Net net, const std::vector<std::int64_t>& order) {
  const std::int64_t gates = std::ssize(order), rows = gates * c.hidden_size;
  auto& cell = net.cells.front();
  const auto direction = [](const onnx_array& a) {
    return as_tensor(a).slice(0, 1).reshape(as_tensor(a).shape().without(0));
  };
  cell.weight_ih.assign(reordered(direction(c.w), c.hidden_size, order));
  cell.weight_hh.assign(reordered(direction(c.r), c.hidden_size, order));
  const tensor<float> both = c.b.values.empty() ? tensor<float>({2 * rows}) : direction(c.b);
  cell.bias_ih.assign(reordered(both.slice(0, rows), c.hidden_size, order));
  cell.bias_hh.assign(reordered(both.slice(rows, 2 * rows), c.hidden_size, order));
  if (!c.p.values.empty())
    cell.peepholes.assign(reordered(direction(c.p), c.hidden_size, {0, 2, 1}).reshape({3, c.hidden_size}));
  // Y is (T, 1, N, hidden), and Y_h (1, N, hidden); batch first (N, T, 1, hidden) and (N, 1, hidden).
  const tensor<float> x = as_tensor(c.x);
  auto state = net.start(x.dim(c.layout == 1 ? 0 : 1));
  if (!c.initial_h.values.empty()) state.h = as_tensor(c.initial_h);
  if constexpr (requires { state.c; })
    if (!c.initial_c.values.empty()) state.c = as_tensor(c.initial_c);
  const tensor<std::int64_t> lengths = c.sequence_lens.empty()
                                           ? tensor<std::int64_t>()
                                           : from<std::int64_t>({std::ssize(c.sequence_lens)}, c.sequence_lens);
  const auto out = net(x, state, lengths);
  const auto is = [](const onnx_array& expected, const tensor<float>& got) {
    if (expected.values.empty()) return 0;
    CHECK(got.size() == std::ssize(expected.values));
    support::check_close(got, support::numbers(expected.values.begin(), expected.values.end()), 1e-6);
    return 1;
  };
  CHECK(is(c.y, out.y) + is(c.y_h, out.state.h) > 0);
}

}  // namespace

TEST_CASE("recurrent nets: the cases of the ONNX standard") {
  CHECK(onnx_recurrent_cases.size() == 12);
  for (const onnx_recurrent_case& c : onnx_recurrent_cases) {
    INFO(std::string(c.name));
    const std::int64_t in = c.x.sizes[2];
    const bool batch_first = c.layout == 1;
    if (c.op == std::string("LSTM"))  // i, o, f, g
      check_case(c,
                 nn::lstm<float>{{.in = in,
                                  .hidden = c.hidden_size,
                                  .peepholes = c.p.values.empty() ? nn::peepholes::none : nn::peepholes::diagonal,
                                  .batch_first = batch_first}},
                 {0, 2, 3, 1});
    else if (c.op == std::string("GRU"))  // z, r, n
      check_case(c,
                 nn::gru<float>{{.in = in,
                                 .hidden = c.hidden_size,
                                 .reset_before = c.linear_before_reset == 0,
                                 .batch_first = batch_first}},
                 {1, 0, 2});
    else
      check_case(c, nn::rnn<float>{{.in = in, .hidden = c.hidden_size, .batch_first = batch_first}}, {0});
  }
}
