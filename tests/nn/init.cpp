// Shows: seeded initialisation by rules
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

double variance(const distribution& rule, const shape& sizes) {
  random::generator g(1);
  double sum = 0;
  for (const double v : rule.draw<double>(g, sizes).values()) sum += v * v / static_cast<double>(sizes.size());
  return sum;
}

}  // namespace

TEST_CASE("the rules") {
  CHECK(nn::init::fan_in_uniform(16).second == 0.25);
  CHECK(nn::init::fan_in_uniform(16).first == -0.25);
  CHECK(nn::init::fan_in_uniform(0).second == 0);
  const double within = 0.05;
  const shape sizes{40, 20, 3, 5};  // fan in 300, fan out 600
  CHECK(variance(init::xavier_uniform(), sizes) == doctest::Approx(2.0 / 900).epsilon(within));
  CHECK(variance(init::xavier_normal(2), sizes) == doctest::Approx(4 * 2.0 / 900).epsilon(within));
  CHECK(variance(init::he_uniform(), sizes) == doctest::Approx(2.0 / 300).epsilon(within));
  CHECK(variance(init::he_normal(fan::out), sizes) == doctest::Approx(2.0 / 600).epsilon(within));
  CHECK(variance(init::uniform(-3, 3), sizes) == doctest::Approx(3).epsilon(within));
  CHECK(variance(init::truncated_normal(0, 2), sizes) == doctest::Approx(4 * 0.7737413).epsilon(within));
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

TEST_CASE("init::weights: rules in place of the layers' own") {
  small a;
  init::weights(a, {.seed = 7, .rules = {{"first.*", init::constant(2)}, {"*.weight", init::orthogonal(3)}}});
  for (const float v : a.first.weight.value().values()) CHECK(v == 2);
  for (const float v : a.first.bias.value().values()) CHECK(v == 2);
  const tensor<float> w = a.second.weight.value();  // (2, 3): its rows are orthogonal, and 3 long
  for (std::int64_t i = 0; i < 2; ++i)
    for (std::int64_t j = 0; j < 2; ++j) {
      float dot = 0;
      for (std::int64_t k = 0; k < 3; ++k) dot += w(i, k) * w(j, k);
      CHECK(dot == doctest::Approx(i == j ? 9 : 0));
    }
  small b;
  init::weights(b, {.seed = 7});
  CHECK(same_bits(a.second.bias.value(), b.second.bias.value()));  // what no rule matches keeps its own
  CHECK_THROWS_WITH_AS(init::weights(a, {.rules = {{"third", init::constant(1)}}}),
                       "[init] expected rules that match a parameter first, got .match = \"third\"", value_error);
  CHECK_THROWS_WITH_AS(init::weights(a, {.rules = {{"*.bias", init::he_normal()}}}),
                       "[init] expected a weight (out, in, …) for this rule, got (3,)", shape_error);
}
