// Which pairs to merge, learned from words and how often they come (Sennrich, Haddow, Birch: Neural Machine Translation
// of Rare Words with Subword Units, 2016). Counts of pairs are brought up to date where a merge changes a word.
#pragma once

#include <optional>
#include <queue>

#include "bpe_merges.hpp"

namespace inlay::inline v0_1::text::detail {

template <class = void>  // compiled only where it is used
class bpe_trainer {
 public:
  void add(std::vector<std::uint32_t> word, std::int64_t count) {
    const auto number = static_cast<std::uint32_t>(words_.size());
    for (std::size_t i = 0; i + 1 < word.size(); ++i) change(word[i], word[i + 1], count, number);
    words_.push_back({std::move(word), count});
  }

  // The pair that comes most often, of several the one with the lowest tokens; nothing below a number.
  std::optional<bpe_merge> most_frequent(std::int64_t least) {
    refresh();
    while (!queue_.empty()) {
      const entry top = queue_.top();
      const std::int64_t now = pairs_[top.pair].count;
      if (now == top.count && now >= least)
        return bpe_merge{static_cast<std::uint32_t>(top.pair >> 32), static_cast<std::uint32_t>(top.pair), 0};
      if (now == top.count) return {};
      queue_.pop();  // it was counted before; as it is now it may not come first
      if (now > 0 && now < top.count) queue_.push({now, top.pair});
    }
    return {};
  }

  void merge(const bpe_merge& m) {
    const std::uint64_t pair = pair_of(m.left, m.right);
    const std::vector<std::uint32_t> with_it = std::move(pairs_[pair].words);
    for (const std::uint32_t number : with_it) {
      auto& [word, count] = words_[number];
      std::size_t to = 0;
      for (std::size_t i = 0; i < word.size(); ++i) {
        if (i + 1 == word.size() || word[i] != m.left || word[i + 1] != m.right) {
          word[to++] = word[i];
          continue;
        }
        change(m.left, m.right, -count, number);
        if (to > 0) {
          change(word[to - 1], m.left, -count, number);
          change(word[to - 1], m.result, count, number);
        }
        if (i + 2 < word.size()) {
          change(m.right, word[i + 2], -count, number);
          change(m.result, word[i + 2], count, number);
        }
        word[to++] = m.result;
        ++i;
      }
      word.resize(to);
    }
    pairs_.erase(pair);
  }

 private:
  struct counted_word {
    std::vector<std::uint32_t> tokens;
    std::int64_t count;
  };
  struct counted_pair {
    std::int64_t count = 0;
    std::vector<std::uint32_t> words;  // where it is, or was
  };
  struct entry {
    std::int64_t count;
    std::uint64_t pair;
    friend bool operator<(const entry& a, const entry& b) noexcept {
      return a.count != b.count ? a.count < b.count : a.pair > b.pair;
    }
  };

  void change(std::uint32_t left, std::uint32_t right, std::int64_t by, std::uint32_t word) {
    const std::uint64_t pair = pair_of(left, right);
    counted_pair& p = pairs_[pair];
    p.count += by;
    if (by < 0) return;
    if (p.words.empty() || p.words.back() != word) p.words.push_back(word);
    grown_.push_back(pair);
  }

  // Pairs that became more take their new places in the queue; those that became less do when their turn comes.
  void refresh() {
    std::sort(grown_.begin(), grown_.end());
    grown_.erase(std::unique(grown_.begin(), grown_.end()), grown_.end());
    for (const std::uint64_t pair : grown_)
      if (const std::int64_t now = pairs_[pair].count; now > 0) queue_.push({now, pair});
    grown_.clear();
  }

  std::vector<counted_word> words_;
  std::unordered_map<std::uint64_t, counted_pair> pairs_;
  std::priority_queue<entry> queue_;
  std::vector<std::uint64_t> grown_;
};

}  // namespace inlay::inline v0_1::text::detail
