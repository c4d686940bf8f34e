// Shows: (every way in which a run may end and go on)
// What fit does between the batches: every way in which a run may end, fail and go on; what callbacks see on the way;
// and that a warm step costs no memory.
#include <inlay/train/run.hpp>

#include <inlay/data/stream.hpp>
#include <inlay/metrics/accuracy.hpp>
#include <inlay/optim/sgd.hpp>
#include <inlay/train/early_stopping.hpp>
#include <inlay/train/fit.hpp>
#include <inlay/train/hooks.hpp>

#include <doctest/doctest.h>

#include <stdexcept>

#include "allocations.hpp"
#include "files.hpp"
#include "train/problem.hpp"

using namespace inlay;
using namespace support;

namespace {

using batch = data::batch<float, std::int64_t>;
using batches = std::vector<batch>;

// Throws, or ends the run, at a step: before it, after it, or after the epoch that it belongs to.
struct at_step final : train::callback {
  enum class when { before, after, epoch };
  explicit at_step(std::int64_t of, when moment = when::after, std::string because = {})
      : step(of), now(moment), reason(std::move(because)) {}

  void before_step(train::state& run) override { check(run, when::before, run.step + 1); }
  void after_step(train::state& run) override { check(run, when::after, run.step); }
  void after_epoch(train::state& run) override { check(run, when::epoch, run.step); }

  void check(train::state& run, when moment, std::int64_t at) const {
    if (moment != now || at != step) return;
    if (reason.empty()) throw std::runtime_error("killed");
    run.stopped = reason;
  }

  std::int64_t step;
  when now;
  std::string reason;
};
using when = at_step::when;

train::summary fit(problem& p, const train::fit_config& config) {
  return train::fit(p.net, p.optimizer, cross_entropy, p.loader, config);
}
train::summary fit_on(problem& p, batches& loader, const train::fit_config& config) {
  return train::fit(p.net, p.optimizer, cross_entropy, loader, config);
}

batches list_of(const problem& p) {
  batches out;
  auto loader = p.loader;
  for (auto& one : loader) out.push_back(one);
  return out;
}

// Counts rows; wants some, as metrics do.
struct rows_seen {
  void update(const tensor<float>& scores, const tensor<std::int64_t>&) { rows += scores.dim(0); }
  std::int64_t value() const {
    if (rows < least) throw state_error("rows_seen", {"expected ", least, " rows, got ", rows});
    return rows;
  }
  void reset() { rows = 0; }
  std::int64_t least = 1, rows = 0;
};
train::summary fit_and_count(problem& p, const train::fit_config& config, std::int64_t least = 1) {
  return train::fit(p.net, p.optimizer, cross_entropy, p.loader, config, train::named{"rows", rows_seen{least}},
                    train::named{"accuracy", metrics::accuracy{}});
}

struct point_source {
  std::optional<data::sample<float, std::int64_t>> next() {
    if (at == 37) return {};
    const std::int64_t i = at++;
    return data::sample{all.x().slice(i, i + 1).reshape({3}), all.y().slice(i, i + 1).reshape(shape{})};
  }
  void rewind() { at = 0; }
  data::tensor_dataset<float, std::int64_t> all = points();
  std::int64_t at = 0;
};
train::summary fit_stream(problem& p, const train::fit_config& config) {
  data::stream_loader<point_source> loader(point_source{}, {.batch_size = 8, .shuffle_buffer = 10, .seed = 2});
  return train::fit(p.net, p.optimizer, cross_entropy, loader, config);
}

std::int64_t kept_number(const std::string& path, const char* name) {
  return io::load_tensors(path).tensors.at(name).as<std::int64_t>().item();
}

}  // namespace

TEST_CASE("run: a loader that is no module is read once more up to where the run was") {
  const temporary_folder folder;
  for (const std::int64_t accumulate : {1, 2}) {
    const std::string path = folder / std::to_string(accumulate);
    problem whole;
    batches list = list_of(whole);
    const auto expected = fit_on(whole, list, {.epochs = 3, .accumulate = accumulate});
    for (const std::int64_t kill_at : {2, 4, 8}) {
      problem killed;
      at_step kill(kill_at);
      CHECK_THROWS_WITH_AS(fit_on(killed, list,
                                  {.epochs = 3,
                                   .accumulate = accumulate,
                                   .checkpoint = {.path = path, .every_steps = 1},
                                   .callbacks = {&kill}}),
                           "killed", std::runtime_error);
    }
    problem last;
    const auto end = fit_on(last, list, {.epochs = 3, .accumulate = accumulate, .checkpoint = {.path = path}});
    CHECK(same_weights(last.net, whole.net));
    CHECK(end.steps == expected.steps);
    CHECK(same_bits(end.values[0].value, expected.values[0].value));
  }
  // Of another length: what is left of the epoch is none, and the next one is whole.
  problem first, second;
  batches list = list_of(first);
  at_step kill(4);
  CHECK_THROWS(fit_on(first, list, {.epochs = 2, .checkpoint = {folder / "cut", 1}, .callbacks = {&kill}}));
  list.resize(2);
  CHECK(fit_on(second, list, {.epochs = 2, .checkpoint = {.path = folder / "cut"}}).steps == 3 + 2);
}

TEST_CASE("run: a stream") {
  const temporary_folder folder;
  problem whole, killed, last;
  const auto expected = fit_stream(whole, {.epochs = 3});
  CHECK(expected.steps == 15);
  at_step kill(9);
  train::after_step watch{[](train::state& run) { CHECK(run.batches == -1); }};
  CHECK_THROWS(fit_stream(killed, {.epochs = 3, .checkpoint = {folder / "run", 2}, .callbacks = {&watch, &kill}}));
  CHECK(kept_number(folder / "run", "loader.batch") == 3);
  CHECK(kept_number(folder / "run", "loader.epochs") == 2);
  fit_stream(last, {.epochs = 3, .checkpoint = {folder / "run", 2}, .callbacks = {&watch}});
  CHECK(same_weights(last.net, whole.net));
}

TEST_CASE("run: epochs may be raised later, or be fewer than there were") {
  const temporary_folder folder;
  constexpr std::uint64_t seed = ~std::uint64_t{0} - 1;
  problem whole, first, more, fewer;
  const auto expected = fit(whole, {.epochs = 4, .seed = seed});
  CHECK(fit(first, {.epochs = 2, .seed = seed, .checkpoint = {.path = folder / "run"}}).epochs == 2);
  const auto end = fit(more, {.epochs = 4, .seed = 9, .checkpoint = {.path = folder / "run"}});  // the file's seed
  CHECK(same_weights(more.net, whole.net));
  CHECK(same_bits(end.values[0].value, expected.values[0].value));
  const auto none = fit(fewer, {.epochs = 1, .checkpoint = {.path = folder / "run"}});
  CHECK(none.epochs == 4);
  CHECK(none.steps == 20);
  CHECK(same_weights(fewer.net, whole.net));
}

TEST_CASE("run: metrics of an epoch that was resumed within are of the batches that were left") {
  const temporary_folder folder;
  problem p;
  CHECK(fit_and_count(p, {}).values[1].value == 37);
  for (const std::int64_t left : {0, 2}) {
    problem killed, last, plain;
    const std::string path = folder / std::to_string(left);
    at_step kill(10 - left, left == 0 ? when::epoch : when::after);
    CHECK_THROWS(fit_and_count(killed, {.epochs = 2, .checkpoint = {path, 10 - left}, .callbacks = {&kill}}));
    if (left > 0) CHECK_THROWS(fit_and_count(last, {.epochs = 2, .checkpoint = {path, 1}, .callbacks = {&kill}}));
    const auto end = fit_and_count(last, {.epochs = 2, .checkpoint = {.path = path}});
    const auto expected = fit(plain, {.epochs = 2});
    CHECK(same_weights(last.net, plain.net));
    REQUIRE(end.values.size() == 3);
    CHECK(same_bits(end.values[0].value, expected.values[0].value));  // the loss is of all
    CHECK(end.values[1].name == "rows");
    CHECK(end.values[2].name == "accuracy");
    if (left > 0) CHECK(end.values[1].value == 3 * 8 + 5 - 8);
    if (left == 0) CHECK(is_nan(end.values[1].value));
    if (left == 0) CHECK(is_nan(end.values[2].value));
  }
}

TEST_CASE("run: ended by a callback, within an epoch or after it, it can be resumed") {
  const temporary_folder folder;
  const struct {
    std::int64_t step;
    when moment;
    std::int64_t steps, epochs;
  } table[] = {{7, when::before, 7, 1}, {7, when::after, 7, 1}, {5, when::after, 5, 0}, {10, when::epoch, 10, 2}};
  problem whole;
  fit(whole, {.epochs = 4});
  for (const auto& row : table) {
    INFO("step ", row.step, " epochs ", row.epochs);
    const std::string path = folder / "run";
    std::remove(path.c_str());
    problem p, plain, again;
    at_step stop(row.step, row.moment, "enough");
    const auto end = fit_and_count(p, {.epochs = 4, .checkpoint = {.path = path}, .callbacks = {&stop}}, 37);
    CHECK(end.stopped == "enough");
    CHECK(end.steps == row.steps);
    CHECK(end.epochs == row.epochs);
    CHECK(end.values.size() == (row.epochs == 0 ? 0u : 3u));
    CHECK(kept_number(path, "fit.step") == row.steps);
    CHECK(kept_number(path, "fit.epoch") == row.epochs);
    at_step kill(row.steps);
    CHECK_THROWS(fit(plain, {.epochs = 4, .callbacks = {&kill}}));
    CHECK(same_weights(p.net, plain.net));

    const auto rest = fit_and_count(again, {.epochs = 4, .checkpoint = {.path = path}, .callbacks = {&stop}});
    CHECK(rest.stopped.empty());
    CHECK(rest.steps == 20);
    CHECK(same_weights(again.net, whole.net));
  }
}

TEST_CASE("run: ended before it begins") {
  const temporary_folder folder;
  struct never final : train::callback {
    void start(train::state& run) override { run.stopped = "no time"; }
  } stop;
  problem p, plain;
  const auto end = fit(p, {.checkpoint = {.path = folder / "run"}, .callbacks = {&stop}});
  CHECK(end.stopped == "no time");
  CHECK(end.steps == 0);
  CHECK(same_weights(p.net, plain.net));
  CHECK(folder.names().empty());
  fit(p, {.checkpoint = {.path = folder / "run"}});
  CHECK(fit(p, {.epochs = 2, .checkpoint = {.path = folder / "run"}, .callbacks = {&stop}}).stopped == "no time");
  CHECK(fit(p, {.epochs = 2, .checkpoint = {.path = folder / "run"}}).steps == 10);
}

TEST_CASE("run: after an exception the same objects can begin again") {
  for (const when moment : {when::before, when::after, when::epoch}) {
    problem p, plain;
    at_step kill(moment == when::epoch ? 3 : 2, moment);
    CHECK_THROWS(fit(p, {.accumulate = 2, .callbacks = {&kill}}));
    init::weights(p.net, {.seed = 1});
    p.loader.set_epochs(0);
    optim::sgd a{p.net, {.learning_rate = 0.1}}, b{plain.net, {.learning_rate = 0.1}};
    train::fit(p.net, a, cross_entropy, p.loader, {.accumulate = 2});
    train::fit(plain.net, b, cross_entropy, plain.loader, {.accumulate = 2});
    CHECK(same_weights(p.net, plain.net));  // no gradient was left over
  }
  const temporary_folder folder;
  problem p, whole;
  at_step kill(8, when::before);
  const train::fit_config config{.epochs = 3, .checkpoint = {folder / "run", 2}, .callbacks = {&kill}};
  CHECK_THROWS(fit(p, config));
  kill.step = -1;
  fit(p, config);
  fit(whole, {.epochs = 3});
  CHECK(same_weights(p.net, whole.net));
}

TEST_CASE("run: what callbacks see of a run that goes on") {
  const temporary_folder folder;
  struct watcher final : train::callback {
    void start(train::state& run) override {
      CHECK(run.step == 0);
      CHECK(run.values.empty());
      log += "start ";
    }
    void resume(train::state& run) override {
      CHECK(steps == 8);  // its own number is there already
      CHECK(run.step == 8);
      CHECK(run.epoch == 1);
      CHECK(run.batch == 3);
      CHECK(run.rows == 24);
      CHECK(same_bits(run.epoch_loss, epoch_loss));
      CHECK(run.value("loss") > 0);
      CHECK(run.optimizer.steps() == 8);
      log += "resume ";
    }
    void after_step(train::state& run) override {
      steps = run.step;
      epoch_loss = run.epoch_loss;
      log += "step ";
    }
    void finish(train::state& run) override {
      CHECK(run.epoch == 2);
      log += "finish";
    }
    void keep(member_visitor& visit) override {
      visit("steps", steps);
      visit("epoch_loss", epoch_loss);
    }
    std::int64_t steps = 0;
    double epoch_loss = 0;
    std::string log;
  } first, second;
  problem killed, last;
  at_step kill(9), none(-1);
  CHECK_THROWS(fit(killed, {.epochs = 2, .checkpoint = {folder / "run", 4}, .callbacks = {&first, &kill}}));
  CHECK(kept_number(folder / "run", "callbacks.0.steps") == 8);
  fit(last, {.epochs = 2, .checkpoint = {folder / "run", 4}, .callbacks = {&second, &none}});
  CHECK(second.log == "start resume step step finish");
}

TEST_CASE("run: losses and inputs of a step and of an epoch") {
  problem p;
  batches list = list_of(p);
  std::swap(list[1], list[4]);  // batches of 8 and 5 rows make the first step
  std::vector<double> losses;
  for (const batch& one : list) losses.push_back(cross_entropy(p.net(one.x), one.y).item());
  optim::sgd still{p.net, {.learning_rate = 0}};
  p.net.dropout = nn::dropout{{.p = 0}};
  train::after_step look{[&](train::state& run) {
    const auto first = static_cast<std::size_t>(2 * (run.step - 1));
    const double expected = first == 4 ? losses[4] : (losses[first] + losses[first + 1]) / 2;
    CHECK(run.loss == doctest::Approx(expected).epsilon(1e-6));
    REQUIRE(run.inputs.size() == 1);
    CHECK(same_bits(run.inputs[0].as<float>(), list[first == 4 ? 4 : first + 1].x));
  }};
  const auto end = train::fit(p.net, still, cross_entropy, list, {.accumulate = 2, .callbacks = {&look}});
  double mean = 0;
  for (std::size_t i = 0; i < 5; ++i) mean += losses[i] * (i == 1 ? 5 : 8) / 37;
  CHECK(end.values[0].value == doctest::Approx(mean).epsilon(1e-6));

  train::after_step none{[](train::state& run) { CHECK(run.inputs.empty()); }};  // the call is the caller's
  const auto own = [](const auto& net, const auto& world, const auto& of) {
    return loss::cross_entropy(net(world.input(of.x)), of.y);
  };
  train::fit(p.net, still, own, list, {.callbacks = {&none}});
}

TEST_CASE("run: checkpoints that are damaged, of other data, or cannot be written") {
  const temporary_folder folder;
  const std::string path = folder / "run";
  problem p;
  at_step kill(9);
  CHECK_THROWS(fit(p, {.epochs = 2, .checkpoint = {path, 1}, .callbacks = {&kill}}));
  const auto refused = [&](const char* message) {
    problem other;
    const std::string bytes = read_bytes(path), whole = "[fit] expected a checkpoint of this run in " + path +
                                                        ", got: " + message +
                                                        "; remove it, or pass .resume = false, to begin anew";
    at_step none(-1);
    CHECK_THROWS_WITH_AS(fit(other, {.epochs = 2, .checkpoint = {path, 1}, .callbacks = {&none}}), whole.c_str(),
                         io_error);
    CHECK(read_bytes(path) == bytes);
  };
  const io::tensor_file good = io::load_tensors(path);
  io::tensor_file bad = good;
  bad.tensors.insert_or_assign("fit.values.cells", tensor<double>({1, 2}));
  io::save_tensors(bad, path);
  refused("[fit] expected a table of 1 columns in the checkpoint, got (1, 2)");
  bad = good;
  bad.tensors.erase("fit.step");
  io::save_tensors(bad, path);
  refused(("[load] expected " + path +
           " to fit the model, got 0 loaded; missing: fit.step; pass {.strict = false} to load what fits")
              .c_str());
  write_bytes(path, "no safetensors");
  CHECK_THROWS_WITH_AS(fit(p, {.checkpoint = {.path = path}}), doctest::Contains("to begin anew"), io_error);

  io::save_tensors(good, path);
  const data::loader larger{points(), {.batch_size = 20}};
  problem other;
  other.loader = larger;
  at_step none(-1);
  CHECK_THROWS_WITH_AS(fit(other, {.epochs = 2, .checkpoint = {path, 1}, .callbacks = {&none}}),
                       "[loader] expected a position within 2 batches, got batch 3 of epoch 2; was it saved with other "
                       "data or another batch size?",
                       state_error);

  problem lost;
  CHECK_THROWS_AS(fit(lost, {.checkpoint = {.path = folder / "no/run"}}), io_error);
  const double no_number = std::numeric_limits<double>::quiet_NaN();
  CHECK_THROWS_AS(fit(lost, {.clip_norm = no_number}), value_error);
  CHECK_THROWS_AS(fit(lost, {.clip_value = no_number}), value_error);
  CHECK_THROWS_WITH_AS(fit(lost, {.checkpoint = {.every_steps = -1}}),
                       "[fit] expected .every_steps of 0 or more, got -1", value_error);
}

TEST_CASE("run: a warm step asks for nothing, of the heap or the pool, more than the loop it stands for") {
  problem p;
  optim::sgd optimizer{p.net, {.learning_rate = 0.1}};
  data::loader loader{points(), {.batch_size = 1}};
  for (const std::int64_t accumulate : {1, 3}) {
    std::uint64_t heap = 0, pool = 0;
    bool looked = false;
    train::early_stopping patient{{.monitor = "loss"}};
    train::before_step before{[&](train::state& run) {
      if (run.step == 2) heap = allocation_count, pool = memory::stats().allocations;
    }};
    train::after_step after{[&](train::state& run) {
      if (run.step != 11) return;
      looked = true;
      CHECK(allocation_count == heap);
      CHECK(memory::stats().allocations == pool);
    }};
    train::fit(p.net, optimizer, cross_entropy, loader,
               {.accumulate = accumulate, .clip_norm = 1, .clip_value = 1, .callbacks = {&patient, &before, &after}},
               train::named{"accuracy", metrics::accuracy{}});
    CHECK(looked);
  }
}
