// softmax and log_softmax along an axis, in the form that cannot overflow.
#pragma once

#include "../kernels/softmax.hpp"
#include "transpose.hpp"

namespace inlay::inline v0_1 {

namespace detail {

// Runs a kernel on rows, threads sharing them out.
template <class Kernel, class T, class... Pointer>
void run_rows(std::int64_t rows, std::int64_t length, T* out, Pointer... in) {
  if (rows == 0 || length == 0) return;
  const isa level = active_isa();
  const bool past = length >= 64 && past_caches(rows * length * std::int64_t{sizeof(T)});
  parallel_for(rows, std::max<std::int64_t>(1, 4096 / length), [&](std::int64_t first, std::int64_t last) {
    dispatch<Kernel>(level, (in + first * length)..., out + first * length, last - first, length, past);
  });
}

// Forward and gradient kernels along the last axis; another axis is brought there and back.
template <template <class> class Forward, template <class> class Gradient> struct softmax_op {
  std::int64_t axis = -1;
  static void attributes(auto& self, auto&& visit) { visit("axis", self.axis); }

  template <floating T> tensor<T> forward(const tensor<T>& x) const {
    return on_last_axis(x, [](const tensor<T>& rows) {
      tensor<T> y = tensor<T>::empty(rows.shape());
      const std::int64_t length = rows.dim(-1);
      run_rows<Forward<T>>(length == 0 ? 0 : rows.size() / length, length, writable(y), rows.data());
      return y;
    });
  }
  template <class T> tensor<T> keep(const tensor<T>& y) const { return y; }
  template <class T> void backward(const tensor<T>& dy, const tensor<T>& y, const gradient<T>& dx) const {
    if (!dx.wanted()) return;
    const int at = y.shape().index(axis);
    if (at == y.rank() - 1) return dx.add(gradient_rows(dy, y));
    const permute_op swap = swapped(y.rank(), at);
    dx.add(swap.forward(gradient_rows(swap.forward(dy), swap.forward(y))));
  }

 private:
  template <class T> static tensor<T> gradient_rows(const tensor<T>& dy, const tensor<T>& y) {
    tensor<T> out = tensor<T>::empty(y.shape());
    const std::int64_t length = y.dim(-1);
    run_rows<Gradient<T>>(length == 0 ? 0 : y.size() / length, length, writable(out), dy.data(), y.data());
    return out;
  }
  template <class T, class F> tensor<T> on_last_axis(const tensor<T>& x, F f) const {
    const int at = x.shape().index(axis);
    if (at == x.rank() - 1) return f(x);
    const permute_op swap = swapped(x.rank(), at);
    return swap.forward(f(swap.forward(x)));
  }
  static permute_op swapped(int rank, int at) {
    permute_op op{{}, rank};
    for (int i = 0; i < rank; ++i) op.order[static_cast<std::size_t>(i)] = i == at ? rank - 1 : i == rank - 1 ? at : i;
    return op;
  }
};

}  // namespace detail

struct softmax_op : detail::softmax_op<kernels::softmax, kernels::softmax_gradient> {
  static constexpr const char* name = "softmax";
};
struct log_softmax_op : detail::softmax_op<kernels::log_softmax, kernels::log_softmax_gradient> {
  static constexpr const char* name = "log_softmax";
};

template <operand X> auto softmax(X&& x, std::int64_t axis = -1) {
  return apply(softmax_op{{axis}}, std::forward<X>(x));
}
template <operand X> auto log_softmax(X&& x, std::int64_t axis = -1) {
  return apply(log_softmax_op{{axis}}, std::forward<X>(x));
}

}  // namespace inlay::inline v0_1
