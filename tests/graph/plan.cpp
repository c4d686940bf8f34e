// Shows: plans: fused, packed, laid out in one arena, run from any thread without allocating
// A plan gives the model's bits, or what rounding allows where a batch_norm is folded into weights; at every level and
// thread count, from several threads at once; a warm call allocates nothing; results that share memory, are inputs or
// constants are right too; what does not fit is refused.
#include <inlay/graph/plan.hpp>

#include <doctest/doctest.h>

#include <string>
#include <thread>
#include <tuple>
#include <vector>

#include <inlay/compress.hpp>
#include <inlay/nn.hpp>
#include <inlay/ops.hpp>

#include "allocations.hpp"
#include "tensors.hpp"

using namespace inlay;
using support::made_up;
using support::same_bits;

namespace {

struct perceptron {
  nn::dense<float> a{{.in = 16, .out = 32, .activation = activation::tanh}},
      b{{.in = 32, .out = 33, .activation = activation::relu}}, c{{.in = 33, .out = 4}};
  auto operator()(const auto& x) const { return sigmoid(c(b(a(x)))); }
  static void members(auto& self, auto&& visit) {
    visit("a", self.a);
    visit("b", self.b);
    visit("c", self.c);
  }
};

// Statistics and scales that are not those of a new layer.
nn::batch_norm<float> made_up_norm(std::int64_t features, std::uint64_t seed) {
  nn::batch_norm<float> out{{.features = features}};
  out.weight.assign(made_up<float>({features}, seed, 0.5, 2));
  out.bias.assign(made_up<float>({features}, seed + 1));
  out.running_mean = buffer<float>(made_up<float>({features}, seed + 2));
  out.running_var = buffer<float>(made_up<float>({features}, seed + 3, 0.5, 2));
  return out;
}

struct residual_net {
  nn::conv2d<float> stem{{.in = 3, .out = 8, .kernel = 3, .padding = 1, .bias = false}},
      left{{.in = 8, .out = 8, .kernel = 3, .padding = 1}}, right{{.in = 8, .out = 8, .kernel = 1}};
  nn::batch_norm<float> norm = made_up_norm(8, 1), left_norm = made_up_norm(8, 5);
  nn::dense<float> head{{.in = 8 * 5 * 5, .out = 10}};
  auto operator()(const auto& x) const {
    const auto y = relu(norm(stem(x)));
    const auto z = relu(left_norm(left(y)) + right(y));
    return head(flatten(max_pool2d(z + y, {.kernel = 2})));
  }
  static void members(auto& self, auto&& visit) {
    visit("stem", self.stem);
    visit("norm", self.norm);
    visit("left", self.left);
    visit("left_norm", self.left_norm);
    visit("right", self.right);
    visit("head", self.head);
  }
};

struct products {
  parameter<float> w{made_up<float>({12, 7}, 1)}, b{made_up<float>({7}, 2)}, t{made_up<float>({5, 7}, 3)};
  auto operator()(const auto& x) const {
    return matmul(tanh(matmul(x, w) + b), t, {.transpose_b = true}) + made_up<float>({1}, 4);
  }
  static void members(auto& self, auto&& visit) {
    visit("w", self.w);
    visit("b", self.b);
    visit("t", self.t);
  }
};

struct mixture {
  nn::dense<float> a{{.in = 6, .out = 6}};
  nn::layer_norm<float> norm{{.features = 12}};
  auto operator()(const auto& x) const {
    const auto y = reshape(a(x), {-1, 2, 3});
    const auto z = reshape(concat(2, exp(y), transpose(transpose(y, 1, 2), 1, 2)), {-1, 12});
    return softmax(norm(z) * z, -1);
  }
  static void members(auto& self, auto&& visit) {
    visit("a", self.a);
    visit("norm", self.norm);
  }
};

struct wide {
  nn::dense<double> a{{.in = 5, .out = 4, .bias = false, .activation = activation::relu}};
  auto operator()(const auto& x) const { return a(x); }
  static void members(auto& self, auto&& visit) { visit("a", self.a); }
};

struct several {
  nn::dense<float> a{{.in = 3, .out = 4}};
  auto operator()(const auto& x, const auto& n) const {
    const auto y = a(x);
    return std::tuple(y, flatten(y, 0), x, y + y, n + n);
  }
  static void members(auto& self, auto&& visit) { visit("a", self.a); }
};

struct chain {
  std::vector<nn::dense<float>> layers;
  auto operator()(const auto& x) const {
    auto y = layers[0](x);
    for (std::size_t i = 1; i < layers.size(); ++i) y = layers[i](y);
    return y;
  }
  static void members(auto& self, auto&& visit) { visit("layers", self.layers); }
};

template <class M> void check_bits(const M& net, const shape& sizes, std::size_t steps) {
  const graph::plan p(net, made_up<float>(sizes, 1));
  CHECK(p.steps() == steps);
  for (const std::uint64_t seed : {2u, 3u})
    CHECK(same_bits(p(made_up<float>(sizes, seed)), net(made_up<float>(sizes, seed))));
}

template <class F> std::string message(F&& f) {
  try {
    f();
  } catch (const error& e) {
    return e.what();
  }
  return "";
}

}  // namespace

TEST_CASE("plan: a perceptron's bits, three steps") {
  const perceptron net;
  support::for_each_isa([&](isa) {
    for (const std::int64_t rows : {1, 2, 7, 64}) check_bits(net, {rows, 16}, 3);
    check_bits(net, {2, 3, 16}, 3);
    check_bits(net, {16}, 3);
    check_bits(net, {0, 16}, 3);
  });
}

TEST_CASE("plan: batch_norm is folded, activations and sums are fused") {
  const residual_net net;
  const auto x = made_up<float>({2, 3, 10, 10}, 1);
  const tensor<float> expected = net(x);
  support::for_each_isa([&](isa) {
    const graph::plan p(net, x);
    CHECK(p.steps() == 7);  // stem, left, right, sum, sum, pool, head
    tensor<float> first;
    support::for_each_thread_count([&](int) {
      const tensor<float> y = p(x);
      support::check_close(y, {expected.values().begin(), expected.values().end()}, 1e-5);
      if (first.size() == 0) first = y;
      CHECK(same_bits(y, first));
    });
  });
  std::vector<std::string> done;
  for (const auto& step : graph::plan(net, x).profile(1)) done.push_back(step.operation);
  CHECK(done[0] == "conv2d + batch_norm + relu");
  CHECK(done[3] == "add + relu");
}

TEST_CASE("plan: matmul with a weight, its bias and activation are one product") {
  const products model;
  for (const shape& sizes : {shape{3, 12}, shape{1, 12}, shape{2, 3, 12}}) check_bits(model, sizes, 3);
}

TEST_CASE("plan: everything else runs as the record has it") {
  const mixture model;
  const auto x = made_up<float>({4, 6}, 1);
  const graph::plan p(model, x);
  for (const std::uint64_t seed : {1u, 2u})
    CHECK(same_bits(p(made_up<float>({4, 6}, seed)), model(made_up<float>({4, 6}, seed))));
}

TEST_CASE("plan: float64, weights of 8 bits, layers without bias") {
  const wide model;
  CHECK(same_bits(graph::plan(model, made_up<double>({3, 5}, 1))(made_up<double>({3, 5}, 2)),
                  model(made_up<double>({3, 5}, 2))));
  perceptron net;
  const auto x = made_up<float>({4, 16}, 1);
  compress::quantize(net, x);
  CHECK(same_bits(graph::plan(net, x)(x), net(x)));
}

TEST_CASE("plan: results that are shared, given or known") {
  const several model;
  const auto x = made_up<float>({2, 3}, 1);
  const auto n = from<std::int64_t>({2}, {5, 7});
  const graph::plan p(model, std::tuple(x, n));
  const auto out = p.run({any_tensor(x), any_tensor(n)});
  REQUIRE(out.size() == 5);
  const tensor<float> y = model.a(x);
  CHECK(same_bits(out[0].as<float>(), y));
  CHECK(same_bits(out[1].as<float>(), y.reshape({8})));
  CHECK(same_bits(out[2].as<float>(), x));
  CHECK(same_bits(out[3].as<float>(), y + y));
  CHECK(out[4].as<std::int64_t>()(1) == 14);
  CHECK_FALSE(out[0].as<float>().shares_memory_with(out[1].as<float>()));
}

TEST_CASE("plan: the weights are those it was made with") {
  perceptron net;
  const auto x = made_up<float>({1, 16}, 1);
  const graph::plan p(net, x);
  const tensor<float> before = p(x);
  net.c.weight.assign(zeros<float>({4, 33}));
  CHECK(same_bits(p(x), before));
  CHECK_FALSE(same_bits(net(x), before));
}

TEST_CASE("plan: a warm call allocates nothing, of the heap or the pool") {
  const residual_net net;
  const auto x = made_up<float>({1, 3, 10, 10}, 1);
  const graph::plan p(net, x);
  std::vector<float> in(x.values().begin(), x.values().end()), out(10);
  tensor<float> y = p(x);
  for (int i = 0; i < 2; ++i) y = p(x), p.run(std::span<const float>(in), std::span<float>(out));
  const std::uint64_t pool = memory::stats().allocations;
  const support::allocation_watch heap;
  for (int i = 0; i < 3; ++i) y = p(x), p.run(std::span<const float>(in), std::span<float>(out));
  CHECK(heap.count() == 0);
  CHECK(memory::stats().allocations == pool);
  CHECK(same_bits(std::span<const float>(out), y.values()));
}

TEST_CASE("plan: several threads at once") {
  const residual_net net;
  const auto x = made_up<float>({1, 3, 10, 10}, 1);
  const graph::plan p(net, x);
  const tensor<float> expected = p(x);
  std::vector<int> wrong(6);
  {
    std::vector<std::jthread> threads;
    for (std::size_t t = 0; t < wrong.size(); ++t)
      threads.emplace_back([&, t] {
        const thread_scope serial(1);
        for (int i = 0; i < 50; ++i) wrong[t] += !same_bits(p(x), expected);
      });
  }
  for (const int count : wrong) CHECK(count == 0);
}

TEST_CASE("plan: the arena is no larger than what lives at one time") {
  chain net;
  for (int i = 0; i < 20; ++i) net.layers.push_back(nn::dense<float>{{.in = 16, .out = 16}});
  CHECK(graph::plan(net, made_up<float>({4, 16}, 1)).arena_bytes() == 2 * 4 * 16 * 4);
}

TEST_CASE("plan: what does not fit is refused") {
  const perceptron net;
  const graph::plan p(net, made_up<float>({2, 16}, 1));
  CHECK(message([&] {
          p(made_up<float>({3, 16}, 1));
        }) == "[plan] expected input 0 of (2, 16), got (3, 16); a plan has one shape, make another for other sizes");
  CHECK_THROWS_AS(p(made_up<double>({2, 16}, 1)), type_error);
  CHECK_THROWS_AS(p.run({}), value_error);
  std::vector<float> few(3);
  CHECK_THROWS_AS(p.run(std::span<const float>(few), std::span<float>(few)), value_error);
}
