// Shows: accuracy
// accuracy: the share of right rows over any number of updates; an update that throws counts for nothing.
#include <inlay/metrics/accuracy.hpp>

#include <doctest/doctest.h>

#include <vector>

#include "naive/metrics.hpp"
#include "support.hpp"

using namespace inlay;

namespace {

tensor<std::int64_t> classes_of(std::vector<std::int64_t> classes) {
  return from<std::int64_t>({static_cast<std::int64_t>(classes.size())}, classes);
}

}  // namespace

TEST_CASE("accuracy: by hand") {
  const tensor<float> scores = from<float>({4, 3}, {1, 2, 3, /**/ 3, 3, 1, /**/ 0, 1, 0, /**/ -1, -2, -3});
  const struct {
    std::vector<std::int64_t> classes;
    double expected;
  } table[] = {{{2, 0, 1, 0}, 1}, {{2, 1, 1, 0}, 0.75}, {{0, 1, 0, 1}, 0}, {{2, 2, 2, 2}, 0.25}};
  for (const auto& row : table) {
    metrics::accuracy m;
    m.update(scores, classes_of(row.classes));
    CHECK(m.value() == row.expected);
  }
}

TEST_CASE_TEMPLATE("accuracy: many updates, against a plain loop", T, float, double) {
  metrics::accuracy m;
  std::int64_t right = 0, seen = 0;
  for (const std::int64_t rows : {1, 7, 0, 64}) {
    const std::vector<T> scores = support::noise_values<T>(rows * 5, static_cast<std::uint64_t>(rows));
    std::vector<std::int64_t> classes;
    for (std::int64_t i = 0; i < rows; ++i)
      classes.push_back(static_cast<std::int64_t>(support::noise(static_cast<std::uint64_t>(i)) % 5));
    const std::vector<std::int64_t> predicted = naive::predictions(scores, 5);
    for (std::size_t i = 0; i < predicted.size(); ++i) right += predicted[i] == classes[i];
    seen += rows;
    m.update(from<T>({rows, 5}, scores), classes_of(classes));
    CHECK(m.value() == static_cast<double>(right) / static_cast<double>(seen));
  }
  CHECK(right > 0);
  CHECK(right < seen);
}

TEST_CASE("accuracy: nothing seen, reset, and updates that throw") {
  metrics::accuracy m;
  CHECK_THROWS_WITH_AS(m.value(), "[accuracy] expected an update() first, got none", state_error);
  m.update(tensor<float>({0, 3}), classes_of({}));
  CHECK_THROWS_AS(m.value(), state_error);
  const tensor<float> scores = from<float>({2, 2}, {1, 0, 1, 0});
  m.update(scores, classes_of({0, 1}));
  CHECK(m.value() == 0.5);
  CHECK_THROWS_WITH_AS(m.update(scores, classes_of({0, 2})), "[accuracy] expected classes from 0 to 1, got 2",
                       value_error);
  CHECK_THROWS_AS(m.update(scores, classes_of({0, -1})), value_error);
  CHECK_THROWS_AS(m.update(scores, classes_of({0})), shape_error);
  CHECK_THROWS_AS(m.update(tensor<float>({2}), classes_of({0, 0})), shape_error);
  CHECK(m.value() == 0.5);
  m.update(scores, classes_of({0, 0}));
  CHECK(m.value() == 0.75);
  m.reset();
  CHECK_THROWS_AS(m.value(), state_error);
  m.update(scores, classes_of({1, 1}));
  CHECK(m.value() == 0);
}
