// libtorch's C++ interface: single operations, and the networks of network.hpp.
#pragma once

#include <string>

#include "view.hpp"

namespace bench {

// y of an operation, and with dy the gradients of the operands too. Operations and what they take beside x:
//   conv2d (w, b; at) · max_pool2d (at) · batch_norm (w, b, in training) · layer_norm (w, b) · softmax · linear (w, b)
//   tanh sigmoid exp gelu gelu_tanh relu · add (another) · lstm, gru (w_ih, w_hh, b_ih, b_hh; from a state of zeros)
contestant torch_operation(const std::string& name, const std::vector<view>& operands, const view& dy,
                           const window& at = {1});

// softmax(q k^T / sqrt(size)) v with all scores at once: q, k, v (N, T, heads size), apart by heads beforehand.
contestant torch_attention(const view& q, const view& k, const view& v, std::int64_t heads);

// Attention of a sequence to itself between dense layers: x (N, T, in), weight and bias of queries, keys, values and
// what follows. `native`: the one operation that is made for inference, with the first three layers in one.
contestant torch_multi_head_attention(const std::vector<view>& operands, const view& dy, std::int64_t heads,
                                      bool native);

// A step of one sequence and a dense layer over its output; the next call goes on from the state that this one left.
//   x (1, 1, in); w_ih, w_hh, b_ih, b_hh; weight and bias of the layer
contestant torch_lstm_step(const view& x, const std::vector<view>& cell, const view& weight, const view& bias);

// A step of Adam at its defaults on one array of weights.
contestant torch_adam(const view& weights, const view& gradient);

}  // namespace bench
