// From tensors to the matrix product kernel: packing, packed weights that are kept, threads.
#pragma once

#include "../kernels/activation.hpp"
#include "../kernels/gemm_row.hpp"
#include "map.hpp"
#include "packed.hpp"

namespace inlay::inline v0_1::detail {

template <class T>
INLAY_OUTLINE tensor<T> pack_b(const kernels::strided<T>& b, std::int64_t k, std::int64_t n, isa level) {
  const std::int64_t columns = kernels::gemm_panel_columns<T>(level), count = kernels::gemm_panels<T>(level, n);
  tensor<T> panels = tensor<T>::empty({count * columns * k});
  T* to = writable(panels);
  parallel_for(count, std::max<std::int64_t>(1, (1 << 16) / (columns * (k + 1))),
               [&](std::int64_t first, std::int64_t last) { kernels::gemm_pack_b(b, columns, k, n, first, last, to); });
  return panels;
}

// B in panels; `owner` is the tensor it lies in.
template <class T>
tensor<T> panels_of(const tensor<T>& owner, const kernels::strided<T>& b, std::int64_t k, std::int64_t n, isa level) {
  return packed<T>(owner, {b.data, {k, n, b.row}, layout_panels, level}, [&] { return pack_b(b, k, n, level); });
}

// The activations that the product does not apply as it writes, in a pass of their own: short beside the product.
template <class T> INLAY_OUTLINE void activate_apart(activation f, T* y, std::int64_t count) {
  const auto apply = f == activation::none ? nullptr : f.kernels<T>().apply;
  if (apply == nullptr) return;
  const isa level = active_isa();
  parallel_for(count, map_grain, [&](std::int64_t first, std::int64_t last) { apply(level, last - first, y + first); });
}

// dy f'(x) from y = f(x), on dy's memory when nobody else has it.
template <class T> INLAY_OUTLINE tensor<T> activation_gradient(activation f, tensor<T> dy, const tensor<T>& y) {
  if (f == activation::none) return dy;
  const T *from = std::as_const(dy).data(), *result = y.data();
  const std::int64_t size = dy.size();
  tensor<T> dx = result_on(dy);
  T* to = writable(dx);
  const auto gradient = f.kernels<T>().gradient;
  const isa level = active_isa();
  parallel_for(size, map_grain, [&](std::int64_t first, std::int64_t last) {
    gradient(level, last - first, from + first, result + first, to + first);
  });
  return dx;
}

// Whether B is read where it lies: when all of it stays in L1. Not one whose memory keeps it packed.
template <class T>
bool read_in_place(std::int64_t n, std::int64_t k, const tensor<T>& owner, const kernels::strided<T>& b) {
  constexpr std::int64_t nearest = (24 << 10) / static_cast<int>(sizeof(T));
  return b.column == 1 && n * k <= nearest && owner.keeper() == nullptr;
}

// A problem whose B is prepared, and the activation its `relu` is not. Threads share out rows or panels, whichever
// there are more of; below about 20 microseconds one does it all.
template <class T>
INLAY_OUTLINE void run_gemm(isa level, const kernels::gemm_problem<T>& g, activation finish = activation::none) {
  constexpr std::int64_t worth = 1 << 18;
  if (g.m == 1 && g.n * (g.k + 8) < 2 * worth && g.panels != nullptr && g.a.column == 1) {  // a call at once
    kernels::gemm_range<T>(level, g, 0, 1, 0, kernels::gemm_panels<T>(level, g.n), nullptr);
  } else {
    const bool by_rows = g.m >= g.n;
    const std::int64_t count = kernels::gemm_panels<T>(level, g.n), strip = kernels::gemm_widest_strip,
                       pieces = by_rows ? (g.m + strip - 1) / strip : count, work = g.m * g.n * (g.k + 8) / pieces;
    parallel_for(pieces, std::max<std::int64_t>(1, worth / std::max<std::int64_t>(work, 1)),
                 [&](std::int64_t first, std::int64_t last) {
                   tensor<T> scratch = tensor<T>::empty({kernels::gemm_scratch<T>()});
                   const std::int64_t rows_end = by_rows ? std::min(last * strip, g.m) : g.m;
                   kernels::gemm_range<T>(level, g, by_rows ? first * strip : 0, rows_end, by_rows ? 0 : first,
                                          by_rows ? count : last, writable(scratch));
                 });
  }
  activate_apart(finish, g.c, g.m * g.n);
}

// As run_gemm, of few multiplications: a short row takes one call where it would take one for each pair of panels.
template <class T> void run_short_gemm(isa level, const kernels::gemm_problem<T>& g, activation finish) {
  constexpr std::int64_t few = 1 << 14;
  if (g.m != 1 || g.n * g.k > few || g.panels == nullptr || g.a.column != 1 || g.accumulate ||
      kernels::gemm_depth<T>(g.k) < g.k)
    return run_gemm(level, g, finish);
  const flush_denormals scope;
  const kernels::gemm_row<T> row{g.n, g.k, g.a.data, g.panels, g.bias, g.relu, g.c};
  on_level<kernels::gemm_row<T>>(level, &row);
  activate_apart(finish, g.c, g.n);
}

// C (m x n) = f(A B + bias), or C += A B; its rows are n apart, or `c_row`. `owner` is the tensor B lies in.
template <class T>
INLAY_OUTLINE void gemm(std::int64_t m, std::int64_t n, std::int64_t k, const kernels::strided<T>& a,
                        const tensor<T>& owner, const kernels::strided<T>& b, T* c, bool accumulate = false,
                        const T* bias = nullptr, activation finish = activation::none, std::int64_t c_row = 0) {
  if (m == 0 || n == 0) return;
  const isa level = active_isa();
  const tensor<T> panels = read_in_place(n, k, owner, b) ? tensor<T>() : panels_of(owner, b, k, n, level);
  run_gemm<T>(level,
              {m, n, k, a, b, panels.size() == 0 ? nullptr : panels.data(), c, c_row == 0 ? n : c_row, accumulate, bias,
               finish.in_product()},
              finish);
}

}  // namespace inlay::inline v0_1::detail
