// Shows: rotary positions
// rotary against its definition with every option, at every level and thread count; central differences; products of
// turned rows depend on their distance alone; what is refused.
#include <inlay/ops/rotary.hpp>

#include <doctest/doctest.h>

#include <cmath>

#include <inlay/testing/check_gradient.hpp>

#include "tensors.hpp"

using namespace inlay;
using support::made_up;
using support::numbers;

namespace {

template <class T>
numbers definition(const tensor<T>& x, const rotary_options& o, const std::vector<std::int64_t>& starts) {
  numbers out(static_cast<std::size_t>(x.size()));
  const std::int64_t size = x.dim(2) / o.heads, turned = o.turned > 0 ? o.turned : size;
  for (std::int64_t n = 0; n < x.dim(0); ++n)
    for (std::int64_t t = 0; t < x.dim(1); ++t)
      for (std::int64_t h = 0; h < o.heads; ++h) {
        const auto at = [&](std::int64_t i) { return static_cast<long double>(x(n, t, h * size + i)); };
        const auto to = [&](std::int64_t i) -> double& {
          return out[static_cast<std::size_t>((n * x.dim(1) + t) * x.dim(2) + h * size + i)];
        };
        for (std::int64_t i = turned; i < size; ++i) to(i) = static_cast<double>(at(i));
        for (std::int64_t i = 0; i < turned / 2; ++i) {
          const long double place = static_cast<long double>(
                                (starts.empty() ? 0 : starts[static_cast<std::size_t>(n)]) + t),
                            angle = place *
                                    std::pow(static_cast<long double>(o.base),
                                             -2.0L * static_cast<long double>(i) / static_cast<long double>(turned));
          const std::int64_t a = o.interleaved ? 2 * i : i, b = o.interleaved ? 2 * i + 1 : i + turned / 2;
          to(a) = static_cast<double>(at(a) * std::cos(angle) - at(b) * std::sin(angle));
          to(b) = static_cast<double>(at(b) * std::cos(angle) + at(a) * std::sin(angle));
        }
      }
  return out;
}

}  // namespace

TEST_CASE_TEMPLATE("rotary: equals its definition", T, float, double) {
  const auto x = made_up<T>({2, 70, 3 * 22}, 1);
  for (const std::vector<std::int64_t>& starts : {std::vector<std::int64_t>{}, {5, 0}})
    for (const rotary_options& o : {rotary_options{.heads = 3},
                                    {.heads = 1},
                                    {.heads = 3, .turned = 8},
                                    {.heads = 3, .base = 100, .interleaved = true}}) {
      INFO("turned ", o.turned, " heads ", o.heads, " interleaved ", o.interleaved, " starts ", starts.size());
      const auto places = starts.empty() ? tensor<std::int64_t>() : from<std::int64_t>({2}, starts);
      support::check_everywhere<T>([&] { return rotary(x, o, places); }, definition(x, o, starts),
                                   sizeof(T) == 4 ? 1e-6 : 1e-14);
    }
}

TEST_CASE("rotary: central differences") {
  for (const bool interleaved : {false, true}) {
    const auto r = testing::check_gradient(
        [&](const auto& x) {
          return rotary(x, {.heads = 2, .turned = 4, .interleaved = interleaved}, from<std::int64_t>({2}, {3, 1}));
        },
        made_up<double>({2, 3, 10}, 2));
    CHECK_MESSAGE(r.ok(), r.text());
  }
}

TEST_CASE("rotary: a product depends on the distance alone") {
  const auto x = made_up<double>({1, 1, 16}, 3), y = made_up<double>({1, 1, 16}, 4);
  const auto product = [&](std::int64_t a, std::int64_t b) {
    const auto p = rotary(x, {}, from<std::int64_t>({1}, {a})), q = rotary(y, {}, from<std::int64_t>({1}, {b}));
    double sum = 0;
    for (std::int64_t i = 0; i < 16; ++i) sum += p(0, 0, i) * q(0, 0, i);
    return sum;
  };
  CHECK(product(7, 3) == doctest::Approx(product(104, 100)).epsilon(1e-12));
  CHECK(product(7, 3) != doctest::Approx(product(7, 4)).epsilon(1e-3));
}

TEST_CASE("rotary: what is refused") {
  const tensor<float> x({2, 3, 8});
  CHECK_THROWS_WITH_AS(rotary(x, {.heads = 3}), "[rotary] expected input (N, T, 3 size), got (2, 3, 8)", shape_error);
  CHECK_THROWS_WITH_AS(rotary(x, {.heads = 2, .turned = 6}),
                       "[rotary] expected an even number of features to turn, 4 at most, got 6", value_error);
  CHECK_THROWS_WITH_AS(rotary(x, {}, from<std::int64_t>({3}, {1, 2, 3})),
                       "[rotary] expected starts (2,) or none, got (3,)", shape_error);
  CHECK(rotary(tensor<float>({2, 0, 8})).shape() == shape{2, 0, 8});
}
