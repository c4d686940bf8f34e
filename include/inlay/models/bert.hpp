// BERT: an encoder of text in which every token sees all others, and two heads for it: scores of hidden tokens, and of
// the whole text.  tokens (N, T) int64 -> y (N, T, in)
// Devlin and others, BERT: Pre-training of Deep Bidirectional Transformers for Language Understanding, 2019.
#pragma once

#include <vector>

#include "../nn/dropout.hpp"
#include "../nn/embedding.hpp"
#include "../nn/position_embedding.hpp"
#include "../nn/transformer.hpp"
#include "parts.hpp"

namespace inlay::inline v0_1::models {

struct bert_config {
  std::int64_t vocabulary = 0;  // required
  std::int64_t context = 512;   // the most positions of a text
  std::int64_t types = 2;       // of segments: which of two texts a token is of
  std::int64_t layers = 12;
  std::int64_t heads = 12;
  std::int64_t in = 768;    // features
  std::int64_t hidden = 0;  // of the feed-forward nets; 0: 4 in
  nn::feed_forward_kind feed_forward = nn::feed_forward_kind::gelu;
  double dropout = 0;            // while training
  double attention_dropout = 0;  // of the weights of attention, while training
  double epsilon = 1e-12;
};

// What there is to know of the tokens beside them; nothing is needed.
struct bert_inputs {
  tensor<std::int64_t> lengths = {};  // (N,): tokens of each row, those behind are padding; empty: all
  tensor<std::int64_t> types = {};    // (N, T): the segment of each token; empty: the first
};

template <floating T = float> class bert {
 public:
  using value_type = T;

  // Throws value_error when a size is missing or does not fit.
  explicit bert(const bert_config& c)
      : embedding({.vocabulary = c.vocabulary, .features = c.in}),
        types({.vocabulary = c.types, .features = c.in}),
        places({.features = c.in, .context = c.context}),
        norm(nn::norm_kind::layer, c.in, c.epsilon),
        config_(c) {
    if (c.layers < 1) throw value_error("bert", {"expected .layers of 1 or more, got ", c.layers});
    for (parameter<T>* w : {&embedding.weight, &places.weight, &types.weight})
      detail::redraw(*w, init::normal(0, 0.02));
    for (std::int64_t i = 0; i < c.layers; ++i) {
      nn::transformer_block<T>& b = blocks.emplace_back(nn::transformer_config{.in = c.in,
                                                                               .heads = c.heads,
                                                                               .hidden = c.hidden,
                                                                               .feed_forward = c.feed_forward,
                                                                               .pre_norm = false,
                                                                               .dropout = c.dropout,
                                                                               .attention_dropout = c.attention_dropout,
                                                                               .epsilon = c.epsilon});
      for (nn::dense<T>* d : {&b.attention.query, &b.attention.key, &b.attention.value, &b.attention.out,
                              &b.feed_forward.up, &b.feed_forward.down})
        detail::redraw(*d, 0.02);
    }
  }

  // Throws shape_error for tokens or inputs of other shapes, and value_error for more positions than .context.
  auto operator()(const auto& tokens, const bert_inputs& inputs = {}) const {
    if (tokens.rank() != 2) [[unlikely]]
      throw shape_error("bert", {"expected tokens (N, T), got ", tokens.shape()});
    auto x = places(embedding(tokens));
    if (inputs.types.size() == 0)
      x = std::move(x) + slice(types.weight.in(x), 0, 0, 1);
    else if (inputs.types.shape() == tokens.shape())
      x = std::move(x) + inlay::embedding(inputs.types, types.weight.in(x));
    else
      throw shape_error("bert", {"expected types ", tokens.shape(), ", got ", inputs.types.shape()});
    auto y = norm(x);
    if (config_.dropout > 0) y = dropout(y, config_.dropout);
    for (const nn::transformer_block<T>& block : blocks) y = block(y, {.lengths = inputs.lengths});
    return y;
  }

  const bert_config& config() const noexcept { return config_; }
  static void members(auto& self, auto&& visit) {
    visit("embedding", self.embedding);
    visit("places", self.places);
    visit("types", self.types);
    visit("norm", self.norm);
    visit("blocks", self.blocks);
  }

  // Those of Hugging Face's files; `ours`: where the model has this part. Old files call weight and bias of a
  // normalisation gamma and beta.
  INLAY_COLD std::vector<torch_name> torch_names(const std::string& torch = "", const std::string& ours = "") const {
    std::vector<torch_name> names;
    const auto add = [&](const std::string& from, const std::string& part) {
      names.push_back({torch + from, ours + part});
    };
    const auto add_norm = [&](const std::string& from, const std::string& part) {
      add(from, part);
      names.push_back({torch + from + ".gamma", ours + part + ".weight", torch_form::also});
      names.push_back({torch + from + ".beta", ours + part + ".bias", torch_form::also});
    };
    add("embeddings.word_embeddings", "embedding"), add("embeddings.position_embeddings", "places");
    add("embeddings.token_type_embeddings", "types"), add_norm("embeddings.LayerNorm", "norm");
    for (std::size_t i = 0; i < blocks.size(); ++i) {
      const std::string from = "encoder.layer." + std::to_string(i), part = "blocks." + std::to_string(i);
      for (const char* what : {"query", "key", "value"})
        add(from + ".attention.self." + what, part + ".attention." + what);
      add(from + ".attention.output.dense", part + ".attention.out");
      add_norm(from + ".attention.output.LayerNorm", part + ".norm1");
      add(from + ".intermediate.dense", part + ".feed_forward.up");
      add(from + ".output.dense", part + ".feed_forward.down");
      add_norm(from + ".output.LayerNorm", part + ".norm2");
    }
    // What the model does not have of a file: heads are no members of it, or stand here.
    for (const std::string& pattern : {torch + "embeddings.position_ids", torch + "pooler.*", std::string("cls.*")})
      names.push_back({pattern, "", torch_form::unused});
    return names;
  }

  nn::embedding<T> embedding, types;
  nn::position_embedding<T> places;
  nn::block_norm<T> norm;
  std::vector<nn::transformer_block<T>> blocks;

 private:
  bert_config config_;
};

// Scores of what stands at each place of a text in which some tokens are hidden: tokens (N, T) -> (N, T, vocabulary).
// The scores are products with the rows of the embedding.
template <floating T = float> class bert_masked_lm {
 public:
  using value_type = T;
  explicit bert_masked_lm(const bert_config& c)
      : body(c), transform({.in = c.in, .out = c.in}), norm(nn::norm_kind::layer, c.in, c.epsilon) {
    detail::redraw(transform, 0.02);
    bias = parameter<T>(shape{c.vocabulary}, init::constant(0));
  }

  auto operator()(const auto& tokens, const bert_inputs& inputs = {}) const {
    auto y = transform(body(tokens, inputs));
    switch (body.config().feed_forward) {  // the head has the activation of the blocks
      case nn::feed_forward_kind::relu:
        y = relu(std::move(y));
        break;
      case nn::feed_forward_kind::gelu_tanh:
        y = gelu_tanh(std::move(y));
        break;
      default:
        y = gelu(std::move(y));
    }
    return linear(norm(y), body.embedding.weight, bias);
  }

  static void members(auto& self, auto&& visit) {
    visit("body", self.body);
    visit("transform", self.transform);
    visit("norm", self.norm);
    visit("bias", self.bias);
  }
  INLAY_COLD std::vector<torch_name> torch_names() const {
    std::vector<torch_name> names = body.torch_names("bert.", "body.");
    const std::string head = "cls.predictions.";
    names.push_back({head + "transform.dense", "transform"});
    names.push_back({head + "transform.LayerNorm", "norm"});
    names.push_back({head + "transform.LayerNorm.gamma", "norm.weight", torch_form::also});
    names.push_back({head + "transform.LayerNorm.beta", "norm.bias", torch_form::also});
    names.push_back({head + "bias", "bias"});
    names.push_back({head + "decoder.bias", "bias", torch_form::also});
    names.push_back({head + "decoder.weight", "body.embedding.weight", torch_form::also});
    return names;
  }

  bert<T> body;
  nn::dense<T> transform;
  nn::block_norm<T> norm;
  parameter<T> bias;
};

// Scores of a text's classes, from what its first token has become: tokens (N, T) -> (N, classes).
template <floating T = float> class bert_classifier {
 public:
  using value_type = T;
  // Throws value_error when a size is missing or does not fit.
  bert_classifier(const bert_config& c, std::int64_t classes)
      : body(c),
        pooler({.in = c.in, .out = c.in, .activation = activation::tanh}),
        drop({.p = c.dropout}),
        head({.in = c.in, .out = classes}) {
    detail::redraw(pooler, 0.02), detail::redraw(head, 0.02);
  }

  auto operator()(const auto& tokens, const bert_inputs& inputs = {}) const {
    const auto y = body(tokens, inputs);
    return head(drop(pooler(reshape(slice(y, 1, 0, 1), shape{y.dim(0), y.dim(2)}))));
  }

  static void members(auto& self, auto&& visit) {
    visit("body", self.body);
    visit("pooler", self.pooler);
    visit("head", self.head);
  }
  INLAY_COLD std::vector<torch_name> torch_names() const {
    std::vector<torch_name> names = body.torch_names("bert.", "body.");
    names.push_back({"bert.pooler.dense", "pooler"});
    names.push_back({"classifier", "head"});
    return names;
  }

  bert<T> body;
  nn::dense<T> pooler;
  nn::dropout drop;
  nn::dense<T> head;
};

}  // namespace inlay::inline v0_1::models
