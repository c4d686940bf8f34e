// Shows: log-loss, perplexity
// log_loss and perplexity: scikit-learn's values, large scores, a plain loop, what is passed over, what does not fit.
#include <inlay/metrics/log_loss.hpp>

#include <doctest/doctest.h>

#include <limits>

#include "naive/metrics.hpp"
#include "tensors.hpp"

using namespace inlay;
using metrics::scores_are;

namespace {

tensor<std::int64_t> made_up_classes(const shape& sizes, std::uint64_t count) {
  tensor<std::int64_t> out(sizes);
  out.write([&](std::span<std::int64_t> to) {
    for (std::size_t i = 0; i < to.size(); ++i) to[i] = static_cast<std::int64_t>(support::noise(i) % count);
  });
  return out;
}

template <class T> double once(const tensor<T>& scores, const tensor<std::int64_t>& classes, scores_are from) {
  metrics::log_loss m{{.from = from}};
  m.update(scores, classes);
  return m.value();
}

}  // namespace

TEST_CASE_TEMPLATE("log_loss: scikit-learn's values", T, float, double) {
  // log_loss(classes, softmax(logits), labels=range(5))
  const tensor<T> logits = support::made_up<T>({20, 5}, 8, -8, 8);
  const tensor<std::int64_t> classes = made_up_classes({20}, 5);
  const double close = sizeof(T) == 4 ? 1e-6 : 1e-14;
  metrics::log_loss m;
  m.update(logits.slice(0, 7), classes.slice(0, 7));
  m.update(logits.slice(7, 7), classes.slice(7, 7));
  m.update(logits.slice(7, 20), classes.slice(7, 20));
  CHECK(m.value() == doctest::Approx(5.050671034834914).epsilon(close));
  // log_loss([0, 2, 1], hard, labels=range(3)): 0 and 1 are brought apart by the epsilon of the type
  const tensor<T> hard = from<T>({3, 3}, {1, 0, 0, 0, 1, 0, 0.25, 0.25, 0.25});
  CHECK(once(hard, from<std::int64_t>({3}, {0, 2, 1}), scores_are::probabilities) ==
        doctest::Approx(sizeof(T) == 4 ? 5.680332589790812 : 12.38075522592842).epsilon(close));
}

TEST_CASE_TEMPLATE("log_loss: logits and their probabilities, like a plain loop", T, float, double) {
  for (const std::int64_t width : {1, 2, 7, 33}) {
    const tensor<T> logits = support::made_up<T>({40, width}, static_cast<std::uint64_t>(width), -3, 3);
    const tensor<std::int64_t> classes = made_up_classes({40}, static_cast<std::uint64_t>(width));
    double expected = 0;
    tensor<T> probabilities(logits.shape());
    probabilities.write([&](std::span<T> to) {
      for (std::int64_t i = 0; i < 40; ++i) {
        const auto row = logits.values().subspan(static_cast<std::size_t>(i * width), static_cast<std::size_t>(width));
        expected += naive::negative_log_likelihood(row, classes.values()[static_cast<std::size_t>(i)]) / 40;
        for (std::int64_t j = 0; j < width; ++j)
          to[static_cast<std::size_t>(i * width + j)] =
              static_cast<T>(std::exp(-naive::negative_log_likelihood(row, j)));
      }
    });
    const double close = sizeof(T) == 4 ? 1e-6 : 1e-13;
    CHECK(once(logits, classes, scores_are::logits) == doctest::Approx(expected).epsilon(close));
    CHECK(once(probabilities, classes, scores_are::probabilities) == doctest::Approx(expected).epsilon(close));
  }
}

TEST_CASE_TEMPLATE("log_loss: nothing overflows, and NaN is not hidden", T, float, double) {
  const T large = sizeof(T) == 4 ? T(1e38) : T(1e300), none = std::numeric_limits<T>::quiet_NaN();
  const tensor<std::int64_t> first = from<std::int64_t>({1}, {0});
  CHECK(once(from<T>({1, 2}, {1000, 0}), first, scores_are::logits) == 0);
  CHECK(once(from<T>({1, 2}, {-1000, 0}), first, scores_are::logits) == 1000);
  CHECK(once(from<T>({1, 3}, {large, large, -large}), first, scores_are::logits) ==
        doctest::Approx(0.6931471805599453).epsilon(1e-7));
  CHECK(once(from<T>({1, 2}, {0, -std::numeric_limits<T>::infinity()}), first, scores_are::logits) == 0);
  for (const scores_are from_which : {scores_are::logits, scores_are::probabilities})
    CHECK(support::is_nan(once(from<T>({1, 2}, {T(0.5), none}), first, from_which)));
}

TEST_CASE("log_loss: nothing seen, reset, and what does not fit") {
  metrics::log_loss m;
  CHECK_THROWS_WITH_AS(m.value(), "[log_loss] expected an update() first, got none", state_error);
  m.update(tensor<float>({0, 3}), tensor<std::int64_t>(shape{0}));
  CHECK_THROWS_AS(m.value(), state_error);
  const tensor<float> scores({2, 2});
  m.update(scores, from<std::int64_t>({2}, {0, 1}));
  const double value = m.value();
  CHECK(value == doctest::Approx(0.6931471805599453).epsilon(1e-7));
  CHECK_THROWS_WITH_AS(m.update(scores, from<std::int64_t>({2}, {0, 2})),
                       "[log_loss] expected classes from 0 to 1, got 2", value_error);
  CHECK_THROWS_WITH_AS(m.update(scores, from<std::int64_t>({1}, {0})),
                       "[log_loss] expected scores (N, V) and classes (N,), got (2, 2) and (1,)", shape_error);
  CHECK_THROWS_AS(m.update(tensor<float>({1, 0}), from<std::int64_t>({1}, {0})), value_error);
  CHECK(m.value() == value);
  m.reset();
  CHECK_THROWS_AS(m.value(), state_error);
}

TEST_CASE_TEMPLATE("perplexity: by hand, and of any leading shape", T, float, double) {
  metrics::perplexity even;
  even.update(tensor<T>({3, 8}), from<std::int64_t>({3}, {0, 3, 7}));
  CHECK(even.value() == doctest::Approx(8).epsilon(1e-6));

  const tensor<T> logits = support::made_up<T>({2, 6, 5}, 12, -2, 2);
  const tensor<std::int64_t> classes = made_up_classes({2, 6}, 5);
  double sum = 0;
  for (std::size_t i = 0; i < 12; ++i)
    sum += naive::negative_log_likelihood(logits.values().subspan(5 * i, 5), classes.values()[i]);
  metrics::perplexity whole, flat;
  whole.update(logits, classes);
  flat.update(logits.reshape({12, 5}).slice(0, 4), classes.reshape({12}).slice(0, 4));
  flat.update(logits.reshape({12, 5}).slice(4, 12), classes.reshape({12}).slice(4, 12));
  CHECK(whole.value() == doctest::Approx(std::exp(sum / 12)).epsilon(sizeof(T) == 4 ? 1e-6 : 1e-14));
  CHECK(flat.value() == doctest::Approx(whole.value()).epsilon(1e-14));
}

TEST_CASE("perplexity: rows that are passed over") {
  const tensor<double> logits = support::made_up<double>({2, 2, 3}, 13);
  const double none = std::numeric_limits<double>::quiet_NaN();
  const tensor<double> padded = from<double>({2, 3}, {1, 2, 3, none, none, none});
  for (const std::int64_t ignored : {-100, 0}) {  // 0 could be a class
    metrics::perplexity m{{.ignore_index = ignored}}, expected;
    m.update(logits, from<std::int64_t>({2, 2}, {1, ignored, 2, ignored}));
    m.update(padded, from<std::int64_t>({2}, {2, ignored}));
    m.update(logits, tensor<std::int64_t>({2, 2}, ignored));
    expected.update(logits.slice(0, 1).reshape({2, 3}).slice(0, 1), from<std::int64_t>({1}, {1}));
    expected.update(logits.slice(1, 2).reshape({2, 3}).slice(0, 1), from<std::int64_t>({1}, {2}));
    expected.update(padded.slice(0, 1), from<std::int64_t>({1}, {2}));
    CHECK(m.value() == doctest::Approx(expected.value()).epsilon(1e-14));
  }
}

TEST_CASE("perplexity: nothing seen, reset, and what does not fit") {
  metrics::perplexity m{{.ignore_index = -100}};
  const char* nothing = "[perplexity] expected an update() with a row that counts, got none";
  CHECK_THROWS_WITH_AS(m.value(), nothing, state_error);
  m.update(tensor<float>({2, 0, 3}), tensor<std::int64_t>({2, 0}));
  m.update(tensor<float>({1, 3}), from<std::int64_t>({1}, {-100}));
  CHECK_THROWS_WITH_AS(m.value(), nothing, state_error);
  m.update(tensor<float>({1, 4}), from<std::int64_t>({1}, {3}));
  CHECK_THROWS_WITH_AS(m.update(tensor<float>({2, 4}), from<std::int64_t>({2}, {0, 4})),
                       "[perplexity] expected classes from 0 to 3, got 4", value_error);
  CHECK_THROWS_AS(m.update(tensor<float>({2, 4}), from<std::int64_t>({2}, {0, -1})), value_error);
  CHECK_THROWS_WITH_AS(m.update(tensor<float>({2, 3, 4}), tensor<std::int64_t>({2, 4})),
                       "[perplexity] expected logits (…, V) and classes (…), got (2, 3, 4) and (2, 4)", shape_error);
  CHECK_THROWS_AS(m.update(tensor<float>(shape{4}), tensor<std::int64_t>(shape{})), shape_error);
  CHECK(m.value() == doctest::Approx(4));
  m.reset();
  CHECK_THROWS_AS(m.value(), state_error);
}
