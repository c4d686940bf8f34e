// One step of an LSTM; the caller holds the state (see recurrent.hpp).
//   i, f, o = sigmoid(…), g = tanh(…) of x W_ih^T + b_ih + h W_hh^T + b_hh;  c' = f c + i g;  h' = o tanh(c')
// x (N, in), h and c (N, hidden); weights (4 hidden, …) in the order i, f, g, o, as in PyTorch.
// Hochreiter and Schmidhuber, Long Short-Term Memory, 1997.
#pragma once

#include "../ops/lstm.hpp"
#include "recurrent.hpp"

namespace inlay::inline v0_1::nn {

struct lstm_cell_config {
  std::int64_t in = 0;      // features of the input; required
  std::int64_t hidden = 0;  // features of the state; required
  bool bias = true;
};

template <floating T = float> class lstm_cell : public recurrent_cell<T, lstm_rule, lstm_state> {
 public:
  // Throws value_error when a size is missing.
  explicit lstm_cell(const lstm_cell_config& c)
      : recurrent_cell<T, lstm_rule, lstm_state>("lstm_cell", c.in, c.hidden, c.bias, {}) {}
};

}  // namespace inlay::inline v0_1::nn
