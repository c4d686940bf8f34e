// Shows: GRU: layers, both directions, both forms of the reset, rows of different lengths, step by step
// Sizes of the weights; the option changes the numbers and not the sizes. What it shares with other recurrent nets is
// judged in recurrent.cpp.
#include <inlay/nn/gru.hpp>

#include <doctest/doctest.h>

#include "tensors.hpp"

using namespace inlay;

TEST_CASE("gru: sizes of the weights") {
  const nn::gru<float> net{{.in = 3, .hidden = 2, .layers = 2, .bidirectional = true}};
  CHECK(net.cells.size() == 4);
  CHECK(net.cells[1].weight_ih.shape() == shape{6, 3});
  CHECK(net.cells[2].weight_ih.shape() == shape{6, 4});
  CHECK(net.cells[3].bias_hh.shape() == shape{6});
  CHECK(net.cells[0].peepholes.value().size() == 0);
  CHECK(net.start(7).h.shape() == shape{4, 7, 2});
  CHECK(nn::gru<float>{{.in = 3, .hidden = 2, .bias = false}}.cells[0].bias_ih.value().size() == 0);
}

TEST_CASE("gru: an option of the same weights") {
  nn::gru<float> net{{.in = 3, .hidden = 4}}, other{{.in = 3, .hidden = 4, .reset_before = true}};
  other.cells[0] = net.cells[0];
  const auto x = support::made_up<float>({5, 2, 3}, 1, -3, 3);
  CHECK(!support::same_bits(net(x).y, other(x).y));
  CHECK(!net.config().reset_before);
  CHECK(other.config().reset_before);
}
