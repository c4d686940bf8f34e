// Cross-entropy against PyTorch and central differences, in every reduction.
#include <inlay/loss/cross_entropy.hpp>

#include <doctest/doctest.h>

#include <inlay/testing/check_gradient.hpp>

#include "tensors.hpp"

using namespace inlay;
using support::variables;

namespace {

const tensor<double> x = from<double>({2, 3}, {-1.5, 0.5, 2, 0.25, -0.75, 1});
const tensor<std::int64_t> classes = from<std::int64_t>({2}, {2, 0});

}  // namespace

TEST_CASE("cross_entropy: PyTorch's values and gradients") {
  // F.cross_entropy(x, torch.tensor([2, 0]), reduction=...): (y * dy).sum().backward()
  support::check_golden("mean", [](const variables& v) { return loss::cross_entropy(v[0], classes); }, {x}, {1},
                        {0.7371177519873746},
                        {{0.012046884143424197, 0.08901510275307953, -0.1010619868965037, -0.3565230143375093,
                          0.05278223330648012, 0.30374078103102925}});
  support::check_golden(
      "sum", [](const variables& v) { return loss::cross_entropy(v[0], classes, {.reduction = reduction::sum}); }, {x},
      {1}, {1.4742355039747492},
      {{0.024093768286848394, 0.17803020550615906, -0.2021239737930074, -0.7130460286750187, 0.10556446661296023,
        0.6074815620620585}});
  support::check_golden(
      "none", [](const variables& v) { return loss::cross_entropy(v[0], classes, {.reduction = reduction::none}); },
      {x}, {2, -0.5}, {0.22580204923159933, 1.24843345474315},
      {{0.04818753657369679, 0.3560604110123181, -0.4042479475860148, 0.3565230143375093, -0.05278223330648012,
        -0.30374078103102925}});
}

TEST_CASE("cross_entropy: central differences") {
  for (const reduction how : {reduction::mean, reduction::sum, reduction::none}) {
    const auto r =
        testing::check_gradient([&](const auto& v) { return loss::cross_entropy(v, classes, {.reduction = how}); }, x);
    CHECK_MESSAGE(r.ok(), r.text());
  }
}

TEST_CASE("cross_entropy: what does not fit") {
  CHECK_THROWS_WITH_AS(loss::cross_entropy(x, from<std::int64_t>({2}, {0, 5})),
                       "[cross_entropy] expected classes from 0 to 2, got 5 in row 1", value_error);
  CHECK_THROWS_AS(loss::cross_entropy(variable<double>{x}, tensor<std::int64_t>({1})), shape_error);
}
