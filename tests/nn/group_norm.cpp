// Shows: group and instance norm
// Group and instance normalisation layers against PyTorch, and everything check_layer asks.
#include <inlay/nn/group_norm.hpp>

#include <doctest/doctest.h>

#include <inlay/testing/check_layer.hpp>

#include "naive/waves.hpp"

using namespace inlay;
using naive::sine;
using support::made_up;

TEST_CASE("group_norm, instance_norm: PyTorch's numbers, and every judge") {
  nn::group_norm<double> layer{{.groups = 2, .channels = 4}};
  layer.weight.assign(sine({4}, 0.9));
  layer.bias.assign(sine({4}, 1.1));
  // F.group_norm(x, 2, w, b), F.instance_norm(x, eps=1e-3)
  const auto grouped = testing::check_layer(
      layer, sine({2, 4, 2}, 0.7),
      {.golden = from<double>({2, 4, 2},
                              {0, 0, 1.637846786727984, 1.3858816257942717, 2.308181769385661, 1.0265455689396705,
                               -0.4891962227062064, -0.5801350422929786, 0, 0, 1.395096469877015, 1.813013301665102,
                               2.0974510619614075, 1.3065476137855667, -0.38354081370736803, -0.7161906647874351})});
  CHECK_MESSAGE(grouped.ok(), grouped.text());
  const auto single = testing::check_layer(
      nn::instance_norm<double>{{.channels = 2, .epsilon = 1e-3}}, sine({1, 2, 2, 2}, 0.7),
      {.golden = from<double>({1, 2, 2, 2},
                              {-1.634331667337597, 0.055066499024931284, 0.9499143101726434, 0.6293508581400216,
                               1.5371592013791777, 0.2234977337335446, -0.7741308065393924, -0.9865261285733301})});
  CHECK_MESSAGE(single.ok(), single.text());
  const auto affine = testing::check_layer(nn::instance_norm<double>{{.channels = 3, .affine = true}},
                                           made_up<double>({2, 3, 4, 5}, 1));
  CHECK_MESSAGE(affine.ok(), affine.text());
  const auto plain = testing::check_layer(nn::group_norm<float>{{.groups = 4, .channels = 8, .affine = false}},
                                          made_up<float>({3, 8, 17}, 2));
  CHECK_MESSAGE(plain.ok(), plain.text());
}

TEST_CASE("group_norm: members and what is refused") {
  CHECK(members_of(nn::group_norm<float>{{.groups = 2, .channels = 4}}).size() == 2);
  CHECK(nn::instance_norm<float>{{.channels = 4}}.weight.shape().size() == 0);
  CHECK_THROWS_WITH_AS((nn::group_norm<float>{{.groups = 3, .channels = 4}}),
                       "[group_norm] expected .groups that divides .channels, got 3 and 4", value_error);
  CHECK_THROWS_AS(nn::instance_norm<float>{{}}, value_error);
  CHECK_THROWS_WITH_AS((nn::group_norm<float>{{.groups = 2, .channels = 4}}(zeros<float>({1, 6, 2}))),
                       "[group_norm] expected a weight and a bias (6,), got (4,)", shape_error);
}
