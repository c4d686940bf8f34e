// expand: x repeated along axes of size 1, and along new ones in front, to a larger shape (broadcasting on purpose).
#pragma once

#include "map.hpp"

namespace inlay::inline v0_1 {

struct expand_op {
  static constexpr const char* name = "expand";
  shape sizes;
  std::array<bool, shape::max_rank> same{};  // axes that stay as they are in x
  static void attributes(auto& self, auto&& visit) {
    visit("sizes", self.sizes);
    visit("same", self.same);
  }

  template <class T> tensor<T> forward(const tensor<T>& x) const {
    shape to;
    const int extra = sizes.rank() - x.rank();
    for (int axis = 0; axis < sizes.rank(); ++axis) {
      const bool stays = same[static_cast<std::size_t>(axis)];
      if (extra < 0 || (stays && axis < extra)) [[unlikely]]
        throw shape_error(name, {"expected sizes for all axes of ", x.shape(), ", got ", sizes});
      to.append(stays ? x.shape().begin()[axis - extra] : sizes.begin()[axis]);
    }
    return detail::broadcast_to(x, to);
  }
  template <class T> void backward(const tensor<T>& dy, const gradient<T>& dx) const {
    if (dx.wanted()) dx.add(detail::sum_to(dy, dx.shape()));
  }
};

// A size of -1 stays as it is. Throws shape_error when x does not broadcast to the shape.
template <operand X> auto expand(X&& x, std::initializer_list<std::int64_t> sizes) {
  expand_op op;
  for (const std::int64_t size : sizes) {
    op.sizes.append(size == -1 ? 1 : size);
    op.same[static_cast<std::size_t>(op.sizes.rank()) - 1] = size == -1;
  }
  return apply(op, std::forward<X>(x));
}

}  // namespace inlay::inline v0_1
