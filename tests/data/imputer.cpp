// Shows: filling of missing values
// The imputer against scikit-learn's numbers, with every rule, for all columns and for single ones.
#include <inlay/data/imputer.hpp>

#include <doctest/doctest.h>

#include <limits>
#include <string>
#include <vector>

#include <inlay/io/save.hpp>

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

}  // namespace

TEST_CASE_TEMPLATE("imputer: golden numbers", T, float, double) {
  using data::impute;
  const struct {
    data::imputer_config config;
    std::vector<double> table, other;
  } table[] = {
      // golden/data.py: impute.SimpleImputer
      {{.with = impute::mean},
       {1.0,  2.0,  7.0, 1.6666666666666667, 2.5, -0.3125, 7.0, 3.0, 2.625, -4.0, 7.0, 3.0, 8.0, 0.5, 7.0, -1.0,
        -1.0, 0.25, 7.0, 1.6666666666666667},
       {0.0, 10.0, 7.5, 1.0, 2.625, -10.0, 6.0, 1.6666666666666667}},
      {{.with = impute::median},
       {1.0, 2.0, 7.0, 3.0, 2.5, 0.375, 7.0, 3.0, 1.75, -4.0, 7.0, 3.0, 8.0, 0.5, 7.0, -1.0, -1.0, 0.25, 7.0, 3.0},
       {0.0, 10.0, 7.5, 1.0, 1.75, -10.0, 6.0, 3.0}},
      {{.with = impute::most_frequent},
       {1.0, 2.0, 7.0, 3.0, 2.5, -4.0, 7.0, 3.0, -1.0, -4.0, 7.0, 3.0, 8.0, 0.5, 7.0, -1.0, -1.0, 0.25, 7.0, 3.0},
       {0.0, 10.0, 7.5, 1.0, -1.0, -10.0, 6.0, 3.0}},
      {{.with = impute::constant, .value = -9},
       {1.0, 2.0, 7.0, -9.0, 2.5, -9.0, 7.0, 3.0, -9.0, -4.0, 7.0, 3.0, 8.0, 0.5, 7.0, -1.0, -1.0, 0.25, 7.0, -9.0},
       {0.0, 10.0, 7.5, 1.0, -9.0, -10.0, 6.0, -9.0}},
      {{.with = impute::median, .columns = {{.column = 0, .with = impute::constant, .value = 99}, {.column = -1}}},
       {1, 2, 7, 5.0 / 3, 2.5, 0.375, 7, 3, 99, -4, 7, 3, 8, 0.5, 7, -1, -1, 0.25, 7, 5.0 / 3},
       {0, 10, 7.5, 1, 99, -10, 6, 5.0 / 3}},
  };
  for (const auto& row : table) {
    data::imputer<T> fill(row.config);
    const tensor<T> x = values<T>(table_values);
    CHECK_THROWS_AS(fill(x), state_error);
    fill.fit(x);
    support::check_close(fill(x), row.table, sizeof(T) == 8 ? 1e-15 : 1e-6);
    support::check_close(fill(values<T>(other_values)), row.other, sizeof(T) == 8 ? 1e-15 : 1e-6);
    CHECK(support::is_nan(x(0, 3)));  // the input stays
    CHECK_THROWS_AS(fill(zeros<T>({2, 5})), shape_error);
    const support::temporary_folder folder;
    io::save(fill, folder / "f");
    data::imputer<T> loaded;
    io::load(loaded, folder / "f", {.reshape = true});
    CHECK(support::same_bits(loaded(x), fill(x)));
  }
}

TEST_CASE("imputer: what it cannot learn from") {
  const auto holes = from<double>({2, 2}, {1, hole, 2, hole});
  data::imputer<double> fill;
  CHECK_THROWS_WITH_AS(fill.fit(holes),
                       "[imputer] expected a value in column 1, got NaN in every row; leave the column out",
                       value_error);
  fill = data::imputer<double>({.columns = {{.column = 1, .with = data::impute::constant, .value = 5}}});
  fill.fit(holes);
  CHECK(fill(holes)(1, 1) == 5);
  fill = data::imputer<double>({.columns = {{.column = 2}}});
  CHECK_THROWS_WITH_AS(fill.fit(holes), "[imputer] expected rules of columns from 0 to 1, got 2", value_error);
  CHECK_THROWS_AS(data::imputer<double>().fit(zeros<double>({0, 2})), value_error);
  CHECK_THROWS_AS(data::imputer<double>().fit(full<double>({1, 1}, std::numeric_limits<double>::infinity())),
                  value_error);
}
