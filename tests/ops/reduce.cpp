// sum, mean and max against PyTorch, central differences and index loops, over every set of axes of every shape; the
// same bits for any number of threads.
#include <inlay/ops/reduce.hpp>

#include <doctest/doctest.h>

#include <inlay/testing/check_gradient.hpp>

#include "naive/arrays.hpp"
#include "tensors.hpp"

using namespace inlay;
using support::check_close;
using support::made_up;
using support::variables;

namespace {

tensor<double> cube() {  // torch.arange(12.0).mul(0.7).sin().reshape(2, 3, 2)
  std::vector<double> values;
  for (int i = 0; i < 12; ++i) values.push_back(std::sin(0.7 * i));
  return from<double>({2, 3, 2}, std::span<const double>(values));
}

// All three over some axes, against loops.
template <class T> void check_axes(const tensor<T>& x, const std::vector<bool>& chosen) {
  reduce_options options{.axes = {}, .keep_dims = true};
  double count = 1;
  for (std::size_t axis = 0; axis < chosen.size(); ++axis)
    if (chosen[axis]) {
      options.axes.push_back(static_cast<std::int64_t>(axis) - (axis % 2 == 0 ? 0 : x.rank()));  // from either end
      count *= static_cast<double>(x.dim(static_cast<std::int64_t>(axis)));
    }
  if (options.axes.empty()) return;
  INFO(x.shape().text());
  const double close = support::rounding<T> * std::sqrt(count + 8);
  const naive::array total = naive::fold(x, chosen, 0, [](double a, double b) { return a + b; });
  support::check_everywhere<T>([&] { return sum(x, options); }, total.values, close);
  support::check_everywhere<T>([&] { return mean(x, options); },
                               naive::map(total, [&](double v) { return v / count; }).values, close);
  support::check_everywhere<T>(
      [&] { return max(x, options); },
      naive::fold(x, chosen, -HUGE_VAL, [](double a, double b) { return std::max(a, b); }).values, 0);
}

}  // namespace

TEST_CASE("reductions: PyTorch's values and gradients") {
  // x.sum((0, 2)), x.mean((0, 2)), x.amax(1): (y * dy).sum().backward()
  const std::vector<double> dy = {1, -2, 0.5};
  support::check_golden("sum",
                        [](const variables& v) {
                          return sum(v[0], {.axes = {0, 2}});
                        },
                        {cube()}, dy, {-1.2098106978002292, 1.2342063592493622, 1.6293597550620746},
                        {{1, 1, -2, -2, 0.5, 0.5, 1, 1, -2, -2, 0.5, 0.5}});
  support::check_golden("mean",
                        [](const variables& v) {
                          return mean(v[0], {.axes = {0, 2}});
                        },
                        {cube()}, dy, {-0.3024526744500573, 0.30855158981234054, 0.40733993876551866},
                        {{0.25, 0.25, -0.5, -0.5, 0.125, 0.125, 0.25, 0.25, -0.5, -0.5, 0.125, 0.125}});
  support::check_golden("amax with ties", [](const variables& v) { return max(v[0], 1); },
                        {from<double>({2, 3}, {1, 3, 3, 2, -1, 0})}, {3, -1}, {3, 2}, {{0, 1.5, 1.5, -1, 0, 0}});
}

TEST_CASE_TEMPLATE("reductions: every set of axes", T, float, double) {
  for (const shape& sizes : {shape{17}, shape{9, 33}, shape{2, 3, 4, 5}, shape{3, 1, 7}, shape{1, 16, 1, 8}}) {
    const tensor<T> x = made_up<T>(sizes, 1);
    for (unsigned set = 0; set < 1u << sizes.rank(); ++set) {
      std::vector<bool> chosen;
      for (int axis = 0; axis < sizes.rank(); ++axis) chosen.push_back((set >> axis & 1) != 0);
      check_axes(x, chosen);
    }
  }
}

TEST_CASE_TEMPLATE("reductions: sizes round the register widths, and enough for threads", T, float, double) {
  for (const std::int64_t n : {1, 7, 8, 9, 15, 16, 17, 33}) {
    check_axes(made_up<T>({3, n}, 2), {false, true});
    check_axes(made_up<T>({n, 3}, 3), {true, false});
    check_axes(made_up<T>({3, n}, 4), {true, false});
  }
  check_axes(made_up<T>({200003}, 5), {true});
  check_axes(made_up<T>({300, 200}, 6), {true, false});
  check_axes(made_up<T>({300, 200}, 7), {false, true});
}

TEST_CASE("reductions: central differences, with and without the reduced axes") {
  for (const bool keep : {false, true})
    for (const std::vector<std::int64_t>& axes : {std::vector<std::int64_t>{}, {0}, {-1}, {1}, {0, 2}, {0, 1, 2}}) {
      const auto r = testing::check_gradient(
          [&](const auto& x) {
            return sum(x, {axes, keep}) + mean(x * x, {axes, keep}) - max(x, {axes, keep}) * 0.5;
          },
          cube());
      CHECK_MESSAGE(r.ok(), r.text());
    }
}

TEST_CASE("reductions: shapes of results") {
  const tensor<double> x = cube();
  CHECK(sum(x).shape() == shape{});
  CHECK(sum(x, 1).shape() == shape{2, 2});
  CHECK(mean(x, -1).shape() == shape{2, 3});
  CHECK(max(x, {.axes = {0, 2}}).shape() == shape{3});
  CHECK(max(x, {.axes = {0, 2}, .keep_dims = true}).shape() == shape{1, 3, 1});
  CHECK(sum(x, {.keep_dims = true}).shape() == shape{1, 1, 1});
  CHECK(sum(tensor<double>(shape{}, 4.0)).item() == 4);
}

TEST_CASE("reductions of nothing") {
  check_close(sum(tensor<double>({3, 0}), 1), {0, 0, 0});
  CHECK(sum(tensor<double>({3, 0}), 0).shape() == shape{0});
  CHECK(sum(tensor<double>({0})).item() == 0);
  check_close(mean(tensor<double>({2, 0}), 1), {NAN, NAN});
  CHECK_THROWS_WITH_AS(max(tensor<double>({2, 0})), "[max] expected at least one element, got (2, 0)", shape_error);
  const variable<double> none{tensor<double>({2, 0})};
  sum(none).backward();
  CHECK(none.grad().shape() == shape{2, 0});
}

TEST_CASE("reductions: special values, integers") {
  const tensor<float> x = from<float>({2, 2}, {NAN, 1, -INFINITY, 2});
  support::for_each_isa([&](isa) {
    check_close(max(x, 1), {NAN, 2});
    check_close(sum(x, 1), {NAN, -HUGE_VAL});
  });
  CHECK(sum(from<std::int64_t>({3}, {1, -2, 4})).item() == 3);
}

TEST_CASE("reductions: axes that are wrong") {
  CHECK_THROWS_WITH_AS(sum(cube(), 3), "[shape] expected an axis of (2, 3, 2), got 3", shape_error);
  CHECK_THROWS_WITH_AS(sum(cube(), {.axes = {1, -2}}), "[reduce] expected axes that differ, got axis 1 twice",
                       shape_error);
  CHECK_THROWS_AS(mean(cube(), {.axes = {0, 0, 0, 0, 0, 0, 0, 0, 0}}), shape_error);
}
