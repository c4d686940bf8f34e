// Shows: LSTM: layers, both directions, peepholes, projections, rows of different lengths, step by step
// Sizes of the weights for every option; the bias of the forget gate; coupled gates; the state as a module; what is
// refused. What an LSTM shares with other recurrent nets is judged in recurrent.cpp.
#include <inlay/nn/lstm.hpp>

#include <doctest/doctest.h>

#include "tensors.hpp"

using namespace inlay;
using nn::peepholes;

TEST_CASE("lstm: sizes of the weights") {
  const nn::lstm<float> plain{{.in = 3, .hidden = 2, .layers = 2, .bidirectional = true}};
  CHECK(plain.cells.size() == 4);
  CHECK(plain.cells[1].weight_ih.shape() == shape{8, 3});
  CHECK(plain.cells[2].weight_ih.shape() == shape{8, 4});
  CHECK(plain.cells[3].bias_hh.shape() == shape{8});
  CHECK(plain.cells[0].peepholes.value().size() == 0);
  const nn::lstm<float> all{
      {.in = 3, .hidden = 5, .layers = 2, .peepholes = peepholes::matrix, .coupled = true, .projection = 2}};
  CHECK(all.cells[0].weight_hh.shape() == shape{15, 2});
  CHECK(all.cells[1].weight_ih.shape() == shape{15, 2});
  CHECK(all.cells[0].peepholes.shape() == shape{10, 5});
  CHECK(all.cells[0].projection.shape() == shape{2, 5});
  CHECK(all.start(7).h.shape() == shape{2, 7, 2});
  CHECK(all.start(7).c.shape() == shape{2, 7, 5});
  CHECK(nn::lstm<float>{{.in = 1, .hidden = 5, .peepholes = peepholes::diagonal}}.cells[0].peepholes.shape() ==
        shape{3, 5});
}

TEST_CASE("lstm: the bias of the forget gate") {
  nn::lstm<float> net{{.in = 3, .hidden = 8, .layers = 2, .forget_bias = 10}};
  const auto check = [&] {
    for (const auto& cell : net.cells)
      for (std::int64_t i = 0; i < 32; ++i) CHECK((cell.bias_ih.value()(i) > 5) == (i >= 8 && i < 16));
  };
  check();
  init::weights(net, {.seed = 3});  // drawn again, as it was
  check();
}

TEST_CASE("lstm: coupled, what is let in is let go") {
  nn::lstm<double> net{{.in = 1, .hidden = 1, .coupled = true}};
  for (auto* p : {&net.cells[0].weight_ih, &net.cells[0].weight_hh, &net.cells[0].bias_ih, &net.cells[0].bias_hh})
    p->assign(tensor<double>(p->shape()));
  auto state = net.start(1);
  state.c = tensor<double>(state.c.shape(), 8);
  CHECK(net(tensor<double>({1, 1, 1}), state).state.c.item() == 4);  // i is 1/2, f the same, g is 0
}

TEST_CASE("lstm: what is refused") {
  CHECK_THROWS_WITH_AS(nn::lstm<float>({.in = 3, .hidden = 2, .bias = false, .forget_bias = 1}),
                       "[lstm] expected .bias, and gates that are not coupled, for a .forget_bias of 1", value_error);
  CHECK_THROWS_AS(nn::lstm<float>({.in = 3, .hidden = 2, .coupled = true, .forget_bias = 1}), value_error);
  CHECK_THROWS_WITH_AS(nn::lstm<float>({.in = 3, .hidden = 2, .projection = 2}),
                       "[lstm] expected a .projection to less than .hidden, 2, got 2", value_error);
  const nn::lstm<float> net{{.in = 3, .hidden = 2}};
  auto state = net.start(2);
  state.c = tensor<float>({1, 3, 2});
  CHECK_THROWS_WITH_AS(net(tensor<float>({4, 2, 3}), state), "[lstm] expected a state c (1, 2, 2), got (1, 3, 2)",
                       shape_error);
}
