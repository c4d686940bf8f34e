// Shows: a sentinel that names the step and the layer where a number is none
// The sentinel: a run ends before a number that is none reaches the weights, and the message says which layer made it.
#include <inlay/train/sentinel.hpp>

#include <inlay/ops/functions.hpp>
#include <inlay/optim/sgd.hpp>
#include <inlay/train/fit.hpp>
#include <inlay/train/hooks.hpp>

#include <doctest/doctest.h>

#include "files.hpp"
#include "train/problem.hpp"

using namespace inlay;
using namespace support;

namespace {

constexpr float infinite = std::numeric_limits<float>::infinity();

// The root of what `first` gives: no number where that is negative.
struct rooted {
  nn::dense<float> first{{.in = 3, .out = 4}}, second{{.in = 4, .out = 2}};
  auto operator()(const auto& x) const { return second(sqrt(first(x))); }
  static void members(auto& self, auto&& visit) {
    visit("first", self.first);
    visit("second", self.second);
  }
};

}  // namespace

TEST_CASE("sentinel: names the layer and the step, and the weights are those before it") {
  const temporary_folder folder;
  rooted net;
  init::weights(net, {.seed = 1});
  net.first.weight.assign(full<float>({4, 3}, 0.1f));
  net.first.bias.assign(full<float>({4}, 1.0f));
  optim::sgd optimizer{net, {.learning_rate = 1e-3}};
  data::loader loader{points(), {.batch_size = 8}};
  train::sentinel guard{net};
  tensor<float> weight;
  train::after_step spoil{[&](train::state& run) {
    if (run.step == 7) net.first.bias.assign(full<float>({4}, -3.0f));
    weight = net.second.weight.value();
  }};
  CHECK_THROWS_WITH_AS(
      train::fit(net, optimizer, cross_entropy, loader,
                 {.epochs = 3, .checkpoint = {.path = folder / "run"}, .callbacks = {&guard, &spoil}}),
      "[sentinel] expected finite numbers, got a loss that is not in step 8 (epoch 2, batch 3); it is what first gives "
      "(sqrt); the weights are as before this step. Is the learning rate too high?",
      state_error);
  CHECK(same_bits(net.second.weight.value(), weight));
  CHECK(io::load_tensors(folder / "run").tensors.at("fit.step").as<std::int64_t>().item() == 5);
}

TEST_CASE("sentinel: a batch, a weight, a gradient alone; how often gradients are looked at") {
  const auto message = [](const auto& prepare, const train::sentinel_config& config = {}) {
    problem p;
    train::sentinel guard{p.net, config};
    train::before_step spoil{[&](train::state& run) { prepare(p, run); }};
    try {
      train::fit(p.net, p.optimizer, cross_entropy, p.loader, {.epochs = 2, .callbacks = {&spoil, &guard}});
    } catch (const state_error& e) {
      return std::string(e.what());
    }
    return std::string();
  };
  const auto spoil_gradient = [](problem& p, train::state& run) {
    if (run.step == 3)
      inlay::detail::each_gradient(members_of(p.net.scores), [](auto& cell) {
        cell.write_gradient([](auto g) { g[1] = -std::numeric_limits<float>::infinity(); });
      });
  };
  CHECK(message([](problem&, train::state&) {}).empty());
  CHECK(message(spoil_gradient) ==
        "[sentinel] expected finite numbers, got others in the gradient of scores.weight in step 4 (epoch 1, batch 4); "
        "the model gives finite numbers; the weights are as before this step. Is the learning rate too high?");
  CHECK(message(spoil_gradient, {.every = 3}) == message(spoil_gradient));
  CHECK(message(spoil_gradient, {.every = 2}).find("weight hidden.weight in step 5") == std::string::npos);

  problem p;
  train::sentinel guard{p.net};
  p.net.hidden.bias.assign(full<float>({8}, infinite));
  p.net.scores.bias.assign(full<float>({2}, infinite));
  CHECK_THROWS_WITH_AS(train::fit(p.net, p.optimizer, cross_entropy, p.loader, {.callbacks = {&guard}}),
                       doctest::Contains("it is in the weight hidden.bias;"), state_error);

  problem q;
  train::sentinel other{q.net};
  data::loader infinite_rows{data::tensor_dataset{full<float>({4, 3}, std::nanf("")), zeros<std::int64_t>({4})}};
  CHECK_THROWS_WITH_AS(train::fit(q.net, q.optimizer, cross_entropy, infinite_rows, {.callbacks = {&other}}),
                       doctest::Contains("it is in the batch;"), state_error);
  CHECK_THROWS_WITH_AS((train::sentinel<small_net>(q.net, {.every = 0})),
                       "[sentinel] expected .every of 1 or more, got 0", value_error);
}
