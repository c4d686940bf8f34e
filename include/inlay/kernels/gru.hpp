// One step of a GRU behind its matrix products, element by element, and its gradient. Gates lie in the order r, z, n,
// `hidden` of each in a row. s are the products of h; they are added here when the reset comes after them, and have
// been added to the gates when it comes before:
//   r = sigmoid(gates_r + s_r), z = sigmoid(gates_z + s_z), n = tanh(gates_n + r s_n)     reset after the product
//   r = sigmoid(gates_r), z = sigmoid(gates_z), m = r h  |  n = tanh(gates_n)             before it: in two halves
//   h' = (1 - z) n + z h
#pragma once

#include "functions.hpp"

INLAY_PRECISE_BEGIN

namespace inlay::inline v0_1::kernels {

// `gates` and `output`: the halves between which n's product of m stands; backwards the other way round.
enum class gru_part { whole, gates, output };

// Leaves r, z and n where the gates were, and s_n or m in `kept` (rows, hidden).
template <class T> struct gru_step {
  std::int64_t hidden;
  gru_part part;
  T* gates;
  const T *sums, *h;
  T *kept, *h_next;

  template <isa Level> INLAY_INLINE static void run(const gru_step* s, std::int64_t first, std::int64_t last) noexcept {
    using V = simd<T, Level>;
    const std::int64_t n = s->hidden;
    for (std::int64_t row = first; row < last; ++row)
      for (std::int64_t j = 0; j < n; j += V::size) {
        const std::int64_t left = n - j, at = row * n + j;
        T* const gate = s->gates + 3 * row * n + j;
        const V h = V::load_up_to(s->h + at, left);
        V z = V::load_up_to(gate + n, left), sum = V::load_up_to(gate + 2 * n, left);
        if (s->part != gru_part::output) {
          V r = V::load_up_to(gate, left);
          if (s->part == gru_part::whole) {
            const T* const of_h = s->sums + 3 * row * n + j;
            r = r + V::load_up_to(of_h, left), z = z + V::load_up_to(of_h + n, left);
          }
          r = sigmoid(r), z = sigmoid(z);
          r.store_up_to(gate, left), z.store_up_to(gate + n, left);
          if (s->part == gru_part::gates) {
            (r * h).store_up_to(s->kept + at, left);
            continue;
          }
          const V of_h = V::load_up_to(s->sums + 3 * row * n + 2 * n + j, left);
          of_h.store_up_to(s->kept + at, left);
          sum = multiply_add(r, of_h, sum);
        }
        const V candidate = tanh(sum);
        candidate.store_up_to(gate + 2 * n, left);
        multiply_add(z, h - candidate, candidate).store_up_to(s->h_next + at, left);
      }
  }
};

// From the gradient of h' to those of the gates, of s (whole) and of h: `dh_before` takes all but what comes through
// products. The first half backwards is `output`, which leaves dz and dn; the second takes the gradient of m in dm.
template <class T> struct gru_step_gradient {
  std::int64_t hidden;
  gru_part part;
  const T *gates, *h, *kept, *dh, *dm;
  T *dgates, *dsums, *dh_before;

  using memory_bound = void;
  template <isa Level>
  INLAY_INLINE static void run(const gru_step_gradient* s, std::int64_t first, std::int64_t last) noexcept {
    using V = simd<T, Level>;
    const std::int64_t n = s->hidden;
    const V one(T{1});
    for (std::int64_t row = first; row < last; ++row)
      for (std::int64_t j = 0; j < n; j += V::size) {
        const std::int64_t left = n - j, at = row * n + j;
        const T* const gate = s->gates + 3 * row * n + j;
        T* const to = s->dgates + 3 * row * n + j;
        const V r = V::load_up_to(gate, left), h = V::load_up_to(s->h + at, left);
        if (s->part == gru_part::gates) {
          const V dm = V::load_up_to(s->dm + at, left);
          (dm * h * r * (one - r)).store_up_to(to, left);
          multiply_add(dm, r, V::load_up_to(s->dh_before + at, left)).store_up_to(s->dh_before + at, left);
          continue;
        }
        const V z = V::load_up_to(gate + n, left), c = V::load_up_to(gate + 2 * n, left),
                dh = V::load_up_to(s->dh + at, left);
        const V dz = dh * (h - c) * z * (one - z), dn = dh * (one - z) * (one - c * c);
        dz.store_up_to(to + n, left), dn.store_up_to(to + 2 * n, left);
        (dh * z).store_up_to(s->dh_before + at, left);
        if (s->part == gru_part::output) continue;
        const V dr = dn * V::load_up_to(s->kept + at, left) * r * (one - r);
        T* const of_h = s->dsums + 3 * row * n + j;
        dr.store_up_to(to, left), dr.store_up_to(of_h, left);
        dz.store_up_to(of_h + n, left), (dn * r).store_up_to(of_h + 2 * n, left);
      }
  }
};

}  // namespace inlay::inline v0_1::kernels

INLAY_PRECISE_END
