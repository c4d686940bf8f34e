// lstm: steps of a long short-term memory in one operation (see recurrent.hpp). Gates are in the order i, f, g, o.
// Peepholes are vectors (3, hidden) for i, f, o, or matrices (3 hidden, hidden), or none. Coupled, f is 1 - i: gates
// are i, g, o, and peepholes those of i and o. Hochreiter and Schmidhuber, Long Short-Term Memory, 1997; Gers and
// Schmidhuber, Recurrent Nets that Time and Count, 2000 (peepholes); Greff and others, LSTM: A Search Space Odyssey,
// 2017 (coupled gates).
#pragma once

#include "../kernels/lstm.hpp"
#include "recurrent.hpp"

namespace inlay::inline v0_1 {

struct lstm_rule {
  static constexpr const char* name = "lstm";
  static constexpr bool has_cell = true, keeps = false;
  bool coupled = false;

  static void attributes(auto& self, auto&& visit) { visit("coupled", self.coupled); }
  std::int64_t gates() const { return coupled ? 3 : 4; }
  static constexpr bool apart() { return false; }

  template <class T> void forward(const detail::recurrent_weights<T>& w, const detail::recurrent_step<T>& s) const {
    using kernels::lstm_part;
    const std::int64_t row = gates() * s.hidden;
    detail::add_product(s.batch, s.h, w.w_hh, 0, row, s.gates, row);
    const auto run = [&](lstm_part part, const T* peepholes) {
      detail::run_rows(kernels::lstm_step<T>{s.hidden, coupled, part, s.gates, s.c, peepholes, s.c_next, s.h_next}, 0,
                       s.batch, s.hidden);
    };
    if (!matrices(w.peepholes.shape(), s.hidden)) return run(lstm_part::whole, detail::data_or_null(w.peepholes));
    const std::int64_t early = (looking() - 1) * s.hidden;  // of gates before the output, which lead the row
    detail::add_product(s.batch, s.c, w.peepholes, 0, early, s.gates, row);
    run(lstm_part::cell, nullptr);
    detail::add_product(s.batch, static_cast<const T*>(s.c_next), w.peepholes, early, s.hidden,
                        s.gates + row - s.hidden, row);
    run(lstm_part::output, nullptr);
  }

  // A step of one row that is too short for calls of its own; false when it is not.
  template <class T>
  bool advance_row(const detail::recurrent_weights<T>& w, const detail::recurrent_step<T>& s, const T* x) const {
    const isa level = active_isa();
    const std::int64_t in = w.w_ih.dim(1), row = gates() * s.hidden;
    const auto in_parts = [&](std::int64_t k) { return kernels::gemm_depth<T>(k) < k; };
    if (in_parts(in) || in_parts(s.hidden) || w.projection.size() > 0 || matrices(w.peepholes.shape(), s.hidden))
      return false;
    const auto panels = [&](const tensor<T>& of, std::int64_t k) {
      return detail::panels_of(of, kernels::strided<T>{of.data(), 1, k}, k, row, level);
    };
    const tensor<T> of_x = panels(w.w_ih, in), of_h = panels(w.w_hh, s.hidden);
    const kernels::lstm_row<T> step{{s.hidden, coupled, kernels::lstm_part::whole, s.gates, s.c,
                                     detail::data_or_null(w.peepholes), s.c_next, s.h_next},
                                    in,
                                    x,
                                    s.h,
                                    of_x.data(),
                                    of_h.data(),
                                    detail::data_or_null(w.b_ih),
                                    detail::data_or_null(w.b_hh)};
    on_level<kernels::lstm_row<T>>(level, &step);
    return true;
  }

  template <class T>
  void backward(const detail::recurrent_weights<T>& w, const detail::recurrent_step_gradient<T>& s,
                const auto& each) const {
    using kernels::lstm_part;
    const std::int64_t row = gates() * s.hidden;
    const auto run = [&](lstm_part part, const T* peepholes) {
      each(kernels::lstm_step_gradient<T>{s.hidden, coupled, part, s.gates, s.c, s.c_next, peepholes, s.dh_next, s.dc,
                                          s.dgates});
    };
    if (matrices(w.peepholes.shape(), s.hidden)) {
      const std::int64_t early = (looking() - 1) * s.hidden;
      run(lstm_part::output, nullptr);
      detail::add_transposed(s.batch, static_cast<const T*>(s.dgates + row - s.hidden), row, w.peepholes, early,
                             s.hidden, s.dc);
      run(lstm_part::cell, nullptr);
      detail::add_transposed(s.batch, static_cast<const T*>(s.dgates), row, w.peepholes, 0, early, s.dc);
    } else {
      run(lstm_part::whole, detail::data_or_null(w.peepholes));
    }
    detail::add_transposed(s.batch, static_cast<const T*>(s.dgates), row, w.w_hh, 0, row, s.dh);
  }

  // i and f looked at the cell before their step, o at the one after it, which lies in `owner`.
  template <class T>
  void peephole_gradient(std::int64_t batch, std::int64_t hidden, const T* d, const T* before, const T* after,
                         const tensor<T>& owner, tensor<T>& g) const {
    const std::int64_t row = gates() * hidden, early = (looking() - 1) * hidden;
    T* const to = detail::writable(g);
    if (matrices(g.shape(), hidden)) {
      detail::add_outer(early, hidden, batch, d, row, owner, before, to);
      detail::add_outer(hidden, hidden, batch, d + row - hidden, row, owner, after, to + early * hidden);
      return;
    }
    for (std::int64_t n = 0; n < batch; ++n, d += row, before += hidden, after += hidden)
      for (std::int64_t j = 0; j < hidden; ++j) {
        for (std::int64_t gate = 0; gate < early; gate += hidden) to[gate + j] += d[gate + j] * before[j];
        to[early + j] += d[row - hidden + j] * after[j];
      }
  }

  INLAY_OUTLINE void check(const shape& peepholes, std::int64_t hidden) const {
    if (peepholes.size() > 0 && !(peepholes == shape{looking(), hidden}) &&
        !(peepholes == shape{looking() * hidden, hidden})) [[unlikely]]
      throw shape_error(name, {"expected peepholes (", looking(), ", ", hidden, "), or matrices (", looking() * hidden,
                               ", ", hidden, "), or none, got ", peepholes});
  }

 private:
  std::int64_t looking() const { return gates() - 1; }  // gates with peepholes: all but g
  bool matrices(const shape& peepholes, std::int64_t hidden) const {
    return peepholes.size() > 0 && peepholes[0] == looking() * hidden && hidden > 1;
  }
};

using lstm_op = recurrent_op<lstm_rule>;

struct lstm_options {
  bool coupled = false, reverse = false;
};

// See above; operands that are absent are empty tensors.
template <operand X, operand H, operand C, operand W, operand U, operand B, operand D, operand P, operand R>
auto lstm(X&& x, H&& h, C&& c, W&& w_ih, U&& w_hh, B&& b_ih, D&& b_hh, P&& peepholes, R&& projection,
          const tensor<std::int64_t>& lengths = {}, const lstm_options& options = {}) {
  return apply(lstm_op{{options.coupled}, options.reverse}, std::forward<X>(x), std::forward<H>(h), std::forward<C>(c),
               std::forward<W>(w_ih), std::forward<U>(w_hh), std::forward<B>(b_ih), std::forward<D>(b_hh),
               std::forward<P>(peepholes), std::forward<R>(projection), lengths);
}

}  // namespace inlay::inline v0_1
