// Shows: CTC decoding (best path, prefix beam search with a language model)
// The best path and the beams against all paths and all labellings of small scores; with a language model against its
// definition; what options leave out; rows of different lengths; scores that forbid; what is refused.
#include <inlay/text/ctc_decode.hpp>

#include <doctest/doctest.h>

#include "naive/ctc.hpp"
#include "tensors.hpp"

using namespace inlay;
using naive::labelling;
using support::made_up;
using text::ctc_beam_options;
using text::ctc_beam_search;
using text::ctc_greedy;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

tensor<std::int64_t> ints(const std::vector<std::int64_t>& values) {
  return from<std::int64_t>({std::ssize(values)}, std::span<const std::int64_t>(values));
}

// Opinions that depend on all there is.
double opinion(const labelling& prefix, std::int64_t label) {
  auto seed = static_cast<std::uint64_t>(label);
  for (const std::int64_t l : prefix) seed = 7 * seed + static_cast<std::uint64_t>(l);
  return static_cast<double>(support::noise(seed) % 1000) / 250 - 2;
}
double opinion_of_all(const labelling& labels, std::int64_t blank) {
  double sum = opinion(labels, blank);
  for (auto end = labels.begin(); end != labels.end(); ++end) sum += opinion({labels.begin(), end}, *end);
  return sum;
}

}  // namespace

TEST_CASE("ctc_beam_search: with beams enough it finds every labelling, in order") {
  for (const std::int64_t blank : {0, 1})
    for (const std::int64_t steps : {1, 3, 6})
      for (const bool advised : {false, true}) {
        const auto scores = made_up<double>({steps, 3}, static_cast<std::uint64_t>(steps + blank), -2, 2);
        const auto expected = naive::ctc(scores, blank);
        ctc_beam_options options{.blank = blank, .beams = 1000, .results = 1000};
        if (advised) options.language_model = opinion;
        const auto found = ctc_beam_search(scores, options).at(0);
        CHECK(found.size() == expected.size());
        double before = infinity;
        for (const text::ctc_labels& f : found) {
          const double log_p = std::log(expected.at(f.labels));
          CHECK(f.log_probability == doctest::Approx(log_p).epsilon(1e-12));
          CHECK(f.score == doctest::Approx(log_p + (advised ? opinion_of_all(f.labels, blank) : 0)).epsilon(1e-12));
          CHECK(f.score <= before);
          before = f.score;
        }
      }
}

TEST_CASE("ctc_beam_search: few beams find nearly as much, and no more than there is") {
  int best = 0;
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    const auto scores = made_up<double>({6, 3}, seed, -2, 2);
    const auto all = naive::ctc(scores, 0);
    const auto found = ctc_beam_search(scores, {.beams = 4, .results = 2}).at(0);
    REQUIRE(found.size() == 2);
    CHECK(found[0].score >= found[1].score);
    for (const auto& f : found) CHECK(f.log_probability <= std::log(all.at(f.labels)) + 1e-12);
    const auto likeliest =
        std::max_element(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
    best += found[0].labels == likeliest->first;
  }
  CHECK(best >= 36);
}

TEST_CASE("ctc_greedy: the likeliest path, its steps, and where the sum of paths says otherwise") {
  // Paths 0 0 (0.36) and 1 alone or with a blank (0.16 + 2 · 0.24).
  const double yes = std::log(0.6), no = std::log(0.4);
  const auto torn = from<double>({2, 2}, {yes, no, yes, no});
  CHECK(ctc_greedy(torn).at(0).labels.empty());
  CHECK(ctc_greedy(torn).at(0).log_probability == doctest::Approx(std::log(0.36)));
  const auto found = ctc_beam_search(torn).at(0).at(0);
  CHECK(found.labels == labelling{1});
  CHECK(found.log_probability == doctest::Approx(std::log(0.64)));

  // 2 2 0 2 1 1 with a blank of 0, and of 1.
  tensor<float> path({6, 3});
  const std::int64_t classes[] = {2, 2, 0, 2, 1, 1};
  for (std::int64_t t = 0; t < 6; ++t) path(t, classes[t]) = 2;
  const auto first = ctc_greedy(path).at(0), second = ctc_greedy(path, {.blank = 1}).at(0);
  CHECK(first.labels == labelling{2, 2, 1});
  CHECK(first.steps == labelling{0, 3, 4});
  CHECK(second.labels == labelling{2, 0, 2});
  CHECK(second.steps == labelling{0, 2, 3});
  CHECK(first.log_probability == doctest::Approx(6 * (2 - std::log(std::exp(2.0) + 2))));
}

TEST_CASE("ctc decoding: rows of different lengths do not depend on each other") {
  const auto scores = made_up<float>({4, 9, 5}, 3, -3, 3);
  const std::vector<std::int64_t> lengths{9, 4, 0, 7};
  support::for_each_thread_count([&](int) {
    const auto paths = ctc_greedy(scores, {}, ints(lengths));
    const auto beams = ctc_beam_search(scores, {.beams = 5, .results = 3}, ints(lengths));
    for (std::int64_t n = 0; n < 4; ++n) {
      const auto row = static_cast<std::size_t>(n);
      const auto alone = scores.slice(n, n + 1).reshape({9, 5}).slice(0, lengths[row]);
      const auto path = ctc_greedy(alone).at(0);
      CHECK(paths[row].labels == path.labels);
      CHECK(paths[row].steps == path.steps);
      CHECK(paths[row].log_probability == path.log_probability);
      const auto found = ctc_beam_search(alone, {.beams = 5, .results = 3}).at(0);
      REQUIRE(found.size() == beams[row].size());
      for (std::size_t i = 0; i < found.size(); ++i) {
        CHECK(found[i].labels == beams[row][i].labels);
        CHECK(found[i].score == beams[row][i].score);
      }
    }
    REQUIRE(beams[2].size() == 1);  // no steps spell nothing, for certain
    CHECK(beams[2][0].labels.empty());
    CHECK(beams[2][0].log_probability == 0);
  });
}

TEST_CASE("ctc_beam_search: what options leave out") {
  const auto scores = made_up<double>({8, 4}, 5, -2, 2);
  const auto one = ctc_beam_search(scores, {.beams = 1}).at(0), narrow = ctc_beam_search(scores, {.margin = 0}).at(0);
  CHECK(one.at(0).labels == narrow.at(0).labels);
  CHECK(one.at(0).score == narrow.at(0).score);
  CHECK(ctc_beam_search(scores, {.results = 99, .margin = 0.1}).at(0).size() <
        ctc_beam_search(scores, {.results = 99}).at(0).size());
  // Labels that are rare at every step appear nowhere; when none is likely enough, blanks are left.
  tensor<double> rare = scores;
  for (std::int64_t t = 0; t < 8; ++t) rare(t, 3) = -6;
  const auto contains = [&](const ctc_beam_options& o) {
    const auto found = ctc_beam_search(rare, o).at(0);
    for (const auto& f : found)
      if (std::find(f.labels.begin(), f.labels.end(), 3) != f.labels.end()) return true;
    return false;
  };
  CHECK(contains({.beams = 2000, .results = 2000}));
  CHECK(!contains({.beams = 2000, .results = 2000, .min_p = 0.01}));
  const auto blanks = ctc_beam_search(scores, {.results = 9, .min_p = 1}).at(0);
  REQUIRE(blanks.size() == 1);
  CHECK(blanks[0].labels.empty());
  // A language model that forbids a label, and one that forbids to end without it.
  const auto without = [](const labelling&, std::int64_t label) { return label == 2 ? -infinity : 0; };
  const auto allowed = ctc_beam_search(scores, {.beams = 50, .results = 50, .language_model = without}).at(0);
  for (const auto& f : allowed) CHECK(std::find(f.labels.begin(), f.labels.end(), 2) == f.labels.end());
  const auto with = [](const labelling& prefix, std::int64_t label) {
    return label == 0 && (prefix.empty() || prefix.back() != 2) ? -infinity : 0;
  };
  CHECK(ctc_beam_search(scores, {.beams = 50, .language_model = with}).at(0).at(0).labels.back() == 2);
}

TEST_CASE_TEMPLATE("ctc decoding: scores far apart", T, float, double) {
  const T never = -std::numeric_limits<T>::infinity();
  const auto sure = from<T>({3, 3}, {T(-1e4), T(1e4), 0, T(1e4), T(-1e4), 0, 0, T(-1e4), T(1e4)});
  CHECK(ctc_beam_search(sure).at(0).at(0).labels == labelling{1, 2});
  CHECK(ctc_beam_search(sure).at(0).at(0).log_probability == 0);
  const auto barred = from<T>({2, 3}, {never, 0, never, never, 0, never});
  const auto found = ctc_beam_search(barred, {.results = 9}).at(0);
  REQUIRE(found.size() == 1);
  CHECK(found[0].labels == labelling{1});
  CHECK(found[0].log_probability == 0);
  CHECK(ctc_greedy(barred).at(0).labels == labelling{1});
}

TEST_CASE("ctc decoding: what is refused") {
  const tensor<float> x({2, 4, 3});
  CHECK_THROWS_WITH_AS(ctc_greedy(tensor<float>({3})), "[ctc_greedy] expected scores (N, T, C) or (T, C), got (3,)",
                       shape_error);
  CHECK_THROWS_WITH_AS(ctc_greedy(x, {.blank = 3}), "[ctc_greedy] expected .blank from 0 to 2, got 3", value_error);
  CHECK_THROWS_WITH_AS(ctc_greedy(x, {}, ints({1})), "[ctc_greedy] expected lengths (2,) or none, got (1,)",
                       shape_error);
  CHECK_THROWS_WITH_AS(ctc_greedy(x, {}, ints({1, 5})), "[ctc_greedy] expected lengths of 0 to 4, got 5", value_error);
  CHECK_THROWS_WITH_AS(ctc_beam_search(x, {.beams = 0}),
                       "[ctc_beam_search] expected .beams and .results of 1 or more, .min_p from 0 to 1 and .margin of "
                       "0 or more, got 0, 1, 0 and inf",
                       value_error);
  for (const ctc_beam_options& o : {ctc_beam_options{.results = 0}, {.min_p = 1.5}, {.margin = -1}})
    CHECK_THROWS_AS(ctc_beam_search(x, o), value_error);
  const auto lost = from<float>({1, 2}, {0, std::numeric_limits<float>::quiet_NaN()});
  CHECK_THROWS_WITH_AS(ctc_greedy(lost),
                       "[ctc_greedy] expected scores that have a softmax, got NaN or infinities in row 0", value_error);
  CHECK_THROWS_AS(ctc_beam_search(lost), value_error);
  const auto wrong = [](const labelling&, std::int64_t) { return std::numeric_limits<double>::quiet_NaN(); };
  CHECK_THROWS_AS(ctc_beam_search(x, {.language_model = wrong}), value_error);
  CHECK(ctc_greedy(tensor<float>({0, 4, 3})).empty());
}
