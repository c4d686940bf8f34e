// Text (or any sequence of tokens) from a language model: the likeliest next token each time, one drawn by chance, or
// the likeliest of several sequences that are followed at once.
// A model has step(tokens (N, T), state, counts (N,)) -> scores (N, T, vocabulary) and start(room) -> a state that can
// be reordered, as models::gpt.
#pragma once

#include <algorithm>
#include <functional>
#include <limits>
#include <vector>

#include "../core/random.hpp"
#include "../core/tensor.hpp"

namespace inlay::inline v0_1::text {

struct generate_options {
  std::int64_t tokens = 100;  // how many at most
  double temperature = 1;     // scores are divided by it before one is drawn; 0: the likeliest is taken
  std::int64_t top_k = 0;     // only the likeliest that many are drawn from; 0: all
  double top_p = 1;           // only the fewest that have this share of the probability (Holtzman and others, 2020)
  double min_p = 0;           // only those that have this share of the likeliest's probability
  double repetition_penalty =
      1;  // scores of tokens that were there before are made less by it (Keskar and others, 2019)
  // More: the likeliest sequence of that many that are followed; nothing is drawn. It is over when that many have
  // stopped (Hugging Face's early_stopping); one of them it is then, also where others that go on are likelier.
  std::int64_t beams = 1;
  double length_penalty = 1;                         // of beams: a sequence counts log p / length^penalty
  std::vector<std::vector<std::int64_t>> stop = {};  // a sequence ends behind one of these
  std::uint64_t seed = 0;
  // Sees each token as it comes, and the row it belongs to; a row ends when it gives false. Not for beams.
  std::function<bool(std::int64_t row, std::int64_t token)> on_token = {};
};

struct generated {
  std::vector<std::int64_t> tokens;       // without the prompt; what it stopped at is included
  std::vector<double> log_probabilities;  // of each, from the model's scores as they are
  bool stopped = false;                   // at one of .stop, or by on_token
};

namespace detail {

INLAY_COLD inline void check(const generate_options& o) {
  constexpr double most = std::numeric_limits<double>::max();  // infinite ones would make NaN of infinite scores
  if (o.tokens < 0 || !(o.temperature >= 0 && o.temperature <= most) || o.top_k < 0 || !(o.top_p > 0 && o.top_p <= 1) ||
      !(o.min_p >= 0 && o.min_p <= 1) || !(o.repetition_penalty > 0 && o.repetition_penalty <= most) || o.beams < 1 ||
      !(o.length_penalty >= -most && o.length_penalty <= most))
    throw value_error("generate",
                      {"expected .tokens, .temperature and .top_k of 0 or more, .top_p above 0 and up to 1, "
                       ".min_p from 0 to 1, .repetition_penalty above 0, .beams of 1 or more and numbers that are "
                       "finite"});
}

// log(sum of exp)
double log_sum(const auto& scores) {
  const auto top = static_cast<double>(*std::max_element(scores.begin(), scores.end()));
  double sum = 0;
  for (const auto s : scores) sum += __builtin_exp(static_cast<double>(s) - top);
  return top + __builtin_log(sum);
}

inline bool ends_with(const std::vector<std::int64_t>& tokens, const std::vector<std::vector<std::int64_t>>& stop) {
  return std::any_of(stop.begin(), stop.end(), [&](const std::vector<std::int64_t>& s) {
    return !s.empty() && s.size() <= tokens.size() && std::equal(s.rbegin(), s.rend(), tokens.rbegin());
  });
}

struct candidate {
  double score, weight;
  std::int64_t token;
};

// Brings the `count` likeliest of [first, last) to its front; of the same score the lower tokens.
inline void part(std::vector<candidate>& all, std::size_t first, std::size_t count, std::size_t last) {
  const auto begin = all.begin() + static_cast<std::ptrdiff_t>(first);
  std::nth_element(begin, begin + static_cast<std::ptrdiff_t>(count), all.begin() + static_cast<std::ptrdiff_t>(last),
                   [](const candidate& a, const candidate& b) {
                     return a.score != b.score ? a.score > b.score : a.token < b.token;
                   });
}

inline double weight_of(const std::vector<candidate>& all, std::size_t first, std::size_t last) {
  double out = 0;
  for (std::size_t i = first; i < last; ++i) out += all[i].weight;
  return out;
}

// Where the likeliest together weigh more than `mass`, or as much if that is enough. All before it are likelier, all
// behind it are not: what is sorted is halved, not the whole.
inline std::size_t walk(std::vector<candidate>& all, double mass, bool more) {
  std::size_t first = 0, last = all.size();
  while (last - first > 1) {
    const std::size_t middle = first + (last - first) / 2;
    part(all, first, middle - first, last);
    const double weight = weight_of(all, first, middle);
    if (more ? weight <= mass : weight < mass)
      mass -= weight, first = middle;
    else
      last = middle;
  }
  return first;
}

}  // namespace detail

// The next token by its scores; `before`: the tokens so far. The same generator draws the same. A score that is NaN
// counts as none. Takes a time in proportion to the vocabulary. Throws value_error for no scores, and, where they
// count, for tokens before that have none.
inline std::int64_t sample(std::vector<double> scores, const std::vector<std::int64_t>& before,
                           const generate_options& o, random::generator& g) {
  if (scores.empty()) throw value_error("sample", {"expected a score for each token, got none"});
  for (double& s : scores)
    if (inlay::detail::is_nan(s)) s = -std::numeric_limits<double>::infinity();
  if (o.repetition_penalty != 1) {
    std::vector<bool> seen(scores.size());
    for (const std::int64_t t : before) {
      if (t < 0 || t >= std::ssize(scores)) [[unlikely]]
        throw value_error("sample", {"expected tokens from 0 to ", std::ssize(scores) - 1, ", got ", t});
      const auto at = static_cast<std::size_t>(t);
      if (seen[at]) continue;
      seen[at] = true;
      double& s = scores[at];
      s = s > 0 ? s / o.repetition_penalty : s * o.repetition_penalty;
    }
  }
  const auto likeliest = std::max_element(scores.begin(), scores.end());
  if (o.temperature == 0) return likeliest - scores.begin();
  const double top = *likeliest;
  std::vector<detail::candidate> all;
  all.reserve(scores.size());
  for (const double s : scores) all.push_back({s, 0, std::ssize(all)});
  if (o.top_k > 0 && o.top_k < std::ssize(all)) {
    detail::part(all, 0, static_cast<std::size_t>(o.top_k), all.size());
    all.resize(static_cast<std::size_t>(o.top_k));
  }
  for (detail::candidate& c : all) c.weight = c.score == top ? 1 : __builtin_exp((c.score - top) / o.temperature);
  if (o.top_p < 1) all.resize(detail::walk(all, o.top_p * detail::weight_of(all, 0, all.size()), false) + 1);
  if (o.min_p > 0) std::erase_if(all, [&](const detail::candidate& c) { return c.weight < o.min_p; });
  const random::words w = g.next();
  return all[detail::walk(all, random::to_unit(w[0], w[1]) * detail::weight_of(all, 0, all.size()), true)].token;
}

namespace detail {

template <class Model> class generation {
 public:
  generation(const Model& model, const std::vector<std::vector<std::int64_t>>& prompts, const generate_options& options)
      : model_(model), options_(options), tokens_(prompts) {
    std::size_t longest = 0;
    for (const auto& p : prompts) {
      if (p.empty()) throw value_error("generate", {"expected prompts of one token or more, got an empty one"});
      longest = std::max(longest, p.size());
    }
    state_ = model.start(static_cast<std::int64_t>(longest) + options.tokens);
    const auto rows = std::ssize(prompts), steps = static_cast<std::int64_t>(longest);
    tensor<std::int64_t> all({rows, steps}), counts({rows});
    for (std::int64_t n = 0; n < rows; ++n) {
      const auto& p = prompts[static_cast<std::size_t>(n)];
      counts(n) = std::ssize(p);
      std::copy(p.begin(), p.end(), all.data() + n * steps);
    }
    take(model_.step(all, state_, counts), counts);
  }

  std::size_t rows() const { return tokens_.size(); }
  const std::vector<double>& scores(std::size_t row) const { return scores_[row]; }
  const std::vector<std::int64_t>& tokens(std::size_t row) const { return tokens_[row]; }

  // One row by itself.
  generation row(std::size_t n) const {
    generation out = *this;
    out.state_.reorder(tensor<std::int64_t>({1}, static_cast<std::int64_t>(n)));
    out.tokens_ = {tokens_[n]};
    out.scores_ = {scores_[n]};
    return out;
  }

  // Row i goes on as row from[i] did, with a token.
  void step(const std::vector<std::size_t>& from, const std::vector<std::int64_t>& next) {
    bool moved = from.size() != tokens_.size();
    for (std::size_t i = 0; i < from.size(); ++i) moved = moved || from[i] != i;
    if (moved) {
      std::vector<std::vector<std::int64_t>> tokens;
      for (const std::size_t row : from) tokens.push_back(tokens_[row]);
      tokens_ = std::move(tokens);
      const std::vector<std::int64_t> rows(from.begin(), from.end());
      state_.reorder(inlay::from<std::int64_t>({std::ssize(rows)}, std::span<const std::int64_t>(rows)));
    }
    for (std::size_t i = 0; i < from.size(); ++i) tokens_[i].push_back(next[i]);
    take(model_.step(inlay::from<std::int64_t>({std::ssize(next), 1}, std::span<const std::int64_t>(next)), state_, {}),
         tensor<std::int64_t>(shape{std::ssize(from)}, 1));
  }

 private:
  void take(const auto& scores, const tensor<std::int64_t>& counts) {
    scores_.clear();
    for (std::int64_t n = 0; n < scores.dim(0); ++n) {
      const auto* const row = scores.data() + (n * scores.dim(1) + counts(n) - 1) * scores.dim(2);
      scores_.emplace_back(row, row + scores.dim(2));
    }
  }

  const Model& model_;
  const generate_options& options_;
  decltype(std::declval<const Model&>().start(std::int64_t{})) state_;
  std::vector<std::vector<std::int64_t>> tokens_;
  std::vector<std::vector<double>> scores_;
};

template <class Model> generated beam_search(generation<Model> run, const generate_options& o) {
  struct beam {
    generated so_far;
    double sum = 0;
    std::size_t row = 0;
  };
  const auto value = [&](const beam& b) {
    return b.sum /
           __builtin_pow(static_cast<double>(std::max<std::size_t>(b.so_far.tokens.size(), 1)), o.length_penalty);
  };
  const auto better = [&](const beam& a, const beam& b) { return value(a) > value(b); };
  std::vector<beam> open{beam{}}, ended;
  const auto width = static_cast<std::size_t>(o.beams);
  for (std::int64_t t = 0; t < o.tokens && !open.empty() && ended.size() < width; ++t) {
    std::vector<beam> next;
    for (const beam& b : open) {
      const std::vector<double>& scores = run.scores(b.row);
      const double all = log_sum(scores);
      std::vector<std::size_t> order(scores.size());
      for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
      const std::size_t count = std::min(2 * width, order.size());
      std::partial_sort(
          order.begin(), order.begin() + static_cast<std::ptrdiff_t>(count), order.end(),
          [&](std::size_t x, std::size_t y) { return scores[x] > scores[y] || (scores[x] == scores[y] && x < y); });
      for (std::size_t i = 0; i < count; ++i) {
        beam longer = b;
        longer.so_far.tokens.push_back(static_cast<std::int64_t>(order[i]));
        longer.so_far.log_probabilities.push_back(scores[order[i]] - all);
        longer.sum += scores[order[i]] - all;
        next.push_back(std::move(longer));
      }
    }
    std::stable_sort(next.begin(), next.end(), [](const beam& a, const beam& b) { return a.sum > b.sum; });
    open.clear();
    std::vector<std::size_t> from;
    std::vector<std::int64_t> tokens;
    for (beam& b : next) {
      if (open.size() == width) break;
      if (ends_with(b.so_far.tokens, o.stop)) {
        b.so_far.stopped = true;
        ended.push_back(std::move(b));
        continue;
      }
      from.push_back(std::exchange(b.row, open.size()));
      tokens.push_back(b.so_far.tokens.back());
      open.push_back(std::move(b));
    }
    if (t + 1 < o.tokens && !open.empty()) run.step(from, tokens);
  }
  if (ended.size() < width) ended.insert(ended.end(), open.begin(), open.end());
  return std::stable_sort(ended.begin(), ended.end(), better), ended.front().so_far;
}

}  // namespace detail

// One result for each prompt, of any lengths. A row draws from the seed and its number, so it does not matter what
// stands beside it. Throws value_error for an empty prompt, or options that do not fit.
template <class Model>
std::vector<generated> generate(const Model& model, const std::vector<std::vector<std::int64_t>>& prompts,
                                const generate_options& options = {}) {
  detail::check(options);
  std::vector<generated> out;
  out.resize(prompts.size());
  if (prompts.empty() || options.tokens == 0) return out;
  detail::generation<Model> run(model, prompts, options);
  if (options.beams > 1) {
    for (std::size_t n = 0; n < prompts.size(); ++n) out[n] = detail::beam_search(run.row(n), options);
    return out;
  }
  std::vector<std::size_t> open;
  std::vector<random::generator> generators;
  for (std::size_t n = 0; n < prompts.size(); ++n) {
    open.push_back(n);
    generators.emplace_back(options.seed, n);
  }
  for (std::int64_t t = 0; t < options.tokens && !open.empty(); ++t) {
    std::vector<std::size_t> from, still;
    std::vector<std::int64_t> next;
    for (std::size_t row = 0; row < open.size(); ++row) {
      const std::size_t n = open[row];
      const std::vector<double>& scores = run.scores(row);
      const std::int64_t token = sample(scores, run.tokens(row), options, generators[n]);
      generated& g = out[n];
      g.tokens.push_back(token);
      g.log_probabilities.push_back(scores[static_cast<std::size_t>(token)] - detail::log_sum(scores));
      g.stopped = detail::ends_with(g.tokens, options.stop) ||
                  (options.on_token && !options.on_token(static_cast<std::int64_t>(n), token));
      if (g.stopped) continue;
      from.push_back(row), next.push_back(token), still.push_back(n);
    }
    open = std::move(still);
    if (t + 1 < options.tokens && !open.empty()) run.step(from, next);
  }
  return out;
}

template <class Model>
generated generate(const Model& model, const std::vector<std::int64_t>& prompt, const generate_options& options = {}) {
  return generate(model, std::vector<std::vector<std::int64_t>>{prompt}, options).front();
}

}  // namespace inlay::inline v0_1::text
