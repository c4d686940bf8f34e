// Shows: ROC-AUC
// roc_auc: by hand, against scikit-learn and a loop over pairs of rows, with ties, for two classes and for more.
#include <inlay/metrics/roc_auc.hpp>

#include <doctest/doctest.h>

#include "metrics/ranked.hpp"
#include "naive/metrics.hpp"

using namespace inlay;
using metrics::average;
using support::scores_for;

namespace {

double value_of(const std::vector<double>& scores, const support::classes& classes, std::int64_t columns = 0,
                average by = average::macro) {
  return support::value_of<metrics::roc_auc>(scores, classes, columns, by);
}

}  // namespace

TEST_CASE("roc_auc: by hand") {
  CHECK(value_of({1, 2, 3}, {0, 0, 1}) == 1);
  CHECK(value_of({1, 2, 3}, {1, 0, 0}) == 0);
  CHECK(value_of({0.1, 0.4, 0.35, 0.8}, {0, 0, 1, 1}) == 0.75);
  CHECK(value_of({1, 1, 1, 1}, {0, 1, 1, 1}) == 0.5);
  CHECK(value_of({-0.0, 0.0, 1}, {0, 1, 0}) == 0.25);
}

TEST_CASE("roc_auc: scikit-learn's values") {
  // roc_auc_score(labels, scores)
  const support::classes labels = support::made_up_classes(200, [](std::uint64_t n) { return n % 3 == 0; });
  const auto binary = [&](double steps) { return value_of(scores_for(labels, 0, 5, 0.5, steps), labels); };
  CHECK(binary(0) == doctest::Approx(0.6795383453780606).epsilon(1e-14));
  CHECK(binary(8) == doctest::Approx(0.6784057814690972).epsilon(1e-14));
  // roc_auc_score(one_hot, scores, average=…)
  const support::classes classes = support::made_up_classes(150, [](std::uint64_t n) { return n % 7 % 4; });
  const auto of_four = [&](average by) { return value_of(scores_for(classes, 4, 6, 0.25, 16), classes, 4, by); };
  CHECK(of_four(average::micro) == doctest::Approx(0.6526222222222222).epsilon(1e-14));
  CHECK(of_four(average::macro) == doctest::Approx(0.653280963418511).epsilon(1e-14));
  CHECK(of_four(average::weighted) == doctest::Approx(0.6494392257455139).epsilon(1e-14));
}

TEST_CASE_TEMPLATE("roc_auc: like a plain loop, for any number of rows", T, float, double) {
  support::check_ranking<metrics::roc_auc, T>(naive::roc_auc);
}

TEST_CASE("roc_auc: errors in its name") {
  metrics::roc_auc m;
  CHECK_THROWS_WITH_AS(m.value(), "[roc_auc] expected an update() first, got none", state_error);
  m.update(from<float>({2}, {1, 2}), from<std::int64_t>({2}, {0, 0}));
  CHECK_THROWS_WITH_AS(m.value(), "[roc_auc] expected rows of class 1 and of others, got 0 of 2", state_error);
}
