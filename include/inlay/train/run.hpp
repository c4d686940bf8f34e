// What fit does between the batches: counts, steps of the optimiser, callbacks, checkpoints.
#pragma once

#include "../autograd/tape.hpp"
#include "../io/bundle.hpp"
#include "../io/save.hpp"
#include "../optim/clip.hpp"
#include "callback.hpp"
#include "evaluate.hpp"
#include "finite.hpp"
#include "kept.hpp"

namespace inlay::inline v0_1::train {

// A file with everything that the rest of a run depends on: weights, optimiser, random numbers, the loader's position,
// what the callbacks keep. It is replaced as a whole or not at all.
struct checkpoint_config {
  std::string path = {};         // empty: none is written
  std::int64_t every_steps = 0;  // of the optimiser; 0: only after each epoch
  bool resume = true;            // go on from the file if there is one
};

struct fit_config {
  std::int64_t epochs = 1;      // in all: a run that goes on trains those that are left
  std::uint64_t seed = 0;       // of the random numbers that dropout draws
  std::int64_t accumulate = 1;  // batches whose gradients make one step; their mean counts
  double clip_norm = 0;         // largest norm of all gradients together; 0: any
  double clip_value = 0;        // largest absolute value in a gradient; 0: any
  checkpoint_config checkpoint = {};
  std::vector<callback*> callbacks = {};  // in this order; they must outlive the call
};

// How a run ended.
struct summary {
  std::int64_t epochs;          // that it has trained, those before a resumption included
  std::int64_t steps;           // of the optimiser
  std::vector<measure> values;  // of the last epoch
  std::string stopped;          // by whom and why it ended early; empty: it did not
};

namespace detail {

class run {
 public:
  run(const fit_config& config, std::vector<member> model, optim::optimizer& optimizer)
      : config_(config), model_(std::move(model)), now{.optimizer = optimizer, .model = model_} {
    const auto bad = [](double limit) { return inlay::detail::is_nan(limit) || limit < 0; };
    if (config.epochs < 0 || config.accumulate < 1 || bad(config.clip_norm) || bad(config.clip_value))
      throw value_error("fit",
                        {"expected .epochs, .clip_norm and .clip_value of 0 or more and .accumulate of 1 or "
                         "more, got ",
                         config.epochs, ", ", config.clip_norm, ", ", config.clip_value, " and ", config.accumulate});
    if (config.checkpoint.every_steps < 0)
      throw value_error("fit", {"expected .every_steps of 0 or more, got ", config.checkpoint.every_steps});
    for (const callback* c : config.callbacks)
      if (c == nullptr) throw value_error("fit", {"expected .callbacks that are there, got a null pointer"});
    now.epochs = config.epochs;
  }

  // A part of the checkpoint.
  void add(io::bundle::part part) { parts_.add(std::move(part)); }

  void start() {
    now.optimizer.zero_grad();  // of a run that an exception ended
    add({"fit", *this});
    for (callback* c : config_.callbacks) c->start(now);
    std::int64_t number = 0;
    for (callback* c : config_.callbacks)
      if (!members_of(*c).empty()) add({"callbacks." + std::to_string(number++), *c});
    const checkpoint_config& file = config_.checkpoint;
    if (!file.path.empty() && file.resume && io::exists(file.path)) resume(file.path);
  }

  bool next_epoch() const noexcept { return now.epoch < now.epochs && now.stopped.empty(); }

  void see(any_tensor inputs) {
    inputs_ = std::move(inputs);
    now.inputs = {&inputs_, 1};
  }

  // The part that a batch has in the gradients of a step.
  double share() const noexcept { return 1 / static_cast<double>(config_.accumulate); }

  // After the backward pass of a batch. False when the run is to end.
  bool take(double loss, std::int64_t rows) {
    epoch_loss_.add(loss, rows);
    step_loss_.add(loss, 1);
    tell_progress(now.batch + 1);
    if (++pending_ < config_.accumulate) return true;
    step();
    const std::int64_t every = config_.checkpoint.every_steps;
    if (!now.stopped.empty() || (every > 0 && now.step % every == 0)) save();
    return now.stopped.empty();
  }

  void end_epoch(const std::vector<measure>& metrics) {
    if (pending_ > 0) {  // fewer batches than make a step: their mean counts just so
      const double whole = static_cast<double>(config_.accumulate) / static_cast<double>(pending_);
      inlay::detail::change_gradients(model_, kernels::scale{whole});
      step();
    }
    now.values = {{"loss", epoch_loss_.value()}};
    now.values.insert(now.values.end(), metrics.begin(), metrics.end());
    ++now.epoch;
    for (callback* c : config_.callbacks) c->after_epoch(now);
    epoch_loss_ = {};
    tell_progress(0);
    save();
  }

  summary finish() {
    for (callback* c : config_.callbacks) c->finish(now);
    return {now.epoch, now.step, now.values, now.stopped};
  }

  static void members(auto& self, auto&& visit) {
    visit("epoch", self.now.epoch);
    visit("batch", self.now.batch);
    visit("step", self.now.step);
    visit("loss_sum", self.epoch_loss_.sum);
    visit("rows", self.epoch_loss_.rows);
    visit("values", self.kept_values_);
  }

 private:
  void tell_progress(std::int64_t batch) noexcept {
    now.batch = batch;
    now.rows = epoch_loss_.rows;
    now.epoch_loss = epoch_loss_.value();
  }

  void step() {
    pending_ = 0;
    now.loss = step_loss_.value();
    step_loss_ = {};
    for (callback* c : config_.callbacks) c->before_step(now);
    if (config_.clip_value > 0) inlay::detail::clip_grad_value(model_, config_.clip_value);
    if (config_.clip_norm > 0) inlay::detail::clip_grad_norm(model_, config_.clip_norm, {});
    now.optimizer.step();
    now.optimizer.zero_grad();
    ++now.step;
    for (callback* c : config_.callbacks) c->after_step(now);
  }

  void save() {
    if (config_.checkpoint.path.empty()) return;
    if (const std::string bad = first_bad(model_, part_of_weight::value); !bad.empty())
      throw state_error("fit", {"expected finite weights to save, got others in ", bad, " after step ", now.step,
                                "; the checkpoint is as it was, and train::sentinel tells more"});
    measure_table values;
    values.add(now.values);
    kept_values_.set(values);
    io::save(parts_, config_.checkpoint.path);
  }

  void resume(const std::string& path) {
    measure_table values;
    try {
      io::load(parts_, path);
      values = kept_values_.get();
    } catch (const io_error& e) {
      throw io_error("fit", {"expected a checkpoint of this run in ", path, ", got: ", e.what(),
                             "; remove it, or pass .resume = false, to begin anew"});
    }
    for (std::size_t i = 0; i < values.names.size() && !values.rows.empty(); ++i)
      now.values.push_back({values.names[i], values.rows[0][i]});
    tell_progress(now.batch);
    for (callback* c : config_.callbacks) c->resume(now);
  }

  const fit_config& config_;
  const std::vector<member> model_;
  io::bundle parts_;
  row_mean epoch_loss_, step_loss_;
  std::int64_t pending_ = 0;  // batches whose gradients are gathered
  any_tensor inputs_;
  kept_table kept_values_;

 public:
  state now;
};

}  // namespace detail

}  // namespace inlay::inline v0_1::train
