// Shows: the best weights kept
// The weights of the best epoch: in the model again at the end, in a file, and in a checkpoint on the way.
#include <inlay/train/keep_best.hpp>

#include <inlay/optim/ema.hpp>
#include <inlay/train/fit.hpp>
#include <inlay/train/hooks.hpp>
#include <inlay/train/validation.hpp>

#include <doctest/doctest.h>

#include <stdexcept>

#include "files.hpp"
#include "train/problem.hpp"

using namespace inlay;
using namespace support;

namespace {

struct tiny {
  parameter<float> weight{tensor<float>({2})};
  parameter<float> absent;
  buffer<double> mean{tensor<double>({3})};
  std::int64_t size = 0;
  static void members(auto& self, auto&& visit) {
    visit("weight", self.weight);
    visit("absent", self.absent);
    visit("mean", self.mean);
    visit("size", self.size);
  }
  void fill(double value) {
    weight.assign(full<float>({2}, static_cast<float>(value)));
    mean = buffer<double>(full<double>({3}, value));
    size = static_cast<std::int64_t>(value);
  }
  bool is(double value) const {
    return same_bits(weight.value(), full<float>({2}, static_cast<float>(value))) &&
           same_bits(mean.value(), full<double>({3}, value));
  }
};

// Epochs with these values; the model's numbers are those of the epoch. True when it ends with those of `expected`.
bool ends_with(double expected, const std::vector<double>& values, const train::keep_best_config& config = {}) {
  measures_of_a_run run;
  tiny net;
  train::keep_best best{net, config};
  best.start(run.now);
  for (const double value : values) {
    net.fill(static_cast<double>(run.now.epoch + 1));
    run.epoch(best, {{config.monitor, value}});
  }
  best.finish(run.now);
  return net.is(expected);
}

struct job : problem {
  train::validation<small_net, data::loader<data::tensor_dataset<float, std::int64_t>>,
                    std::remove_const_t<decltype(cross_entropy)>>
      check{net, data::loader{points(9), {.batch_size = 16}}, cross_entropy};
  train::after_epoch bend{[](train::state& run) {  // the third is best
    run.values.push_back({"bent", run.value("val_loss") + std::abs(static_cast<double>(run.epoch) - 3)});
  }};
  train::keep_best best;
  std::int64_t kill_at = -1;
  train::after_step kill{[this](train::state& run) {
    if (run.step == kill_at) throw std::runtime_error("killed");
  }};

  explicit job(const std::string& path) : best({.monitor = "bent", .path = path}) {}
  void run(const std::string& path, std::int64_t every) {
    train::fit(
        net, optimizer, cross_entropy, loader,
        {.epochs = 5, .checkpoint = {.path = path, .every_steps = every}, .callbacks = {&check, &bend, &best, &kill}});
  }
};

}  // namespace

TEST_CASE("keep_best: the model has the weights of the best epoch again, if asked") {
  constexpr double no_number = std::numeric_limits<double>::quiet_NaN();
  CHECK(ends_with(2, {3, 1, 2, 1}));
  CHECK(ends_with(3, {3, 2, 1}));
  CHECK(ends_with(1, {3}));
  CHECK(ends_with(4, {3, 1, 2, 4}, {.restore = false}));
  CHECK(ends_with(1, {3, 1, 2}, {.maximize = true}));
  CHECK(ends_with(2, {0.5, 0.75}, {.monitor = "f1", .maximize = true}));
  CHECK(ends_with(3, {no_number, 3, 1, no_number}));
  CHECK(ends_with(2, {no_number, no_number}));  // none was best
  CHECK(ends_with(0, {}));
  CHECK_FALSE(ends_with(4, {3, 1, 2, 4}));
}

TEST_CASE("keep_best: which epoch it was, and a file each time it is better") {
  const temporary_folder folder;
  for (const bool restore : {false, true}) {
    measures_of_a_run run;
    tiny net, loaded;
    train::keep_best best{net, {.path = folder / "best", .restore = restore}};
    best.start(run.now);
    CHECK(best.epoch() == 0);
    std::string bytes;
    for (const double value : {4.0, 5.0, 2.0, 3.0}) {
      net.fill(static_cast<double>(run.now.epoch + 1));
      run.epoch(best, {{"val_loss", value}});
      if (value == 4 || value == 2)
        bytes = read_bytes(folder / "best");
      else
        CHECK(read_bytes(folder / "best") == bytes);
    }
    CHECK(best.value() == 2);
    CHECK(best.epoch() == 3);
    io::load(loaded, folder / "best");
    CHECK(loaded.is(3));
    CHECK(loaded.size == 3);  // numbers are in the file
    best.finish(run.now);
    CHECK(net.is(restore ? 3 : 4));
    CHECK(net.size == 4);  // and the model keeps its own
  }
  measures_of_a_run run;
  train::keep_best lost{run.net, {.path = folder / "no/best"}}, early{{.monitor = "accuracy"}};
  CHECK_THROWS_AS(run.epoch(lost, {{"val_loss", 1}}), io_error);
  CHECK_THROWS_AS(run.epoch(early, {{"val_loss", 1}}), value_error);
}

TEST_CASE("keep_best: of an average; the trained weights stay as the last step left them") {
  problem p, plain;
  optim::ema<small_net> average{p.net, {.decay = 0.5}};
  std::vector<small_net> after;  // each epoch
  train::after_step mean{[&](train::state&) { average.update(); }, average};
  train::after_epoch measure{[&](train::state& run) {
    after.push_back(average.model());
    run.values.push_back({"up_and_down", run.epoch == 2 ? 1.0 : 2.0});
  }};
  train::keep_best best{average.model(), {.monitor = "up_and_down"}};
  train::fit(p.net, p.optimizer, cross_entropy, p.loader, {.epochs = 3, .callbacks = {&mean, &measure, &best}});
  CHECK(best.epoch() == 2);
  CHECK(same_weights(average.model(), after[1]));
  CHECK_FALSE(same_weights(average.model(), after[2]));
  train::fit(plain.net, plain.optimizer, cross_entropy, plain.loader, {.epochs = 3});
  CHECK(same_weights(p.net, plain.net));
}

TEST_CASE("keep_best: another run begins anew, of another model too") {
  train::after_epoch measure{[](train::state& run) {
    run.values.push_back({"worse", static_cast<double>(run.epoch)});
  }};
  train::keep_best best{{.monitor = "worse"}};
  small_net first;
  {
    problem p;
    train::fit(p.net, p.optimizer, cross_entropy, p.loader, {.epochs = 1, .callbacks = {&measure, &best}});
    first = p.net;
  }
  problem other(2), alone(2);
  train::fit(other.net, other.optimizer, cross_entropy, other.loader, {.epochs = 3, .callbacks = {&measure, &best}});
  train::fit(alone.net, alone.optimizer, cross_entropy, alone.loader, {.epochs = 1});
  CHECK(best.epoch() == 1);
  CHECK(same_weights(other.net, alone.net));
  CHECK_FALSE(same_weights(other.net, first));
}

TEST_CASE("keep_best: a run that was left, before the best epoch or after it, ends with the same best weights") {
  const temporary_folder folder;
  job whole(folder / "whole_best");
  whole.run("", 0);
  CHECK(whole.best.epoch() == 3);
  problem three;
  train::fit(three.net, three.optimizer, cross_entropy, three.loader, {.epochs = 3});
  CHECK(same_weights(whole.net, three.net));
  for (const std::int64_t every : {0, 2}) {
    const std::string path = folder / ("run" + std::to_string(every)), best = folder / ("best" + std::to_string(every));
    for (const std::int64_t kill_at : {4, 12, 16, 21}) {
      job killed(best);
      killed.kill_at = kill_at;
      CHECK_THROWS_WITH_AS(killed.run(path, every), "killed", std::runtime_error);
    }
    const auto file = io::load_tensors(path);
    CHECK(same_bits(file.tensors.at("callbacks.1.weights.hidden.weight").as<float>(), three.net.hidden.weight.value()));
    CHECK_FALSE(same_bits(file.tensors.at("model.hidden.weight").as<float>(), three.net.hidden.weight.value()));
    job last(best);
    last.run(path, every);
    CHECK(same_weights(last.net, whole.net));
    CHECK(last.best.epoch() == 3);
    CHECK(same_bits(last.best.value(), whole.best.value()));
    CHECK(read_bytes(best) == read_bytes(folder / "whole_best"));
  }
}
