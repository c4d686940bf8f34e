// Another shape over the same values: reshape, flatten. O(1); gradients come back the same way.
#pragma once

#include "../autograd/apply.hpp"

namespace inlay::inline v0_1 {

struct reshape_op {
  static constexpr const char* name = "reshape";
  shape sizes;
  template <class T> tensor<T> forward(tensor<T> x) const { return std::move(x).reshape(sizes); }
  template <class T> void backward(tensor<T> dy, const gradient<T>& dx) const {
    if (dx.wanted()) dx.add(std::move(dy).reshape(dx.shape()));
  }
};

// One size may be -1 and follows from the others. Throws shape_error when the number of elements differs.
template <operand X> auto reshape(X&& x, std::initializer_list<std::int64_t> sizes) {
  const shape from = x.shape();
  shape to;
  std::int64_t open = 0, at = 0;
  for (const std::int64_t size : sizes) {
    if (size == -1) ++open, at = to.rank();
    to.append(size == -1 ? 1 : size);
  }
  if (open > 1) throw shape_error(reshape_op::name, {"expected at most one size of -1, got ", open});
  if (open == 1) to = to.with(at, to.size() == 0 ? 0 : from.size() / to.size());
  return apply(reshape_op{to}, std::forward<X>(x));
}
template <operand X> auto reshape(X&& x, const shape& sizes) { return apply(reshape_op{sizes}, std::forward<X>(x)); }

// Axes first … last become one; by default all but the batch axis: (N, C, H, W) -> (N, C·H·W).
template <operand X> auto flatten(X&& x, std::int64_t first = 1, std::int64_t last = -1) {
  const shape from = x.shape();
  const int begin = from.rank() == 1 && first == 1 ? 0 : from.index(first), end = from.index(last) + 1;
  if (begin >= end)
    throw shape_error("flatten", {"expected a first axis before the last, got ", first, " and ", last, " of ", from});
  shape to;
  for (int axis = 0; axis < begin; ++axis) to.append(from[axis]);
  to.append(from.count(begin, end));
  for (int axis = end; axis < from.rank(); ++axis) to.append(from[axis]);
  return apply(reshape_op{to}, std::forward<X>(x));
}

}  // namespace inlay::inline v0_1
