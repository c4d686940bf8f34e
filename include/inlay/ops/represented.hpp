// A weight that something else than its elements stands for, and the products that operations ask of it. An operation
// that finds none of these reads elements.
#pragma once

#include "../core/tensor.hpp"
#include "../kernels/conv.hpp"

namespace inlay::inline v0_1::detail {

// Sizes of one convolution; k and c: channels of a group.
struct conv_sizes {
  std::int64_t batch, groups, k, c;
  kernels::conv_geometry geometry;
};

// Sizes are checked by the operation. `bias` may be null.
template <floating T> class represented_weight : public representation {
 public:
  dtype type() const noexcept final { return dtype_of<T>; }

  // y (rows, out) = x (rows, in) W^T + bias, then max(y, 0) when `relu`; W (out, in).
  virtual void linear(std::int64_t rows, const T* x, const T* bias, bool relu, T* y) const = 0;

  // The same for a convolution; W (groups k, c, kernel…).
  virtual void conv(const conv_sizes& sizes, const T* x, const T* bias, bool relu, T* y) const = 0;
};

// What stands for a weight, or null. Whatever stands for a floating-point tensor is of this class.
template <class T> const represented_weight<T>* stand_in(const tensor<T>& w) noexcept {
  return static_cast<const represented_weight<T>*>(w.representation());
}

}  // namespace inlay::inline v0_1::detail
