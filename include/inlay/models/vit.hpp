// Vision transformer: an image is cut into square patches, each a token beside one that becomes the image's; blocks in
// which all see all; scores.  x (N, in, image, image) -> scores (N, classes)
// Dosovitskiy and others, An Image is Worth 16x16 Words, 2021; with torchvision's names.
#pragma once

#include <vector>

#include "../nn/dropout.hpp"
#include "../nn/transformer.hpp"
#include "../ops/concat.hpp"
#include "../ops/expand.hpp"
#include "../ops/transpose.hpp"
#include "parts.hpp"

namespace inlay::inline v0_1::models {

struct vit_config {
  std::int64_t image = 224;  // height and width
  std::int64_t patch = 16;   // of a patch; divides .image
  std::int64_t in = 3;       // channels
  std::int64_t classes = 1000;
  std::int64_t layers = 12;
  std::int64_t heads = 12;
  std::int64_t features = 768;   // of a token
  std::int64_t hidden = 0;       // of the feed-forward nets; 0: 4 features
  double dropout = 0;            // while training
  double attention_dropout = 0;  // of the weights of attention, while training
  double epsilon = 1e-6;         // of the normalisations

  // ViT-B/16, L/16 and H/14, as the paper calls them.
  static vit_config base() { return {}; }
  static vit_config large() { return {.layers = 24, .heads = 16, .features = 1024}; }
  static vit_config huge() { return {.patch = 14, .layers = 32, .heads = 16, .features = 1280}; }
};

template <floating T = float> class vit {
 public:
  using value_type = T;

  // Throws value_error when a size does not fit.
  explicit vit(const vit_config& c = {})
      : patches({.in = checked(c).in, .out = c.features, .kernel = c.patch, .stride = c.patch}),
        norm(nn::norm_kind::layer, c.features, c.epsilon),
        head({.in = c.features, .out = c.classes}),
        drop({.p = c.dropout}) {
    const std::int64_t side = c.image / c.patch;
    class_token = parameter<T>(shape{1, 1, c.features}, init::constant(0));
    places = parameter<T>(shape{1, side * side + 1, c.features}, init::normal(0, 0.02));
    for (std::int64_t i = 0; i < c.layers; ++i)
      blocks.emplace_back(nn::transformer_config{.in = c.features,
                                                 .heads = c.heads,
                                                 .hidden = c.hidden,
                                                 .dropout = c.dropout,
                                                 .hidden_dropout = c.dropout,
                                                 .attention_dropout = c.attention_dropout,
                                                 .epsilon = c.epsilon});
    first_values(c);
  }

  // Throws shape_error for images of another size.
  auto operator()(const auto& x) const {
    auto y = patches(x);
    const std::int64_t batch = y.dim(0), features = y.dim(1), count = y.dim(2) * y.dim(3);
    if (count + 1 != places.dim(1)) [[unlikely]]
      throw shape_error("vit", {"expected images of ", places.dim(1) - 1, " patches, got ", count, " of ", x.shape()});
    y = transpose(reshape(y, shape{batch, features, count}), 1, 2);
    y = concat(1, expand(class_token.in(x), {batch, 1, features}), y) + places.in(x);
    y = drop(y);
    for (const nn::transformer_block<T>& block : blocks) y = block(y);
    return head(reshape(slice(norm(y), 1, 0, 1), shape{batch, features}));
  }

  static void members(auto& self, auto&& visit) {
    visit("patches", self.patches);
    visit("class_token", self.class_token);
    visit("places", self.places);
    visit("blocks", self.blocks);
    visit("norm", self.norm);
    visit("head", self.head);
  }

  INLAY_COLD std::vector<torch_name> torch_names() const {
    std::vector<torch_name> names{
        {"conv_proj", "patches"}, {"encoder.pos_embedding", "places"}, {"encoder.ln", "norm"}, {"heads.head", "head"}};
    for (std::size_t i = 0; i < blocks.size(); ++i) {
      const std::string torch = "encoder.layers.encoder_layer_" + std::to_string(i) + ".",
                        ours = "blocks." + std::to_string(i) + ".";
      names.push_back({torch + "ln_1", ours + "norm1"});
      names.push_back({torch + "ln_2", ours + "norm2"});
      detail::add_attention_names(names, torch + "self_attention", ours + "attention");
      names.push_back({torch + "mlp.0", ours + "feed_forward.up"});
      names.push_back({torch + "mlp.3", ours + "feed_forward.down"});
      // As torchvision's own files, which are older, have them.
      names.push_back({torch + "mlp.linear_1", ours + "feed_forward.up", torch_form::also});
      names.push_back({torch + "mlp.linear_2", ours + "feed_forward.down", torch_form::also});
    }
    return names;
  }

  nn::conv2d<T> patches;
  parameter<T> class_token, places;
  std::vector<nn::transformer_block<T>> blocks;
  nn::block_norm<T> norm;
  nn::dense<T> head;
  nn::dropout drop;

 private:
  // As torchvision draws them; the scores begin as 0.
  void first_values(const vit_config& c) {
    detail::redraw(patches.weight,
                   init::truncated_normal(0, __builtin_sqrt(1 / static_cast<double>(c.in * c.patch * c.patch))));
    detail::redraw(patches.bias, init::constant(0));
    for (nn::transformer_block<T>& b : blocks) {
      detail::redraw_joined(b.attention);
      for (nn::dense<T>* d : {&b.feed_forward.up, &b.feed_forward.down}) {
        detail::redraw(d->weight, init::xavier_uniform());
        detail::redraw(d->bias, init::normal(0, 1e-6));
      }
    }
    detail::redraw(head, 0);
  }
  static const vit_config& checked(const vit_config& c) {
    detail::check_channels("vit", c.in, c.classes);
    detail::check_dropout("vit", c.dropout);
    if (c.patch < 1 || c.image < c.patch || c.image % c.patch != 0 || c.layers < 1)
      throw value_error("vit", {"expected a .patch that divides .image, and .layers of 1 or more, got ", c.patch, ", ",
                                c.image, " and ", c.layers});
    return c;
  }
};

}  // namespace inlay::inline v0_1::models
