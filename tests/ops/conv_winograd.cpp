// Shows: (convolutions by Winograd's products)
// Convolutions that take this way equal their definition, with both gradients; the error against double is a few times
// the direct sum's; the same bits for every number of threads, and for an image alone; which convolutions take it.
#include <inlay/ops/conv_winograd.hpp>

#include <doctest/doctest.h>

#include <cmath>

#include <inlay/ops/conv.hpp>

#include "naive/conv.hpp"
#include "tensors.hpp"

using namespace inlay;
using support::made_up;
using support::same_bits;

namespace {

std::vector<double> wide(const tensor<float>& t) { return {t.values().begin(), t.values().end()}; }

// |got - expected| / |expected|, as vectors.
double relative(const tensor<float>& got, const std::vector<double>& expected) {
  double off = 0, all = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const double d = static_cast<double>(got.values()[i]) - expected[i];
    off += d * d, all += expected[i] * expected[i];
  }
  return std::sqrt(off / all);
}

struct sizes {
  std::int64_t batch, groups, c, k, height, width, padding;
  int tile = 4;
};

void check(const sizes& s) {
  INFO("N ", s.batch, " groups ", s.groups, " C ", s.c, " K ", s.k, " ", s.height, " x ", s.width);
  const conv_op<2> op{{.padding = s.padding, .groups = s.groups}};
  const auto x = made_up<float>({s.batch, s.groups * s.c, s.height, s.width}, 1),
             w = made_up<float>({s.groups * s.k, s.c, 3, 3}, 2), b = made_up<float>({s.groups * s.k}, 3);
  const std::int64_t rows = s.height + 2 * s.padding - 2, columns = s.width + 2 * s.padding - 2;
  REQUIRE(inlay::detail::winograd_tile<float>(op.sizes(x.shape(), w.shape(), b.shape()).geometry, s.k) == s.tile);
  const naive::conv twin{s.batch,
                         s.groups,
                         s.k,
                         s.c,
                         {1, s.height, s.width},
                         {1, rows, columns},
                         {1, 3, 3},
                         {1, 1, 1},
                         {1, 1, 1},
                         {0, s.padding, s.padding}};
  const auto y_expected = twin.forward(wide(x), wide(w), wide(b));
  const auto dy = made_up<float>({s.batch, s.groups * s.k, rows, columns}, 4);
  const auto expected = twin.backward(wide(x), wide(w), wide(dy));
  support::for_each_isa([&](isa) {
    tensor<float> first, first_dx, first_dw;
    support::for_each_thread_count([&](int) {
      const autograd::tape tape;
      const auto vx = tape.leaf(x), vw = tape.leaf(w);
      const auto y = conv2d(vx, vw, tape.leaf(b), op.options);
      y.backward(dy);
      CHECK(relative(y.value(), y_expected) <= 2e-6);
      CHECK(relative(vx.grad(), expected.x) <= 2e-6);
      CHECK(relative(vw.grad(), expected.w) <= 2e-6);
      if (first.size() == 0) first = y.value(), first_dx = vx.grad(), first_dw = vw.grad();
      CHECK(same_bits(y.value(), first));
      CHECK(same_bits(vx.grad(), first_dx));
      CHECK(same_bits(vw.grad(), first_dw));
    });
    const auto alone = op.forward(x.slice(s.batch - 1, s.batch), w, b);
    CHECK(same_bits(alone, first.slice(s.batch - 1, s.batch)));
  });
}

}  // namespace

TEST_CASE("conv_winograd: equals the definition, with its gradient") {
  check({2, 1, 16, 16, 10, 7, 1});
  check({1, 1, 64, 70, 4, 4, 1});
  check({7, 1, 33, 20, 14, 13, 0});  // a band of several images, and a part of one
  check({1, 2, 24, 25, 6, 33, 2});
  check({1, 1, 37, 245, 5, 12, 1});
  check({1, 1, 16, 16, 10, 402, 1});    // a band for each row of tiles
  check({2, 1, 384, 330, 5, 4, 1, 2});  // smaller tiles: weights of 18 MB, else
}

TEST_CASE("conv_winograd: by its sizes alone, in float") {
  const kernels::conv_geometry g{
      .in = {1, 8, 8}, .out = {1, 8, 8}, .kernel = {1, 3, 3}, .padding = {0, 1, 1}, .channels = 64};
  CHECK(detail::winograd_tile<float>(g, 64) == 4);
  CHECK(detail::winograd_tile<double>(g, 64) == 0);
  CHECK(detail::winograd_tile<float>(g, 8) == 0);
  CHECK(detail::winograd_tile<float>(g, 10'000) == 2);  // weights of 92 MB, else
  kernels::conv_geometry other = g;
  other.stride = {1, 2, 2};
  CHECK(detail::winograd_tile<float>(other, 64) == 0);
  other = g, other.kernel = {1, 5, 3};
  CHECK(detail::winograd_tile<float>(other, 64) == 0);
  other = g, other.dilation = {1, 1, 2};
  CHECK(detail::winograd_tile<float>(other, 64) == 0);
}
