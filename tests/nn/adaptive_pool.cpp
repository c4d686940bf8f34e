// Shows: adaptive and global pooling
// Layers of adaptive and global pooling do what their operations do, and pass every judge.
#include <inlay/nn/adaptive_pool.hpp>

#include <doctest/doctest.h>

#include <inlay/testing/check_layer.hpp>

#include "naive/waves.hpp"

using namespace inlay;
using naive::sine;

namespace {

const tensor<double> x = support::made_up<double>({2, 2, 5, 6}, 1);

template <class Layer> void passes(const Layer& layer, const tensor<double>& of) {
  const auto r = testing::check_layer(layer, of);
  CHECK_MESSAGE(r.ok(), r.text());
}

}  // namespace

TEST_CASE("adaptive pooling layers: PyTorch's numbers, and every judge") {
  // F.adaptive_avg_pool2d(x, (2, 3)), F.adaptive_max_pool2d(x, (2, 3))
  const auto avg = testing::check_layer(
      nn::adaptive_avg_pool2d{{.out = {2, 3}}}, sine({1, 2, 5, 4}, 0.7),
      {.golden = from<double>({1, 2, 2, 3},
                              {0.002328312052667387, 0.18018481938768038, 0.2732975906992005, -0.1730117180564484,
                               0.006984277880777705, 0.18369545879832172, 0.2746485289486973, 0.23297140073102654,
                               0.08172418247100163, 0.19055995262344058, 0.27520761215641637, 0.23042083145466907})});
  CHECK_MESSAGE(avg.ok(), avg.text());
  const auto max = testing::check_layer(
      nn::adaptive_max_pool2d{{.out = {2, 3}}}, sine({1, 2, 5, 4}, 0.7),
      {.golden = from<double>({1, 2, 2, 3},
                              {0.644217687237691, 0.9854497299884601, 0.9881682338770003, 0.8545989080882814,
                               0.6569865987187891, 0.9881682338770003, 0.9927664058359067, 0.9927664058359067,
                               0.8366556385360561, 0.9927664058359067, 0.9946447738778378, 0.9946447738778378})});
  CHECK_MESSAGE(max.ok(), max.text());
  passes(nn::adaptive_avg_pool1d{{.out = 4}}, x.reshape({4, 5, 6}));
  passes(nn::adaptive_max_pool3d{{.out = {1, 2, 7}}}, x.reshape({1, 2, 2, 5, 6}));
}

TEST_CASE("global pooling layers") {
  passes(nn::global_avg_pool{}, x);
  passes(nn::global_max_pool{}, x);
  CHECK(nn::global_max_pool{}(x).shape() == shape{2, 2});
}

TEST_CASE("adaptive pooling layers: what is refused") {
  CHECK_THROWS_WITH_AS(nn::adaptive_avg_pool2d{{}}(x), "[adaptive_avg_pool] expected output sizes of 1 or more, got 0",
                       value_error);
  CHECK_THROWS_WITH_AS(nn::adaptive_max_pool1d{{.out = 2}}(x),
                       "[adaptive_max_pool] expected input (N, C, spatial sizes), got (2, 2, 5, 6)", shape_error);
}
