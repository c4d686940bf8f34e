// Shows: sequential
// A chain is its layers one after the other. On an MLP: PyTorch's gradients, steps and predictions that allocate
// nothing once warm, and training that gives the same bits for any number of threads.
#include <inlay/nn/sequential.hpp>

#include <doctest/doctest.h>

#include <inlay/loss/cross_entropy.hpp>
#include <inlay/nn/activation.hpp>
#include <inlay/nn/dense.hpp>
#include <inlay/nn/dropout.hpp>
#include <inlay/nn/embedding.hpp>
#include <inlay/nn/lstm.hpp>
#include <inlay/optim/adam.hpp>
#include <inlay/optim/sgd.hpp>
#include <inlay/testing/check_layer.hpp>

#include "allocations.hpp"
#include "tensors.hpp"

using namespace inlay;
using autograd::tape;
using support::check_close;
using support::made_up;

namespace {

// A buffer that follows the batch's mean, as normalisation layers have it.
struct center {
  buffer<float> mean{tensor<float>({32})};
  auto operator()(const auto& x) const {
    if constexpr (requires { x.tape(); }) mean.queue(x, mean.value() * 0.9f + inlay::mean(x.value(), 0) * 0.1f);
    return x - mean.in(x);
  }
  static void members(auto& self, auto&& visit) { visit("mean", self.mean); }
};

struct mlp {
  nn::dense<float> first{{.in = 20, .out = 32, .activation = activation::relu}}, last{{.in = 32, .out = 5}};
  center middle;
  nn::dropout drop{{.p = 0.25}};
  auto operator()(const auto& x) const { return last(drop(middle(first(x)))); }
  static void members(auto& self, auto&& visit) {
    visit("first", self.first);
    visit("middle", self.middle);
    visit("last", self.last);
  }
};

struct job {
  explicit job(std::int64_t rows) : x(made_up<float>({rows, 20}, 1)), classes({rows}) {
    init::weights(model, {.seed = 1});
    classes.write([](std::span<std::int64_t> c) {
      for (std::size_t i = 0; i < c.size(); ++i) c[i] = static_cast<std::int64_t>(i % 5);
    });
  }
  float step() {
    adam.zero_grad();
    const auto loss = loss::cross_entropy(model(random.input(x)), classes);
    loss.backward();
    adam.step();
    return loss.item();
  }

  mlp model;
  tensor<float> x;
  tensor<std::int64_t> classes;
  optim::adam adam{model, {.learning_rate = 0.01}};
  tape random{{.seed = 3}};
};

}  // namespace

TEST_CASE("a chain: PyTorch's numbers, paths, and every judge") {
  nn::sequential net{nn::dense<double>{{.in = 3, .out = 2}}, nn::relu{},
                     nn::dense<double>{{.in = 2, .out = 2, .bias = false}}};
  net.layer<0>().weight.assign(from<double>({2, 3}, {0.5, -1, 0.25, 1.5, 0.75, -0.5}));
  net.layer<0>().bias.assign(from<double>({2}, {0.1, -0.2}));
  net.layer<2>().weight.assign(from<double>({2, 2}, {1, -1, 0.5, 2}));
  const auto list = members_of(net);
  REQUIRE(list.size() == 3);
  CHECK((list[0].path == "0.weight" && list[1].path == "0.bias" && list[2].path == "2.weight"));

  // F.linear(F.linear(x, w, b).relu(), v): (y * dy).sum().backward()
  const tensor<double> x = from<double>({2, 3}, {-1.5, 0.5, 2, 0.25, -0.75, 1});
  const tape t;
  const auto leaf = t.leaf(x);
  net(leaf).backward(from<double>({2, 2}, {1, -2, 0.5, 3}));
  check_close(leaf.grad(), {0, 0, 0, 1, -2, 0.5});
  check_close(net.layer<0>().weight.grad(), {0.5, -1.5, 2, 0, 0, 0});
  check_close(net.layer<0>().bias.grad(), {2, 0});
  check_close(net.layer<2>().weight.grad(), {0.6125, 0, 3.675, 0});

  nn::sequential wide{nn::dense<double>{{.in = 3, .out = 16}}, nn::relu{},
                      nn::dense<double>{{.in = 16, .out = 2, .bias = false}}};
  init::weights(wide, {.seed = 2});
  const auto r = testing::check_layer(wide, made_up<double>({9, 3}, 1, 0.5, 1));
  CHECK_MESSAGE(r.ok(), r.text());
  CHECK(support::same_bits(nn::sequential<>{}(x), x));
}

TEST_CASE("training: a warm step allocates nothing, of the heap or the pool, and lowers the loss") {
  job work(64);
  const float before = work.step();
  for (int i = 0; i < 20; ++i) work.step();
  const std::uint64_t pool = memory::stats().allocations;
  const support::allocation_watch heap;
  float after = 0;
  for (int i = 0; i < 10; ++i) after = work.step();
  CHECK(heap.count() == 0);
  CHECK(memory::stats().allocations == pool);
  CHECK(after < before);
}

TEST_CASE("training: a warm step with gradients of a few rows allocates nothing") {
  nn::embedding<float> table{{.vocabulary = 100, .features = 8}};
  optim::sgd optimizer(table, {.learning_rate = 0.1});
  const tape t;
  const tensor<std::int64_t> tokens = from<std::int64_t>({4}, {7, 3, 7, 99});
  const auto step = [&] {
    const auto read = t.input(tokens);
    sum(table(read) * table(read)).backward();
    optimizer.step();
    optimizer.zero_grad();
  };
  for (int i = 0; i < 20; ++i) step();
  const std::uint64_t pool = memory::stats().allocations;
  const support::allocation_watch heap;
  for (int i = 0; i < 10; ++i) step();
  CHECK(heap.count() == 0);
  CHECK(memory::stats().allocations == pool);
}

TEST_CASE("inference: a warm call allocates nothing") {
  const job work(64);
  (void)work.model(work.x);
  const std::uint64_t pool = memory::stats().allocations;
  const support::allocation_watch heap;
  for (int i = 0; i < 10; ++i) (void)work.model(work.x);
  CHECK(heap.count() == 0);
  CHECK(memory::stats().allocations == pool);
}

TEST_CASE("inference: warm steps of an LSTM allocate nothing") {
  const nn::lstm<float> net{{.in = 3, .hidden = 16}};
  const tensor<float> x = made_up<float>({1, 3}, 1);
  auto state = net.start(1), in_place = state;
  std::vector<float> y(16);
  const auto run = [&](int steps) {
    for (int i = 0; i < steps; ++i) state = net.step(x, state).state;
    for (int i = 0; i < steps; ++i) net.step(x.values(), in_place, std::span(y));
  };
  run(5);
  const std::uint64_t pool = memory::stats().allocations;
  const support::allocation_watch heap;
  run(20);
  CHECK(heap.count() == 0);
  CHECK(memory::stats().allocations == pool);
}

TEST_CASE("training: the same bits for 1, 2 and 4 threads, at every level") {
  support::for_each_isa([](isa) {
    std::vector<tensor<float>> first;
    float first_loss = 0;
    support::for_each_thread_count([&](int threads) {
      job work(1500);
      float loss = 0;
      for (int i = 0; i < 3; ++i) loss = work.step();
      std::vector<tensor<float>> weights;
      for (const member& m : members_of(work.model))
        weights.push_back(static_cast<detail::cell<float>&>(*m.cell).typed());
      if (threads == 1) {
        first = weights;
        first_loss = loss;
        return;
      }
      CHECK(support::same_bits(loss, first_loss));
      for (std::size_t i = 0; i < weights.size(); ++i) CHECK(support::same_bits(weights[i], first[i]));
    });
  });
}
