// One step of an LSTM behind its matrix products, element by element, and its gradient. Gates lie in the order i, f, g,
// o, `hidden` of each in a row; p are peepholes, (3, hidden) for i, f, o, or null:
//   i = sigmoid(gates_i + p_i c), f = sigmoid(gates_f + p_f c), g = tanh(gates_g), c' = f c + i g,
//   o = sigmoid(gates_o + p_o c'), h' = o tanh(c')
#pragma once

#include "functions.hpp"

INLAY_PRECISE_BEGIN

namespace inlay::inline v0_1::kernels {

// Leaves i, f, g and o where the gates were.
template <class T> struct lstm_step {
  std::int64_t hidden;
  T* gates;
  const T *c, *peepholes;
  T *c_next, *h_next;

  template <isa Level>
  INLAY_INLINE static void run(const lstm_step* s, std::int64_t first, std::int64_t last) noexcept {
    using V = simd<T, Level>;
    const std::int64_t n = s->hidden;
    const T* const p = s->peepholes;
    for (std::int64_t r = first; r < last; ++r)
      for (std::int64_t j = 0; j < n; j += V::size) {
        const std::int64_t left = n - j, at = r * n + j;
        T* const gate = s->gates + 4 * r * n + j;
        const V before = V::load_up_to(s->c + at, left);
        V i = V::load_up_to(gate, left), f = V::load_up_to(gate + n, left), o = V::load_up_to(gate + 3 * n, left);
        if (p != nullptr) {
          i = multiply_add(V::load_up_to(p + j, left), before, i);
          f = multiply_add(V::load_up_to(p + n + j, left), before, f);
        }
        i = sigmoid(i), f = sigmoid(f);
        const V g = tanh(V::load_up_to(gate + 2 * n, left)), c = multiply_add(f, before, i * g);
        if (p != nullptr) o = multiply_add(V::load_up_to(p + 2 * n + j, left), c, o);
        o = sigmoid(o);
        c.store_up_to(s->c_next + at, left);
        (o * tanh(c)).store_up_to(s->h_next + at, left);
        i.store_up_to(gate, left), f.store_up_to(gate + n, left);
        g.store_up_to(gate + 2 * n, left), o.store_up_to(gate + 3 * n, left);
      }
  }
};

// From the gradients of h' and c' to those of the gates' sums and of c, which takes the place of that of c'.
template <class T> struct lstm_step_gradient {
  std::int64_t hidden;
  const T *gates, *c, *c_next, *peepholes;  // i, f, g, o as the step left them
  const T* dh;
  T *dc, *dgates;

  using memory_bound = void;
  template <isa Level>
  INLAY_INLINE static void run(const lstm_step_gradient* s, std::int64_t first, std::int64_t last) noexcept {
    using V = simd<T, Level>;
    const std::int64_t n = s->hidden;
    const T* const p = s->peepholes;
    const V one(T{1});
    for (std::int64_t r = first; r < last; ++r)
      for (std::int64_t j = 0; j < n; j += V::size) {
        const std::int64_t left = n - j, at = r * n + j;
        const T* const gate = s->gates + 4 * r * n + j;
        T* const to = s->dgates + 4 * r * n + j;
        const V i = V::load_up_to(gate, left), f = V::load_up_to(gate + n, left), g = V::load_up_to(gate + 2 * n, left),
                o = V::load_up_to(gate + 3 * n, left), before = V::load_up_to(s->c + at, left),
                dh = V::load_up_to(s->dh + at, left), t = tanh(V::load_up_to(s->c_next + at, left));
        const V d_o = dh * t * o * (one - o);
        V dc = multiply_add(dh * o, one - t * t, V::load_up_to(s->dc + at, left));
        if (p != nullptr) dc = multiply_add(d_o, V::load_up_to(p + 2 * n + j, left), dc);
        const V di = dc * g * i * (one - i), df = dc * before * f * (one - f), dg = dc * i * (one - g * g);
        dc = dc * f;
        if (p != nullptr) {
          dc = multiply_add(di, V::load_up_to(p + j, left), dc);
          dc = multiply_add(df, V::load_up_to(p + n + j, left), dc);
        }
        dc.store_up_to(s->dc + at, left);
        di.store_up_to(to, left), df.store_up_to(to + n, left);
        dg.store_up_to(to + 2 * n, left), d_o.store_up_to(to + 3 * n, left);
      }
  }
};

}  // namespace inlay::inline v0_1::kernels

INLAY_PRECISE_END
