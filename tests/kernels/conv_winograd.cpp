// Shows: 3 x 3 convolutions by Winograd's products
// The three transforms, put together with the products of one channel, give the convolution; nothing but the outputs is
// written; bias and relu are applied, NaN stays.
#include <inlay/kernels/conv_winograd.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "support.hpp"

using namespace inlay;

namespace {

constexpr std::int64_t positions = kernels::winograd_positions;

// One channel of height x width with a padding of 1, taken as one band.
template <class T> struct problem {
  std::int64_t height, width;
  std::vector<T> x = support::noise_values<T>(height * width, 1), w = support::noise_values<T>(9, 2);

  double expected(std::int64_t i, std::int64_t j) const {
    double sum = 0;
    for (std::int64_t a = 0; a < 3; ++a)
      for (std::int64_t b = 0; b < 3; ++b) {
        const std::int64_t r = i + a - 1, c = j + b - 1;
        if (r >= 0 && r < height && c >= 0 && c < width)
          sum += static_cast<double>(x[static_cast<std::size_t>(r * width + c)]) *
                 static_cast<double>(w[static_cast<std::size_t>(3 * a + b)]);
      }
    return sum;
  }
};

template <class T> void run(isa level, const problem<T>& p, const T* bias, bool relu, support::guarded<T>& y) {
  const kernels::conv_geometry g = kernels::winograd_tiles(
      {.in = {1, p.height, p.width}, .out = {1, p.height, p.width}, .kernel = {1, 3, 3}, .padding = {0, 1, 1}});
  const kernels::conv_pass pass(g, 0, 1, sizeof(T), g.out[1]);
  REQUIRE(pass.bands() == 1);
  const kernels::conv_band band(pass, 0);
  const std::int64_t row = pass.positions;
  support::guarded<T> image(pass.planes * pass.plane), in(positions * row);
  kernels::conv_image(g, pass, band, p.x.data(), image.data());
  const kernels::winograd_input<T> enter{1,          band.height, band.width, image.data(),
                                         pass.pitch, pass.plane,  in.data(),  row};
  dispatch<kernels::winograd_input<T>>(level, &enter);
  T u[positions];
  kernels::winograd_weight(p.w.data(), 1, u, 1);
  for (std::int64_t i = 0; i < positions * row; ++i) in[i] *= u[i / row];
  const kernels::winograd_output<T> leave{1,    p.height, p.width, in.data(), row,  bias,
                                          relu, y.data(), 0,       p.width,   !relu};
  dispatch<kernels::winograd_output<T>>(level, &leave);
  CHECK((image.intact() && in.intact()));
}

}  // namespace

TEST_CASE_TEMPLATE("conv_winograd: the transforms give the convolution", T, float, double) {
  const double tolerance = sizeof(T) == 4 ? 1e-5 : 1e-13;
  support::for_each_isa([&](isa level) {
    for (const std::int64_t height : {1, 2, 5, 8})
      for (const std::int64_t width : {1, 2, 3, 7, 8, 15, 16, 17, 31, 33, 65}) {
        INFO(height, " x ", width);
        const problem<T> p{height, width};
        support::guarded<T> y(height * width, T(77));
        run<T>(level, p, nullptr, false, y);
        double worst = 0;
        for (std::int64_t i = 0; i < height * width; ++i)
          worst = std::max(worst, std::abs(static_cast<double>(y[i]) - p.expected(i / width, i % width)));
        CHECK(worst <= tolerance);
        CHECK(y.intact());
      }
  });
}

TEST_CASE_TEMPLATE("conv_winograd: bias and relu; NaN stays", T, float, double) {
  support::for_each_isa([&](isa level) {
    problem<T> p{6, 19};
    const T bias = T(-0.5);
    support::guarded<T> y(6 * 19);
    run<T>(level, p, &bias, true, y);
    double worst = 0;
    for (std::int64_t i = 0; i < 6 * 19; ++i)
      worst = std::max(worst, std::abs(static_cast<double>(y[i]) - std::max(0.0, p.expected(i / 19, i % 19) - 0.5)));
    CHECK(worst <= 1e-5);
    p.x[2 * 19 + 9] = std::numeric_limits<T>::quiet_NaN();
    run<T>(level, p, &bias, true, y);
    for (std::int64_t i = 1; i <= 3; ++i)
      for (std::int64_t j = 8; j <= 10; ++j) CHECK(support::is_nan(y[i * 19 + j]));
    CHECK_FALSE(support::is_nan(y[5 * 19 + 9]));
    CHECK_FALSE(support::is_nan(y[2 * 19 + 14]));
  });
}

TEST_CASE("conv_winograd: a weight read backwards is the turned kernel") {
  const auto w = support::noise_values<double>(9, 1);
  std::vector<double> turned(w.rbegin(), w.rend()), a(16), b(16);
  kernels::winograd_weight(w.data() + 8, -1, a.data(), 1);
  kernels::winograd_weight(turned.data(), 1, b.data(), 1);
  CHECK(a == b);
}
