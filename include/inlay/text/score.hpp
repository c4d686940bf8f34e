// How likely a language model finds a text: the log-probability of each token, and the perplexity. A text that is
// longer than the model's context is seen through a window that moves on by a stride; each token is scored once, in the
// first window that has it. With .context = C - 1 these are the windows of C tokens that Hugging Face's guide to
// perplexity moves on: there the last token of a window is only predicted. A model is as generate.hpp has it, or one
// whose operator() takes tokens (N, T) and gives scores (N, T, vocabulary).
#pragma once

#include <span>

#include "generate.hpp"

namespace inlay::inline v0_1::text {

struct score_options {
  std::int64_t context = 0;  // tokens that the model sees at most; 0: its config().context, or all where it has none
  std::int64_t stride = 0;   // from one window to the next; 0: half the context. Less takes longer and sees more
};

struct scored {
  std::vector<double> log_probabilities;  // of each token but the first, which nothing precedes
  double sum = 0;                         // of them
  double perplexity = 0;                  // exp(-sum / how many they are)
};

namespace detail {

// Calls f(i, scores) for the scores behind each token i of a row, in their order.
template <class Model, class F> void each_score(const Model& model, std::span<const std::int64_t> tokens, const F& f) {
  const auto pass = [&](const auto& scores, std::int64_t first) {
    const std::int64_t vocabulary = scores.dim(2);
    for (std::int64_t i = 0; i < scores.dim(1); ++i)
      f(first + i,
        scores.values().subspan(static_cast<std::size_t>(i * vocabulary), static_cast<std::size_t>(vocabulary)));
  };
  const auto row = [](std::span<const std::int64_t> part) { return from<std::int64_t>({1, std::ssize(part)}, part); };
  if constexpr (requires { model.start(std::int64_t{}); }) {
    constexpr std::size_t piece = 256;  // scores of a long text with many tokens would not fit
    auto state = model.start(std::ssize(tokens));
    for (std::size_t at = 0; at < tokens.size(); at += piece)
      pass(model.step(row(tokens.subspan(at, std::min(piece, tokens.size() - at))), state, {}),
           static_cast<std::int64_t>(at));
  } else {
    pass(model(row(tokens)), 0);
  }
}

}  // namespace detail

// Throws value_error for fewer than two tokens, one that the model does not have, or options that do not fit.
template <class Model>
scored score(const Model& model, const std::vector<std::int64_t>& tokens, const score_options& options = {}) {
  std::int64_t context = options.context;
  if constexpr (requires { model.config().context; })
    if (context == 0) context = model.config().context;
  if (context == 0) context = std::max<std::int64_t>(std::ssize(tokens), 1);
  const std::int64_t stride = options.stride == 0 ? context / 2 + context % 2 : options.stride;
  if (tokens.size() < 2 || context < 1 || stride < 1 || stride > context)
    throw value_error("score", {"expected two tokens or more, .context of 1 or more and .stride up to it, got ",
                                tokens.size(), " tokens, ", context, " and ", stride});
  scored out;
  const std::int64_t inputs = std::ssize(tokens) - 1;  // the last token is only predicted
  for (std::int64_t begin = 0, done = 0; done < inputs; begin += stride) {
    const std::int64_t end = std::min(begin + context, inputs);
    detail::each_score(
        model, std::span(tokens).subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(end - begin)),
        [&](std::int64_t i, const auto& scores) {
          if (begin + i < done) return;
          const std::int64_t next = tokens[static_cast<std::size_t>(begin + i + 1)];
          if (next < 0 || next >= std::ssize(scores)) [[unlikely]]
            throw value_error("score", {"expected tokens from 0 to ", std::ssize(scores) - 1, ", got ", next});
          out.log_probabilities.push_back(static_cast<double>(scores[static_cast<std::size_t>(next)]) -
                                          detail::log_sum(scores));
          out.sum += out.log_probabilities.back();
        });
    done = end;
  }
  out.perplexity = __builtin_exp(-out.sum / static_cast<double>(inputs));
  return out;
}

}  // namespace inlay::inline v0_1::text
