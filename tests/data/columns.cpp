// Shows: (rows and holes of tables)
// Rows and holes of tables: what counts as a value, and the errors of a transform that was given something else.
#include <inlay/data/columns.hpp>

#include <doctest/doctest.h>

using namespace inlay;
namespace columns = inlay::data::detail;

TEST_CASE("columns: values are told from holes by their bits") {
  using limits = std::numeric_limits<double>;
  const double nan = limits::quiet_NaN(), infinite = limits::infinity();
  for (const double value : {0.0, -0.0, 1.5, limits::max(), limits::denorm_min()}) CHECK(columns::is_finite(value));
  for (const double value : {nan, infinite, -infinite}) CHECK(!columns::is_finite(value));
  CHECK(columns::is_finite(1e38f));
  CHECK(!columns::is_finite(std::numeric_limits<float>::infinity()));

  const auto x = from<double>({3, 2}, {1, nan, nan, nan, -2, infinite});
  const columns::layout of = columns::rows_to_fit("who", x);
  CHECK(columns::present("who", x, of, 0) == std::vector<double>{1, -2});
  CHECK_THROWS_WITH_AS(columns::present("who", x, of, 1), "[who] expected finite values in column 1, got infinite ones",
                       value_error);
  const auto holes = x.slice(0, 2);
  CHECK_THROWS_WITH_AS(columns::present("who", holes, columns::rows_to_fit("who", holes), 1),
                       "[who] expected a value in column 1, got NaN in every row; leave the column out", value_error);
}

TEST_CASE("columns: shapes") {
  const columns::layout of = columns::rows_to_fit("who", tensor<float>({2, 3, 4}));
  CHECK(of.rows == 6);
  CHECK(of.features == 4);
  CHECK_THROWS_WITH_AS(columns::rows_to_fit("who", tensor<float>({4})),
                       "[who] expected values (…, features) to fit, got (4,)", shape_error);
  CHECK_THROWS_WITH_AS(columns::rows_to_fit("who", tensor<float>({0, 4})),
                       "[who] expected at least one row and column to fit, got (0, 4)", value_error);
  CHECK_THROWS_AS(columns::rows_to_fit("who", tensor<float>({4, 0})), value_error);
  columns::check_fitted("who", 3, {2, 3});
  CHECK_THROWS_WITH_AS(columns::check_fitted("who", 0, {2, 3}),
                       "[who] expected fit() or a loaded file first, got neither", state_error);
  CHECK_THROWS_WITH_AS(columns::check_fitted("who", 4, {2, 3}), "[who] expected values (…, 4), got (2, 3)",
                       shape_error);
  CHECK_THROWS_AS(columns::check_fitted("who", 1, {}), shape_error);
}
