// exp, log and sqrt, elementwise. Outside their domain the result is NaN or -inf, as IEEE 754 has it.
#pragma once

#include "map.hpp"

namespace inlay::inline v0_1 {

struct exp_op {
  static constexpr const char* name = "exp";
  template <floating T> tensor<T> forward(tensor<T> x) const {
    return detail::map(kernels::exponential{}, std::move(x));
  }
  template <class T> tensor<T> keep(const tensor<T>& y) const { return y; }
  template <class T> void backward(tensor<T> dy, const tensor<T>& y, const gradient<T>& dx) const {
    if (dx.wanted()) dx.add(detail::zip_same(kernels::multiply{}, std::move(dy), y));
  }
};

struct log_op {
  static constexpr const char* name = "log";
  template <floating T> tensor<T> forward(tensor<T> x) const { return detail::map(kernels::logarithm{}, std::move(x)); }
  template <class T> tensor<T> keep(const tensor<T>& x, const tensor<T>&) const { return x; }
  template <class T> void backward(tensor<T> dy, const tensor<T>& x, const gradient<T>& dx) const {
    if (dx.wanted()) dx.add(detail::zip_same(kernels::divide{}, std::move(dy), x));
  }
};

struct sqrt_op {
  static constexpr const char* name = "sqrt";
  template <floating T> tensor<T> forward(tensor<T> x) const {
    return detail::map(kernels::square_root{}, std::move(x));
  }
  template <class T> tensor<T> keep(const tensor<T>& y) const { return y; }
  template <class T> void backward(tensor<T> dy, const tensor<T>& y, const gradient<T>& dx) const {  // dy / (2 y)
    if (dx.wanted()) dx.add(detail::zip_same(kernels::divide{}, std::move(dy), detail::zip_same(kernels::add{}, y, y)));
  }
};

template <operand X> auto exp(X&& x) { return apply(exp_op{}, std::forward<X>(x)); }
template <operand X> auto log(X&& x) { return apply(log_op{}, std::forward<X>(x)); }
template <operand X> auto sqrt(X&& x) { return apply(sqrt_op{}, std::forward<X>(x)); }

}  // namespace inlay::inline v0_1
