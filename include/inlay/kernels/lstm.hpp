// One step of an LSTM behind its matrix products, element by element, and its gradient. Gates lie in the order i, f, g,
// o, `hidden` of each in a row; p are peepholes, (3, hidden) for i, f, o, or null:
//   i = sigmoid(gates_i + p_i c), f = sigmoid(gates_f + p_f c), g = tanh(gates_g), c' = f c + i g,
//   o = sigmoid(gates_o + p_o c'), h' = o tanh(c')
// Coupled, f is 1 - i: gates are i, g, o, and peepholes (2, hidden) for i, o.
#pragma once

#include "functions.hpp"
#include "gemm_row.hpp"

INLAY_PRECISE_BEGIN

namespace inlay::inline v0_1::kernels {

// Between the halves of a step stand the products of peepholes that are whole matrices: of c before the first, of c'
// between them; backwards the other way round.
enum class lstm_part { whole, cell, output };

// Leaves i, f, g and o where the gates were.
template <class T> struct lstm_step {
  std::int64_t hidden;
  bool coupled;
  lstm_part part;
  T* gates;
  const T *c, *peepholes;
  T *c_next, *h_next;

  template <isa Level>
  INLAY_INLINE static void run(const lstm_step* s, std::int64_t first, std::int64_t last) noexcept {
    using V = simd<T, Level>;
    const std::int64_t n = s->hidden, g_at = s->coupled ? n : 2 * n, o_at = g_at + n, row = o_at + n;
    const T* const p = s->peepholes;
    // Gates that do not wait for the new cell come first, in a loop of their own: its turns do not wait for each other.
    const bool early = s->part != lstm_part::output, late = s->part != lstm_part::cell,
               o_waits = p != nullptr || s->part == lstm_part::output;
    for (std::int64_t r = first; r < last; ++r) {
      T* const gates = s->gates + r * row;
      for (std::int64_t j = 0; early && j < n; j += V::size) {
        const std::int64_t left = n - j;
        T* const gate = gates + j;
        V i = V::load_up_to(gate, left);
        if (p != nullptr) i = multiply_add(V::load_up_to(p + j, left), V::load_up_to(s->c + r * n + j, left), i);
        sigmoid(i).store_up_to(gate, left);
        if (!s->coupled) {
          V f = V::load_up_to(gate + n, left);
          if (p != nullptr) f = multiply_add(V::load_up_to(p + n + j, left), V::load_up_to(s->c + r * n + j, left), f);
          sigmoid(f).store_up_to(gate + n, left);
        }
        tanh(V::load_up_to(gate + g_at, left)).store_up_to(gate + g_at, left);
        if (late && !o_waits) sigmoid(V::load_up_to(gate + o_at, left)).store_up_to(gate + o_at, left);
      }
      for (std::int64_t j = 0; j < n; j += V::size) {
        const std::int64_t left = n - j, at = r * n + j;
        T* const gate = gates + j;
        V c = V::load_up_to((early ? s->c : s->c_next) + at, left);
        if (early) {
          const V i = V::load_up_to(gate, left), f = s->coupled ? V(T{1}) - i : V::load_up_to(gate + n, left);
          c = multiply_add(f, c, i * V::load_up_to(gate + g_at, left));
          c.store_up_to(s->c_next + at, left);
        }
        if (!late) continue;
        V o = V::load_up_to(gate + o_at, left);
        if (o_waits) {
          if (p != nullptr) o = multiply_add(V::load_up_to(p + g_at + j, left), c, o);
          o = sigmoid(o);
          o.store_up_to(gate + o_at, left);
        }
        (o * tanh(c)).store_up_to(s->h_next + at, left);
      }
    }
  }
};

// A step of one row with its products, in one go where calls of their own would take longer than the work: x and h are
// multiplied with weights in panels (see gemm.hpp), whose rows are one part of k at most.
template <class T> struct lstm_row {
  lstm_step<T> step;
  std::int64_t in;
  const T *x, *h, *w_ih, *w_hh, *b_ih, *b_hh;  // biases may be null

  using register_tile = void;
  template <isa Level> INLAY_INLINE static void run(const lstm_row* s) noexcept {
    const std::int64_t columns = gemm_blocking<T, Level>::registers * simd<T, Level>::size,
                       row = (s->step.coupled ? 3 : 4) * s->step.hidden;
    std::int64_t j = 0;
    for (; j + 3 * columns < row; j += 4 * columns) s->template add_up<Level, 4>(j, row);  // sums that do not wait
    for (; j < row; j += columns) s->template add_up<Level, 1>(j, row);
    lstm_step<T>::template run<Level>(&s->step, 0, 1);
  }

 private:
  // The sums of the gates from `j` on, of so many panels.
  template <isa Level, int Panels> INLAY_INLINE void add_up(std::int64_t j, std::int64_t row) const {
    using V = simd<T, Level>;
    constexpr int count = Panels * gemm_blocking<T, Level>::registers;
    V of_x[count], of_h[count];
    gemm_row<T>::template multiply<Panels>(x, w_ih + j * in, in, of_x);
    gemm_row<T>::template multiply<Panels>(h, w_hh + j * step.hidden, step.hidden, of_h);
#pragma GCC unroll 16
    for (int i = 0; i < count; ++i) {
      const std::int64_t at = j + i * V::size, left = row - at;
      if (left <= 0) break;  // the last panel is not full
      if (b_ih != nullptr) of_x[i] = of_x[i] + (V::load_up_to(b_ih + at, left) + V::load_up_to(b_hh + at, left));
      (of_x[i] + of_h[i]).store_up_to(step.gates + at, left);
    }
  }
};

// From the gradients of h' and c' to those of the gates' sums and of c, which takes the place of that of c'.
template <class T> struct lstm_step_gradient {
  std::int64_t hidden;
  bool coupled;
  lstm_part part;
  const T *gates, *c, *c_next, *peepholes;  // i, f, g, o as the step left them
  const T* dh;
  T *dc, *dgates;

  using memory_bound = void;
  template <isa Level>
  INLAY_INLINE static void run(const lstm_step_gradient* s, std::int64_t first, std::int64_t last) noexcept {
    using V = simd<T, Level>;
    const std::int64_t n = s->hidden, g_at = s->coupled ? n : 2 * n, o_at = g_at + n, row = o_at + n;
    const T* const p = s->peepholes;
    const V one(T{1});
    for (std::int64_t r = first; r < last; ++r)
      for (std::int64_t j = 0; j < n; j += V::size) {
        const std::int64_t left = n - j, at = r * n + j;
        const T* const gate = s->gates + r * row + j;
        T* const to = s->dgates + r * row + j;
        V dc = V::load_up_to(s->dc + at, left);
        if (s->part != lstm_part::cell) {
          const V o = V::load_up_to(gate + o_at, left), dh = V::load_up_to(s->dh + at, left),
                  t = tanh(V::load_up_to(s->c_next + at, left)), d_o = dh * t * o * (one - o);
          dc = multiply_add(dh * o, one - t * t, dc);
          if (p != nullptr) dc = multiply_add(d_o, V::load_up_to(p + g_at + j, left), dc);
          d_o.store_up_to(to + o_at, left);
        }
        if (s->part != lstm_part::output) {
          const V i = V::load_up_to(gate, left), g = V::load_up_to(gate + g_at, left),
                  before = V::load_up_to(s->c + at, left);
          const V f = s->coupled ? one - i : V::load_up_to(gate + n, left);
          const V di = dc * (s->coupled ? g - before : g) * i * (one - i);
          (dc * i * (one - g * g)).store_up_to(to + g_at, left);
          const V df = dc * before * f * (one - f);
          dc = dc * f;
          if (p != nullptr) dc = multiply_add(di, V::load_up_to(p + j, left), dc);
          if (!s->coupled) {
            if (p != nullptr) dc = multiply_add(df, V::load_up_to(p + n + j, left), dc);
            df.store_up_to(to + n, left);
          }
          di.store_up_to(to, left);
        }
        dc.store_up_to(s->dc + at, left);
      }
  }
};

}  // namespace inlay::inline v0_1::kernels

INLAY_PRECISE_END
