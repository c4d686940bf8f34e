// MobileNetV2: blocks that widen, filter every channel by itself and narrow again, with a shortcut past them.
// x (N, in, H, W) -> scores (N, classes).  Sandler, Howard, Zhu, Zhmoginov and Chen, MobileNetV2: Inverted Residuals
// and Linear Bottlenecks, 2018; as torchvision has it.
#pragma once

#include <optional>
#include <vector>

#include "../nn/dropout.hpp"
#include "../ops/adaptive_pool.hpp"
#include "../ops/arithmetic.hpp"
#include "../ops/functions.hpp"
#include "parts.hpp"

namespace inlay::inline v0_1::models {

struct mobilenet_config {
  double width = 1;     // factor of all channels, rounded to multiples of 8; the last 1280 only grow
  std::int64_t in = 3;  // channels of the images
  std::int64_t classes = 1000;
  double dropout = 0.2;
  std::int64_t stem_stride = 2;  // of the first convolution: 1 for images of 32 x 32, say
};

// Convolution and batch normalisation, no bias.
template <floating T = float> struct mobilenet_unit {
  mobilenet_unit(std::int64_t in, std::int64_t out, std::int64_t kernel, std::int64_t stride = 1,
                 std::int64_t groups = 1)
      : conv(detail::he_conv<T>({.in = in,
                                 .out = out,
                                 .kernel = kernel,
                                 .stride = stride,
                                 .padding = kernel / 2,
                                 .groups = groups,
                                 .bias = false})),
        bn({.features = out}) {}

  auto operator()(const auto& x) const { return bn(conv(x)); }
  // With relu6 behind.
  auto bounded(const auto& x) const { return clamp(bn(conv(x)), {.min = 0, .max = 6}); }

  static void members(auto& self, auto&& visit) {
    visit("conv", self.conv);
    visit("bn", self.bn);
  }

  nn::conv2d<T> conv;
  nn::batch_norm<T> bn;
};

template <floating T = float> struct mobilenet_block {
  mobilenet_block(std::int64_t in, std::int64_t out, std::int64_t stride, std::int64_t factor)
      : depthwise(in * factor, in * factor, 3, stride, in * factor),
        project(in * factor, out, 1),
        straight(stride == 1 && in == out) {
    if (factor != 1) expand.emplace(in, in * factor, 1);
  }

  auto operator()(const auto& x) const {
    auto y = project(expand ? depthwise.bounded(expand->bounded(x)) : depthwise.bounded(x));
    return straight ? std::move(y) + x : y;
  }
  static void members(auto& self, auto&& visit) {
    visit("expand", self.expand);
    visit("depthwise", self.depthwise);
    visit("project", self.project);
  }

  std::optional<mobilenet_unit<T>> expand;
  mobilenet_unit<T> depthwise, project;
  bool straight;
};

// First weights as torchvision draws them. In its files, layers are numbers; torch_names() tells which.
template <floating T = float> struct mobilenet {
  // Throws value_error for a size, factor or stride that does not fit.
  explicit mobilenet(const mobilenet_config& config = {})
      : stem(checked(config).in, scaled(32, config.width), 3, config.stem_stride),
        head(scaled(320, config.width), scaled(1280, std::max(config.width, 1.0)), 1),
        classifier(detail::normal_dense<T>({.in = head.conv.weight.dim(0), .out = config.classes})),
        drop({.p = config.dropout}) {
    std::int64_t in = scaled(32, config.width);
    constexpr int stages[][4] = {{1, 16, 1, 1}, {6, 24, 2, 2},  {6, 32, 3, 2}, {6, 64, 4, 2},
                                 {6, 96, 3, 1}, {6, 160, 3, 2}, {6, 320, 1, 1}};
    for (const auto& [factor, channels, count, stride] : stages) {
      const std::int64_t out = scaled(channels, config.width);
      for (int i = 0; i < count; ++i, in = out) blocks.emplace_back(in, out, i == 0 ? stride : 1, factor);
    }
  }

  // Throws shape_error when x does not have `in` channels.
  auto operator()(const auto& x) const {
    auto y = stem.bounded(x);
    for (const mobilenet_block<T>& block : blocks) y = block(y);
    return classifier(drop(global_avg_pool(head.bounded(y))));
  }

  static void members(auto& self, auto&& visit) {
    visit("stem", self.stem);
    visit("blocks", self.blocks);
    visit("head", self.head);
    visit("classifier", self.classifier);
  }

  std::vector<torch_name> torch_names() const {
    std::vector<torch_name> names{{"classifier.1", "classifier"}};
    const auto unit = [&](const std::string& conv, const std::string& bn, const std::string& ours) {
      names.push_back({conv, ours + ".conv"});
      names.push_back({bn, ours + ".bn"});
    };
    const auto within = [&](const std::string& torch, const std::string& ours) {
      unit(torch + ".0", torch + ".1", ours);
    };
    within("features.0", "stem");
    for (std::size_t i = 0; i < blocks.size(); ++i) {
      const std::string torch = "features." + std::to_string(i + 1) + ".conv.", ours = "blocks." + std::to_string(i);
      int at = 0;
      if (blocks[i].expand) within(torch + std::to_string(at++), ours + ".expand");
      within(torch + std::to_string(at++), ours + ".depthwise");
      unit(torch + std::to_string(at), torch + std::to_string(at + 1), ours + ".project");
    }
    within("features." + std::to_string(blocks.size() + 1), "head");
    return names;
  }

  mobilenet_unit<T> stem;
  std::vector<mobilenet_block<T>> blocks;
  mobilenet_unit<T> head;
  nn::dense<T> classifier;
  nn::dropout drop;

 private:
  static const mobilenet_config& checked(const mobilenet_config& config) {
    detail::check_channels("mobilenet", config.in, config.classes);
    detail::check_width("mobilenet", config.width);
    detail::check_dropout("mobilenet", config.dropout);
    if (config.stem_stride != 1 && config.stem_stride != 2)
      throw value_error("mobilenet", {"expected a .stem_stride of 1 or 2, got ", config.stem_stride});
    return config;
  }
  // The nearest multiple of 8 that is not more than a tenth below.
  static std::int64_t scaled(std::int64_t channels, double width) {
    const double exact = static_cast<double>(channels) * width;
    const std::int64_t rounded = std::max<std::int64_t>(8, static_cast<std::int64_t>(exact + 4) / 8 * 8);
    return static_cast<double>(rounded) < 0.9 * exact ? rounded + 8 : rounded;
  }
};

}  // namespace inlay::inline v0_1::models
