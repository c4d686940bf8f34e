// Shows: (sizes that follow from others)
// Numbers that moved are explained by the fewest sizes that do it, or not at all.
#include <inlay/graph/sizes.hpp>

#include <doctest/doctest.h>

#include <array>
#include <optional>
#include <vector>

using namespace inlay;
using graph::size_expression;

namespace {

using list = std::vector<std::int64_t>;

// Sizes of three axes in four samples.
const std::vector<graph::detail::observed> axes{
    {{-1, 0}, {2, 3, 2, 4}}, {{-1, 1}, {5, 5, 6, 7}}, {{0, 2}, {9, 9, 9, 8}}};

std::optional<size_expression> explained(const list& values) { return graph::detail::explain(values, axes); }

}  // namespace

TEST_CASE("sizes: one size, a multiple, an offset, a product") {
  const auto check = [](const list& values, std::int64_t factor, std::int64_t offset, const list& which) {
    const auto e = explained(values);
    REQUIRE(e);
    CHECK(e->factor == factor);
    CHECK(e->offset == offset);
    list of;
    for (const size_expression::source& s : e->of) of.push_back(s.operand < 0 ? s.axis : 10 + s.axis);
    CHECK(of == which);
  };
  check({2, 3, 2, 4}, 1, 0, {0});
  check({9, 9, 9, 8}, 1, 0, {12});
  check({6, 9, 6, 12}, 3, 0, {0});
  check({11, 11, 13, 15}, 2, 1, {1});
  check({10, 15, 12, 28}, 1, 0, {0, 1});
  check({4, 9, 4, 16}, 1, 0, {0, 0});
  check({90, 135, 108, 224}, 1, 0, {0, 1, 12});
  check({-2, -3, -2, -4}, -1, 0, {0});
}

TEST_CASE("sizes: what no product explains stays unexplained") {
  CHECK_FALSE(explained({1, 2, 1, 1}));
  CHECK_FALSE(explained({2, 3, 3, 4}));
  CHECK_FALSE(explained({7, 8, 8, 11}));  // a sum of two
}

TEST_CASE("sizes: an expression is computed from operands and axes") {
  const size_expression e{2, -1, {{-1, 1}, {0, 2}}};
  const shape operand{4, 5, 6};
  const std::array<std::int64_t, 2> sizes{10, 7};
  CHECK(e.value({&operand, 1}, sizes) == 2 * 7 * 6 - 1);
}
