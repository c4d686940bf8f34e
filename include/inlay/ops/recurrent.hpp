// What lstm, gru and rnn share: T steps of a recurrent net in one operation, forwards or backwards through time.
//   x (T, N, in), h (N, out), c (N, hidden); weights (gates hidden, in) and (gates hidden, out), two biases
//   (gates hidden,) or none, peepholes or none, a projection (out, hidden) of the outputs or none (out is hidden then),
//   lengths (N,) int64, or none: rows have T steps
//   -> one array: the outputs h of all steps (T, N, out), the last h (N, out); with cells, those of all steps
//      (T, N, hidden), the last c (N, hidden)
// Outputs and cells behind a row's length are 0; its last h and c are those at its end. Backwards, a row begins there.
//
// A rule is what happens within a step, once x W_ih^T + b is in its gates:
//   name, gates(), attributes; has_cell: also a c, and perhaps peepholes; keeps: something beside the gates
//   apart: the products of h have a bias and a gradient of their own; otherwise they are added to the gates
//   forward(weights, step): from gates, h and c to the next; leaves in the gates and in `kept` what its gradient needs
//   backward(weights, step, each): from dh and dc of the next to dgates (and dsums), and to dh and dc of before, where
//     dh has 0; each(kernel) runs a kernel on the rows that take part
//   sums_gradient, of a rule that keeps: of w_hh; peephole_gradient and check, of one with cells: of peepholes
// Projections: Sak, Senior and Beaufays, Long Short-Term Memory Based Recurrent Neural Network Architectures, 2014.
#pragma once

#include "../autograd/apply.hpp"
#include "arithmetic.hpp"
#include "gemm.hpp"
#include "reduce.hpp"

namespace inlay::inline v0_1 {

namespace detail {

template <class T> struct recurrent_weights { const tensor<T>&w_ih, &w_hh, &b_ih, &b_hh, &peepholes, &projection; };

// What one step of `batch` rows works on. c is null without cells.
template <class T> struct recurrent_step {
  std::int64_t batch, hidden, out;
  T* gates;
  const T *h, *c;
  T *h_next, *c_next, *kept;
};
template <class T> struct recurrent_step_gradient {
  std::int64_t batch, hidden, out;
  const T *gates, *h, *c, *c_next, *kept, *dh_next;
  T *dh, *dc, *dgates, *dsums;
};

// The sizes of a call, and where the parts of its result begin.
struct recurrent_sizes {
  std::int64_t steps, batch, in, hidden, out, cell;  // cell: hidden, or 0 without cells
  recurrent_sizes(const shape& x, std::int64_t of_hidden, std::int64_t of_out, bool has_cell)
      : steps(x[0]), batch(x[1]), in(x[2]), hidden(of_hidden), out(of_out), cell(has_cell ? of_hidden : 0) {}

  std::int64_t h_of(std::int64_t step) const { return step * batch * out; }
  std::int64_t c_of(std::int64_t step) const { return h_of(steps + 1) + step * batch * cell; }
  // The place in time of the i-th step.
  std::int64_t at(std::int64_t i, bool backwards) const { return backwards ? steps - 1 - i : i; }
};

template <class T> const T* data_or_null(const tensor<T>& t) { return t.size() > 0 ? t.data() : nullptr; }

// C (m, n) += A (m, k) B^T for rows [first, first + n) of B (…, k); rows of C are `c_row` apart.
template <class T>
void add_product(std::int64_t m, const T* a, const tensor<T>& b, std::int64_t first, std::int64_t n, T* c,
                 std::int64_t c_row, bool accumulate = true, const T* bias = nullptr) {
  const std::int64_t k = b.dim(1);
  gemm<T>(m, n, k, {a, k, 1}, b, {b.data() + first * k, 1, k}, c, accumulate, bias, activation::none, c_row);
}

// C (m, k) += A (m, n) B for those rows; rows of A are `a_row` apart.
template <class T>
void add_transposed(std::int64_t m, const T* a, std::int64_t a_row, const tensor<T>& b, std::int64_t first,
                    std::int64_t n, T* c) {
  const std::int64_t k = b.dim(1);
  gemm<T>(m, k, n, {a, a_row, 1}, b, {b.data() + first * k, k, 1}, c, true);
}

// C (m, n) += A^T B for A (rows, m), whose rows are `a_row` apart, and B (rows, n), which lies in `owner`.
template <class T>
void add_outer(std::int64_t m, std::int64_t n, std::int64_t rows, const T* a, std::int64_t a_row,
               const tensor<T>& owner, const T* b, T* c) {
  gemm<T>(m, n, rows, {a, 1, a_row}, owner, {b, n, 1}, c, true);
}

// A kernel on `count` rows from the first on, which threads share.
template <class Kernel> void run_rows(const Kernel& step, std::int64_t first, std::int64_t count, std::int64_t hidden) {
  const isa level = active_isa();
  parallel_for(
      count, std::max<std::int64_t>(1, 4096 / std::max<std::int64_t>(hidden, 1)),
      [&](std::int64_t begin, std::int64_t end) { dispatch<Kernel>(level, &step, first + begin, first + end); });
}

}  // namespace detail

template <class Rule> struct recurrent_op {
  static constexpr const char* name = Rule::name;
  Rule rule = {};
  bool reverse = false;  // from the last step to the first
  static void attributes(auto& self, auto&& visit) {
    Rule::attributes(self.rule, visit);
    visit("reverse", self.reverse);
  }
  static std::int64_t multiply_adds(std::span<const shape> operands, const shape&) {
    return operands[0][0] * operands[0][1] * (operands[3].size() + operands[4].size() + operands[8].size());
  }

  template <class T> using in = const tensor<T>&;  // operands are many
  template <class T> using weights = detail::recurrent_weights<T>;
  using sizes = detail::recurrent_sizes;

  template <floating T>
  tensor<T> forward(in<T> x, in<T> h, in<T> c, in<T> w_ih, in<T> w_hh, in<T> b_ih, in<T> b_hh, in<T> peepholes,
                    in<T> projection, in<std::int64_t> lengths) const {
    return record(nullptr, x, h, c, w_ih, w_hh, b_ih, b_hh, peepholes, projection, lengths).result;
  }

  // What backward needs: all h and c, the gates of all steps (T, N, gates hidden), what the rule keeps (T, N, hidden),
  // with a projection what it projected, and, where rows have lengths, the h and c that the steps began with.
  template <class T> struct kept {
    tensor<T> x, h, c, w_ih, w_hh, peepholes, projection, states, gates, extra, projected, h_before, c_before;
    tensor<std::int64_t> lengths;
    bool biased = false;
  };

  template <floating T>
  recorded<T, kept<T>> record(detail::tape_state*, in<T> x, in<T> h, in<T> c, in<T> w_ih, in<T> w_hh, in<T> b_ih,
                              in<T> b_hh, in<T> peepholes, in<T> projection, in<std::int64_t> lengths) const {
    const weights<T> w{w_ih, w_hh, b_ih, b_hh, peepholes, projection};
    check(x.shape(), h.shape(), c.shape(), w);
    check(lengths, x.dim(0), x.dim(1));
    const sizes s(x.shape(), w_hh.dim(0) / rule.gates(), w_hh.dim(1), Rule::has_cell);
    const std::int64_t h_size = s.batch * s.out, c_size = s.batch * s.cell, made = s.batch * s.hidden;
    kept<T> k{x, h, c, w_ih, w_hh, peepholes, projection, {}, {}, {}, {}, {}, {}, lengths, b_ih.size() > 0};
    k.states = tensor<T>::empty({(s.steps + 1) * (h_size + c_size)});
    k.gates = tensor<T>::empty({s.steps, s.batch, rule.gates() * s.hidden});
    if (Rule::keeps) k.extra = tensor<T>::empty({s.steps, s.batch, s.hidden});
    if (projection.size() > 0) k.projected = tensor<T>::empty({s.steps, s.batch, s.hidden});
    if (lengths.size() > 0) {
      k.h_before = tensor<T>::empty({s.steps, s.batch, s.out});
      k.c_before = tensor<T>::empty({s.steps, s.batch, s.cell});
    }
    T *const states = detail::writable(k.states), *const gates = detail::writable(k.gates),
             *const extra = detail::writable(k.extra), *const projected = detail::writable(k.projected),
             *const h_before = detail::writable(k.h_before), *const c_before = detail::writable(k.c_before),
             *const h_last = states + s.h_of(s.steps), *const c_last = states + s.c_of(s.steps);
    sum_inputs(w, s.steps * s.batch, x.data(), gates);
    // What a step begins with: with lengths, rows that have not begun or have ended stay as they are.
    const T *h_now = h.data(), *c_now = c.data();
    for (std::int64_t i = 0; i < s.steps; ++i) {
      const std::int64_t at = s.at(i, reverse);
      T *const h_made = states + s.h_of(at), *const c_made = states + s.c_of(at);
      if (lengths.size() > 0) {
        h_now = std::copy_n(h_now, h_size, h_before + at * h_size) - h_size;
        c_now = std::copy_n(c_now, c_size, c_before + at * c_size) - c_size;
      }
      step(w,
           {s.batch, s.hidden, s.out, gates + rule.gates() * at * made, h_now, c_now, h_made, c_made,
            extra + (Rule::keeps ? at * made : 0)},
           projected + (projection.size() > 0 ? at * made : 0));
      if (lengths.size() == 0) {
        h_now = h_made, c_now = c_made;
        continue;
      }
      for (std::int64_t n = 0; n < s.batch; ++n) {
        const bool active = at < lengths.data()[n];
        carry(active, h_now, h_made, h_last, n * s.out, s.out);
        carry(active, c_now, c_made, c_last, n * s.cell, s.cell);
      }
      h_now = h_last, c_now = c_last;
    }
    if (h_now != h_last) {
      std::copy_n(h_now, h_size, h_last);
      std::copy_n(c_now, c_size, c_last);
    }
    return {k.states, k};
  }

  template <class T>
  void backward(in<T> dy, const kept<T>& k, const gradient<T>& dx, const gradient<T>& dh, const gradient<T>& dc,
                const gradient<T>& dw_ih, const gradient<T>& dw_hh, const gradient<T>& db_ih, const gradient<T>& db_hh,
                const gradient<T>& d_peepholes, const gradient<T>& d_projection, const gradient<std::int64_t>&) const {
    const sizes s(k.x.shape(), k.w_hh.dim(0) / rule.gates(), k.w_hh.dim(1), Rule::has_cell);
    const tensor<T> none;
    const weights<T> w{k.w_ih, k.w_hh, none, none, k.peepholes, k.projection};
    const std::int64_t rows = s.steps * s.batch, row = rule.gates() * s.hidden, h_size = s.batch * s.out,
                       made = s.batch * s.hidden, c_size = s.batch * s.cell;
    const bool projects = k.projection.size() > 0;
    tensor<T> dgates = tensor<T>::empty({s.steps, s.batch, row}), dsums, h_sums = tensor<T>::empty({rows, s.out}),
              of_made, h_now = tensor<T>::empty(k.h.shape()), c_now = tensor<T>::empty(k.c.shape());
    if (rule.apart()) dsums = tensor<T>::empty({s.steps, s.batch, row});
    if (projects) of_made = tensor<T>::empty({s.batch, s.hidden});
    T *const gates_to = detail::writable(dgates), *const sums_to = rule.apart() ? detail::writable(dsums) : gates_to,
             *const totals = detail::writable(h_sums), *const made_to = detail::writable(of_made),
             *const h_to = detail::writable(h_now), *const c_to = detail::writable(c_now);
    std::copy_n(dy.data() + s.h_of(s.steps), h_size, h_to);
    std::copy_n(dy.data() + s.c_of(s.steps), c_size, c_to);
    for (std::int64_t i = s.steps - 1; i >= 0; --i) {
      const std::int64_t at = s.at(i, reverse);
      T* const total = totals + at * h_size;
      for (std::int64_t n = 0; n < s.batch; ++n) {  // where a row does not take part, its gradients pass by
        const bool active = k.lengths.size() == 0 || at < k.lengths.data()[n];
        for (std::int64_t j = n * s.out; j < (n + 1) * s.out; ++j) {
          total[j] = active ? h_to[j] + dy.data()[s.h_of(at) + j] : T{0};
          if (active) h_to[j] = 0;
        }
        for (std::int64_t j = n * s.cell; active && j < (n + 1) * s.cell; ++j) c_to[j] += dy.data()[s.c_of(at) + j];
        if (active) continue;
        std::fill_n(gates_to + (at * s.batch + n) * row, row, T{0});
        if (rule.apart()) std::fill_n(sums_to + (at * s.batch + n) * row, row, T{0});
      }
      if (projects) {
        std::fill_n(made_to, made, T{0});
        detail::add_transposed(s.batch, total, s.out, k.projection, 0, s.out, made_to);
      }
      const auto each = [&](const auto& kernel) {
        for (std::int64_t n = 0, end; n < s.batch; n = end) {
          const auto active = [&](std::int64_t of) { return k.lengths.size() == 0 || at < k.lengths.data()[of]; };
          for (end = n + 1; end < s.batch && active(end) == active(n); ++end) {
          }
          if (active(n)) detail::run_rows(kernel, n, end - n, s.hidden);
        }
      };
      rule.template backward<T>(
          w,
          {s.batch, s.hidden, s.out, k.gates.data() + at * s.batch * row, h_before(k, s, at), c_before(k, s, at),
           k.states.data() + s.c_of(at), k.extra.data() + (Rule::keeps ? at * made : 0), projects ? made_to : total,
           h_to, c_to, gates_to + at * s.batch * row, sums_to + at * s.batch * row},
          each);
    }
    if (dx.wanted()) {
      tensor<T> g(k.x.shape());
      detail::add_transposed(rows, gates_to, row, k.w_ih, 0, row, detail::writable(g));
      dx.add(std::move(g));
    }
    if (dw_ih.wanted()) {
      tensor<T> g(k.w_ih.shape());
      detail::add_outer(row, s.in, rows, gates_to, row, k.x, k.x.data(), detail::writable(g));
      dw_ih.add(std::move(g));
    }
    if (dw_hh.wanted()) {
      tensor<T> g(k.w_hh.shape());
      const auto product = [&](std::int64_t count, T* to) { times_before(k, s, sums_to, row, count, to); };
      if constexpr (Rule::keeps)
        rule.template sums_gradient<T>(k.extra, rows, s.hidden, sums_to, detail::writable(g), product);
      else
        product(row, detail::writable(g));
      dw_hh.add(std::move(g));
    }
    if (k.biased) {
      const tensor<T> db = detail::sum_rows(dgates, rows, row);
      if (db_ih.wanted()) db_ih.add(db);
      if (db_hh.wanted()) db_hh.add(rule.apart() ? detail::sum_rows(dsums, rows, row) : db);
    }
    if constexpr (Rule::has_cell)
      if (d_peepholes.wanted() && k.peepholes.size() > 0) {
        tensor<T> g(k.peepholes.shape());
        for (std::int64_t at = 0; at < s.steps; ++at)
          rule.template peephole_gradient<T>(s.batch, s.hidden, gates_to + at * s.batch * row, c_before(k, s, at),
                                             k.states.data() + s.c_of(at), k.states, g);
        d_peepholes.add(std::move(g));
      }
    if (d_projection.wanted() && projects) {
      tensor<T> g(k.projection.shape());
      detail::add_outer(s.out, s.hidden, rows, totals, s.out, k.projected, k.projected.data(), detail::writable(g));
      d_projection.add(std::move(g));
    }
    if (dh.wanted()) dh.add(std::move(h_now));
    if (dc.wanted()) dc.add(std::move(c_now));
  }

  // One step of `batch` rows in place: h and c become the next ones. No checks; the bits are those of a sequence.
  template <class T> void advance(std::int64_t batch, const T* x, T* h, T* c, const weights<T>& w) const {
    const inlay::detail::flush_denormals scope;
    const std::int64_t out = w.w_hh.dim(1), hidden = w.w_hh.dim(0) / rule.gates();
    const bool projects = w.projection.size() > 0;
    const std::int64_t size = (rule.gates() + Rule::keeps + projects) * batch * hidden;
    constexpr std::int64_t near = 512;  // elements that lie on the stack: a short step takes no longer than a tensor
    alignas(64) T on_stack[near];
    tensor<T> room;
    if (size > near) room = tensor<T>::empty({size});
    T *const gates = size > near ? detail::writable(room) : on_stack, *const extra =
                                                                          gates + rule.gates() * batch * hidden;
    const detail::recurrent_step<T> now{batch, hidden, out, gates, h, c, h, c, extra};
    if constexpr (requires { rule.advance_row(w, now, x); })
      if (batch == 1 && rule.advance_row(w, now, x)) return;
    sum_inputs(w, batch, x, gates);
    step(w, now, extra + Rule::keeps * batch * hidden);
  }

 private:
  // x W_ih^T and the biases. A rule whose products of h stand apart adds their bias itself.
  template <class T> void sum_inputs(const weights<T>& w, std::int64_t rows, const T* x, T* gates) const {
    const tensor<T> bias = rule.apart() || w.b_hh.size() == 0 ? w.b_ih : add_op{}.forward(w.b_ih, w.b_hh);
    detail::add_product(rows, x, w.w_ih, 0, w.w_ih.dim(0), gates, w.w_ih.dim(0), false, detail::data_or_null(bias));
  }

  template <class T> void step(const weights<T>& w, detail::recurrent_step<T> s, T* projected) const {
    if (w.projection.size() == 0) return rule.template forward<T>(w, s);
    T* const out = std::exchange(s.h_next, projected);
    rule.template forward<T>(w, s);
    detail::add_product(s.batch, static_cast<const T*>(projected), w.projection, 0, s.out, out, s.out, false);
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
  template <class T> const T* h_before(const kept<T>& k, const sizes& s, std::int64_t at) const {
    if (k.lengths.size() > 0) return k.h_before.data() + at * s.batch * s.out;
    return at == s.at(0, reverse) ? k.h.data() : k.states.data() + s.h_of(reverse ? at + 1 : at - 1);
  }
  template <class T> const T* c_before(const kept<T>& k, const sizes& s, std::int64_t at) const {
    if (!Rule::has_cell) return nullptr;
    if (k.lengths.size() > 0) return k.c_before.data() + at * s.batch * s.hidden;
    return at == s.at(0, reverse) ? k.c.data() : k.states.data() + s.c_of(reverse ? at + 1 : at - 1);
  }

  // to (count, out) += the first `count` columns of d, transposed, times the h that the steps began with.
  template <class T>
  void times_before(const kept<T>& k, const sizes& s, const T* d, std::int64_t row, std::int64_t count, T* to) const {
    const auto add = [&](std::int64_t first, std::int64_t steps, const tensor<T>& owner, const T* h) {
      detail::add_outer(count, s.out, steps * s.batch, d + first * s.batch * row, row, owner, h, to);
    };
    if (s.steps == 0) return;
    if (k.lengths.size() > 0) return add(0, s.steps, k.h_before, k.h_before.data());
    add(s.at(0, reverse), 1, k.h, k.h.data());
    if (s.steps > 1) add(reverse ? 0 : 1, s.steps - 1, k.states, k.states.data() + s.h_of(reverse ? 1 : 0));
  }

  template <class T>
  INLAY_OUTLINE void check(const shape& x, const shape& h, const shape& c, const weights<T>& w) const {
    const shape &w_ih = w.w_ih.shape(), &w_hh = w.w_hh.shape(), &projection = w.projection.shape();
    const std::int64_t row = w_hh.rank() == 2 ? w_hh[0] : 0, hidden = row / rule.gates();
    const bool projects = w.projection.size() > 0;
    if (row == 0 || row % rule.gates() != 0 || w_ih.rank() != 2 || w_ih[0] != row || (!projects && w_hh[1] != hidden))
        [[unlikely]]
      throw shape_error(name, {"expected weights (", rule.gates(), " hidden, in) and (", rule.gates(),
                               projects ? " hidden, out), got " : " hidden, hidden), got ", w_ih, " and ", w_hh});
    if (projects && !(projection == shape{w_hh[1], hidden})) [[unlikely]]
      throw shape_error(name, {"expected a projection ", shape{w_hh[1], hidden}, " or none, got ", projection});
    if (x.rank() != 3 || x[2] != w_ih[1]) [[unlikely]]
      throw shape_error(name, {"expected input (T, N, ", w_ih[1], "), got ", x});
    if (!(h == shape{x[1], w_hh[1]})) [[unlikely]]
      throw shape_error(name, {"expected a state h ", shape{x[1], w_hh[1]}, ", got ", h});
    if (Rule::has_cell && !(c == shape{x[1], hidden})) [[unlikely]]
      throw shape_error(name, {"expected a state c ", shape{x[1], hidden}, ", got ", c});
    const shape &b_ih = w.b_ih.shape(), &b_hh = w.b_hh.shape();
    if (b_ih.size() > 0 || b_hh.size() > 0)
      for (const shape* bias : {&b_ih, &b_hh})
        if (!(*bias == shape{row})) [[unlikely]]
          throw shape_error(name, {"expected two biases (", row, ",) or none, got ", b_ih, " and ", b_hh});
    if constexpr (Rule::has_cell) rule.check(w.peepholes.shape(), hidden);
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

}  // namespace inlay::inline v0_1
