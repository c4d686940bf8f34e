// A plain recurrent net over sequences, in one or both directions, in layers (see recurrent.hpp).
//   h' = tanh(x W_ih^T + b_ih + h W_hh^T + b_hh), or max(…, 0)
// Elman, Finding Structure in Time, 1990.
#pragma once

#include "../ops/rnn.hpp"
#include "recurrent.hpp"

namespace inlay::inline v0_1::nn {

struct rnn_config {
  std::int64_t in = 0;      // features of the input; required
  std::int64_t hidden = 0;  // features of the state; required
  std::int64_t layers = 1;
  bool bias = true;
  bool bidirectional = false;
  bool relu = false;         // max(…, 0) in place of tanh
  bool batch_first = false;  // x and y are (N, T, …)
  double dropout = 0;        // between layers, while training
};

template <floating T = float> class rnn : public recurrent<T, rnn_rule, recurrent_state> {
 public:
  // Throws value_error when a size is missing.
  explicit rnn(const rnn_config& c)
      : recurrent<T, rnn_rule, recurrent_state>(
            {c.in, c.hidden, c.layers, c.bias, c.bidirectional, c.batch_first, c.dropout, c.hidden, shape{0}},
            {c.relu}),
        config_(c) {}

  const rnn_config& config() const noexcept { return config_; }

 private:
  rnn_config config_;
};

}  // namespace inlay::inline v0_1::nn
