// Embedding: a row of learned numbers for every word.  indices (…) of int32 or int64 -> y (…, features);
// weight (vocabulary, features), drawn from N(0, 1). Gradients have the rows that were read, and nothing else.
#pragma once

#include "../ops/embedding.hpp"
#include "init.hpp"

namespace inlay::inline v0_1::nn {

struct embedding_config {
  std::int64_t vocabulary = 0;      // how many rows; required
  std::int64_t features = 0;        // numbers in a row; required
  std::int64_t padding_index = -1;  // this row starts as zeros and gets no gradient; -1: none
};

template <floating T = float> class embedding {
 public:
  // Throws value_error when a size is missing, or the padding is no row.
  INLAY_COLD explicit embedding(const embedding_config& config) : padding_index_(config.padding_index) {
    if (config.vocabulary < 1 || config.features < 1)
      throw value_error("embedding", {"expected .vocabulary and .features of 1 or more, got ", config.vocabulary,
                                      " and ", config.features});
    if (config.padding_index < -1 || config.padding_index >= config.vocabulary)
      throw value_error("embedding",
                        {"expected .padding_index below ", config.vocabulary, ", or -1, got ", config.padding_index});
    distribution rule = distribution::normal(0, 1);
    rule.zero_row = config.padding_index;
    weight = parameter<T>(shape{config.vocabulary, config.features}, rule);
  }

  // Throws value_error for an index outside the vocabulary.
  auto operator()(const auto& indices) const { return inlay::embedding(indices, weight, padding_index_); }

  static void members(auto& self, auto&& visit) { visit("weight", self.weight); }

  parameter<T> weight;

 private:
  std::int64_t padding_index_;
};

}  // namespace inlay::inline v0_1::nn
