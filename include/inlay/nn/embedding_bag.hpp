// Sums, means or maxima of the learned rows of a bag of words.  indices (N, L), or (n,) with offsets (B,) -> y
// (B, features); weight (vocabulary, features), drawn from N(0, 1).
#pragma once

#include "../ops/embedding_bag.hpp"
#include "embedding.hpp"

namespace inlay::inline v0_1::nn {

struct embedding_bag_config {
  std::int64_t vocabulary = 0;  // how many rows; required
  std::int64_t features = 0;    // numbers in a row; required
  bag_mode mode = bag_mode::mean;
  std::int64_t padding_index = -1;  // this row starts as zeros, is passed over and gets no gradient; -1: none
};

template <floating T = float> class embedding_bag : public embedding<T> {
 public:
  // Throws value_error when a size is missing, or the padding is no row.
  explicit embedding_bag(const embedding_bag_config& config)
      : embedding<T>({config.vocabulary, config.features, config.padding_index}),
        options_{config.mode, config.padding_index} {}

  // Throw value_error for an index outside the vocabulary.
  auto operator()(const auto& indices) const { return inlay::embedding_bag(indices, this->weight, options_); }
  auto operator()(const auto& indices, const tensor<std::int64_t>& offsets) const {
    return inlay::embedding_bag(indices, offsets, this->weight, options_);
  }

 private:
  embedding_bag_options options_;
};

}  // namespace inlay::inline v0_1::nn
