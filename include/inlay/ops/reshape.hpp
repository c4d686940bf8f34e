// Another shape over the same values: reshape, flatten, squeeze, unsqueeze. O(1); gradients come back the same way.
#pragma once

#include <algorithm>

#include "../autograd/apply.hpp"

namespace inlay::inline v0_1 {

struct reshape_op {
  static constexpr const char* name = "reshape";
  shape sizes;
  int open = -1;  // the axis whose size follows from the others, if there is one
  static void attributes(auto& self, auto&& visit) {
    visit("sizes", self.sizes);
    visit("open", self.open);
  }

  template <class T> tensor<T> forward(tensor<T> x) const {
    if (open < 0) return std::move(x).reshape(sizes);
    const std::int64_t others = sizes.with(open, 1).size();
    return std::move(x).reshape(sizes.with(open, others == 0 ? 0 : x.size() / others));
  }
  template <class T> void backward(tensor<T> dy, const gradient<T>& dx) const {
    if (dx.wanted()) dx.add(std::move(dy).reshape(dx.shape()));
  }
};

struct flatten_op {
  static constexpr const char* name = "flatten";
  std::int64_t first = 1, last = -1;
  static void attributes(auto& self, auto&& visit) {
    visit("first", self.first);
    visit("last", self.last);
  }

  template <class T> tensor<T> forward(tensor<T> x) const { return std::move(x).reshape(flat(x.shape())); }
  template <class T> void backward(tensor<T> dy, const gradient<T>& dx) const {
    reshape_op{}.backward(std::move(dy), dx);
  }

 private:
  shape flat(const shape& from) const {
    const int begin = from.rank() == 1 && first == 1 ? 0 : from.index(first), end = from.index(last) + 1;
    if (begin >= end) [[unlikely]]
      throw shape_error(name, {"expected a first axis before the last, got ", first, " and ", last, " of ", from});
    shape to;
    for (int axis = 0; axis < begin; ++axis) to.append(from[axis]);
    to.append(from.count(begin, end));
    for (int axis = end; axis < from.rank(); ++axis) to.append(from[axis]);
    return to;
  }
};

// An axis of size 1 put in before `axis`, or taken out.
struct unsqueeze_op {
  static constexpr const char* name = "unsqueeze";
  std::int64_t axis = 0;
  bool out = false;
  static void attributes(auto& self, auto&& visit) {
    visit("axis", self.axis);
    visit("out", self.out);
  }

  template <class T> tensor<T> forward(tensor<T> x) const { return std::move(x).reshape(result(x.shape())); }
  template <class T> void backward(tensor<T> dy, const gradient<T>& dx) const {
    reshape_op{}.backward(std::move(dy), dx);
  }

 private:
  shape result(const shape& from) const {
    if (out) return from[axis] == 1 ? from.without(axis) : from;
    const std::int64_t at = axis < 0 ? axis + from.rank() + 1 : axis;
    if (at < 0 || at > from.rank()) [[unlikely]]
      throw shape_error(name, {"expected an axis from ", -from.rank() - 1, " to ", from.rank(), ", got ", axis});
    shape to;
    for (int i = 0; i <= from.rank(); ++i) {
      if (i == at) to.append(1);
      if (i < from.rank()) to.append(from.begin()[i]);
    }
    return to;
  }
};

// One size may be -1 and follows from the others. Throws shape_error when the number of elements differs.
template <operand X> auto reshape(X&& x, std::initializer_list<std::int64_t> sizes) {
  reshape_op op;
  if (const auto open = std::count(sizes.begin(), sizes.end(), -1); open > 1) [[unlikely]]
    throw shape_error(reshape_op::name, {"expected at most one size of -1, got ", open});
  for (const std::int64_t size : sizes) {
    if (size == -1) op.open = op.sizes.rank();
    op.sizes.append(size == -1 ? 1 : size);
  }
  return apply(op, std::forward<X>(x));
}
template <operand X> auto reshape(X&& x, const shape& sizes) { return apply(reshape_op{sizes}, std::forward<X>(x)); }

// Axes first … last become one; by default all but the batch axis: (N, C, H, W) -> (N, C·H·W).
template <operand X> auto flatten(X&& x, std::int64_t first = 1, std::int64_t last = -1) {
  return apply(flatten_op{first, last}, std::forward<X>(x));
}

// A new axis of size 1 before `axis`; -1 puts it last.
template <operand X> auto unsqueeze(X&& x, std::int64_t axis) {
  return apply(unsqueeze_op{axis, false}, std::forward<X>(x));
}

// Without that axis when its size is 1, else as it is. Without an axis: without all axes of size 1.
template <operand X> auto squeeze(X&& x, std::int64_t axis) {
  return apply(unsqueeze_op{axis, true}, std::forward<X>(x));
}
template <operand X> auto squeeze(X&& x) {
  shape sizes;
  for (const std::int64_t size : x.shape())
    if (size != 1) sizes.append(size);
  return reshape(std::forward<X>(x), sizes);
}

}  // namespace inlay::inline v0_1
