// Shows: dropout
// The dropout layer drops under a training tape only; inference, and gradients of inference, pass it unchanged.
#include <inlay/nn/dropout.hpp>

#include <doctest/doctest.h>

#include <inlay/nn/dense.hpp>
#include <inlay/nn/sequential.hpp>
#include <inlay/testing/check_layer.hpp>

#include "tensors.hpp"

using namespace inlay;
using autograd::mode;
using autograd::tape;
using support::same_bits;

namespace {

const tensor<double> x = support::made_up<double>({6, 5}, 1);

auto net() {
  return nn::sequential{nn::dense<double>{{.in = 5, .out = 8, .activation = activation::tanh}}, nn::dropout{{.p = 0.5}},
                        nn::dense<double>{{.in = 8, .out = 3}}};
}

}  // namespace

TEST_CASE("dropout layer: every judge, as it infers") {
  for (const double p : {0.0, 0.3, 1.0}) {
    const auto r = testing::check_layer(nn::dropout{{.p = p}}, x, {.golden = x});
    CHECK_MESSAGE(r.ok(), r.text());
  }
}

TEST_CASE("attributions through a net with dropout are those of the net that predicts") {
  const auto model = net();
  const auto r =
      testing::check_layer(model, x);  // gradients on a tape in mode infer, against differences of predictions
  CHECK_MESSAGE(r.ok(), r.text());
  const tape t({.mode = mode::infer});
  const auto leaf = t.leaf(x);
  const auto y = model(leaf);
  CHECK(same_bits(y.value(), model(x)));
  const tape training;
  CHECK_FALSE(same_bits(model(training.input(x)).value(), model(x)));
}

TEST_CASE("dropout layer: what it refuses") {
  CHECK_THROWS_WITH_AS(nn::dropout{{.p = 1.5}}, "[dropout] expected .p from 0 to 1, got 1.5", value_error);
  CHECK_THROWS_AS(nn::dropout{{.p = NAN}}, value_error);
  CHECK_THROWS_WITH_AS(
      net()(variable<double>{x}),
      "[dropout] expected a variable of a tape, which holds the random stream; use tape.input(x) or tape.leaf(x)",
      state_error);
}
