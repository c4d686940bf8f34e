// Windows of a long text of tokens, as language models are trained on: x (N, T), and y (N, T), the token behind each.
// A dataset for data::loader; the tokens may be a file larger than memory (token_file.hpp).
#pragma once

#include "../data/dataset.hpp"
#include "token_file.hpp"

namespace inlay::inline v0_1::text {

// Windows that begin at these places -> x, y (N, context). Throws value_error for one that is not within the tokens,
// with the token behind it.
template <token_element E>
data::batch<std::int64_t, std::int64_t> windows(const token_array<E>& tokens, std::span<const std::int64_t> places,
                                                std::int64_t context) {
  if (context < 1) throw value_error("windows", {"expected a context of 1 or more, got ", context});
  const shape sizes{std::ssize(places), context};
  data::batch<std::int64_t, std::int64_t> out{empty<std::int64_t>(sizes), empty<std::int64_t>(sizes)};
  std::int64_t *x = inlay::detail::writable(out.x), *y = inlay::detail::writable(out.y);
  for (const std::int64_t place : places) {
    if (place < 0 || place >= tokens.size() - context)
      throw value_error("windows", {"expected places from 0 to ", tokens.size() - context - 1, ", got ", place});
    const E* const from = tokens.values().data() + place;
    x = std::copy_n(from, context, x);
    y = std::copy_n(from + 1, context, y);
  }
  return out;
}

struct corpus_config {
  std::int64_t context = 0;  // tokens of a window, required
  std::int64_t stride = 0;   // from one window to the next; 0: the context, so that each token is learned once
  std::int64_t samples = 0;  // above 0: an epoch is that many windows at random places instead
  std::uint64_t seed = 0;    // of these places, which differ each epoch
};

template <token_element E> class corpus {
 public:
  // Throws value_error for options that do not fit, or fewer tokens than a window and the token behind it.
  explicit corpus(token_array<E> tokens, const corpus_config& config) : tokens_(std::move(tokens)), config_(config) {
    if (config.context < 1 || config.stride < 0 || config.samples < 0)
      throw value_error("corpus", {"expected .context of 1 or more and .stride and .samples of 0 or more, got ",
                                   config.context, ", ", config.stride, " and ", config.samples});
    if (tokens_.size() <= config.context)
      throw value_error("corpus",
                        {"expected more tokens than the ", config.context, " of a window, got ", tokens_.size()});
    if (config.stride == 0) config_.stride = config.context;
  }

  // Windows of an epoch. In order, the tokens behind the last whole one are left over.
  std::int64_t size() const noexcept {
    return config_.samples > 0 ? config_.samples : (places() - 1) / config_.stride + 1;
  }
  data::batch<std::int64_t, std::int64_t> batch(std::span<const std::int64_t> rows) const {
    std::vector<std::int64_t> at(rows.begin(), rows.end());
    for (std::int64_t& row : at) {
      if (row < 0 || row >= size()) [[unlikely]]
        throw value_error("corpus", {"expected rows from 0 to ", size() - 1, ", got ", row});
      row = place(row);
    }
    return windows(tokens_, at, config_.context);
  }
  void set_epoch(std::uint64_t epoch) noexcept { epoch_ = epoch; }

  const token_array<E>& tokens() const noexcept { return tokens_; }

 private:
  std::int64_t places() const noexcept { return tokens_.size() - config_.context; }
  // A function of seed, epoch and row alone: threads and batches do not matter.
  std::int64_t place(std::int64_t row) const {
    if (config_.samples == 0) return row * config_.stride;
    random::generator draw(config_.seed, epoch_ + 1);
    draw.skip(static_cast<std::uint64_t>(row));
    return static_cast<std::int64_t>(draw.below(static_cast<std::uint64_t>(places())));
  }

  token_array<E> tokens_;
  corpus_config config_;
  std::uint64_t epoch_ = 0;
};
template <token_element E> corpus(token_array<E>, const corpus_config&) -> corpus<E>;

}  // namespace inlay::inline v0_1::text
