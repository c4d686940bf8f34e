// Shows: key-value caches (growing, a ring, rows of different lengths, reordered)
// What a cache keeps after every kind of change; what is refused. Attention with a cache is judged in
// multi_head_attention.cpp.
#include <inlay/nn/kv_cache.hpp>

#include <doctest/doctest.h>

#include "tensors.hpp"

using namespace inlay;
using nn::kv_cache;

namespace {
// (rows, steps, 1): 100 row + place.
tensor<float> places(std::int64_t rows, std::int64_t first, std::int64_t steps) {
  tensor<float> out({rows, steps, 1});
  for (std::int64_t n = 0; n < rows; ++n)
    for (std::int64_t t = 0; t < steps; ++t) out(n, t, 0) = static_cast<float>(100 * n + first + t);
  return out;
}
}  // namespace

TEST_CASE("kv_cache: grows, and keeps what it had") {
  kv_cache<float> cache;
  CHECK(cache.empty());
  for (std::int64_t t = 0; t < 20; ++t) cache.append(places(2, t, 1), places(2, t + 50, 1));
  CHECK(cache.lengths()(0) == 20);
  CHECK(cache.keys().dim(1) >= 20);
  for (std::int64_t n = 0; n < 2; ++n)
    for (std::int64_t t = 0; t < 20; ++t) {
      CHECK(cache.keys()(n, t, 0) == static_cast<float>(100 * n + t));
      CHECK(cache.values()(n, t, 0) == static_cast<float>(100 * n + t + 50));
    }
  kv_cache<float> roomy{{.room = 64}};
  roomy.append(places(1, 0, 3), places(1, 0, 3));
  CHECK(roomy.keys().dim(1) == 64);
}

TEST_CASE("kv_cache: rows of different lengths, reordered and cut") {
  kv_cache<float> cache;
  cache.append(places(2, 0, 4), places(2, 0, 4), from<std::int64_t>({2}, {4, 2}));
  cache.append(places(2, 40, 1), places(2, 40, 1));
  CHECK(cache.lengths()(0) == 5);
  CHECK(cache.lengths()(1) == 3);
  CHECK(cache.keys()(0, 4, 0) == 40);
  CHECK(cache.keys()(1, 2, 0) == 140);
  cache.reorder(from<std::int64_t>({3}, {1, 1, 0}));
  CHECK(cache.lengths()(0) == 3);
  CHECK(cache.keys()(1, 2, 0) == 140);
  CHECK(cache.keys()(2, 4, 0) == 40);
  cache.truncate(4);
  CHECK(cache.lengths()(2) == 4);
  CHECK(cache.lengths()(0) == 3);
  CHECK(cache.kept()(2) == 4);
}

TEST_CASE("kv_cache: a ring") {
  kv_cache<float> cache{{.window = 3}};
  for (std::int64_t t = 0; t < 5; ++t) cache.append(places(1, t, 1), places(1, t, 1));
  CHECK(cache.lengths()(0) == 5);
  CHECK(cache.kept()(0) == 3);
  CHECK(cache.keys().dim(1) == 3);
  CHECK(cache.keys()(0, 0, 0) == 3);
  CHECK(cache.keys()(0, 1, 0) == 4);
  CHECK(cache.keys()(0, 2, 0) == 2);
  // Positions that a row does not have take the place of none.
  cache.append(places(1, 90, 3), places(1, 90, 3), from<std::int64_t>({1}, {1}));
  CHECK(cache.lengths()(0) == 6);
  CHECK(cache.keys()(0, 0, 0) == 3);
  CHECK(cache.keys()(0, 1, 0) == 4);
  CHECK(cache.keys()(0, 2, 0) == 90);
  CHECK_THROWS_WITH_AS(cache.truncate(1), "[kv_cache] expected no window to go back in: what was kept is gone",
                       value_error);
}

TEST_CASE("kv_cache: no rows, and no positions") {
  kv_cache<float> none, cache;
  none.append(tensor<float>({0, 3, 1}), tensor<float>({0, 3, 1}));
  CHECK(none.lengths().shape() == shape{0});
  cache.append(places(2, 0, 0), places(2, 0, 0));
  CHECK(cache.keys().shape() == shape{2, 0, 1});
  cache.reorder(from<std::int64_t>({1}, {1}));
  cache.append(places(1, 7, 1), places(1, 7, 1));
  CHECK(cache.keys()(0, 0, 0) == 7);
}

TEST_CASE("kv_cache: what is refused") {
  kv_cache<float> cache;
  cache.append(tensor<float>({2, 1, 4}), tensor<float>({2, 1, 4}));
  CHECK_THROWS_WITH_AS(cache.append(tensor<float>({2, 1, 4}), tensor<float>({2, 1, 5})),
                       "[kv_cache] expected keys and values of 4 and 4 features, got 4 and 5", shape_error);
  CHECK_THROWS_WITH_AS(cache.append(tensor<float>({3, 1, 4}), tensor<float>({3, 1, 4})),
                       "[kv_cache] expected keys and values (2, T, …), got (3, 1, 4) and (3, 1, 4)", shape_error);
  CHECK_THROWS_AS(cache.append(tensor<float>({2, 1, 4}), tensor<float>({2, 1, 4}), from<std::int64_t>({1}, {1})),
                  shape_error);
  for (const std::int64_t count : {-1, 2})
    CHECK_THROWS_WITH_AS(
        cache.append(tensor<float>({2, 1, 4}), tensor<float>({2, 1, 4}), from<std::int64_t>({2}, {1, count})),
        ("[kv_cache] expected from 0 to 1 positions that a row has, got " + std::to_string(count)).c_str(),
        value_error);
  CHECK(cache.lengths()(0) == 1);
  CHECK_THROWS_WITH_AS(cache.truncate(-1), "[kv_cache] expected a length of 0 or more, got -1", value_error);
  CHECK_THROWS_AS(kv_cache<float>({.room = -1}), value_error);
}
