// Shows: (learning of merges)
// Counts that are brought up to date against counts taken anew for each merge; ties; what stops it.
#include <inlay/text/bpe_trainer.hpp>

#include <doctest/doctest.h>

#include <map>

#include "support.hpp"

using namespace inlay;
using text::detail::bpe_merge;
using word = std::vector<std::uint32_t>;
using pair = std::pair<std::uint32_t, std::uint32_t>;

namespace {

using words = std::vector<std::pair<word, std::int64_t>>;

// The pair of the most, and merged everywhere; (0, 0) when there are fewer than `least`.
pair naive_step(words& all, std::uint32_t result, std::int64_t least) {
  std::map<pair, std::int64_t> counts;
  for (const auto& [w, n] : all)
    for (std::size_t i = 0; i + 1 < w.size(); ++i) counts[{w[i], w[i + 1]}] += n;
  pair best{};
  std::int64_t most = least - 1;
  for (const auto& [p, n] : counts)  // in the order of the pairs
    if (n > most) most = n, best = p;
  for (auto& [w, n] : all) {
    word out;
    for (std::size_t i = 0; i < w.size(); ++i)
      if (i + 1 < w.size() && pair{w[i], w[i + 1]} == best && most >= least)
        out.push_back(result), ++i;
      else
        out.push_back(w[i]);
    w = out;
  }
  return best;
}

}  // namespace

TEST_CASE("bpe_trainer: as counting anew") {
  for (std::uint64_t run = 0; run < 30; ++run) {
    std::uint64_t at = run * 100000;
    const auto below = [&](std::uint64_t bound) { return static_cast<std::uint32_t>(support::noise(at++) % bound); };
    words all(5 + below(20));
    const std::uint32_t letters = 1 + below(5);
    text::detail::bpe_trainer<> trainer;
    for (auto& [w, n] : all) {
      w.resize(below(15));
      for (std::uint32_t& t : w) t = 1 + below(letters);
      n = 1 + below(4);
      trainer.add(w, n);
    }
    const std::int64_t least = 1 + below(3);
    for (std::uint32_t step = 0;; ++step) {
      // Now and then two pairs become the same token.
      const std::uint32_t result = 100 + step - (step > 0 && step % 5 == 0 ? 1 : 0);
      const pair expected = naive_step(all, result, least);
      auto got = trainer.most_frequent(least);
      if (!got) {
        CHECK(expected == pair{});
        break;
      }
      REQUIRE(pair{got->left, got->right} == expected);
      got->result = result;
      trainer.merge(*got);
    }
  }
}

TEST_CASE("bpe_trainer: nothing to merge") {
  text::detail::bpe_trainer<> trainer;
  CHECK(!trainer.most_frequent(1));
  trainer.add({}, 5);
  trainer.add({7}, 5);
  CHECK(!trainer.most_frequent(1));
  trainer.add({7, 8}, 5);
  CHECK(!trainer.most_frequent(6));
  CHECK(trainer.most_frequent(5)->right == 8);
}
