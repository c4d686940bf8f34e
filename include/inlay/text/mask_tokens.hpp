// Hides some tokens of a text, for a model that learns to find them (models::bert_masked_lm).
// Devlin and others, BERT: Pre-training of Deep Bidirectional Transformers for Language Understanding, 2019.
#pragma once

#include <algorithm>
#include <vector>

#include "../core/random.hpp"
#include "../core/tensor.hpp"

namespace inlay::inline v0_1::text {

struct mask_options {
  std::int64_t mask = -1;               // the token that stands for a hidden one; required
  std::int64_t vocabulary = 0;          // tokens there are; required
  double share = 0.15;                  // of tokens that are to be found
  double hidden = 0.8;                  // of those: the mask stands there
  double random = 0.1;                  // of those: any token stands there; the rest stays as it is
  std::vector<std::int64_t> keep = {};  // tokens that are never to be found: padding, separators
  std::int64_t ignore_index = -100;     // in y, where nothing is to be found
};

struct masked {
  tensor<std::int64_t> x, y;  // what the model sees, and what it is to find; both of the tokens' shape
};

// The same generator hides the same. Throws value_error for options that do not fit.
INLAY_COLD inline masked mask_tokens(const tensor<std::int64_t>& tokens, const mask_options& o, random::generator& g) {
  if (o.vocabulary < 1 || o.mask < 0 || o.mask >= o.vocabulary || !(o.share >= 0 && o.share <= 1) || !(o.hidden >= 0) ||
      !(o.random >= 0) || !(o.hidden + o.random <= 1))
    throw value_error("mask_tokens", {"expected a .vocabulary, a .mask within it, .share from 0 to 1, and .hidden and "
                                      ".random of a sum up to 1, got ",
                                      o.vocabulary, ", ", o.mask, ", ", o.share, ", ", o.hidden, " and ", o.random});
  masked out{tokens, tensor<std::int64_t>(tokens.shape(), o.ignore_index)};
  std::int64_t *const x = inlay::detail::writable(out.x), *const y = inlay::detail::writable(out.y);
  const auto chance = [&] {
    const random::words w = g.next();
    return random::to_unit(w[0], w[1]);
  };
  for (std::int64_t i = 0; i < tokens.size(); ++i) {
    if (std::find(o.keep.begin(), o.keep.end(), x[i]) != o.keep.end() || !(chance() < o.share)) continue;
    y[i] = x[i];
    const double kind = chance();
    if (kind < o.hidden)
      x[i] = o.mask;
    else if (kind < o.hidden + o.random)
      x[i] = static_cast<std::int64_t>(g.below(static_cast<std::uint64_t>(o.vocabulary)));
  }
  return out;
}

}  // namespace inlay::inline v0_1::text
