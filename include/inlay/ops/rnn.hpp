// rnn: steps of a plain recurrent net in one operation (see recurrent.hpp): h' = tanh(x W^T + b_ih + h U^T + b_hh), or
// with max(…, 0) in place of tanh.
// Elman, Finding Structure in Time, 1990.
#pragma once

#include "../kernels/functions.hpp"
#include "recurrent.hpp"

namespace inlay::inline v0_1 {

struct rnn_rule {
  static constexpr const char* name = "rnn";
  static constexpr bool has_cell = false, keeps = false;
  bool relu = false;

  static void attributes(auto& self, auto&& visit) { visit("relu", self.relu); }
  static constexpr std::int64_t gates() { return 1; }
  static constexpr bool apart() { return false; }

  template <class T> void forward(const detail::recurrent_weights<T>& w, const detail::recurrent_step<T>& s) const {
    detail::add_product(s.batch, s.h, w.w_hh, 0, s.hidden, s.gates, s.hidden);
    if (relu)
      detail::run_rows(finish<kernels::function::relu, T>{s.hidden, s.gates, s.h_next}, 0, s.batch, s.hidden);
    else
      detail::run_rows(finish<kernels::function::tanh, T>{s.hidden, s.gates, s.h_next}, 0, s.batch, s.hidden);
  }

  template <class T>
  void backward(const detail::recurrent_weights<T>& w, const detail::recurrent_step_gradient<T>& s,
                const auto& each) const {
    if (relu)
      each(slope<kernels::function::relu, T>{s.hidden, s.gates, s.dh_next, s.dgates});
    else
      each(slope<kernels::function::tanh, T>{s.hidden, s.gates, s.dh_next, s.dgates});
    detail::add_transposed(s.batch, static_cast<const T*>(s.dgates), s.hidden, w.w_hh, 0, s.hidden, s.dh);
  }

 private:
  // Rows of h' = f(sums); the outputs stay where the sums were, too.
  template <class F, class T> struct finish {
    std::int64_t hidden;
    T *sums, *h_next;
    template <isa Level> INLAY_INLINE static void run(const finish* s, std::int64_t first, std::int64_t last) noexcept {
      const std::int64_t at = first * s->hidden, count = (last - first) * s->hidden;
      kernels::map<F, T>::template run<Level>(count, s->sums + at, F{}, static_cast<const T*>(s->sums + at));
      std::copy_n(s->sums + at, count, s->h_next + at);
    }
  };
  template <class F, class T> struct slope {
    using memory_bound = void;
    std::int64_t hidden;
    const T *outputs, *dh;
    T* dsums;
    template <isa Level> INLAY_INLINE static void run(const slope* s, std::int64_t first, std::int64_t last) noexcept {
      const std::int64_t at = first * s->hidden, count = (last - first) * s->hidden;
      using gradient = kernels::gradient_of<F>;
      kernels::map<gradient, T>::template run<Level>(count, s->dsums + at, gradient{}, s->dh + at, s->outputs + at);
    }
  };
};

using rnn_op = recurrent_op<rnn_rule>;

struct rnn_options {
  bool relu = false, reverse = false;
};

// x (T, N, in), h (N, hidden), weights (hidden, in) and (hidden, hidden), biases (hidden,) or empty; lengths (N,) or
// empty -> outputs of all steps and the last, (T + 1) N hidden elements.
template <operand X, operand H, operand W, operand U, operand B, operand D>
auto rnn(X&& x, H&& h, W&& w_ih, U&& w_hh, B&& b_ih, D&& b_hh, const tensor<std::int64_t>& lengths = {},
         const rnn_options& options = {}) {
  const tensor<detail::element_of<X>> none;
  return apply(rnn_op{{options.relu}, options.reverse}, std::forward<X>(x), std::forward<H>(h), none,
               std::forward<W>(w_ih), std::forward<U>(w_hh), std::forward<B>(b_ih), std::forward<D>(b_hh), none, none,
               lengths);
}

}  // namespace inlay::inline v0_1
