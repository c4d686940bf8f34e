// Shows: (the best value so far)
// The best value so far: better by more than the difference asked for, never what is no number.
#include <inlay/train/best.hpp>

#include <doctest/doctest.h>

#include <limits>

using namespace inlay;
using train::detail::best_value;

namespace {
constexpr double no_number = std::numeric_limits<double>::quiet_NaN(), inf = std::numeric_limits<double>::infinity();
}

TEST_CASE("best: lower, or higher, than all before") {
  best_value low(false), high(true);
  CHECK_FALSE(low.any());
  CHECK(low.value() == 0);
  const struct {
    double value;
    bool lower, higher;
  } table[] = {{3, true, true}, {5, false, true}, {3, false, false}, {2, true, false}, {-1, true, false}};
  for (const auto& row : table) {
    INFO(row.value);
    CHECK(low.take(row.value) == row.lower);
    CHECK(high.take(row.value) == row.higher);
  }
  CHECK(low.any());
  CHECK(low.value() == -1);
  CHECK(high.value() == 5);
}

TEST_CASE("best: by more than the least difference") {
  best_value low(false, 0.5), high(true, 0.5);
  CHECK(low.take(2));
  CHECK_FALSE(low.take(1.5));  // by just so much
  CHECK_FALSE(low.take(1.75));
  CHECK(low.take(1.25));
  CHECK(low.value() == 1.25);
  CHECK(high.take(2));
  CHECK_FALSE(high.take(2.5));
  CHECK(high.take(2.75));
  CHECK_THROWS_WITH_AS(best_value(false, -0.5), "[early_stopping] expected .min_delta of 0 or more, got -0.5",
                       value_error);
  CHECK_THROWS_AS(best_value(false, no_number), value_error);
}

TEST_CASE("best: NaN is never better, and anything finite is better than an infinity of the wrong end") {
  best_value low(false);
  CHECK_FALSE(low.take(no_number));
  CHECK_FALSE(low.any());
  CHECK(low.take(inf));
  CHECK_FALSE(low.take(no_number));
  CHECK(low.take(7));
  CHECK_FALSE(low.take(no_number));
  CHECK_FALSE(low.take(inf));
  CHECK(low.value() == 7);
}

TEST_CASE("best: a module of two numbers") {
  best_value from(true), to(true);
  from.take(-3);
  const std::vector<member> saved = members_of(from), loaded = members_of(to);
  REQUIRE(saved.size() == 2);
  CHECK(saved[0].path == "value");
  CHECK(saved[1].path == "seen");
  *loaded[0].number = *saved[0].number;
  *loaded[1].size = *saved[1].size;
  CHECK(to.any());
  CHECK_FALSE(to.take(-4));
  CHECK(to.take(-2));
}
