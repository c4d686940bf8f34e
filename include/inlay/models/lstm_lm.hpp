// A language model of an LSTM: a row of numbers for every token, layers of LSTM, scores.
//   tokens (N, T) int64 -> logits (N, T, vocabulary), of the token that comes next
// Zaremba, Sutskever and Vinyals, Recurrent Neural Network Regularization, 2014.
#pragma once

#include "../nn/dense.hpp"
#include "../nn/embedding.hpp"
#include "../nn/lstm.hpp"
#include "../ops/take.hpp"
#include "parts.hpp"

namespace inlay::inline v0_1::models {

struct lstm_lm_config {
  std::int64_t vocabulary = 0;  // required
  std::int64_t features = 0;    // numbers in a row of the embedding; 0: as many as .hidden
  std::int64_t hidden = 256;
  std::int64_t layers = 1;
  bool tied = false;   // the scores are products with the rows of the embedding, of which .hidden have to be .features
  double dropout = 0;  // before, between and behind the layers, while training
  double forget_bias = 0;  // see nn::lstm_config
};

template <floating T = float> class lstm_lm {
 public:
  using value_type = T;
  // What a sequence has been seen of.
  struct state {
    nn::lstm_state<tensor<T>> carried = {};
    void reorder(const tensor<std::int64_t>& rows) {
      carried.h = index_select(carried.h, 1, rows);
      carried.c = index_select(carried.c, 1, rows);
    }
  };

  // Throws value_error when a size is missing or does not fit.
  explicit lstm_lm(const lstm_lm_config& c)
      : embedding({.vocabulary = c.vocabulary, .features = c.features > 0 ? c.features : c.hidden}),
        lstm({.in = c.features > 0 ? c.features : c.hidden,
              .hidden = c.hidden,
              .layers = c.layers,
              .batch_first = true,
              .dropout = c.dropout,
              .forget_bias = c.forget_bias}),
        config_(c) {
    if (c.tied && c.features > 0 && c.features != c.hidden)
      throw value_error("lstm_lm",
                        {"expected as many .features as .hidden to be .tied, got ", c.features, " and ", c.hidden});
    embedding.weight = parameter<T>(embedding.weight.shape(), distribution::normal(0, c.tied ? 0.05 : 1));
    if (c.tied)
      bias = parameter<T>(shape{c.vocabulary}, init::constant(0));
    else
      head.emplace(nn::dense_config{.in = c.hidden, .out = c.vocabulary});
  }

  auto operator()(const auto& tokens) const { return scores(lstm(embedded(tokens)).y); }
  // From a state that an earlier call gave: the scores, and the state to go on with. Gradients go back to it, unless
  // its h and c are detached.
  template <class Tokens, class Value>
  auto operator()(const Tokens& tokens, const nn::lstm_state<Value>& before) const {
    auto result = lstm(embedded(tokens), before);
    auto y = scores(std::move(result.y));
    return nn::recurrent_result<decltype(y), decltype(result.state)>{std::move(y), std::move(result.state)};
  }

  // The scores behind each of the next tokens (N, T), after those that the state has seen. `counts` (N,): how many of
  // them a row has; all, if empty.
  tensor<T> step(const tensor<std::int64_t>& tokens, state& s, const tensor<std::int64_t>& counts = {}) const {
    if (s.carried.h.size() == 0) s.carried = lstm.start(tokens.dim(0));
    auto result = lstm(embedded(tokens), s.carried, counts);
    s.carried = std::move(result.state);
    return scores(std::move(result.y));
  }
  state start(std::int64_t = 0) const { return {}; }

  const lstm_lm_config& config() const noexcept { return config_; }
  static void members(auto& self, auto&& visit) {
    visit("embedding", self.embedding);
    visit("lstm", self.lstm);
    visit("head", self.head);
    visit("bias", self.bias);
  }
  // Those of PyTorch's word_language_model.
  INLAY_COLD std::vector<torch_name> torch_names() const {
    std::vector<torch_name> names{{"encoder", "embedding"}};
    detail::add_recurrent_names(names, "rnn", "lstm", config_.layers);
    if (head) return names.push_back({"decoder", "head"}), names;
    names.push_back({"decoder.weight", "embedding.weight", torch_form::also});
    names.push_back({"decoder.bias", "bias"});
    return names;
  }

  nn::embedding<T> embedding;
  nn::lstm<T> lstm;
  std::optional<nn::dense<T>> head;
  parameter<T> bias;  // of tied scores

 private:
  auto dropped(auto x) const {
    if (config_.dropout > 0) x = dropout(x, config_.dropout);
    return x;
  }
  auto embedded(const auto& tokens) const { return dropped(embedding(tokens)); }
  auto scores(auto y) const {
    const auto x = dropped(std::move(y));
    return head ? (*head)(x) : linear(x, embedding.weight, bias);
  }

  lstm_lm_config config_;
};

}  // namespace inlay::inline v0_1::models
