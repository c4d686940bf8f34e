// Sequences of different lengths as one tensor (N, T), with a mask of what is real. Names and defaults are Keras'.
#pragma once

#include <vector>

#include "../core/tensor.hpp"

namespace inlay::inline v0_1::data {

enum class side { pre, post };

struct pad_sequences_config {
  std::int64_t maxlen = -1;     // T; negative: the longest sequence
  side padding = side::pre;     // where shorter sequences are filled up
  side truncating = side::pre;  // where longer ones are cut
  double value = 0;             // what fills up
};

template <element T> struct padded_sequences {
  tensor<T> values;              // (N, T)
  tensor<std::int64_t> lengths;  // (N,), after cutting
  tensor<bool> mask;             // (N, T): true where values come from a sequence
};

template <element T>
padded_sequences<T> pad_sequences(const std::vector<std::vector<T>>& sequences,
                                  const pad_sequences_config& config = {}) {
  std::size_t length = config.maxlen < 0 ? 0 : static_cast<std::size_t>(config.maxlen);
  if (config.maxlen < 0)
    for (const auto& sequence : sequences) length = std::max(length, sequence.size());
  const auto count = static_cast<std::int64_t>(sequences.size()), width = static_cast<std::int64_t>(length);
  padded_sequences<T> out{full<T>({count, width}, inlay::detail::convert<T>(config.value)),
                          empty<std::int64_t>({count}), zeros<bool>({count, width})};
  T* to = inlay::detail::writable(out.values);
  std::int64_t* lengths = inlay::detail::writable(out.lengths);
  bool* mask = inlay::detail::writable(out.mask);
  for (const auto& sequence : sequences) {
    const std::size_t kept = std::min(sequence.size(), length);
    const std::size_t from = config.truncating == side::pre ? sequence.size() - kept : 0;
    const std::size_t at = config.padding == side::pre ? length - kept : 0;
    for (std::size_t i = 0; i < kept; ++i) {
      to[at + i] = sequence[from + i];
      mask[at + i] = true;
    }
    *lengths++ = static_cast<std::int64_t>(kept);
    to += length;
    mask += length;
  }
  return out;
}

}  // namespace inlay::inline v0_1::data
