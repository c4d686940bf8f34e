// Shows: fit, the training loop with callbacks; checkpoints from which a killed run goes on to the same bits
// fit: the bits of the loop that a program would write, whatever is switched on beside it; what it tells its callbacks.
#include <inlay/train/fit.hpp>

#include <inlay/metrics/accuracy.hpp>
#include <inlay/ops/reduce.hpp>
#include <inlay/optim/ema.hpp>
#include <inlay/optim/schedules.hpp>
#include <inlay/optim/sgd.hpp>
#include <inlay/train/hooks.hpp>
#include <inlay/train/validation.hpp>

#include <doctest/doctest.h>

#include "files.hpp"
#include "train/problem.hpp"

using namespace inlay;
using namespace support;

namespace {

// A run with all that has a state of its own. Not a local class: clang 14 mixes up the lambdas of one.
struct setup : problem {
  explicit setup(std::int64_t stop_at = -1)
      : stop([stop_at](train::state& run) {
          if (run.step == stop_at) throw std::runtime_error("killed");
        }) {}
  optim::cosine_annealing_lr schedule{optimizer, {.steps = 20, .warm_up = {.steps = 3}}};
  optim::ema<small_net> average{net, {.decay = 0.9}};
  train::after_step decay{[this](train::state&) { schedule.step(); }, schedule};
  train::after_step mean{[this](train::state&) { average.update(); }, average};
  train::after_step stop;
  train::validation<small_net, data::loader<data::tensor_dataset<float, std::int64_t>>,
                    std::remove_const_t<decltype(cross_entropy)>>
      check{average.model(), data::loader{points(9), {.batch_size = 16}}, cross_entropy};

  train::summary run(const std::string& path, std::int64_t every, std::int64_t accumulate) {
    return train::fit(net, optimizer, cross_entropy, loader,
                      {.epochs = 4,
                       .seed = 6,
                       .accumulate = accumulate,
                       .checkpoint = {.path = path, .every_steps = every},
                       .callbacks = {&decay, &mean, &check, &stop}});
  }
};

}  // namespace

TEST_CASE("fit: the loop that a program would write") {
  problem by_hand, by_fit;
  autograd::tape tape{{.seed = 3}};
  for (int epoch = 0; epoch < 3; ++epoch)
    for (auto& batch : by_hand.loader) {
      loss::cross_entropy(by_hand.net(tape.input(batch.x)), batch.y).backward();
      by_hand.optimizer.step();
      by_hand.optimizer.zero_grad();
    }
  const train::summary end =
      train::fit(by_fit.net, by_fit.optimizer, cross_entropy, by_fit.loader, {.epochs = 3, .seed = 3});
  CHECK(same_weights(by_fit.net, by_hand.net));
  CHECK(end.epochs == 3);
  CHECK(end.steps == 3 * 5);
  CHECK(end.stopped.empty());
  CHECK(end.values.size() == 1);
  CHECK(end.values[0].name == "loss");

  problem custom;  // the caller's own forward pass
  const auto step = [](const auto& net, const auto& world, const auto& batch) {
    return loss::cross_entropy(net(world.input(batch.x)), batch.y);
  };
  train::fit(custom.net, custom.optimizer, step, custom.loader, {.epochs = 3, .seed = 3});
  CHECK(same_weights(custom.net, by_hand.net));
}

TEST_CASE("fit: gradients of several batches make one step, their mean; the last few count in full") {
  problem by_hand, by_fit;
  by_hand.net.dropout = by_fit.net.dropout = nn::dropout{{.p = 0}};
  autograd::tape tape;
  for (int epoch = 0; epoch < 2; ++epoch) {
    std::int64_t i = 0;
    for (auto& batch : by_hand.loader) {  // 5 batches in twos: 2, 2, 1
      const double share = i < 4 ? 0.5 : 1;
      (loss::cross_entropy(by_hand.net(tape.input(batch.x)), batch.y) * static_cast<float>(share)).backward();
      if (++i % 2 == 0 || i == 5) {
        by_hand.optimizer.step();
        by_hand.optimizer.zero_grad();
      }
    }
  }
  const auto end = train::fit(by_fit.net, by_fit.optimizer, cross_entropy, by_fit.loader,
                              {.epochs = 2, .accumulate = 2, .callbacks = {}});
  CHECK(end.steps == 6);
  const auto a = by_hand.net.scores.weight.value(), b = by_fit.net.scores.weight.value();
  for (std::int64_t i = 0; i < a.size(); ++i) CHECK(b.data()[i] == doctest::Approx(a.data()[i]).epsilon(1e-5));
}

TEST_CASE("fit: clipping") {
  problem by_norm, by_value;
  for (double limit : {0.01, 0.001}) {
    optim::sgd plain{by_norm.net, {.learning_rate = 1}}, other{by_value.net, {.learning_rate = 1}};
    const auto first = by_norm.net.scores.weight.value(), second = by_value.net.scores.weight.value();
    bool left = false;
    train::after_step stop{[&](train::state& run) {
      left = true;
      run.stopped = "one step is enough";
    }};
    CHECK(train::fit(by_norm.net, plain, cross_entropy, by_norm.loader, {.clip_norm = limit, .callbacks = {&stop}})
              .stopped == "one step is enough");
    train::fit(by_value.net, other, cross_entropy, by_value.loader, {.clip_value = limit, .callbacks = {&stop}});
    CHECK(left);
    double norm = 0, most = 0;
    const auto moved = by_norm.net.scores.weight.value(), bent = by_value.net.scores.weight.value();
    for (std::int64_t i = 0; i < moved.size(); ++i) {
      norm += std::pow(moved.data()[i] - first.data()[i], 2);
      most = std::max(most, std::fabs(static_cast<double>(bent.data()[i] - second.data()[i])));
    }
    CHECK(std::sqrt(norm) <= limit * 1.001);
    CHECK(std::sqrt(norm) > 0);
    CHECK(most == doctest::Approx(limit).epsilon(1e-3));
  }
}

TEST_CASE("fit: what callbacks see, and in which order they are called") {
  problem p;
  std::string log;
  struct recorder final : train::callback {
    recorder(std::string& to, char of) : log(to), name(of) {}
    void start(train::state& run) override {
      add("start");
      CHECK(run.batches == 5);
      CHECK(run.epochs == 2);
      CHECK(run.model.size() == 4);
    }
    void before_step(train::state& run) override {
      CHECK(run.model[0].cell->has_gradient());
      CHECK(run.inputs.size() == 1);
      CHECK(run.inputs[0].shape()[1] == 3);
    }
    void after_step(train::state& run) override {
      CHECK_FALSE(run.model[0].cell->has_gradient());
      CHECK(run.step == run.epoch * 5 + run.batch);
      CHECK(run.rows == std::min<std::int64_t>(run.batch * 8, 37));
      if (run.batch == 5) add("step");
    }
    void after_epoch(train::state& run) override {
      add("epoch");
      CHECK(run.batch == 5);
      CHECK(run.value("loss") == run.epoch_loss);
      CHECK(run.value("accuracy") > 0.3);
      CHECK_THROWS_WITH_AS(
          run.value("val_loss"),
          "[fit] expected a measure among loss, accuracy, got val_loss; a validation must stand before "
          "the callbacks that read what it measures",
          value_error);
    }
    void finish(train::state&) override { add("finish"); }
    void add(const char* what) { (((log += name) += ' ') += what) += '\n'; }
    std::string& log;
    char name;
  };
  recorder a(log, 'a'), b(log, 'b');
  train::fit(p.net, p.optimizer, cross_entropy, p.loader, {.epochs = 2, .callbacks = {&a, &b}},
             train::named{"accuracy", metrics::accuracy{}});
  const std::string epoch = "a step\nb step\na epoch\nb epoch\n";
  CHECK(log == "a start\nb start\n" + epoch + epoch + "a finish\nb finish\n");
}

TEST_CASE("fit: a loader may be any range of batches; one without batches trains nothing") {
  problem p;
  std::vector<data::batch<float, std::int64_t>> list;
  for (auto& batch : p.loader) list.push_back(batch);
  CHECK(train::fit(p.net, p.optimizer, cross_entropy, list, {.epochs = 2}).steps == 10);
  list.clear();
  const auto end = train::fit(p.net, p.optimizer, cross_entropy, list, {.epochs = 2});
  CHECK(end.steps == 0);
  CHECK(is_nan(end.values[0].value));
  CHECK(train::fit(p.net, p.optimizer, cross_entropy, p.loader, {.epochs = 0}).epochs == 0);
}

TEST_CASE("fit: settings that make no sense") {
  problem p;
  const auto fit = [&](const train::fit_config& config) {
    train::fit(p.net, p.optimizer, cross_entropy, p.loader, config);
  };
  CHECK_THROWS_WITH_AS(fit({.accumulate = 0}),
                       "[fit] expected .epochs, .clip_norm and .clip_value of 0 or more and .accumulate of 1 or more, "
                       "got 1, 0, 0 and 0",
                       value_error);
  CHECK_THROWS_AS(fit({.epochs = -1}), value_error);
  CHECK_THROWS_AS(fit({.clip_norm = -1}), value_error);
  CHECK_THROWS_AS(fit({.clip_value = -1}), value_error);
  CHECK_THROWS_WITH_AS(fit({.callbacks = {nullptr}}), "[fit] expected .callbacks that are there, got a null pointer",
                       value_error);
}

TEST_CASE("fit: a run that was left at any step goes on to the bits of one that was not") {
  const temporary_folder folder;
  for (const std::int64_t accumulate : {1, 2}) {
    setup whole;
    const auto expected = whole.run("", 0, accumulate);
    const std::int64_t steps = accumulate == 1 ? 20 : 12;
    CHECK(expected.steps == steps);
    for (const std::int64_t every : {0, 1, 3}) {
      const std::string path = folder / ("run" + std::to_string(every) + std::to_string(accumulate));
      for (std::int64_t kill = 1; kill <= steps; kill += 3) CHECK_THROWS(setup(kill).run(path, every, accumulate));
      setup last;
      const auto end = last.run(path, every, accumulate);
      CHECK(same_weights(last.net, whole.net));
      CHECK(same_weights(last.average.model(), whole.average.model()));
      CHECK(end.steps == expected.steps);
      CHECK(end.values.size() == 2);
      for (std::size_t i = 0; i < 2; ++i) CHECK(end.values[i].value == expected.values[i].value);

      setup again;  // of a run that has ended
      CHECK(again.run(path, every, accumulate).steps == expected.steps);
      CHECK(same_weights(again.net, whole.net));
      CHECK(again.run("", 0, accumulate).epochs == 4);  // and a new one begins anew
    }
  }
}

TEST_CASE(
    "fit: a run that a callback ended goes on when it is resumed; a checkpoint of another run is refused and kept") {
  const temporary_folder folder;
  const std::string path = folder / "run";
  std::int64_t last = 7;
  train::after_step stop{[&](train::state& run) {
    if (run.step == last) run.stopped = "enough for today";
  }};
  problem p;
  train::fit_config config{.epochs = 3, .checkpoint = {.path = path}, .callbacks = {&stop}};
  const auto first = train::fit(p.net, p.optimizer, cross_entropy, p.loader, config);
  CHECK(first.epochs == 1);
  CHECK(first.steps == 7);
  CHECK(first.stopped == "enough for today");

  last = -1;
  problem again(2), whole;
  const auto end = train::fit(again.net, again.optimizer, cross_entropy, again.loader, config);
  CHECK(end.steps == 15);
  CHECK(end.stopped.empty());
  train::fit(whole.net, whole.optimizer, cross_entropy, whole.loader, {.epochs = 3});
  CHECK(same_weights(again.net, whole.net));
  const std::string bytes = read_bytes(path);

  nn::dense<float> other{{.in = 3, .out = 2}};
  optim::sgd optimizer{other, {.learning_rate = 0.1}};
  CHECK_THROWS_WITH_AS(train::fit(other, optimizer, cross_entropy, p.loader, config),
                       doctest::Contains("to begin anew"), io_error);
  CHECK(read_bytes(path) == bytes);
  train::fit(other, optimizer, cross_entropy, p.loader, {.checkpoint = {.path = path, .resume = false}});
  CHECK(read_bytes(path) != bytes);
  CHECK(folder.names() == std::vector<std::string>{"run"});
}

TEST_CASE("fit: weights that are not finite are not saved over those that were") {
  const temporary_folder folder;
  problem p;
  train::after_step poison{[&](train::state& run) {
    if (run.step == 8) p.net.hidden.bias.assign(full<float>({8}, std::numeric_limits<float>::infinity()));
  }};
  const train::fit_config config{
      .epochs = 3, .checkpoint = {.path = folder / "run", .every_steps = 1}, .callbacks = {&poison}};
  CHECK_THROWS_WITH_AS(
      train::fit(p.net, p.optimizer, cross_entropy, p.loader, config),
      "[fit] expected finite weights to save, got others in hidden.bias after step 8; the checkpoint is "
      "as it was, and train::sentinel tells more",
      state_error);
  const auto file = io::load_tensors(folder / "run");
  CHECK(file.tensors.at("fit.step").as<std::int64_t>().item() == 7);
}
