// Shows: concat, stack
// concat against index loops and central differences: any number of operands, any axis, lists, empty parts.
#include <inlay/ops/concat.hpp>

#include <doctest/doctest.h>

#include <inlay/ops/arithmetic.hpp>
#include <inlay/testing/check_gradient.hpp>

#include "naive/arrays.hpp"
#include "tensors.hpp"

using namespace inlay;
using support::check_close;
using support::made_up;
using support::variables;

TEST_CASE("concat: PyTorch's values and gradients") {
  // torch.cat((a, b, a), 1): (y * dy).sum().backward()
  const tensor<double> a = from<double>({2, 1}, {1, 2}), b = from<double>({2, 2}, {3, 4, 5, 6});
  support::check_golden("three", [](const variables& v) { return concat(1, v[0], v[1], v[0]); }, {a, b},
                        {1, 2, 3, 4, 5, 6, 7, 8}, {1, 3, 4, 1, 2, 5, 6, 2}, {{5, 13}, {2, 3, 6, 7}});
  support::check_golden("one", [](const variables& v) { return concat(0, v[0]); }, {a}, {3, 4}, {1, 2}, {{3, 4}});
}

TEST_CASE_TEMPLATE("concat: index loops, everywhere", T, float, double) {
  for (const std::int64_t n : {1, 7, 8, 9, 15, 16, 17, 33})
    for (const std::int64_t axis : {0, 1, 2}) {
      const shape sizes{2, n, 3};
      const tensor<T> a = made_up<T>(sizes, 1), b = made_up<T>(sizes.with(axis, n + 1), 2),
                      none = tensor<T>(sizes.with(axis, 0));
      const naive::array expected = naive::concat(static_cast<std::size_t>(axis), {a, b, none, a});
      support::check_everywhere<T>([&] { return concat(axis - 3, a, b, none, a); }, expected.values, 0);
      CHECK(concat(axis, a, b).dim(axis) == 2 * sizes[axis] + (n + 1 - sizes[axis]));
    }
}

TEST_CASE("concat: central differences, also through lists") {
  const auto pair = testing::check_gradient([](const auto& a, const auto& b) { return concat(-1, a, b, a * b); },
                                            made_up<double>({2, 3}, 1), made_up<double>({2, 3}, 2));
  CHECK_MESSAGE(pair.ok(), pair.text());
  const auto list = testing::check_gradient(
      [](const auto& a) {
        return concat(0, std::vector{a, a * 2.0, a * a, a, a * 3.0});
      },
      made_up<double>({2, 3}, 3));
  CHECK_MESSAGE(list.ok(), list.text());
}

TEST_CASE("concat: tensors, variables and weights together") {
  const parameter<double> p{ones<double>({1, 2})};
  const autograd::tape t;
  const auto x = t.leaf(tensor<double>({2, 2}, 3.0));
  const auto y = concat(0, p, x, tensor<double>({1, 2}, 5.0));
  check_close(y.value(), {1, 1, 3, 3, 3, 3, 5, 5});
  y.backward(from<double>({4, 2}, {1, 2, 3, 4, 5, 6, 7, 8}));
  check_close(p.grad(), {1, 2});
  check_close(x.grad(), {3, 4, 5, 6});
}

TEST_CASE("concat: what it refuses") {
  const tensor<double> a({2, 3});
  CHECK_THROWS_WITH_AS(concat(0, a, tensor<double>({2, 4})),
                       "[concat] expected shapes that differ along axis 0 only, got (2, 3) and (2, 4)", shape_error);
  CHECK_THROWS_AS(concat(0, a, tensor<double>({3})), shape_error);
  CHECK_THROWS_AS(concat(2, a, a), shape_error);
  CHECK_THROWS_WITH_AS(concat(0, std::vector<tensor<double>>()), "[concat] expected at least one operand, got none",
                       shape_error);
}

TEST_CASE("stack: a new axis anywhere, gradients, lists, what it refuses") {
  const tensor<double> a = from<double>({2}, {1, 2}), b = from<double>({2}, {3, 4});
  check_close(stack(0, a, b), {1, 2, 3, 4});
  CHECK(stack(0, a, b, a).shape() == shape{3, 2});
  check_close(stack(-1, a, b), {1, 3, 2, 4});
  CHECK(stack(-2, std::vector{a, b, a}).shape() == shape{3, 2});
  CHECK(stack(1, a).shape() == shape{2, 1});
  CHECK(stack(0, from<std::int64_t>(shape{}, {7}), from<std::int64_t>(shape{}, {8}))(1) == 8);
  const auto r = testing::check_gradient(
      [](const auto& x, const auto& y) {
        return stack(1, x, y, x * y) + stack(1, std::vector{y, x, x * y});
      },
      made_up<double>({2, 3}, 1), made_up<double>({2, 3}, 2));
  CHECK_MESSAGE(r.ok(), r.text());
  CHECK_THROWS_AS(stack(0, a, tensor<double>({3})), shape_error);
  CHECK_THROWS_AS(stack(2, a, b), shape_error);
  CHECK_THROWS_WITH_AS(stack(0, std::vector<tensor<double>>()), "[concat] expected at least one operand, got none",
                       shape_error);
}
