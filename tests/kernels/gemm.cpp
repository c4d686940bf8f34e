// Shows: matrix products with fused bias and activation
// The matrix product equals plain loops for every shape, layout, epilogue and level; a row and a range of rows or
// panels have the same bits as in the whole; nothing beyond C, the panels and the scratch memory is touched; NaN stays
// in its row or column.
#include <inlay/kernels/gemm.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "naive/gemm.hpp"
#include "support.hpp"

using namespace inlay;
using kernels::strided;

namespace {

// Operands and what to do with them. Matrices are made row-major; `transposed` stores them the other way round.
template <class T> struct problem {
  std::int64_t m, n, k;
  bool a_transposed = false, b_transposed = false, accumulate = false, with_bias = false;
  bool relu = false;
  std::vector<T> a = support::noise_values<T>(m * k, 1), b = support::noise_values<T>(k * n, 2),
                 before = support::noise_values<T>(m * n, 3), bias = support::noise_values<T>(n, 4);
};

struct range {
  std::int64_t row_first, row_last, panel_first, panel_last;
};

template <class T>
std::vector<T> stored(const std::vector<T>& matrix, std::int64_t rows, std::int64_t columns, bool transposed) {
  if (!transposed) return matrix;
  std::vector<T> out(matrix.size());
  for (std::int64_t i = 0; i < rows; ++i)
    for (std::int64_t j = 0; j < columns; ++j)
      out[static_cast<std::size_t>(j * rows + i)] = matrix[static_cast<std::size_t>(i * columns + j)];
  return out;
}

// C by the fast kernel, range by range; `intact` tells whether all guards are. Rows of C lie 3 elements apart.
template <class T> std::vector<T> run(isa level, const problem<T>& p, std::span<const range> ranges, bool& intact) {
  constexpr std::int64_t gap = 3;
  const std::int64_t columns = kernels::gemm_panel_columns<T>(level), panels = (p.n + columns - 1) / columns,
                     c_row = p.n + gap;
  const std::vector<T> a = stored(p.a, p.m, p.k, p.a_transposed), b = stored(p.b, p.k, p.n, p.b_transposed);
  const strided<T> in_a{a.data(), p.a_transposed ? 1 : p.k, p.a_transposed ? p.m : 1},
      in_b{b.data(), p.b_transposed ? 1 : p.n, p.b_transposed ? p.k : 1};
  support::guarded<T> packed(panels * columns * p.k), scratch(kernels::gemm_scratch<T>()), c(p.m * c_row, T(77));
  for (std::int64_t i = 0; p.accumulate && i < p.m * p.n; ++i)
    c[i / p.n * c_row + i % p.n] = p.before[static_cast<std::size_t>(i)];
  kernels::gemm_pack_b(in_b, columns, p.k, p.n, 0, panels / 2, packed.data());
  kernels::gemm_pack_b(in_b, columns, p.k, p.n, panels / 2, panels, packed.data());
  const kernels::gemm_problem<T> g{p.m,           p.n,      p.k,   in_a,         {},
                                   packed.data(), c.data(), c_row, p.accumulate, p.with_bias ? p.bias.data() : nullptr,
                                   p.relu};
  for (const range& r : ranges)
    kernels::gemm_range<T>(level, g, r.row_first, r.row_last, r.panel_first, std::min(r.panel_last, panels),
                           scratch.data());
  intact = packed.intact() && scratch.intact() && c.intact();
  std::vector<T> out;
  for (std::int64_t i = 0; i < p.m * c_row; ++i) {
    if (i % c_row < p.n)
      out.push_back(c[i]);
    else
      intact = intact && c[i] == T(77);
  }
  return out;
}

constexpr std::int64_t all = std::int64_t{1} << 40;

template <class T> std::vector<T> run(isa level, const problem<T>& p) {
  bool intact = false;
  const range whole[] = {{0, p.m, 0, all}};
  const auto c = run<T>(level, p, whole, intact);
  CHECK(intact);
  return c;
}

template <class T> void check(const problem<T>& p) {
  const auto expected = naive::gemm(p.m, p.n, p.k, p.a.data(), p.b.data(), p.accumulate ? p.before.data() : nullptr,
                                    p.with_bias ? p.bias.data() : nullptr, p.relu);
  const double tolerance =
      static_cast<double>(std::numeric_limits<T>::epsilon()) * (4 + 8 * std::sqrt(static_cast<double>(p.k)));
  support::for_each_isa([&](isa level) {
    INFO("m ", p.m, " n ", p.n, " k ", p.k, " transposed ", p.a_transposed, p.b_transposed, " accumulate ",
         p.accumulate, " bias ", p.with_bias, " relu ", p.relu);
    const auto c = run(level, p);
    CHECK(support::difference(std::span<const T>(c), expected) <= tolerance);
  });
}

constexpr std::int64_t rows[] = {1, 2, 3, 4, 5, 11, 12, 13, 16, 17, 33, 121}, columns[] = {1, 7, 12, 24, 25, 33, 100},
                       depths[] = {0, 1, 2, 7, 65, 257, 600};

}  // namespace

TEST_CASE_TEMPLATE("gemm: every shape, each with another layout and epilogue", T, float, double) {
  std::uint64_t turn = 0;
  for (const std::int64_t m : rows)
    for (const std::int64_t n : columns)
      for (const std::int64_t k : depths) {
        const std::uint64_t choice = support::noise(turn++);
        if (m * n * k > 100000 && choice % 8 != 0) continue;
        check(problem<T>{.m = m,
                         .n = n,
                         .k = k,
                         .a_transposed = (choice >> 8 & 1) != 0,
                         .b_transposed = (choice >> 9 & 1) != 0,
                         .accumulate = (choice >> 10 & 1) != 0,
                         .with_bias = (choice >> 10 & 3) == 2,
                         .relu = (choice >> 12 & 1) != 0});
      }
}

TEST_CASE_TEMPLATE("gemm: every layout and epilogue on a few shapes", T, float, double) {
  for (const auto& [m, n, k] : {std::array<std::int64_t, 3>{1, 100, 65}, {5, 33, 7}, {13, 25, 0}, {17, 31, 600}})
    for (int choice = 0; choice < 64; ++choice)
      check(problem<T>{.m = m,
                       .n = n,
                       .k = k,
                       .a_transposed = (choice & 1) != 0,
                       .b_transposed = (choice & 2) != 0,
                       .accumulate = (choice & 4) != 0,
                       .with_bias = (choice & 12) == 8,
                       .relu = (choice >> 4) != 0});
}

TEST_CASE_TEMPLATE("gemm: more rows than a block, several parts of k, columns to spare", T, float, double) {
  check(problem<T>{.m = 250, .n = 50, .k = 40});
  check(problem<T>{.m = 130, .n = 12, .k = 1100, .accumulate = true, .relu = true});
  check(problem<T>{.m = 128, .n = 20, .k = 768});                        // fills a block of float to the last element
  check(problem<T>{.m = 110, .n = 560, .k = 1001, .accumulate = true});  // large: B is asked for ahead
  check(problem<T>{.m = 1, .n = 401, .k = 1100, .b_transposed = true, .with_bias = true});
  check(problem<T>{.m = 0, .n = 5, .k = 5});
  check(problem<T>{.m = 5, .n = 0, .k = 5});
}

TEST_CASE_TEMPLATE("gemm: parts of k are equal, at most the depth, and fit the scratch memory", T, float, double) {
  const auto check_depths = []<isa Level>(std::integral_constant<isa, Level>) {
    using blocking = kernels::gemm_blocking<T, Level>;
    bool right =
        kernels::gemm_panel_columns<T>(Level) == blocking::columns && kernels::gemm_block_rows<T> % blocking::rows == 0;
    for (std::int64_t k = 0; k < 5000; ++k) {
      const std::int64_t depth = kernels::gemm_depth<T>(k);
      right = right && depth <= kernels::gemm_most_depth<T> && depth <= k && (k == 0 || depth > 0) &&
              depth * kernels::gemm_block_rows<T> <= kernels::gemm_block<T>();
    }
    CHECK(right);
  };
  check_depths(std::integral_constant<isa, isa::plain>{});
  check_depths(std::integral_constant<isa, isa::avx2>{});
  check_depths(std::integral_constant<isa, isa::avx512>{});
}

TEST_CASE_TEMPLATE("gemm: a row has the same bits alone and in any batch", T, float, double) {
  for (const std::int64_t n : {1, 24, 33, 100, 260})
    for (const std::int64_t k : {2, 65, 600, 1100}) {
      const problem<T> whole{.m = 33, .n = n, .k = k, .with_bias = true, .relu = true};
      support::for_each_isa([&](isa level) {
        const auto c = run(level, whole);
        for (const auto& batch :
             {std::pair<std::int64_t, std::int64_t>{0, 1}, {7, 1}, {32, 1}, {0, 2}, {4, 5}, {20, 13}, {9, 12}}) {
          const std::int64_t first = batch.first, count = batch.second;
          problem<T> part{.m = count, .n = n, .k = k, .with_bias = true, .relu = true};
          part.a.assign(whole.a.begin() + first * k, whole.a.begin() + (first + count) * k);
          const auto piece = run(level, part);
          INFO("n ", n, " k ", k, " rows ", first, " and ", count - 1, " more");
          CHECK(support::same_bits(
              std::span<const T>(piece),
              std::span<const T>(c).subspan(static_cast<std::size_t>(first * n), static_cast<std::size_t>(count * n))));
        }
      });
    }
}

TEST_CASE_TEMPLATE("gemm: a layout does not change the bits", T, float, double) {
  for (const std::int64_t m : {1, 14})
    support::for_each_isa([&](isa level) {
      problem<T> p{.m = m, .n = 57, .k = 310};
      const auto c = run(level, p);
      for (int layout = 1; layout < 4; ++layout) {
        p.a_transposed = (layout & 1) != 0;
        p.b_transposed = (layout & 2) != 0;
        CHECK(run(level, p) == c);
      }
    });
}

TEST_CASE_TEMPLATE("gemm: all rows of A may be one in memory", T, float, double) {
  const std::int64_t m = 8, n = 20, k = 30;
  const auto a = support::noise_values<T>(k, 1), b = support::noise_values<T>(k * n, 2);
  support::for_each_isa([&](isa level) {
    std::vector<T> c(static_cast<std::size_t>(m * n)), scratch(static_cast<std::size_t>(kernels::gemm_scratch<T>()));
    const kernels::gemm_problem<T> g{m,     n,       k,    {a.data(), 0, 1}, {b.data(), n, 1}, nullptr, c.data(), n,
                                     false, nullptr, false};
    kernels::gemm_range<T>(level, g, 0, m, 0, kernels::gemm_panels<T>(level, n), scratch.data());
    const auto expected = run(level, problem<T>{.m = 1, .n = n, .k = k, .a = a, .b = b});
    for (std::size_t i = 0; i < c.size(); ++i) CHECK(support::same_bits(c[i], expected[i % expected.size()]));
  });
}

TEST_CASE_TEMPLATE("gemm: cut by rows and panels in any way, the bits are those of the whole", T, float, double) {
  for (const std::int64_t k : {7, 1100}) {
    const problem<T> p{.m = 37, .n = 230, .k = k, .accumulate = k == 7, .with_bias = k != 7, .relu = true};
    const std::vector<range> cuts[] = {{{0, 1, 0, all}, {1, 13, 0, all}, {13, 37, 0, all}},
                                       {{0, 37, 0, 1}, {0, 37, 1, 6}, {0, 37, 6, all}},
                                       {{0, 36, 0, 5}, {36, 37, 0, 2}, {36, 37, 2, 5}, {0, 5, 5, all}, {5, 37, 5, all}},
                                       {{3, 3, 0, all}, {0, 37, 2, 2}, {20, 37, 0, all}, {0, 20, 0, all}}};
    support::for_each_isa([&](isa level) {
      const auto whole = run(level, p);
      for (const auto& ranges : cuts) {
        bool intact = false;
        CHECK(support::same_bits(std::span<const T>(run<T>(level, p, ranges, intact)), std::span<const T>(whole)));
        CHECK(intact);
      }
    });
  }
}

TEST_CASE_TEMPLATE("gemm: NaN and infinities reach their own row or column only", T, float, double) {
  constexpr T inf = std::numeric_limits<T>::infinity(), nan = std::numeric_limits<T>::quiet_NaN();
  const std::int64_t m = 14, n = 27, k = 9;
  for (const T poison : {nan, inf})
    for (const std::int64_t row : {0, 5, 13})
      for (const std::int64_t column : {0, 11, 26})
        for (const bool in_a : {true, false})
          support::for_each_isa([&](isa level) {
            problem<T> p{.m = m, .n = n, .k = k};
            const auto clean = run(level, p);
            (in_a ? p.a[static_cast<std::size_t>(row * k + 4)] : p.b[static_cast<std::size_t>(4 * n + column)]) =
                poison;
            const auto c = run(level, p);
            bool right = true;
            for (std::int64_t i = 0; i < m * n; ++i) {
              const auto at = static_cast<std::size_t>(i);
              const bool hit = in_a ? i / n == row : i % n == column;
              right = right && (hit ? !std::isfinite(c[at]) && support::is_nan(c[at]) == support::is_nan(poison)
                                    : support::same_bits(c[at], clean[at]));
            }
            CHECK(right);
          });
  support::for_each_isa([&](isa level) {
    problem<T> p{.m = 3, .n = 5, .k = 4, .accumulate = true};  // C = is not C += 0: what was there does not count
    p.before[7] = nan;
    p.accumulate = false;
    for (const T x : run(level, p)) CHECK(std::isfinite(x));
    p.accumulate = true;
    CHECK(support::is_nan(run(level, p)[7]));
  });
}

TEST_CASE_TEMPLATE("gemm: relu in the product keeps NaN and infinity, and leaves nothing below 0", T, float, double) {
  constexpr T inf = std::numeric_limits<T>::infinity(), nan = std::numeric_limits<T>::quiet_NaN();
  for (const std::int64_t m : {1, 6, 14})
    for (const std::int64_t k : {1, 600})
      support::for_each_isa([&](isa level) {
        problem<T> p{.m = m, .n = 40, .k = k, .with_bias = true, .relu = true};
        for (const std::int64_t j : {0, 33}) {
          const auto at = static_cast<std::size_t>(j);
          p.bias[at] = nan, p.bias[at + 1] = inf, p.bias[at + 2] = -inf, p.bias[at + 3] = T(-1000);
        }
        const auto c = run(level, p);
        bool right = true;
        for (std::int64_t i = 0; i < m; ++i)
          for (const std::int64_t j : {0, 33}) {
            const T* const of = c.data() + i * p.n + j;
            right = right && support::is_nan(of[0]) && of[1] == inf && of[2] == 0 && of[3] == 0;
          }
        CHECK(right);
      });
}

TEST_CASE_TEMPLATE("gemm: B read where it lies gives the same bits", T, float, double) {
  for (const std::int64_t m : {1, 3, 6, 13, 241, 250})
    for (const std::int64_t k : {0, 1, 65, 600})
      for (const std::int64_t n : {5, 32, 37, 128, 131})
        support::for_each_isa([&](isa level) {
          INFO("m ", m, " k ", k, " n ", n);
          const problem<T> p{.m = m, .n = n, .k = k, .with_bias = true};
          const std::int64_t width = kernels::gemm_panel_columns<T>(level), panels = (n + width - 1) / width;
          support::guarded<T> scratch(kernels::gemm_scratch<T>()), c(m * n);
          const kernels::gemm_problem<T> g{
              m, n, k, {p.a.data(), k, 1}, {p.b.data(), n, 1}, nullptr, c.data(), n, false, p.bias.data(), false};
          kernels::gemm_range<T>(level, g, 0, m, 0, panels, scratch.data());
          CHECK(support::same_bits(c.values(), std::span<const T>(run(level, p))));
          CHECK((scratch.intact() && c.intact()));
        });
}
