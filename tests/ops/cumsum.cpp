// Shows: cumsum
// Cumulative sums along any axis against loops and PyTorch; in place and not.
#include <inlay/ops/cumsum.hpp>

#include <doctest/doctest.h>

#include <inlay/ops/arithmetic.hpp>
#include <inlay/testing/check_gradient.hpp>

#include "naive/waves.hpp"

using namespace inlay;
using support::made_up;
using support::numbers;
using support::variables;

TEST_CASE("cumsum: PyTorch's values and gradients") {
  naive::check_waves(
      "axis 0", [](const variables& v) { return cumsum(v[0], 0); }, {{3, 2}},
      {0, 0.644217687237691, 0.9854497299884601, 1.5074270538865648, 1.3204378801443653, 1.156643826196945},
      {{-0.367953283898689, 0.4909120143210344, -0.367953283898689, -0.4726461710961586, -0.8834546557201531,
        0.21511998808781552}});
  naive::check_waves("axis 1", [](const variables& v) { return cumsum(v[0], -2); }, {{2, 3, 2}},
                     {0, 0.644217687237691, 0.9854497299884601, 1.5074270538865648, 1.3204378801443653,
                      1.156643826196945, -0.8715757724135877, -0.9824526126243326, -1.5028424102859095,
                      -0.9656387121399829, -0.8458558115671204, 0.02252952173701739},
                     {{-0.367953283898689, 0.4909120143210344, -0.367953283898689, -0.4726461710961586,
                       -0.8834546557201531, 0.21511998808781552, 0.5908839131155922, 0.5438867427049334,
                       -0.4076594322590128, 0.22478838035558124, 0.4201670368266409, 0.9867719642746133}});
}

TEST_CASE("cumsum: loops, everywhere") {
  for (const std::int64_t n : {1, 7, 8, 9, 15, 16, 17, 33, 500})
    for (const std::int64_t inner : {1, 3, 40}) {
      const auto x = made_up<float>({4, n, inner}, 1);
      numbers want(x.values().begin(), x.values().end());
      for (std::size_t i = 0; i < want.size(); ++i)
        if (static_cast<std::int64_t>(i) / inner % n > 0) want[i] += want[i - static_cast<std::size_t>(inner)];
      support::check_everywhere<float>([&] { return cumsum(x, 1); }, want, support::rounding<float>);
      support::check_everywhere<float>([&] { return cumsum(x + 0.0f, 1); }, want,
                                       support::rounding<float>);  // in place
    }
}

TEST_CASE("cumsum: long ones stay exact, NaN stays from where it is, integers, nothing") {
  CHECK(cumsum(full<float>({1000000}, 0.1f), 0)(999999) == doctest::Approx(1e5).epsilon(1e-6));
  support::check_close(cumsum(from<double>({4}, {1, NAN, 2, -INFINITY}), 0), {1, NAN, NAN, NAN});
  CHECK(cumsum(from<std::int64_t>({3}, {1, -2, 4}), 0)(2) == 3);
  CHECK(cumsum(from<std::uint8_t>({2}, {200, 100}), 0)(1) == 44);  // as uint8 counts
  CHECK(cumsum(tensor<float>({2, 0}), 1).shape() == shape{2, 0});
  CHECK(cumsum(tensor<float>({0, 2}), 1).shape() == shape{0, 2});
  CHECK_THROWS_WITH_AS(cumsum(tensor<float>({2}), 1), "[shape] expected an axis of (2,), got 1", shape_error);
}

TEST_CASE("cumsum: central differences") {
  const auto r = testing::check_gradient([](const auto& x) { return cumsum(x * x, 0) + cumsum(x, 2) * cumsum(x, 1); },
                                         made_up<double>({3, 2, 4}, 1));
  CHECK_MESSAGE(r.ok(), r.text());
}
