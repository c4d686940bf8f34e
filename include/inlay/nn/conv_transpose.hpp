// Transposed convolution layers over one, two or three spatial axes: what upsamples in decoders and generators.
// x (N, in, …) -> y (N, out, …); W (in, out / groups, kernel…), b (out,).
#pragma once

#include "../autograd/members.hpp"
#include "../ops/conv_transpose.hpp"
#include "init.hpp"

namespace inlay::inline v0_1::nn {

template <int Axes> struct conv_transpose_config {
  std::int64_t in = 0;       // channels of the input; required
  std::int64_t out = 0;      // channels of the output; required
  extents<Axes> kernel = 0;  // one size for all axes, or one for each; required
  extents<Axes> stride = 1;
  extents<Axes> padding = 0;         // elements left out on both sides of the result
  extents<Axes> output_padding = 0;  // added behind it
  extents<Axes> dilation = 1;
  std::int64_t groups = 1;
  bool bias = true;
  inlay::activation activation = inlay::activation::none;  // applied as y is written
};

template <int Axes, floating T = float> class conv_transpose {
 public:
  // Throws value_error when a size is missing or does not fit.
  explicit conv_transpose(const conv_transpose_config<Axes>& config)
      : op_{{config.stride, config.padding, config.output_padding, config.dilation, config.groups, config.activation}} {
    const char* name = conv_transpose_op<Axes>::name;
    if (config.in < 1 || config.out < 1)
      throw value_error(name, {"expected .in and .out of 1 or more, got ", config.in, " and ", config.out});
    if (config.groups < 1 || config.in % config.groups != 0 || config.out % config.groups != 0)
      throw value_error(name, {"expected .groups that divides .in and .out, got ", config.groups, " for ", config.in,
                               " and ", config.out});
    shape sizes{config.in, config.out / config.groups};
    std::int64_t fan = config.out / config.groups;
    for (const std::int64_t size : config.kernel.sizes) {
      if (size < 1) throw value_error(name, {"expected .kernel of 1 or more, got ", size});
      sizes.append(size);
      fan *= size;
    }
    const distribution rule = init::fan_in_uniform(fan);  // PyTorch's choice
    weight = parameter<T>(sizes, rule);
    if (config.bias) bias = parameter<T>(shape{config.out}, rule);
  }

  // Throws shape_error when x does not have `in` channels.
  auto operator()(const auto& x) const { return apply(op_, x, weight, bias); }

  static void members(auto& self, auto&& visit) {
    visit("weight", self.weight);
    visit("bias", self.bias);
  }

  parameter<T> weight, bias;

 private:
  conv_transpose_op<Axes> op_;
};

template <floating T = float> using conv_transpose1d = conv_transpose<1, T>;
template <floating T = float> using conv_transpose2d = conv_transpose<2, T>;
template <floating T = float> using conv_transpose3d = conv_transpose<3, T>;

}  // namespace inlay::inline v0_1::nn
