// What recording means: a tape owns the random stream that dropout draws from, the mode, and the statistics that
// layers such as batch normalisation have seen but not yet applied.
#pragma once

#include <vector>

#include "cell.hpp"

namespace inlay::inline v0_1 {

template <element T> class variable;

namespace autograd {

// train: dropout drops, statistics are gathered. infer: gradients of exactly what a tensor input computes.
enum class mode { train, infer };

struct tape_config {
  std::uint64_t seed = 0;
  autograd::mode mode = autograd::mode::train;
};

}  // namespace autograd

namespace detail {

class tape_state {
 public:
  explicit tape_state(const autograd::tape_config& config) : random(config.seed), mode(config.mode) {}

  void acquire() noexcept { ++owners_; }
  void release() noexcept {
    if (--owners_ == 0) end();
  }

  // A running statistic seen in a forward pass. A cell that is queued again before it was applied keeps its place;
  // the new value replaces the old one.
  template <class T> void queue(counted<cell<T>> into, tensor<T> value) {
    for (update& pending : queued_)
      if (pending.into.get() == into.get()) {
        pending.value = counted<cell_base>(new cell<T>(std::move(value)));
        return;
      }
    queued_.push_back({std::move(into), counted<cell_base>(new cell<T>(std::move(value)))});
  }

  INLAY_OUTLINE void apply_statistics() {
    for (update& pending : queued_) pending.into->assign_from(*pending.value);
    queued_.clear();
  }

  random::generator random;
  const autograd::mode mode;

 private:
  INLAY_COLD void end() noexcept { delete this; }

  struct update {
    counted<cell_base> into, value;
  };
  std::vector<update> queued_;
  std::uint32_t owners_ = 0;
};

}  // namespace detail

namespace autograd {

// Use one tape per thread. It may be used for any number of steps, and its variables may outlive it.
class tape {
 public:
  explicit tape(const tape_config& config = {}) : state_(new detail::tape_state(config)) {}
  tape(tape&&) noexcept = default;
  tape& operator=(tape&&) noexcept = default;

  // A variable without a gradient: batches, token ids.
  template <element T> variable<T> input(tensor<T> value) const;

  // A variable whose gradient is wanted: attributions, inputs that are optimised.
  template <floating T> variable<T> leaf(tensor<T> value) const;

  // Applies the running statistics gathered since the last backward(), which does the same.
  void apply_statistics() { state_->apply_statistics(); }

  autograd::mode mode() const noexcept { return state_->mode; }

  // The stream dropout draws from.
  random::generator& random() noexcept { return state_->random; }

  // A tape is a module: io::save keeps where its random numbers are.
  static void members(auto& self, auto&& visit) { visit("random", self.state_->random); }

 private:
  detail::counted<detail::tape_state> state_;
};

}  // namespace autograd

}  // namespace inlay::inline v0_1
