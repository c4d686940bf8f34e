// Shows: recomputation of whole modules to save memory
// Recomputing a module gives the bits that keeping its steps gives: values, gradients, dropped elements, statistics; it
// keeps less, and leaves statistics alone the second time.
#include <inlay/autograd/checkpoint.hpp>

#include <doctest/doctest.h>

#include <utility>
#include <vector>

#include <inlay/nn.hpp>
#include <inlay/ops.hpp>

#include "tensors.hpp"

using namespace inlay;
using support::made_up;
using support::same_bits;

namespace {

struct block {
  nn::dense<double> grow{{.in = 6, .out = 24, .activation = activation::tanh}};
  nn::batch_norm<double> norm{{.features = 24}};
  nn::dropout drop{{.p = 0.3}};
  nn::dense<double> shrink{{.in = 24, .out = 6}};
  auto operator()(const auto& x) const { return shrink(drop(norm(grow(x)))); }
  static void members(auto& self, auto&& visit) {
    visit("grow", self.grow);
    visit("norm", self.norm);
    visit("shrink", self.shrink);
  }
};

struct net {
  std::vector<block> blocks;
  bool recompute = false;
  auto operator()(const auto& x) const {
    auto y = relu(x);
    for (const block& b : blocks) y = y + (recompute ? autograd::checkpoint(b, y) : b(y));
    return y;
  }
  static void members(auto& self, auto&& visit) { visit("blocks", self.blocks); }
};

net made(bool recompute) {
  net out;
  out.blocks.resize(3);
  out.recompute = recompute;
  nn::init::weights(out, {.seed = 3});
  return out;
}

// All gradients and buffers of a net, after a pass.
std::vector<tensor<double>> left_behind(const net& of) {
  std::vector<tensor<double>> out;
  for (const member& m : members_of(of)) {
    const auto& cell = static_cast<const detail::cell<double>&>(*m.cell);
    out.push_back(m.is_parameter() ? cell.gradient() : cell.typed());
  }
  return out;
}

}  // namespace

TEST_CASE("checkpoint: the same bits as without, in both modes") {
  const auto x = made_up<double>({5, 6}, 1), dy = made_up<double>({5, 6}, 2);
  for (const autograd::mode mode : {autograd::mode::train, autograd::mode::infer}) {
    std::vector<tensor<double>> expected;
    for (const bool recompute : {false, true}) {
      const net model = made(recompute);
      const autograd::tape tape({.seed = 9, .mode = mode});
      const auto leaf = tape.leaf(x);
      for (int pass = 0; pass < 2; ++pass) model(leaf).backward(dy);
      std::vector<tensor<double>> got = left_behind(model);
      got.push_back(leaf.grad());
      got.push_back(model(leaf).value());
      if (!recompute) expected = got;
      REQUIRE(got.size() == expected.size());
      for (std::size_t i = 0; i < got.size(); ++i) CHECK(same_bits(got[i], expected[i]));
    }
  }
}

TEST_CASE("checkpoint: statistics are applied once, and not at all before the pass is over") {
  const net model = made(true);
  const auto before = model.blocks[0].norm.running_mean.value();
  autograd::tape tape({.seed = 1});
  const auto y = model(tape.input(made_up<double>({5, 6}, 1)));
  CHECK(same_bits(model.blocks[0].norm.running_mean.value(), before));
  sum(y).backward();
  const auto after = model.blocks[0].norm.running_mean.value();
  CHECK_FALSE(same_bits(after, before));
  tape.apply_statistics();
  CHECK(same_bits(model.blocks[0].norm.running_mean.value(), after));
}

TEST_CASE("checkpoint: keeps the input of each part and nothing inside") {
  int runs = 0;
  const auto module = [&runs](const auto& x, const auto& y) {
    ++runs;
    return x * y + x;
  };
  const autograd::tape tape;
  const auto a = tape.leaf(made_up<double>({3}, 1)), b = tape.leaf(made_up<double>({3}, 2));
  const auto y = autograd::checkpoint(module, a, b);
  CHECK(runs == 1);
  sum(y).backward({.keep_graph = true});
  CHECK(runs == 2);
  CHECK(same_bits(a.grad(), b.value() + 1.0));
  CHECK(same_bits(b.grad(), a.value()));
  sum(y).backward();
  CHECK(runs == 3);
  CHECK_THROWS_AS(sum(y).backward(), state_error);
}

TEST_CASE("checkpoint: operands of two tapes, and a result that depends on none") {
  const autograd::tape one, two;
  const auto product = [](const auto& x, const auto& y) { return x * y; };
  const auto a = one.leaf(made_up<double>({3}, 1)), b = two.leaf(made_up<double>({3}, 2));
  const variable<double> alone(made_up<double>({3}, 3));
  CHECK_THROWS_AS(autograd::checkpoint(product, a, b), state_error);
  sum(autograd::checkpoint(product, alone, b)).backward();  // the tape of the one that has one
  CHECK(same_bits(b.grad(), alone.value()));
  CHECK(same_bits(alone.grad(), b.value()));
  sum(a + autograd::checkpoint([](const auto& x) { return x.detach(); }, a)).backward();
  CHECK(same_bits(a.grad(), tensor<double>({3}, 1.0)));
}

TEST_CASE("checkpoint: tensors and traces pass through; without a tape or a gradient too") {
  const block b;
  const auto x = made_up<double>({4, 6}, 1);
  CHECK(same_bits(autograd::checkpoint(b, x), b(x)));
  const autograd::pen pen;
  CHECK(same_bits(autograd::checkpoint(b, pen.input(x)).value(), b(x)));
  const nn::dense<double> layer{{.in = 6, .out = 2}};
  const variable<double> alone(x);
  sum(autograd::checkpoint(layer, alone)).backward();
  CHECK(alone.grad().shape() == x.shape());
  const autograd::tape tape;
  CHECK_FALSE(autograd::checkpoint(nn::relu{}, tape.input(x)).requires_grad());
  nn::dense<double> frozen = layer;
  freeze(frozen);
  CHECK_FALSE(autograd::checkpoint(frozen, tape.input(x)).requires_grad());
}
