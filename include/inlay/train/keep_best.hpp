// Keeps the weights of the epoch whose measure was best: in a file, and for the end of the run.
#pragma once

#include "../io/save.hpp"
#include "best.hpp"

namespace inlay::inline v0_1::train {

struct keep_best_config {
  std::string monitor = "val_loss";
  bool maximize = false;  // of an accuracy; otherwise of a loss
  std::string path = {};  // the model is saved there each time it is better; empty: only kept in memory
  bool restore = true;    // the model has the best weights again when the run ends
};

class keep_best final : public callback {
 public:
  // Of the model that is trained.
  explicit keep_best(const keep_best_config& config = {}) : config_(config), best_(config.maximize) {}

  // Of another one, such as an average, which must live as long as this.
  template <module M> keep_best(const M& model, const keep_best_config& config) : keep_best(config) {
    model_ = members_of(model);
    trained_ = false;
  }

  void start(state& run) override {
    best_ = detail::best_value(config_.maximize);
    epoch_ = 0;
    if (trained_) model_.assign(run.model.begin(), run.model.end());
    kept_.clear();
    if (config_.restore)
      for (const member& m : model_) kept_.push_back(m.cell ? m.cell->like(0) : cell());
  }

  void after_epoch(state& run) override {
    if (!best_.take(run.value(config_.monitor))) return;
    epoch_ = run.epoch;
    for (std::size_t i = 0; i < kept_.size(); ++i)
      if (kept_[i]) kept_[i]->assign_from(*model_[i].cell);  // shares the memory until a step writes
    if (!config_.path.empty()) io::save_tensors(io::detail::gather(model_, {}), config_.path);
  }

  void finish(state&) override {
    if (!best_.any()) return;
    for (std::size_t i = 0; i < kept_.size(); ++i)
      if (kept_[i]) model_[i].cell->assign_from(*kept_[i]);
  }

  // Of the best epoch, which is counted from 1; 0 before there is one.
  double value() const noexcept { return best_.value(); }
  std::int64_t epoch() const noexcept { return epoch_; }

  void keep(member_visitor& visit) override {
    visit("best", best_);
    visit("epoch", epoch_);
    for (std::size_t i = 0; i < kept_.size(); ++i)
      if (kept_[i]) visit("weights." + model_[i].path, kept_[i]);
  }

 private:
  using cell = inlay::detail::counted<inlay::detail::cell_base>;

  keep_best_config config_;
  detail::best_value best_;
  std::int64_t epoch_ = 0;
  bool trained_ = true;  // its model is the one that the run trains
  std::vector<member> model_;
  std::vector<cell> kept_;  // one for each member that has a cell
};

}  // namespace inlay::inline v0_1::train
