// One step of a gated recurrent unit; the caller holds the state (see recurrent.hpp).
//   r, z = sigmoid(x W^T + b_ih + h U^T + b_hh);  h' = (1 - z) n + z h
//   n = tanh(x W_n^T + b_ih + r (h U_n^T + b_hh)), or with .reset_before tanh(x W_n^T + b_ih + (r h) U_n^T + b_hh)
// x (N, in), h (N, hidden); weights (3 hidden, …) in the order r, z, n, as in PyTorch.
// Cho and others, Learning Phrase Representations using RNN Encoder-Decoder, 2014.
#pragma once

#include "../ops/gru.hpp"
#include "recurrent.hpp"

namespace inlay::inline v0_1::nn {

struct gru_cell_config {
  std::int64_t in = 0;      // features of the input; required
  std::int64_t hidden = 0;  // features of the state; required
  bool bias = true;
  bool reset_before = false;  // the reset comes before the product of h, as in the paper; else as in PyTorch
};

template <floating T = float> class gru_cell : public recurrent_cell<T, gru_rule, recurrent_state> {
 public:
  // Throws value_error when a size is missing.
  explicit gru_cell(const gru_cell_config& c)
      : recurrent_cell<T, gru_rule, recurrent_state>("gru_cell", c.in, c.hidden, c.bias, {c.reset_before}) {}
};

}  // namespace inlay::inline v0_1::nn
