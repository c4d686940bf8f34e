// Shows: RMS norm
// RMS normalisation against PyTorch's formula, and everything check_layer asks.
#include <inlay/nn/rms_norm.hpp>

#include <doctest/doctest.h>

#include <inlay/testing/check_layer.hpp>

using namespace inlay;

TEST_CASE("rms_norm") {
  const tensor<double> x = from<double>({2, 3}, {1, -2, 3, 0.5, 0, -0.25});
  const nn::rms_norm<double> layer{{.features = 3}};
  // torch 1.13: x / torch.sqrt((x * x).mean(-1, keepdim=True) + 1e-6)
  const auto golden = from<double>({2, 3}, {0.462910000288778, -0.925820000577557, 1.38873000086634,
                                            1.54918590240848, 0, -0.774592951204241});
  const auto report = testing::check_layer(layer, x, {.golden = golden});
  INFO(report.text());
  CHECK(report.ok());

  CHECK_THROWS_WITH_AS(layer(zeros<double>({2, 4})), "[rms_norm] expected input (…, 3), got (2, 4)", shape_error);
  CHECK_THROWS_AS(nn::rms_norm<double>{{}}, value_error);
}
