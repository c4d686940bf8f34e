// Shows: layer norm
// The layer normalisation layer against PyTorch, and everything check_layer asks.
#include <inlay/nn/layer_norm.hpp>

#include <doctest/doctest.h>

#include <inlay/testing/check_layer.hpp>

#include "tensors.hpp"

using namespace inlay;
using support::made_up;

namespace {

const tensor<double> x = from<double>({2, 3}, {-1.5, 0.5, 2, 0.25, -0.75, 1});

}  // namespace

TEST_CASE("layer_norm layer: PyTorch's numbers, and every judge") {
  // F.layer_norm(x, (3,)), F.layer_norm(x, (3,), w, b)
  nn::layer_norm<double> layer{{.features = 3}};
  const auto first = testing::check_layer(
      layer, x,
      {.golden = from<double>({2, 3}, {-1.2787209157835675, 0.11624735598032429, 1.1624735598032432,
                                       0.11624650770221964, -1.2787115847244164, 1.1624650770221967})});
  CHECK_MESSAGE(first.ok(), first.text());
  layer.weight.assign(from<double>({3}, {1.5, -0.5, 0.25}));
  layer.bias.assign(from<double>({3}, {0.5, 1, -2}));
  const auto second = testing::check_layer(
      layer, x,
      {.golden = from<double>({2, 3}, {-1.4180813736753513, 0.9418763220098378, -1.7093816100491892, 0.6743697615533295,
                                       1.6393557923622082, -1.7093837307444508})});
  CHECK_MESSAGE(second.ok(), second.text());
  const nn::layer_norm<double> unbiased{{.features = 17, .epsilon = 1e-3, .bias = false}};
  const auto third = testing::check_layer(unbiased, made_up<double>({4, 5, 17}, 1));
  CHECK_MESSAGE(third.ok(), third.text());
  const nn::layer_norm<float> large{{.features = 300}};
  const auto fourth = testing::check_layer(large, made_up<float>({65, 300}, 2));
  CHECK_MESSAGE(fourth.ok(), fourth.text());
}

TEST_CASE("layer_norm layer: a training tape changes nothing") {
  const nn::layer_norm<double> layer{{.features = 3}};
  const autograd::tape t;
  CHECK(support::same_bits(layer(t.leaf(x)).value(), layer(x)));
}

TEST_CASE("layer_norm layer: its members, and what it refuses") {
  CHECK(parameter_count(nn::layer_norm<float>{{.features = 40}}) == 80);
  CHECK(parameter_count(nn::layer_norm<float>{{.features = 40, .bias = false}}) == 40);
  CHECK_THROWS_WITH_AS(nn::layer_norm<float>{{}}, "[layer_norm] expected .features of 1 or more, got 0", value_error);
  const nn::layer_norm<double> layer{{.features = 3}};
  CHECK_THROWS_WITH_AS(layer(tensor<double>({2, 4})), "[layer_norm] expected input (…, 3), got (2, 4)", shape_error);
  CHECK_THROWS_AS(layer(tensor<double>(shape{})), shape_error);
}
