// Shows: early stopping
// A run ends after so many epochs without a better value, counted through a resumption.
#include <inlay/train/early_stopping.hpp>

#include <inlay/io/save.hpp>
#include <inlay/train/fit.hpp>

#include <doctest/doctest.h>

#include "files.hpp"
#include "train/problem.hpp"

using namespace inlay;
using support::measures_of_a_run;

namespace {

// The epoch after which these values end a run; 0: none.
std::int64_t end_of(const train::early_stopping_config& config, const std::vector<double>& values) {
  train::early_stopping stopping{config};
  measures_of_a_run run;
  stopping.start(run.now);
  for (const double value : values) {
    run.epoch(stopping, {{"loss", 0}, {config.monitor, value}});
    if (!run.now.stopped.empty()) return run.now.epoch;
  }
  return 0;
}

}  // namespace

TEST_CASE("early_stopping: epochs in a row without a better value") {
  constexpr double no_number = std::numeric_limits<double>::quiet_NaN();
  CHECK(end_of({}, {5, 4, 4, 4, 4, 4, 4}) == 7);
  CHECK(end_of({.patience = 1}, {5, 4, 4}) == 3);
  CHECK(end_of({.patience = 2}, {5, 6, 4, 6, 3, 6, 2}) == 0);
  CHECK(end_of({.patience = 2}, {5, 6, 4, 5, 4.5}) == 5);
  CHECK(end_of({.maximize = true, .patience = 2}, {0.5, 0.6, 0.55, 0.7, 0.7, 0.7}) == 6);
  CHECK(end_of({.patience = 2, .min_delta = 0.1}, {5, 4.95, 4.92, 4}) == 3);
  CHECK(end_of({.patience = 2, .min_delta = 0.1}, {5, 4.95, 4.8, 4.75, 4.72}) == 5);
  CHECK(end_of({.patience = 2}, {no_number, no_number}) == 2);
  CHECK(end_of({.patience = 2}, {no_number, 3, no_number, 2, no_number, no_number}) == 6);
  CHECK(end_of({.monitor = "f1", .maximize = true, .patience = 1}, {0.25, 0.5, 0.5}) == 3);
}

TEST_CASE("early_stopping: what it says") {
  train::early_stopping stopping{{.monitor = "val_f1", .maximize = true, .patience = 2}};
  measures_of_a_run run;
  for (const double value : {0.25, 0.5, 0.375}) run.epoch(stopping, {{"val_f1", value}});
  CHECK(run.now.stopped.empty());
  run.epoch(stopping, {{"val_f1", 0.5}});
  CHECK(run.now.stopped == "val_f1 has not become better for 2 epochs");
  CHECK(stopping.best() == 0.5);
  run.now.stopped.clear();
  stopping.start(run.now);  // anew
  run.epoch(stopping, {{"val_f1", std::numeric_limits<double>::quiet_NaN()}});
  CHECK(run.now.stopped.empty());
  run.epoch(stopping, {{"val_f1", 0.25}});
  CHECK(stopping.best() == 0.25);

  CHECK_THROWS_WITH_AS(run.epoch(stopping, {{"loss", 1}}),
                       "[fit] expected a measure among loss, got val_f1; a validation must stand before the callbacks "
                       "that read what it measures",
                       value_error);
  CHECK_THROWS_WITH_AS(train::early_stopping({.patience = 0}),
                       "[early_stopping] expected .patience of 1 or more, got 0", value_error);
  CHECK_THROWS_WITH_AS(train::early_stopping({.min_delta = -1}),
                       "[early_stopping] expected .min_delta of 0 or more, got -1", value_error);
}

TEST_CASE("early_stopping: a loaded one has waited as long") {
  const support::temporary_folder folder;
  measures_of_a_run run;
  train::early_stopping saved{{.patience = 3}}, loaded{{.patience = 3}};
  for (const double value : {2.0, 1.0, 1.5, 1.0}) run.epoch(saved, {{"val_loss", value}});
  io::save(saved, folder / "stopping");
  loaded.start(run.now);
  io::load(loaded, folder / "stopping");
  CHECK(loaded.best() == 1);
  run.epoch(loaded, {{"val_loss", 1}});
  CHECK(run.now.stopped == "val_loss has not become better for 3 epochs");
}

TEST_CASE("early_stopping: ends a fit; another run begins to wait anew") {
  support::problem p;
  train::early_stopping stopping{{.monitor = "loss", .patience = 2, .min_delta = 100}};
  for (int run = 0; run < 2; ++run) {
    const auto end =
        train::fit(p.net, p.optimizer, support::cross_entropy, p.loader, {.epochs = 9, .callbacks = {&stopping}});
    CHECK(end.epochs == 3);
    CHECK(end.stopped == "loss has not become better for 2 epochs");
  }
}
