// Shows: (merging of pairs)
// Against the rule as it is said, for made-up merges in any order, several into one token among them.
#include <inlay/text/bpe_merges.hpp>

#include <doctest/doctest.h>

#include "support.hpp"

using namespace inlay;
using text::detail::bpe_merge;
using text::detail::bpe_merges;
using word = std::vector<std::uint32_t>;

namespace {

word naive(const bpe_merges& merges, word w) {
  for (;;) {
    std::size_t best = merges.size();
    for (std::size_t rank = 0; rank < best; ++rank)
      for (std::size_t i = 0; i + 1 < w.size(); ++i)
        if (w[i] == merges[rank].left && w[i + 1] == merges[rank].right) best = rank;
    if (best == merges.size()) return w;
    word out;
    for (std::size_t i = 0; i < w.size(); ++i)
      if (i + 1 < w.size() && w[i] == merges[best].left && w[i + 1] == merges[best].right)
        out.push_back(merges[best].result), ++i;
      else
        out.push_back(w[i]);
    w = out;
  }
}

word run(bpe_merges::merger& m, const word& w) {
  m.word() = w;
  m.run();
  return m.word();
}

}  // namespace

TEST_CASE("bpe_merges: as the rule says") {
  for (std::uint64_t table = 0; table < 60; ++table) {
    std::uint64_t at = table * 100000;
    const auto below = [&](std::uint64_t bound) { return static_cast<std::uint32_t>(support::noise(at++) % bound); };
    bpe_merges merges;
    const std::uint32_t letters = 2 + below(3);
    for (std::uint32_t i = 0; i < 12; ++i)  // results that come twice, and parts that are made later
      merges.add({below(letters + i / 2 + 2), below(letters + i / 2 + 2), letters + i - below(2)});
    bpe_merges::merger merger(merges);
    for (int i = 0; i < 20; ++i) {
      word w(below(40));
      for (std::uint32_t& t : w) t = below(letters);
      CHECK(run(merger, w) == naive(merges, w));
    }
  }
}

TEST_CASE("bpe_merges: overlaps merge from the left, each pair once") {
  bpe_merges merges;
  CHECK(merges.add({0, 0, 1}));
  CHECK(merges.add({1, 1, 2}));
  CHECK(!merges.add({0, 0, 3}));
  bpe_merges::merger merger(merges);
  CHECK(run(merger, word(5, 0)) == word{2, 0});
  CHECK(run(merger, word(7, 0)) == word{2, 1, 0});
  CHECK(run(merger, {}).empty());
  CHECK(run(merger, {0}) == word{0});
}

TEST_CASE("bpe_merges: a word of 100,000 letters") {
  bpe_merges merges;
  for (std::uint32_t i = 0; i < 16; ++i) merges.add({i, i, i + 1});
  bpe_merges::merger merger(merges);
  CHECK(run(merger, word(100000, 0)) == word{16, 15, 10, 9, 7, 5});  // 100,000 in powers of two
}
