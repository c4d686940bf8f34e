// Shows: (a short row of a product in one call)
// The bits of the product by panels for every width, depth, bias and level, guards whole; plain loops; zeros of either
// sign; NaN keeps to its column.
#include <inlay/kernels/gemm_row.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "naive/gemm.hpp"
#include "support.hpp"

using namespace inlay;

namespace {

template <class T> struct problem {
  std::int64_t n, k;
  bool with_bias, relu;
  std::vector<T> x = support::noise_values<T>(k, 1), b = support::noise_values<T>(k * n, 2),
                 bias = support::noise_values<T>(n, 3);
};

template <class T> std::vector<T> run(isa level, const problem<T>& p, bool by_panels) {
  const std::int64_t columns = kernels::gemm_panel_columns<T>(level), panels = kernels::gemm_panels<T>(level, p.n);
  support::guarded<T> packed(panels * columns * p.k), y(p.n, T(77));
  const kernels::strided<T> b{p.b.data(), p.n, 1};
  kernels::gemm_pack_b(b, columns, p.k, p.n, 0, panels, packed.data());
  const T* bias = p.with_bias ? p.bias.data() : nullptr;
  if (by_panels) {
    const kernels::gemm_problem<T> g{1,     p.n,  p.k,   {p.x.data(), p.k, 1}, b, packed.data(), y.data(), p.n,
                                     false, bias, p.relu};
    std::vector<T> scratch(static_cast<std::size_t>(kernels::gemm_scratch<T>()));
    kernels::gemm_range<T>(level, g, 0, 1, 0, panels, scratch.data());
  } else {
    const inlay::detail::flush_denormals scope;
    const kernels::gemm_row<T> g{p.n, p.k, p.x.data(), packed.data(), bias, p.relu, y.data()};
    dispatch<kernels::gemm_row<T>>(level, &g);
  }
  CHECK(packed.intact());
  CHECK(y.intact());
  return {y.data(), y.data() + p.n};
}

}  // namespace

TEST_CASE_TEMPLATE("gemm_row: the product by panels, bit for bit, and plain loops", T, float, double) {
  support::for_each_isa([](isa level) {
    const std::int64_t most = kernels::gemm_most_depth<T>;
    for (const std::int64_t n : {1, 3, 7, 8, 9, 15, 16, 17, 31, 32, 33, 47, 48, 49, 64, 65, 96, 127, 129, 200})
      for (const std::int64_t k : {std::int64_t{0}, std::int64_t{1}, std::int64_t{2}, std::int64_t{33}, most}) {
        const bool with_bias = n % 3 != 0, relu = n % 2 != 0;
        INFO("n ", n, " k ", k);
        const problem<T> p{n, k, with_bias, relu};
        const std::vector<T> y = run(level, p, false);
        CHECK(support::same_bits(std::span<const T>(y), std::span<const T>(run(level, p, true))));
        const auto expected = naive::gemm(1, n, k, p.x.data(), p.b.data(), static_cast<const T*>(nullptr),
                                          with_bias ? p.bias.data() : nullptr, relu);
        const double tolerance =
            static_cast<double>(std::numeric_limits<T>::epsilon()) * (4 + 8 * std::sqrt(static_cast<double>(k)));
        CHECK(support::difference(std::span<const T>(y), expected) <= tolerance);
      }
  });
}

TEST_CASE_TEMPLATE("gemm_row: zeros of either sign, infinity and NaN, each in its column", T, float, double) {
  support::for_each_isa([](isa level) {
    problem<T> p{21, 4, false, false};
    for (T& v : p.x) v = 1;
    for (T& v : p.b) v = T(-0.0);
    p.b[5] = std::numeric_limits<T>::infinity();
    p.b[21 + 9] = std::numeric_limits<T>::quiet_NaN();
    const std::vector<T> y = run(level, p, false);
    CHECK(support::same_bits(std::span<const T>(y).first(9), std::span<const T>(run(level, p, true)).first(9)));
    for (std::size_t j = 0; j < 21; ++j) {
      if (j == 5)
        CHECK(std::isinf(y[j]));
      else if (j == 9)
        CHECK(std::isnan(y[j]));
      else
        CHECK(support::same_bits(y[j], T(0)));
    }
  });
}
