// Shows: (windows of one plane)
// Pooling of one plane: every window, nothing written beside the output.
#include <inlay/kernels/pool.hpp>

#include <doctest/doctest.h>

#include <vector>

#include "support.hpp"

using namespace inlay;

TEST_CASE_TEMPLATE("pool: one plane", T, float, double) {
  const kernels::conv_geometry g{
      .in = {1, 3, 4}, .out = {1, 2, 2}, .kernel = {1, 2, 2}, .stride = {1, 2, 2}, .padding = {0, 1, 0}};
  const std::vector<T> x{1, 5, 2, 2, 3, 4, 9, 8, 0, -1, -2, -3};
  support::guarded<T> y(4), mean(4), dx(12);
  std::vector<std::int64_t> where(4), counts(4);
  kernels::max_pool(g, x.data(), y.data(), where.data());
  CHECK(std::vector<T>(y.values().begin(), y.values().end()) == std::vector<T>{5, 2, 4, 9});
  CHECK(where == std::vector<std::int64_t>{1, 2, 5, 6});
  kernels::window_counts(g, counts.data());
  CHECK(counts == std::vector<std::int64_t>{2, 2, 4, 4});
  kernels::avg_pool(g, x.data(), counts.data(), mean.data());
  CHECK(std::vector<T>(mean.values().begin(), mean.values().end()) == std::vector<T>{3, 2, T(1.5), 3});
  for (std::int64_t i = 0; i < 12; ++i) dx[i] = 0;
  const std::vector<T> dy{2, 4, 8, 16};
  kernels::avg_pool_gradient(g, dy.data(), counts.data(), dx.data());
  CHECK(std::vector<T>(dx.values().begin(), dx.values().end()) == std::vector<T>{1, 1, 2, 2, 2, 2, 4, 4, 2, 2, 4, 4});
  CHECK((y.intact() && mean.intact() && dx.intact()));
}
