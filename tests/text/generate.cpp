// Shows: generation (greedy, temperature, top-k, top-p, min-p, repetition penalty, beams, stop sequences, batches)
// A made-up model whose scores are known: what each option takes and leaves; beams against all sequences; rows of
// different lengths do not depend on each other; log-probabilities; what is refused.
#include <inlay/text/generate.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <map>

#include "support.hpp"

using namespace inlay;
using text::generate;
using text::generate_options;

namespace {

using tokens = std::vector<std::int64_t>;

// The scores behind a token depend on it and the one before it, which the state keeps for every row.
struct pairs_model {
  std::int64_t vocabulary = 5;

  struct state {
    tensor<std::int64_t> last = {};
    void reorder(const tensor<std::int64_t>& rows) {
      tensor<std::int64_t> out({rows.size()});
      for (std::int64_t i = 0; i < rows.size(); ++i) out.data()[i] = std::as_const(last).data()[rows.data()[i]];
      last = out;
    }
  };
  state start(std::int64_t = 0) const { return {}; }
  double score(std::int64_t before, std::int64_t last, std::int64_t next) const {
    return 4 * static_cast<double>(support::noise(static_cast<std::uint64_t>(before * 100 + last * 10 + next)) % 1000) /
           1000;
  }
  tensor<double> step(const tensor<std::int64_t>& x, state& s, const tensor<std::int64_t>& counts = {}) const {
    const std::int64_t rows = x.dim(0), steps = x.dim(1);
    if (s.last.size() == 0) s.last = tensor<std::int64_t>({rows});
    tensor<double> out({rows, steps, vocabulary});
    for (std::int64_t n = 0; n < rows; ++n)
      for (std::int64_t t = 0; t < (counts.size() > 0 ? counts(n) : steps); ++t) {
        for (std::int64_t v = 0; v < vocabulary; ++v) out(n, t, v) = score(s.last(n), x(n, t), v);
        s.last(n) = x(n, t);
      }
    return out;
  }
};

// The same scores behind every token. It starts with room only.
struct always {
  struct state {
    void reorder(const tensor<std::int64_t>&) {}
  };
  state start(std::int64_t) const { return {}; }
  tensor<double> step(const tensor<std::int64_t>& x, state&, const tensor<std::int64_t>& = {}) const {
    tensor<double> out({x.dim(0), x.dim(1), 3});
    const double shares[] = {0.3, 0.69, 0.01};
    for (std::int64_t i = 0; i < out.size(); ++i) out.data()[i] = std::log(shares[i % 3]);
    return out;
  }
};

// The probabilities of the next token of a sequence.
std::vector<double> next_of(const pairs_model& m, const tokens& sequence, double temperature = 1) {
  std::vector<double> out;
  double sum = 0;
  for (std::int64_t v = 0; v < m.vocabulary; ++v) {
    const std::size_t n = sequence.size();
    out.push_back(std::exp(m.score(n > 1 ? sequence[n - 2] : 0, sequence[n - 1], v) / temperature));
    sum += out.back();
  }
  for (double& p : out) p /= sum;
  return out;
}

// How often each token comes first in many draws.
std::vector<double> shares(const generate_options& options, int draws = 4000) {
  const pairs_model m;
  std::vector<double> out(5);
  const std::vector<tokens> prompts(static_cast<std::size_t>(draws), tokens{1, 2});
  generate_options o = options;
  o.tokens = 1;
  for (const auto& g : generate(m, prompts, o)) out[static_cast<std::size_t>(g.tokens[0])] += 1.0 / draws;
  return out;
}

}  // namespace

TEST_CASE("generate: the likeliest each time, and its log-probability") {
  const pairs_model m;
  const auto g = generate(m, tokens{3}, {.tokens = 12, .temperature = 0});
  CHECK(g.tokens.size() == 12);
  CHECK(!g.stopped);
  tokens all{3};
  for (std::size_t i = 0; i < 12; ++i) {
    const auto p = next_of(m, all);
    const auto best = std::max_element(p.begin(), p.end()) - p.begin();
    CHECK(g.tokens[i] == best);
    CHECK(g.log_probabilities[i] == doctest::Approx(std::log(p[static_cast<std::size_t>(best)])));
    all.push_back(best);
  }
}

TEST_CASE("generate: draws follow the probabilities, and every option of them") {
  const pairs_model m;
  const auto p = next_of(m, {1, 2});
  const auto is = [](const std::vector<double>& got, const std::vector<double>& expected) {
    for (std::size_t i = 0; i < 5; ++i) CHECK(std::abs(got[i] - expected[i]) < 0.03);
  };
  is(shares({.seed = 1}), p);
  is(shares({.temperature = 0.5, .seed = 2}), next_of(m, {1, 2}, 0.5));
  tokens order{0, 1, 2, 3, 4};
  std::sort(order.begin(), order.end(),
            [&](auto a, auto b) { return p[static_cast<std::size_t>(a)] > p[static_cast<std::size_t>(b)]; });
  const auto first = [&](std::size_t count) {
    std::vector<double> out(5);
    double sum = 0;
    for (std::size_t i = 0; i < count; ++i) sum += p[static_cast<std::size_t>(order[i])];
    for (std::size_t i = 0; i < count; ++i)
      out[static_cast<std::size_t>(order[i])] = p[static_cast<std::size_t>(order[i])] / sum;
    return out;
  };
  const auto of = [&](std::size_t i) { return p[static_cast<std::size_t>(order[i])]; };
  is(shares({.top_k = 2, .seed = 3}), first(2));
  is(shares({.top_k = 1, .seed = 3}), first(1));
  is(shares({.top_p = of(0) + of(1) / 2, .seed = 4}), first(2));  // the second is begun, so it is in
  is(shares({.top_p = of(0) / 2, .seed = 5}), first(1));
  is(shares({.min_p = (of(2) + of(3)) / 2 / of(0), .seed = 6}), first(3));
  // A token that was there counts less: with a penalty that is large enough it does not come again.
  const auto penalised = shares({.repetition_penalty = 1000, .seed = 7});
  const double of_1 = std::exp(m.score(1, 2, 1) / 1000), of_2 = std::exp(m.score(1, 2, 2) / 1000);
  double sum = of_1 + of_2;
  for (const std::int64_t v : {0, 3, 4}) sum += std::exp(m.score(1, 2, v));
  CHECK(std::abs(penalised[1] - of_1 / sum) < 0.03);
  CHECK(std::abs(penalised[2] - of_2 / sum) < 0.03);
}

namespace {

// The rule as it is said, with all scores sorted: what is drawn for a number from 0 to 1.
std::int64_t sorted_sample(const std::vector<double>& scores, const generate_options& o, double unit) {
  tokens order(scores.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = static_cast<std::int64_t>(i);
  std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) {
    return scores[static_cast<std::size_t>(a)] > scores[static_cast<std::size_t>(b)];
  });
  if (o.top_k > 0) order.resize(std::min(order.size(), static_cast<std::size_t>(o.top_k)));
  std::vector<double> weights;
  double total = 0;
  for (const std::int64_t t : order) {
    weights.push_back(
        std::exp((scores[static_cast<std::size_t>(t)] - scores[static_cast<std::size_t>(order[0])]) / o.temperature));
    total += weights.back();
  }
  double kept = 0;
  std::size_t count = 0, at = 0;
  while (count < weights.size() && (count == 0 || (kept < o.top_p * total && weights[count] >= o.min_p)))
    kept += weights[count++];
  double left = unit * kept;
  while (at + 1 < count && left >= weights[at]) left -= weights[at++];
  return order[at];
}

}  // namespace

TEST_CASE("sample: the draws of sorted scores, without sorting them all") {
  const generate_options all[] = {{},
                                  {.temperature = 0.3},
                                  {.top_k = 7},
                                  {.top_k = 5000},
                                  {.top_p = 0.7},
                                  {.min_p = 0.2},
                                  {.temperature = 2, .top_k = 40, .top_p = 0.9, .min_p = 0.01},
                                  {.top_k = 1},
                                  {.top_p = 1e-9}};
  random::generator g(5);
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    std::vector<double> scores =
        support::noise_values<double>(1 + static_cast<std::int64_t>(seed * seed * 7), seed, -6, 6);
    if (seed % 3 == 0)  // many of the same
      for (double& s : scores) s = std::round(s);
    for (const generate_options& o : all)
      for (int draw = 0; draw < 4; ++draw) {
        random::generator copy = g;
        const double unit = static_cast<double>(copy.below(std::uint64_t{1} << 53)) * 0x1p-53;
        CHECK(text::sample(scores, {}, o, g) == sorted_sample(scores, o, unit));
        CHECK(g.position() == copy.position());
      }
  }
  // Four of the same: a share that two of them have is enough.
  for (int draw = 0; draw < 50; ++draw) CHECK(text::sample({1, 1, 1, 1}, {}, {.top_p = 0.5}, g) < 2);
}

TEST_CASE("sample: scores that are infinite, or none") {
  random::generator g(1);
  const double infinity = HUGE_VAL, none = std::nan("");
  for (const double temperature : {0.0, 1.0})
    for (int draw = 0; draw < 20; ++draw) {
      const generate_options o{.temperature = temperature};
      CHECK(text::sample({none, 1, none}, {}, o, g) == 1);
      CHECK(text::sample({-infinity, none, -3}, {}, o, g) == 2);
      CHECK(text::sample({5, infinity, 5}, {}, o, g) == 1);
      CHECK(text::sample({-infinity, none}, {}, o, g) < 2);
    }
}

TEST_CASE("generate: the same seed gives the same, whatever stands beside a row") {
  const pairs_model m;
  const generate_options o{.tokens = 20, .seed = 9};
  const std::vector<tokens> prompts{{1}, {2, 3, 4, 0}, {4, 4}};
  const auto all = generate(m, prompts, o), again = generate(m, prompts, o);
  for (std::size_t n = 0; n < 3; ++n) CHECK(all[n].tokens == again[n].tokens);
  CHECK(generate(m, std::vector<tokens>{prompts[0], prompts[1]}, o)[1].tokens == all[1].tokens);
  CHECK(generate(m, prompts[0], o).tokens == all[0].tokens);
  CHECK(generate(m, prompts, {.tokens = 20, .seed = 10})[0].tokens != all[0].tokens);
}

TEST_CASE("generate: stops behind a sequence, or when the caller says so") {
  const pairs_model m;
  const std::vector<tokens> prompts{{1}, {2}, {3}};
  const auto free = generate(m, prompts, {.tokens = 30, .seed = 2});
  const tokens& one = free[1].tokens;
  const auto cut = generate(m, prompts, {.tokens = 30, .stop = {{one[3], one[4]}}, .seed = 2});
  CHECK(cut[1].stopped);
  CHECK(cut[1].tokens.size() <= 5);
  CHECK(std::equal(cut[1].tokens.begin(), cut[1].tokens.end(), one.begin()));
  std::map<std::int64_t, tokens> seen;
  const auto told =
      generate(m, prompts, {.tokens = 30, .seed = 2, .on_token = [&](std::int64_t row, std::int64_t token) {
                              seen[row].push_back(token);
                              return row != 2 || seen[row].size() < 4;
                            }});
  CHECK(told[2].tokens.size() == 4);
  CHECK(told[2].stopped);
  CHECK(told[0].tokens == free[0].tokens);
  for (std::size_t n = 0; n < 3; ++n) CHECK(seen[static_cast<std::int64_t>(n)] == told[n].tokens);
}

TEST_CASE("generate: beams that are wide enough find the likeliest of all sequences") {
  const pairs_model m;
  const std::int64_t length = 4;
  double best = -1e9;
  tokens likeliest;
  for (std::int64_t number = 0; number < 625; ++number) {
    tokens sequence{1, 2};
    double sum = 0;
    for (std::int64_t i = 0, rest = number; i < length; ++i, rest /= 5) {
      sum += std::log(next_of(m, sequence)[static_cast<std::size_t>(rest % 5)]);
      sequence.push_back(rest % 5);
    }
    if (sum > best) best = sum, likeliest = tokens(sequence.begin() + 2, sequence.end());
  }
  const auto g = generate(m, tokens{1, 2}, {.tokens = length, .beams = 125});
  CHECK(g.tokens == likeliest);
  double sum = 0;
  for (const double l : g.log_probabilities) sum += l;
  CHECK(sum == doctest::Approx(best));
  // One that ends early is weighed by its length.
  const auto stopped = generate(m, tokens{1, 2}, {.tokens = length, .beams = 30, .stop = {{likeliest[0]}}});
  CHECK(std::count(stopped.tokens.begin(), stopped.tokens.end(), likeliest[0]) == (stopped.stopped ? 1 : 0));
}

TEST_CASE("generate: beams give a sequence that stopped when enough of them did") {
  const auto to_stop = generate(always{}, tokens{1}, {.tokens = 50, .beams = 2, .stop = {{0}}});
  CHECK(to_stop.stopped);
  CHECK(to_stop.tokens == tokens{1, 0});  // 1, 1 is likelier, and goes on
  // log 0.3 is more than log (0.69 · 0.3), and less than half of it.
  CHECK(generate(always{}, tokens{1}, {.tokens = 50, .beams = 2, .length_penalty = 0, .stop = {{0}}}).tokens ==
        tokens{0});
  // Where tokens run out before, those that did not stop count too.
  const auto cut = generate(always{}, tokens{1}, {.tokens = 1, .beams = 2, .stop = {{0}}});
  CHECK(!cut.stopped);
  CHECK(cut.tokens == tokens{1});
}

TEST_CASE("sample: what is refused") {
  random::generator g;
  CHECK_THROWS_WITH_AS(text::sample({}, {}, {}, g), "[sample] expected a score for each token, got none", value_error);
  CHECK_THROWS_WITH_AS(text::sample({1, 2}, {0, 2}, {.repetition_penalty = 2}, g),
                       "[sample] expected tokens from 0 to 1, got 2", value_error);
  CHECK_THROWS_AS(text::sample({1, 2}, {-1}, {.repetition_penalty = 2}, g), value_error);
}

TEST_CASE("generate: what is refused, and what gives nothing") {
  const pairs_model m;
  CHECK_THROWS_WITH_AS(generate(m, tokens{}), "[generate] expected prompts of one token or more, got an empty one",
                       value_error);
  for (const generate_options& o : {generate_options{.temperature = -1},
                                    {.top_k = -1},
                                    {.top_p = 0},
                                    {.top_p = 1.5},
                                    {.min_p = 2},
                                    {.repetition_penalty = 0},
                                    {.beams = 0},
                                    {.temperature = HUGE_VAL},
                                    {.repetition_penalty = HUGE_VAL},
                                    {.length_penalty = std::nan("")},
                                    {.temperature = std::nan("")}})
    CHECK_THROWS_AS(generate(m, tokens{1}, o), value_error);
  CHECK(generate(m, tokens{1}, {.tokens = 0}).tokens.empty());
  CHECK(generate(m, std::vector<tokens>{}).empty());
}
