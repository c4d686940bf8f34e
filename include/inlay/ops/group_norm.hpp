// Group normalisation (Wu and He, 2018): mean and variance of the channels of a group, over all places of one sample.
//   y = (x - mean) / sqrt(variance + epsilon) * weight + bias.  x (N, C, …) -> y of the same shape; weight, bias (C,)
// One group: layer normalisation over everything; C groups: instance normalisation (Ulyanov et al., 2016).
#pragma once

#include "arithmetic.hpp"
#include "layer_norm.hpp"
#include "reshape.hpp"

namespace inlay::inline v0_1 {

struct group_norm_options {
  double epsilon = 1e-5;  // keeps the root away from 0
};

// An empty weight counts as 1, an empty bias as 0. Throws shape_error when the groups do not share out the channels.
template <operand X, operand W, operand B>
auto group_norm(const X& x, std::int64_t groups, const W& weight, const B& bias,
                const group_norm_options& options = {}) {
  using T = detail::element_of<X>;
  const shape sizes = x.shape();
  if (sizes.rank() < 2 || groups < 1 || sizes[1] % groups != 0) [[unlikely]]
    throw shape_error("group_norm", {"expected input (N, C, …) with channels that ", groups,
                                     " groups share out evenly, got ", sizes});
  shape per_channel{sizes[1]};
  for (const shape& given : {weight.shape(), bias.shape()})
    if (given.size() > 0 && !(given == per_channel)) [[unlikely]]
      throw shape_error("group_norm", {"expected a weight and a bias (", sizes[1], ",), got ", given});
  for (int axis = 2; axis < sizes.rank(); ++axis) per_channel.append(1);
  auto y = reshape(layer_norm(reshape(x, {sizes[0] * groups, sizes[1] / groups * sizes.count(2, sizes.rank())}),
                              tensor<T>(), tensor<T>(), {.epsilon = options.epsilon}),
                   sizes);
  if (weight.shape().size() > 0) y = std::move(y) * reshape(detail::as_recorded(x, weight), per_channel);
  if (bias.shape().size() > 0) y = std::move(y) + reshape(detail::as_recorded(x, bias), per_channel);
  return y;
}

}  // namespace inlay::inline v0_1
