// Shows: cleaning
// Cleaning: which rows go and why, what fills holes, and that other data is filled with what the first one taught.
#include <inlay/data/clean.hpp>

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "tensors.hpp"

using namespace inlay;
using data::missing;
using data::out_of_range;
using list = std::vector<std::int64_t>;

namespace {

constexpr double hole = std::numeric_limits<double>::quiet_NaN(), infinite = std::numeric_limits<double>::infinity();

// Rows 1 and 5 repeat earlier ones, with a hole and a negative zero in them.
data::table people() {
  return {{"age", "height", "label"},
          from<double>({8, 3}, {30, 1.5,      0, 30,   1.5,  -0.0, hole, 1.75,      1,    200, 1.625, 1,
                                40, infinite, 0, hole, 1.75, 1,    50,   -infinite, hole, 60,  1.25,  hole})};
}

list kept(const data::cleaned& c) { return {c.rows.values().begin(), c.rows.values().end()}; }

}  // namespace

TEST_CASE("clean: which rows stay") {
  const struct {
    data::clean_options options;
    list rows;
    list counts;  // of duplicates, rows out of range, incomplete rows
  } table[] = {
      {{}, {0, 1, 3}, {0, 2, 3}},
      {{.drop_duplicates = true}, {0, 3}, {2, 2, 2}},
      {{.holes = missing::fill}, {0, 1, 2, 3, 5, 7}, {0, 2, 0}},
      {{.ranges = {{.column = 0, .high = 120}}}, {0, 1}, {0, 3, 3}},
      {{.ranges = {{.column = 0, .low = 40, .high = 120}}, .holes = missing::fill}, {2, 5, 7}, {0, 5, 0}},
      {{.outside = out_of_range::hole}, {0, 1, 3}, {0, 0, 5}},
      {{.outside = out_of_range::hole, .holes = missing::fill}, {0, 1, 2, 3, 4, 5, 6, 7}, {0, 0, 0}},
      {{.outside = out_of_range::hole, .holes = missing::fill, .required = {-1}}, {0, 1, 2, 3, 4, 5}, {0, 0, 2}},
      {{.ranges = {{.column = -2, .high = 2}}, .outside = out_of_range::clip}, {0, 1, 3, 4}, {0, 0, 4}},
      {{.drop_duplicates = true, .holes = missing::fill, .required = {0, 2}}, {0, 3}, {2, 2, 2}},
  };
  for (const auto& row : table) {
    INFO("case ", &row - table);
    const data::cleaned got = data::clean(people(), row.options);
    CHECK(kept(got) == row.rows);
    CHECK(list{got.report.duplicates, got.report.outside, got.report.incomplete} == row.counts);
    CHECK(got.report.rows_in == 8);
    CHECK(got.report.rows_out == static_cast<std::int64_t>(row.rows.size()));
    CHECK(got.kept.values.shape() == shape{got.report.rows_out, 3});
    CHECK(got.kept.names == people().names);
    for (const double value : got.kept.values.values()) CHECK(data::detail::is_finite(value));
  }
}

TEST_CASE("clean: what stands in the place of holes and of values out of range, and the report of it") {
  const data::clean_options options{
      .drop_duplicates = true,
      .ranges = {{.column = 0, .low = 18, .high = 50}, {.column = 1, .high = 2}},
      .outside = out_of_range::clip,
      .holes = missing::fill,
      .fill = {.with = data::impute::median, .columns = {{.column = 1, .with = data::impute::constant, .value = 1}}},
      .required = {2}};
  const data::cleaned train = data::clean(people(), options);
  CHECK(kept(train) == list{0, 2, 3, 4});
  support::check_close(train.kept.values, {30, 1.5, 0, 40, 1.75, 1, 50, 1.625, 1, 40, 2, 0});
  CHECK(train.report.text() ==
        "8 rows, 4 kept; dropped 2 duplicates, 0 out of range, 2 incomplete; age: 2 out of range, 1 filled with 40; "
        "height: 2 out of range");

  const data::table other{{}, from<double>({2, 3}, {hole, hole, 5, -infinite, 3, 6})};
  const data::cleaned test = data::clean(other, options, train.fill);
  support::check_close(test.kept.values, {40, 1, 5, 18, 2, 6});
  CHECK(test.report.text() ==
        "2 rows, 2 kept; column 0: 1 out of range, 1 filled with 40; column 1: 1 out of range, 1 filled with 1");
  CHECK(data::clean({{}, from<double>({1, 1}, {1})}).report.text() == "1 rows, 1 kept");
  CHECK(support::is_nan(people().values(2, 0)));
}

TEST_CASE("clean: nothing left, and what is no table") {
  const data::table holes{{}, full<double>({3, 2}, hole)};
  CHECK(data::clean(holes).kept.values.shape() == shape{0, 2});
  CHECK(data::clean({{}, tensor<double>({0, 2})}, {.drop_duplicates = true}).report.rows_out == 0);
  CHECK_THROWS_AS(data::clean(holes, {.holes = missing::fill}), value_error);
  CHECK_THROWS_WITH_AS(data::clean({{}, tensor<double>({3})}), "[clean] expected a table (rows, columns), got (3,)",
                       shape_error);
  CHECK_THROWS_WITH_AS(data::clean(holes, {.ranges = {{.column = 2}}}), "[clean] expected columns from 0 to 1, got 2",
                       value_error);
  CHECK_THROWS_WITH_AS(data::clean(holes, {.ranges = {{.column = 0, .low = 2, .high = 1}}}),
                       "[clean] expected .low up to .high of column 0, got 2 and 1", value_error);
  CHECK_THROWS_AS(data::clean(holes, {.required = {-3}}), value_error);
  CHECK_THROWS_AS(data::clean(holes, {.holes = missing::fill}, data::imputer<double>()), state_error);
}
