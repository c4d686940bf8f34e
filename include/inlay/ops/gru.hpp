// gru: steps of a gated recurrent unit in one operation (see recurrent.hpp). Gates are in the order r, z, n.
//   r, z = sigmoid(x W^T + b_ih + h U^T + b_hh);  h' = (1 - z) n + z h
//   n = tanh(x W_n^T + b_ih + r (h U_n^T + b_hh)), as PyTorch and cuDNN; or, with the reset before the product,
//   n = tanh(x W_n^T + b_ih + (r h) U_n^T + b_hh), as in the paper and in ONNX by default
// Cho and others, Learning Phrase Representations using RNN Encoder-Decoder, 2014.
#pragma once

#include "../kernels/gru.hpp"
#include "recurrent.hpp"

namespace inlay::inline v0_1 {

struct gru_rule {
  static constexpr const char* name = "gru";
  static constexpr bool has_cell = false, keeps = true;
  bool reset_before = false;

  static void attributes(auto& self, auto&& visit) { visit("reset_before", self.reset_before); }
  static constexpr std::int64_t gates() { return 3; }
  bool apart() const { return !reset_before; }

  template <class T> void forward(const detail::recurrent_weights<T>& w, const detail::recurrent_step<T>& s) const {
    using kernels::gru_part;
    const std::int64_t row = 3 * s.hidden, two = 2 * s.hidden;
    const auto run = [&](gru_part part, const T* sums) {
      detail::run_rows(kernels::gru_step<T>{s.hidden, part, s.gates, sums, s.h, s.kept, s.h_next}, 0, s.batch,
                       s.hidden);
    };
    if (reset_before) {
      detail::add_product(s.batch, s.h, w.w_hh, 0, two, s.gates, row);
      run(gru_part::gates, nullptr);
      detail::add_product(s.batch, static_cast<const T*>(s.kept), w.w_hh, two, s.hidden, s.gates + two, row);
      return run(gru_part::output, nullptr);
    }
    tensor<T> sums = tensor<T>::empty({s.batch, row});
    T* const to = detail::writable(sums);
    detail::add_product(s.batch, s.h, w.w_hh, 0, row, to, row, false, detail::data_or_null(w.b_hh));
    run(gru_part::whole, to);
  }

  template <class T>
  void backward(const detail::recurrent_weights<T>& w, const detail::recurrent_step_gradient<T>& s,
                const auto& each) const {
    using kernels::gru_part;
    const std::int64_t row = 3 * s.hidden, two = 2 * s.hidden;
    const auto run = [&](gru_part part, const T* dm) {
      each(kernels::gru_step_gradient<T>{s.hidden, part, s.gates, s.h, s.kept, s.dh_next, dm, s.dgates, s.dsums, s.dh});
    };
    if (!reset_before) {
      run(gru_part::whole, nullptr);
      return detail::add_transposed(s.batch, static_cast<const T*>(s.dsums), row, w.w_hh, 0, row, s.dh);
    }
    tensor<T> of_m({s.batch, s.hidden});
    T* const dm = detail::writable(of_m);
    run(gru_part::output, nullptr);
    detail::add_transposed(s.batch, static_cast<const T*>(s.dgates + two), row, w.w_hh, two, s.hidden, dm);
    run(gru_part::gates, dm);
    detail::add_transposed(s.batch, static_cast<const T*>(s.dgates), row, w.w_hh, 0, two, s.dh);
  }

  // `kept` is r h with the reset before the product, which n's rows multiplied.
  template <class T>
  void sums_gradient(const tensor<T>& kept, std::int64_t rows, std::int64_t hidden, const T* d, T* to,
                     const auto& times_before) const {
    if (!reset_before) return times_before(3 * hidden, to);
    times_before(2 * hidden, to);
    detail::add_outer(hidden, hidden, rows, d + 2 * hidden, 3 * hidden, kept, kept.data(), to + 2 * hidden * hidden);
  }
};

using gru_op = recurrent_op<gru_rule>;

struct gru_options {
  bool reset_before = false, reverse = false;
};

// x (T, N, in), h (N, hidden), weights (3 hidden, in) and (3 hidden, hidden), biases (3 hidden,) or empty; lengths (N,)
// or empty -> outputs of all steps and the last, (T + 1) N hidden elements.
template <operand X, operand H, operand W, operand U, operand B, operand D>
auto gru(X&& x, H&& h, W&& w_ih, U&& w_hh, B&& b_ih, D&& b_hh, const tensor<std::int64_t>& lengths = {},
         const gru_options& options = {}) {
  const tensor<detail::element_of<X>> none;
  return apply(gru_op{{options.reset_before}, options.reverse}, std::forward<X>(x), std::forward<H>(h), none,
               std::forward<W>(w_ih), std::forward<U>(w_hh), std::forward<B>(b_ih), std::forward<D>(b_hh), none, none,
               lengths);
}

}  // namespace inlay::inline v0_1
