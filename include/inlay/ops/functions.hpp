// Functions of one tensor, elementwise, under PyTorch's names: what each computes and its gradient are written in
// kernels/functions.hpp. Outside its domain a function gives NaN or an infinity, as IEEE 754 has it; NaN stays NaN.
#pragma once

#include "../kernels/functions.hpp"
#include "map.hpp"

namespace inlay::inline v0_1 {

// The operation of a function. Where the gradient needs the result alone, operands that nobody else has are
// overwritten.
template <class F> struct function_op {
  static constexpr const char* name = F::name;
  static constexpr bool elementwise = true;
  F f = {};
  static void attributes(auto& self, auto&& visit) {
    if constexpr (requires { F::attributes(self.f, visit); }) F::attributes(self.f, visit);
  }

  template <class T> tensor<T> forward(tensor<T> x) const {
    static_assert(floating<T>, "functions are defined for float and double; cast integers first");
    return detail::map(f, std::move(x));
  }
  template <class T> tensor<T> keep(const tensor<T>& y) const requires(F::from_result) { return y; }
  template <class T> tensor<T> keep(const tensor<T>& x, const tensor<T>&) const requires(!F::from_result) { return x; }
  template <class T> void backward(tensor<T> dy, const tensor<T>& kept, const gradient<T>& dx) const {
    if (dx.wanted()) dx.add(detail::zip_same(kernels::gradient_of<F>(f), std::move(dy), kept));
  }
};

namespace detail {
template <class F, class X> auto function(X&& x, const F& f = {}) {
  return apply(function_op<F>{f}, std::forward<X>(x));
}
}  // namespace detail

template <operand X> auto exp(X&& x) { return detail::function<kernels::function::exp>(std::forward<X>(x)); }
template <operand X> auto log(X&& x) { return detail::function<kernels::function::log>(std::forward<X>(x)); }
template <operand X> auto sqrt(X&& x) { return detail::function<kernels::function::sqrt>(std::forward<X>(x)); }
template <operand X> auto abs(X&& x) { return detail::function<kernels::function::abs>(std::forward<X>(x)); }
template <operand X> auto sign(X&& x) { return detail::function<kernels::function::sign>(std::forward<X>(x)); }

template <operand X> auto pow(X&& x, double exponent) {
  return detail::function<kernels::function::pow>(std::forward<X>(x), {exponent});
}

struct clamp_options {
  double min = -std::numeric_limits<double>::infinity(), max = std::numeric_limits<double>::infinity();
};
// Throws value_error when .min is above .max, or one of them is NaN.
template <operand X> auto clamp(X&& x, const clamp_options& options) {
  if (!(options.min <= options.max)) [[unlikely]]
    throw value_error("clamp", {"expected .min up to .max, got ", options.min, " and ", options.max});
  return detail::function<kernels::function::clamp>(std::forward<X>(x), {options.min, options.max});
}

template <operand X> auto relu(X&& x) { return detail::function<kernels::function::relu>(std::forward<X>(x)); }
template <operand X> auto tanh(X&& x) { return detail::function<kernels::function::tanh>(std::forward<X>(x)); }
template <operand X> auto sigmoid(X&& x) { return detail::function<kernels::function::sigmoid>(std::forward<X>(x)); }
template <operand X> auto silu(X&& x) { return detail::function<kernels::function::silu>(std::forward<X>(x)); }
template <operand X> auto hardswish(X&& x) {
  return detail::function<kernels::function::hardswish>(std::forward<X>(x));
}
template <operand X> auto leaky_relu(X&& x, double negative_slope = 0.01) {
  return detail::function<kernels::function::leaky_relu>(std::forward<X>(x), {negative_slope});
}
template <operand X> auto elu(X&& x, double alpha = 1) {
  return detail::function<kernels::function::elu>(std::forward<X>(x), {alpha});
}

// Exact, and with tanh for the normal distribution, as many trained models have it.
template <operand X> auto gelu(X&& x) { return detail::function<kernels::function::gelu>(std::forward<X>(x)); }
template <operand X> auto gelu_tanh(X&& x) {
  return detail::function<kernels::function::gelu_tanh>(std::forward<X>(x));
}

struct softplus_options {
  double beta = 1, threshold = 20;  // above threshold / beta it is x
};
template <operand X> auto softplus(X&& x, const softplus_options& options = {}) {
  if (!(options.beta > 0)) [[unlikely]]
    throw value_error("softplus", {"expected a .beta above 0, got ", options.beta});
  return detail::function<kernels::function::softplus>(std::forward<X>(x), {options.beta, options.threshold});
}

}  // namespace inlay::inline v0_1
