// Shows: argmax, argmin, topk
// Places of the largest and smallest elements: PyTorch's choices, ties, NaN, any axis, every type, the same everywhere.
#include <inlay/ops/argmax.hpp>

#include <doctest/doctest.h>

#include <inlay/ops/arithmetic.hpp>

#include "naive/waves.hpp"

using namespace inlay;
using support::made_up;
using support::numbers;
using support::variables;

namespace {

constexpr double inf = std::numeric_limits<double>::infinity();

template <class T> numbers wide(const tensor<T>& x) { return {x.values().begin(), x.values().end()}; }

}  // namespace

TEST_CASE("argmax, argmin: axes, shapes, the first of equals") {
  const auto x = from<double>({2, 3}, {1, 5, 5, -2, 0, -2});
  CHECK(argmax(x).item() == 1);
  CHECK(argmin(x).item() == 3);
  CHECK(argmax(x).shape() == shape{});
  CHECK(argmax(x, {.keep_dims = true}).shape() == shape{1, 1});
  CHECK(wide(argmax(x, 0)) == numbers{0, 0, 0});
  CHECK(wide(argmax(x, -1)) == numbers{1, 1});
  CHECK(wide(argmin(x, 1)) == numbers{0, 0});
  CHECK(argmax(x, {.axis = 1, .keep_dims = true}).shape() == shape{2, 1});
  CHECK(wide(argmin(x, {.axis = 0})) == numbers{1, 1, 1});
  CHECK(argmax(from<double>({1}, {3}), {.keep_dims = true}).shape() == shape{1});
  CHECK(argmax(tensor<double>(shape{}, 2.0)).item() == 0);
  const variable<double> v{x};
  static_assert(std::is_same_v<decltype(argmax(v)), tensor<std::int64_t>>);
  CHECK(argmax(v).item() == 1);
}

TEST_CASE("argmax, topk: NaN, infinities, integers, bool") {
  const auto x = from<double>({5}, {-inf, 1, NAN, inf, NAN});
  CHECK(argmax(x).item() == 2);
  CHECK(argmin(x).item() == 2);
  CHECK(wide(topk(x, 5).indices) == numbers{2, 4, 3, 1, 0});
  CHECK(wide(topk(x, 5, {.largest = false}).indices) == numbers{0, 1, 3, 2, 4});
  CHECK(argmax(from<std::uint8_t>({3}, {7, 200, 200})).item() == 1);
  CHECK(argmin(from<std::int64_t>({3}, {7, -200, 200})).item() == 1);
  CHECK(argmax(from<bool>({3}, {false, true, true})).item() == 1);
  CHECK(wide(topk(from<std::int32_t>({4}, {3, 9, 3, -1}), 3).values) == numbers{9, 3, 3});
}

TEST_CASE("argmax, topk: loops, everywhere") {
  for (const std::int64_t n : {1, 7, 8, 9, 15, 16, 17, 33, 3000})
    for (const std::int64_t inner : {1, 3}) {
      const auto x = made_up<float>({5, n, inner}, 1);
      numbers best, second;
      for (std::int64_t line = 0; line < 5 * inner; ++line) {
        std::vector<std::int64_t> order(static_cast<std::size_t>(n));
        for (std::int64_t i = 0; i < n; ++i) order[static_cast<std::size_t>(i)] = i;
        std::stable_sort(order.begin(), order.end(), [&](std::int64_t a, std::int64_t b) {
          return x(line / inner, a, line % inner) > x(line / inner, b, line % inner);
        });
        best.push_back(static_cast<double>(order[0]));
        second.push_back(static_cast<double>(order[order.size() > 1]));
      }
      support::check_everywhere<std::int64_t>([&] { return argmax(x, 1); }, best, 0);
      support::check_everywhere<std::int64_t>([&] { return argmin(-x, 1); }, best, 0);
      if (n > 1)
        support::check_everywhere<std::int64_t>(
            [&] {
              const auto two = topk(x, 2, {.axis = 1}).indices;
              return gather(two, 1, tensor<std::int64_t>({5, 1, inner}, 1)).reshape({5, inner});
            },
            second, 0);
    }
}

TEST_CASE("topk: PyTorch's values and gradients") {
  naive::check_waves("topk 3", [](const variables& v) { return topk(v[0], 3).values; }, {{2, 5}},
                     {0.9854497299884601, 0.8632093666488739, 0.644217687237691, 0.016813900484349713,
                      -0.35078322768961984, -0.6312666378723216},
                     {{0, 0.5155013718214642, 0, 0.963558185417193, 0, -0.8834546557201531, 0, 0, 0.21511998808781552,
                       -0.6877661591839741}});
  naive::check_waves(
      "topk 2, axis 0, smallest",
      [](const variables& v) { return topk(v[0], 2, {.axis = 0, .largest = false}).values; }, {{4, 3}},
      {-0.8715757724135877, -0.9824526126243326, -0.6312666378723216, 0, 0.3349881501559051, -0.35078322768961984},
      {{-0.6877661591839741, 0, 0, 0, -0.8834546557201531, 0.21511998808781552, 0, 0.963558185417193,
        0.5155013718214642, 0, 0, 0}});
}

TEST_CASE("argmax, topk: nothing, and what is refused") {
  CHECK(topk(tensor<float>({2, 3}), 0).values.shape() == shape{2, 0});
  CHECK(topk(tensor<float>({0, 3}), 2).indices.shape() == shape{0, 2});
  CHECK(topk(tensor<float>({2, 0}), 0).values.shape() == shape{2, 0});
  CHECK(argmax(tensor<float>({0, 3}), 1).shape() == shape{0});
  CHECK_THROWS_WITH_AS(argmax(tensor<float>({2, 0}), 1),
                       "[argmax] expected at least one element along the axis, got (2, 0)", shape_error);
  CHECK_THROWS_WITH_AS(argmin(tensor<float>({0})), "[argmin] expected at least one element along the axis, got (0,)",
                       shape_error);
  CHECK_THROWS_AS(argmax(tensor<float>({2}), 1), shape_error);
  CHECK_THROWS_WITH_AS(topk(tensor<float>({2, 3}), 4), "[topk] expected k from 0 to 3 for (2, 3), got 4", value_error);
  CHECK_THROWS_AS(topk(tensor<float>({2, 3}), -1), value_error);
}
