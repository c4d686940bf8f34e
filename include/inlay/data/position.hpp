// Where a loader is: what a checkpoint keeps of it.
#pragma once

#include <utility>

#include "../core/error.hpp"

namespace inlay::inline v0_1::data::detail {

struct loader_position {
  std::int64_t epochs = 0;  // started
  std::int64_t batch = 0;   // batches handed out of the one that runs, or ran when this position was saved
  bool running = false;

  // Begins an epoch; the number of its first batch. `batches` are all it has, where that is known.
  std::int64_t start(std::int64_t batches) {
    if (running) batch = 0;  // beside another epoch
    if (epochs < 0 || batch < 0 || batch > batches || (batch > 0 && epochs == 0)) misfit(batches);
    if (batch == 0) ++epochs;
    running = true;
    return batch;
  }

  [[noreturn]] INLAY_COLD void misfit(std::int64_t batches) const {
    throw state_error("loader", {"expected a position within ", batches, " batches, got batch ", batch, " of epoch ",
                                 epochs, "; was it saved with other data or another batch size?"});
  }

  static void members(auto& self, auto&& visit) {
    visit("epochs", self.epochs);
    visit("batch", self.batch);
  }
};

// An epoch's hand on the position: moves it batch by batch, gives the epoch up when the loop is left. Only the epoch
// that was begun last moves it.
class epoch_mark {
 public:
  explicit epoch_mark(loader_position& of) noexcept : position_(&of), epoch_(of.epochs) {}
  epoch_mark(epoch_mark&& other) noexcept : position_(std::exchange(other.position_, nullptr)), epoch_(other.epoch_) {}
  epoch_mark& operator=(epoch_mark&& other) noexcept {
    std::swap(position_, other.position_);
    std::swap(epoch_, other.epoch_);
    return *this;
  }
  ~epoch_mark() { move(true); }

  void move(bool at_end) noexcept {
    if (position_ == nullptr || position_->epochs != epoch_) return;
    position_->batch = at_end ? 0 : position_->batch + 1;
    position_->running = !at_end;
    if (at_end) position_ = nullptr;  // whoever loads a position now keeps it
  }

 private:
  loader_position* position_;
  std::int64_t epoch_;
};

}  // namespace inlay::inline v0_1::data::detail
