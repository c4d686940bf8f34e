// Shows: top-k
// top_k_accuracy: by hand with ties and NaN, against scikit-learn, over many updates; an error counts for nothing.
#include <inlay/metrics/top_k_accuracy.hpp>

#include <doctest/doctest.h>

#include <limits>
#include <string>
#include <vector>

#include "support.hpp"

using namespace inlay;

namespace {

constexpr double none = std::numeric_limits<double>::quiet_NaN(), inf = std::numeric_limits<double>::infinity();

template <class T> double of_row(const std::vector<double>& row, std::int64_t c, std::int64_t k) {
  std::vector<T> scores;
  for (const double score : row) scores.push_back(static_cast<T>(score));
  metrics::top_k_accuracy m{k};
  m.update(from<T>({1, static_cast<std::int64_t>(row.size())}, scores), from<std::int64_t>({1}, {c}));
  return m.value();
}

}  // namespace

TEST_CASE_TEMPLATE("top_k_accuracy: places, ties, infinities and NaN", T, float, double) {
  const struct {
    std::vector<double> row;
    std::int64_t c, place;  // the smallest k that makes it right; 0: none does
  } table[] = {
      {{5}, 0, 1},           {{1, 2, 3}, 2, 1},       {{1, 2, 3}, 1, 2},          {{1, 2, 3}, 0, 3},
      {{2, 2, 2}, 1, 1},     {{1, 2, 2}, 0, 3},       {{3, 2, 2, 1}, 2, 2},       {{-0.0, 0.0}, 0, 1},
      {{inf, inf, 0}, 1, 1}, {{-inf, -inf, 0}, 0, 2}, {{none, 1, 2}, 0, 0},       {{none, 1, 2}, 2, 2},
      {{none, 1, 2}, 1, 3},  {{none, none}, 1, 0},    {{inf, -none, 1, 0}, 3, 4}, {{inf, none, 1, 0}, 0, 2},
  };
  for (const auto& row : table)
    for (std::int64_t k = 1; k <= static_cast<std::int64_t>(row.row.size()); ++k) {
      INFO("row that starts with ", row.row[0], ", class ", row.c, ", k ", k);
      CHECK(of_row<T>(row.row, row.c, k) == (row.place > 0 && k >= row.place ? 1 : 0));
    }
}

TEST_CASE_TEMPLATE("top_k_accuracy: scikit-learn's values, in batches", T, float, double) {
  // top_k_accuracy_score(classes, scores, k=k)
  const struct {
    std::int64_t k;
    double expected;
  } table[] = {{1, 0.21}, {2, 0.37}, {3, 0.56}, {5, 1}};
  const tensor<T> scores = from<T>({100, 5}, support::noise_values<T>(500, 7));
  tensor<std::int64_t> classes(shape{100});
  classes.write([](std::span<std::int64_t> to) {
    for (std::size_t i = 0; i < to.size(); ++i) to[i] = static_cast<std::int64_t>(support::noise(i) % 5);
  });
  for (const auto& row : table) {
    metrics::top_k_accuracy m{row.k};
    std::int64_t first = 0;
    for (const std::int64_t last : {1, 40, 40, 100}) {
      m.update(scores.slice(first, last), classes.slice(first, last));
      first = last;
    }
    CHECK(m.value() == row.expected);
  }
}

TEST_CASE("top_k_accuracy: nothing seen, reset, and what does not fit") {
  for (const std::int64_t bad : {0, -3}) {
    const std::string expected = "[top_k_accuracy] expected k of 1 or more, got " + std::to_string(bad);
    CHECK_THROWS_WITH_AS(metrics::top_k_accuracy{bad}, expected.c_str(), value_error);
  }
  metrics::top_k_accuracy m{2};
  CHECK_THROWS_WITH_AS(m.value(), "[top_k_accuracy] expected an update() first, got none", state_error);
  const tensor<float> scores = from<float>({2, 3}, {3, 2, 1, 3, 2, 1});
  m.update(scores, from<std::int64_t>({2}, {1, 2}));
  CHECK(m.value() == 0.5);
  CHECK_THROWS_WITH_AS(m.update(tensor<float>({2, 1}), from<std::int64_t>({2}, {0, 0})),
                       "[top_k_accuracy] expected 2 classes or more, got (2, 1)", shape_error);
  CHECK_THROWS_WITH_AS(m.update(scores, from<std::int64_t>({2}, {0, 3})),
                       "[top_k_accuracy] expected classes from 0 to 2, got 3", value_error);
  CHECK_THROWS_WITH_AS(m.update(scores, from<std::int64_t>({1}, {0})),
                       "[top_k_accuracy] expected scores (N, V) and classes (N,), got (2, 3) and (1,)", shape_error);
  CHECK(m.value() == 0.5);
  m.reset();
  CHECK_THROWS_AS(m.value(), state_error);
  m.update(scores, from<std::int64_t>({2}, {0, 1}));
  CHECK(m.value() == 1);
}
