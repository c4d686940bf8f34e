// Plain loops to judge the fast kernels by: C = A B + bias, or max(C, 0), every sum in double or wider.
#pragma once

#include <cstdint>
#include <vector>

namespace naive {

// A is m x k, B is k x n, row-major here; `before` (m x n) is added when it is not null, and so is bias (n).
template <class T>
std::vector<long double> gemm(std::int64_t m, std::int64_t n, std::int64_t k, const T* a, const T* b, const T* before,
                              const T* bias, bool relu) {
  using wide = std::conditional_t<sizeof(T) == 4, double, long double>;
  std::vector<wide> row(static_cast<std::size_t>(n));
  std::vector<long double> c;
  for (std::int64_t i = 0; i < m; ++i) {
    for (std::int64_t j = 0; j < n; ++j)
      row[static_cast<std::size_t>(j)] = (before ? before[i * n + j] : T{0}) + (bias ? wide{bias[j]} : wide{0});
    for (std::int64_t p = 0; p < k; ++p)
      for (std::int64_t j = 0; j < n; ++j) row[static_cast<std::size_t>(j)] += wide{a[i * k + p]} * b[p * n + j];
    for (const wide sum : row) c.push_back(relu && sum < 0 ? 0 : static_cast<long double>(sum));
  }
  return c;
}

}  // namespace naive
