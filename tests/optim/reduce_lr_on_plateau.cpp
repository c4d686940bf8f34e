// Shows: lower rates on a plateau
// Rates step by step as torch.optim.lr_scheduler.ReduceLROnPlateau.
#include <inlay/optim/reduce_lr_on_plateau.hpp>

#include <doctest/doctest.h>

#include <inlay/io/save.hpp>
#include <inlay/optim/sgd.hpp>

#include "files.hpp"
#include "optim/traces.hpp"

using namespace inlay;
using optim::reduce_lr_on_plateau;
using support::numbers;

namespace {

const numbers measures{5, 4, 4.2, 3.99, 4, 4, 4, 4, 3.5, 3.49, 3.6, 3.6, 3.6, 3.4, 3.4, 3.4, 3.4, 3.4, 3.4, 3.4};

struct course {
  const char* name;
  optim::reduce_lr_on_plateau_config config;
  double sign, offset;  // of the measures
  numbers rates;
};

const course table[] = {
    {"patience=2",
     {.patience = 2},
     1,
     0,
     {0.5,
      0.5,
      0.5,
      0.5,
      0.5,
      0.5,
      0.05,
      0.05,
      0.05,
      0.05,
      0.05,
      0.05,
      0.005000000000000001,
      0.005000000000000001,
      0.005000000000000001,
      0.005000000000000001,
      0.0005000000000000001,
      0.0005000000000000001,
      0.0005000000000000001,
      5.0000000000000016e-05}},
    {"factor=0.5, patience=1, threshold=0.3, threshold_mode='abs', cooldown=2",
     {.factor = 0.5, .patience = 1, .threshold = 0.3, .relative = false, .cooldown = 2},
     1,
     0,
     {0.5,   0.5,    0.5,    0.25,   0.25,   0.25,    0.25,    0.125,   0.125,   0.125,
      0.125, 0.0625, 0.0625, 0.0625, 0.0625, 0.03125, 0.03125, 0.03125, 0.03125, 0.015625}},
    {"factor=0.5, patience=0, threshold=0.05, min_lr=0.02",
     {.factor = 0.5, .patience = 0, .threshold = 0.05, .minimum = 0.02},
     1,
     0,
     {0.5,  0.5,  0.25, 0.125, 0.0625, 0.03125, 0.02, 0.02, 0.02, 0.02,
      0.02, 0.02, 0.02, 0.02,  0.02,   0.02,    0.02, 0.02, 0.02, 0.02}},
    {"mode='max', factor=0.5, patience=1, threshold=0.1, threshold_mode='abs'",
     {.maximize = true, .factor = 0.5, .patience = 1, .threshold = 0.1, .relative = false},
     -1,
     0,
     {0.5,     0.5,     0.5,      0.25,     0.25,      0.125,     0.125,      0.0625,     0.0625,      0.0625,
      0.03125, 0.03125, 0.015625, 0.015625, 0.0078125, 0.0078125, 0.00390625, 0.00390625, 0.001953125, 0.001953125}},
    {"mode='max', factor=0.5, patience=1, threshold=0.02",
     {.maximize = true, .factor = 0.5, .patience = 1, .threshold = 0.02},
     -1,
     8,
     {0.5,     0.5,     0.5,      0.25,     0.25,     0.125,     0.125,     0.0625,     0.0625,     0.0625,
      0.03125, 0.03125, 0.015625, 0.015625, 0.015625, 0.0078125, 0.0078125, 0.00390625, 0.00390625, 0.001953125}},
    {"factor=0.5, patience=0, eps=0.1",
     {.factor = 0.5, .patience = 0, .epsilon = 0.1},
     1,
     0,
     {0.5,   0.5,   0.25,  0.25,  0.125, 0.125, 0.125, 0.125, 0.125, 0.125,
      0.125, 0.125, 0.125, 0.125, 0.125, 0.125, 0.125, 0.125, 0.125, 0.125}},
};

}  // namespace

TEST_CASE("reduce_lr_on_plateau: PyTorch's rates, step by step") {
  for (const course& t : table) {
    INFO(std::string(t.name));
    traces::model<double> m;
    optim::sgd sgd{m, {.learning_rate = 0.5}};
    reduce_lr_on_plateau plateau(sgd, t.config);
    numbers rates;
    for (const double measure : measures) {
      const double before = sgd.learning_rate();
      const bool reduced = plateau.step(t.offset + t.sign * measure);
      CHECK(reduced == (sgd.learning_rate() < before));
      rates.push_back(sgd.learning_rate());
    }
    CHECK(support::difference(std::span<const double>(rates), t.rates) <= 1e-14);
  }
}

TEST_CASE("reduce_lr_on_plateau: NaN is never better, any first number is") {
  traces::model<double> m;
  optim::sgd sgd{m, {.learning_rate = 0.5}};
  for (const bool maximize : {false, true}) {
    reduce_lr_on_plateau plateau(sgd, {.maximize = maximize, .patience = 1});
    sgd.set_learning_rate(0.5);
    CHECK_FALSE(plateau.step(NAN));
    CHECK_FALSE(plateau.step(-1e300));
    CHECK(plateau.best() == -1e300);
    CHECK_FALSE(plateau.step(NAN));
    CHECK(plateau.step(NAN));
    CHECK(sgd.learning_rate() == 0.05);
  }
}

TEST_CASE("reduce_lr_on_plateau: saved and loaded at any step it goes on as if nothing had happened") {
  const support::temporary_folder folder;
  const course& t = table[1];
  for (std::size_t at = 0; at < measures.size(); ++at) {
    traces::model<double> m, n;
    optim::sgd sgd{m, {.learning_rate = 0.5}}, other{n, {.learning_rate = 1}};
    reduce_lr_on_plateau plateau(sgd, t.config), resumed(other, t.config);
    for (std::size_t i = 0; i < at; ++i) plateau.step(measures[i]);
    io::save(plateau, folder / "plateau");
    io::save(sgd, folder / "sgd");
    io::load(resumed, folder / "plateau");
    io::load(other, folder / "sgd");
    for (std::size_t i = at; i < measures.size(); ++i) {
      resumed.step(measures[i]);
      CHECK(other.learning_rate() == t.rates[i]);
    }
  }
}

TEST_CASE("reduce_lr_on_plateau: numbers out of range") {
  traces::model<double> m;
  optim::sgd sgd{m};
  const char* text =
      "[reduce_lr_on_plateau] expected .factor between 0 and 1, and .patience and .cooldown of 0 or more";
  for (const double factor : {0.0, 1.0, -0.5, double{NAN}})
    CHECK_THROWS_WITH_AS(reduce_lr_on_plateau(sgd, {.factor = factor}), text, value_error);
  CHECK_THROWS_WITH_AS(reduce_lr_on_plateau(sgd, {.patience = -1}), text, value_error);
  CHECK_THROWS_WITH_AS(reduce_lr_on_plateau(sgd, {.cooldown = -1}), text, value_error);
}
