// relu, tanh and sigmoid. Gradients need the result alone, so operands that nobody else has are overwritten.
#pragma once

#include "../kernels/activation.hpp"
#include "map.hpp"

namespace inlay::inline v0_1 {

namespace detail {

// y = f(x), dx = g(dy, y).
template <class F, class G> struct activation_op {
  template <class T> tensor<T> forward(tensor<T> x) const {
    static_assert(floating<T>, "activations are defined for float and double; cast integers first");
    return map(F{}, std::move(x));
  }
  template <class T> tensor<T> keep(const tensor<T>& y) const { return y; }
  template <class T> void backward(tensor<T> dy, const tensor<T>& y, const gradient<T>& dx) const {
    if (dx.wanted()) dx.add(zip_same(G{}, std::move(dy), y));
  }
};

}  // namespace detail

struct relu_op : detail::activation_op<kernels::rectify, kernels::rectify_gradient> {
  static constexpr const char* name = "relu";
};
struct tanh_op : detail::activation_op<kernels::hyperbolic_tangent, kernels::tangent_gradient> {
  static constexpr const char* name = "tanh";
};
struct sigmoid_op : detail::activation_op<kernels::logistic, kernels::logistic_gradient> {
  static constexpr const char* name = "sigmoid";
};

template <operand X> auto relu(X&& x) { return apply(relu_op{}, std::forward<X>(x)); }  // max(x, 0); NaN stays
template <operand X> auto tanh(X&& x) { return apply(tanh_op{}, std::forward<X>(x)); }
template <operand X> auto sigmoid(X&& x) { return apply(sigmoid_op{}, std::forward<X>(x)); }  // 1 / (1 + exp(-x))

}  // namespace inlay::inline v0_1
