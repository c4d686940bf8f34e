// slice: elements [first, last) along an axis; split: all of them, in parts.  O(1) along axis 0, a copy along the
// others.
#pragma once

#include "map.hpp"

namespace inlay::inline v0_1 {

struct slice_op {
  static constexpr const char* name = "slice";
  std::int64_t axis = 0, first = 0, last = 0;
  static void attributes(auto& self, auto&& visit) {
    visit("axis", self.axis);
    visit("first", self.first);
    visit("last", self.last);
  }

  template <class T> tensor<T> forward(const tensor<T>& x) const {
    const int along = x.shape().index(axis);
    if (first < 0 || last < first || last > x.dim(along)) [[unlikely]]
      throw shape_error(name, {"expected 0 <= first <= last <= size along axis ", axis, " of ", x.shape(), ", got [",
                               first, ", ", last, ")"});
    if (along == 0) return x.slice(first, last);
    const std::int64_t inner = x.shape().count(along + 1, x.rank());
    return detail::copy_view(x.data() + first * inner, x.shape().with(along, last - first),
                             detail::contiguous_steps(x.shape()));
  }

  template <class T> void backward(const tensor<T>& dy, const gradient<T>& dx) const {
    if (!dx.wanted()) return;
    tensor<T> out(dx.shape());
    T* to = detail::writable(out);
    const int along = dx.shape().index(axis);
    const std::int64_t inner = dx.shape().count(along + 1, dx.shape().rank()), length = (last - first) * inner,
                       whole = dx.shape()[along] * inner, outer = dx.shape().count(0, along);
    for (std::int64_t i = 0; i < outer && length > 0; ++i)
      std::copy_n(dy.data() + i * length, length, to + i * whole + first * inner);
    dx.add(std::move(out));
  }
};

// Throws shape_error when the range does not lie inside.
template <operand X> auto slice(X&& x, std::int64_t axis, std::int64_t first, std::int64_t last) {
  return apply(slice_op{axis, first, last}, std::forward<X>(x));
}

// Parts of the given sizes, in order. Throws shape_error unless they add up to the axis.
template <operand X> auto split(const X& x, std::int64_t axis, std::span<const std::int64_t> sizes) {
  std::int64_t total = 0;
  for (const std::int64_t size : sizes) total += size;
  if (total != x.shape()[axis]) [[unlikely]]
    throw shape_error("split", {"expected sizes that add up to axis ", axis, " of ", x.shape(), ", got ", total});
  std::vector<decltype(slice(x, axis, 0, 0))> parts;
  std::int64_t first = 0;
  for (const std::int64_t size : sizes) {
    parts.push_back(slice(x, axis, first, first + size));
    first += size;
  }
  return parts;
}
template <operand X> auto split(const X& x, std::int64_t axis, std::initializer_list<std::int64_t> sizes) {
  return split(x, axis, std::span(sizes.begin(), sizes.size()));
}

// Parts of `size`, one at least, the last one smaller when the axis is no multiple. Throws value_error for a size below
// 1.
template <operand X> auto split(const X& x, std::int64_t axis, std::int64_t size) {
  if (size < 1) [[unlikely]]
    throw value_error("split", {"expected parts of 1 or more, got ", size});
  std::vector<std::int64_t> sizes;
  std::int64_t left = x.shape()[axis];
  for (; left > size; left -= size) sizes.push_back(size);
  sizes.push_back(left);
  return split(x, axis, std::span<const std::int64_t>(sizes));
}

}  // namespace inlay::inline v0_1
