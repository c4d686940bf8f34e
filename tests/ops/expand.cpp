// Shows: expand
// expand repeats along axes of size 1 and new ones; gradients are sums.
#include <inlay/ops/expand.hpp>

#include <doctest/doctest.h>

#include <inlay/ops/arithmetic.hpp>
#include <inlay/testing/check_gradient.hpp>

#include "naive/arrays.hpp"
#include "tensors.hpp"

using namespace inlay;
using support::made_up;

TEST_CASE("expand: loops, sizes that stay") {
  for (const std::int64_t n : {1, 7, 8, 9, 15, 16, 17, 33}) {
    const auto x = made_up<float>({3, 1, n}, 1);
    const naive::array want = naive::zip(x, naive::array({2, 3, 4, n}), [](double a, double) { return a; });
    support::check_everywhere<float>([&] { return expand(x, {2, -1, 4, -1}); }, want.values, 0);
  }
  CHECK(expand(from<std::int64_t>({1}, {7}), {2, 2})(1, 1) == 7);
  CHECK(expand(tensor<bool>(shape{}, true), {3})(2));
  CHECK(expand(tensor<float>({1, 2}), {0, 2}).shape() == shape{0, 2});
  CHECK(expand(tensor<float>({2}), {-1}).shape() == shape{2});
}

TEST_CASE("expand: central differences") {
  const auto r = testing::check_gradient(
      [](const auto& x) {
        return expand(x * x, {3, 2, -1, 4});
      },
      made_up<double>({2, 3, 1}, 1));
  CHECK_MESSAGE(r.ok(), r.text());
}

TEST_CASE("expand: what is refused") {
  const tensor<float> x({2, 3});
  CHECK_THROWS_WITH_AS(expand(x, {2}), "[expand] expected sizes for all axes of (2, 3), got (2,)", shape_error);
  CHECK_THROWS_AS(expand(x, {-1, 2, 3}), shape_error);
  CHECK_THROWS_AS(expand(x, {4, 3}), shape_error);
  CHECK_THROWS_AS(expand(x, {2, 1}), shape_error);
  CHECK_THROWS_AS(expand(x, {2, -2}), shape_error);
  CHECK_THROWS_WITH_AS(expand(x, {1, 1, 1, 1, 1, 1, 1, 1, -1}), "[shape] expected at most 8 axes, got 9", shape_error);
}
