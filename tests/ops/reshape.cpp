// Shows: reshape, flatten, squeeze, unsqueeze
// reshape and flatten give another shape over the same values, in no time, and gradients find their way back.
#include <inlay/ops/reshape.hpp>

#include <doctest/doctest.h>

#include <inlay/ops/arithmetic.hpp>
#include <inlay/testing/check_gradient.hpp>

#include "tensors.hpp"

using namespace inlay;
using support::made_up;

TEST_CASE("reshape: values stay, memory is shared") {
  const tensor<float> x = made_up<float>({4, 6}, 1);
  const auto y = reshape(x, {2, -1, 3});
  CHECK(y.shape() == shape{2, 4, 3});
  CHECK(y.shares_memory_with(x));
  CHECK(support::same_bits(y.values(), x.values()));
  CHECK(reshape(x, {-1}).shape() == shape{24});
  CHECK(reshape(x, shape{3, 8}).shape() == shape{3, 8});
  CHECK(reshape(tensor<float>({0, 3}), {0, 7}).shape() == shape{0, 7});
  CHECK(reshape(tensor<float>(shape{}, 2.0f), {1, 1}).shape() == shape{1, 1});
  CHECK(reshape(tensor<float>({1}), {}).shape() == shape{});
}

TEST_CASE("flatten: any run of axes") {
  const tensor<float> x = made_up<float>({2, 3, 4, 5}, 1);
  CHECK(flatten(x).shape() == shape{2, 60});
  CHECK(flatten(x, 0).shape() == shape{120});
  CHECK(flatten(x, 1, 2).shape() == shape{2, 12, 5});
  CHECK(flatten(x, -2).shape() == shape{2, 3, 20});
  CHECK(flatten(x, 2, 2).shape() == x.shape());
  CHECK(flatten(tensor<float>({0, 3, 2})).shape() == shape{0, 6});
  CHECK(flatten(tensor<float>({5})).shape() == shape{5});
  CHECK_THROWS_WITH_AS(flatten(x, 2, 1), "[flatten] expected a first axis before the last, got 2 and 1 of (2, 3, 4, 5)",
                       shape_error);
  CHECK_THROWS_AS(flatten(x, 4), shape_error);
}

TEST_CASE("reshape: central differences") {
  const auto r = testing::check_gradient(
      [](const auto& x) {
        return flatten(reshape(x, {2, 3, 2}) * reshape(x, {2, -1, 2}), 1) * 2.0;
      },
      made_up<double>({12}, 2));
  CHECK_MESSAGE(r.ok(), r.text());
}

TEST_CASE("reshape: counts that do not fit") {
  const tensor<float> x({4, 6});
  CHECK_THROWS_WITH_AS(reshape(x, {5, 5}), "[reshape] expected a shape of 24 elements, got (5, 5) from (4, 6)",
                       shape_error);
  CHECK_THROWS_WITH_AS(reshape(x, {-1, 2, -1}), "[reshape] expected at most one size of -1, got 2", shape_error);
  CHECK_THROWS_AS(reshape(x, {-1, 7}), shape_error);
  CHECK_THROWS_AS(reshape(x, {-2, -12}), shape_error);
  CHECK_THROWS_AS(reshape(x, {0, -1}), shape_error);
  CHECK_THROWS_AS(reshape(x, {std::int64_t{1} << 40, std::int64_t{1} << 40, -1}),
                  shape_error);  // no overflow on the way
}

TEST_CASE("squeeze, unsqueeze: axes from either end, no copies") {
  const auto x = made_up<float>({2, 1, 3, 1}, 1);
  CHECK(squeeze(x).shape() == shape{2, 3});
  CHECK(squeeze(x, 1).shape() == shape{2, 3, 1});
  CHECK(squeeze(x, -1).shape() == shape{2, 1, 3});
  CHECK(squeeze(x, 0).shape() == x.shape());
  CHECK(squeeze(x).shares_memory_with(x));
  CHECK(squeeze(tensor<float>({1, 1})).shape() == shape{});
  CHECK(unsqueeze(x, 0).shape() == shape{1, 2, 1, 3, 1});
  CHECK(unsqueeze(x, 2).shape() == shape{2, 1, 1, 3, 1});
  CHECK(unsqueeze(x, -1).shape() == shape{2, 1, 3, 1, 1});
  CHECK(unsqueeze(x, -5).shape() == shape{1, 2, 1, 3, 1});
  CHECK(unsqueeze(tensor<std::int64_t>(shape{}, 3), 0).shape() == shape{1});
  CHECK(unsqueeze(tensor<float>({0}), 1).shape() == shape{0, 1});
  CHECK_THROWS_WITH_AS(unsqueeze(x, 5), "[unsqueeze] expected an axis from -5 to 4, got 5", shape_error);
  CHECK_THROWS_AS(unsqueeze(x, -6), shape_error);
  CHECK_THROWS_AS(squeeze(x, 4), shape_error);
  CHECK_THROWS_AS(unsqueeze(tensor<float>({1, 1, 1, 1, 1, 1, 1, 1}), 0), shape_error);
  const auto r =
      testing::check_gradient([](const auto& v) { return squeeze(unsqueeze(v, 1) * unsqueeze(v, -1), 2) * squeeze(v); },
                              made_up<double>({3, 1}, 2));
  CHECK_MESSAGE(r.ok(), r.text());
}
