// Plain loops to judge the fast kernels by: mean, variance and normalisation of one list of values, in long double.
#pragma once

#include <cmath>
#include <cstdint>
#include <vector>

namespace naive {

using list = std::vector<long double>;

struct spread {
  long double mean = 0, variance = 0;  // biased
};

inline spread moments(const list& x) {
  spread out;
  for (const long double value : x) out.mean += value / static_cast<long double>(x.size());
  for (const long double value : x)
    out.variance += (value - out.mean) * (value - out.mean) / static_cast<long double>(x.size());
  return out;
}

inline list normalised(const list& x, const spread& by, long double epsilon) {
  list out;
  for (const long double value : x) out.push_back((value - by.mean) / std::sqrt(by.variance + epsilon));
  return out;
}

// dx_i = sum over j of g_j times the derivative of xhat_j by x_i, mean and variance of x among what depends on x_i.
inline list normalised_gradient(const list& g, const list& x, long double epsilon) {
  const spread of = moments(x);
  const list xhat = normalised(x, of, epsilon);
  const auto n = static_cast<long double>(x.size());
  list dx;
  for (std::size_t i = 0; i < x.size(); ++i) {
    long double sum = 0;
    for (std::size_t j = 0; j < x.size(); ++j) sum += g[j] * ((i == j) - (1 + xhat[i] * xhat[j]) / n);
    dx.push_back(sum / std::sqrt(of.variance + epsilon));
  }
  return dx;
}

inline long double product_sum(const list& a, const list& b) {
  long double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

// The values of channel c of x (batch, channels, length), and their way back.
template <class T>
list channel(const T* x, std::int64_t batch, std::int64_t channels, std::int64_t length, std::int64_t c) {
  list out;
  for (std::int64_t n = 0; n < batch; ++n)
    for (std::int64_t i = 0; i < length; ++i)
      out.push_back(static_cast<long double>(x[(n * channels + c) * length + i]));
  return out;
}
inline void put_channel(list& x, const list& values, std::int64_t batch, std::int64_t channels, std::int64_t length,
                        std::int64_t c) {
  for (std::int64_t n = 0; n < batch; ++n)
    for (std::int64_t i = 0; i < length; ++i)
      x[static_cast<std::size_t>((n * channels + c) * length + i)] = values[static_cast<std::size_t>(n * length + i)];
}

}  // namespace naive
