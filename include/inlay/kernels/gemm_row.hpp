// One row of a product, y = f(x B + bias), in a single call: where k is one part of a sum at most and columns are few,
// a call for each pair of panels (see gemm.hpp) and one for bias and relu would take longer than the work.
//
// A register waits four cycles for its last sum, and two are begun in a cycle: four panels, eight registers, are summed
// at once where there are so many. The order of a sum is that of the panels' product, so the bits are the same.
#pragma once

#include "functions.hpp"
#include "gemm.hpp"

INLAY_PRECISE_BEGIN

namespace inlay::inline v0_1::kernels {

template <class T> struct gemm_row {
  std::int64_t n, k;  // k: gemm_most_depth at most
  const T *x, *panels;
  const T* bias;  // or null
  bool relu;      // f: max(·, 0), or nothing
  T* y;

  using register_tile = void;
  template <isa Level> INLAY_INLINE static void run(const gemm_row* g) noexcept {
    constexpr std::int64_t columns = gemm_blocking<T, Level>::registers * simd<T, Level>::size;
    std::int64_t j = 0;
    for (; j + 3 * columns < g->n; j += 4 * columns) g->template part<Level, 4>(j);
    for (; j + columns < g->n; j += 2 * columns) g->template part<Level, 2>(j);
    if (j < g->n) g->template part<Level, 1>(j);
  }

  // The sums of so many panels, length x B from `panel` on.
  template <int Panels, class V, int Count>
  INLAY_INLINE static void multiply(const T* x, const T* panel, std::int64_t length, V (&sum)[Count]) {
    constexpr int registers = Count / Panels;
    const std::int64_t next = length * registers * V::size;
#pragma GCC unroll 16
    for (int i = 0; i < Count; ++i) sum[i] = V::zero();
    for (std::int64_t p = 0; p < length; ++p, panel += registers * V::size) {
      const V one(x[p]);
#pragma GCC unroll 16
      for (int i = 0; i < Count; ++i)
        sum[i] = multiply_add(one, V::load(panel + i / registers * next + i % registers * V::size), sum[i]);
    }
  }

 private:
  template <isa Level, int Panels> INLAY_INLINE void part(std::int64_t j) const {
    using V = simd<T, Level>;
    constexpr int count = Panels * gemm_blocking<T, Level>::registers;
    V sum[count];
    multiply<Panels>(x, panels + j * k, k, sum);
#pragma GCC unroll 16
    for (int i = 0; i < count; ++i) {
      const std::int64_t at = j + i * V::size, left = n - at;
      if (left <= 0) break;  // the last panel is not full
      V out = V::zero() + sum[i];
      if (bias != nullptr) out = out + V::load_up_to(bias + at, left);
      if (relu) out = function::relu{}(out);
      out.store_up_to(y + at, left);
    }
  }
};

}  // namespace inlay::inline v0_1::kernels

INLAY_PRECISE_END
