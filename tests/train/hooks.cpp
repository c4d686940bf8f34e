// Shows: functions as callbacks
// Functions as callbacks: called at their moment and no other; their parts are saved and loaded with them.
#include <inlay/train/hooks.hpp>

#include <inlay/io/save.hpp>
#include <inlay/optim/reduce_lr_on_plateau.hpp>
#include <inlay/optim/schedules.hpp>

#include <doctest/doctest.h>

#include <stdexcept>

#include "files.hpp"
#include "train/problem.hpp"

using namespace inlay;
using support::measures_of_a_run;

namespace {

// Calls every hook once, in the order of a run.
void call_all(train::callback& of, train::state& run, std::string& log) {
  log.clear();
  of.start(run);
  of.resume(run);
  log += "before ";
  of.before_step(run);
  log += "step ";
  of.after_step(run);
  log += "epoch ";
  of.after_epoch(run);
  log += "finish ";
  of.finish(run);
}

}  // namespace

TEST_CASE("hooks: each is called at its moment") {
  measures_of_a_run run;
  std::string log;
  const auto call = [&](train::state& now) {
    CHECK(&now == &run.now);
    log += "! ";
  };
  train::before_step before{call};
  train::after_step after{call};
  train::after_epoch epoch{call};
  call_all(before, run.now, log);
  CHECK(log == "before ! step epoch finish ");
  call_all(after, run.now, log);
  CHECK(log == "before step ! epoch finish ");
  call_all(epoch, run.now, log);
  CHECK(log == "before step epoch ! finish ");
  CHECK(members_of(before).empty());

  train::after_epoch broken{[](train::state&) { throw std::runtime_error("a program's own"); }};
  CHECK_THROWS_WITH_AS(broken.after_epoch(run.now), "a program's own", std::runtime_error);
}

TEST_CASE("hooks: the parts are members, under numbers") {
  const support::temporary_folder folder;
  measures_of_a_run run;
  optim::cosine_annealing_lr saved{run.optimizer, {.steps = 10}}, loaded{run.optimizer, {.steps = 10}};
  optim::reduce_lr_on_plateau plateau{run.optimizer}, other{run.optimizer};
  std::int64_t calls = 0, read = 0;
  double sum = 0, read_sum = 0;
  train::after_epoch from{[&](train::state&now) {
                            saved.step();
                            plateau.step(now.value("val_loss"));
                            sum += now.value("val_loss");
                            ++calls;
                          },
                          saved, plateau, calls, sum},
      to{[](train::state&) {}, loaded, other, read, read_sum};
  for (const double value : {4.0, 2.5, 3.0}) run.epoch(from, {{"val_loss", value}});
  io::save(from, folder / "hooks");
  std::vector<std::string> paths;
  for (const auto& [path, t] : io::load_tensors(folder / "hooks").tensors) paths.push_back(path);
  CHECK(paths == std::vector<std::string>{"0.base_rate", "0.steps", "1.bad", "1.best", "1.cooling", "2", "3"});
  io::load(to, folder / "hooks");
  CHECK(loaded.steps() == 3);
  CHECK(other.best() == 2.5);
  CHECK(read == 3);
  CHECK(read_sum == 9.5);
}
