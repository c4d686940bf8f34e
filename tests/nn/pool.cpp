// Shows: max and average pooling
// Pooling layers do what their operations do, and pass every judge.
#include <inlay/nn/pool.hpp>

#include <doctest/doctest.h>

#include <inlay/testing/check_layer.hpp>

#include "tensors.hpp"

using namespace inlay;

TEST_CASE("pooling layers") {
  const auto x = support::made_up<double>({2, 2, 5, 6}, 1);
  for (const auto& r : {testing::check_layer(nn::max_pool2d{{.kernel = 2}}, x),
                        testing::check_layer(nn::avg_pool2d{{.kernel = 3, .stride = 2, .padding = 1}}, x),
                        testing::check_layer(nn::max_pool1d{{.kernel = 2}}, x.reshape({4, 5, 6})),
                        testing::check_layer(nn::avg_pool3d{{.kernel = 2}}, x.reshape({1, 2, 2, 5, 6}))})
    CHECK_MESSAGE(r.ok(), r.text());
  CHECK(support::same_bits(nn::max_pool2d{{.kernel = 2}}(x), max_pool2d(x, {.kernel = 2})));
}
