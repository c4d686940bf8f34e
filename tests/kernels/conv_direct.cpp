// Shows: convolutions, the image read in place
// What outputs see in a band's image is what the rows of the matrix say, for strides, dilation, padding and passes of
// turned geometries; tiles equal plain loops, staged or direct, whole or in parts of k, and touch nothing else; sums
// are finished and copied where they belong; the turned image holds the same elements.
#include <inlay/kernels/conv_direct.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "support.hpp"

using namespace inlay;
using kernels::conv_geometry;
using kernels::conv_pass;

namespace {

const conv_geometry cases[] = {
    {.in = {1, 1, 9}, .out = {1, 1, 9}, .kernel = {1, 1, 3}, .padding = {0, 0, 1}},
    {.in = {1, 1, 1300}, .out = {1, 1, 650}, .kernel = {1, 1, 5}, .stride = {1, 1, 2}, .padding = {0, 0, 2}},
    {.in = {1, 6, 7}, .out = {1, 6, 7}, .kernel = {1, 3, 3}, .padding = {0, 1, 1}, .channels = 3},
    {.in = {1, 9, 11},
     .out = {1, 5, 5},
     .kernel = {1, 3, 5},
     .stride = {1, 2, 3},
     .dilation = {1, 2, 1},
     .padding = {0, 3, 3},
     .channels = 2},
    {.in = {1, 8, 8}, .out = {1, 2, 2}, .kernel = {1, 4, 4}, .stride = {1, 4, 4}, .channels = 3},  // patches
    {.in = {1, 7, 7}, .out = {1, 4, 4}, .kernel = {1, 1, 1}, .stride = {1, 2, 2}, .channels = 2},  // some unseen
    {.in = {1, 2, 2}, .out = {1, 9, 9}, .kernel = {1, 3, 3}, .padding = {0, 4, 4}},                // mostly outside
    {.in = {3, 4, 5}, .out = {2, 3, 3}, .kernel = {2, 2, 3}, .channels = 2},
    {.in = {5, 6, 6}, .out = {3, 3, 3}, .kernel = {3, 3, 3}, .stride = {2, 2, 2}, .padding = {1, 1, 1}},
    {.in = {1, 300, 40}, .out = {1, 300, 40}, .kernel = {1, 3, 3}, .padding = {0, 1, 1}, .channels = 24},  // bands
};

// The matrix's row of a kernel position, by its number among all.
template <class T> std::vector<T> matrix_row(const conv_geometry& g, const std::vector<T>& x, std::int64_t p) {
  std::vector<T> row(static_cast<std::size_t>(g.columns()));
  kernels::conv_row(g, x.data(), p, std::int64_t{0}, g.columns(), row.data());
  return row;
}

// Every output of every pass sees the image as its row of the matrix says, and outputs are covered once.
template <class T> void check_image(const conv_geometry& g, std::int64_t m = 8) {
  const auto x = support::noise_values<T>(g.channels * g.product(g.in), 1);
  std::vector<int> covered(static_cast<std::size_t>(g.columns()));
  std::int64_t rows = 0;
  for (std::int64_t i = 0; i < conv_pass::count(g); ++i) {
    const conv_pass pass(g, i, m, sizeof(T), 1, m >= 16);
    rows += pass.rows;
    std::vector<std::int32_t> offsets(static_cast<std::size_t>(pass.rows));
    kernels::conv_offsets(g, pass, offsets.data());
    std::vector<std::vector<T>> matrix;
    kernels::each_tap(g, pass, [&](std::int64_t c, std::int64_t k0, std::int64_t k1, std::int64_t k2, std::int64_t) {
      matrix.push_back(matrix_row(g, x, ((c * g.kernel[0] + k0) * g.kernel[1] + k1) * g.kernel[2] + k2));
    });
    support::guarded<T> image(pass.planes * pass.plane);
    for (std::int64_t b = 0; b < pass.bands(); ++b) {
      const kernels::conv_band band(pass, b);
      kernels::conv_image(g, pass, band, x.data(), image.data());
      bool same = true;
      for (std::int64_t r = 0; r < band.height; ++r)
        for (std::int64_t j = 0; j < band.width; ++j) {
          const auto place = [&](std::size_t axis, std::int64_t o) {
            return pass.line[axis].first + o * pass.line[axis].step;
          };
          const std::int64_t out =
              (place(0, band.at[0]) * g.out[1] + place(1, band.at[1] + r)) * g.out[2] + place(2, band.at[2] + j);
          ++covered[static_cast<std::size_t>(out)];
          for (std::size_t p = 0; p < offsets.size(); ++p)
            same = same && image[offsets[p] + r * pass.pitch + j] == matrix[p][static_cast<std::size_t>(out)];
        }
      CHECK(same);
      CHECK(image.intact());
    }
  }
  CHECK(rows == g.rows());
  CHECK(std::count(covered.begin(), covered.end(), 1) == g.columns());
}

// A (m x k), rows of B scattered over an image.
template <class T> struct product {
  std::int64_t m, columns, k;
  std::vector<T> a = support::noise_values<T>(m * k, 2);
  std::vector<T> image = support::noise_values<T>(3 * columns + 700, 3);
  std::vector<std::int32_t> offsets = {};
  std::vector<T> strips = {};

  product(isa level, std::int64_t rows, std::int64_t of, std::int64_t depth) : m(rows), columns(of), k(depth) {
    for (std::int64_t p = 0; p < k; ++p)
      offsets.push_back(static_cast<std::int32_t>(support::noise(static_cast<std::uint64_t>(p)) %
                                                  static_cast<std::uint64_t>(2 * columns + 400)));
    strips.resize(static_cast<std::size_t>(kernels::gemm_strips<T>(m, k)));
    kernels::gemm_pack_a<T>(level, {a.data(), k, 1}, m, k, strips.data());
  }
  double expected(std::int64_t i, std::int64_t j) const {
    double sum = 0;
    for (std::int64_t p = 0; p < k; ++p)
      sum += static_cast<double>(a[static_cast<std::size_t>(i * k + p)]) *
             static_cast<double>(image[static_cast<std::size_t>(offsets[static_cast<std::size_t>(p)] + j)]);
    return sum;
  }
  kernels::conv_tiles<T> tiles(T* c, std::int64_t c_row, bool staged) const {
    return {.rows = m,
            .lines = 1,
            .columns = columns,
            .length = k,
            .strips = strips.data(),
            .k = k,
            .skip = 0,
            .image = image.data(),
            .pitch = 0,
            .offsets = offsets.data(),
            .c = c,
            .c_row = c_row,
            .c_line = 0,
            .add = false,
            .staged = staged};
  }
};

template <class T> void run(isa level, kernels::conv_tiles<T> tiles, std::int64_t part) {
  const std::int64_t k = tiles.k;
  do {
    tiles.length = std::min(part, k - tiles.skip);
    dispatch<kernels::conv_tiles<T>>(level, static_cast<const kernels::conv_tiles<T>*>(&tiles));
    tiles.skip += part, tiles.add = true;
    if (tiles.skip < k) tiles.offsets += part;
  } while (tiles.skip < k);
}

}  // namespace

TEST_CASE_TEMPLATE("conv_direct: images hold what outputs see", T, float, double) {
  for (const conv_geometry& g : cases) {
    check_image<T>(g);
    check_image<T>(g, 16);             // planes apart, where there is room
    if (g.columns() > 2000) continue;  // slow to turn by definition
    check_image<T>(g.turned(2));
  }
}

TEST_CASE_TEMPLATE("conv_direct: tiles equal plain loops", T, float, double) {
  const double tolerance = sizeof(T) == 4 ? 1e-4 : 1e-12;
  support::for_each_isa([&](isa level) {
    for (const std::int64_t m : {1, 2, 3, 4, 5, 6, 7, 8, 12, 13, 20, 241})
      for (const std::int64_t columns : {1, 16, 33, 64})
        for (const std::int64_t k : {0, 1, 9, 70}) {
          INFO("m ", m, " columns ", columns, " k ", k);
          const product<T> p(level, m, columns, k);
          const std::int64_t row = (columns + 63) / 64 * 64 + 64;
          support::guarded<T> whole((m + 12) * row), parts((m + 12) * row);
          run(level, p.tiles(whole.data(), row, true), k + 1);
          run(level, p.tiles(parts.data(), row, true), 32);
          double worst = 0;
          for (std::int64_t i = 0; i < m; ++i)
            for (std::int64_t j = 0; j < columns; ++j)
              for (auto* c : {&whole, &parts})
                worst = std::max(worst, std::abs(static_cast<double>((*c)[i * row + j]) - p.expected(i, j)));
          CHECK(worst <= tolerance);
          CHECK((whole.intact() && parts.intact()));
        }
  });
}

TEST_CASE_TEMPLATE("conv_direct: tiles write a result at once, with the bits of staged sums", T, float, double) {
  support::for_each_isa([&](isa level) {
    const std::int64_t tile = kernels::conv_tiles<T>::tile_columns(level);
    for (const std::int64_t m : {1, 4, 6, 8, 12, 24, 64}) {
      if (!kernels::gemm_exact_rows(m, level)) continue;
      for (const std::int64_t columns : {tile, tile + 1, 2 * tile, 3 * tile - 1, 70 * tile / 16}) {
        INFO("m ", m, " columns ", columns);
        const product<T> p(level, m, columns, 50);
        const bool past = m % 3 != 0;
        const std::int64_t row = (columns + 63) / 64 * 64 + 64, gap = past ? row : columns + 3;
        const auto bias = support::noise_values<T>(m, 5);
        support::guarded<T> sums((m + 12) * row), c(m * gap, T(77));
        run(level, p.tiles(sums.data(), row, true), 64);
        auto direct = p.tiles(c.data(), gap, false);
        direct.bias = bias.data(), direct.relu = true, direct.past = past;
        run(level, direct, 64);
        bool same = true;
        for (std::int64_t i = 0; i < m; ++i)
          for (std::int64_t j = 0; j < gap; ++j) {
            const T sum = j < columns ? sums[i * row + j] + bias[static_cast<std::size_t>(i)] : T(77);
            same = same && c[i * gap + j] == (sum > 0 ? sum : T(0));
          }
        CHECK(same);
        CHECK(c.intact());
      }
    }
  });
}

TEST_CASE_TEMPLATE("conv_direct: sums are finished and copied", T, float, double) {
  support::for_each_isa([&](isa level) {
    for (const std::int64_t width : {1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33})
      for (const std::int64_t step : {1, 3}) {
        INFO("width ", width, " step ", step);
        const std::int64_t rows = 3, height = 2, pitch = width + 2, sums_row = 2 * pitch + 64,
                           y_line = width * step + 1, y_row = height * y_line + 5;
        auto sums = support::noise_values<T>(rows * sums_row, 1);
        sums[0] = std::numeric_limits<T>::quiet_NaN();
        const auto bias = support::noise_values<T>(rows, 2);
        support::guarded<T> y((rows - 1) * y_row + (height - 1) * y_line + (width - 1) * step + 1, T(77));
        const kernels::conv_finish<T> finish{rows, height,   width, sums.data(), sums_row, pitch,         bias.data(),
                                             true, y.data(), y_row, y_line,      step,     width % 2 == 0};
        dispatch<kernels::conv_finish<T>>(level, &finish);
        std::vector<T> expected(y.values().size(), T(77));
        for (std::int64_t i = 0; i < rows; ++i)
          for (std::int64_t r = 0; r < height; ++r)
            for (std::int64_t j = 0; j < width; ++j) {
              const T sum =
                  sums[static_cast<std::size_t>(i * sums_row + r * pitch + j)] + bias[static_cast<std::size_t>(i)];
              expected[static_cast<std::size_t>(i * y_row + r * y_line + j * step)] = sum < 0 ? T(0) : sum;
            }
        CHECK(support::is_nan(y[0]));
        CHECK(support::same_bits(y.values().subspan(1), std::span<const T>(expected).subspan(1)));
        CHECK(y.intact());
      }
  });
}

TEST_CASE_TEMPLATE("conv_direct: products of planes", T, float, double) {
  support::for_each_isa([&](isa level) {
    for (const std::int64_t width : {1, 7, 8, 9, 17, 33})
      for (const std::int64_t rows : {1, 7, 8, 9, 25}) {
        INFO("width ", width, " rows ", rows);
        const std::int64_t height = 3, line = width + 2, pitch = width + 5;
        const auto dy = support::noise_values<T>(height * line, 1), image = support::noise_values<T>(900, 2);
        std::vector<std::int32_t> offsets;
        for (std::int64_t p = 0; p < rows; ++p) offsets.push_back(static_cast<std::int32_t>(p * 7 % 100));
        support::guarded<T> sums(rows, T(1));
        const kernels::conv_dots<T> dots{rows,         height, width,          dy.data(),  line,
                                         image.data(), pitch,  offsets.data(), sums.data()};
        dispatch<kernels::conv_dots<T>>(level, &dots);
        for (std::int64_t p = 0; p < rows; ++p) {
          double expected = 1;
          for (std::int64_t r = 0; r < height; ++r)
            for (std::int64_t j = 0; j < width; ++j)
              expected += static_cast<double>(dy[static_cast<std::size_t>(r * line + j)]) *
                          static_cast<double>(image[static_cast<std::size_t>(p * 7 % 100 + r * pitch + j)]);
          CHECK(static_cast<double>(sums[p]) == doctest::Approx(expected).epsilon(1e-5));
        }
        CHECK(sums.intact());
      }
  });
}

TEST_CASE_TEMPLATE("conv_direct: the turned image", T, float, double) {
  for (const conv_geometry& g : cases) {
    const auto x = support::noise_values<T>(g.channels * g.product(g.in), 1);
    for (const std::int64_t lanes : {8, 16}) {
      const std::int64_t count = std::min<std::int64_t>(g.channels, lanes), rows = 4, pitch = 6, o1 = g.out[1] / 2,
                         o2 = g.out[2] / 3;
      support::guarded<T> image(rows * pitch * lanes, T(77));
      kernels::conv_turned_image(g, x.data(), count, lanes, g.in[0] - 1, o1, o2, rows, pitch, image.data());
      bool same = true;
      for (std::int64_t r = 0; r < rows; ++r)
        for (std::int64_t j = 0; j < pitch; ++j)
          for (std::int64_t c = 0; c < lanes; ++c) {
            const std::int64_t i1 = o1 * g.stride[1] - g.padding[1] + r, i2 = o2 * g.stride[2] - g.padding[2] + j;
            const bool inside = c < count && i1 >= 0 && i1 < g.in[1] && i2 >= 0 && i2 < g.in[2];
            const T expected =
                inside ? x[static_cast<std::size_t>(((c * g.in[0] + g.in[0] - 1) * g.in[1] + i1) * g.in[2] + i2)]
                       : T(0);
            same = same && image[(r * pitch + j) * lanes + c] == expected;
          }
      CHECK(same);
      CHECK(image.intact());
    }
  }
}
