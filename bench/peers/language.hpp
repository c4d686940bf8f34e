// A language model of some library, made from our weights: "gpt", trained with AdamW, or "lstm_lm", with Adam, both at
// their defaults.
#pragma once

#include "network.hpp"

namespace bench {

// Rows of tokens, and for each the one that comes next.
struct tokens {
  std::int64_t rows, steps;
  std::vector<std::int64_t> here, next;
};

class language_model {
 public:
  virtual ~language_model() = default;
  virtual void train(const tokens&) = 0;  // one step
  virtual float loss() = 0;               // of the last step
  virtual void infer(const tokens&) = 0;
  virtual std::vector<float> scores() = 0;  // of the last infer(), sampled
  // What follows a token: the likeliest one each time, from what was kept of those before.
  virtual std::vector<std::int64_t> generate(std::int64_t first, std::int64_t count) = 0;
};

using make_language_model = std::unique_ptr<language_model>(const model&, std::int64_t heads);

make_language_model make_torch_language_model;

}  // namespace bench
