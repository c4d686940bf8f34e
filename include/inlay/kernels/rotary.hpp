// Rotary positions: pairs of features turned by angles of a table of cosines and sines. A row has `heads` heads of
// `size` features, of which the first 2 `pairs` turn: pair i is (i, i + pairs), or (2 i, 2 i + 1) interleaved.
//   (a, b) -> (a cos - b sin, b cos + a sin)
#pragma once

#include "math.hpp"

INLAY_PRECISE_BEGIN

namespace inlay::inline v0_1::kernels {

template <class T> struct rotary {
  using memory_bound = void;
  std::int64_t heads, size, pairs;
  bool interleaved;
  const T* x;
  const T* turns;  // of each row: cosines, then sines; the gradient's sines are negated
  T* y;

  template <isa Level> INLAY_INLINE static void run(const rotary* r, std::int64_t first, std::int64_t last) noexcept {
    using V = simd<T, Level>;
    for (std::int64_t row = first; row < last; ++row) {
      const T *const cosines = r->turns + 2 * row * r->pairs, *const sines = cosines + r->pairs;
      for (std::int64_t head = 0; head < r->heads; ++head) {
        const T* const x = r->x + (row * r->heads + head) * r->size;
        T* const y = r->y + (row * r->heads + head) * r->size;
        if (r->interleaved)
          for (std::int64_t i = 0; i < r->pairs; ++i) {
            const T a = x[2 * i], b = x[2 * i + 1];
            y[2 * i] = a * cosines[i] - b * sines[i];
            y[2 * i + 1] = b * cosines[i] + a * sines[i];
          }
        else
          for (std::int64_t i = 0; i < r->pairs; i += V::size) {
            const std::int64_t left = r->pairs - i;
            const V a = V::load_up_to(x + i, left), b = V::load_up_to(x + r->pairs + i, left),
                    c = V::load_up_to(cosines + i, left), s = V::load_up_to(sines + i, left);
            multiply_add(a, c, -(b * s)).store_up_to(y + i, left);
            multiply_add(b, c, a * s).store_up_to(y + r->pairs + i, left);
          }
        for (std::int64_t i = 2 * r->pairs; i < r->size; ++i) y[i] = x[i];
      }
    }
  }
};

}  // namespace inlay::inline v0_1::kernels

INLAY_PRECISE_END
