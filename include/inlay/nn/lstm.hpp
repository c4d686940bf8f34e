// Long short-term memory over sequences, in one or both directions, in layers (see recurrent.hpp).
//   i, f, o = sigmoid(…), g = tanh(…) of x W_ih^T + b_ih + h W_hh^T + b_hh;  c' = f c + i g;  h' = o tanh(c')
// Gates are in the order i, f, g, o, as in PyTorch.
// Hochreiter and Schmidhuber, Long Short-Term Memory, 1997; peepholes: Gers and Schmidhuber, 2000.
#pragma once

#include "../ops/lstm.hpp"
#include "recurrent.hpp"

namespace inlay::inline v0_1::nn {

// Whether gates see the cell: i and f the one before the step, o the new one; each element by a weight of its own
// (diagonal), or all by a matrix.
enum class peepholes { none, diagonal, matrix };

struct lstm_config {
  std::int64_t in = 0;      // features of the input; required
  std::int64_t hidden = 0;  // features of the state; required
  std::int64_t layers = 1;
  bool bias = true;
  bool bidirectional = false;
  nn::peepholes peepholes = nn::peepholes::none;
  bool coupled = false;         // f is 1 - i: three gates, i, g, o
  std::int64_t projection = 0;  // features that h is projected to; 0: it is not
  bool batch_first = false;     // x and y are (N, T, …)
  double dropout = 0;           // between layers, while training
  double forget_bias = 0;       // added to what the bias of f starts with; 1: nothing is forgotten at first
};

template <floating T = float> class lstm : public recurrent<T, lstm_rule, lstm_state> {
 public:
  // Throws value_error when a size is missing, or when there is a forget_bias and no bias or no f.
  explicit lstm(const lstm_config& config)
      : recurrent<T, lstm_rule, lstm_state>(shared(config), {config.coupled}), config_(config) {
    if (config.forget_bias == 0) return;
    if (!config.bias || config.coupled)
      throw value_error("lstm",
                        {"expected .bias, and gates that are not coupled, for a .forget_bias of ", config.forget_bias});
    distribution rule = init::fan_in_uniform(config.hidden);
    rule.shift = config.forget_bias;
    rule.shift_first = config.hidden;
    rule.shift_last = 2 * config.hidden;
    for (recurrent_weights<T>& cell : this->cells) cell.bias_ih = parameter<T>(shape{4 * config.hidden}, rule);
  }

  const lstm_config& config() const noexcept { return config_; }

 private:
  static recurrent_config shared(const lstm_config& c) {
    if (c.projection < 0 || (c.projection >= c.hidden && c.projection > 0))
      throw value_error("lstm", {"expected a .projection to less than .hidden, ", c.hidden, ", got ", c.projection});
    const std::int64_t looking = c.coupled ? 2 : 3;
    return {c.in,
            c.hidden,
            c.layers,
            c.bias,
            c.bidirectional,
            c.batch_first,
            c.dropout,
            c.projection > 0 ? c.projection : c.hidden,
            c.peepholes == peepholes::none       ? shape{0}
            : c.peepholes == peepholes::diagonal ? shape{looking, c.hidden}
                                                 : shape{looking * c.hidden, c.hidden}};
  }

  lstm_config config_;
};

}  // namespace inlay::inline v0_1::nn
