// Search for the options that give the best score: all of them, some at random, or many of which the better ones train
// on (successive halving: Jamieson and Talwalkar, 2016).
//
//   const auto found = train::random_search(space, [&](const train::trial& t) {
//     model net{{.width = t.integer("width")}};
//     …fit with .epochs = t.epochs and .checkpoint = {.path = t.checkpoint_path}…
//     if (!t.model_path.empty()) io::save(net, t.model_path);
//     return accuracy;
//   }, {.maximize = true, .trials = 20, .folder = "search"});
//
// With a folder every score is on disk (trials.csv) as soon as it is known: a killed search goes on where it was, and
// the model of the best trial is kept there (best.safetensors).
#pragma once

#include <algorithm>
#include <cstdio>
#include <functional>
#include <optional>

#include "../data/csv.hpp"
#include "space.hpp"

namespace inlay::inline v0_1::train {

struct search_config {
  bool maximize = false;        // an accuracy; otherwise a loss
  std::int64_t epochs = 1;      // that a trial may train
  std::int64_t trials = 20;     // of random_search and successive_halving
  std::int64_t min_epochs = 1;  // of successive_halving: what all trials train
  std::int64_t reduction = 3;   // of successive_halving: one of so many trains on, so many times as long
  std::uint64_t seed = 0;       // of what is drawn
  std::string folder = {};      // must exist; empty: nothing is written
  bool tolerate = false;        // an inlay::error ends its trial only, which has the worst score then
  std::function<void(const trial&, double)> watch = {};  // sees each new trial and its score
};

struct scored_trial {
  train::trial trial;
  double score;  // NaN: it failed
};

struct search_result {
  std::vector<scored_trial> trials;  // in the order they were made
  std::int64_t best;                 // in `trials`; -1: none has a score
  std::string model_path;            // of the best trial, if it saved one

  // Throws state_error when no trial has a score.
  const scored_trial& best_trial() const {
    if (best < 0) throw state_error("search", {"expected a trial with a score, got none among ", trials.size()});
    return trials[static_cast<std::size_t>(best)];
  }
};

// The score of a trial; NaN is the worst.
using objective = std::function<double(const trial&)>;

namespace detail {

class searcher {
 public:
  searcher(const space& options, const objective& score, const search_config& config)
      : options_(std::make_shared<space>(options)), score_(score), config_(config) {
    if (options.empty()) throw value_error("search", {"expected a space with options, got none"});
    if (!score) throw value_error("search", {"expected an objective, got an empty function"});
    if (config.epochs < 1 || config.trials < 1 || config.min_epochs < 1 || config.reduction < 2)
      throw value_error("search",
                        {"expected .epochs, .trials and .min_epochs of 1 or more and .reduction of 2 or more, "
                         "got ",
                         config.epochs, ", ", config.trials, ", ", config.min_epochs, " and ", config.reduction});
    for (const option& o : options) {
      if (std::find(names_.begin(), names_.end(), o.name) != names_.end())
        throw value_error("search", {"expected names that differ, and not trial, epochs or score, got ", o.name});
      names_.push_back(o.name);
    }
    if (!config.folder.empty() && io::exists(path("trials.csv"))) read();
  }

  // Scores a choice, unless that was done before; its place among the trials.
  std::size_t run(std::int64_t number, std::int64_t epochs, const std::vector<std::string>& values) {
    trial t(number, epochs, options_, values);
    if (!config_.folder.empty()) {
      t.model_path = path("trial-" + std::to_string(number) + ".safetensors");
      t.checkpoint_path = path("trial-" + std::to_string(number) + ".checkpoint");
    }
    const std::optional<double> known = find(t);
    const double score = known ? *known : measure(t);
    const std::size_t place = result.trials.size();
    result.trials.push_back({std::move(t), score});
    const bool best =
        result.best < 0 ? !inlay::detail::is_nan(score) : better(place, static_cast<std::size_t>(result.best));
    if (best) result.best = static_cast<std::int64_t>(place);
    if (!known) keep(result.trials.back(), best);
    return place;
  }

  // Of a trial that trains no more.
  void drop(std::size_t place) const {
    if (!config_.folder.empty()) std::remove(result.trials[place].trial.checkpoint_path.c_str());
  }

  // A better score, or any after more epochs. Of equal ones the first is better.
  bool better(std::size_t left, std::size_t right) const {
    const scored_trial &a = result.trials[left], &b = result.trials[right];
    if (inlay::detail::is_nan(a.score) || inlay::detail::is_nan(b.score)) return !inlay::detail::is_nan(a.score);
    if (a.trial.epochs != b.trial.epochs) return a.trial.epochs > b.trial.epochs;
    return config_.maximize ? a.score > b.score : a.score < b.score;
  }

  search_result take() {
    if (!config_.folder.empty() && io::exists(path("best.safetensors"))) result.model_path = path("best.safetensors");
    return std::move(result);
  }

  search_result result{.trials = {}, .best = -1, .model_path = {}};

 private:
  std::string path(const std::string& name) const { return config_.folder + "/" + name; }

  double measure(const trial& t) const {
    double score = std::numeric_limits<double>::quiet_NaN();
    try {
      score = score_(t);
    } catch (const error&) {
      if (!config_.tolerate) throw;
    }
    if (config_.watch) config_.watch(t, score);
    return score;
  }

  // First the model, then the line that says it is done: whenever this is killed, nothing is lost.
  void keep(const scored_trial& done, bool best) {
    if (config_.folder.empty()) return;
    const std::string &model = done.trial.model_path, kept = path("best.safetensors");
    if (best && io::exists(model) && std::rename(model.c_str(), kept.c_str()) != 0)
      io::detail::fail("write", kept, errno);
    add_row(done.trial, exact_text(done.score));
    data::write_csv(table_, path("trials.csv"));
    std::remove(model.c_str());
  }

  void add_row(const trial& t, const std::string& score) {
    if (table_.names.empty()) {
      table_.names = names_;
      table_.columns.resize(names_.size());
    }
    std::vector<std::string> row{std::to_string(t.number), std::to_string(t.epochs), score};
    row.insert(row.end(), t.values().begin(), t.values().end());
    for (std::size_t i = 0; i < row.size(); ++i) table_.columns[i].push_back(row[i]);
  }

  void read() {
    table_ = data::read_csv_text(path("trials.csv"), {.header = true});
    if (table_.names != names_) other_search();
  }

  // The score of an earlier run. Throws io_error when it was of another choice.
  std::optional<double> find(const trial& t) const {
    for (std::size_t row = 0; row < static_cast<std::size_t>(table_.rows()); ++row) {
      if (table_.columns[0][row] != std::to_string(t.number) || table_.columns[1][row] != std::to_string(t.epochs))
        continue;
      for (std::size_t i = 0; i < t.values().size(); ++i)
        if (table_.columns[i + 3][row] != t.values()[i]) other_search();
      const std::string& text = table_.columns[2][row];
      double score = std::numeric_limits<double>::quiet_NaN();
      std::from_chars(text.data(), text.data() + text.size(), score);
      return score;
    }
    return {};
  }

  [[noreturn]] void other_search() const {
    throw io_error("search", {"expected the trials of this search in ", path("trials.csv"),
                              ", got those of other options or another seed; give each search a folder of its own"});
  }

  std::shared_ptr<const space> options_;
  const objective& score_;
  const search_config& config_;
  std::vector<std::string> names_{"trial", "epochs", "score"};  // of the columns of trials.csv
  data::text_table table_;
};

// Different choices, as long as there are any.
template <class = void>  // compiled only where it is used
std::vector<std::vector<std::string>> draw(const space& options, std::int64_t count, std::uint64_t seed) {
  std::vector<std::vector<std::string>> out;
  for (std::int64_t i = 0; i < count; ++i) {
    random::generator g(seed, static_cast<std::uint64_t>(i));
    std::vector<std::string> values;
    for (int attempt = 0; attempt < 64; ++attempt) {
      values.clear();
      for (const option& o : options) values.push_back(o.values.draw(g));
      if (std::find(out.begin(), out.end(), values) == out.end()) break;
    }
    out.push_back(std::move(values));
  }
  return out;
}

}  // namespace detail

// Every choice there is; the last option changes fastest. Throws value_error for a range of floating-point numbers, and
// what all searches throw: value_error for settings that make no sense, io_error for files, and what the objective
// throws.
template <class = void>  // compiled only where it is used
search_result grid_search(const space& options, const objective& score, const search_config& config = {}) {
  detail::searcher search(options, score, config);
  for (const option& o : options)
    if (o.values.count() == 0)
      throw value_error("grid_search", {"expected options that are choices or integers, got a range as ", o.name});
  std::vector<std::int64_t> at(options.size(), 0);
  for (std::int64_t number = 0;; ++number) {
    std::vector<std::string> values;
    for (std::size_t i = 0; i < at.size(); ++i) values.push_back(options[i].values.text(at[i]));
    search.drop(search.run(number, config.epochs, values));
    std::size_t i = at.size();
    while (i > 0 && ++at[i - 1] == options[i - 1].values.count()) at[--i] = 0;
    if (i == 0) return search.take();
  }
}

// .trials choices at random.
template <class = void>  // compiled only where it is used
search_result random_search(const space& options, const objective& score, const search_config& config = {}) {
  detail::searcher search(options, score, config);
  const auto drawn = detail::draw(options, config.trials, config.seed);
  for (std::size_t i = 0; i < drawn.size(); ++i)
    search.drop(search.run(static_cast<std::int64_t>(i), config.epochs, drawn[i]));
  return search.take();
}

// .trials choices at random train .min_epochs; the best 1/.reduction of them go on to .reduction times as many, and so
// on up to .epochs. With a folder, fit goes on from t.checkpoint_path; without, a trial begins anew each time.
template <class = void>  // compiled only where it is used
search_result successive_halving(const space& options, const objective& score, const search_config& config = {}) {
  detail::searcher search(options, score, config);
  const auto drawn = detail::draw(options, config.trials, config.seed);
  std::vector<std::int64_t> alive;
  for (std::int64_t i = 0; i < config.trials; ++i) alive.push_back(i);
  for (std::int64_t epochs = std::min(config.min_epochs, config.epochs);;) {
    std::vector<std::size_t> places;
    for (const std::int64_t i : alive) places.push_back(search.run(i, epochs, drawn[static_cast<std::size_t>(i)]));
    std::stable_sort(places.begin(), places.end(), [&](std::size_t a, std::size_t b) { return search.better(a, b); });
    const bool last = epochs == config.epochs;
    const std::size_t left =
        last ? 0 : std::max<std::size_t>(1, places.size() / static_cast<std::size_t>(config.reduction));
    alive.clear();
    for (std::size_t i = 0; i < places.size(); ++i)
      if (i < left)
        alive.push_back(search.result.trials[places[i]].trial.number);
      else
        search.drop(places[i]);
    if (last) return search.take();
    epochs = alive.size() == 1 || epochs > config.epochs / config.reduction ? config.epochs : epochs * config.reduction;
  }
}

}  // namespace inlay::inline v0_1::train
