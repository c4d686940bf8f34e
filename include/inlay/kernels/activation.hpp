// The activations a layer can apply in the same pass that writes its output. Each can be differentiated from its
// output alone, so nothing else has to be kept.
#pragma once

#include "elementwise.hpp"

namespace inlay::inline v0_1 {

enum class activation { none, relu, tanh, sigmoid };

namespace kernels {

// c[i] = f(c[i] + bias[i]) for one row; bias may be null.
template <class T, isa Level, class F>
INLAY_INLINE void finish_row(T* c, const T* bias, std::int64_t count, const F& f) {
  using V = simd<T, Level>;
  for (std::int64_t i = 0; i < count; i += V::size) {
    V sum = V::load_up_to(c + i, count - i);
    if (bias != nullptr) sum += V::load_up_to(bias + i, count - i);
    f(sum).store_up_to(c + i, count - i);
  }
}

struct identity { template <class V> INLAY_INLINE V operator()(const V& x) const { return x; } };

// Bias and activation on a block of rows that has just been computed and is still in the nearest cache.
template <class T, isa Level>
INLAY_INLINE void finish_rows(T* c, std::int64_t row_step, const T* bias, activation f, std::int64_t rows, std::int64_t columns) {
  if (f == activation::none && bias == nullptr) return;
  for (std::int64_t i = 0; i < rows; ++i, c += row_step) {
    if (f == activation::none) finish_row<T, Level>(c, bias, columns, identity{});
    else if (f == activation::relu) finish_row<T, Level>(c, bias, columns, rectify{});
    else if (f == activation::tanh) finish_row<T, Level>(c, bias, columns, hyperbolic_tangent{});
    else finish_row<T, Level>(c, bias, columns, logistic{});
  }
}

// dy f'(x), from the output y = f(x).
struct activation_gradient {
  activation of;
  template <class V> INLAY_INLINE V operator()(const V& dy, const V& y) const {
    return of == activation::relu ? rectify_gradient{}(dy, y) : of == activation::tanh ? tangent_gradient{}(dy, y)
           : of == activation::sigmoid ? logistic_gradient{}(dy, y) : dy;
  }
};

}  // namespace kernels

}  // namespace inlay::inline v0_1
