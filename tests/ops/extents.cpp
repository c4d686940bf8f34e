// Shows: (sizes along spatial axes)
// One number for all axes or one for each; windows along an axis.
#include <inlay/ops/extents.hpp>

#include <doctest/doctest.h>

using namespace inlay;

TEST_CASE("extents and paddings") {
  const extents<3> all = 2, each = {1, 2, 3};
  CHECK((all[0] == 2 && all[2] == 2));
  CHECK((each[0] == 1 && each[1] == 2 && each[2] == 3));
  CHECK_THROWS_WITH_AS((extents<3>{1, 2}), "[extents] expected one size or 3, got 2", value_error);
  CHECK((extents<2>{4}[1] == 4 && extents<2>{4}[0] == 4));
  const paddings<2> same = padding::same, two = 2, pair = {0, 1};
  CHECK((same.same && !two.same && !pair.same));
  CHECK((two[1] == 2 && pair[1] == 1));
}

TEST_CASE("windows along an axis") {
  const auto check = [](const detail::window& w, std::int64_t outputs, std::int64_t before) {
    CHECK(w.outputs == outputs);
    CHECK(w.before == before);
  };
  check(detail::window_of(7, 3, 1, 0, false), 5, 0);
  check(detail::window_of(7, 3, 2, 1, false), 4, 1);
  check(detail::window_of(7, 3, 1, 0, false, 3), 1, 0);
  check(detail::window_of(2, 3, 1, 0, false), 0, 0);
  check(detail::window_of(7, 3, 1, 0, true), 7, 1);
  check(detail::window_of(7, 2, 1, 0, true), 7, 0);  // the odd zero stands behind
  check(detail::window_of(8, 3, 2, 0, true), 4, 0);
  check(detail::window_of(8, 1, 3, 0, true), 3, 0);
}
