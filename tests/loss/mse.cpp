// Mean squared error against PyTorch and central differences, in every reduction; no accidental broadcasting.
#include <inlay/loss/mse.hpp>

#include <doctest/doctest.h>

#include <inlay/testing/check_gradient.hpp>

#include "tensors.hpp"

using namespace inlay;
using support::variables;

namespace {

const tensor<double> x = from<double>({2, 3}, {-1.5, 0.5, 2, 0.25, -0.75, 1}),
                     y = from<double>({2, 3}, {1, -2, 0.5, 0.25, 3, -1});

}  // namespace

TEST_CASE("mse: PyTorch's values and gradients") {
  // F.mse_loss(x, y, reduction=...): (loss * dy).sum().backward()
  support::check_golden("mean", [](const variables& v) { return loss::mse(v[0], v[1]); }, {x, y}, {1}, {5.46875},
                        {{-0.8333333333333333, 0.8333333333333333, 0.5, 0, -1.25, 0.6666666666666666},
                         {0.8333333333333333, -0.8333333333333333, -0.5, 0, 1.25, -0.6666666666666666}});
  support::check_golden("sum", [](const variables& v) { return loss::mse(v[0], v[1], {.reduction = reduction::sum}); },
                        {x, y}, {1}, {32.8125}, {{-5, 5, 3, 0, -7.5, 4}, {5, -5, -3, 0, 7.5, -4}});
  support::check_golden("none",
                        [](const variables& v) { return loss::mse(v[0], v[1], {.reduction = reduction::none}); },
                        {x, y}, {1, -2, 0.5, 0.25, 3, -1}, {6.25, 6.25, 2.25, 0, 14.0625, 4},
                        {{-5, -10, 1.5, 0, -22.5, -4}, {5, 10, -1.5, 0, 22.5, 4}});
}

TEST_CASE("mse: central differences, targets of any kind") {
  const auto r = testing::check_gradient([](const auto& a, const auto& b) { return loss::mse(a, b); }, x, y);
  CHECK_MESSAGE(r.ok(), r.text());
  const autograd::tape t;
  const auto leaf = t.leaf(x);
  loss::mse(leaf, y).backward();
  support::check_close(leaf.grad(), {-0.8333333333333333, 0.8333333333333333, 0.5, 0, -1.25, 0.6666666666666666});
  CHECK(loss::mse(x, y).item() == 5.46875);
}

TEST_CASE("mse: what does not fit") {
  CHECK_THROWS_WITH_AS(loss::mse(tensor<float>({4}), tensor<float>({4, 1})),
                       "[mse] expected prediction and target of one shape, got (4,) and (4, 1)", shape_error);
  CHECK_THROWS_WITH_AS(loss::mse(tensor<float>({0, 2}), tensor<float>({0, 2})),
                       "[mse] expected at least one element, got an empty batch (0, 2)", shape_error);
}
