// Gated recurrent units over sequences, in one or both directions, in layers (see recurrent.hpp).
//   r, z = sigmoid(x W^T + b_ih + h U^T + b_hh);  h' = (1 - z) n + z h
//   n = tanh(x W_n^T + b_ih + r (h U_n^T + b_hh)), or with .reset_before tanh(x W_n^T + b_ih + (r h) U_n^T + b_hh)
// Gates are in the order r, z, n, as in PyTorch.
// Cho and others, Learning Phrase Representations using RNN Encoder-Decoder, 2014.
#pragma once

#include "../ops/gru.hpp"
#include "recurrent.hpp"

namespace inlay::inline v0_1::nn {

struct gru_config {
  std::int64_t in = 0;      // features of the input; required
  std::int64_t hidden = 0;  // features of the state; required
  std::int64_t layers = 1;
  bool bias = true;
  bool bidirectional = false;
  bool reset_before = false;  // the reset comes before the product of h, as in the paper; else as in PyTorch
  bool batch_first = false;   // x and y are (N, T, …)
  double dropout = 0;         // between layers, while training
};

template <floating T = float> class gru : public recurrent<T, gru_rule, recurrent_state> {
 public:
  // Throws value_error when a size is missing.
  explicit gru(const gru_config& c)
      : recurrent<T, gru_rule, recurrent_state>(
            {c.in, c.hidden, c.layers, c.bias, c.bidirectional, c.batch_first, c.dropout, c.hidden, shape{0}},
            {c.reset_before}),
        config_(c) {}

  const gru_config& config() const noexcept { return config_; }

 private:
  gru_config config_;
};

}  // namespace inlay::inline v0_1::nn
