// Shows: (means and sums of losses)
// The three reductions of a loss agree with each other.
#include <inlay/ops/reduction.hpp>

#include <doctest/doctest.h>

#include <inlay/ops/cross_entropy.hpp>
#include <inlay/ops/reduce.hpp>

#include "tensors.hpp"

using namespace inlay;

TEST_CASE("mean is sum over the count, sum is the sum of the losses") {
  const tensor<double> scores = support::made_up<double>({5, 4}, 1);
  const auto classes = from<std::int64_t>({5}, {0, 3, 1, 1, 2});
  const auto loss = [&](reduction how) { return apply(cross_entropy_op{how}, scores, classes, tensor<double>()); };
  CHECK(loss(reduction::none).shape() == shape{5});
  const double total = sum(loss(reduction::none)).item();
  CHECK(loss(reduction::sum).item() == doctest::Approx(total).epsilon(1e-12));
  CHECK(loss(reduction::mean).item() == doctest::Approx(total / 5).epsilon(1e-12));
  CHECK(apply(cross_entropy_op{}, scores, classes, tensor<double>()).item() == loss(reduction::mean).item());
}
