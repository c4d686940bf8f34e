// Shows: (convolution of planes by themselves)
// Equals the definition for heights and widths around its tile, with padding of every width; bias and relu; nothing but
// the outputs is written; NaN stays; a geometry that it does not take.
#include <inlay/kernels/conv_depthwise.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "support.hpp"

using namespace inlay;

namespace {

constexpr std::int64_t groups = 2, planes = 5;  // the last one is the first of its image

kernels::conv_geometry geometry(std::int64_t height, std::int64_t width, std::int64_t down, std::int64_t across) {
  return {.in = {1, height, width},
          .out = {1, height + 2 * down - 2, width + 2 * across - 2},
          .kernel = {1, 3, 3},
          .padding = {0, down, across}};
}

template <class T>
void run(isa level, const kernels::conv_geometry& g, const T* x, const T* w, const T* bias, bool relu, bool past,
         T* y) {
  support::guarded<T> scratch(kernels::conv_depthwise<T>::ring(g));
  const kernels::conv_depthwise<T> all{
      groups, 1, planes, g.out[1], g.out[2], g.in[1], g.in[2], g.product(g.in), g.padding[1], g.padding[2],
      x,      w, 10,     bias,     relu,     past,    y,       scratch.data()};
  dispatch<kernels::conv_depthwise<T>>(level, &all);
  CHECK(scratch.intact());
}

template <class T> void check(isa level, const kernels::conv_geometry& g, bool biased, bool relu, bool past) {
  const std::int64_t in = g.product(g.in), out = g.columns();
  std::vector<T> x = support::noise_values<T>(planes * in, 1);
  const std::vector<T> w = support::noise_values<T>(groups * 10, 2), bias = {T(0.25), T(-0.5)};
  const auto broken = static_cast<std::size_t>(2 * in + in / 2);
  x[broken] = std::numeric_limits<T>::quiet_NaN();
  support::guarded<T> y(planes * out, T(77));
  run<T>(level, g, x.data(), w.data(), biased ? bias.data() : nullptr, relu, past, y.data());
  double worst = 0;
  std::int64_t lost = 0;
  for (std::int64_t i = out; i < planes * out; ++i) {
    const std::int64_t plane = i / out, row = i % out / g.out[2], column = i % g.out[2];
    double sum = 0;
    for (std::int64_t a = 0; a < 3; ++a)
      for (std::int64_t b = 0; b < 3; ++b) {
        const std::int64_t r = row + a - g.padding[1], c = column + b - g.padding[2];
        if (r >= 0 && r < g.in[1] && c >= 0 && c < g.in[2])
          sum += static_cast<double>(x[static_cast<std::size_t>(plane * in + r * g.in[2] + c)]) *
                 static_cast<double>(w[static_cast<std::size_t>(plane % groups * 10 + 3 * a + b)]);
      }
    if (biased) sum += static_cast<double>(bias[static_cast<std::size_t>(plane % groups)]);
    if (std::isnan(sum)) {
      lost += !support::is_nan(y[i]);
      continue;
    }
    worst = std::max(worst, std::abs(static_cast<double>(y[i]) - (relu ? std::max(sum, 0.0) : sum)));
  }
  CHECK(worst <= (sizeof(T) == 4 ? 2e-6 : 1e-14));
  CHECK(lost == 0);
  for (std::int64_t i = 0; i < out; ++i) REQUIRE(y[i] == T(77));  // a plane before the first
  CHECK(y.intact());
}

}  // namespace

TEST_CASE_TEMPLATE("conv_depthwise: equals the definition", T, float, double) {
  support::for_each_isa([&](isa level) {
    for (const std::int64_t height : {1, 2, 3, 4, 5, 9})
      for (const std::int64_t width : {16, 17, 23, 24, 25, 31, 32, 40, 47, 66})
        for (const std::int64_t padding : {0, 1, 2, 4}) {
          if (height + 2 * padding < 3) continue;
          const kernels::conv_geometry g = geometry(height, width + 2, padding, padding == 4 ? 0 : padding);
          REQUIRE(kernels::conv_depthwise<T>::takes(g));
          INFO(height, " x ", width, " padding ", padding);
          check<T>(level, g, padding == 1, padding == 2, width == 32);
        }
  });
}

TEST_CASE("conv_depthwise: takes 3 x 3 kernels of stride 1 on lines of two registers at least") {
  using kernel = kernels::conv_depthwise<float>;
  kernels::conv_geometry g = geometry(8, 16, 1, 1);
  CHECK(kernel::takes(g));
  CHECK_FALSE(kernel::takes(geometry(8, 15, 1, 1)));
  g.channels = 2;
  CHECK_FALSE(kernel::takes(g));
  g = geometry(8, 16, 1, 1), g.stride = {1, 2, 2};
  CHECK_FALSE(kernel::takes(g));
  g = geometry(8, 16, 1, 1), g.dilation = {1, 2, 2};
  CHECK_FALSE(kernel::takes(g));
  g = geometry(8, 16, 1, 1), g.kernel = {1, 3, 5};
  CHECK_FALSE(kernel::takes(g));
}
