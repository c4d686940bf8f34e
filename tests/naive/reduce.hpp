// Plain loops to judge the fast kernels by: sums, maxima and minima of x (outer, length, inner) over the middle axis.
#pragma once

#include <cstdint>
#include <limits>
#include <vector>

namespace naive {

template <class T, class F>
std::vector<long double> reduce(const T* x, std::int64_t outer, std::int64_t length, std::int64_t inner,
                                long double start, F join) {
  std::vector<long double> out;
  for (std::int64_t o = 0; o < outer; ++o)
    for (std::int64_t i = 0; i < inner; ++i) {
      long double total = start;
      for (std::int64_t r = 0; r < length; ++r)
        total = join(total, static_cast<long double>(x[(o * length + r) * inner + i]));
      out.push_back(total);
    }
  return out;
}

template <class T>
std::vector<long double> sum(const T* x, std::int64_t outer, std::int64_t length, std::int64_t inner) {
  return reduce(x, outer, length, inner, 0, [](long double a, long double b) { return a + b; });
}

// NaN wins over every number.
template <class T>
std::vector<long double> max(const T* x, std::int64_t outer, std::int64_t length, std::int64_t inner) {
  return reduce(x, outer, length, inner, -std::numeric_limits<long double>::infinity(),
                [](long double a, long double b) { return a != a || a > b ? a : b; });
}

template <class T>
std::vector<long double> min(const T* x, std::int64_t outer, std::int64_t length, std::int64_t inner) {
  return reduce(x, outer, length, inner, std::numeric_limits<long double>::infinity(),
                [](long double a, long double b) { return a != a || a < b ? a : b; });
}

}  // namespace naive
