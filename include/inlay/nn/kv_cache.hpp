// The keys and values of the positions that a row has seen, for attention one position (or a few) at a time.
// keys (N, room, kv_heads size), values (N, room, kv_heads features); rows may have different lengths.
#pragma once

#include <algorithm>

#include "../ops/take.hpp"

namespace inlay::inline v0_1::nn {

struct kv_cache_config {
  std::int64_t room = 0;    // positions there is room for at first; it grows by doubling
  std::int64_t window = 0;  // only the last that many positions are kept, in a ring; 0: all
};

namespace detail {
// How many of `steps` positions each row has: (N,), or empty.
INLAY_COLD inline void check_added(const tensor<std::int64_t>& added, std::int64_t batch, std::int64_t steps) {
  if (added.size() == 0) return;
  if (!(added.shape() == shape{batch}))
    throw shape_error("kv_cache", {"expected how many are added (", batch, ",) or none, got ", added.shape()});
  for (const std::int64_t count : added.values())
    if (count < 0 || count > steps)
      throw value_error("kv_cache", {"expected from 0 to ", steps, " positions that a row has, got ", count});
}
}  // namespace detail

template <floating T = float> class kv_cache {
 public:
  // Throws value_error for a size below 0.
  explicit kv_cache(const kv_cache_config& config = {}) : config_(config) {
    if (config.room < 0 || config.window < 0)
      throw value_error("kv_cache",
                        {"expected .room and .window of 0 or more, got ", config.room, " and ", config.window});
  }

  const tensor<T>& keys() const noexcept { return keys_; }
  const tensor<T>& values() const noexcept { return values_; }
  // Positions that each row has seen (N,), more than are kept where there is a window.
  const tensor<std::int64_t>& lengths() const noexcept { return lengths_; }
  bool empty() const noexcept { return lengths_.size() == 0; }
  std::int64_t window() const noexcept { return config_.window; }
  // Positions that are kept of each row (N,).
  tensor<std::int64_t> kept() const {
    tensor<std::int64_t> out = lengths_;
    if (config_.window > 0)
      out.write([&](std::span<std::int64_t> to) {
        for (std::int64_t& length : to) length = std::min(length, config_.window);
      });
    return out;
  }

  // Begins with empty rows.
  void start(std::int64_t batch) {
    lengths_ = tensor<std::int64_t>({batch});
    keys_ = values_ = {};
  }

  // Adds T positions to every row: k (N, T, …), v (N, T, …). `added` (N,): how many of them a row has; all, if empty.
  // Throws shape_error when sizes do not fit those before, value_error for rows of less than 0 or more than T.
  void append(const tensor<T>& k, const tensor<T>& v, const tensor<std::int64_t>& added = {}) {
    if (empty()) start(k.dim(0));
    check(k.shape(), v.shape());
    detail::check_added(added, k.dim(0), k.dim(1));
    const std::int64_t steps = k.dim(1);
    std::int64_t longest = 0;
    for (const std::int64_t length : lengths_.values()) longest = std::max(longest, length);
    reserve(config_.window > 0 ? config_.window : longest + steps, k.dim(2), v.dim(2));
    place(keys_, k, added), place(values_, v, added);
    lengths_.write([&](std::span<std::int64_t> to) {
      for (std::size_t n = 0; n < to.size(); ++n) to[n] += added.size() > 0 ? added.data()[n] : steps;
    });
  }

  // Row i becomes what row rows[i] was (N',), as beams do.
  void reorder(const tensor<std::int64_t>& rows) {
    lengths_ = index_select(lengths_, 0, rows);
    if (keys_.rank() != 3) return;
    keys_ = index_select(keys_, 0, rows);
    values_ = index_select(values_, 0, rows);
  }

  // Forgets what lies behind the first `length` positions of each row. Throws value_error for a length below 0, or with
  // a window.
  void truncate(std::int64_t length) {
    if (length < 0) throw value_error("kv_cache", {"expected a length of 0 or more, got ", length});
    if (config_.window > 0) throw value_error("kv_cache", {"expected no window to go back in: what was kept is gone"});
    lengths_.write([&](std::span<std::int64_t> to) {
      for (std::int64_t& l : to) l = std::min(l, length);
    });
  }

 private:
  void reserve(std::int64_t room, std::int64_t of_keys, std::int64_t of_values) {
    const std::int64_t batch = lengths_.size(), before = keys_.rank() == 3 ? keys_.dim(1) : 0;
    if (keys_.rank() == 3 && room <= before) return;
    room = config_.window > 0 ? room : std::max({room, config_.room, 2 * before});
    const auto larger = [&](tensor<T>& of, std::int64_t features) {
      tensor<T> out({batch, room, features});
      T* const to = inlay::detail::writable(out);
      for (std::int64_t n = 0; n < batch; ++n)
        std::copy_n(std::as_const(of).data() + n * before * features, before * features, to + n * room * features);
      of = std::move(out);
    };
    larger(keys_, of_keys), larger(values_, of_values);
  }

  void place(tensor<T>& all, const tensor<T>& next, const tensor<std::int64_t>& added) const {
    if (next.size() == 0) return;
    const std::int64_t room = all.dim(1), steps = next.dim(1), features = next.dim(2);
    T* const to = inlay::detail::writable(all);
    for (std::int64_t n = 0; n < next.dim(0); ++n)
      for (std::int64_t t = 0; t < (added.size() > 0 ? added.data()[n] : steps); ++t) {
        const std::int64_t at = lengths_.data()[n] + t;
        std::copy_n(next.data() + (n * steps + t) * features, features,
                    to + (n * room + (config_.window > 0 ? at % config_.window : at)) * features);
      }
  }

  void check(const shape& k, const shape& v) const {
    if (k.rank() != 3 || v.rank() != 3 || k[0] != lengths_.size() || v[0] != k[0] || v[1] != k[1]) [[unlikely]]
      throw shape_error("kv_cache", {"expected keys and values (", lengths_.size(), ", T, …), got ", k, " and ", v});
    if (keys_.size() > 0 && (keys_.dim(2) != k[2] || values_.dim(2) != v[2])) [[unlikely]]
      throw shape_error("kv_cache", {"expected keys and values of ", keys_.dim(2), " and ", values_.dim(2),
                                     " features, got ", k[2], " and ", v[2]});
  }

  kv_cache_config config_;
  tensor<T> keys_, values_;
  tensor<std::int64_t> lengths_;
};

}  // namespace inlay::inline v0_1::nn
