// Shows: average precision
// average_precision: by hand, against scikit-learn and a loop over the rows of the class, with ties, for two classes
// and for more.
#include <inlay/metrics/average_precision.hpp>

#include <doctest/doctest.h>

#include "metrics/ranked.hpp"
#include "naive/metrics.hpp"

using namespace inlay;
using metrics::average;
using support::scores_for;

namespace {

double value_of(const std::vector<double>& scores, const support::classes& classes, std::int64_t columns = 0,
                average by = average::macro) {
  return support::value_of<metrics::average_precision>(scores, classes, columns, by);
}

}  // namespace

TEST_CASE("average_precision: by hand") {
  CHECK(value_of({1, 2, 3}, {0, 0, 1}) == 1);
  CHECK(value_of({1, 2, 3}, {1, 0, 0}) == doctest::Approx(1.0 / 3));
  CHECK(value_of({0.1, 0.4, 0.35, 0.8}, {0, 0, 1, 1}) == doctest::Approx(0.8333333333333333));
  CHECK(value_of({1, 1, 1, 1}, {0, 1, 1, 1}) == 0.75);
  CHECK(value_of({-0.0, 0.0, 1}, {0, 1, 0}) == doctest::Approx(1.0 / 3));
}

TEST_CASE("average_precision: scikit-learn's values") {
  // average_precision_score(labels, scores)
  const support::classes labels = support::made_up_classes(200, [](std::uint64_t n) { return n % 3 == 0; });
  const auto binary = [&](double steps) { return value_of(scores_for(labels, 0, 5, 0.5, steps), labels); };
  CHECK(binary(0) == doctest::Approx(0.6023744361858958).epsilon(1e-14));
  CHECK(binary(8) == doctest::Approx(0.5832127441111646).epsilon(1e-14));
  // average_precision_score(one_hot, scores, average=…)
  const support::classes classes = support::made_up_classes(150, [](std::uint64_t n) { return n % 7 % 4; });
  const auto of_four = [&](average by) { return value_of(scores_for(classes, 4, 6, 0.25, 16), classes, 4, by); };
  CHECK(of_four(average::micro) == doctest::Approx(0.46096016415578833).epsilon(1e-14));
  CHECK(of_four(average::macro) == doctest::Approx(0.46383563641872816).epsilon(1e-14));
  CHECK(of_four(average::weighted) == doctest::Approx(0.47511043545425036).epsilon(1e-14));
}

TEST_CASE_TEMPLATE("average_precision: like a plain loop, for any number of rows", T, float, double) {
  support::check_ranking<metrics::average_precision, T>(naive::average_precision);
}

TEST_CASE("average_precision: errors in its name") {
  metrics::average_precision m;
  CHECK_THROWS_WITH_AS(m.value(), "[average_precision] expected an update() first, got none", state_error);
  m.update(from<float>({2}, {1, 2}), from<std::int64_t>({2}, {0, 0}));
  CHECK_THROWS_WITH_AS(m.value(), "[average_precision] expected rows of class 1 and of others, got 0 of 2",
                       state_error);
}
