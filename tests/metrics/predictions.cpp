// Shows: (the class of each row)
// predictions: the highest score of each row, the first of equal ones, NaN above all, against a plain loop.
#include <inlay/metrics/predictions.hpp>

#include <doctest/doctest.h>

#include <limits>
#include <string>
#include <vector>

#include "naive/metrics.hpp"
#include "support.hpp"

using namespace inlay;

namespace {

using list = std::vector<std::int64_t>;

constexpr double none = std::numeric_limits<double>::quiet_NaN(), inf = std::numeric_limits<double>::infinity();

template <class T> list predicted(const tensor<T>& scores) {
  const tensor<std::int64_t> out = metrics::predictions(scores);
  CHECK(out.shape() == shape{scores.dim(0)});
  return {out.values().begin(), out.values().end()};
}

}  // namespace

TEST_CASE_TEMPLATE("predictions: ties, infinities and NaN", T, float, double) {
  const struct {
    std::vector<double> row;
    std::int64_t expected;
  } table[] = {
      {{5}, 0},        {{none}, 0},           {{1, 2, 3}, 2},    {{3, 2, 1}, 0},      {{1, 3, 2}, 1},
      {{2, 2, 2}, 0},  {{1, 2, 2}, 1},        {{-0.0, 0.0}, 0},  {{0.0, -0.0}, 0},    {{-inf, -inf}, 0},
      {{-inf, -1}, 1}, {{1, inf, inf}, 1},    {{none, inf}, 0},  {{inf, none}, 1},    {{1, none, 2, none}, 1},
      {{-none, 1}, 0}, {{1, -none, none}, 1}, {{-3, -2, -4}, 1}, {{1e-30, 2e-30}, 1},
  };
  for (const auto& row : table) {
    INFO("row that starts with ", row.row[0], " and has ", row.row.size());
    tensor<T> scores = empty<T>({1, static_cast<std::int64_t>(row.row.size())});
    scores.write([&](std::span<T> to) {
      for (std::size_t i = 0; i < to.size(); ++i) to[i] = static_cast<T>(row.row[i]);
    });
    CHECK(predicted(scores) == list{row.expected});
  }
}

TEST_CASE_TEMPLATE("predictions: like a plain loop, for any shape", T, float, double) {
  for (const std::int64_t classes : {1, 2, 3, 10, 17, 100})
    for (const std::int64_t rows : {0, 1, 2, 33}) {
      INFO(rows, " rows of ", classes);
      std::vector<T> values = support::noise_values<T>(rows * classes, static_cast<std::uint64_t>(classes));
      for (std::size_t i = 0; i < values.size(); ++i) {
        if (i % 3 == 0) values[i] = static_cast<T>(static_cast<int>(values[i] * 4));  // ties
        if (i % 29 == 7) values[i] = std::numeric_limits<T>::quiet_NaN();
      }
      const tensor<T> scores = from<T>({rows, classes}, values);
      CHECK(predicted(scores) == naive::predictions(values, static_cast<std::size_t>(classes)));
    }
}

TEST_CASE("predictions: shapes without a highest score") {
  for (const shape& sizes : {shape{}, shape{3}, shape{2, 3, 4}, shape{3, 0}, shape{0, 0}}) {
    const std::string expected = "[predictions] expected scores (N, V), got " + sizes.text();
    CHECK_THROWS_WITH_AS(metrics::predictions(tensor<float>(sizes)), expected.c_str(), shape_error);
  }
}

TEST_CASE("predictions: classes are checked, in the name of the metric") {
  const tensor<float> scores({2, 3});
  const auto check = [&](const tensor<std::int64_t>& classes) { return metrics::predictions("f1", scores, classes); };
  CHECK(check(from<std::int64_t>({2}, {0, 2})).shape() == shape{2});
  CHECK_THROWS_WITH_AS(check(from<std::int64_t>({2}, {0, 3})), "[f1] expected classes from 0 to 2, got 3", value_error);
  CHECK_THROWS_WITH_AS(check(from<std::int64_t>({2}, {-1, 0})), "[f1] expected classes from 0 to 2, got -1",
                       value_error);
  CHECK_THROWS_WITH_AS(check(tensor<std::int64_t>(shape{3})),
                       "[f1] expected scores (N, V) and classes (N,), got (2, 3) and (3,)", shape_error);
  CHECK_THROWS_AS(check(tensor<std::int64_t>({2, 1})), shape_error);
  CHECK_THROWS_AS(check(tensor<std::int64_t>(shape{})), shape_error);
  CHECK_THROWS_AS(metrics::predictions("f1", tensor<float>({2}), tensor<std::int64_t>({2})), shape_error);
}
