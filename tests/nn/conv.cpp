// Shows: convolution (with fused activation)
// Convolution layers through every judge, their members and first weights.
#include <inlay/nn/conv.hpp>

#include <doctest/doctest.h>

#include <inlay/testing/check_layer.hpp>

#include "tensors.hpp"

using namespace inlay;
using support::made_up;

namespace {

template <class Layer, class T> void passes(const Layer& layer, const tensor<T>& x) {
  const auto r = testing::check_layer(layer, x);
  CHECK_MESSAGE(r.ok(), r.text());
}

}  // namespace

TEST_CASE("conv2d: PyTorch's numbers, and every judge") {
  nn::conv2d<double> layer{{.in = 1, .out = 2, .kernel = 2, .stride = {1, 2}, .padding = {0, 1}}};
  layer.weight.assign(from<double>({2, 1, 2, 2}, {0.5, -1, 0.25, 1.5, 0.75, -0.5, 2, 1}));
  layer.bias.assign(from<double>({2}, {0.1, -0.2}));
  const auto x = from<double>({1, 1, 3, 3}, {1, -2, 3, 4, 0, -1, 0.5, 2, 6});
  // F.conv2d(x, w, b, stride=(1, 2), padding=(0, 1))
  const auto r = testing::check_layer(
      layer, x, {.golden = from<double>({1, 2, 2, 2}, {5.1, -5.4, -3.15, 10.6, 3.3, -4.2, -1.7, 10.3})});
  CHECK_MESSAGE(r.ok(), r.text());
}

TEST_CASE("conv layers: every judge with every option") {
  passes(nn::conv1d<double>{{.in = 3, .out = 4, .kernel = 3, .stride = 2, .padding = padding::same}},
         made_up<double>({2, 3, 9}, 1));
  passes(
      nn::conv2d<double>{{.in = 4, .out = 6, .kernel = 3, .padding = 1, .groups = 2, .activation = activation::tanh}},
      made_up<double>({2, 4, 5, 6}, 2));
  passes(
      nn::conv3d<double>{{.in = 2, .out = 2, .kernel = {1, 3, 2}, .dilation = {1, 1, 2}, .groups = 2, .bias = false}},
      made_up<double>({2, 2, 2, 4, 5}, 3));
}

TEST_CASE("conv2d: its members, first weights, and what is refused") {
  const nn::conv2d<float> layer{{.in = 6, .out = 8, .kernel = {3, 5}, .groups = 2}};
  CHECK(layer.weight.shape() == shape{8, 3, 3, 5});
  CHECK(layer.bias.shape() == shape{8});
  CHECK(members_of(layer).size() == 2);
  for (const float v : layer.weight.value().values()) CHECK(std::abs(v) <= 0.1491f);  // 1 / sqrt(45)
  CHECK_THROWS_WITH_AS((nn::conv2d<float>{{.in = 6, .out = 8, .kernel = 3, .groups = 4}}),
                       "[conv2d] expected .groups that divides .in and .out, got 4 for 6 and 8", value_error);
  CHECK_THROWS_AS((nn::conv2d<float>{{.in = 6, .out = 8}}), value_error);
  CHECK_THROWS_AS((nn::conv2d<float>{{.kernel = 3}}), value_error);
  CHECK_THROWS_AS(layer(zeros<float>({1, 3, 5, 5})), shape_error);
}
