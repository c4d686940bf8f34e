// linear: y = f(x W^T + b).  x (…, in), W (out, in), b (out,) or absent -> y (…, out). The activation f is applied in
// the pass that writes y; its gradient needs y alone.
#pragma once

#include "gemm.hpp"
#include "represented.hpp"

namespace inlay::inline v0_1 {

struct linear_op {
  static constexpr const char* name = "linear";
  static constexpr std::int64_t represented_operand = 1;
  inlay::activation activation = activation::none;
  static void attributes(auto& self, auto&& visit) { visit("activation", self.activation); }
  static std::int64_t multiply_adds(std::span<const shape> operands, const shape& y) {
    return y.size() * operands[1][1];
  }

  template <floating T>
  INLAY_OUTLINE tensor<T> forward(const tensor<T>& x, const tensor<T>& w, const tensor<T>& b) const {
    check(x, w, b);
    const std::int64_t in = w.dim(1), out = w.dim(0), rows = in == 0 ? x.shape().count(0, x.rank() - 1) : x.size() / in;
    tensor<T> y = tensor<T>::empty(x.shape().with(-1, out));
    T* to = detail::writable(y);
    const T* bias = b.size() > 0 ? b.data() : nullptr;
    if (const auto* stand_in = detail::stand_in(w)) {
      stand_in->linear(rows, x.data(), bias, activation.in_product(), to);
      detail::activate_apart(activation, to, y.size());
    } else {
      detail::gemm<T>(rows, out, in, {x.data(), in, 1}, w, {w.data(), 1, in}, to, false, bias, activation);
    }
    return y;
  }

  // On the host's arrays: x (N, in) -> y (N, out).
  template <floating T> void run(std::span<const T> x, const tensor<T>& w, const tensor<T>& b, std::span<T> y) const {
    const std::int64_t in = w.dim(1), out = w.dim(0), rows = std::ssize(x) == in ? 1 : std::ssize(x) / in;
    if (std::ssize(x) != rows * in || std::ssize(y) != rows * out) [[unlikely]]
      throw value_error(name, {"expected rows of ", in, " elements in and ", out, " out, got ", x.size(), " and ",
                               y.size(), " elements"});
    const T* bias = b.size() > 0 ? b.data() : nullptr;
    if (const auto* stand_in = detail::stand_in(w)) {
      stand_in->linear(rows, x.data(), bias, activation.in_product(), y.data());
      return detail::activate_apart(activation, y.data(), std::ssize(y));
    }
    const isa level = active_isa();
    const kernels::strided<T> b_of{w.data(), 1, in};
    const tensor<T> panels = detail::panels_of(w, b_of, in, out, level);
    detail::run_short_gemm<T>(
        level,
        {rows, out, in, {x.data(), in, 1}, b_of, panels.data(), y.data(), out, false, bias, activation.in_product()},
        activation);
  }

  template <class T> struct kept {
    tensor<T> x, w, y;
    bool biased = false;
  };
  template <class T> auto keep(const tensor<T>& x, const tensor<T>& w, const tensor<T>& b, const tensor<T>& y) const {
    return kept<T>{x, w, activation == activation::none ? tensor<T>() : y, b.size() > 0};
  }

  template <class T>
  INLAY_OUTLINE void backward(tensor<T> dy, const kept<T>& k, const gradient<T>& dx, const gradient<T>& dw,
                              const gradient<T>& db) const {
    dy = detail::activation_gradient(activation, std::move(dy), k.y);
    const std::int64_t in = k.w.dim(1), out = k.w.dim(0), rows = out == 0 ? 0 : dy.size() / out;
    if (dw.wanted()) {  // dW = dy^T x
      tensor<T> g = tensor<T>::empty({out, in});
      detail::gemm<T>(out, in, rows, {std::as_const(dy).data(), 1, out}, k.x, {k.x.data(), in, 1}, detail::writable(g));
      dw.add(std::move(g));
    }
    if (db.wanted() && k.biased) db.add(detail::sum_rows(dy, rows, out));
    if (dx.wanted()) {  // dx = dy W
      tensor<T> g = tensor<T>::empty(k.x.shape());
      detail::gemm<T>(rows, in, out, {std::as_const(dy).data(), out, 1}, k.w, {k.w.data(), in, 1}, detail::writable(g));
      dx.add(std::move(g));
    }
  }

 private:
  template <class T> INLAY_OUTLINE static void check(const tensor<T>& x, const tensor<T>& w, const tensor<T>& b) {
    if (w.rank() != 2) [[unlikely]]
      throw shape_error(name, {"expected a weight (out, in), got ", w.shape()});
    if (x.rank() < 1 || x.dim(-1) != w.dim(1)) [[unlikely]]
      throw shape_error(name, {"expected input (…, ", w.dim(1), "), got ", x.shape(), "; did you forget to flatten?"});
    if (b.size() > 0 && !(b.shape() == shape{w.dim(0)})) [[unlikely]]
      throw shape_error(name, {"expected a bias (", w.dim(0), ",), got ", b.shape()});
  }
};

template <operand X, operand W> auto linear(X&& x, W&& w) {
  return apply(linear_op{}, std::forward<X>(x), std::forward<W>(w),
               tensor<typename std::remove_cvref_t<X>::value_type>());
}
template <operand X, operand W, operand B> auto linear(X&& x, W&& w, B&& b, activation f = activation::none) {
  return apply(linear_op{f}, std::forward<X>(x), std::forward<W>(w), std::forward<B>(b));
}

}  // namespace inlay::inline v0_1
