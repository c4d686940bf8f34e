// Shows: (first weights and checks of configs)
// What models share: layers whose first weights follow torchvision's rules, and checks of configs.
#include <inlay/models/parts.hpp>

#include <doctest/doctest.h>

#include <limits>

#include "tensors.hpp"

using namespace inlay;

TEST_CASE("parts: first weights of convolutions and dense layers, and rules for later") {
  auto conv = models::detail::he_conv<float>({.in = 64, .out = 16, .kernel = 3, .groups = 2});
  auto dense = models::detail::normal_dense<float>({.in = 100, .out = 50, .activation = activation::relu});
  CHECK(conv.weight.shape() == shape{16, 32, 3, 3});
  for (const bool again : {false, true}) {
    if (again) {
      init::weights(conv, {.seed = 1});
      init::weights(dense, {.seed = 1});
    }
    const auto deviation = [](const parameter<float>& weight) {
      double squares = 0;
      for (const float value : weight.value().values()) squares += static_cast<double>(value) * value;
      return std::sqrt(squares / static_cast<double>(weight.shape().size()));
    };
    CHECK(deviation(conv.weight) == doctest::Approx(std::sqrt(2.0 / (16 * 9))).epsilon(0.05));
    CHECK(deviation(dense.weight) == doctest::Approx(0.01).epsilon(0.05));
    CHECK(deviation(conv.bias) == 0);
    CHECK(deviation(dense.bias) == 0);
  }
  CHECK(dense(ones<float>({3, 100})).values()[0] >= 0);
  CHECK_FALSE(models::detail::he_conv<float>({.in = 1, .out = 1, .kernel = 1, .bias = false}).bias);
}

TEST_CASE("parts: configs are checked by their bits") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  CHECK_NOTHROW(models::detail::check_dropout("m", 0));
  CHECK_NOTHROW(models::detail::check_dropout("m", 1));
  CHECK_THROWS_WITH_AS(models::detail::check_dropout("m", -0.5), "[m] expected .dropout from 0 to 1, got -0.5",
                       value_error);
  CHECK_THROWS_AS(models::detail::check_dropout("m", nan), value_error);
  CHECK_NOTHROW(models::detail::check_width("m", 64));
  CHECK_THROWS_WITH_AS(models::detail::check_width("m", 1e300),
                       "[m] expected a .width above 0 and up to 64, got 1e+300", value_error);
  CHECK_THROWS_AS(models::detail::check_width("m", nan), value_error);
  CHECK_THROWS_WITH_AS(models::detail::check_channels("m", 1, 0),
                       "[m] expected .in and .classes of 1 or more, got 1 and 0", value_error);
}
