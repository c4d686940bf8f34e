// Shows: learned and sinusoidal positions
// The formula in long double, rows that start at different places, PyTorch's sum of two embeddings, every judge, and
// what is refused.
#include <inlay/nn/position_embedding.hpp>

#include <doctest/doctest.h>

#include <cmath>

#include <inlay/graph/record.hpp>
#include <inlay/testing/check_layer.hpp>

#include "tensors.hpp"

using namespace inlay;

TEST_CASE("sinusoids: by their formula, far out too") {
  const auto at = from<std::int64_t>({2, 3}, {0, 1, 2, 7, 511, 100000});
  for (const std::int64_t features : {1, 5, 8}) {
    const auto y = nn::sinusoids<double>(at, features);
    REQUIRE(y.shape() == shape{2, 3, features});
    for (std::int64_t p = 0; p < at.size(); ++p)
      for (std::int64_t i = 0; i < features; ++i) {
        const long double angle =
            static_cast<long double>(at.data()[p]) *
            std::pow(10000.0L, -static_cast<long double>(i / 2 * 2) / static_cast<long double>(features));
        CHECK(y(p / 3, p % 3, i) ==
              doctest::Approx(static_cast<double>(i % 2 == 0 ? std::sin(angle) : std::cos(angle))).epsilon(1e-9));
      }
  }
}

TEST_CASE("position_embedding: x and the rows of its positions") {
  const auto x = support::made_up<double>({2, 3, 4}, 1);
  const nn::position_embedding<double> learned{{.features = 4, .context = 6}}, waves{{.features = 4}};
  CHECK(members_of(learned).size() == 1);
  CHECK(members_of(waves).empty());
  const auto starts = from<std::int64_t>({2}, {0, 3});
  const auto one = learned(x), other = learned(x, starts), wave = waves(x, starts);
  for (std::int64_t n = 0; n < 2; ++n)
    for (std::int64_t t = 0; t < 3; ++t)
      for (std::int64_t i = 0; i < 4; ++i) {
        CHECK(one(n, t, i) == x(n, t, i) + learned.weight.value()(t, i));
        CHECK(other(n, t, i) == x(n, t, i) + learned.weight.value()(starts(n) + t, i));
        CHECK(wave(n, t, i) == x(n, t, i) + nn::sinusoids<double>(tensor<std::int64_t>({1}, starts(n) + t), 4)(0, i));
      }
  for (const auto* layer : {&learned, &waves}) {
    const auto r = testing::check_layer(*layer, x);
    CHECK_MESSAGE(r.ok(), r.text());
  }
}

TEST_CASE("position_embedding: learned rows are recorded for any count of positions") {
  const nn::position_embedding<float> learned{{.features = 4, .context = 16}};
  const auto x = support::made_up<float>({2, 9, 4}, 1);
  const graph::record written(learned, slice(x, 1, 0, 3), {.dynamic = {{.axis = 1, .name = "T"}}});
  CHECK(support::same_bits(written(x), learned(x)));
}

TEST_CASE("position_embedding: what is refused") {
  CHECK_THROWS_WITH_AS((nn::position_embedding<float>{{}}),
                       "[position_embedding] expected .features of 1 or more and .context of 0 or more, got 0 and 0",
                       value_error);
  const nn::position_embedding<float> layer{{.features = 4, .context = 6}};
  CHECK_THROWS_WITH_AS(layer(tensor<float>({1, 7, 4})), "[position_embedding] expected 6 positions at most, got 7",
                       value_error);
  CHECK_THROWS_WITH_AS(layer(tensor<float>({1, 2, 3})),
                       "[position_embedding] expected input (N, T, 4) and starts (N,), got (1, 2, 3) and (0,)",
                       shape_error);
  CHECK_THROWS_AS(layer(tensor<float>({2, 2, 4}), from<std::int64_t>({1}, {0})), shape_error);
}
