// Shows: squared and absolute error
// Mean squared and mean absolute error against PyTorch and central differences, in every reduction; no accidental
// broadcasting.
#include <inlay/loss/mse.hpp>

#include <doctest/doctest.h>

#include <inlay/testing/check_gradient.hpp>

#include "loss/rows.hpp"

using namespace inlay;
using support::check_close;
using support::variables;
using options = loss::reduction_options;

namespace {

const tensor<double> x = from<double>({2, 3}, {-1.5, 0.5, 2, 0.25, -0.75, 1}),
                     y = from<double>({2, 3}, {1, -2, 0.5, 0.25, 3, -1});

}  // namespace

TEST_CASE("mse and mae: PyTorch's values and gradients") {
  // F.mse_loss(x, y, reduction=...): (loss * dy).sum().backward()
  support::check_rows<options>(
      "mse", [](const variables& v, const options& o) { return loss::mse(v[0], v[1], o); }, {x, y},
      {1, -2, 0.5, 0.25, 3, -1},
      {
          {options{.reduction = reduction::mean},
           {5.46875},
           {{-0.8333333333333, 0.8333333333333, 0.5, 0, -1.25, 0.6666666666667},
            {0.8333333333333, -0.8333333333333, -0.5, 0, 1.25, -0.6666666666667}}},
          {options{.reduction = reduction::sum}, {32.8125}, {{-5, 5, 3, 0, -7.5, 4}, {5, -5, -3, 0, 7.5, -4}}},
          {options{.reduction = reduction::none},
           {6.25, 6.25, 2.25, 0, 14.0625, 4},
           {{-5, -10, 1.5, 0, -22.5, -4}, {5, 10, -1.5, 0, 22.5, 4}}},
      });
  // F.l1_loss(x, y, reduction=...)
  support::check_rows<options>(
      "mae", [](const variables& v, const options& o) { return loss::mae(v[0], v[1], o); }, {x, y},
      {1, -2, 0.5, 0.25, 3, -1},
      {
          {options{.reduction = reduction::mean},
           {2.041666666667},
           {{-0.1666666666667, 0.1666666666667, 0.1666666666667, 0, -0.1666666666667, 0.1666666666667},
            {0.1666666666667, -0.1666666666667, -0.1666666666667, 0, 0.1666666666667, -0.1666666666667}}},
          {options{.reduction = reduction::sum}, {12.25}, {{-1, 1, 1, 0, -1, 1}, {1, -1, -1, 0, 1, -1}}},
          {options{.reduction = reduction::none},
           {2.5, 2.5, 1.5, 0, 3.75, 2},
           {{-1, -2, 0.5, 0, -3, -1}, {1, 2, -0.5, 0, 3, 1}}},
      });
}

TEST_CASE("mse and mae: central differences, targets of any kind") {
  const auto squared = testing::check_gradient([](const auto& a, const auto& b) { return loss::mse(a, b); }, x, y);
  CHECK_MESSAGE(squared.ok(), squared.text());
  const auto absolute = testing::check_gradient([](const auto& a, const auto& b) { return loss::mae(a, b); }, x, y);
  CHECK_MESSAGE(absolute.ok(), absolute.text());
  const autograd::tape t;
  const auto leaf = t.leaf(x);
  loss::mse(leaf, y).backward();
  check_close(leaf.grad(), {-0.8333333333333333, 0.8333333333333333, 0.5, 0, -1.25, 0.6666666666666666});
  CHECK(loss::mse(x, y).item() == 5.46875);
}

TEST_CASE("mse and mae: float, huge values") {
  const float huge = 1e30f, inf = std::numeric_limits<float>::infinity();
  const tensor<float> a = from<float>({3}, {huge, 1, -inf}), b = from<float>({3}, {-huge, 0.5f, 0});
  check_close(loss::mse(a, b, {.reduction = reduction::none}), {inf, 0.25, inf});
  check_close(loss::mae(a, b, {.reduction = reduction::none}), {2e30, 0.5, inf}, 1e-6);
}

TEST_CASE("mse and mae: what does not fit") {
  CHECK_THROWS_WITH_AS(loss::mse(tensor<float>({4}), tensor<float>({4, 1})),
                       "[mse] expected prediction and target of one shape, got (4,) and (4, 1)", shape_error);
  CHECK_THROWS_WITH_AS(loss::mse(tensor<float>({0, 2}), tensor<float>({0, 2})),
                       "[mse] expected at least one element, got an empty batch (0, 2)", shape_error);
  CHECK_THROWS_WITH_AS(loss::mae(tensor<float>({4}), tensor<float>({4, 1})),
                       "[mae] expected prediction and target of one shape, got (4,) and (4, 1)", shape_error);
}
