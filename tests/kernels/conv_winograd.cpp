// Shows: 3 x 3 convolutions by Winograd's products
// The three transforms, put together with products of matrices, give the convolution, for both sizes of tiles; nothing
// but what belongs to them is written; bias and relu are applied, NaN stays.
#include <inlay/kernels/conv_winograd.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "support.hpp"

using namespace inlay;

namespace {

// One image of some channels with a padding of 1.
template <class T> struct problem {
  std::int64_t channels, m, height, width;
  std::vector<T> x = support::noise_values<T>(channels * height * width, 1),
                 w = support::noise_values<T>(m * channels * 9, 2);

  double expected(std::int64_t k, std::int64_t i, std::int64_t j) const {
    double sum = 0;
    for (std::int64_t c = 0; c < channels; ++c)
      for (std::int64_t a = 0; a < 3; ++a)
        for (std::int64_t b = 0; b < 3; ++b) {
          const std::int64_t r = i + a - 1, s = j + b - 1;
          if (r >= 0 && r < height && s >= 0 && s < width)
            sum += static_cast<double>(x[static_cast<std::size_t>((c * height + r) * width + s)]) *
                   static_cast<double>(w[static_cast<std::size_t>((k * channels + c) * 9 + 3 * a + b)]);
        }
    return sum;
  }
  double error(support::guarded<T>& y) const {
    double worst = 0;
    for (std::int64_t k = 0; k < m; ++k)
      for (std::int64_t i = 0; i < height; ++i)
        for (std::int64_t j = 0; j < width; ++j)
          worst = std::max(worst, std::abs(static_cast<double>(y[(k * height + i) * width + j]) - expected(k, i, j)));
    return worst;
  }
};

// Row of tiles after row of tiles, as the operation does it.
template <int Tile, class T> void run(isa level, const problem<T>& p, T bias, bool relu, support::guarded<T>& y) {
  constexpr std::int64_t lanes = kernels::winograd_lanes<T>, edge = kernels::winograd<Tile>::edge,
                         positions = kernels::winograd<Tile>::positions, columns = 2 * lanes;
  REQUIRE((p.channels <= lanes && p.m <= lanes));
  const kernels::conv_geometry g{.in = {1, p.height, p.width},
                                 .out = {1, p.height, p.width},
                                 .kernel = {1, 3, 3},
                                 .padding = {0, 1, 1},
                                 .channels = p.channels};
  support::guarded<T> u(positions * p.channels * columns);
  const kernels::winograd_weights<T, Tile> weights{p.channels,     columns, p.m,      p.w.data(),          9,
                                                   9 * p.channels, 1,       u.data(), p.channels * columns};
  dispatch<kernels::winograd_weights<T, Tile>>(level, &weights);
  CHECK(u.intact());

  const std::int64_t tiles = (p.width + Tile - 1) / Tile, pitch = tiles * Tile + 2;
  const std::vector<T> terms(lanes, bias);
  support::guarded<T> image(edge * pitch * lanes), in(positions * tiles * lanes), out(positions * tiles * lanes),
      lines(Tile * tiles * Tile * lanes);
  for (std::int64_t line = 0; line < p.height; line += Tile) {
    kernels::conv_turned_image(g, p.x.data(), p.channels, lanes, 0, line, 0, edge, pitch, image.data());
    const kernels::winograd_enter<T, kernels::winograd_of_input<Tile>> enter{tiles,     image.data(), pitch,
                                                                             in.data(), lanes,        tiles * lanes};
    dispatch<kernels::winograd_enter<T, kernels::winograd_of_input<Tile>>>(level, &enter);
    for (std::int64_t at = 0; at < positions * tiles; ++at)
      for (std::int64_t k = 0; k < lanes; ++k) {
        T sum = 0;
        for (std::int64_t c = 0; c < p.channels; ++c)
          sum += in[at * lanes + c] * u[(at / tiles * p.channels + c) * columns + k];
        out[at * lanes + k] = sum;
      }
    const kernels::winograd_output<T, Tile> leave{tiles,        out.data(), lanes,       tiles * lanes,
                                                  terms.data(), relu,       lines.data()};
    dispatch<kernels::winograd_output<T, Tile>>(level, &leave);
    for (std::int64_t i = line; i < std::min(p.height, line + Tile); ++i)
      kernels::conv_turned_back(lines.data() + (i - line) * tiles * Tile * lanes, lanes, p.m, p.width,
                                y.data() + i * p.width, p.height * p.width);
  }
  CHECK((image.intact() && in.intact() && out.intact() && lines.intact()));
}

// Both sizes of tiles, every level.
template <class F> void for_each_form(F&& f) {
  support::for_each_isa([&](isa level) {
    f(level, std::integral_constant<int, 2>());
    f(level, std::integral_constant<int, 4>());
  });
}

}  // namespace

TEST_CASE_TEMPLATE("conv_winograd: the transforms give the convolution", T, float, double) {
  const double tolerance = sizeof(T) == 4 ? 2e-5 : 1e-13;
  for_each_form([&](isa level, auto tile) {
    for (const std::int64_t height : {1, 2, 5, 8})
      for (const std::int64_t width : {1, 2, 3, 7, 8, 15, 16, 17, 33})
        for (const std::int64_t channels : {1, 3, 4}) {
          INFO(height, " x ", width, ", tiles of ", tile(), ", ", channels, " channels");
          const problem<T> p{channels, 5 - channels, height, width};
          support::guarded<T> y(p.m * height * width, T(77));
          run<tile()>(level, p, T(0), false, y);
          CHECK(p.error(y) <= tolerance);
          CHECK(y.intact());
        }
  });
}

TEST_CASE_TEMPLATE("conv_winograd: the kernel's gradient", T, float, double) {
  // One channel in and out, one row of tiles: lanes other than the first hold what does not matter.
  constexpr std::int64_t lanes = kernels::winograd_lanes<T>, positions = 36;
  support::for_each_isa([&](isa level) {
    for (const std::int64_t tiles : {1, 2, 5}) {
      const std::int64_t pitch = 4 * tiles + 2;
      const std::vector<T> x = support::noise_values<T>(6 * pitch * lanes, 1),
                           dy = support::noise_values<T>(4 * 4 * tiles * lanes, 2);
      support::guarded<T> in(positions * tiles * lanes), of_dy(positions * tiles * lanes), sums(positions * lanes),
          dw(9 * 3, T(77));
      const kernels::winograd_enter<T, kernels::winograd_of_input<4>> enter{tiles,     x.data(), pitch,
                                                                            in.data(), lanes,    tiles * lanes};
      dispatch<kernels::winograd_enter<T, kernels::winograd_of_input<4>>>(level, &enter);
      const kernels::winograd_enter<T, kernels::winograd_of_gradient> spread{tiles,        dy.data(), 4 * tiles,
                                                                             of_dy.data(), lanes,     tiles * lanes};
      dispatch<kernels::winograd_enter<T, kernels::winograd_of_gradient>>(level, &spread);
      for (std::int64_t p = 0; p < positions; ++p)
        for (std::int64_t c = 0; c < lanes; ++c) {
          sums[p * lanes + c] = 0;
          for (std::int64_t t = 0; t < tiles; ++t)
            sums[p * lanes + c] += in[(p * tiles + t) * lanes + c] * of_dy[(p * tiles + t) * lanes];
        }
      const kernels::winograd_gather<T> gather{3, sums.data(), lanes, dw.data()};
      dispatch<kernels::winograd_gather<T>>(level, &gather);
      double worst = 0;
      for (std::int64_t c = 0; c < 3; ++c)
        for (std::int64_t e = 0; e < 9; ++e) {
          double sum = 0;
          for (std::int64_t i = 0; i < 4; ++i)
            for (std::int64_t j = 0; j < 4 * tiles; ++j)
              sum += static_cast<double>(dy[static_cast<std::size_t>((i * 4 * tiles + j) * lanes)]) *
                     static_cast<double>(x[static_cast<std::size_t>(((i + e / 3) * pitch + j + e % 3) * lanes + c)]);
          worst = std::max(worst, std::abs(static_cast<double>(dw[9 * c + e]) - sum));
        }
      CHECK(worst <= (sizeof(T) == 4 ? 5e-5 : 1e-13));
      CHECK((in.intact() && of_dy.intact() && sums.intact() && dw.intact()));
    }
  });
}

TEST_CASE_TEMPLATE("conv_winograd: bias and relu; NaN stays", T, float, double) {
  for_each_form([&](isa level, auto tile) {
    problem<T> p{1, 1, 7, 19};
    support::guarded<T> y(7 * 19);
    run<tile()>(level, p, T(-0.5), true, y);
    double worst = 0;
    for (std::int64_t i = 0; i < 7 * 19; ++i)
      worst = std::max(worst, std::abs(static_cast<double>(y[i]) - std::max(0.0, p.expected(0, i / 19, i % 19) - 0.5)));
    CHECK(worst <= 1e-5);
    p.x[2 * 19 + 9] = std::numeric_limits<T>::quiet_NaN();
    run<tile()>(level, p, T(-0.5), true, y);
    for (std::int64_t i = 1; i <= 3; ++i)
      for (std::int64_t j = 8; j <= 10; ++j) CHECK(support::is_nan(y[i * 19 + j]));
    CHECK_FALSE(support::is_nan(y[6 * 19 + 9]));
    CHECK_FALSE(support::is_nan(y[2 * 19 + 14]));
  });
}

TEST_CASE("conv_winograd: a weight read backwards is the turned kernel") {
  const auto w = support::noise_values<double>(9, 1);
  const std::vector<double> turned(w.rbegin(), w.rend());
  std::vector<double> a(36 * 8), b(36 * 8);
  const kernels::winograd_weights<double, 4> backwards{1, 8, 1, w.data() + 8, 0, 0, -1, a.data(), 8},
      forwards{1, 8, 1, turned.data(), 0, 0, 1, b.data(), 8};
  dispatch<kernels::winograd_weights<double, 4>>(active_isa(), &backwards);
  dispatch<kernels::winograd_weights<double, 4>>(active_isa(), &forwards);
  CHECK(a == b);
  CHECK(b[8 * 35] == turned[8]);
}
