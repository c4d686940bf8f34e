// LeNet-5: two convolutions with pooling, three dense layers.  x (N, in, image, image) -> scores (N, classes)
// LeCun, Bottou, Bengio and Haffner, Gradient-Based Learning Applied to Document Recognition, 1998.
#pragma once

#include "../nn/conv.hpp"
#include "../nn/dense.hpp"
#include "../ops/pool.hpp"
#include "../ops/reshape.hpp"
#include "parts.hpp"

namespace inlay::inline v0_1::models {

struct lenet_config {
  std::int64_t in = 1;  // channels of the images
  std::int64_t classes = 10;
  std::int64_t image = 28;  // height and width: 28 (with a border of zeros), or 32
  bool classical = false;   // tanh and means, as in 1998, in place of relu and maxima
};

// First weights are the layers' own, and names those of PyTorch's tutorials. The classical form has no weights in its
// pooling and joins all maps, as today's do.
template <floating T = float> struct lenet {
  // Throws value_error when a size does not fit.
  explicit lenet(const lenet_config& config = {})
      : image(checked(config).image),
        classical(config.classical),
        conv1({.in = config.in, .out = 6, .kernel = 5, .padding = (32 - image) / 2, .activation = f()}),
        conv2({.in = 6, .out = 16, .kernel = 5, .activation = f()}),
        fc1({.in = 16 * 5 * 5, .out = 120, .activation = f()}),
        fc2({.in = 120, .out = 84, .activation = f()}),
        fc3({.in = 84, .out = config.classes}) {}

  // Throws shape_error for images of other channels or another size.
  auto operator()(const auto& x) const {
    if (x.rank() != 4 || x.dim(1) != conv1.weight.dim(1) || x.dim(2) != image || x.dim(3) != image) [[unlikely]]
      throw shape_error("lenet",
                        {"expected input (N, ", conv1.weight.dim(1), ", ", image, ", ", image, "), got ", x.shape()});
    return fc3(fc2(fc1(flatten(pooled(conv2(pooled(conv1(x))))))));
  }

  static void members(auto& self, auto&& visit) {
    visit("conv1", self.conv1);
    visit("conv2", self.conv2);
    visit("fc1", self.fc1);
    visit("fc2", self.fc2);
    visit("fc3", self.fc3);
  }

  std::int64_t image;
  bool classical;
  nn::conv2d<T> conv1, conv2;
  nn::dense<T> fc1, fc2, fc3;

 private:
  static const lenet_config& checked(const lenet_config& config) {
    detail::check_channels("lenet", config.in, config.classes);
    if (config.image != 28 && config.image != 32)
      throw value_error("lenet", {"expected an .image of 28 or 32, got ", config.image});
    return config;
  }
  activation f() const { return classical ? activation::tanh : activation::relu; }
  auto pooled(const auto& x) const { return classical ? avg_pool2d(x, {.kernel = 2}) : max_pool2d(x, {.kernel = 2}); }
};

}  // namespace inlay::inline v0_1::models
