// First weights: the rules' bounds and variances, and redraws that depend on the seed and the member's path alone.
#include <inlay/nn/init.hpp>

#include <doctest/doctest.h>

#include <inlay/nn/dense.hpp>

#include "tensors.hpp"

using namespace inlay;
using support::same_bits;

namespace {

struct small {
  nn::dense<float> first{{.in = 4, .out = 3}}, second{{.in = 3, .out = 2}};
  static void members(auto& self, auto&& visit) {
    visit("first", self.first);
    visit("second", self.second);
  }
};
struct larger {
  nn::dense<float> second{{.in = 3, .out = 2}}, extra{{.in = 4, .out = 3}}, first{{.in = 4, .out = 3}};
  buffer<float> mean{tensor<float>({2}, 5.0f)};
  static void members(auto& self, auto&& visit) {
    visit("extra", self.extra);
    visit("mean", self.mean);
    visit("second", self.second);
    visit("first", self.first);
  }
};

double variance(const distribution& rule) {
  random::generator g(1);
  double sum = 0;
  for (const double v : rule.draw<double>(g, {20000}).values()) sum += v * v / 20000;
  return sum;
}

}  // namespace

TEST_CASE("the rules") {
  CHECK(nn::init::fan_in_uniform(16).second == 0.25);
  CHECK(nn::init::fan_in_uniform(16).first == -0.25);
  CHECK(nn::init::fan_in_uniform(0).second == 0);
  const double within = 0.05;
  CHECK(variance(init::xavier_uniform(30, 20)) == doctest::Approx(2.0 / 50).epsilon(within));
  CHECK(variance(init::xavier_normal(30, 20, 2)) == doctest::Approx(4 * 2.0 / 50).epsilon(within));
  CHECK(variance(init::he_uniform(50)) == doctest::Approx(2.0 / 50).epsilon(within));
  CHECK(variance(init::he_normal(50)) == doctest::Approx(2.0 / 50).epsilon(within));
}

TEST_CASE("init::weights depends on the seed and the path alone") {
  small a, b;
  larger c;
  CHECK_FALSE(same_bits(a.first.weight.value(), b.first.weight.value()));
  init::weights(a, {.seed = 7});
  init::weights(b, {.seed = 7});
  init::weights(c, {.seed = 7});
  CHECK(same_bits(a.first.weight.value(), b.first.weight.value()));
  CHECK(same_bits(a.first.weight.value(), c.first.weight.value()));
  CHECK(same_bits(a.second.bias.value(), c.second.bias.value()));
  CHECK_FALSE(same_bits(c.extra.weight.value(), c.first.weight.value()));  // of one rule and shape
  support::check_close(c.mean.value(), {5, 5});
  init::weights(b, {.seed = 8});
  CHECK_FALSE(same_bits(a.first.weight.value(), b.first.weight.value()));
  {
    const thread_scope four(4);
    init::weights(b, {.seed = 7});
  }
  CHECK(same_bits(a.second.weight.value(), b.second.weight.value()));
}

TEST_CASE("a layer that takes another's place brings its rule") {
  nn::dense<float> layer{{.in = 4, .out = 3}};
  layer = nn::dense<float>{{.in = 10000, .out = 3}};
  init::weights(layer, {.seed = 1});
  for (const float w : layer.weight.value().values()) CHECK(std::abs(w) <= 0.01f);
}

namespace {

struct scaled {
  parameter<float> scale{tensor<float>(shape{3}, 1.5f)};
  static void members(auto& self, auto&& visit) { visit("scale", self.scale); }
};

}  // namespace

TEST_CASE("a parameter made from a value keeps it") {
  scaled model;
  init::weights(model, {.seed = 1});
  for (const float v : model.scale.value().values()) CHECK(v == 1.5f);
}
