// Shows: hinge and multi-margin
// Hinge losses against their formula, PyTorch's multi_margin_loss and central differences.
#include <inlay/loss/hinge.hpp>

#include <doctest/doctest.h>

#include <inlay/testing/check_gradient.hpp>

#include "loss/rows.hpp"

using namespace inlay;
using support::check_close;
using support::variables;
using options = loss::hinge_options;

namespace {

constexpr reduction mean_of = reduction::mean, sum_of = reduction::sum, none = reduction::none;
const auto classes = from<std::int64_t>({4}, {2, 0, 1, 2});
const double infinity = std::numeric_limits<double>::infinity();

// torch.arange(12.0).mul(0.7).sin().mul(3)
tensor<double> scores() {
  tensor<double> out({4, 3});
  out.write([](std::span<double> to) {
    for (std::size_t i = 0; i < to.size(); ++i) to[i] = 3 * std::sin(0.7 * static_cast<double>(i));
  });
  return out;
}

}  // namespace

TEST_CASE("hinge: its formula") {
  const tensor<double> x = from<double>({2, 3}, {-1.5, 0.5, 2, 0.25, -0.75, 1}),
                       y = from<double>({2, 3}, {1, 1, 1, -1, -1, -1});
  // max(0, 1 - y x): 2.5, 0.5, 0, 1.25, 0.25, 2; its slope in x is -y, in y -x
  support::check_rows<options>(
      "hinge", [](const variables& v, const options& o) { return loss::hinge(v[0], v[1], o); }, {x, y},
      {1, -2, 0.5, 0.25, 3, -1},
      {
          {options{.reduction = sum_of}, {6.5}, {{-1, -1, 0, 1, 1, 1}, {1.5, -0.5, 0, -0.25, 0.75, -1}}},
          {options{},
           {6.5 / 6},
           {{-1. / 6, -1. / 6, 0, 1. / 6, 1. / 6, 1. / 6}, {0.25, -0.5 / 6, 0, -0.25 / 6, 0.125, -1. / 6}}},
          {options{.reduction = none},
           {2.5, 0.5, 0, 1.25, 0.25, 2},
           {{-1, 2, 0, 0.25, 3, -1}, {1.5, 1, 0, -0.0625, 2.25, 1}}},
          {options{.margin = 0.5, .reduction = sum_of},
           {2 + 0 + 0 + 0.75 + 0 + 1.5},
           {{-1, 0, 0, 1, 0, 1}, {1.5, 0, 0, -0.25, 0, -1}}},
          {options{.squared = true, .reduction = sum_of},
           {6.25 + 0.25 + 1.5625 + 0.0625 + 4},
           {{-5, -1, 0, 2.5, 0.5, 4}, {7.5, -0.5, 0, -0.625, 0.375, -4}}},
      });
}

TEST_CASE("multi_margin: PyTorch's values and gradients") {
  // F.multi_margin_loss(scores, classes, p=..., margin=..., reduction=...)
  support::check_rows<options>(
      "multi_margin", [](const variables& v, const options& o) { return loss::multi_margin(v[0], classes, o); },
      {scores()}, {1, -2, 0.5, 3},
      {
          {options{.reduction = mean_of},
           {0.2827202949511},
           {{0, 0, 0, 0, 0, 0, 0.08333333333333, -0.1666666666667, 0.08333333333333, 0, 0.08333333333333,
             -0.08333333333333}}},
          {options{.reduction = sum_of},
           {1.130881179805},
           {{0, 0, 0, 0, 0, 0, 0.3333333333333, -0.6666666666667, 0.3333333333333, 0, 0.3333333333333,
             -0.3333333333333}}},
          {options{.reduction = none},
           {0, 0, 1.128729481629, 0.002151698175122},
           {{0, 0, 0, 0, 0, 0, 0.1666666666667, -0.3333333333333, 0.1666666666667, 0, 1, -1}}},
          {options{.margin = 0.5, .squared = true, .reduction = mean_of},
           {0.2589013173256},
           {{0, 0, 0, 0, 0, 0, 0.1387717534387, -0.397698074148, 0.2589263207093, 0, 0, 0}}},
          {options{.margin = 0.5, .squared = true, .reduction = sum_of},
           {1.035605269302},
           {{0, 0, 0, 0, 0, 0, 0.5550870137548, -1.590792296592, 1.035705282837, 0, 0, 0}}},
          {options{.margin = 0.5, .squared = true, .reduction = none},
           {0, 0, 1.035605269302, 0},
           {{0, 0, 0, 0, 0, 0, 0.2775435068774, -0.7953961482961, 0.5178526414187, 0, 0, 0}}},
      });
}

TEST_CASE("hinge and multi_margin: central differences") {
  const options all{.margin = 0.8, .squared = true, .reduction = none};
  const auto two = testing::check_gradient([&](const auto& a, const auto& b) { return loss::hinge(a, b, all); },
                                           scores(), support::made_up<double>({4, 3}, 1));
  CHECK_MESSAGE(two.ok(), two.text());
  const auto many =
      testing::check_gradient([&](const auto& a) { return loss::multi_margin(a, classes, all); }, scores());
  CHECK_MESSAGE(many.ok(), many.text());
}

TEST_CASE_TEMPLATE("hinge and multi_margin: huge and infinite scores", T, float, double) {
  const T inf = std::numeric_limits<T>::infinity();
  const tensor<T> x = from<T>({4}, {T(1e4), T(-1e4), inf, -inf}), y = from<T>({4}, {1, 1, 1, 1});
  check_close(loss::hinge(x, y, {.reduction = none}), {0, 10001, 0, infinity});
  const variable<T> rows{from<T>({3, 2}, {inf, 0, 0, -inf, T(-1e4), T(1e4)})};
  const auto each = loss::multi_margin(rows, from<std::int64_t>({3}, {0, 0, 0}), {.reduction = none});
  check_close(each.value(), {0, 0, 10000.5});
  each.backward(tensor<T>({3}, T{1}));
  check_close(rows.grad(), {0, 0, 0, 0, -0.5, 0.5});
  CHECK(loss::multi_margin(from<T>({1, 2}, {-inf, 0}), from<std::int64_t>({1}, {0})).item() == inf);
  const double not_a_number = std::numeric_limits<double>::quiet_NaN();
  CHECK(support::is_nan(
      loss::multi_margin(from<double>({1, 2}, {not_a_number, 0}), from<std::int64_t>({1}, {0})).item()));
}

TEST_CASE("hinge and multi_margin: what does not fit") {
  CHECK_THROWS_WITH_AS(loss::hinge(tensor<float>({4}), tensor<float>({4, 1})),
                       "[hinge] expected prediction and target of one shape, got (4,) and (4, 1)", shape_error);
  CHECK_THROWS_WITH_AS(loss::multi_margin(scores(), from<std::int64_t>({4}, {0, 1, 2, 3})),
                       "[multi_margin] expected classes from 0 to 2, got 3 in row 3", value_error);
  CHECK_THROWS_WITH_AS(loss::multi_margin(scores(), from<std::int64_t>({2}, {0, 1})),
                       "[multi_margin] expected classes (4,) for scores (4, 3), got (2,)", shape_error);
  CHECK_THROWS_WITH_AS(loss::multi_margin(tensor<double>({2, 3, 1}), tensor<std::int64_t>({2, 1})),
                       "[multi_margin] expected scores (N, V), got (2, 3, 1)", shape_error);
  CHECK_THROWS_WITH_AS(loss::multi_margin(tensor<double>({0, 3}), tensor<std::int64_t>({0})),
                       "[multi_margin] expected at least one row and one class, got (0, 3)", shape_error);
}
