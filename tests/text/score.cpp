// Shows: log-probabilities and perplexity of a text, in windows where it is longer than the context
// Each token's log-probability from log_softmax of its window, for windows as Hugging Face moves them; the perplexity
// of the metric; models with a state and without; what is refused.
#include <inlay/text/score.hpp>

#include <doctest/doctest.h>

#include <inlay/metrics/log_loss.hpp>
#include <inlay/models/gpt.hpp>
#include <inlay/models/lstm_lm.hpp>
#include <inlay/nn/init.hpp>
#include <inlay/ops/softmax.hpp>

#include "support.hpp"

using namespace inlay;
using text::score;

namespace {

std::vector<std::int64_t> made_up(std::int64_t count, std::int64_t vocabulary) {
  std::vector<std::int64_t> out;
  for (std::int64_t i = 0; i < count; ++i)
    out.push_back(static_cast<std::int64_t>(support::noise(static_cast<std::uint64_t>(i)) %
                                            static_cast<std::uint64_t>(vocabulary)));
  return out;
}

template <class Model>
double log_probability(const Model& model, const std::vector<std::int64_t>& tokens, std::int64_t from,
                       std::int64_t to) {
  const std::span<const std::int64_t> all(tokens);
  const auto x = inlay::from<std::int64_t>(
      {1, to - from}, all.subspan(static_cast<std::size_t>(from), static_cast<std::size_t>(to - from)));
  return log_softmax(model(x))(0, to - from - 1, tokens[static_cast<std::size_t>(to)]);
}

// Only operator().
struct stateless {
  const models::gpt<double>& model;
  tensor<double> operator()(const tensor<std::int64_t>& x) const { return model(x); }
};

models::gpt<double> small_gpt() {
  models::gpt<double> out({.vocabulary = 11, .context = 8, .layers = 1, .heads = 2, .in = 8});
  init::weights(out, {.seed = 3});
  return out;
}

}  // namespace

TEST_CASE("score: a text within the context") {
  const auto model = small_gpt();
  const auto tokens = made_up(9, 11);  // the last one is only predicted
  const auto got = score(model, tokens);
  REQUIRE(got.log_probabilities.size() == 8);
  double sum = 0;
  for (std::int64_t t = 1; t < 9; ++t) {
    const double expected = log_probability(model, tokens, 0, t);
    CHECK(got.log_probabilities[static_cast<std::size_t>(t - 1)] == doctest::Approx(expected).epsilon(1e-12));
    sum += expected;
  }
  CHECK(got.sum == doctest::Approx(sum));
  CHECK(score(model, tokens, {.context = std::numeric_limits<std::int64_t>::max()}).sum == got.sum);
  metrics::perplexity metric;
  metric.update(model(from<std::int64_t>({1, 8}, std::span(tokens).first(8))),
                from<std::int64_t>({1, 8}, std::span(tokens).last(8)));
  CHECK(got.perplexity == doctest::Approx(metric.value()).epsilon(1e-12));
}

TEST_CASE("score: windows that move on") {
  const auto model = small_gpt();
  for (const std::int64_t count : {2, 8, 10, 23})
    for (const std::int64_t context : {1, 5, 8})
      for (const std::int64_t stride : {1, 3, 5, 8}) {
        if (stride > context) continue;
        const auto tokens = made_up(count, 11);
        const auto got = score(model, tokens, {.context = context, .stride = stride});
        REQUIRE(std::ssize(got.log_probabilities) == count - 1);
        for (std::int64_t t = 1; t < count; ++t) {
          std::int64_t begin = 0;  // of the first window that has the token before it
          while (t > begin + context) begin += stride;
          CHECK(got.log_probabilities[static_cast<std::size_t>(t - 1)] ==
                doctest::Approx(log_probability(model, tokens, begin, t)).epsilon(1e-12));
        }
      }
}

TEST_CASE("score: the windows of Hugging Face's guide") {
  // for begin in range(0, n, stride): end = min(begin + C, n), the last end - previous end tokens of it count, of which
  // the first window's first has nothing before it.
  const auto model = small_gpt();
  const auto tokens = made_up(30, 11);
  const std::int64_t length = 30, window = 8, stride = 3;
  double sum = 0;
  std::int64_t previous = 0, counted = 0;
  for (std::int64_t begin = 0; begin < length; begin += stride) {
    const std::int64_t end = std::min(begin + window, length);
    for (std::int64_t t = std::max(previous, begin + 1); t < end; ++t, ++counted)
      sum += log_probability(model, tokens, begin, t);
    previous = end;
    if (end == length) break;
  }
  const auto got = score(model, tokens, {.context = window - 1, .stride = stride});
  CHECK(counted == length - 1);
  CHECK(got.sum == doctest::Approx(sum).epsilon(1e-12));
  CHECK(got.perplexity == doctest::Approx(std::exp(-sum / 29)).epsilon(1e-12));
}

TEST_CASE("score: models with a state see a text in pieces, others in windows") {
  const auto model = small_gpt();
  const auto tokens = made_up(20, 11);
  const auto with = score(model, tokens), without = score(stateless{model}, tokens, {.context = 8});
  for (std::size_t i = 0; i < 19; ++i)
    CHECK(with.log_probabilities[i] == doctest::Approx(without.log_probabilities[i]).epsilon(1e-12));
  // No context: the whole text at once, which is longer than a piece.
  models::lstm_lm<double> lstm({.vocabulary = 7, .hidden = 4});
  init::weights(lstm, {.seed = 1});
  const auto longer = made_up(600, 7);
  const auto got = score(lstm, longer);
  const auto expected = log_softmax(lstm(from<std::int64_t>({1, 599}, std::span(longer).first(599))));
  REQUIRE(got.log_probabilities.size() == 599);
  for (std::int64_t t = 0; t < 599; ++t)
    CHECK(got.log_probabilities[static_cast<std::size_t>(t)] ==
          doctest::Approx(expected(0, t, longer[static_cast<std::size_t>(t + 1)])).epsilon(1e-12));
}

TEST_CASE("score: what is refused") {
  const auto model = small_gpt();
  CHECK_THROWS_WITH_AS(
      score(model, {3}),
      "[score] expected two tokens or more, .context of 1 or more and .stride up to it, got 1 tokens, 8 "
      "and 4",
      value_error);
  CHECK_THROWS_AS(score(model, {}), value_error);
  CHECK_THROWS_AS(score(model, {1, 2}, {.context = -1}), value_error);
  CHECK_THROWS_AS(score(model, {1, 2}, {.context = 4, .stride = 5}), value_error);
  CHECK_THROWS_AS(score(model, {1, 2}, {.stride = -1}), value_error);
  CHECK_THROWS_WITH_AS(score(model, {1, 11}), "[score] expected tokens from 0 to 10, got 11", value_error);
  CHECK_THROWS_AS(score(model, {1, -1}), value_error);
  CHECK_THROWS_AS(score(model, {11, 1}), value_error);
}
