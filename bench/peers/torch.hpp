// libtorch's C++ interface: single operations, and the networks of network.hpp.
#pragma once

#include <string>

#include "view.hpp"

namespace bench {

// y of an operation, and with dy the gradients of the operands too. Operations and what they take beside x:
//   conv2d (w, b; at) · max_pool2d (at) · batch_norm (w, b, in training) · layer_norm (w, b) · softmax · linear (w, b)
//   tanh sigmoid exp gelu gelu_tanh relu · add (another)
contestant torch_operation(const std::string& name, const std::vector<view>& operands, const view& dy,
                           const window& at = {1});

// A step of Adam at its defaults on one array of weights.
contestant torch_adam(const view& weights, const view& gradient);

}  // namespace bench
