// Shows: history as CSV, JSON and a picture of the curves
// The history of a run: a table that goes on after a resumption, written as CSV, JSON and a picture.
#include <inlay/train/history.hpp>

#include <inlay/metrics/accuracy.hpp>
#include <inlay/train/fit.hpp>
#include <inlay/train/hooks.hpp>
#include <inlay/train/validation.hpp>

#include <doctest/doctest.h>

#include "files.hpp"
#include "train/problem.hpp"

using namespace inlay;
using namespace support;

TEST_CASE("history: every epoch's measures, in a table and in files that are whole after each epoch") {
  const temporary_folder folder;
  problem p;
  const std::string csv = folder / "run.csv", json = folder / "run.json", svg = folder / "run.svg";
  train::history log{{.paths = {csv, json, svg}}};
  train::validation check{p.net, data::loader{points(5)}, cross_entropy, train::named{"accuracy", metrics::accuracy{}}};
  train::after_epoch look{
      [&](train::state& run) { CHECK(data::read_csv(csv, {.header = true}).values.dim(0) == run.epoch); }};
  const auto end =
      train::fit(p.net, p.optimizer, cross_entropy, p.loader, {.epochs = 3, .callbacks = {&check, &log, &look}});
  const data::table table = log.table(), read = data::read_csv(csv, {.header = true});
  CHECK(table.names == std::vector<std::string>{"epoch", "step", "learning_rate", "loss", "val_loss", "val_accuracy"});
  CHECK(read.names == table.names);
  CHECK(same_bits(read.values, table.values));
  CHECK(table.values.shape() == shape{3, 6});
  CHECK(table.values(2, 0) == 3);
  CHECK(table.values(2, 1) == 15);
  CHECK(table.values(2, 2) == 0.01);
  CHECK(table.values(2, 5) == end.values[2].value);
  CHECK(read_bytes(json) == log.json());
  CHECK(read_bytes(svg) == log.svg());
}

namespace {

// Gives a run one epoch's values.
void epoch(train::history& log, std::int64_t number, std::vector<train::measure> values) {
  problem p;
  train::state run{.optimizer = p.optimizer, .model = {}};
  run.epoch = number;
  run.step = 10 * number;
  run.values = std::move(values);
  log.after_epoch(run);
}

}  // namespace

TEST_CASE("history: JSON, with what is missing or not finite as null") {
  train::history log;
  CHECK(log.json() == "[\n]\n");
  epoch(log, 1, {{"loss", 0.5}});
  epoch(log, 2, {{"loss", std::numeric_limits<double>::infinity()}, {"a \"b\"", 0.1}});
  CHECK(log.json() ==
        "[\n  {\"epoch\": 1, \"step\": 10, \"learning_rate\": 0.01, \"loss\": 0.5, \"a \\\"b\\\"\": null},\n"
        "  {\"epoch\": 2, \"step\": 20, \"learning_rate\": 0.01, \"loss\": null, \"a \\\"b\\\"\": 0.1}\n]\n");
}

TEST_CASE("history: it goes on where a killed run was") {
  const temporary_folder folder;
  std::string whole;
  for (const bool kill : {false, true}) {
    const auto run = [&](std::int64_t kill_at) {
      problem p;
      train::history log;
      train::after_step stop{[&](train::state& now) {
        if (now.step == kill_at) throw std::runtime_error("killed");
      }};
      train::fit(p.net, p.optimizer, cross_entropy, p.loader,
                 {.epochs = 3,
                  .checkpoint = {.path = folder / (kill ? "killed" : "whole"), .every_steps = 2},
                  .callbacks = {&log, &stop}});
      return log.json();
    };
    if (kill) CHECK_THROWS(run(8));
    if (kill) CHECK_THROWS(run(11));
    const std::string text = run(-1);
    if (kill)
      CHECK(text == whole);
    else
      whole = text;
  }
}

TEST_CASE("history: paths that say nothing") {
  CHECK_THROWS_WITH_AS(train::history({.paths = {"run.txt"}}),
                       "[history] expected a path that ends with .csv, .json or .svg, got run.txt", value_error);
  train::history log;
  CHECK_THROWS_AS(log.save("svg"), value_error);
  CHECK_THROWS_AS(log.save("/nowhere/at/all.svg"), io_error);
}
