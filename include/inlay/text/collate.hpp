// Rows of tokens of different lengths as one tensor, and what a language model learns of them: the token behind each.
#pragma once

#include "../data/dataset.hpp"
#include "../data/pad_sequences.hpp"

namespace inlay::inline v0_1::text {

using data::side;

struct collate_config {
  std::int64_t pad = 0;         // the token that fills up
  bool left = false;            // fills up in front, so that every row ends where generation goes on
  std::int64_t max_length = 0;  // longer rows are cut; 0: none is
  side truncate = side::post;   // where they are cut
  std::int64_t multiple = 1;    // the length becomes a multiple of it
};

struct collated {
  tensor<std::int64_t> tokens;   // (N, T)
  tensor<std::int64_t> lengths;  // (N,), after cutting
  tensor<bool> mask;             // (N, T): true where tokens come from a row
};

// T is the length of the longest row, cut, in multiples. Throws value_error for options that do not fit: a .max_length
// has to be a multiple too.
template <class = void>  // compiled only where it is used
collated collate(const std::vector<std::vector<std::int64_t>>& rows, const collate_config& config = {}) {
  if (config.max_length < 0 || config.multiple < 1 || config.max_length % config.multiple != 0)
    throw value_error("collate", {"expected .multiple of 1 or more and .max_length a multiple of it, got ",
                                  config.multiple, " and ", config.max_length});
  std::int64_t length = 0;
  for (const auto& row : rows) length = std::max<std::int64_t>(length, std::ssize(row));
  if (config.max_length > 0) length = std::min(length, config.max_length);
  if (length % config.multiple != 0) length = (length / config.multiple + 1) * config.multiple;
  data::padded_sequences<std::int64_t> out = data::pad_sequences(rows, {.maxlen = length,
                                                                        .padding = config.left ? side::pre : side::post,
                                                                        .truncating = config.truncate,
                                                                        .value = static_cast<double>(config.pad)});
  return {std::move(out.values), std::move(out.lengths), std::move(out.mask)};
}

// x (N, T - 1): all tokens but the last; y (N, T - 1): the token behind each, and `ignore_index`, which
// loss::cross_entropy passes over, where one of the two is padding. Throws shape_error when T is below 2.
template <class = void>  // compiled only where it is used
data::batch<std::int64_t, std::int64_t> next_tokens(const collated& rows, std::int64_t ignore_index = -100) {
  if (rows.tokens.dim(1) < 2)
    throw shape_error("next_tokens", {"expected rows of two tokens or more, got ", rows.tokens.shape()});
  const std::int64_t count = rows.tokens.dim(0), steps = rows.tokens.dim(1) - 1;
  data::batch<std::int64_t, std::int64_t> out{empty<std::int64_t>({count, steps}), empty<std::int64_t>({count, steps})};
  std::int64_t *x = inlay::detail::writable(out.x), *y = inlay::detail::writable(out.y);
  for (std::int64_t n = 0; n < count; ++n)
    for (std::int64_t t = n * (steps + 1); t < n * (steps + 1) + steps; ++t) {
      *x++ = rows.tokens.data()[t];
      *y++ = rows.mask.data()[t] && rows.mask.data()[t + 1] ? rows.tokens.data()[t + 1] : ignore_index;
    }
  return out;
}

}  // namespace inlay::inline v0_1::text
