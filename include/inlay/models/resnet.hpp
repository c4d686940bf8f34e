// ResNet: blocks of convolutions with a shortcut past them, in four stages, a mean over the image, scores.
// x (N, in, H, W) -> scores (N, classes).  He, Zhang, Ren and Sun, Deep Residual Learning for Image Recognition, 2016;
// as torchvision has it (the stride of a bottleneck lies in its 3 x 3 convolution), and with its names.
#pragma once

#include <array>
#include <optional>
#include <vector>

#include "../nn/sequential.hpp"
#include "../ops/adaptive_pool.hpp"
#include "../ops/arithmetic.hpp"
#include "../ops/functions.hpp"
#include "../ops/pool.hpp"
#include "parts.hpp"

namespace inlay::inline v0_1::models {

// How it begins: a 7 x 7 convolution of stride 2 and a pool, which leave a quarter of height and width, or a 3 x 3
// convolution that leaves all of it (CIFAR's 32 x 32, say).
enum class resnet_stem { imagenet, small_images };

struct resnet_config {
  int depth = 18;       // 18, 34: blocks of two convolutions; 50, 101, 152: bottlenecks of three
  std::int64_t in = 3;  // channels of the images
  std::int64_t classes = 1000;
  std::int64_t width = 64;  // channels of the first stage; every other has twice those before
  resnet_stem stem = resnet_stem::imagenet;
  bool zero_last_gamma = false;  // a block starts as its shortcut: its last normalisation's weights are 0
};

// Two 3 x 3 convolutions, or one between two of 1 x 1; each with batch normalisation.
template <floating T = float> struct resnet_block {
  resnet_block(std::int64_t in, std::int64_t width, std::int64_t stride, bool bottleneck)
      : conv1(conv(in, width, bottleneck ? 1 : 3, bottleneck ? 1 : stride)),
        conv2(conv(width, width, 3, bottleneck ? stride : 1)),
        bn1({.features = width}),
        bn2({.features = width}) {
    const std::int64_t out = bottleneck ? 4 * width : width;
    if (bottleneck) {
      conv3 = conv(width, out, 1, 1);
      bn3.emplace(nn::batch_norm_config{.features = out});
    }
    if (stride != 1 || in != out) downsample.emplace(conv(in, out, 1, stride), nn::batch_norm<T>({.features = out}));
  }

  auto operator()(const auto& x) const {
    auto y = bn2(conv2(relu(bn1(conv1(x)))));
    if (conv3) y = (*bn3)((*conv3)(relu(std::move(y))));
    if (downsample) return relu(std::move(y) + (*downsample)(x));
    return relu(std::move(y) + x);
  }
  std::int64_t out() const { return (bn3 ? *bn3 : bn2).running_mean.dim(0); }

  static void members(auto& self, auto&& visit) {
    visit("conv1", self.conv1);
    visit("bn1", self.bn1);
    visit("conv2", self.conv2);
    visit("bn2", self.bn2);
    visit("conv3", self.conv3);
    visit("bn3", self.bn3);
    visit("downsample", self.downsample);
  }

  nn::conv2d<T> conv1, conv2;
  nn::batch_norm<T> bn1, bn2;
  std::optional<nn::conv2d<T>> conv3;
  std::optional<nn::batch_norm<T>> bn3;
  std::optional<nn::sequential<nn::conv2d<T>, nn::batch_norm<T>>> downsample;

 private:
  static nn::conv2d<T> conv(std::int64_t in, std::int64_t out, std::int64_t kernel, std::int64_t stride) {
    return detail::he_conv<T>(
        {.in = in, .out = out, .kernel = kernel, .stride = stride, .padding = kernel / 2, .bias = false});
  }
};

// First weights as torchvision draws them.
template <floating T = float> struct resnet {
  // Throws value_error for another depth or a size below 1.
  explicit resnet(const resnet_config& config) : resnet(config, stages(config)) {}

  // Throws shape_error when x does not have `in` channels.
  auto operator()(const auto& x) const {
    auto y = relu(bn1(conv1(x)));
    if (pooled) y = max_pool2d(y, {.kernel = 3, .stride = 2, .padding = 1});
    for (const auto* stage : {&layer1, &layer2, &layer3, &layer4})
      for (const resnet_block<T>& block : *stage) y = block(y);
    return fc(global_avg_pool(y));
  }

  static void members(auto& self, auto&& visit) {
    visit("conv1", self.conv1);
    visit("bn1", self.bn1);
    visit("layer1", self.layer1);
    visit("layer2", self.layer2);
    visit("layer3", self.layer3);
    visit("layer4", self.layer4);
    visit("fc", self.fc);
  }

  nn::conv2d<T> conv1;
  nn::batch_norm<T> bn1;
  std::vector<resnet_block<T>> layer1, layer2, layer3, layer4;
  nn::dense<T> fc;
  bool pooled;

 private:
  // Blocks in each stage.
  static std::array<int, 4> stages(const resnet_config& config) {
    detail::check_channels("resnet", config.in, config.classes);
    if (config.width < 1) throw value_error("resnet", {"expected a .width of 1 or more, got ", config.width});
    if (config.depth == 18) return {2, 2, 2, 2};
    if (config.depth == 34 || config.depth == 50) return {3, 4, 6, 3};
    if (config.depth == 101) return {3, 4, 23, 3};
    if (config.depth == 152) return {3, 8, 36, 3};
    throw value_error("resnet", {"expected a .depth of 18, 34, 50, 101 or 152, got ", config.depth});
  }
  static nn::conv2d<T> first(const resnet_config& config) {
    const bool whole = config.stem == resnet_stem::small_images;
    return detail::he_conv<T>({.in = config.in,
                               .out = config.width,
                               .kernel = whole ? 3 : 7,
                               .stride = whole ? 1 : 2,
                               .padding = whole ? 1 : 3,
                               .bias = false});
  }

  resnet(const resnet_config& config, const std::array<int, 4>& counts)
      : conv1(first(config)),
        bn1({.features = config.width}),
        fc({.in = 8 * config.width * (config.depth < 50 ? 1 : 4), .out = config.classes}),
        pooled(config.stem == resnet_stem::imagenet) {
    std::vector<resnet_block<T>>* const layers[] = {&layer1, &layer2, &layer3, &layer4};
    std::int64_t in = config.width;
    for (std::size_t stage = 0; stage < 4; ++stage)
      for (int i = 0; i < counts[stage]; ++i) {
        layers[stage]->emplace_back(in, config.width << stage, stage > 0 && i == 0 ? 2 : 1, config.depth >= 50);
        resnet_block<T>& block = layers[stage]->back();
        in = block.out();
        if (config.zero_last_gamma) detail::redraw((block.bn3 ? *block.bn3 : block.bn2).weight, init::constant(0));
      }
  }
};

}  // namespace inlay::inline v0_1::models
