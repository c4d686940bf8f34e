// Shows: up to eight axes, broadcast as NumPy does
// A shape holds at most eight sizes of 0 or more whose product is bounded; it broadcasts as NumPy does.
#include <inlay/core/shape.hpp>

#include <doctest/doctest.h>

#include <limits>
#include <vector>

using namespace inlay;

namespace {

constexpr std::int64_t huge = std::int64_t{1} << 62;

std::string message(auto&& f) {
  try {
    f();
  } catch (const shape_error& e) {
    return e.what();
  }
  return "no error";
}

}  // namespace

TEST_CASE("shape: sizes, axes and text") {
  struct {
    shape sizes;
    int rank;
    std::int64_t size;
    const char* text;
  } const table[] = {{{}, 0, 1, "()"},
                     {{7}, 1, 7, "(7,)"},
                     {{2, 3}, 2, 6, "(2, 3)"},
                     {{4, 0, 5}, 3, 0, "(4, 0, 5)"},
                     {{1, 2, 1, 2, 1, 2, 1, 2}, 8, 16, "(1, 2, 1, 2, 1, 2, 1, 2)"}};
  for (const auto& row : table) {
    INFO(std::string(row.text));
    CHECK(row.sizes.rank() == row.rank);
    CHECK(row.sizes.size() == row.size);
    CHECK(row.sizes.text() == row.text);
    CHECK(row.sizes.end() - row.sizes.begin() == row.rank);
    CHECK(row.sizes == shape(std::span<const std::int64_t>(row.sizes.begin(), row.sizes.end())));
  }
  const shape s{2, 3, 4};
  CHECK(s[0] == 2);
  CHECK(s[2] == 4);
  CHECK(s[-1] == 4);
  CHECK(s[-3] == 2);
  CHECK(s.index(-2) == 1);
  CHECK(s.count(0, 3) == 24);
  CHECK(s.count(1, 3) == 12);
  CHECK(s.count(2, 2) == 1);
  CHECK(s.with(-1, 9) == shape{2, 3, 9});
  CHECK(s.with(1, 0) == shape{2, 0, 4});
  CHECK(s.without(1) == shape{2, 4});
  CHECK(shape{5}.without(-1) == shape{});
  CHECK_FALSE(shape{2, 3} == shape{3, 2});
  CHECK_FALSE(shape{2} == shape{2, 1});
  CHECK_FALSE(shape{} == shape{1});
}

TEST_CASE("shape: impossible sizes throw") {
  const std::vector<std::int64_t> nine(9, 1);
  CHECK_THROWS_AS((shape{1, 1, 1, 1, 1, 1, 1, 1, 1}), shape_error);
  CHECK_THROWS_AS(shape(std::span<const std::int64_t>(nine)), shape_error);
  CHECK_THROWS_AS((shape{2, -1}), shape_error);
  CHECK_THROWS_AS((shape{huge, 4}), shape_error);
  CHECK_THROWS_AS((shape{0, huge, huge}), shape_error);
  CHECK_THROWS_AS((shape{huge, huge, 0}), shape_error);
  CHECK_THROWS_AS((shape{std::numeric_limits<std::int64_t>::max()}), shape_error);
  CHECK_THROWS_AS((shape{std::numeric_limits<std::int64_t>::min()}), shape_error);
  CHECK_THROWS_AS((shape{std::int64_t{1} << 28, (std::int64_t{1} << 28) + 1}), shape_error);
  CHECK((shape{std::int64_t{1} << 28, std::int64_t{1} << 28}).size() == std::int64_t{1} << 56);
  CHECK_THROWS_AS((shape{2, 3}.with(0, -1)), shape_error);
  CHECK_THROWS_AS((shape{2, 3}.with(0, huge)), shape_error);
  CHECK(message([] { (void)shape{3, -2}; }) == "[shape] expected sizes of 0 or more, got -2");
  CHECK(message([] { (void)shape{huge}; }) ==
        "[shape] expected at most 2^56 elements, got () times 4611686018427387904");
  CHECK(message([] { (void)shape{1, 1, 1, 1, 1, 1, 1, 1, 1}; }) == "[shape] expected at most 8 axes, got 9");
}

TEST_CASE("shape: a failed append changes nothing") {
  shape s{std::int64_t{1} << 40};
  for (const std::int64_t size : {std::int64_t{1} << 24, std::int64_t{1} << 17, huge, std::int64_t{-1}})
    CHECK_THROWS_AS(s.append(size), shape_error);
  CHECK(s == shape{std::int64_t{1} << 40});
  s.append(1 << 16);
  CHECK(s.size() == std::int64_t{1} << 56);
  shape full{1, 1, 1, 1, 1, 1, 1, 1};
  CHECK(message([&] { full.append(1); }) == "[shape] expected at most 8 axes, got 9");
  CHECK(full.rank() == 8);
}

TEST_CASE("shape: an axis that is not there throws") {
  for (const std::int64_t axis : {std::int64_t{2}, std::int64_t{-3}, huge, -huge}) {
    const shape s{2, 3};
    CHECK_THROWS_AS(s[axis], shape_error);
    CHECK_THROWS_AS(s.without(axis), shape_error);
    CHECK_THROWS_AS(s.with(axis, 1), shape_error);
  }
  CHECK_THROWS_AS(shape{}[0], shape_error);
  CHECK(message([] { (void)shape{2, 3}[5]; }) == "[shape] expected an axis of (2, 3), got 5");
}

TEST_CASE("broadcast: equal or 1, counted from the last axis") {
  struct {
    shape a, b, both;
  } const table[] = {{{2, 3}, {2, 3}, {2, 3}},
                     {{}, {}, {}},
                     {{}, {4, 5}, {4, 5}},
                     {{3}, {2, 3}, {2, 3}},
                     {{2, 1}, {1, 3}, {2, 3}},
                     {{2, 1}, {3}, {2, 3}},
                     {{1}, {0}, {0}},
                     {{0, 1}, {1, 4}, {0, 4}},
                     {{1, 1, 1}, {5}, {1, 1, 5}},
                     {{4, 1, 6}, {5, 1}, {4, 5, 6}}};
  for (const auto& row : table) {
    INFO(row.a.text(), " and ", row.b.text());
    CHECK(broadcast("add", row.a, row.b) == row.both);
    CHECK(broadcast("add", row.b, row.a) == row.both);
  }
  for (const auto& [a, b] :
       {std::pair{shape{2}, shape{3}}, {shape{0}, shape{5}}, {shape{2, 3}, shape{3, 2}}, {shape{2, 3}, shape{2}}}) {
    CHECK_THROWS_AS(broadcast("add", a, b), shape_error);
    CHECK_THROWS_AS(broadcast("add", b, a), shape_error);
  }
  CHECK(message([] {
          (void)broadcast("add", {2, 3}, {4});
        }) ==
        "[add] expected shapes that broadcast, got (2, 3) and (4,); sizes must be equal or 1, counted from the last "
        "axis");
  const std::int64_t big = std::int64_t{1} << 40;
  CHECK_THROWS_AS(broadcast("add", {big, 1}, {1, big}), shape_error);
}
