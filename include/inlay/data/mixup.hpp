// Mixup: pairs of samples blended, and their classes with them. x' = a x + (1 - a) x_other, with one a for the batch
// from the beta distribution (alpha, alpha).  Zhang et al., mixup: Beyond Empirical Risk Minimization, 2017.
#pragma once

#include "dataset.hpp"

namespace inlay::inline v0_1::data {

namespace detail {

// Logarithm of a number from the gamma distribution (Marsaglia and Tsang, 2000): small shapes underflow otherwise.
template <class = void>  // compiled only where it is used
INLAY_COLD double draw_log_gamma(random::generator& g, double shape) {
  using random::detail::exact_log;
  const auto unit = [&] {
    const random::words w = g.next();
    return 1 - random::to_unit(w[0], w[1]);  // (0, 1]
  };
  const double boost = shape < 1 ? exact_log(unit()) / shape : 0;
  const double d = (shape < 1 ? shape + 1 : shape) - 1.0 / 3, c = 1 / __builtin_sqrt(9 * d);
  for (;;) {
    const double z = random::detail::normal_pair(g.next())[0], root = 1 + c * z, v = root * root * root;
    if (v > 0 && exact_log(unit()) < z * z / 2 + d - d * v + d * exact_log(v)) return exact_log(d * v) + boost;
  }
}

template <class = void> double draw_beta(random::generator& g, double alpha) {
  const double first = draw_log_gamma(g, alpha), second = draw_log_gamma(g, alpha);
  return 1 / (1 + __builtin_exp(second - first));
}

}  // namespace detail

// x (N, …) and classes y (N,) from 0 to V - 1 -> blended x, and targets (N, V), the shares of the classes. Throws
// shape_error, and value_error for classes that are not there and an alpha that is not above 0.
template <floating T>
batch<T, T> mixup(const tensor<T>& x, const tensor<std::int64_t>& y, std::int64_t classes, random::generator& g,
                  double alpha = 0.2) {
  if (x.rank() < 1 || !(y.shape() == shape{x.dim(0)}))
    throw shape_error("mixup", {"expected x (N, …) and classes (N,), got ", x.shape(), " and ", y.shape()});
  if (!(alpha > 0)) throw value_error("mixup", {"expected an alpha above 0, got ", alpha});
  const std::int64_t count = x.dim(0), size = x.shape().count(1, x.rank());
  const double share = detail::draw_beta(g, alpha);
  const tensor<std::int64_t> other = random::permutation(g, count);
  batch<T, T> out{empty<T>(x.shape()), zeros<T>({count, classes})};
  T *to = inlay::detail::writable(out.x), *targets = inlay::detail::writable(out.y);
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int64_t j = other.data()[i], own = y.data()[i];
    if (own < 0 || own >= classes)
      throw value_error("mixup", {"expected classes from 0 to ", classes - 1, ", got ", own, " in row ", i});
    const T *a = x.data() + i * size, *b = x.data() + j * size;
    for (std::int64_t k = 0; k < size; ++k)
      to[i * size + k] = static_cast<T>(share * static_cast<double>(a[k]) + (1 - share) * static_cast<double>(b[k]));
    targets[i * classes + own] += static_cast<T>(share);
  }
  for (std::int64_t i = 0; i < count; ++i)
    targets[i * classes + y.data()[other.data()[i]]] += static_cast<T>(1 - share);
  return out;
}

}  // namespace inlay::inline v0_1::data
