// Plain loops to judge the fast kernels by: one row of scores at a time, in long double.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

namespace naive {

using row = std::vector<long double>;

inline row log_softmax(const row& x) {
  if (x.empty()) return x;
  const long double top = *std::max_element(x.begin(), x.end());
  long double sum = 0;
  for (const long double value : x) sum += std::exp(value - top);
  row y;
  for (const long double value : x) y.push_back(value - top - std::log(sum));
  return y;
}

inline row softmax(const row& x) {
  row y = log_softmax(x);
  for (long double& value : y) value = std::exp(value);
  return y;
}

// dx_i = sum over j of dy_j times the derivative of y_j by x_i.
inline row softmax_gradient(const row& dy, const row& y) {
  row dx;
  for (std::size_t i = 0; i < y.size(); ++i) {
    long double sum = 0;
    for (std::size_t j = 0; j < y.size(); ++j) sum += dy[j] * y[j] * ((i == j) - y[i]);
    dx.push_back(sum);
  }
  return dx;
}
inline row log_softmax_gradient(const row& dy, const row& y) {
  row dx;
  for (std::size_t i = 0; i < y.size(); ++i) {
    long double sum = 0;
    for (std::size_t j = 0; j < y.size(); ++j) sum += dy[j] * ((i == j) - std::exp(y[i]));
    dx.push_back(sum);
  }
  return dx;
}

inline long double cross_entropy(const row& x, std::int64_t right) {
  return -log_softmax(x)[static_cast<std::size_t>(right)];
}

inline row cross_entropy_gradient(const row& x, std::int64_t right, long double scale) {
  row dx = softmax(x);
  for (std::size_t i = 0; i < dx.size(); ++i) dx[i] = scale * (dx[i] - (static_cast<std::int64_t>(i) == right));
  return dx;
}

}  // namespace naive
