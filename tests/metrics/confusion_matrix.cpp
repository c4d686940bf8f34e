// Shows: confusion matrix
// confusion_matrix: counts per true and predicted class over any number of updates, and the table a user reads.
#include <inlay/metrics/confusion_matrix.hpp>

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "naive/metrics.hpp"
#include "support.hpp"

using namespace inlay;

namespace {

tensor<std::int64_t> classes_of(std::vector<std::int64_t> classes) {
  return from<std::int64_t>({static_cast<std::int64_t>(classes.size())}, classes);
}

// Scores that say these classes.
tensor<float> scores_for(const std::vector<std::int64_t>& predicted, std::int64_t classes) {
  tensor<float> out({static_cast<std::int64_t>(predicted.size()), classes});
  out.write([&](std::span<float> to) {
    for (std::size_t i = 0; i < predicted.size(); ++i)
      to[i * static_cast<std::size_t>(classes) + static_cast<std::size_t>(predicted[i])] = 1;
  });
  return out;
}

}  // namespace

TEST_CASE_TEMPLATE("confusion_matrix: many updates, against a plain loop", T, float, double) {
  for (const std::int64_t count : {1, 2, 5, 12}) {
    INFO("classes ", count);
    metrics::confusion_matrix m(count);
    const auto width = static_cast<std::size_t>(count);
    std::vector<std::int64_t> classes, predicted;
    for (const std::int64_t rows : {3, 0, 200}) {
      std::vector<std::int64_t> some;
      for (std::int64_t i = 0; i < rows; ++i)
        some.push_back(static_cast<std::int64_t>(support::noise(static_cast<std::uint64_t>(i)) % width));
      const std::vector<T> scores = support::noise_values<T>(rows * count, static_cast<std::uint64_t>(rows));
      m.update(from<T>({rows, count}, scores), classes_of(some));
      for (const std::int64_t p : naive::predictions(scores, width)) predicted.push_back(p);
      classes.insert(classes.end(), some.begin(), some.end());
      const std::vector<std::int64_t> expected = naive::confusion(classes, predicted, width);
      CHECK(m.value().shape() == shape{count, count});
      CHECK(support::same_bits(m.value().values(), std::span<const std::int64_t>(expected)));
    }
  }
}

TEST_CASE("confusion_matrix: predicted classes instead of scores") {
  metrics::confusion_matrix m(3), same(3);
  const std::vector<std::int64_t> predicted = {2, 0, 1, 1, 2}, classes = {2, 1, 1, 0, 2};
  m.update(classes_of(predicted), classes_of(classes));
  m.update(classes_of({}), classes_of({}));
  same.update(scores_for(predicted, 3), classes_of(classes));
  CHECK(support::same_bits(m.value().values(), same.value().values()));

  CHECK_THROWS_WITH_AS(m.update(classes_of({0, 3}), classes_of({0, 0})),
                       "[confusion_matrix] expected classes from 0 to 2, got 3", value_error);
  CHECK_THROWS_WITH_AS(m.update(classes_of({0, 0}), classes_of({0, -1})),
                       "[confusion_matrix] expected classes from 0 to 2, got -1", value_error);
  CHECK_THROWS_WITH_AS(m.update(classes_of({0, 0}), classes_of({0})),
                       "[confusion_matrix] expected predicted classes (N,) and classes (N,), got (2,) and (1,)",
                       shape_error);
  const tensor<std::int64_t> column({2, 1});
  CHECK_THROWS_AS(m.update(column, column), shape_error);
  CHECK(support::same_bits(m.value().values(), same.value().values()));
}

TEST_CASE("confusion_matrix: the table") {
  metrics::confusion_matrix small(2);
  CHECK(small.text() ==
        "true \\ predicted\n"
        "   0 1\n"
        " 0 0 0\n"
        " 1 0 0\n");
  metrics::confusion_matrix three(3);
  const std::vector<std::int64_t> ten(10, 0);
  three.update(scores_for(ten, 3), classes_of(ten));
  three.update(scores_for({1, 2, 2}, 3), classes_of({1, 1, 2}));
  CHECK(three.text() ==
        "true \\ predicted\n"
        "     0  1  2\n"
        "  0 10  0  0\n"
        "  1  0  1  1\n"
        "  2  0  0  1\n");
  metrics::confusion_matrix eleven(11);
  eleven.update(scores_for({10}, 11), classes_of({0}));
  const std::string text = eleven.text();
  CHECK(text.starts_with(
      "true \\ predicted\n     0  1  2  3  4  5  6  7  8  9 10\n  0  0  0  0  0  0  0  0  0  0  0  1\n  1  0"));
  CHECK(text.ends_with("\n 10  0  0  0  0  0  0  0  0  0  0  0\n"));
}

TEST_CASE("confusion_matrix: errors count for nothing; reset; values that were taken stay") {
  for (const std::int64_t bad : {0, -1}) {
    const std::string expected = "[confusion_matrix] expected 1 class or more, got " + std::to_string(bad);
    CHECK_THROWS_WITH_AS(metrics::confusion_matrix{bad}, expected.c_str(), value_error);
  }
  CHECK_THROWS_AS(metrics::confusion_matrix{std::int64_t{1} << 40}, error);
  CHECK_THROWS_WITH_AS(metrics::confusion_matrix(0, "recall"), "[recall] expected 1 class or more, got 0", value_error);
  metrics::confusion_matrix m(2);
  const tensor<float> scores = scores_for({0, 1}, 2);
  m.update(scores, classes_of({0, 0}));
  const tensor<std::int64_t> taken = m.value();
  CHECK_THROWS_WITH_AS(m.update(scores_for({0, 1}, 3), classes_of({0, 1})),
                       "[confusion_matrix] expected scores (N, 2), got (2, 3)", shape_error);
  CHECK_THROWS_AS(m.update(scores_for({0}, 1), classes_of({0})), shape_error);
  CHECK_THROWS_WITH_AS(m.update(scores, classes_of({0, 2})), "[confusion_matrix] expected classes from 0 to 1, got 2",
                       value_error);
  CHECK_THROWS_AS(m.update(scores, classes_of({-1, 0})), value_error);
  CHECK_THROWS_AS(m.update(scores, classes_of({0})), shape_error);
  CHECK_THROWS_AS(m.update(tensor<float>({2}), classes_of({0, 0})), shape_error);
  const std::vector<std::int64_t> counted = {1, 1, 0, 0}, none = {0, 0, 0, 0};
  CHECK(support::same_bits(m.value().values(), std::span<const std::int64_t>(counted)));
  m.reset();
  CHECK(support::same_bits(m.value().values(), std::span<const std::int64_t>(none)));
  m.update(scores, classes_of({1, 1}));
  CHECK(m.value()(1, 0) == 1);
  CHECK(m.value()(0, 0) == 0);
  CHECK(support::same_bits(taken.values(), std::span<const std::int64_t>(counted)));
}
