// Adds to every position of a sequence a row that tells where it is.  x (N, T, features) -> y of the same shape
// Rows are learned (weight (context, features), drawn from N(0, 1)), or pairs of a sine and a cosine that turn ever
// slower: Vaswani and others, Attention Is All You Need, 2017.
#pragma once

#include "../ops/arithmetic.hpp"
#include "../ops/embedding.hpp"
#include "../ops/slice.hpp"
#include "init.hpp"

namespace inlay::inline v0_1::nn {

struct position_embedding_config {
  std::int64_t features = 0;  // required
  std::int64_t context =
      0;  // the most positions, where rows are learned; 0: sines and cosines, of which there is no end
};

// Sines and cosines of positions of any shape (…) -> (…, features): element i is the sine (i even) or cosine (odd) of
// p 10000^(-2 floor(i / 2) / features).
template <floating T> tensor<T> sinusoids(const tensor<std::int64_t>& positions, std::int64_t features) {
  shape sizes = positions.shape();
  sizes.append(features);
  tensor<T> out = tensor<T>::empty(sizes);
  T* const to = inlay::detail::writable(out);
  for (std::int64_t i = 0; i < features; ++i) {
    const double rate = __builtin_pow(10000.0, -static_cast<double>(i / 2 * 2) / static_cast<double>(features));
    for (std::int64_t p = 0; p < positions.size(); ++p) {
      const double angle = static_cast<double>(positions.data()[p]) * rate;
      to[p * features + i] = static_cast<T>(i % 2 == 0 ? __builtin_sin(angle) : __builtin_cos(angle));
    }
  }
  return out;
}

template <floating T = float> class position_embedding {
 public:
  // Throws value_error when .features is missing, or .context below 0.
  INLAY_COLD explicit position_embedding(const position_embedding_config& config) : config_(config) {
    if (config.features < 1 || config.context < 0)
      throw value_error("position_embedding", {"expected .features of 1 or more and .context of 0 or more, got ",
                                               config.features, " and ", config.context});
    if (config.context > 0) weight = parameter<T>(shape{config.context, config.features}, distribution::normal(0, 1));
  }

  // `starts` (N,): the position of each row's first; 0, if empty. Throws value_error for more positions than .context.
  auto operator()(const auto& x, const tensor<std::int64_t>& starts = {}) const {
    const tensor<std::int64_t> at = positions(x.shape(), starts);
    if (weight && starts.size() == 0) return x + slice(weight.in(x), 0, 0, x.dim(1));
    if (weight) return x + inlay::embedding(at, weight.in(x));
    return x + sinusoids<T>(at, config_.features);
  }

  static void members(auto& self, auto&& visit) { visit("weight", self.weight); }

  parameter<T> weight;

 private:
  // (N, T), or (1, T) where all rows start at 0.
  INLAY_COLD tensor<std::int64_t> positions(const shape& sizes, const tensor<std::int64_t>& starts) const {
    if (sizes.rank() != 3 || sizes[2] != config_.features ||
        (starts.size() > 0 && !(starts.shape() == shape{sizes[0]})))
      throw shape_error("position_embedding", {"expected input (N, T, ", config_.features, ") and starts (N,), got ",
                                               sizes, " and ", starts.shape()});
    const std::int64_t steps = sizes[1];
    tensor<std::int64_t> out({starts.size() > 0 ? sizes[0] : 1, steps});
    std::int64_t* const to = out.data();
    for (std::int64_t i = 0; i < out.size(); ++i) {
      to[i] = (starts.size() > 0 ? starts.data()[i / steps] : 0) + i % steps;
      if (config_.context > 0 && to[i] >= config_.context)
        throw value_error("position_embedding", {"expected ", config_.context, " positions at most, got ", to[i] + 1});
    }
    return out;
  }

  position_embedding_config config_;
};

}  // namespace inlay::inline v0_1::nn
