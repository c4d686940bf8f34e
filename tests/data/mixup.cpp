// Shows: mixup
// Mixup: samples and targets share one blend, whose size follows the beta distribution.
#include <inlay/data/mixup.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <set>
#include <vector>

#include "tensors.hpp"

using namespace inlay;

TEST_CASE("mixup: targets say what x is made of") {
  // Sample i is 2^i, and of a class of its own.
  tensor<double> x({6, 2});
  for (std::int64_t i = 0; i < 12; ++i) x.data()[i] = std::exp2(i / 2);
  const auto y = from<std::int64_t>({6}, {5, 4, 3, 2, 1, 0});
  std::set<double> shares;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    random::generator g(seed);
    const auto [mixed, targets] = data::mixup(x, y, 7, g, 1.0);
    CHECK(targets.shape() == shape{6, 7});
    for (std::int64_t i = 0; i < 6; ++i) {
      double sum = 0, expected = 0;
      for (std::int64_t c = 0; c < 7; ++c) {
        sum += targets(i, c);
        if (c < 6) expected += targets(i, c) * std::exp2(5 - c);
      }
      CHECK(sum == doctest::Approx(1));
      CHECK(mixed(i, 0) == doctest::Approx(expected));
      CHECK(mixed(i, 1) == mixed(i, 0));
      CHECK(targets(i, 6) == 0);
    }
    shares.insert(targets(0, 5));
  }
  CHECK(shares.size() > 10);
  random::generator g(1), same(1);
  CHECK(support::same_bits(data::mixup(x, y, 6, g).x, data::mixup(x, y, 6, same).x));

  CHECK_THROWS_WITH_AS(data::mixup(x, y, 5, g), "[mixup] expected classes from 0 to 4, got 5 in row 0", value_error);
  CHECK_THROWS_WITH_AS(data::mixup(x, y, 6, g, 0), "[mixup] expected an alpha above 0, got 0", value_error);
  CHECK_THROWS_AS(data::mixup(x, y.slice(0, 5), 6, g), shape_error);
  CHECK(data::mixup(zeros<float>({0, 3}), tensor<std::int64_t>(shape{0}), 4, g).y.shape() == shape{0, 4});
}

TEST_CASE("mixup: the beta distribution") {
  for (const double alpha : {1e-3, 0.2, 1.0, 4.0}) {
    INFO(alpha);
    random::generator g(7);
    constexpr int count = 40000;
    double sum = 0, squares = 0;
    bool inside = true;
    for (int i = 0; i < count; ++i) {
      const double share = data::detail::draw_beta(g, alpha);
      inside = inside && share >= 0 && share <= 1;
      sum += share;
      squares += (share - 0.5) * (share - 0.5);
    }
    CHECK(inside);
    CHECK(std::abs(sum / count - 0.5) < 0.01);
    CHECK(std::abs(squares / count - 1 / (4 * (2 * alpha + 1))) < 0.005);
  }
}
