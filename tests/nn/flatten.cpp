// Shows: flatten
// The flatten layer joins axes, by default all but the batch.
#include <inlay/nn/flatten.hpp>

#include <doctest/doctest.h>

#include <inlay/testing/check_layer.hpp>

#include "tensors.hpp"

using namespace inlay;

TEST_CASE("flatten: shapes, and every judge") {
  const tensor<double> x = support::made_up<double>({2, 3, 4, 5}, 1);
  CHECK(nn::flatten{}(x).shape() == shape{2, 60});
  CHECK(nn::flatten{.first = 0}(x).shape() == shape{120});
  CHECK(nn::flatten{.first = 1, .last = 2}(x).shape() == shape{2, 12, 5});
  CHECK(nn::flatten{.first = -2}(x).shape() == shape{2, 3, 20});
  CHECK(nn::flatten{}(x).shares_memory_with(x));
  const auto r = testing::check_layer(nn::flatten{}, x, {.golden = x.reshape({2, 60})});
  CHECK_MESSAGE(r.ok(), r.text());
}
