// Shows: transposed convolution
// Transposed convolution layers through every judge, their members and first weights.
#include <inlay/nn/conv_transpose.hpp>

#include <doctest/doctest.h>

#include <inlay/testing/check_layer.hpp>

#include "naive/waves.hpp"

using namespace inlay;
using naive::sine;
using support::made_up;

TEST_CASE("conv_transpose2d: PyTorch's numbers, and every judge") {
  nn::conv_transpose2d<double> layer{{.in = 2,
                                      .out = 1,
                                      .kernel = {3, 2},
                                      .stride = {2, 1},
                                      .padding = {0, 1},
                                      .output_padding = {1, 0},
                                      .activation = activation::tanh}};
  layer.weight.assign(sine({2, 1, 3, 2}, 0.9));
  layer.bias.assign(sine({1}, 1.1));
  // F.conv_transpose2d(x, w, b, (2, 1), (0, 1), (1, 0)).tanh()
  const auto r = testing::check_layer(
      layer, sine({1, 2, 2, 3}, 0.7),
      {.golden =
           from<double>({1, 1, 6, 2}, {0.6318862389493766, 0.7513006449609521, -0.760628063754753, -0.21545341708153823,
                                       -0.12181923931160375, -0.8779248124839908, 0.8434133996273956,
                                       0.8405485610115543, -0.622446379135555, -0.06549093807299783, 0, 0})});
  CHECK_MESSAGE(r.ok(), r.text());
}

TEST_CASE("conv_transpose layers: every judge with other options") {
  const auto one = testing::check_layer(
      nn::conv_transpose1d<double>{{.in = 4, .out = 6, .kernel = 3, .stride = 2, .dilation = 2, .groups = 2}},
      made_up<double>({2, 4, 5}, 1));
  CHECK_MESSAGE(one.ok(), one.text());
  const auto three = testing::check_layer(nn::conv_transpose3d<double>{{.in = 2, .out = 1, .kernel = 2, .bias = false}},
                                          made_up<double>({2, 2, 2, 1, 3}, 2));
  CHECK_MESSAGE(three.ok(), three.text());
}

TEST_CASE("conv_transpose2d: its members, first weights, and what is refused") {
  const nn::conv_transpose2d<float> layer{{.in = 6, .out = 8, .kernel = {3, 5}, .groups = 2}};
  CHECK(layer.weight.shape() == shape{6, 4, 3, 5});
  CHECK(layer.bias.shape() == shape{8});
  CHECK(members_of(layer).size() == 2);
  for (const float v : layer.weight.value().values()) CHECK(std::abs(v) <= 0.1291f);  // 1 / sqrt(60)
  CHECK_THROWS_WITH_AS((nn::conv_transpose2d<float>{{.in = 6, .out = 8, .kernel = 3, .groups = 4}}),
                       "[conv_transpose2d] expected .groups that divides .in and .out, got 4 for 6 and 8", value_error);
  CHECK_THROWS_WITH_AS((nn::conv_transpose1d<float>{{.in = 6, .out = 8}}),
                       "[conv_transpose1d] expected .kernel of 1 or more, got 0", value_error);
  CHECK_THROWS_WITH_AS((nn::conv_transpose3d<float>{{.kernel = 3}}),
                       "[conv_transpose3d] expected .in and .out of 1 or more, got 0 and 0", value_error);
  CHECK_THROWS_AS(layer(zeros<float>({1, 3, 5, 5})), shape_error);
}
