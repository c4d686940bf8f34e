// lstm: T steps of a long short-term memory in one operation, forwards or backwards through time.
//   x (T, N, in), h and c (N, hidden); weights (4 hidden, in) and (4 hidden, hidden), biases (4 hidden,) or none, in
//   the order i, f, g, o; peepholes (3, hidden) for i, f, o, or none; lengths (N,) int64, or none: rows have T steps
//   -> (2 (T + 1), N, hidden): the outputs h of all steps, the last h, the cells c of all steps, the last c
// Outputs and cells behind a row's length are 0; its last h and c are those at its end. Backwards, a row begins there.
// Hochreiter and Schmidhuber, Long Short-Term Memory, 1997; Gers and Schmidhuber, Recurrent Nets that Time and Count,
// 2000 (peepholes).
#pragma once

#include "../autograd/apply.hpp"
#include "../kernels/lstm.hpp"
#include "arithmetic.hpp"
#include "gemm.hpp"
#include "reduce.hpp"

namespace inlay::inline v0_1 {

struct lstm_op {
  static constexpr const char* name = "lstm";
  bool reverse = false;  // from the last step to the first
  static void attributes(auto& self, auto&& visit) { visit("reverse", self.reverse); }
  static std::int64_t multiply_adds(std::span<const shape> operands, const shape&) {
    return operands[0][0] * operands[0][1] * (operands[3].size() + operands[4].size());
  }

  template <class T> using in = const tensor<T>&;  // operands are many

  template <floating T>
  tensor<T> forward(in<T> x, in<T> h, in<T> c, in<T> w_ih, in<T> w_hh, in<T> b_ih, in<T> b_hh, in<T> peepholes,
                    in<std::int64_t> lengths) const {
    return record(nullptr, x, h, c, w_ih, w_hh, b_ih, b_hh, peepholes, lengths).result;
  }

  // What backward needs: all h and c, i, f, g, o of all steps (T, N, 4 hidden), and, where rows have lengths, the h and
  // c that the steps began with (T, N, hidden).
  template <class T> struct kept {
    tensor<T> x, h, c, w_ih, w_hh, peepholes, states, gates, h_before, c_before;
    tensor<std::int64_t> lengths;
    bool biased = false;
  };

  template <floating T>
  recorded<T, kept<T>> record(detail::tape_state*, in<T> x, in<T> h, in<T> c, in<T> w_ih, in<T> w_hh, in<T> b_ih,
                              in<T> b_hh, in<T> peepholes, in<std::int64_t> lengths) const {
    check(x.shape(), h.shape(), c.shape(), w_ih.shape(), w_hh.shape(), b_ih.shape(), b_hh.shape(), peepholes.shape());
    check(lengths, x.dim(0), x.dim(1));
    const sizes s(x.shape(), h.shape());
    kept<T> k{x, h, c, w_ih, w_hh, peepholes, {}, {}, {}, {}, lengths, b_ih.size() > 0};
    k.states = tensor<T>::empty({2 * (s.steps + 1), s.batch, s.hidden});
    k.gates = tensor<T>::empty({s.steps, s.batch, 4 * s.hidden});
    const tensor<T> bias = k.biased ? add_op{}.forward(b_ih, b_hh) : b_ih;
    T *const hs = detail::writable(k.states), *const cs = hs + (s.steps + 1) * s.state,
             *const gates = detail::writable(k.gates);
    detail::gemm<T>(s.steps * s.batch, 4 * s.hidden, s.in, {x.data(), s.in, 1}, w_ih, {w_ih.data(), 1, s.in}, gates,
                    false, data_of(bias));
    T *h_before = nullptr, *c_before = nullptr;
    if (lengths.size() > 0) {
      k.h_before = tensor<T>::empty({s.steps, s.batch, s.hidden});
      k.c_before = tensor<T>::empty({s.steps, s.batch, s.hidden});
      h_before = detail::writable(k.h_before), c_before = detail::writable(k.c_before);
    }
    // What a step begins with: with lengths, rows that have not begun or have ended stay as they are.
    const T *h_now = h.data(), *c_now = c.data();
    for (std::int64_t i = 0; i < s.steps; ++i) {
      const std::int64_t at = s.at(i, reverse);
      T *const h_made = hs + at * s.state, *const c_made = cs + at * s.state;
      if (h_before != nullptr) {
        h_now = std::copy_n(h_now, s.state, h_before + at * s.state) - s.state;
        c_now = std::copy_n(c_now, s.state, c_before + at * s.state) - s.state;
      }
      T* const gate = gates + 4 * at * s.state;
      detail::gemm<T>(s.batch, 4 * s.hidden, s.hidden, {h_now, s.hidden, 1}, w_hh, {w_hh.data(), 1, s.hidden}, gate,
                      true);
      run<kernels::lstm_step<T>>({s.hidden, gate, c_now, data_of(peepholes), c_made, h_made}, s.batch, s.hidden);
      if (h_before == nullptr) {
        h_now = h_made, c_now = c_made;
        continue;
      }
      T *const h_next = hs + s.steps * s.state, *const c_next = cs + s.steps * s.state;
      for (std::int64_t n = 0; n < s.batch; ++n) {
        const bool active = at < lengths.data()[n];
        carry(active, h_now, h_made, h_next, n * s.hidden, s.hidden);
        carry(active, c_now, c_made, c_next, n * s.hidden, s.hidden);
      }
      h_now = h_next, c_now = c_next;
    }
    if (h_now != hs + s.steps * s.state) {
      std::copy_n(h_now, s.state, hs + s.steps * s.state);
      std::copy_n(c_now, s.state, cs + s.steps * s.state);
    }
    return {k.states, k};
  }

  template <class T>
  void backward(in<T> dy, const kept<T>& k, const gradient<T>& dx, const gradient<T>& dh, const gradient<T>& dc,
                const gradient<T>& dw_ih, const gradient<T>& dw_hh, const gradient<T>& db_ih, const gradient<T>& db_hh,
                const gradient<T>& dp, const gradient<std::int64_t>&) const {
    const sizes s(k.x.shape(), k.h.shape());
    const std::int64_t rows = s.steps * s.batch, four = 4 * s.hidden;
    const T *const dhs = dy.data(), *const dcs = dhs + (s.steps + 1) * s.state;
    tensor<T> dgates = tensor<T>::empty({s.steps, s.batch, four}), h_sum = tensor<T>::empty({s.batch, s.hidden}),
              h_now = dy.slice(s.steps, s.steps + 1).reshape(k.h.shape()),
              c_now = dy.slice(2 * s.steps + 1, 2 * s.steps + 2).reshape(k.h.shape());
    T *const gate = detail::writable(dgates), *const sum = detail::writable(h_sum), *const h_to = h_now.data(),
             *const c_to = c_now.data();
    for (std::int64_t i = s.steps - 1; i >= 0; --i) {
      const std::int64_t at = s.at(i, reverse);
      const kernels::lstm_step_gradient<T> step{s.hidden,
                                                k.gates.data() + 4 * at * s.state,
                                                c_before(k, s, at),
                                                k.states.data() + (s.steps + 1 + at) * s.state,
                                                data_of(k.peepholes),
                                                sum,
                                                c_to,
                                                gate + 4 * at * s.state};
      for (std::int64_t n = 0, end; n < s.batch; n = end) {
        const bool active = is_active(k.lengths, at, n);
        for (end = n + 1; end < s.batch && is_active(k.lengths, at, end) == active; ++end) {
        }
        const std::int64_t first = n * s.hidden, last = end * s.hidden;
        if (!active) {
          std::fill(gate + 4 * (at * s.state + first), gate + 4 * (at * s.state + last), T{0});
          continue;
        }
        for (std::int64_t j = first; j < last; ++j) {
          sum[j] = h_to[j] + dhs[at * s.state + j];
          c_to[j] += dcs[at * s.state + j];
          h_to[j] = 0;
        }
        run(step, end - n, s.hidden, n);
      }
      // The gates of rows that are not active have no gradient, and dh of those that are was taken.
      detail::gemm<T>(s.batch, s.hidden, four, {gate + 4 * at * s.state, four, 1}, k.w_hh, {k.w_hh.data(), s.hidden, 1},
                      h_to, true);
    }
    if (dx.wanted()) {
      tensor<T> g = tensor<T>::empty(k.x.shape());
      detail::gemm<T>(rows, s.in, four, {gate, four, 1}, k.w_ih, {k.w_ih.data(), s.in, 1}, detail::writable(g));
      dx.add(std::move(g));
    }
    if (dw_ih.wanted()) {
      tensor<T> g = tensor<T>::empty(k.w_ih.shape());
      detail::gemm<T>(four, s.in, rows, {gate, 1, four}, k.x, {k.x.data(), s.in, 1}, detail::writable(g));
      dw_ih.add(std::move(g));
    }
    if (dw_hh.wanted()) dw_hh.add(recurrent_gradient(k, s, gate));
    if (k.biased) {
      const tensor<T> db = detail::sum_rows(dgates, rows, four);
      if (db_ih.wanted()) db_ih.add(db);
      if (db_hh.wanted()) db_hh.add(db);
    }
    if (dp.wanted() && k.peepholes.size() > 0) dp.add(peephole_gradient(k, s, gate));
    if (dh.wanted()) dh.add(std::move(h_now));
    if (dc.wanted()) dc.add(std::move(c_now));
  }

  // One step of `batch` rows in place: h and c become the next ones. No checks; the bits are those of a sequence.
  template <class T>
  static void advance(std::int64_t batch, const T* x, T* h, T* c, in<T> w_ih, in<T> w_hh, in<T> b_ih, in<T> b_hh,
                      in<T> peepholes) {
    const inlay::detail::flush_denormals scope;
    const std::int64_t of_x = w_ih.dim(1), hidden = w_hh.dim(1);
    tensor<T> gates = tensor<T>::empty({batch, 4 * hidden});
    T* const gate = detail::writable(gates);
    const tensor<T> bias = b_ih.size() > 0 ? add_op{}.forward(b_ih, b_hh) : b_ih;
    detail::gemm<T>(batch, 4 * hidden, of_x, {x, of_x, 1}, w_ih, {w_ih.data(), 1, of_x}, gate, false, data_of(bias));
    detail::gemm<T>(batch, 4 * hidden, hidden, {h, hidden, 1}, w_hh, {w_hh.data(), 1, hidden}, gate, true);
    run<kernels::lstm_step<T>>({hidden, gate, c, data_of(peepholes), c, h}, batch, hidden);
  }

 private:
  struct sizes {
    std::int64_t steps, batch, in, hidden, state;
    sizes(const shape& x, const shape& h) : steps(x[0]), batch(x[1]), in(x[2]), hidden(h[1]), state(batch * hidden) {}
    // The place in time of the i-th step.
    std::int64_t at(std::int64_t i, bool backwards) const { return backwards ? steps - 1 - i : i; }
  };

  template <class T> static const T* data_of(const tensor<T>& t) { return t.size() > 0 ? t.data() : nullptr; }
  static bool is_active(const tensor<std::int64_t>& lengths, std::int64_t at, std::int64_t n) {
    return lengths.size() == 0 || at < lengths.data()[n];
  }

  // A step on `count` rows from the first on, which threads share.
  template <class Step>
  static void run(const Step& step, std::int64_t count, std::int64_t hidden, std::int64_t first = 0) {
    const isa level = active_isa();
    parallel_for(
        count, std::max<std::int64_t>(1, 4096 / std::max<std::int64_t>(hidden, 1)),
        [&](std::int64_t begin, std::int64_t end) { dispatch<Step>(level, &step, first + begin, first + end); });
  }

  // One row: the state it goes on with; what an idle row made is cleared.
  template <class T>
  static void carry(bool active, const T* now, T* made, T* next, std::int64_t at, std::int64_t count) {
    if (active) {
      std::copy_n(made + at, count, next + at);
    } else {
      if (now != next) std::copy_n(now + at, count, next + at);
      std::fill_n(made + at, count, T{0});
    }
  }

  // What the step at a place began with.
  template <class T> const T* c_before(const kept<T>& k, const sizes& s, std::int64_t at) const {
    if (k.lengths.size() > 0) return k.c_before.data() + at * s.state;
    const std::int64_t last = reverse ? at + 1 : at - 1;
    return at == s.at(0, reverse) ? k.c.data() : k.states.data() + (s.steps + 1 + last) * s.state;
  }

  // dW_hh = the gates' gradients times the h that their steps began with.
  template <class T> tensor<T> recurrent_gradient(const kept<T>& k, const sizes& s, const T* gate) const {
    tensor<T> g(k.w_hh.shape());
    T* const to = detail::writable(g);
    const auto add = [&](std::int64_t first, std::int64_t steps, const tensor<T>& owner, const T* h) {
      detail::gemm<T>(4 * s.hidden, s.hidden, steps * s.batch, {gate + 4 * first * s.state, 1, 4 * s.hidden}, owner,
                      {h, s.hidden, 1}, to, true);
    };
    if (s.steps == 0) return g;
    if (k.lengths.size() > 0) {
      add(0, s.steps, k.h_before, k.h_before.data());
    } else {
      add(s.at(0, reverse), 1, k.h, k.h.data());
      if (s.steps > 1) add(reverse ? 0 : 1, s.steps - 1, k.states, k.states.data() + (reverse ? s.state : 0));
    }
    return g;
  }

  // i and f looked at the cell before their step, o at the one after it.
  template <class T> tensor<T> peephole_gradient(const kept<T>& k, const sizes& s, const T* gate) const {
    tensor<T> g(k.peepholes.shape());
    T* const to = detail::writable(g);
    for (std::int64_t at = 0; at < s.steps; ++at) {
      const T *const before = c_before(k, s, at), *const after = k.states.data() + (s.steps + 1 + at) * s.state;
      for (std::int64_t n = 0; n < s.batch; ++n)
        for (std::int64_t j = 0; j < s.hidden; ++j) {
          const std::int64_t i = n * s.hidden + j;
          const T* const d = gate + 4 * (at * s.state + n * s.hidden) + j;
          to[j] += d[0] * before[i];
          to[s.hidden + j] += d[s.hidden] * before[i];
          to[2 * s.hidden + j] += d[3 * s.hidden] * after[i];
        }
    }
    return g;
  }

  INLAY_OUTLINE static void check(const shape& x, const shape& h, const shape& c, const shape& w_ih, const shape& w_hh,
                                  const shape& b_ih, const shape& b_hh, const shape& peepholes) {
    if (w_hh.rank() != 2 || w_hh[0] != 4 * w_hh[1] || w_ih.rank() != 2 || w_ih[0] != w_hh[0]) [[unlikely]]
      throw shape_error(name, {"expected weights (4 hidden, in) and (4 hidden, hidden), got ", w_ih, " and ", w_hh});
    const std::int64_t hidden = w_hh[1];
    if (x.rank() != 3 || x[2] != w_ih[1]) [[unlikely]]
      throw shape_error(name, {"expected input (T, N, ", w_ih[1], "), got ", x});
    for (const shape* state : {&h, &c})
      if (!(*state == shape{x[1], hidden})) [[unlikely]]
        throw shape_error(name, {"expected a state of h and c (", x[1], ", ", hidden, "), got ", h, " and ", c});
    if (b_ih.size() > 0 || b_hh.size() > 0)
      for (const shape* bias : {&b_ih, &b_hh})
        if (!(*bias == shape{4 * hidden})) [[unlikely]]
          throw shape_error(name, {"expected two biases (", 4 * hidden, ",) or none, got ", b_ih, " and ", b_hh});
    if (peepholes.size() > 0 && !(peepholes == shape{3, hidden})) [[unlikely]]
      throw shape_error(name, {"expected peepholes (3, ", hidden, ") or none, got ", peepholes});
  }
  INLAY_OUTLINE static void check(const tensor<std::int64_t>& lengths, std::int64_t steps, std::int64_t batch) {
    if (lengths.size() == 0) return;
    if (!(lengths.shape() == shape{batch})) [[unlikely]]
      throw shape_error(name, {"expected lengths (", batch, ",) or none, got ", lengths.shape()});
    for (const std::int64_t length : lengths.values())
      if (length < 0 || length > steps) [[unlikely]]
        throw value_error(name, {"expected lengths of 0 to ", steps, " steps, got ", length});
  }
};

// See above; operands that are absent are empty tensors.
template <operand X, operand H, operand C, operand W, operand U, operand B, operand D, operand P>
auto lstm(X&& x, H&& h, C&& c, W&& w_ih, U&& w_hh, B&& b_ih, D&& b_hh, P&& peepholes,
          const tensor<std::int64_t>& lengths = {}, bool reverse = false) {
  return apply(lstm_op{reverse}, std::forward<X>(x), std::forward<H>(h), std::forward<C>(c), std::forward<W>(w_ih),
               std::forward<U>(w_hh), std::forward<B>(b_ih), std::forward<D>(b_hh), std::forward<P>(peepholes),
               lengths);
}

}  // namespace inlay::inline v0_1
