// Shows: (what a plan fuses)
// Which operations become one, and which do not: what is read twice, trained on, or of another type stays as it is; the
// numbers of a folded batch_norm are those of its formula.
#include <inlay/graph/fusion.hpp>

#include <doctest/doctest.h>

#include <cmath>

#include <inlay/nn.hpp>

#include "tensors.hpp"

using namespace inlay;
using support::made_up;

namespace {

using graph::detail::fusion;
using kind = graph::detail::node::kind;

struct normed {
  nn::conv2d<float> conv{{.in = 2, .out = 3, .kernel = 1}};
  nn::batch_norm<float> norm{{.features = 3}};
  bool twice = false;
  auto operator()(const auto& x) const {
    const auto y = conv(x);
    return twice ? norm(y) + y : norm(y) + 0.0f;
  }
  static void members(auto& self, auto&& visit) {
    visit("conv", self.conv);
    visit("norm", self.norm);
  }
};

struct turned {
  parameter<float> w{made_up<float>({3, 4}, 1)};
  auto operator()(const auto& x) const {
    return flatten(relu(matmul(x, transpose(w.in(x), 0, 1))) + made_up<float>({3}, 2));
  }
  static void members(auto& self, auto&& visit) { visit("w", self.w); }
};

struct wide {
  nn::dense<double> a{{.in = 3, .out = 3}};
  auto operator()(const auto& x) const { return relu(a(x)); }
  static void members(auto& self, auto&& visit) { visit("a", self.a); }
};

std::vector<std::string> texts(const fusion& f) {
  std::vector<std::string> out;
  for (const auto& n : f.nodes) out.push_back(n.text);
  return out;
}
using words = std::vector<std::string>;

}  // namespace

TEST_CASE("fusion: a batch_norm goes into the weights before it by its formula") {
  normed net;
  net.norm.weight.assign(made_up<float>({3}, 1));
  net.norm.bias.assign(made_up<float>({3}, 2));
  net.norm.running_mean = buffer<float>(made_up<float>({3}, 3));
  net.norm.running_var = buffer<float>(made_up<float>({3}, 4, 0.1, 2));
  const fusion f(graph::record(net, made_up<float>({1, 2, 4, 4}, 5)));
  CHECK(texts(f) == words{"conv2d + batch_norm", "add"});
  const auto& conv = f.nodes[0];
  const auto constant = [&](std::size_t i) {
    return f.data[static_cast<std::size_t>(conv.operands[i])].constant->as<float>();
  };
  for (std::int64_t k = 0; k < 3; ++k) {
    const auto of = [&](const auto& member) { return static_cast<double>(member.value().data()[k]); };
    const double s = of(net.norm.weight) / std::sqrt(of(net.norm.running_var) + 1e-5);
    const double w = static_cast<double>(net.conv.weight.value().data()[2 * k]);
    CHECK(static_cast<double>(constant(1).values()[static_cast<std::size_t>(2 * k)]) == doctest::Approx(w * s).epsilon(1e-6));
    CHECK(static_cast<double>(constant(2).values()[static_cast<std::size_t>(k)]) ==
          doctest::Approx((of(net.conv.bias) - of(net.norm.running_mean)) * s + of(net.norm.bias)).epsilon(1e-6));
  }
}

TEST_CASE("fusion: what is read twice keeps its value") {
  normed net;
  net.twice = true;
  CHECK(texts(fusion(graph::record(net, made_up<float>({1, 2, 4, 4}, 5)))) == words{"conv2d", "batch_norm", "add"});
}

TEST_CASE("fusion: constants are computed once, and their products found; an activation before a bias is not one") {
  const turned net;
  const fusion f(graph::record(net, made_up<float>({2, 4}, 1)));
  CHECK(texts(f) == words{"matmul + relu", "add", "flatten"});
  CHECK(f.nodes[0].of == kind::product);
  CHECK(f.nodes[0].upright);
  CHECK(f.nodes[1].of == kind::operation);  // of two shapes
  CHECK(f.nodes[2].of == kind::view);
}

TEST_CASE("fusion: in float64 everything stays as it is") {
  const wide model;
  CHECK(texts(fusion(graph::record(model, made_up<double>({2, 3}, 1)))) == words{"linear", "relu"});
}
