// Shows: Huber
// Huber's loss against PyTorch and central differences, on both sides of delta.
#include <inlay/loss/huber.hpp>

#include <doctest/doctest.h>

#include <inlay/testing/check_gradient.hpp>

#include "loss/rows.hpp"

using namespace inlay;
using support::check_close;
using support::variables;
using options = loss::huber_options;

namespace {

// The differences 2.5 and 2 lie on a bound, 0 where |d| has no slope.
const tensor<double> x = from<double>({2, 3}, {-1.5, 0.5, 2, 0.25, -0.75, 1}),
                     y = from<double>({2, 3}, {1, -2, 0.5, 0.25, 3, -1});

}  // namespace

TEST_CASE("huber: PyTorch's values and gradients") {
  // F.huber_loss(x, y, delta=..., reduction=...)
  support::check_rows<options>(
      "huber", [](const variables& v, const options& o) { return loss::huber(v[0], v[1], o); }, {x, y},
      {1, -2, 0.5, 0.25, 3, -1},
      {
          {options{.reduction = reduction::mean},
           {1.625},
           {{-0.1666666666667, 0.1666666666667, 0.1666666666667, 0, -0.1666666666667, 0.1666666666667},
            {0.1666666666667, -0.1666666666667, -0.1666666666667, 0, 0.1666666666667, -0.1666666666667}}},
          {options{.reduction = reduction::sum}, {9.75}, {{-1, 1, 1, 0, -1, 1}, {1, -1, -1, 0, 1, -1}}},
          {options{.reduction = reduction::none},
           {2, 2, 1, 0, 3.25, 1.5},
           {{-1, -2, 0.5, 0, -3, -1}, {1, 2, -0.5, 0, 3, 1}}},
          {options{.delta = 2.5, .reduction = reduction::mean},
           {2.604166666667},
           {{-0.4166666666667, 0.4166666666667, 0.25, 0, -0.4166666666667, 0.3333333333333},
            {0.4166666666667, -0.4166666666667, -0.25, 0, 0.4166666666667, -0.3333333333333}}},
          {options{.delta = 2.5, .reduction = reduction::sum},
           {15.625},
           {{-2.5, 2.5, 1.5, 0, -2.5, 2}, {2.5, -2.5, -1.5, 0, 2.5, -2}}},
          {options{.delta = 2.5, .reduction = reduction::none},
           {3.125, 3.125, 1.125, 0, 6.25, 2},
           {{-2.5, -5, 0.75, 0, -7.5, -2}, {2.5, 5, -0.75, 0, 7.5, 2}}},
      });
}

TEST_CASE("huber: central differences") {
  const auto r =
      testing::check_gradient([](const auto& a, const auto& b) { return loss::huber(a, b, {.delta = 1.75}); }, x, y);
  CHECK_MESSAGE(r.ok(), r.text());
}

TEST_CASE_TEMPLATE("huber: huge and infinite differences", T, float, double) {
  const T inf = std::numeric_limits<T>::infinity();
  const variable<T> a{from<T>({4}, {T(1e4), T(-1e30), inf, T(0.5)})};
  const auto each = loss::huber(a, tensor<T>({4}), {.delta = 2, .reduction = reduction::none});
  check_close(each.value(), {2e4 - 2, 2e30, static_cast<double>(inf), 0.125}, 1e-6);
  each.backward(tensor<T>({4}, T{1}));
  check_close(a.grad(), {2, -2, 2, 0.5}, 1e-6);
  const double no_bound = std::numeric_limits<double>::infinity();
  CHECK(loss::huber(tensor<T>({1}, T{3}), tensor<T>({1}), {.delta = no_bound}).item() == T(4.5));
}

TEST_CASE("huber: what does not fit") {
  CHECK_THROWS_WITH_AS(loss::huber(x, y, {.delta = 0}), "[huber] expected .delta above 0, got 0", value_error);
  CHECK_THROWS_AS(loss::huber(x, y, {.delta = std::numeric_limits<double>::quiet_NaN()}), value_error);
  CHECK_THROWS_WITH_AS(loss::huber(tensor<float>({4}), tensor<float>({4, 1})),
                       "[huber] expected prediction and target of one shape, got (4,) and (4, 1)", shape_error);
}
