// Shows: scalers saved with the model
// Scalers against scikit-learn's numbers, holes and constant columns included; what was learnt survives a file, and is
// part of a model like a layer.
#include <inlay/data/scaler.hpp>

#include <doctest/doctest.h>

#include <limits>
#include <string>
#include <vector>

#include <inlay/testing/check_layer.hpp>

#include "files.hpp"
#include "tensors.hpp"

using namespace inlay;

namespace {

const double hole = std::numeric_limits<double>::quiet_NaN();
const std::vector<double> table_values = {1, 2, 7, hole, 2.5, hole, 7,  3,    hole, -4,
                                          7, 3, 8, 0.5,  7,   -1,   -1, 0.25, 7,    hole};
const std::vector<double> other_values = {0, 10, 7.5, 1, hole, -10, 6, hole};
template <class T> tensor<T> values(const std::vector<double>& of) {
  return from<double>({static_cast<std::int64_t>(of.size()) / 4, 4}, of).template cast<T>();
}

// golden/data.py: the table and the other table, transformed; then back.
template <class T, class Scaler>
void check_scaler(Scaler scaler, const std::vector<double>& table, const std::vector<double>& other, bool back = true) {
  constexpr double tolerance = sizeof(T) == 8 ? 1e-14 : 1e-6;
  CHECK_THROWS_AS(scaler(values<T>(table_values)), state_error);
  CHECK_THROWS_AS(scaler.inverse(values<T>(table_values)), state_error);
  scaler.fit(values<T>(table_values));
  const tensor<T> y = scaler(values<T>(table_values));
  support::check_close(y, table, tolerance);
  support::check_close(scaler(values<T>(other_values)), other, tolerance);
  if (back) support::check_close(scaler.inverse(y), table_values, 10 * tolerance);
  support::check_close(scaler(values<T>(other_values).reshape({1, 2, 4})), other, tolerance);
  CHECK_THROWS_AS(scaler(zeros<T>({2, 3})), shape_error);
}

}  // namespace

TEST_CASE_TEMPLATE("standard_scaler", T, float, double) {
  using scaler = data::standard_scaler<T>;
  check_scaler<T>(
      scaler(),
      {-0.4861724348043977,
       1.0362072621807275,
       0.0,
       hole,
       -0.03739787960033829,
       hole,
       0.0,
       0.7071067811865475,
       hole,
       -1.6523304991530516,
       0.0,
       0.7071067811865475,
       1.6081088228145464,
       0.36407282184728257,
       0.0,
       -1.4142135623730951,
       -1.0845385084098103,
       0.2520504151250418,
       0.0,
       hole},
      {-0.785355471607104, 4.620924277292433, 0.5, -0.3535533905932738, hole, -4.340868260486831, -1.0, hole});
  check_scaler<T>(scaler({.with_mean = false}),
                  {0.2991830368027063,
                   0.8961792537779264,
                   7.0,
                   hole,
                   0.7479575920067657,
                   hole,
                   7.0,
                   1.590990257669732,
                   hole,
                   -1.7923585075558528,
                   7.0,
                   1.590990257669732,
                   2.3934642944216504,
                   0.2240448134444816,
                   7.0,
                   -0.5303300858899106,
                   -0.2991830368027063,
                   0.1120224067222408,
                   7.0,
                   hole},
                  {0.0, 4.480896268889632, 7.5, 0.5303300858899106, hole, -4.480896268889632, 6.0, hole});
  check_scaler<T>(scaler({.with_std = false}), {-1.625, 2.3125,  0.0, hole,
                                                -0.125, hole,    0.0, 1.3333333333333333,
                                                hole,   -3.6875, 0.0, 1.3333333333333333,
                                                5.375,  0.8125,  0.0, -2.666666666666667,
                                                -3.625, 0.5625,  0.0, hole},
                  {-2.625, 10.3125, 0.5, -0.6666666666666667, hole, -9.6875, -1.0, hole});
  // Rounding makes a variance of a constant column, which must not be divided by.
  scaler constant;
  constant.fit(full<T>({10, 1}, T(0.1)));
  CHECK(constant.scale.value().item() == 1);
  CHECK_THROWS_WITH_AS(scaler()(zeros<T>({1, 1})),
                       "[standard_scaler] expected fit() or a loaded file first, got neither", state_error);
  CHECK_THROWS_AS(scaler().fit(zeros<T>({3})), shape_error);
  CHECK_THROWS_AS(scaler().fit(zeros<T>({0, 3})), value_error);
  CHECK_THROWS_AS(scaler().fit(full<T>({3, 1}, std::numeric_limits<T>::quiet_NaN())), value_error);
  CHECK_THROWS_AS(scaler().fit(full<T>({3, 1}, std::numeric_limits<T>::infinity())), value_error);
}

TEST_CASE_TEMPLATE("min_max_scaler", T, float, double) {
  using scaler = data::min_max_scaler<T>;
  check_scaler<T>(scaler(), {0.2222222222222222,
                             1.0,
                             0.0,
                             hole,
                             0.3888888888888889,
                             hole,
                             0.0,
                             1.0,
                             hole,
                             0.0,
                             0.0,
                             1.0,
                             1.0,
                             0.75,
                             0.0,
                             0.0,
                             0.0,
                             0.7083333333333333,
                             0.0,
                             hole},
                  {0.1111111111111111, 2.333333333333333, 0.5, 0.5, hole, -0.9999999999999999, -1.0, hole});
  check_scaler<T>(
      scaler({.low = -1, .high = 3, .clip = true}),
      {-0.11111111111111116, 3.0,  -1.0, hole, 0.5555555555555556, hole, -1.0, 3.0, hole, -1.0, -1.0, 3.0, 3.0,
       1.9999999999999998,   -1.0, -1.0, -1.0, 1.8333333333333333, -1.0, hole},
      {-0.5555555555555556, 3.0, 1.0, 1.0, hole, -1.0, -1.0, hole});
  CHECK_THROWS_WITH_AS(scaler({.low = 1}), "[min_max_scaler] expected .low below .high, got 1 and 1", value_error);
}

TEST_CASE("scalers are modules: files, records and tapes treat them as layers") {
  data::standard_scaler<double> standard;
  data::min_max_scaler<double> min_max;
  const tensor<double> x = support::made_up<double>({5, 3}, 1);
  standard.fit(x);
  min_max.fit(x);
  const testing::report first = testing::check_layer(standard, x), second = testing::check_layer(min_max, x);
  INFO(first.text(), second.text());
  CHECK(first.ok());
  CHECK(second.ok());

  const support::temporary_folder folder;
  io::save(standard, folder / "f");
  data::standard_scaler<double> loaded;
  io::load(loaded, folder / "f", {.reshape = true});
  CHECK(support::same_bits(loaded(x), standard(x)));
  standard.fit(support::made_up<double>({5, 2}, 1));  // another number of columns
  CHECK(standard.mean.shape() == shape{2});
  data::standard_scaler<double> copy = standard;
  copy.fit(x);
  CHECK(standard.mean.shape() == shape{2});
}
