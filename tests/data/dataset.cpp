// Shows: tensor datasets
// Datasets: rows come out as asked for, in any order and number; splits are disjoint, complete and follow the seed
// alone.
#include <inlay/data/dataset.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <limits>
#include <string>
#include <vector>

#include "support.hpp"

using namespace inlay;

namespace {

using list = std::vector<std::int64_t>;

// 0, 1, 2 … of a shape.
template <class T> tensor<T> counting(const shape& sizes) {
  tensor<T> out = empty<T>(sizes);
  out.write([](std::span<T> to) {
    for (std::size_t i = 0; i < to.size(); ++i) to[i] = static_cast<T>(i);
  });
  return out;
}

template <class T> list numbers(const tensor<T>& t) { return {t.values().begin(), t.values().end()}; }

// 100 samples whose target is their number and whose inputs begin with it.
data::tensor_dataset<float, std::int64_t> samples() {
  tensor<float> x({100, 2});
  x.write([](std::span<float> to) {
    for (std::size_t i = 0; i < to.size(); ++i) to[i] = static_cast<float>(i / 2);
  });
  return {x, counting<std::int64_t>({100})};
}

}  // namespace

TEST_CASE("take_rows: any rows in any order") {
  const struct {
    shape sizes;
    list rows, expected;
    shape expected_sizes;
  } table[] = {
      {{3, 2}, {2, 0}, {4, 5, 0, 1}, {2, 2}},
      {{3, 2}, {1, 1, 1}, {2, 3, 2, 3, 2, 3}, {3, 2}},
      {{3, 2}, {}, {}, {0, 2}},
      {{4}, {3, 1}, {3, 1}, {2}},
      {{2, 2, 1, 3}, {1}, {6, 7, 8, 9, 10, 11}, {1, 2, 1, 3}},
      {{3, 0}, {0, 2}, {}, {2, 0}},
      {{0, 3}, {}, {}, {0, 3}},
  };
  for (const auto& row : table) {
    INFO("rows of ", row.sizes.text());
    const tensor<std::int32_t> got = data::take_rows(counting<std::int32_t>(row.sizes), row.rows);
    CHECK(got.shape() == row.expected_sizes);
    CHECK(numbers(got) == row.expected);
  }
  const tensor<bool> flags = from<bool>({3}, {true, false, true});
  CHECK(numbers(data::take_rows(flags, list{1, 2})) == list{0, 1});
}

TEST_CASE("take_rows: rows that are not there") {
  const tensor<float> t = counting<float>({3, 2});
  constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();
  for (const list& rows : {list{3}, list{0, 1, -1}, list{most}, list{-most - 1}}) {
    const std::string expected = "[take_rows] expected rows from 0 to 2, got " + std::to_string(rows.back());
    CHECK_THROWS_WITH_AS(data::take_rows(t, rows), expected.c_str(), value_error);
  }
  CHECK_THROWS_AS(data::take_rows(tensor<float>({0, 2}), list{0}), value_error);
  CHECK_THROWS_AS(data::take_rows(tensor<float>(shape{}, 1), list{0}), shape_error);
}

TEST_CASE("tensor_dataset: inputs and targets side by side") {
  const data::tensor_dataset all = samples();
  CHECK(all.size() == 100);
  CHECK(data::dataset<data::tensor_dataset<float, std::int64_t>>);
  const auto batch = all.batch(list{7, 99});
  CHECK(numbers(batch.x) == list{7, 7, 99, 99});
  CHECK(numbers(batch.y) == list{7, 99});
  CHECK(all.x().shape() == shape{100, 2});
  CHECK(all.y().shape() == shape{100});
  CHECK_THROWS_AS(all.batch(list{100}), value_error);
  CHECK(data::tensor_dataset(tensor<float>({0, 2}), tensor<float>(shape{0})).size() == 0);

  CHECK_THROWS_WITH_AS(data::tensor_dataset(tensor<float>({3, 2}), tensor<float>({2, 3})),
                       "[tensor_dataset] expected inputs and targets of as many rows, got (3, 2) and (2, 3)",
                       shape_error);
  CHECK_THROWS_AS(data::tensor_dataset(tensor<float>(shape{}), tensor<float>({1})), shape_error);
  CHECK_THROWS_AS(data::tensor_dataset(tensor<float>({1}), tensor<float>(shape{})), shape_error);
}

TEST_CASE("random_split: every sample in one part, with its target; the seed decides which") {
  const data::tensor_dataset all = samples();
  const list counted = numbers(all.y());
  list before;
  for (const std::uint64_t seed : {1u, 2u, 3u})
    for (const std::int64_t size : {0, 1, 75, 100}) {
      INFO("seed ", seed, " size ", size);
      const auto [first, second] = data::random_split(all, size, seed);
      CHECK(first.size() == size);
      CHECK(second.size() == 100 - size);
      list together = numbers(first.y()), inputs;
      for (const std::int64_t y : numbers(second.y())) together.push_back(y);
      for (const auto* part : {&first, &second})
        for (std::int64_t i = 0; i < part->size(); ++i) inputs.push_back(static_cast<std::int64_t>(part->x()(i, 1)));
      CHECK(inputs == together);
      if (size == 75) {
        CHECK(together != before);
        CHECK(numbers(data::random_split(all, size, seed).first.y()) == numbers(first.y()));
        before = together;
      }
      std::sort(together.begin(), together.end());
      CHECK(together == counted);
    }
  CHECK_THROWS_WITH_AS(data::random_split(all, 101, 1),
                       "[random_split] expected a first part of 0 to 100 samples, got 101", value_error);
  CHECK_THROWS_AS(data::random_split(all, -1, 1), value_error);
}
