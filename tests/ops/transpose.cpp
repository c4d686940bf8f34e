// Shows: transpose, permute
// permute and transpose against index loops and central differences, for every order of the axes.
#include <inlay/ops/transpose.hpp>

#include <doctest/doctest.h>

#include <inlay/ops/arithmetic.hpp>
#include <inlay/testing/check_gradient.hpp>

#include "naive/arrays.hpp"
#include "tensors.hpp"

using namespace inlay;
using support::made_up;

TEST_CASE_TEMPLATE("permute: every order, at sizes round the register widths", T, float, double) {
  for (const std::int64_t n : {1, 7, 8, 9, 15, 16, 17, 33}) {
    const tensor<T> x = made_up<T>({n, 3, n + 1}, 1);
    naive::index order = {0, 1, 2};
    do {
      const naive::array expected = naive::permute(x, order);
      support::check_everywhere<T>([&] { return permute(x, {order[0], order[1] - 3, order[2]}); }, expected.values, 0);
      const shape sizes(std::span<const std::int64_t>(expected.sizes));
      CHECK(permute(x, {order[0], order[1], order[2]}).shape() == sizes);
    } while (std::next_permutation(order.begin(), order.end()));
  }
}

TEST_CASE("transpose exchanges two axes") {
  const tensor<double> x = made_up<double>({2, 3, 4}, 1);
  CHECK(support::same_bits(transpose(x), permute(x, {0, 2, 1})));
  CHECK(support::same_bits(transpose(x, 0, -1), permute(x, {2, 1, 0})));
  CHECK(support::same_bits(transpose(x, 1, 1), x));
  CHECK(transpose(tensor<double>({3, 0})).shape() == shape{0, 3});
  const tensor<std::int64_t> whole = transpose(from<std::int64_t>({2, 2}, {1, 2, 3, 4}));
  CHECK(whole(0, 1) == 3);
  const tensor<double> all = made_up<double>({2, 1, 3, 2, 1, 2, 1, 2}, 2);
  CHECK(support::same_bits(permute(permute(all, {7, 6, 5, 4, 3, 2, 1, 0}), {7, 6, 5, 4, 3, 2, 1, 0}), all));
}

TEST_CASE("permute: central differences") {
  const auto r = testing::check_gradient(
      [](const auto& x) {
        return permute(x, {2, 0, 1}) * transpose(permute(x, {2, 1, 0}));
      },
      made_up<double>({2, 3, 4}, 3));
  CHECK_MESSAGE(r.ok(), r.text());
}

TEST_CASE("permute: what is no order of all axes") {
  const tensor<double> x({2, 3, 4});
  CHECK_THROWS_WITH_AS(permute(x, {0, 1, 1}), "[permute] expected an order of all 3 axes of (2, 3, 4), got (0, 1, 1)",
                       shape_error);
  CHECK_THROWS_AS(permute(x, {0, 1}), shape_error);
  CHECK_THROWS_AS(permute(x, {0, 1, 3}), shape_error);
  CHECK_THROWS_AS(permute(x, {0, 1, 2, -1}), shape_error);
  CHECK_THROWS_AS(transpose(tensor<double>({3})), shape_error);
}
