// What watches a training run: callbacks, which fit() calls in the order they were given, and the state they see.
#pragma once

#include <string>
#include <vector>

#include "../autograd/members.hpp"
#include "../core/any_tensor.hpp"
#include "../optim/optimizer.hpp"

namespace inlay::inline v0_1::train {

// A number with its name: "loss", "val_accuracy".
struct measure {
  std::string name;
  double value;
};

// Where a run is. Callbacks may add measures, and end the run by giving a reason to `stopped`.
struct state {
  optim::optimizer& optimizer;
  std::span<const member> model;
  std::span<const any_tensor> inputs = {};  // of the last batch; empty when the model's call is the caller's own

  std::int64_t epochs = 0;           // to be trained in all
  std::int64_t epoch = 0;            // that have ended
  std::int64_t batches = -1;         // in an epoch; -1: not known
  std::int64_t batch = 0;            // of this epoch that are done
  std::int64_t rows = 0;             // in those batches
  std::int64_t step = 0;             // of the optimiser, in all
  double loss = 0;                   // mean over the batches of the last step
  double epoch_loss = 0;             // mean over the rows of this epoch so far
  std::vector<measure> values = {};  // of the epoch that has ended last
  std::string stopped = {};          // why the run ends here; empty: it does not. Resumed, it goes on

  // The value of a measure. Throws value_error, which lists those there are.
  double value(std::string_view name) const {
    for (const measure& m : values)
      if (m.name == name) return m.value;
    std::string there;
    for (const measure& m : values) there += (there.empty() ? "" : ", ") + m.name;
    if (there.empty()) there = "none, before the first epoch has ended";
    throw value_error("fit", {"expected a measure among ", there, ", got ", name,
                              "; a validation must stand before the callbacks that read what it measures"});
  }
};

// Base of callbacks; each hook does nothing unless it is overridden.
class callback {
 public:
  callback() = default;
  callback(const callback&) = delete;
  callback& operator=(const callback&) = delete;
  virtual ~callback() = default;

  virtual void start(state&) {}        // before anything else
  virtual void resume(state&) {}       // after a checkpoint was loaded, into what keep() lists too
  virtual void before_step(state&) {}  // gradients are there, the weights have not moved yet
  virtual void after_step(state&) {}
  virtual void after_epoch(state&) {}  // the values of this epoch are there
  virtual void finish(state&) {}       // after the last epoch, or an early end; not after an exception

  // Lists, as a module its members, what a run needs to go on where it was.
  virtual void keep(member_visitor&) {}

  static void members(auto& self, auto&& visit) { self.keep(visit); }
};

}  // namespace inlay::inline v0_1::train
