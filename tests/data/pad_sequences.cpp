// Shows: padded sequences
// pad_sequences as Keras does it: filled and cut at either end.
#include <inlay/data/pad_sequences.hpp>

#include <doctest/doctest.h>

#include <vector>

#include "tensors.hpp"

using namespace inlay;
using data::side;

TEST_CASE("pad_sequences") {
  const std::vector<std::vector<std::int64_t>> sequences = {{1}, {2, 3, 4}, {}, {5, 6}};
  const struct {
    data::pad_sequences_config config;
    std::int64_t width;
    std::vector<double> expected;
    std::vector<std::int64_t> lengths;
  } table[] = {
      // keras.utils.pad_sequences([[1], [2, 3, 4], [], [5, 6]], maxlen, padding=, truncating=, value=)
      {{}, 3, {0, 0, 1, 2, 3, 4, 0, 0, 0, 0, 5, 6}, {1, 3, 0, 2}},
      {{.padding = side::post, .value = -1}, 3, {1, -1, -1, 2, 3, 4, -1, -1, -1, 5, 6, -1}, {1, 3, 0, 2}},
      {{.maxlen = 2}, 2, {0, 1, 3, 4, 0, 0, 5, 6}, {1, 2, 0, 2}},
      {{.maxlen = 2, .truncating = side::post}, 2, {0, 1, 2, 3, 0, 0, 5, 6}, {1, 2, 0, 2}},
      {{.maxlen = 4, .padding = side::post}, 4, {1, 0, 0, 0, 2, 3, 4, 0, 0, 0, 0, 0, 5, 6, 0, 0}, {1, 3, 0, 2}},
      {{.maxlen = 0}, 0, {}, {0, 0, 0, 0}},
  };
  for (const auto& row : table) {
    const auto got = data::pad_sequences(sequences, row.config);
    CHECK(got.values.shape() == shape{4, row.width});
    support::check_close(got.values, row.expected);
    CHECK(support::same_bits(got.lengths.values(), std::span<const std::int64_t>(row.lengths)));
    for (std::int64_t i = 0; i < 4; ++i) {
      std::int64_t real = 0;
      for (std::int64_t t = 0; t < row.width; ++t) {
        const bool mask = got.mask(i, t);
        real += mask;
        CHECK(mask == (got.values(i, t) > 0));
      }
      CHECK(real == row.lengths[static_cast<std::size_t>(i)]);
    }
  }
  CHECK(data::pad_sequences(std::vector<std::vector<float>>{}).values.shape() == shape{0, 0});
  CHECK(data::pad_sequences(std::vector<std::vector<float>>{{1.5f}}, {.maxlen = 2, .value = 0.25}).values(0, 0) ==
        0.25f);
}
