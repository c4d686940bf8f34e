// Shows: dense
// dense through every judge; predictions do not depend on the batch or on panels kept from older weights; one const
// model serves many threads.
#include <inlay/nn/dense.hpp>

#include <doctest/doctest.h>

#include <atomic>
#include <thread>

#include <inlay/io/save.hpp>
#include <inlay/ops/reduce.hpp>
#include <inlay/optim/sgd.hpp>
#include <inlay/testing/check_layer.hpp>

#include "files.hpp"
#include "tensors.hpp"

using namespace inlay;
using support::check_close;
using support::made_up;
using support::same_bits;

namespace {

const tensor<double> x = from<double>({2, 3}, {-1.5, 0.5, 2, 0.25, -0.75, 1});

nn::dense<double> fixed(activation f) {
  nn::dense<double> layer{{.in = 3, .out = 2, .activation = f}};
  layer.weight.assign(from<double>({2, 3}, {0.5, -1, 0.25, 1.5, 0.75, -0.5}));
  layer.bias.assign(from<double>({2}, {0.1, -0.2}));
  return layer;
}

}  // namespace

TEST_CASE("dense: PyTorch's numbers, and every judge") {
  // F.linear(x, w, b), F.linear(x, w, b).tanh()
  const auto plain = testing::check_layer(fixed(activation::none), x,
                                          {.golden = from<double>({2, 2}, {-0.65, -3.075, 1.225, -0.8875})});
  CHECK_MESSAGE(plain.ok(), plain.text());
  const auto curved = testing::check_layer(fixed(activation::tanh), x,
                                           {.golden = from<double>({2, 2}, {-0.5716699660851172, -0.9957421205680717,
                                                                            0.8411229016320433, -0.7101567370243542})});
  CHECK_MESSAGE(curved.ok(), curved.text());
  const nn::dense<double> unbiased{{.in = 17, .out = 9, .bias = false, .activation = activation::sigmoid}};
  const auto r = testing::check_layer(unbiased, made_up<double>({4, 3, 17}, 1));
  CHECK_MESSAGE(r.ok(), r.text());
  const nn::dense<float> large{{.in = 300, .out = 200, .activation = activation::relu}};
  const auto f = testing::check_layer(large, made_up<float>({65, 300}, 2));
  CHECK_MESSAGE(f.ok(), f.text());
}

TEST_CASE("dense: its members and first weights") {
  const nn::dense<float> layer{{.in = 100, .out = 40}};
  CHECK(layer.weight.shape() == shape{40, 100});
  CHECK(layer.bias.shape() == shape{40});
  CHECK(parameter_count(layer) == 4040);
  for (const auto* p : {&layer.weight, &layer.bias})
    for (const float v : p->value().values()) CHECK(std::abs(v) <= 0.1f);  // 1 / sqrt(in)
  CHECK_FALSE(same_bits(layer.weight.value(), nn::dense<float>{{.in = 100, .out = 40}}.weight.value()));
  CHECK(parameter_count(nn::dense<float>{{.in = 100, .out = 40, .bias = false}}) == 4000);
}

TEST_CASE_TEMPLATE("dense: on the host's arrays, the same bits", T, float, double) {
  for (const auto f : {activation::none, activation::relu, activation::tanh})
    for (const std::int64_t in : {1, 16, 40, 700})
      for (const std::int64_t out : {1, 10, 33, 100})
        for (const std::int64_t rows : {0, 1, 3}) {
          const nn::dense<T> layer{{.in = in, .out = out, .bias = in != 40, .activation = f}};
          const auto given = made_up<T>({rows, in}, 3);
          std::vector<T> y(static_cast<std::size_t>(rows * out), T(77));
          layer.run(given.values(), y);
          CHECK(same_bits(std::span<const T>(y), layer(given).values()));
        }
}

TEST_CASE("dense: what it refuses") {
  CHECK_THROWS_WITH_AS(nn::dense<float>{{.in = 3}}, "[dense] expected .in and .out of 1 or more, got 3 and 0",
                       value_error);
  CHECK_THROWS_AS((nn::dense<float>{{.in = -1, .out = 2}}), value_error);
  CHECK_THROWS_WITH_AS(fixed(activation::none)(tensor<double>({5, 2, 2})),
                       "[linear] expected input (…, 3), got (5, 2, 2); did you forget to flatten?", shape_error);
}

TEST_CASE("dense: arrays of other sizes are refused") {
  const nn::dense<float> layer{{.in = 3, .out = 2}};
  std::vector<float> given(6), y(3);
  CHECK_THROWS_WITH_AS(layer.run(given, y), "[linear] expected rows of 3 elements in and 2 out, got 6 and 3 elements",
                       value_error);
  CHECK_THROWS_AS(layer.run(std::span<const float>(given).first(4), std::span(y).first(2)), value_error);
}

TEST_CASE_TEMPLATE("dense: a row has the same bits alone and in any batch", T, float, double) {
  const nn::dense<T> layer{{.in = 500, .out = 70, .activation = activation::relu}};
  const tensor<T> batch = made_up<T>({40, 500}, 1);
  support::for_each_isa([&](isa) {
    support::for_each_thread_count([&](int) {
      const tensor<T> all = layer(batch);
      for (std::int64_t i = 0; i < 40; i += 13) CHECK(same_bits(layer(batch.slice(i, i + 1)), all.slice(i, i + 1)));
      CHECK(same_bits(layer(batch.slice(3, 28)), all.slice(3, 28)));
    });
  });
}

TEST_CASE("dense: every way to write a weight drops what was kept of the old one") {
  nn::dense<float> layer{{.in = 33, .out = 20, .bias = false}};
  const tensor<float> in = made_up<float>({4, 33}, 1);
  const support::temporary_folder folder;
  nn::dense<float> other{{.in = 33, .out = 20, .bias = false}};
  io::save(other, folder / "other.safetensors");
  optim::sgd sgd{layer, {.learning_rate = 0.5}};
  const std::function<void()> changes[] = {
      [&] { layer.weight.write([](std::span<float> w) { w[7] += 1; }); },
      [&] {
        layer.weight.assign(made_up<float>({20, 33}, 2));
      },
      [&] {
        sum(layer(autograd::tape().input(in))).backward();
        sgd.step();
      },
      [&] { io::load(layer, folder / "other.safetensors"); },
      [&] { init::weights(layer, {.seed = 9}); },
      [&] { layer = nn::dense<float>{{.in = 33, .out = 20, .bias = false}}; },
      [&] { layer.weight.write([](std::span<float> w) { w[0] = 3; }); },
  };
  tensor<float> before = layer(in);
  for (const auto& change : changes) {
    CHECK(same_bits(layer(in), before));  // from kept panels
    const nn::dense<float> copy = layer;
    change();
    CHECK(same_bits(copy(in), before));
    const tensor<float> after = layer(in);
    CHECK_FALSE(same_bits(after, before));
    nn::dense<float> fresh{{.in = 33, .out = 20, .bias = false}};
    fresh.weight.assign(
        from<float>({20, 33}, layer.weight.value().values()));  // memory of its own: nothing is kept yet
    CHECK(same_bits(fresh(in), after));
    before = after;
  }
}

TEST_CASE("dense: many threads predict on one model") {
  const nn::dense<float> layer{{.in = 64, .out = 48, .activation = activation::tanh}};
  const tensor<float> in = made_up<float>({6, 64}, 1);
  const nn::dense<float> twin = layer;
  std::vector<float> numbers(twin.weight.value().values().begin(), twin.weight.value().values().end());
  nn::dense<float> apart{{.in = 64, .out = 48, .activation = activation::tanh}};
  apart.weight.assign(from<float>({48, 64}, std::span<const float>(numbers)));
  apart.bias.assign(layer.bias.value());
  const tensor<float> expected = apart(in);  // so that the threads find no panels and build them at the same time
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i)
    threads.emplace_back([&] {
      const thread_scope alone(1);
      for (int j = 0; j < 50; ++j) wrong += !same_bits(layer(in), expected);
    });
  for (std::thread& t : threads) t.join();
  CHECK(wrong == 0);
}
