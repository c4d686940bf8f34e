// Shows: pow
// pow of two operands against PyTorch and libm, with zeros, negative bases and broadcasting.
#include <inlay/ops/pow.hpp>

#include <doctest/doctest.h>

#include <inlay/testing/check_gradient.hpp>

#include "naive/waves.hpp"

using namespace inlay;
using support::check_close;
using support::made_up;
using support::numbers;
using support::variables;

TEST_CASE("pow: PyTorch's values and gradients") {
  naive::check_waves("pow", [](const variables& v) { return pow(v[0] + 2.0, v[1]); }, {{2, 3}, {3}},
                     {1, 2.1418880372640077, 2.9012632182569127, 1, 1.9430648745573826, 1.6277789017701643},
                     {{0, 0.6113931245556256, 0.4878633647572293, 0, -0.5758772604133748, 0.2067709149579807},
                      {-0.7234909012319425, 0.5511241267982321, 1.8110078615965248}});
  support::check_golden("zeros", [](const variables& v) { return pow(v[0], v[1]); },
                        {from<double>({5}, {0, 0, 0, 2, 3}), from<double>({5}, {0, 2, 1, 0, 2})}, {1, 1, 1, 1, 1},
                        {1, 0, 0, 1, 9}, {{0, 0, 1, 0, 6}, {0, 0, 0, 0.6931471805599453, 9.887510598012987}});
  naive::check_waves("of a number", [](const variables& v) { return pow(2.5, v[0]); }, {{4}},
                     {1, 1.804512904070017, 2.4668905089991573, 2.205492284655023},
                     {{0, 1.5932034233079173, 1.1652335839262822, -1.3898874696885357}});
}

TEST_CASE("pow: libm, everywhere") {
  for (const std::int64_t n : {1, 7, 8, 9, 15, 16, 17, 33}) {
    const auto a = made_up<float>({3, n}, 1, 0.1, 3), b = made_up<float>({n}, 2, -2, 2);
    numbers want;
    for (std::int64_t i = 0; i < 3 * n; ++i)
      want.push_back(std::pow(static_cast<double>(a(i / n, i % n)), static_cast<double>(b(i % n))));
    support::check_everywhere<float>([&] { return pow(a, b); }, want, support::rounding<float>);
  }
}

TEST_CASE("pow: special values, nothing, what is refused") {
  check_close(pow(from<double>({6}, {-2, -2, NAN, 1, INFINITY, 0}), from<double>({6}, {3, 0.5, 0, NAN, -1, -1})),
              {-8, NAN, 1, 1, 0, HUGE_VAL});
  CHECK(pow(tensor<float>({0, 2}), tensor<float>({2})).shape() == shape{0, 2});
  CHECK_THROWS_AS(pow(tensor<float>({2}), tensor<float>({3})), shape_error);
}

TEST_CASE("pow: central differences") {
  const auto r = testing::check_gradient([](const auto& a, const auto& b) { return pow(a, b); },
                                         made_up<double>({3, 1}, 1, 0.5, 2), made_up<double>({2, 1, 4}, 2));
  CHECK_MESSAGE(r.ok(), r.text());
}
