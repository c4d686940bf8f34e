// Shows: precision, recall, F1
// precision, recall and f1_score: scikit-learn's values in every average, over scores and classes, in batches.
#include <inlay/metrics/precision_recall.hpp>

#include <doctest/doctest.h>

#include <vector>

#include "support.hpp"

using namespace inlay;
using metrics::average;

namespace {

template <class F> tensor<std::int64_t> classes_of(std::int64_t count, F f) {
  tensor<std::int64_t> out(shape{count});
  out.write([&](std::span<std::int64_t> to) {
    for (std::size_t i = 0; i < to.size(); ++i) to[i] = static_cast<std::int64_t>(f(i));
  });
  return out;
}

const auto truth = [](std::uint64_t i) { return support::noise(i) % 4; };
const auto guess = [](std::uint64_t i) {
  return support::noise(2000 + i) % 3 == 0 ? support::noise(1000 + i) % 4 : truth(i);
};

// The metric's value for the made-up classes of 6, of which 4 occur: first by scores, then by predicted classes.
template <class M> double value_of(average by) {
  const tensor<std::int64_t> classes = classes_of(60, truth), predicted = classes_of(60, guess);
  tensor<float> scores({25, 6});
  scores.write([&](std::span<float> to) {
    for (std::int64_t i = 0; i < 25; ++i)
      to[static_cast<std::size_t>(6 * i + predicted.values()[static_cast<std::size_t>(i)])] = 1;
  });
  M m{{.classes = 6, .average = by}};
  m.update(scores, classes.slice(0, 25));
  m.update(predicted.slice(25, 25), classes.slice(25, 25));
  m.update(predicted.slice(25, 60), classes.slice(25, 60));
  return m.value();
}

}  // namespace

TEST_CASE("precision, recall, f1_score: scikit-learn's values") {
  // precision_score(TRUE, PREDICTED, average=…), recall_score, f1_score
  const struct {
    average by;
    double precision, recall, f1;
  } table[] = {{average::micro, 0.8, 0.8, 0.8000000000000002},
               {average::macro, 0.8172459893048127, 0.7886814982403217, 0.7979278074866311},
               {average::weighted, 0.8087878787878788, 0.8, 0.7994696969696969}};
  for (const auto& row : table) {
    CHECK(value_of<metrics::precision>(row.by) == doctest::Approx(row.precision).epsilon(1e-14));
    CHECK(value_of<metrics::recall>(row.by) == doctest::Approx(row.recall).epsilon(1e-14));
    CHECK(value_of<metrics::f1_score>(row.by) == doctest::Approx(row.f1).epsilon(1e-14));
  }
}

TEST_CASE("precision: what was never predicted") {
  // precision_score([0, 0, 1], [0, 0, 0], average="macro", zero_division=z)
  const tensor<std::int64_t> classes = from<std::int64_t>({3}, {0, 0, 1}), predicted(shape{3});
  for (const double z : {0.0, 1.0}) {
    metrics::precision m{{.classes = 3, .zero_division = z}};
    m.update(predicted, classes);
    CHECK(m.value() == doctest::Approx(z == 0 ? 0.3333333333333333 : 0.8333333333333333).epsilon(1e-15));
  }
}

TEST_CASE("precision, recall, f1_score: nothing seen, reset, and what does not fit") {
  CHECK_THROWS_WITH_AS(metrics::precision{{}}, "[precision] expected 1 class or more, got 0", value_error);
  CHECK_THROWS_WITH_AS((metrics::f1_score{{.classes = 2, .zero_division = 2}}),
                       "[f1_score] expected .zero_division of 0 or 1, got 2", value_error);
  metrics::recall m{{.classes = 2}};
  CHECK_THROWS_WITH_AS(m.value(), "[recall] expected an update() first, got none", state_error);
  const tensor<double> scores = from<double>({2, 2}, {1, 0, 1, 0});
  m.update(scores, from<std::int64_t>({2}, {0, 1}));
  CHECK(m.value() == 0.5);
  CHECK_THROWS_WITH_AS(m.update(tensor<double>({2, 3}), from<std::int64_t>({2}, {0, 1})),
                       "[recall] expected scores (N, 2), got (2, 3)", shape_error);
  CHECK_THROWS_WITH_AS(m.update(scores, from<std::int64_t>({2}, {0, 2})),
                       "[recall] expected classes from 0 to 1, got 2", value_error);
  CHECK(m.value() == 0.5);
  m.reset();
  CHECK_THROWS_AS(m.value(), state_error);
  m.update(scores, from<std::int64_t>({2}, {0, 0}));
  CHECK(m.value() == 1);
}
