// The merges of a byte-pair encoding: which pairs of tokens become one, and in which order.
#pragma once

#include <algorithm>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "../core/config.hpp"

namespace inlay::inline v0_1::text::detail {

struct bpe_merge {
  std::uint32_t left, right, result;
};

constexpr std::uint64_t pair_of(std::uint32_t left, std::uint32_t right) noexcept {
  return std::uint64_t{left} << 32 | right;
}

class bpe_merges {
 public:
  std::size_t size() const noexcept { return merges_.size(); }
  const bpe_merge& operator[](std::size_t rank) const { return merges_[rank]; }

  // False when the pair is there.
  bool add(const bpe_merge& m) {
    if (!ranks_.emplace(pair_of(m.left, m.right), static_cast<std::uint32_t>(merges_.size())).second) return false;
    merges_.push_back(m);
    return true;
  }

  // Merges the tokens of one word, of the pairs that are there always the one with the lowest rank, wherever it stands,
  // from the left; in n log n steps. Keeps its memory for the next word.
  class merger {
   public:
    explicit merger(const bpe_merges& merges) noexcept : merges_(merges) {}

    std::vector<std::uint32_t>& word() noexcept { return word_; }  // comes in bytes, goes in tokens
    void run() {
      const std::size_t size = word_.size();
      before_.resize(size), after_.resize(size);
      queue_.clear();
      for (std::size_t i = 0; i < size; ++i) before_[i] = i - 1, after_[i] = i + 1;
      for (std::size_t i = 0; i + 1 < size; ++i) find(i);
      std::swap(queue_, found_);
      std::make_heap(queue_.begin(), queue_.end(), later);
      while (!queue_.empty()) {
        const std::uint32_t rank = queue_.front().rank;
        while (!queue_.empty() && queue_.front().rank == rank) {
          std::pop_heap(queue_.begin(), queue_.end(), later);
          const std::size_t at = queue_.back().at;
          queue_.pop_back();
          merge(merges_[rank], at);
        }
        for (const place& p : found_) {  // only now: what a merge makes waits until the merge is done everywhere
          queue_.push_back(p);
          std::push_heap(queue_.begin(), queue_.end(), later);
        }
        found_.clear();
      }
      std::erase(word_, gone);
    }

   private:
    struct place {
      std::uint32_t rank;
      std::size_t at;
    };
    static bool later(const place& a, const place& b) noexcept {
      return a.rank != b.rank ? a.rank > b.rank : a.at > b.at;
    }
    static constexpr std::uint32_t gone = 0xFFFFFFFF;

    void find(std::size_t at) {
      const auto found = merges_.ranks_.find(pair_of(word_[at], word_[after_[at]]));
      if (found != merges_.ranks_.end()) found_.push_back({found->second, at});
    }
    void merge(const bpe_merge& m, std::size_t at) {
      const std::size_t next = after_[at];
      if (word_[at] != m.left || next >= word_.size() || word_[next] != m.right) return;  // merged otherwise meanwhile
      word_[at] = m.result;
      word_[next] = gone;
      after_[at] = after_[next];
      if (after_[at] < word_.size()) {
        before_[after_[at]] = at;
        find(at);
      }
      if (before_[at] < word_.size()) find(before_[at]);
    }

    const bpe_merges& merges_;
    std::vector<std::uint32_t> word_;
    std::vector<std::size_t> before_, after_;  // places of the tokens beside each; past the end: none
    std::vector<place> queue_, found_;
  };

 private:
  std::vector<bpe_merge> merges_;
  std::unordered_map<std::uint64_t, std::uint32_t> ranks_;
};

}  // namespace inlay::inline v0_1::text::detail
