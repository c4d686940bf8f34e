// Shows: comparisons, where
// Comparisons and choices against loops in every type, with broadcasting, NaN and infinities; gradients of where.
#include <inlay/ops/compare.hpp>

#include <doctest/doctest.h>

#include <inlay/testing/check_gradient.hpp>

#include "naive/waves.hpp"

using namespace inlay;
using support::made_up;
using support::numbers;
using support::variables;

namespace {

constexpr double inf = std::numeric_limits<double>::infinity();

template <class T> numbers wide(const tensor<T>& x) { return {x.values().begin(), x.values().end()}; }

template <class T> void check_ordered() {
  const tensor<T> a = from<T>({6}, {1, 2, 3, 0, 5, 7}), b = from<T>({6}, {2, 2, 1, 0, 7, 5});
  support::for_each_isa([&](isa) {
    CHECK(wide(eq(a, b)) == numbers{0, 1, 0, 1, 0, 0});
    CHECK(wide(lt(a, b)) == numbers{1, 0, 0, 0, 1, 0});
    CHECK(wide(ge(a, b)) == numbers{0, 1, 1, 1, 0, 1});
    CHECK(wide(where(lt(a, b), a, b)) == numbers{1, 2, 1, 0, 5, 5});
  });
}

}  // namespace

TEST_CASE("comparisons: integers") {
  check_ordered<std::int32_t>();
  check_ordered<std::int64_t>();
  check_ordered<std::uint8_t>();
  const auto edges = from<std::uint8_t>({2}, {200, 100});  // 200 is negative as a signed byte
  CHECK(wide(gt(edges, std::uint8_t{127})) == numbers{1, 0});
}

TEST_CASE("comparisons: NaN and infinities, numbers on the right") {
  const auto a = from<double>({5}, {NAN, inf, -inf, 0, -0.0}), b = from<double>({5}, {NAN, inf, 1, NAN, 0});
  support::for_each_isa([&](isa) {
    CHECK(wide(eq(a, b)) == numbers{0, 1, 0, 0, 1});
    CHECK(wide(ne(a, b)) == numbers{1, 0, 1, 1, 0});
    CHECK(wide(lt(a, b)) == numbers{0, 0, 1, 0, 0});
    CHECK(wide(le(a, b)) == numbers{0, 1, 1, 0, 1});
    CHECK(wide(gt(a, b)) == numbers{0, 0, 0, 0, 0});
    CHECK(wide(ge(a, b)) == numbers{0, 1, 0, 0, 1});
    CHECK(wide(gt(a, 0)) == numbers{0, 1, 0, 0, 0});
    CHECK(wide(ne(a, inf)) == numbers{1, 0, 1, 1, 1});
    CHECK(wide(le(a, 0)) == numbers{0, 0, 1, 1, 1});
    CHECK(wide(ge(a, 0)) == numbers{0, 1, 0, 1, 1});
    CHECK(wide(eq(a, 0)) == numbers{0, 0, 0, 1, 1});
    CHECK(wide(lt(a, inf)) == numbers{0, 0, 1, 1, 1});
  });
}

TEST_CASE("comparisons and where: loops, at every size and way to broadcast") {
  for (const std::int64_t n : {1, 7, 8, 9, 15, 16, 17, 33, 20000})
    for (const auto& [of_a, of_b] : {std::pair<shape, shape>{{3, n}, {3, n}}, {{3, n}, {n}}, {{3, 1}, {n}}}) {
      const auto a = made_up<float>(of_a, 1), b = made_up<float>(of_b, 2);
      numbers less, smaller;
      for (std::int64_t i = 0; i < 3 * n; ++i) {
        const float x = a.values()[static_cast<std::size_t>(of_a[1] == n ? i : i / n)],
                    y = b.values()[static_cast<std::size_t>(of_b.rank() == 2 ? i : i % n)];
        less.push_back(x < y);
        smaller.push_back(static_cast<double>(x < y ? x : y));
      }
      support::check_everywhere<float>([&] { return lt(a, b).cast<float>(); }, less, 0);
      support::check_everywhere<float>([&] { return where(lt(a, b), a, b); }, smaller, 0);
    }
}

TEST_CASE("where: PyTorch's values and gradients") {
  const auto mask = from<bool>({2, 3}, {true, false, false, false, true, true});
  naive::check_waves("where", [&](const variables& v) { return where(mask, v[0], v[1]); }, {{2, 3}, {3}},
                     {0, 0.7833269096274833, 0.9738476308781953, 0, 0.3349881501559051, -0.35078322768961984},
                     {{0, 0, 0, 0, -0.8834546557201531, 0.21511998808781552},
                      {-0.6877661591839741, 0.963558185417193, 0.5155013718214642}});
}

TEST_CASE("where: central differences, shapes that broadcast, numbers") {
  const auto mask = from<bool>({3, 1}, {true, false, true});
  const auto r = testing::check_gradient(
      [&](const auto& a, const auto& b) { return where(mask, a, b) + where(mask, a, 2.0) - where(mask, 3.0, b) * 3.0; },
      made_up<double>({4}, 1), made_up<double>({2, 1, 1}, 2));
  CHECK_MESSAGE(r.ok(), r.text());
  const autograd::tape tape;
  const auto x = tape.leaf(from<double>({3}, {-1, NAN, 2}));
  where(gt(x, 0.0), x, -x).backward(from<double>({3}, {1, 2, 3}));  // a variable is compared by its value
  support::check_close(x.grad(), {-1, -2, 3});
}

TEST_CASE("where: masks of masks, nothing at all, what is refused") {
  const auto mask = from<bool>({4}, {true, false, true, false}), other = from<bool>({4}, {true, true, false, false});
  CHECK(wide(where(mask, other, false)) == numbers{1, 0, 0, 0});
  CHECK(wide(where(mask, true, other)) == numbers{1, 1, 1, 0});
  CHECK(where(tensor<bool>({0, 3}), 1.0f, tensor<float>({3})).shape() == shape{0, 3});
  CHECK(lt(tensor<float>({0, 3}), tensor<float>({3})).shape() == shape{0, 3});
  CHECK(eq(tensor<float>(shape{}), tensor<float>(shape{})).item());
  CHECK_THROWS_WITH_AS(
      lt(tensor<float>({2}), tensor<float>({3})),
      "[lt] expected shapes that broadcast, got (2,) and (3,); sizes must be equal or 1, counted from the last axis",
      shape_error);
  CHECK_THROWS_AS(where(mask, tensor<float>({3}), 0.0f), shape_error);
}
