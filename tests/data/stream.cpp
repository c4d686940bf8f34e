// Shows: streams
// Streams: every sample once an epoch, in an order that seed and epoch decide, without more in memory than was asked
// for.
#include <inlay/data/stream.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "support.hpp"

using namespace inlay;
using list = std::vector<std::int64_t>;

namespace {

// Samples 0, 1, 2 …; the input is the number twice.
struct counter {
  std::int64_t count;
  std::int64_t next_one = 0;
  int rewinds = 0;

  std::optional<data::sample<float, std::int64_t>> next() {
    if (next_one == count) return {};
    const std::int64_t i = next_one++;
    return data::sample{full<float>({2}, static_cast<float>(i)), tensor<std::int64_t>(shape{}, i)};
  }
  void rewind() {
    next_one = 0;
    ++rewinds;
  }
};

std::vector<list> epoch_of(data::stream_loader<counter>& loader) {
  std::vector<list> out;
  for (const auto& batch : loader) {
    CHECK(batch.x.shape() == shape{batch.y.dim(0), 2});
    for (std::int64_t i = 0; i < batch.y.size(); ++i) CHECK(batch.x(i, 1) == static_cast<float>(batch.y(i)));
    out.emplace_back(batch.y.values().begin(), batch.y.values().end());
  }
  return out;
}

list flat(const std::vector<list>& batches) {
  list out;
  for (const list& batch : batches) out.insert(out.end(), batch.begin(), batch.end());
  return out;
}

}  // namespace

TEST_CASE("stream_loader: batches in order, epoch after epoch") {
  data::stream_loader<counter> loader(counter{7}, {.batch_size = 3});
  for (int epoch = 0; epoch < 2; ++epoch) CHECK(epoch_of(loader) == std::vector<list>{{0, 1, 2}, {3, 4, 5}, {6}});
  for (const auto& batch : loader)
    if (batch.y(0) == 3) break;
  CHECK(epoch_of(loader).size() == 3);
  CHECK(loader.epochs() == 4);
  CHECK(loader.source().rewinds == 4);

  data::stream_loader<counter> even(counter{7}, {.batch_size = 3, .drop_last = true});
  CHECK(epoch_of(even) == std::vector<list>{{0, 1, 2}, {3, 4, 5}});
  data::stream_loader<counter> none(counter{0}), few(counter{2}, {.drop_last = true});
  CHECK(epoch_of(none).empty());
  CHECK(epoch_of(few).empty());
}

TEST_CASE("stream_loader: a reservoir mixes the order, and the seed decides how") {
  const list counted = flat([] {
    data::stream_loader<counter> loader(counter{100});
    return epoch_of(loader);
  }());
  for (const std::int64_t buffer : {1, 2, 10, 100, 1000}) {
    INFO(buffer);
    data::stream_loader<counter> loader(counter{100}, {.batch_size = 8, .shuffle_buffer = buffer, .seed = 5}),
        same(counter{100}, {.batch_size = 9, .shuffle_buffer = buffer, .seed = 5}),
        other(counter{100}, {.batch_size = 8, .shuffle_buffer = buffer, .seed = 6});
    const list first = flat(epoch_of(loader)), second = flat(epoch_of(loader));
    CHECK(flat(epoch_of(same)) == first);
    CHECK(flat(epoch_of(same)) == second);
    CHECK((flat(epoch_of(other)) == first) == (buffer == 1));
    CHECK((second == first) == (buffer == 1));
    for (std::size_t i = 0; i < 100; ++i) CHECK(first[i] <= static_cast<std::int64_t>(i) + buffer - 1);
    list sorted = first;
    std::sort(sorted.begin(), sorted.end());
    CHECK(sorted == counted);
    loader.set_epochs(0);
    CHECK(flat(epoch_of(loader)) == first);
  }
}

TEST_CASE("stream_loader: errors") {
  CHECK_THROWS_WITH_AS(
      data::stream_loader<counter>(counter{1}, {.batch_size = 0}),
      "[stream_loader] expected .batch_size of 1 or more and .shuffle_buffer of 0 or more, got 0 and 0", value_error);
  CHECK_THROWS_AS(data::stream_loader<counter>(counter{1}, {.shuffle_buffer = -1}), value_error);
  struct uneven {
    std::int64_t at = 0;
    std::optional<data::sample<float, float>> next() {
      return data::sample{tensor<float>({++at}), tensor<float>(shape{})};
    }
    void rewind() {}
  };
  data::stream_loader<uneven> loader(uneven{}, {.batch_size = 2});
  CHECK_THROWS_WITH_AS(loader.begin(), "[stream_loader] expected every x of a batch to be (1,), got (2,)", shape_error);
}
