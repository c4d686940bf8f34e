// Convolution layers over one, two or three spatial axes: y = f(x * W + b).
// x (N, in, …) -> y (N, out, …); W (out, in / groups, kernel…), b (out,).
#pragma once

#include "../autograd/members.hpp"
#include "../ops/conv.hpp"
#include "init.hpp"

namespace inlay::inline v0_1::nn {

template <int Axes> struct conv_config {
  std::int64_t in = 0;       // channels of the input; required
  std::int64_t out = 0;      // channels of the output; required
  extents<Axes> kernel = 0;  // one size for all axes, or one for each; required
  extents<Axes> stride = 1;
  paddings<Axes> padding = 0;  // zeros on both sides, or padding::same
  extents<Axes> dilation = 1;
  std::int64_t groups = 1;  // = in: depthwise
  bool bias = true;
  inlay::activation activation = inlay::activation::none;  // applied as y is written
};

template <int Axes, floating T = float> class conv {
 public:
  // Throws value_error when a size is missing or does not fit.
  explicit conv(const conv_config<Axes>& config)
      : options_{config.stride, config.padding, config.dilation, config.groups, config.activation},
        outputs_per_group_(config.groups < 1 ? 0 : config.out / config.groups) {
    const char* name = conv_op<Axes>::name;
    if (config.in < 1 || config.out < 1)
      throw value_error(name, {"expected .in and .out of 1 or more, got ", config.in, " and ", config.out});
    if (config.groups < 1 || config.in % config.groups != 0 || config.out % config.groups != 0)
      throw value_error(name, {"expected .groups that divides .in and .out, got ", config.groups, " for ", config.in,
                               " and ", config.out});
    shape sizes{config.out, config.in / config.groups};
    std::int64_t seen = config.in / config.groups;
    for (const std::int64_t size : config.kernel.sizes) {
      if (size < 1) throw value_error(name, {"expected .kernel of 1 or more, got ", size});
      sizes.append(size);
      seen *= size;
    }
    const distribution rule = init::fan_in_uniform(seen);
    weight = parameter<T>(sizes, rule);
    if (config.bias) bias = parameter<T>(shape{config.out}, rule);
  }

  // Throws shape_error when x does not have `in` channels, or the kernel does not fit into it.
  auto operator()(const auto& x) const {
    conv_options<Axes> options = options_;
    if (options.groups > 1) options.groups = weight.dim(0) / outputs_per_group_;  // groups may have been pruned
    return apply(conv_op<Axes>{options}, x, weight, bias);
  }

  static void members(auto& self, auto&& visit) {
    visit("weight", self.weight);
    visit("bias", self.bias);
  }

  parameter<T> weight, bias;

 private:
  conv_options<Axes> options_;
  std::int64_t outputs_per_group_;
};

template <floating T = float> using conv1d = conv<1, T>;
template <floating T = float> using conv2d = conv<2, T>;
template <floating T = float> using conv3d = conv<3, T>;

}  // namespace inlay::inline v0_1::nn
