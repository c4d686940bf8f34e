// Shows: (rules of first values)
// Rules of first values: their bounds, moments and shapes; the same numbers on every machine.
#include <inlay/autograd/distribution.hpp>

#include <doctest/doctest.h>

#include "tensors.hpp"

using namespace inlay;

namespace {

tensor<double> drawn(const distribution& rule, const shape& sizes = {30, 20, 3}) {
  random::generator g(5);
  return rule.draw<double>(g, sizes);
}

}  // namespace

TEST_CASE("distribution: bounds and orthogonal matrices") {
  for (const double v : drawn(distribution::truncated_normal(1, 0.5)).values()) CHECK(std::abs(v - 1) <= 1);
  const double bound = std::sqrt(3.0 * 2 / 60);
  for (const double v : drawn(distribution::scaled_uniform(2, fan::in)).values()) CHECK(std::abs(v) <= bound);
  for (const shape& sizes : {shape{4, 9}, shape{9, 4}, shape{5, 2, 3}, shape{1, 1}}) {
    const std::int64_t rows = sizes[0], columns = sizes.size() / rows;
    const tensor<double> w = drawn(distribution::orthogonal(2), sizes).reshape({rows, columns});
    const bool wide = rows <= columns;
    const std::int64_t count = wide ? rows : columns, length = wide ? columns : rows;
    for (std::int64_t i = 0; i < count; ++i)
      for (std::int64_t j = 0; j <= i; ++j) {
        double dot = 0;
        for (std::int64_t k = 0; k < length; ++k) dot += wide ? w(i, k) * w(j, k) : w(k, i) * w(k, j);
        CHECK(std::abs(dot - (i == j ? 4 : 0)) < 1e-12);
      }
  }
}

TEST_CASE("distribution: a row of zeros, and what does not fit") {
  distribution rule = distribution::normal(0, 1);
  rule.zero_row = 1;
  const tensor<double> w = drawn(rule, {3, 2});
  CHECK((w(1, 0) == 0 && w(1, 1) == 0 && w(0, 0) != 0 && w(2, 1) != 0));
  CHECK_THROWS_WITH_AS(drawn(distribution::orthogonal(), {3}),
                       "[init] expected a weight (out, in, …) for this rule, got (3,)", shape_error);
  CHECK_THROWS_AS(drawn(distribution::scaled_normal(1, fan::average), {3, 0}), shape_error);
}
