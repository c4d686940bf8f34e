// Shows: slice, split
// slice along any axis against index loops; gradients go back to where the elements were.
#include <inlay/ops/slice.hpp>

#include <doctest/doctest.h>

#include <inlay/ops/arithmetic.hpp>
#include <inlay/testing/check_gradient.hpp>

#include "tensors.hpp"

using namespace inlay;
using support::made_up;

TEST_CASE("slice: values along every axis") {
  const auto x = from<float>({2, 3, 2}, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11});
  support::check_close(slice(x, 0, 1, 2), {6, 7, 8, 9, 10, 11});
  CHECK(slice(x, 0, 1, 2).shares_memory_with(x));
  support::check_close(slice(x, 1, 1, 3), {2, 3, 4, 5, 8, 9, 10, 11});
  support::check_close(slice(x, -1, 1, 2), {1, 3, 5, 7, 9, 11});
  CHECK(slice(x, 1, 2, 2).shape() == shape{2, 0, 2});
}

TEST_CASE("slice: gradients") {
  for (const std::int64_t axis : {0, 1, 2}) {
    const auto r =
        testing::check_gradient([&](const auto& x) { return slice(x, axis, 1, 3); }, made_up<double>({3, 4, 3}, 1));
    CHECK_MESSAGE(r.ok(), r.text());
  }
  const autograd::tape tape;
  const auto v = tape.leaf(made_up<double>({2, 3}, 1));
  slice(v, 1, 1, 3).backward(from<double>({2, 2}, {1, 2, 3, 4}));
  support::check_close(v.grad(), {0, 1, 2, 0, 3, 4});
}

TEST_CASE("slice: ranges that do not fit") {
  const tensor<float> x(shape{2, 3});
  CHECK_THROWS_WITH_AS(slice(x, 1, 2, 4),
                       "[slice] expected 0 <= first <= last <= size along axis 1 of (2, 3), got [2, 4)", shape_error);
  CHECK_THROWS_AS(slice(x, 1, -1, 2), shape_error);
  CHECK_THROWS_AS(slice(x, 1, 2, 1), shape_error);
  CHECK_THROWS_AS(slice(x, 2, 0, 1), shape_error);
}

TEST_CASE("split: given sizes, equal sizes, and back together") {
  const auto x = made_up<float>({2, 5, 3}, 1);
  const auto parts = split(x, 1, {2, 0, 3});
  REQUIRE(parts.size() == 3);
  CHECK(support::same_bits(parts[0], slice(x, 1, 0, 2)));
  CHECK(parts[1].shape() == shape{2, 0, 3});
  CHECK(support::same_bits(parts[2], slice(x, 1, 2, 5)));
  const auto even = split(x, -2, 2);
  REQUIRE(even.size() == 3);
  CHECK(even[2].shape() == shape{2, 1, 3});
  CHECK(split(x, 1, 9).size() == 1);
  const auto nothing = split(tensor<float>({0, 3}), 0, 2);
  REQUIRE(nothing.size() == 1);
  CHECK(nothing[0].shape() == shape{0, 3});
  CHECK(split(from<std::int64_t>({4}, {1, 2, 3, 4}), 0, 2)[1](0) == 3);
  const auto r = testing::check_gradient(
      [](const auto& v) {
        const auto p = split(v, 1, 2);
        return p[0] * p[1];
      },
      made_up<double>({3, 4, 2}, 2));
  CHECK_MESSAGE(r.ok(), r.text());
  CHECK_THROWS_WITH_AS(split(x, 1, {2, 2}), "[split] expected sizes that add up to axis 1 of (2, 5, 3), got 4",
                       shape_error);
  CHECK_THROWS_AS(split(x, 1, {6, -1}), shape_error);
  CHECK_THROWS_WITH_AS(split(x, 1, 0), "[split] expected parts of 1 or more, got 0", value_error);
  CHECK_THROWS_AS(split(x, 3, 1), shape_error);
}
