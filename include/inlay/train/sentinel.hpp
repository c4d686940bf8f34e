// Ends a run at the first number that is infinite or none, before the weights take it up, and says where it came from.
// The weights stay as the step before left them, and so does the checkpoint.
#pragma once

#include "../graph/record.hpp"
#include "callback.hpp"
#include "finite.hpp"

namespace inlay::inline v0_1::train {

struct sentinel_config {
  std::int64_t every = 1;  // steps from one look at all gradients to the next; the loss is looked at in each
};

// In: element type of the model's input. For a model with several inputs it names weights, not layers.
template <module M, element In = float> class sentinel final : public callback {
 public:
  // The model must live as long as this. Throws value_error for an interval below 1.
  explicit sentinel(const M& net, const sentinel_config& config = {}) : net_(net), config_(config) {
    if (config.every < 1) throw value_error("sentinel", {"expected .every of 1 or more, got ", config.every});
  }

  // Throws state_error.
  void before_step(state& run) override {
    const bool bad_loss = !inlay::detail::is_finite(run.loss);
    if (!bad_loss && run.step % config_.every != 0) return;
    const std::string gradient = detail::first_bad(run.model, detail::part_of_weight::gradient);
    if (!bad_loss && gradient.empty()) return;
    const std::string found = bad_loss ? "a loss that is not" : "others in the gradient of " + gradient;
    throw state_error("sentinel", {"expected finite numbers, got ", found, " in step ", run.step + 1, " (epoch ",
                                   run.epoch + 1, ", batch ", run.batch, "); ", origin(run),
                                   "; the weights are as before this step. Is the learning rate too high?"});
  }

 private:
  // Where the first bad number of the forward pass is.
  INLAY_COLD std::string origin(const state& run) const {
    if (const std::string weight = detail::first_bad(run.model, detail::part_of_weight::value); !weight.empty())
      return "it is in the weight " + weight;
    if (run.inputs.size() != 1 || run.inputs[0].type() != dtype_of<In>) return "the weights are finite";
    if (!detail::all_finite(run.inputs[0])) return "it is in the batch";
    const graph::record forward(net_, run.inputs[0].as<In>());
    std::string place;
    const auto produced = [&](const graph::step& s) {
      return "it is what " + (s.path.empty() ? std::string("the model") : s.path) + " gives (" + s.op->name() + ")";
    };
    const auto outputs =
        forward.run({run.inputs[0]}, [&](const graph::step& here, std::span<const any_tensor> operands) {
          for (std::size_t i = 0; i < operands.size() && place.empty(); ++i)
            if (!detail::all_finite(operands[i]))
              for (const graph::step& s : forward.steps())
                if (s.result == here.operands[i]) place = produced(s);
        });
    if (place.empty() && !detail::all_finite(outputs[0])) place = produced(forward.steps().back());
    return place.empty() ? "the model gives finite numbers" : place;
  }

  const M& net_;
  sentinel_config config_;
};

}  // namespace inlay::inline v0_1::train
