// Shows: group and instance norm
// Group and instance normalisation against PyTorch and by definition; sizes that make no groups are refused.
#include <inlay/ops/group_norm.hpp>

#include <doctest/doctest.h>

#include <inlay/testing/check_gradient.hpp>

#include "naive/waves.hpp"

using namespace inlay;
using support::made_up;
using support::numbers;
using support::variables;

TEST_CASE("group_norm: PyTorch's values and gradients") {
  naive::check_waves("group_norm", [](const variables& v) { return group_norm(v[0], 2, v[1], v[2]); },
                     {{2, 4, 2}, {4}, {4}},
                     {0, 0, 1.637846786727984, 1.3858816257942717, 2.308181769385661, 1.0265455689396705,
                      -0.4891962227062064, -0.5801350422929786, 0, 0, 1.395096469877015, 1.813013301665102,
                      2.0974510619614075, 1.3065476137855667, -0.38354081370736803, -0.7161906647874351},
                     {{0.13696352442529908, 0.08714537679804069, 1.1233229277870402, -1.34743182901038,
                       -0.3206681278789496, 0.6314428880939622, 0.21225263858406207, -0.5230273987990746,
                       0.20285498297471383, -0.26862527751944726, -0.20414539601736043, 0.2699156905620939,
                       0.7260007508124728, -0.9672083042116855, -0.19412404227503693, 0.4353315956742493},
                      {1.5343798438066334, 1.4885270356709162, -1.6448764677536354, -1.5614770256349506},
                      {-0.626251867587493, 1.234674213738744, -1.489705028067265, 1.318348755037274}});
  naive::check_waves(
      "instance_norm",
      [](const variables& v) { return group_norm(v[0], 2, tensor<double>(), tensor<double>(), {.epsilon = 1e-3}); },
      {{1, 2, 2, 2}},
      {-1.634331667337597, 0.055066499024931284, 0.9499143101726434, 0.6293508581400216, 1.5371592013791777,
       0.2234977337335446, -0.7741308065393924, -0.9865261285733301},
      {{-0.4010226654570647, 2.0040976446743497, 0.7646405608659939, -2.367715540083279, -0.23821753995700967,
        0.3577668949408286, 0.7129405247732101, -0.8324898797570291}});
}

TEST_CASE("group_norm: by definition, everywhere") {
  for (const std::int64_t n : {1, 7, 8, 9, 15, 16, 17, 33}) {
    const auto x = made_up<float>({3, 6, n, 2}, 1), w = made_up<float>({6}, 2), b = made_up<float>({6}, 3);
    numbers want;
    const std::int64_t group = 4 * n;  // two channels
    for (std::int64_t i = 0; i < x.size(); ++i) {
      double mean = 0, variance = 0;
      const auto at = [&](std::int64_t j) {
        return static_cast<double>(x.values()[static_cast<std::size_t>(i / group * group + j)]);
      };
      for (std::int64_t j = 0; j < group; ++j) mean += at(j) / static_cast<double>(group);
      for (std::int64_t j = 0; j < group; ++j) variance += (at(j) - mean) * (at(j) - mean) / static_cast<double>(group);
      const std::int64_t channel = i / (2 * n) % 6;
      want.push_back((at(i % group) - mean) / std::sqrt(variance + 1e-5) * static_cast<double>(w(channel)) +
                     static_cast<double>(b(channel)));
    }
    support::check_everywhere<float>([&] { return group_norm(x, 3, w, b); }, want, 4 * support::rounding<float>);
  }
}

TEST_CASE("group_norm: central differences") {
  const auto r = testing::check_gradient(
      [](const auto& x, const auto& w, const auto& b) { return group_norm(x, 1, w, b) * group_norm(x, 4, w, b); },
      made_up<double>({2, 4, 3}, 1), made_up<double>({4}, 2), made_up<double>({4}, 3));
  CHECK_MESSAGE(r.ok(), r.text());
}

TEST_CASE("group_norm: rows, nothing, and what is refused") {
  const tensor<float> none;
  CHECK(group_norm(made_up<float>({2, 4}, 1), 2, none, none).shape() == shape{2, 4});
  CHECK(group_norm(tensor<float>({0, 4, 3}), 2, none, none).shape() == shape{0, 4, 3});
  CHECK(group_norm(tensor<float>({2, 4, 0}), 2, none, none).shape() == shape{2, 4, 0});
  CHECK(group_norm(tensor<float>({2, 0, 3}), 2, none, none).shape() == shape{2, 0, 3});
  CHECK_THROWS_WITH_AS(
      group_norm(tensor<float>({2, 4, 3}), 3, none, none),
      "[group_norm] expected input (N, C, …) with channels that 3 groups share out evenly, got (2, 4, 3)", shape_error);
  CHECK_THROWS_AS(group_norm(tensor<float>({4}), 1, none, none), shape_error);
  CHECK_THROWS_AS(group_norm(tensor<float>({2, 4}), 0, none, none), shape_error);
  CHECK_THROWS_WITH_AS(group_norm(tensor<float>({2, 4}), 2, tensor<float>({3}), none),
                       "[group_norm] expected a weight and a bias (4,), got (3,)", shape_error);
  CHECK_THROWS_AS(group_norm(tensor<float>({2, 4}), 2, none, tensor<float>({4, 1})), shape_error);
}
