// Shows: (rows in the order of their scores)
// What roc_auc and average_precision share: batches of any size and type, averages, and what they refuse.
#include <inlay/metrics/ranking.hpp>

#include <doctest/doctest.h>

#include <limits>

using namespace inlay;
using metrics::average;

namespace {

// How many rows are right, ten for each place of the score: what an average is taken of is easily seen.
struct weighed {
  static constexpr const char* name = "weighed";
  double operator()(std::span<const metrics::detail::ranked_row> rows, double right) const {
    CHECK(std::is_sorted(rows.begin(), rows.end(), [](const auto& a, const auto& b) { return a.score > b.score; }));
    return right + 10 * static_cast<double>(rows.size());
  }
};
using metric = metrics::detail::ranking<weighed>;

tensor<std::int64_t> classes_of(std::initializer_list<std::int64_t> classes) {
  return from<std::int64_t>({static_cast<std::int64_t>(classes.size())}, classes);
}

}  // namespace

TEST_CASE("ranking: rows of equal scores come together") {
  const metrics::detail::ranked_row rows[] = {{3, true}, {1, false}, {1, true}, {1, false}, {-0.0, true}, {0, true}};
  std::vector<std::int64_t> seen;
  metrics::detail::each_score(rows, [&](std::int64_t right, std::int64_t wrong) {
    seen.push_back(right);
    seen.push_back(wrong);
  });
  CHECK(seen == std::vector<std::int64_t>{1, 0, 1, 2, 2, 0});
}

TEST_CASE("ranking: averages over the classes") {
  const auto value = [](average by) {
    metric m{{.average = by}};
    m.update(from<float>({2, 3}, {1, 2, 3, 4, 5, 6}), classes_of({0, 1}));
    m.update(tensor<double>({0, 3}), classes_of({}));
    m.update(from<double>({3, 3}, {1, 2, 3, 4, 5, 6, 0, 0, 0}), classes_of({2, 2, 2}));
    return m.value();
  };
  CHECK(value(average::macro) == doctest::Approx((51 + 51 + 53) / 3.0));
  CHECK(value(average::weighted) == doctest::Approx((51 + 51 + 3 * 53) / 5.0));
  CHECK(value(average::micro) == 155);  // five right ones of fifteen
}

TEST_CASE("ranking: two classes by one score; the caller's tensors may change afterwards") {
  metric m;
  tensor<double> scores = from<double>({3}, {1, 2, 3});
  tensor<std::int64_t> classes = classes_of({1, 0, 1});
  scores.data();  // pinned
  m.update(scores, classes);
  scores(0) = 7;
  classes(1) = 1;
  CHECK(m.value() == 32);
  m.update(from<float>({1}, {1}), classes_of({1}));
  CHECK(m.value() == 43);
  m.reset();
  CHECK_THROWS_AS(m.value(), state_error);
  m.update(from<float>({2, 2}, {1, 2, 3, 4}), classes_of({0, 1}));  // another kind, after reset
  CHECK(m.value() == 21);
}

TEST_CASE_TEMPLATE("ranking: what does not fit", T, float, double) {
  metric m;
  CHECK_THROWS_WITH_AS(m.value(), "[weighed] expected an update() first, got none", state_error);
  const tensor<T> scores = from<T>({2}, {1, 2});
  CHECK_THROWS_WITH_AS(m.update(scores, classes_of({0, 2})), "[weighed] expected classes from 0 to 1, got 2",
                       value_error);
  CHECK_THROWS_WITH_AS(m.update(scores, classes_of({0})),
                       "[weighed] expected scores (N, V) and classes (N,), got (2,) and (1,)", shape_error);
  CHECK_THROWS_AS(m.update(tensor<T>({2, 1, 1}), classes_of({0, 0})), shape_error);
  CHECK_THROWS_AS(m.update(tensor<T>(shape{}), tensor<std::int64_t>(shape{})), shape_error);
  CHECK_THROWS_WITH_AS(m.update(from<T>({2}, {1, std::numeric_limits<T>::quiet_NaN()}), classes_of({0, 1})),
                       "[weighed] expected scores that are numbers, got NaN", value_error);
  CHECK_THROWS_AS(m.value(), state_error);

  m.update(scores, classes_of({1, 1}));
  CHECK_THROWS_WITH_AS(m.value(), "[weighed] expected rows of class 1 and of others, got 2 of 2", state_error);
  CHECK_THROWS_WITH_AS(m.update(tensor<T>({2, 2}), classes_of({0, 1})),
                       "[weighed] expected scores as in the first update, (2,), but for the number of rows, got (2, 2)",
                       shape_error);
  m.update(scores, classes_of({0, 0}));
  CHECK(m.value() == 42);

  metric three;
  three.update(tensor<T>({2, 3}), classes_of({0, 1}));
  CHECK_THROWS_WITH_AS(three.value(), "[weighed] expected rows of class 2 and of others, got 0 of 2", state_error);
  CHECK_THROWS_AS(three.update(tensor<T>({2, 4}), classes_of({0, 1})), shape_error);
  CHECK_THROWS_AS(three.update(tensor<T>({2, 3}), classes_of({0, 3})), value_error);
}
