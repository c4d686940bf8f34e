// The activations a layer can apply as it writes its output. Each can be differentiated from its output alone, so
// nothing else has to be kept.
#pragma once

#include "elementwise.hpp"

INLAY_PRECISE_BEGIN

namespace inlay::inline v0_1 {

enum class activation { none, relu, tanh, sigmoid };

namespace kernels {

// f of a register, chosen at run time. tanh and sigmoid share their exponential, which is most of the code:
// with e = exp(z) - 1, tanh |x| = e / (e + 2) for z = 2 |x|, and sigmoid x = 1 / (e + 2) for z = -x.
struct activate {
  using memory_bound = void;  // not so, but a third copy of this code would cost programs more to compile than it saves
  activation f;
  template <class V> INLAY_INLINE V operator()(const V& x) const {
    using T = typename V::value_type;
    using I = typename V::integer;
    if (f == activation::none) return x;
    if (f == activation::relu) return rectify{}(x);
    const bool tangent = f == activation::tanh;
    const V most(tangent ? 2 * detail::format<T>::tanh_highest
                         : detail::format<T>::exp_highest - 1);  // 1 / exp of it is flushed to 0
    const V z = min(max(tangent ? abs(x) + abs(x) : -x, V(detail::format<T>::sigmoid_lowest)), most);
    I n;
    const V r = detail::reduced_expm1(z, n);
    const V scale = detail::power_of_two<V>(n);
    const V e = multiply_add(scale, r, scale - V(T{1}));
    const V y = (tangent ? e : V(T{1})) / (e + V(T{2}));
    const I sign = x.bits() & I(std::numeric_limits<typename I::value_type>::min());
    return select(x == x, tangent ? V::from_bits(y.bits() | sign) : y, x);
  }
};

// c = c + bias, then max(c, 0) when `relu`, on a block of rows that has just been computed and is still in the nearest
// cache; bias may be null.
template <class T, isa Level>
INLAY_INLINE void finish_rows(T* c, std::int64_t row_step, const T* bias, bool relu, std::int64_t rows,
                              std::int64_t columns) {
  using V = simd<T, Level>;
  if (!relu && bias == nullptr) return;
  for (std::int64_t i = 0; i < rows; ++i, c += row_step)
    for (std::int64_t j = 0; j < columns; j += V::size) {
      V sum = V::load_up_to(c + j, columns - j);
      if (bias != nullptr) sum += V::load_up_to(bias + j, columns - j);
      (relu ? rectify{}(sum) : sum).store_up_to(c + j, columns - j);
    }
}

// dy f'(x), from the output y = f(x).
struct activation_gradient {
  using memory_bound = void;
  activation of;
  template <class V> INLAY_INLINE V operator()(const V& dy, const V& y) const {
    return of == activation::relu      ? rectify_gradient{}(dy, y)
           : of == activation::tanh    ? tangent_gradient{}(dy, y)
           : of == activation::sigmoid ? logistic_gradient{}(dy, y)
                                       : dy;
  }
};

}  // namespace kernels

}  // namespace inlay::inline v0_1

INLAY_PRECISE_END
