// Shows: multilayer perceptron
// Perceptrons with PyTorch's weights give PyTorch's results and gradients, and pass every judge in double.
#include <inlay/models/mlp.hpp>

#include <doctest/doctest.h>

#include <inlay/testing/check_layer.hpp>

#include "golden/mlp.inc"

using namespace inlay;
using support::message_of;

TEST_CASE("mlp: as PyTorch, plain and with batch normalisation") {
  models::mlp<> plain{{.in = 6, .hidden = {8, 5}, .out = 3, .activation = activation::sigmoid}};
  support::check_against_torch(plain, mlp_plain);
  // The golden model has a Dropout of share 0, which counts in its names.
  models::mlp<> normed{{.in = 6, .hidden = {8, 5}, .out = 3, .batch_norm = true}};
  normed.drops = true;
  support::check_against_torch(normed, mlp_normed);
}

TEST_CASE("mlp: every judge, in double") {
  const auto x = support::made_up<double>({3, 4}, 1);
  const models::mlp<double> plain{{.in = 4, .hidden = {3}, .out = 2, .activation = activation::tanh, .dropout = 0.5}};
  const auto one = testing::check_layer(plain, x);
  CHECK_MESSAGE(one.ok(), one.text());
  const models::mlp<double> normed{
      {.in = 4, .hidden = {3, 3}, .out = 2, .activation = activation::sigmoid, .batch_norm = true}};
  const auto two = testing::check_layer(normed, x);
  CHECK_MESSAGE(two.ok(), two.text());
}

TEST_CASE("mlp: activations behind a normalisation, and none; no hidden layer") {
  const auto x = support::made_up<float>({3, 4}, 2);
  for (const activation f : {activation::none, activation::relu, activation::tanh, activation::sigmoid}) {
    INFO(std::string(f.name()));
    const models::mlp<> net{{.in = 4, .hidden = {5}, .out = 5, .activation = f, .batch_norm = true}};
    const models::mlp_layer<>& layer = net.hidden[0];
    const tensor<float> y = (*layer.bn)(linear(x, layer.dense.weight.value(), layer.dense.bias.value()));
    const tensor<float> expected = f == activation::relu   ? relu(y)
                                   : f == activation::tanh ? tanh(y)
                                   : f == activation::none ? y
                                                           : sigmoid(y);
    CHECK(support::same_bits(layer(x), expected));
    CHECK(net.torch_names().back().torch == (f == activation::none ? "2" : "3"));
  }
  const models::mlp<> line{{.in = 4, .out = 2}};
  CHECK(members_of(line).size() == 2);
  CHECK(line.torch_names().size() == 1);
  CHECK(support::same_bits(line(x), line.out(x)));
  CHECK(line(zeros<float>({2, 7, 4})).shape() == shape{2, 7, 2});
}

TEST_CASE("mlp: dropout drops in training only") {
  const models::mlp<> net{{.in = 4, .hidden = {64}, .out = 64, .dropout = 0.9}};
  const auto x = support::made_up<float>({1, 4}, 3, 1, 2);
  const autograd::tape tape({.seed = 1});
  CHECK_FALSE(support::same_bits(net(tape.input(x)).value(), net(x)));
  CHECK(net.torch_names()[1].torch == "3");
}

TEST_CASE("mlp: configs and inputs that do not fit") {
  CHECK(message_of([] { models::mlp<>{{.out = 2}}; }) == "[mlp] expected .in and .out of 1 or more, got 0 and 2");
  CHECK(message_of([] {
          models::mlp<>{{.in = 1, .hidden = {3, 0}, .out = 2}};
        }) == "[mlp] expected .hidden of widths of 1 or more, got 0");
  CHECK(message_of([] { models::mlp<>{{.in = 1, .out = 2, .dropout = 1.5}}; }) ==
        "[mlp] expected .dropout from 0 to 1, got 1.5");
  CHECK(message_of([] {
          models::mlp<>{{.in = 1, .hidden = {2}, .out = 2}}(zeros<float>({2, 3}));
        }) == "[linear] expected input (…, 1), got (2, 3); did you forget to flatten?");
}
