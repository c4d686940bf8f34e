// Shows: modules of any type
// any_module does what the module in it does, for tensors and variables; deep stacks of different layers are one type.
#include <inlay/nn/any_module.hpp>

#include <doctest/doctest.h>

#include <inlay/nn/activation.hpp>
#include <inlay/nn/dense.hpp>
#include <inlay/nn/residual.hpp>
#include <inlay/ops/reduce.hpp>
#include <inlay/optim/sgd.hpp>
#include <inlay/testing/check_layer.hpp>

#include "tensors.hpp"

using namespace inlay;
using any_layer = nn::any_module<tensor<double>(tensor<double>)>;

namespace {

struct chain {
  std::vector<any_layer> layers;
  auto operator()(const auto& x) const {
    auto y = layers[0](x);
    for (std::size_t i = 1; i < layers.size(); ++i) y = layers[i](y);
    return y;
  }
  static void members(auto& self, auto&& visit) { visit("layers", self.layers); }
};

struct scores_of_ids {  // an integer operand stays a tensor
  parameter<float> weight{ones<float>({3})};
  auto operator()(const auto& x, const tensor<std::int64_t>& ids) const {
    return x * weight.in(x) * static_cast<float>(ids.item());
  }
  static void members(auto& self, auto&& visit) { visit("weight", self.weight); }
};

}  // namespace

TEST_CASE("any_module: a stack of different layers through every judge") {
  chain net;
  net.layers.emplace_back(nn::dense<double>{{.in = 3, .out = 4}});
  net.layers.emplace_back(nn::residual{nn::dense<double>{{.in = 4, .out = 4, .activation = activation::tanh}}});
  net.layers.emplace_back(nn::sigmoid{});
  const auto r = testing::check_layer(net, support::made_up<double>({2, 3}, 1));
  CHECK_MESSAGE(r.ok(), r.text());
  const auto list = members_of(net);
  REQUIRE(list.size() == 4);
  CHECK(list[0].path == "layers.0.weight");
  CHECK(list[2].path == "layers.1.body.weight");
}

TEST_CASE("any_module: get, copies and assignments") {
  any_layer layer{nn::dense<double>{{.in = 3, .out = 2}}};
  auto* dense = layer.get<nn::dense<double>>();
  REQUIRE(dense != nullptr);
  CHECK(layer.get<nn::sigmoid>() == nullptr);
  const auto x = support::made_up<double>({1, 3}, 1);
  const any_layer copy = layer;
  const auto before = copy(x);
  dense->weight.assign(zeros<double>({2, 3}));
  CHECK(support::same_bits(copy(x), before));

  optim::sgd optimizer{layer, {.learning_rate = 0.1}};
  layer = copy;  // writes into the cells the optimiser knows
  CHECK(layer.get<nn::dense<double>>() == dense);
  CHECK(support::same_bits(layer(x), before));
  layer = any_layer{nn::sigmoid{}};
  CHECK(layer.get<nn::sigmoid>() != nullptr);
}

TEST_CASE("any_module: several operands of several types") {
  const nn::any_module<tensor<float>(tensor<float>, tensor<std::int64_t>)> module{scores_of_ids{}};
  const auto x = from<float>({3}, {1, 2, 3});
  const auto id = full<std::int64_t>({}, 2);
  support::check_close(module(x, id), {2, 4, 6});
  const autograd::tape tape;
  const auto v = tape.leaf(x);
  sum(module(v, id)).backward();
  support::check_close(v.grad(), {2, 2, 2});
}
