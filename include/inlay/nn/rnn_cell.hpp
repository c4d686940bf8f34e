// One step of a plain recurrent net; the caller holds the state (see recurrent.hpp).
//   h' = tanh(x W_ih^T + b_ih + h W_hh^T + b_hh), or max(…, 0)
// x (N, in), h (N, hidden); weights (hidden, …), as in PyTorch.
// Elman, Finding Structure in Time, 1990.
#pragma once

#include "../ops/rnn.hpp"
#include "recurrent.hpp"

namespace inlay::inline v0_1::nn {

struct rnn_cell_config {
  std::int64_t in = 0;      // features of the input; required
  std::int64_t hidden = 0;  // features of the state; required
  bool bias = true;
  bool relu = false;  // max(…, 0) in place of tanh
};

template <floating T = float> class rnn_cell : public recurrent_cell<T, rnn_rule, recurrent_state> {
 public:
  // Throws value_error when a size is missing.
  explicit rnn_cell(const rnn_cell_config& c)
      : recurrent_cell<T, rnn_rule, recurrent_state>("rnn_cell", c.in, c.hidden, c.bias, {c.relu}) {}
};

}  // namespace inlay::inline v0_1::nn
