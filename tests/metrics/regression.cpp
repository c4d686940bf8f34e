// Shows: squared and absolute error, R²
// Mean squared and absolute error and R^2: scikit-learn's values, batches, sums that would cancel, what does not fit.
#include <inlay/metrics/regression.hpp>

#include <doctest/doctest.h>

#include "tensors.hpp"

using namespace inlay;

namespace {

// Targets, and predictions that are off.
const tensor<double> y = support::made_up<double>({60}, 9, 99, 101);
const tensor<double> x = [] {
  const std::vector<double> errors = support::noise_values<double>(60, 10, -0.5, 0.5);
  tensor<double> out = y;
  out.write([&](std::span<double> to) {
    for (std::size_t i = 0; i < to.size(); ++i) to[i] += errors[i];
  });
  return out;
}();

template <class T, class M> double in_batches(M m) {
  std::int64_t first = 0;
  for (const std::int64_t last : {1, 20, 20, 60}) {
    m.update(x.slice(first, last).cast<T>(), y.slice(first, last).cast<T>());
    first = last;
  }
  return m.value();
}

double r2(std::initializer_list<double> prediction, std::initializer_list<double> target, const shape& sizes) {
  metrics::r2_score m;
  m.update(from<double>(sizes, prediction), from<double>(sizes, target));
  return m.value();
}

template <class M> void check_errors(M m, const std::string& name) {
  CHECK_THROWS_WITH_AS(m.update(tensor<float>({3}), tensor<float>({3, 1})),
                       ("[" + name + "] expected prediction and target of one shape, got (3,) and (3, 1)").c_str(),
                       shape_error);
  m.update(tensor<double>({0, 3}), tensor<double>({0, 3}));
  CHECK_THROWS_AS(m.value(), state_error);
  m.update(x, x);
  const double value = m.value();
  CHECK_THROWS_AS(m.update(x.slice(0, 1), x.slice(0, 2)), shape_error);
  CHECK(m.value() == value);
  m.update(x, tensor<double>({60}));
  CHECK(m.value() != value);
  m.reset();
  CHECK_THROWS_AS(m.value(), state_error);
  m.update(x, x);
  CHECK(m.value() == value);
}

}  // namespace

TEST_CASE_TEMPLATE("regression: scikit-learn's values", T, float, double) {
  const double close = sizeof(T) == 4 ? 1e-5 : 1e-14;
  // mean_squared_error(y, x), (…, squared=False), mean_absolute_error, r2_score
  CHECK(in_batches<T>(metrics::mean_squared_error()) == doctest::Approx(0.09957274401469794).epsilon(close));
  CHECK(in_batches<T>(metrics::mean_squared_error{{.root = true}}) ==
        doctest::Approx(0.31555149185940784).epsilon(close));
  CHECK(in_batches<T>(metrics::mean_absolute_error()) == doctest::Approx(0.27383912187441956).epsilon(close));
  CHECK(in_batches<T>(metrics::r2_score()) == doctest::Approx(0.7290469341191974).epsilon(close));
}

TEST_CASE("r2_score: several outputs, each with an R^2 of its own") {
  metrics::r2_score m;  // r2_score(y.reshape(20, 3), x.reshape(20, 3))
  m.update(x.slice(0, 6).reshape({2, 3}), y.slice(0, 6).reshape({2, 3}));
  m.update(x.slice(6, 60).reshape({18, 1, 3}), y.slice(6, 60).reshape({18, 1, 3}));
  CHECK(m.value() == doctest::Approx(0.7170735849253077).epsilon(1e-13));
  CHECK_THROWS_WITH_AS(m.update(tensor<double>({2, 2}), tensor<double>({2, 2})),
                       "[r2_score] expected 3 outputs per row, got (2, 2)", shape_error);
}

TEST_CASE("r2_score: targets that are all equal, and single rows") {
  CHECK(r2({2, 2, 2}, {2, 2, 2}, {3}) == 1);
  CHECK(r2({2, 2, 3}, {2, 2, 2}, {3}) == 0);
  CHECK(r2({1, 2, 3}, {1, 2, 3}, {3}) == 1);
  CHECK(r2({3, 2, 1}, {1, 2, 3}, {3}) == -3);
  CHECK(r2({1, 0.1, 2, 0.1, 3, 0.5}, {1, 0.1, 2, 0.1, 3, 0.1}, {3, 2}) == 0.5);  // 1 and 0
  metrics::r2_score m;  // a mean that rounding moved would leave a spread
  for (int i = 0; i < 1000; ++i) m.update(tensor<float>(shape{7}, 0.2f), tensor<float>(shape{7}, 0.1f));
  CHECK(m.value() == 0);
  m.reset();
  CHECK_THROWS_WITH_AS(m.value(), "[r2_score] expected 2 rows or more, got 0", state_error);
  m.update(tensor<float>(shape{}, 1.0f), tensor<float>(shape{}, 2.0f));
  CHECK_THROWS_WITH_AS(m.value(), "[r2_score] expected 2 rows or more, got 1", state_error);
  m.update(tensor<float>(shape{}, 2.0f), tensor<float>(shape{}, 4.0f));
  CHECK(m.value() == -1.5);
}

TEST_CASE("r2_score: targets far from 0") {
  metrics::r2_score here, there;
  const auto moved = [](const tensor<double>& t, double by) {
    tensor<double> out = t;
    out.write([&](std::span<double> to) {
      for (double& value : to) value += by;
    });
    return out;
  };
  const tensor<double> target = support::counting<double>({1000});
  tensor<double> guess = target;
  guess.write([](std::span<double> to) {
    for (std::size_t i = 0; i < to.size(); i += 3) to[i] += 16;
  });
  here.update(guess, target);
  there.update(moved(guess, 0x1p40), moved(target, 0x1p40));
  CHECK(there.value() == doctest::Approx(here.value()).epsilon(1e-9));
}

TEST_CASE("regression: nothing seen, reset, and what does not fit") {
  check_errors(metrics::mean_squared_error(), "mean_squared_error");
  check_errors(metrics::mean_absolute_error(), "mean_absolute_error");
  check_errors(metrics::r2_score(), "r2_score");
  CHECK_THROWS_WITH_AS(metrics::mean_squared_error().value(),
                       "[mean_squared_error] expected an update() first, got none", state_error);
  CHECK_THROWS_WITH_AS(metrics::mean_absolute_error().value(),
                       "[mean_absolute_error] expected an update() first, got none", state_error);
}
