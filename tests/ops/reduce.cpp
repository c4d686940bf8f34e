// Shows: sum, mean, max, min, var
// sum, mean and max against PyTorch, central differences and index loops, over every set of axes of every shape; the
// same bits for any number of threads.
#include <inlay/ops/reduce.hpp>

#include <doctest/doctest.h>

#include <inlay/testing/check_gradient.hpp>

#include "naive/arrays.hpp"
#include "naive/waves.hpp"

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

TEST_CASE("min, var: PyTorch's values and gradients") {
  support::check_golden("amin with ties", [](const variables& v) { return min(v[0], 1); },
                        {from<double>({2, 3}, {1, 0.5, 0.5, 2, -1, 0})}, {3, -1}, {0.5, -1},
                        {{0, 1.5, 1.5, -0, -1, -0}});
  naive::check_waves("var", [](const variables& v) { return var(v[0]); }, {{2, 3, 2}}, {0.5154873287377225},
                     {{-0, 0, 0, 0, 0, -0, -0, -0, -0, -0, 0, 0}});
  naive::check_waves("var of axes",
                     [](const variables& v) {
                       return var(v[0], {.axes = {0, 2}});
                     },
                     {{2, 3, 2}}, {0.5913211368442096, 0.5780685073473034, 0.3265568266863033},
                     {{0, 0, 0.43482049577358295, 0.3562966939840963, -0.02486496418799491, -0.2605423548781707, -0, -0,
                       -0.6037130307265568, -0.1874041590311224, 0.08579546378437164, 0.19961185528179398}});
  naive::check_waves(
      "var of the population",
      [](const variables& v) { return var(v[0], {.axes = {1}, .keep_dims = true, .correction = 0}); }, {{2, 3, 2}},
      {0.16738094421305194, 0.27908468838513584, 0.450427533797031, 0.6472677028762993},
      {{-0, 0.16616223352020076, 0, 0.3068363836768028, -0, -0.4729986171970034, -0.20263459727792477,
        0.4539084494506698, -0.12004813826642381, -0.004266011697277331, 0.3226827355443487, -0.44964243775339247}});
}

TEST_CASE("min, var: loops, everywhere") {
  for (const std::int64_t n : {2, 7, 8, 9, 15, 16, 17, 33, 5000})
    for (const std::int64_t axis : {0, 1}) {
      const auto x = axis == 1 ? made_up<float>({3, n}, 1) : made_up<float>({n, 3}, 1);
      const std::vector<bool> over = {axis == 0, axis == 1};
      const auto add = [](double a, double b) { return a + b; };
      const naive::array mean = naive::map(naive::fold(x, over, 0, add), [&](double v) { return v / double(n); });
      const naive::array square = naive::zip(x, mean, [](double a, double b) { return (a - b) * (a - b); });
      support::check_everywhere<float>(
          [&] { return min(x, axis); },
          naive::fold(x, over, HUGE_VAL, [](double a, double b) { return std::min(a, b); }).values, 0);
      support::check_everywhere<float>(
          [&] { return var(x, axis); },
          naive::map(naive::fold(square, over, 0, add), [&](double v) { return v / double(n - 1); }).values,
          4 * support::rounding<float>);
    }
}

TEST_CASE("min, var: special values, integers, nothing") {
  check_close(var(from<double>({3}, {1e9, 1e9 + 1, 1e9 + 2})), {1});
  check_close(var(from<double>({2, 2}, {1, NAN, INFINITY, 1}), 1), {NAN, NAN});
  check_close(var(from<double>({1}, {3})), {NAN});
  check_close(var(from<double>({1}, {3}), {.correction = 0}), {0});
  check_close(var(tensor<double>({2, 0}), 1), {NAN, NAN});
  CHECK(var(tensor<double>({0, 2}), 1).shape() == shape{0});
  const tensor<float> x = from<float>({3, 2}, {NAN, 1, INFINITY, 2, INFINITY, INFINITY});
  support::for_each_isa([&](isa) { check_close(min(x, 1), {NAN, 2, HUGE_VAL}); });
  support::for_each_isa([&](isa) {
    const auto bytes = from<std::uint8_t>({2, 3}, {200, 100, 7, 255, 254, 255});
    CHECK(max(bytes, 1)(0) == 200);
    CHECK(min(bytes, 1)(1) == 254);
    const auto ints = from<std::int64_t>({2, 2}, {-5, -7, INT64_MIN, INT64_MIN});
    CHECK(max(ints, 1)(0) == -5);
    CHECK(max(ints, 1)(1) == INT64_MIN);
    CHECK(min(ints, 0)(1) == INT64_MIN);
    CHECK(min(from<std::int32_t>({2}, {INT32_MAX, INT32_MAX})).item() == INT32_MAX);
  });
  CHECK(max(tensor<float>({0, 3}), 1).shape() == shape{0});
  CHECK(min(tensor<float>({0, 3}), {.axes = {1}, .keep_dims = true}).shape() == shape{0, 1});
  const variable<double> none{tensor<double>({0, 3})};
  max(none, 1).backward(tensor<double>({0}));
  CHECK(none.grad().shape() == shape{0, 3});
  CHECK_THROWS_WITH_AS(min(tensor<double>({0, 3}), 0), "[min] expected at least one element, got (0, 3)", shape_error);
}

TEST_CASE("min, var: central differences") {
  for (const bool keep : {false, true}) {
    const auto r = testing::check_gradient(
        [&](const auto& x) {
          return var(x, {.axes = {0, 2}, .keep_dims = keep}) - min(x, {.axes = {0, 2}, .keep_dims = keep}) * 0.5;
        },
        cube());
    CHECK_MESSAGE(r.ok(), r.text());
  }
}
