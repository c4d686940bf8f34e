// Shows: exact products of whole numbers of 8 bits
// Products of whole numbers: exact at every level and size, with the largest numbers there are; numbers are written in
// 8 bits to the nearest step, halves to even.
#include <inlay/kernels/int8.hpp>

#include <doctest/doctest.h>

#include <numeric>
#include <vector>

#include "naive/int8.hpp"
#include "support.hpp"

using namespace inlay;

namespace {

template <class To> std::vector<To> whole(std::int64_t count, std::uint64_t seed, int low, int high) {
  std::vector<To> out;
  for (std::int64_t i = 0; i < count; ++i)
    out.push_back(static_cast<To>(low + static_cast<std::int64_t>(support::noise(seed + static_cast<std::uint64_t>(i)) %
                                                                  static_cast<std::uint64_t>(high - low + 1))));
  return out;
}

// c = f(row_scale column_scale A B + biases), A (m x k) and B (n x k) in lines, packed here. Quads have zeros: rows of
// A are too large by them.
template <class Left, class Right> void check(isa level, std::int64_t m, std::int64_t n, std::int64_t k, bool extreme) {
  constexpr bool quads = sizeof(Left) == 1;
  const auto a =
      extreme ? std::vector<Left>(static_cast<std::size_t>(m * k), 255) : whole<Left>(m * k, 1, quads ? 0 : -255, 255);
  const auto b =
      extreme ? std::vector<Right>(static_cast<std::size_t>(n * k), -128) : whole<Right>(n * k, 2, -128, 127);
  const auto row_scale = support::noise_values<float>(m, 3, 0.5, 2), column_scale = support::noise_values<float>(n, 4),
             row_bias = support::noise_values<float>(m, 5), column_bias = support::noise_values<float>(n, 6);
  const std::int64_t height = kernels::int8_strip_rows(level, m), strips = (m + height - 1) / height,
                     width = kernels::gemm_panel_columns<float>(level), panels = (n + width - 1) / width,
                     room = kernels::int8_group<Left> * kernels::int8_words<Left>(k);
  support::guarded<Left> packed_a(kernels::int8_strips<Left>(level, m, k));
  support::guarded<Right> packed_b(panels * width * room);
  for (std::int64_t s = 0; s < strips; ++s)
    kernels::int8_interleave<Left>(a.data() + s * height * k, k, std::min(height, m - s * height), k, height,
                                   packed_a.data() + s * height * room);
  for (std::int64_t p = 0; p < panels; ++p)
    kernels::int8_interleave<Left>(b.data() + p * width * k, k, std::min(width, n - p * width), k, width,
                                   packed_b.data() + p * width * room);
  const auto zeros = whole<std::int32_t>(m, 7, 0, 255);
  std::vector<std::int32_t> column_sums;
  for (std::int64_t j = 0; j < n; ++j)
    column_sums.push_back(std::accumulate(b.begin() + j * k, b.begin() + (j + 1) * k, 0));
  REQUIRE(packed_a.intact());
  REQUIRE(packed_b.intact());

  const std::int64_t step = n + 3;
  support::guarded<float> c(m * step, 7);
  for (const bool relu : {false, true}) {
    const kernels::int8_problem<Left, Right> problem{m,
                                                     n,
                                                     k,
                                                     packed_a.data(),
                                                     packed_b.data(),
                                                     c.data(),
                                                     step,
                                                     {row_scale.data(), 1},
                                                     {column_scale.data(), relu ? 0 : 1},
                                                     relu ? row_bias.data() : nullptr,
                                                     relu ? nullptr : column_bias.data(),
                                                     relu,
                                                     quads ? zeros.data() : nullptr,
                                                     quads ? column_sums.data() : nullptr};
    dispatch<kernels::int8_range<Left, Right>>(level, &problem, std::int64_t{0}, strips, std::int64_t{0}, panels);
    double worst = 0;
    bool beside = true;
    for (std::int64_t i = 0; i < m; ++i) {
      for (std::int64_t j = 0; j < n; ++j) {
        std::int64_t sum = 0;
        for (std::int64_t p = 0; p < k; ++p)
          sum += (std::int64_t{a[static_cast<std::size_t>(i * k + p)]} -
                  (quads ? zeros[static_cast<std::size_t>(i)] : 0)) *
                 b[static_cast<std::size_t>(j * k + p)];
        const auto at_i = static_cast<std::size_t>(i), at_j = static_cast<std::size_t>(j);
        const double product = static_cast<double>(sum) * row_scale[at_i] * column_scale[relu ? 0 : at_j];
        double expected = product + (relu ? row_bias[at_i] : column_bias[at_j]);
        if (relu && expected < 0) expected = 0;
        worst = std::max(worst, std::abs(c[i * step + j] - expected) / (1 + std::abs(product)));
      }
      for (std::int64_t j = n; j < step && i + 1 < m; ++j) beside = beside && c[i * step + j] == 7;
    }
    CHECK(worst < 3e-7);
    CHECK(beside);
    CHECK(c.intact());
  }
}

}  // namespace

TEST_CASE("int8: products are exact") {
  support::for_each_isa([](isa level) {
    for (const std::int64_t m : {1, 2, 5, 6, 7, 13, 25})
      for (const std::int64_t n : {1, 7, 8, 15, 16, 17, 33, 65})
        for (const std::int64_t k : {0, 1, 2, 3, 8, 17}) {
          CAPTURE(m);
          CAPTURE(n);
          CAPTURE(k);
          check<std::int16_t, std::int8_t>(level, m, n, k, false);
          check<std::int16_t, std::int16_t>(level, m, n, k, false);
          check<std::uint8_t, std::int8_t>(level, m, n, k, false);
        }
    check<std::int16_t, std::int8_t>(level, 300, 40, 301, false);  // more strips than stay in L2 at once
    check<std::uint8_t, std::int8_t>(level, 300, 40, 601, false);
    check<std::int16_t, std::int8_t>(level, 14, 33, 2101, false);  // panels in several pieces
    check<std::int16_t, std::int16_t>(level, 14, 33, 2101, false);
    check<std::uint8_t, std::int8_t>(level, 14, 33, 4101, false);
    for (const std::int64_t m : {2, 12}) {
      check<std::int16_t, std::int8_t>(level, m, 3, kernels::int8_most_products, true);
      check<std::uint8_t, std::int8_t>(level, m, 3, kernels::int8_most_products, true);
    }
  });
}

TEST_CASE("int8: numbers are written to the nearest step, halves to even, within their range") {
  support::for_each_isa([](isa level) {
    for (const std::int64_t count : support::edge_sizes) {
      const auto x = support::noise_values<float>(count, 8, -3, 5);
      const auto s = kernels::int8_scale::affine(-3, 5);
      support::guarded<std::int16_t> q((count + 31) / 32 * 32);
      dispatch<kernels::to_whole<std::int16_t>>(level, x.data(), count, s, q.data());
      support::guarded<std::uint8_t> quads((count + 31) / 32 * 32);
      dispatch<kernels::to_whole<std::uint8_t>>(level, x.data(), count, s, quads.data());
      const naive::whole_numbers expected = naive::affine(x, -3, 5);
      bool same = s.scale == static_cast<float>(expected.scale) || count == 0;
      for (std::int64_t i = 0; i < count; ++i) {
        const auto whole = expected.q[static_cast<std::size_t>(i)];
        same = same && q[i] == whole && quads[i] == static_cast<float>(whole) - s.low;
      }
      CHECK(same);
      CHECK(q.intact());
      CHECK(quads.intact());
    }
    const float halves[] = {0.5f, 1.5f, 2.5f, -0.5f, -1.5f, 1000, -1000, 0};
    std::int16_t q[32];
    dispatch<kernels::to_whole<std::int16_t>>(level, static_cast<const float*>(halves), std::int64_t{8},
                                              kernels::int8_scale::symmetric(127), static_cast<std::int16_t*>(q));
    CHECK(std::vector<int>(q, q + 8) == std::vector<int>{0, 2, 2, 0, -2, 127, -127, 0});
  });
}

TEST_CASE("int8: ends of a range hold 0, and NaN") {
  support::for_each_isa([](isa level) {
    for (const std::int64_t count : support::edge_sizes) {
      const auto both = support::noise_values<float>(count, 9, -2, 3),
                 above = support::noise_values<float>(count, 9, 1, 2);
      float ends[2];
      dispatch<kernels::extremes>(level, both.data(), count, static_cast<float*>(ends));
      float low = 0, high = 0;
      for (const float x : both) low = std::min(low, x), high = std::max(high, x);
      CHECK(ends[0] == low);
      CHECK(ends[1] == high);
      dispatch<kernels::extremes>(level, above.data(), count, static_cast<float*>(ends));
      CHECK(ends[0] == 0);
      auto broken = both;
      for (std::size_t i = 0; i < broken.size(); i += 13) {
        const float kept = std::exchange(broken[i], std::numeric_limits<float>::quiet_NaN());
        dispatch<kernels::extremes>(level, broken.data(), count, static_cast<float*>(ends));
        CHECK(support::is_nan(ends[0]));
        CHECK(support::is_nan(ends[1]));
        broken[i] = kept;
      }
    }
  });
  constexpr float inf = std::numeric_limits<float>::infinity(), nan = std::numeric_limits<float>::quiet_NaN();
  CHECK(support::is_nan(kernels::int8_scale::affine(nan, nan).scale));
  CHECK(support::is_nan(kernels::int8_scale::affine(0, inf).scale));
  CHECK(support::is_nan(kernels::int8_scale::affine(-3e38f, 3e38f).scale));
  CHECK(kernels::int8_scale::affine(0, 0).scale == 1);
  CHECK(kernels::int8_scale::symmetric(0).scale == 1);
  CHECK(!kernels::is_positive(nan));
  CHECK(!kernels::is_positive(inf));
  CHECK(!kernels::is_positive(0));
  CHECK(kernels::is_positive(1e-30f));
}
