// VGG: 3 x 3 convolutions in five stages, each halved by pooling, and three dense layers.
// x (N, in, H, W) of 32 x 32 or more -> scores (N, classes).  Simonyan and Zisserman, Very Deep Convolutional Networks
// for Large-Scale Image Recognition, 2015; as torchvision has it.
#pragma once

#include <array>
#include <optional>
#include <vector>

#include "../nn/dropout.hpp"
#include "../ops/adaptive_pool.hpp"
#include "../ops/functions.hpp"
#include "../ops/pool.hpp"
#include "../ops/reshape.hpp"
#include "parts.hpp"

namespace inlay::inline v0_1::models {

struct vgg_config {
  int depth = 16;           // 11, 13, 16 or 19
  bool batch_norm = false;  // behind every convolution
  std::int64_t in = 3;      // channels of the images
  std::int64_t classes = 1000;
  double width = 1;  // factor of all channels, and of the 4096 features of the dense layers
  double dropout = 0.5;
  bool small_images = false;  // of 32 x 32, say: planes of 1 x 1 in place of 7 x 7, and 512 features in place of 4096
};

// Convolution, batch normalisation, relu, and a pool behind the last of a stage.
template <floating T = float> struct vgg_layer {
  vgg_layer(std::int64_t in, std::int64_t out, bool normed, bool last)
      : conv(detail::he_conv<T>({.in = in,
                                 .out = out,
                                 .kernel = 3,
                                 .padding = 1,
                                 .activation = normed ? activation::none : activation::relu})),
        pooled(last) {
    if (normed) bn.emplace(nn::batch_norm_config{.features = out});
  }

  auto operator()(const auto& x) const {
    auto y = conv(x);
    if (bn) y = relu((*bn)(y));
    return pooled ? max_pool2d(y, {.kernel = 2}) : y;
  }
  static void members(auto& self, auto&& visit) {
    visit("conv", self.conv);
    visit("bn", self.bn);
  }

  nn::conv2d<T> conv;
  std::optional<nn::batch_norm<T>> bn;
  bool pooled;
};

// First weights as torchvision draws them. In its files, layers are numbers; torch_names() tells which.
template <floating T = float> struct vgg {
  // Throws value_error for another depth, or a size or factor that does not fit.
  explicit vgg(const vgg_config& config) : vgg(config, stages(config)) {}

  // Throws shape_error when x does not have `in` channels, or is too little to be halved five times.
  auto operator()(const auto& x) const {
    auto y = features[0](x);
    for (std::size_t i = 1; i < features.size(); ++i) y = features[i](y);
    return fc3(drop(fc2(drop(fc1(flatten(adaptive_avg_pool2d(y, plane)))))));
  }

  static void members(auto& self, auto&& visit) {
    visit("features", self.features);
    visit("fc1", self.fc1);
    visit("fc2", self.fc2);
    visit("fc3", self.fc3);
  }

  std::vector<torch_name> torch_names() const {
    std::vector<torch_name> names{{"classifier.0", "fc1"}, {"classifier.3", "fc2"}, {"classifier.6", "fc3"}};
    int at = 0;
    for (std::size_t i = 0; i < features.size(); ++i) {
      const std::string path = "features." + std::to_string(i);
      names.push_back({"features." + std::to_string(at++), path + ".conv"});
      if (features[i].bn) names.push_back({"features." + std::to_string(at++), path + ".bn"});
      at += features[i].pooled ? 2 : 1;
    }
    return names;
  }

  std::int64_t plane;  // height and width of what the dense layers see
  std::vector<vgg_layer<T>> features;
  nn::dense<T> fc1, fc2, fc3;
  nn::dropout drop;

 private:
  // Convolutions in each stage.
  static std::array<int, 5> stages(const vgg_config& config) {
    detail::check_channels("vgg", config.in, config.classes);
    detail::check_width("vgg", config.width);
    detail::check_dropout("vgg", config.dropout);
    if (config.depth == 11) return {1, 1, 2, 2, 2};
    if (config.depth == 13) return {2, 2, 2, 2, 2};
    if (config.depth == 16) return {2, 2, 3, 3, 3};
    if (config.depth == 19) return {2, 2, 4, 4, 4};
    throw value_error("vgg", {"expected a .depth of 11, 13, 16 or 19, got ", config.depth});
  }
  static std::int64_t scaled(const vgg_config& config, std::int64_t channels) {
    return std::max<std::int64_t>(1, static_cast<std::int64_t>(static_cast<double>(channels) * config.width));
  }
  static nn::dense<T> hidden(std::int64_t in, std::int64_t out) {
    return detail::normal_dense<T>({.in = in, .out = out, .activation = activation::relu});
  }

  vgg(const vgg_config& config, const std::array<int, 5>& convolutions)
      : vgg(config, convolutions, scaled(config, 512), scaled(config, config.small_images ? 512 : 4096)) {}
  vgg(const vgg_config& config, const std::array<int, 5>& convolutions, std::int64_t last, std::int64_t wide)
      : plane(config.small_images ? 1 : 7),
        fc1(hidden(last * plane * plane, wide)),
        fc2(hidden(wide, wide)),
        fc3(detail::normal_dense<T>({.in = wide, .out = config.classes})),
        drop({.p = config.dropout}) {
    std::int64_t in = config.in;
    for (std::size_t stage = 0; stage < 5; ++stage)
      for (int i = 1; i <= convolutions[stage]; ++i) {
        const std::int64_t out = scaled(config, std::min(64 << stage, 512));
        features.emplace_back(in, out, config.batch_norm, i == convolutions[stage]);
        in = out;
      }
  }
};

}  // namespace inlay::inline v0_1::models
