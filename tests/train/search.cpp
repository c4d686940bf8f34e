// Shows: grid and random search and successive halving over named options, resumable
// Search: every choice of a grid, draws that follow the seed, halving; killed and gone on with at any trial.
#include <inlay/train/search.hpp>

#include <inlay/io/save.hpp>
#include <inlay/train/fit.hpp>
#include <inlay/train/hooks.hpp>

#include <doctest/doctest.h>

#include "files.hpp"
#include "train/problem.hpp"

using namespace inlay;
using namespace support;

namespace {

const train::space grid{{"a", train::choice({1, 2, 3})}, {"b", train::choice({"x", "y"})}};
const train::space line{{"x", train::uniform(-1, 1)}};

double parabola(const train::trial& t) { return std::pow(t.value("x") - 0.3, 2); }

// Everything that a search found, as text.
std::string text_of(const train::search_result& found) {
  std::string out;
  for (const auto& t : found.trials)
    out += std::to_string(t.trial.number) + ": " + std::to_string(t.trial.epochs) + " epochs, " + t.trial.text() +
           " -> " + std::to_string(t.score) + "\n";
  return out + "best " + std::to_string(found.best);
}

}  // namespace

TEST_CASE("grid_search: every choice once, the last option first; the first of the best wins") {
  const auto score = [](const train::trial& t) { return t.word("b") == "x" ? 1.0 : t.value("a") == 1 ? 5 : 0.5; };
  const auto least = train::grid_search(grid, score), most = train::grid_search(grid, score, {.maximize = true});
  CHECK(text_of(least) ==
        "0: 1 epochs, a = 1, b = x -> 1.000000\n1: 1 epochs, a = 1, b = y -> 5.000000\n"
        "2: 1 epochs, a = 2, b = x -> 1.000000\n3: 1 epochs, a = 2, b = y -> 0.500000\n"
        "4: 1 epochs, a = 3, b = x -> 1.000000\n5: 1 epochs, a = 3, b = y -> 0.500000\nbest 3");
  CHECK(most.best_trial().score == 5);
  CHECK(most.model_path.empty());
  CHECK_THROWS_WITH_AS(train::grid_search(line, parabola),
                       "[grid_search] expected options that are choices or integers, got a range as x", value_error);
}

TEST_CASE("random_search: follows its seed, comes near the best, draws nothing twice while there is more") {
  const auto a = train::random_search(line, parabola, {.trials = 40, .seed = 1});
  CHECK(a.trials.size() == 40);
  CHECK(a.best_trial().score < 0.01);
  CHECK(text_of(a) == text_of(train::random_search(line, parabola, {.trials = 40, .seed = 1})));
  CHECK(text_of(a) != text_of(train::random_search(line, parabola, {.trials = 40, .seed = 2})));
  const auto few = train::random_search(grid, [](const train::trial&) { return 0.0; }, {.trials = 6});
  std::vector<std::string> seen;
  for (const auto& t : few.trials) seen.push_back(t.trial.text());
  std::sort(seen.begin(), seen.end());
  CHECK(std::unique(seen.begin(), seen.end()) == seen.end());
}

TEST_CASE("successive_halving: who is better trains longer") {
  std::vector<std::int64_t> epochs(9, 0);
  const auto found = train::successive_halving(line,
                                               [&](const train::trial& t) {
                                                 epochs[static_cast<std::size_t>(t.number)] = t.epochs;
                                                 return parabola(t);
                                               },
                                               {.epochs = 10, .trials = 9});
  CHECK(found.trials.size() == 9 + 3 + 1);
  CHECK(std::count(epochs.begin(), epochs.end(), 1) == 6);
  CHECK(std::count(epochs.begin(), epochs.end(), 3) == 2);
  CHECK(std::count(epochs.begin(), epochs.end(), 10) == 1);
  CHECK(found.best == 12);
  for (const auto& t : found.trials) CHECK(found.best_trial().score <= t.score);
  CHECK(train::successive_halving(line, parabola, {.epochs = 1, .trials = 4}).trials.size() == 4);
  CHECK(train::successive_halving(line, parabola, {.epochs = 7, .trials = 1, .min_epochs = 2}).trials.size() == 2);
}

TEST_CASE("search: trials that fail have the worst score, or end it") {
  const auto fails = [](const train::trial& t) -> double {
    if (t.value("a") == 1) throw state_error("fit", {"diverged"});
    return t.value("a") == 2 ? std::nan("") : 7;
  };
  CHECK_THROWS_AS(train::grid_search(grid, fails), state_error);
  const auto found = train::grid_search(grid, fails, {.tolerate = true});
  CHECK(found.best == 4);
  const auto none = train::grid_search(grid, [](const train::trial&) { return std::nan(""); }, {});
  CHECK(none.best == -1);
  CHECK_THROWS_WITH_AS(none.best_trial(), "[search] expected a trial with a score, got none among 6", state_error);
}

TEST_CASE("search: goes on where it was killed, and keeps the best model") {
  for (const int kind : {0, 1, 2}) {
    const temporary_folder folder;
    int calls = 0, kill_at = -1;
    const auto score = [&](const train::trial& t) {
      if (++calls == kill_at) throw std::runtime_error("killed");
      nn::dense<float> net{{.in = 1, .out = 1, .bias = false}};
      net.weight.assign(full<float>({1, 1}, static_cast<float>(t.value("x"))));
      if (!t.model_path.empty()) io::save(net, t.model_path);
      if (!t.checkpoint_path.empty()) write_bytes(t.checkpoint_path, "state");
      return parabola(t) / static_cast<double>(t.epochs);
    };
    const train::space options{{"x", kind == 0 ? train::choice({-0.5, 0, 0.25, 0.5}) : train::uniform(-1, 1)}};
    const auto search = [&](const std::string& path) {
      const train::search_config config{.epochs = 4, .trials = 5, .reduction = 2, .folder = path};
      return kind == 0   ? train::grid_search(options, score, config)
             : kind == 1 ? train::random_search(options, score, config)
                         : train::successive_halving(options, score, config);
    };
    const std::string whole = text_of(search(""));
    const int all = calls;
    for (int i = 0; i < all; ++i) {
      calls = 0;
      kill_at = 2;
      if (i < all - 1) CHECK_THROWS_AS(search(folder.path()), std::runtime_error);
    }
    calls = 0;
    const auto found = search(folder.path());
    CHECK(text_of(found) == whole);
    CHECK(calls == 1);  // all others were known
    CHECK(folder.names() == std::vector<std::string>{"best.safetensors", "trials.csv"});
    CHECK(found.model_path == folder / "best.safetensors");
    nn::dense<float> best{{.in = 1, .out = 1, .bias = false}};
    io::load(best, found.model_path);
    CHECK(best.weight.value().item() == static_cast<float>(found.best_trial().trial.value("x")));

    CHECK_THROWS_WITH_AS(train::random_search(grid, score, {.folder = folder.path()}),
                         doctest::Contains("give each search a folder of its own"), io_error);
    if (kind == 1)
      CHECK_THROWS_AS(train::random_search(options, score, {.epochs = 4, .seed = 9, .folder = folder.path()}),
                      io_error);
  }
}

TEST_CASE("search: fit goes on with a trial's checkpoint, so halving trains each epoch once") {
  const temporary_folder folder;
  std::int64_t steps = 0;
  const auto found = train::successive_halving(
      {{"rate", train::log_uniform(1e-4, 1e-1)}},
      [&](const train::trial& t) {
        problem p;
        p.optimizer.set_learning_rate(t.value("rate"));
        train::after_step count{[&](train::state&) { ++steps; }};
        const auto end =
            train::fit(p.net, p.optimizer, cross_entropy, p.loader,
                       {.epochs = t.epochs, .checkpoint = {.path = t.checkpoint_path}, .callbacks = {&count}});
        io::save(p.net, t.model_path);
        return end.values[0].value;
      },
      {.epochs = 9, .trials = 9, .folder = folder.path()});
  CHECK(steps == 5 * (9 * 1 + 3 * 2 + 1 * 6));
  CHECK(folder.names() == std::vector<std::string>{"best.safetensors", "trials.csv"});
}

TEST_CASE("search: settings that make no sense") {
  const auto one = [](const train::trial&) { return 1.0; };
  CHECK_THROWS_WITH_AS(train::random_search({}, one), "[search] expected a space with options, got none", value_error);
  CHECK_THROWS_WITH_AS(train::random_search(line, {}), "[search] expected an objective, got an empty function",
                       value_error);
  CHECK_THROWS_WITH_AS(train::random_search({{"a", train::choice({1})}, {"a", train::choice({1})}}, one),
                       "[search] expected names that differ, and not trial, epochs or score, got a", value_error);
  CHECK_THROWS_AS(train::random_search({{"score", train::choice({1})}}, one), value_error);
  CHECK_THROWS_WITH_AS(
      train::random_search(line, one, {.trials = 0}),
      "[search] expected .epochs, .trials and .min_epochs of 1 or more and .reduction of 2 or more, got "
      "1, 0, 1 and 3",
      value_error);
  CHECK_THROWS_AS(train::random_search(line, one, {.epochs = 0}), value_error);
  CHECK_THROWS_AS(train::random_search(line, one, {.reduction = 1}), value_error);
  CHECK_THROWS_AS(train::random_search(line, one, {.folder = "/nowhere/at/all"}), io_error);
}
