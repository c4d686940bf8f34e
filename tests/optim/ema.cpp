// Shows: averaged weights
// Averages of weights against the formula; buffers are copied; the average is a model of its own and can be saved.
#include <inlay/optim/ema.hpp>

#include <doctest/doctest.h>

#include <memory>

#include <inlay/io/save.hpp>
#include <inlay/nn/batch_norm.hpp>
#include <inlay/nn/dense.hpp>
#include <inlay/optim/sgd.hpp>

#include "files.hpp"
#include "optim/traces.hpp"

using namespace inlay;

namespace {

struct net {
  nn::dense<float> first{{.in = 3, .out = 4}};
  nn::batch_norm<float> norm{{.features = 4}};
  nn::dense<double> last{{.in = 4, .out = 1}};
  std::int64_t seen = 0;
  double temperature = 1;
  auto operator()(const auto& x) const { return norm(first(x)); }
  static void members(auto& self, auto&& visit) {
    visit("first", self.first);
    visit("norm", self.norm);
    visit("last", self.last);
    visit("seen", self.seen);
    visit("temperature", self.temperature);
  }
};

struct shares_its_weights {
  std::shared_ptr<traces::model<float>> body = std::make_shared<traces::model<float>>();
  static void members(auto& self, auto&& visit) { visit("body", self.body); }
};

template <class T> std::vector<double> values_of(const tensor<T>& t) {
  return std::vector<double>(t.values().begin(), t.values().end());
}

// A step of training, statistics too.
void train(net& model, optim::sgd& sgd, std::uint64_t seed) {
  const autograd::tape tape;
  const auto y = model(tape.input(support::made_up<float>({5, 3}, seed)));
  sum(tanh(y) * y * y).backward();
  model.last.weight.shared_cell()->accumulate(support::made_up<double>({1, 4}, seed), [](auto&, const auto&) {});
  sgd.step();
  sgd.zero_grad();
}

}  // namespace

TEST_CASE("ema: the formula, with warm-up and without, in float and double; buffers are copied") {
  for (const bool warm_up : {false, true}) {
    net model;
    optim::sgd sgd{model, {.learning_rate = 0.002}};
    optim::ema average(model, {.decay = 0.75, .warm_up = warm_up});
    auto weight = values_of(model.first.weight.value()), last = values_of(model.last.weight.value());
    CHECK(support::difference(average.model().first.weight.value().values(), weight) == 0);
    for (std::uint64_t step = 0; step < 30; ++step) {
      train(model, sgd, step);
      average.update();
      const auto n = static_cast<double>(step);
      const double decay = warm_up ? std::min(0.75, (1 + n) / (10 + n)) : 0.75;
      const auto follow = [&](std::vector<double>& mean, const auto& now) {
        for (std::size_t i = 0; i < mean.size(); ++i)
          mean[i] = decay * mean[i] + (1 - decay) * static_cast<double>(now[i]);
      };
      follow(weight, model.first.weight.value().values());
      follow(last, model.last.weight.value().values());
      CHECK(support::difference(average.model().first.weight.value().values(), weight) <= 1e-6);
      CHECK(support::difference(average.model().last.weight.value().values(), last) <= 1e-14);
      CHECK(support::same_bits(average.model().norm.running_var.value(), model.norm.running_var.value()));
      CHECK(average.updates() == static_cast<std::int64_t>(step) + 1);
    }
    const float mean = average.model().first.weight.value()(0, 0), now = model.first.weight.value()(0, 0);
    CHECK((std::abs(mean - now) > 1e-5f && std::abs(now) < 10));
  }
}

TEST_CASE("ema: the same bits for any number of threads") {
  tensor<float> first;
  support::for_each_thread_count([&](int threads) {
    traces::large<float> model;
    optim::ema average(model, {.decay = 0.75});
    model.w.assign(support::made_up<float>({100003}, 9));
    average.update();
    average.update();
    if (threads == 1)
      first = average.model().w.value();
    else
      CHECK(support::same_bits(average.model().w.value(), first));
  });
}

TEST_CASE("ema: weights that do not move stay where they are, bit for bit") {
  net model;
  optim::ema average(model);
  for (int i = 0; i < 100; ++i) average.update();
  CHECK(support::same_bits(average.model().first.weight.value(), model.first.weight.value()));
}

TEST_CASE("ema: the model may be moved; numbers stay as they were") {
  auto model = std::make_unique<net>();
  model->temperature = 0.5;
  model->first.bias.assign(tensor<float>({4}));
  optim::ema average(*model, {.decay = 0.5});
  auto moved = std::make_unique<net>(std::move(*model));
  model.reset();
  moved->seen = 7;
  moved->first.bias.assign(tensor<float>({4}, 8));
  average.update();
  support::check_close(average.model().first.bias.value(), {4, 4, 4, 4});
  CHECK(average.model().seen == 0);
  CHECK(average.model().temperature == 0.5);
  moved.reset();
  average.update();
}

TEST_CASE("ema: saved and loaded it goes on as if nothing had happened") {
  const support::temporary_folder folder;
  const optim::ema_config config{.decay = 0.9, .warm_up = true};
  net model;
  optim::sgd sgd{model, {.learning_rate = 0.002}};
  optim::ema average(model, config);
  for (std::uint64_t step = 0; step < 5; ++step) {
    train(model, sgd, step);
    average.update();
  }
  io::save(model, folder / "model");
  io::save(average, folder / "average");
  net again;
  io::load(again, folder / "model");
  optim::sgd other{again, {.learning_rate = 0.002}};
  optim::ema resumed(again, config);
  io::load(resumed, folder / "average");
  CHECK(resumed.updates() == 5);
  for (std::uint64_t step = 5; step < 10; ++step) {
    train(model, sgd, step);
    train(again, other, step);
    average.update();
    resumed.update();
  }
  CHECK(support::same_bits(resumed.model().first.weight.value(), average.model().first.weight.value()));
  CHECK(support::same_bits(resumed.model().norm.running_mean.value(), average.model().norm.running_mean.value()));

  net plain;  // the file of a model does not fit an average, and changes nothing
  CHECK_THROWS_AS(io::load(resumed, folder / "model"), io_error);
  CHECK(resumed.updates() == 10);
  CHECK(io::load(plain, folder / "model").complete());
}

TEST_CASE("ema: what is refused, with nothing changed") {
  net model;
  for (const double decay : {1.0, -0.5, double{NAN}})
    CHECK_THROWS_AS(optim::ema<net>(model, {.decay = decay}), value_error);
  CHECK_THROWS_WITH_AS(optim::ema<net>(model, {.decay = 1}), "[ema] expected .decay from 0 to below 1, got 1",
                       value_error);
  CHECK_THROWS_WITH_AS(optim::ema<shares_its_weights>{shares_its_weights()},
                       "[ema] expected a model whose copy has weights of its own, got one that shares body.w with its "
                       "copy; a std::shared_ptr does so",
                       value_error);

  optim::ema average(model);
  const tensor<float> before = average.model().first.weight.value();
  model.first.weight.assign(tensor<float>({4, 3}, 1));
  model.last.bias = parameter<double>(tensor<double>({2}));
  CHECK_THROWS_WITH_AS(average.update(),
                       "[ema] expected last.bias to keep its shape (1,), got (2,); make a new average of the changed "
                       "model",
                       shape_error);
  CHECK(support::same_bits(average.model().first.weight.value(), before));
  CHECK(average.updates() == 0);
}
