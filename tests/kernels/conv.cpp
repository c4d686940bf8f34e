// Shows: (the matrix of a convolution)
// The matrix a convolution multiplies with: rows read through padding, stride, dilation and spread, element by element
// by definition; panels hold the same, with zeros behind the last column.
#include <inlay/kernels/conv.hpp>

#include <doctest/doctest.h>

#include <vector>

#include "support.hpp"

using namespace inlay;
using kernels::conv_geometry;

namespace {

// Element (p, j) of the matrix.
float element(const conv_geometry& g, const std::vector<float>& x, std::int64_t p, std::int64_t j) {
  std::int64_t k = p, o = j, step = 1, at = 0;
  for (std::size_t axis = 3; axis-- > 0;) {
    const std::int64_t place =
        o % g.out[axis] * g.stride[axis] + k % g.kernel[axis] * g.dilation[axis] - g.padding[axis];
    if (place < 0 || place % g.spread[axis] != 0 || place / g.spread[axis] >= g.in[axis]) return 0;
    at += place / g.spread[axis] * step;
    step *= g.in[axis];
    o /= g.out[axis], k /= g.kernel[axis];
  }
  return x[static_cast<std::size_t>(k * step + at)];
}

const conv_geometry cases[] = {
    {.in = {1, 1, 9}, .out = {1, 1, 9}, .kernel = {1, 1, 3}, .padding = {0, 0, 1}},
    {.in = {1, 1, 9}, .out = {1, 1, 5}, .kernel = {1, 1, 3}, .stride = {1, 1, 2}, .padding = {0, 0, 1}, .channels = 2},
    {.in = {1, 6, 7}, .out = {1, 6, 7}, .kernel = {1, 3, 3}, .padding = {0, 1, 1}, .channels = 3},
    {.in = {1, 6, 7},
     .out = {1, 4, 4},
     .kernel = {1, 2, 3},
     .stride = {1, 2, 3},
     .dilation = {1, 2, 1},
     .padding = {0, 2, 3}},
    {.in = {1, 2, 2}, .out = {1, 9, 9}, .kernel = {1, 3, 3}, .padding = {0, 4, 4}},  // mostly outside
    {.in = {3, 4, 5}, .out = {2, 3, 3}, .kernel = {2, 2, 3}, .stride = {1, 1, 1}, .channels = 2},
};

void check(const conv_geometry& g) {
  const auto x = support::noise_values<float>(g.channels * g.product(g.in), 1);
  const std::int64_t columns = g.columns();
  for (const auto& [first, last] : {std::pair<std::int64_t, std::int64_t>{0, columns}, {columns / 3, columns - 1}}) {
    for (std::int64_t p = 0; p < g.rows(); ++p) {
      support::guarded<float> row(last - first);
      kernels::conv_row(g, x.data(), p, first, last, row.data());
      bool same = true;
      for (std::int64_t j = first; j < last; ++j) same = same && row[j - first] == element(g, x, p, j);
      CHECK(same);
      CHECK(row.intact());
    }
  }
}

}  // namespace

TEST_CASE("conv: rows and panels of the matrix") {
  for (const conv_geometry& g : cases) check(g);
}

TEST_CASE("conv: the turned geometry") {
  for (const conv_geometry& g : cases) {
    const conv_geometry t = g.turned(2);
    CHECK(t.columns() == g.product(g.in));
    CHECK(t.rows() == 2 * g.product(g.kernel));
    check(t);
  }
}
