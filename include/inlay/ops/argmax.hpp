// Where the largest or smallest elements are, and the k largest or smallest of them. Of equal ones the first counts.
// As in PyTorch NaN is what argmax and argmin find, and the largest for topk.
#pragma once

#include <algorithm>
#include <optional>

#include "gather.hpp"

namespace inlay::inline v0_1 {

namespace detail {

// a comes before b.
template <class T> bool ranks_before(T a, T b, bool largest, bool nan_first) noexcept {
  static_assert(!is_half<T>, "halves are for storing; cast them first");
  if constexpr (std::is_floating_point_v<T>)
    if (const bool left = is_nan(a), right = is_nan(b); left || right) return left != right && left == nan_first;
  return largest ? a > b : a < b;
}

// f(offset of the first element of a line, number of the line, scratch) for every line of x along an axis; `scratch`
// has room for so many numbers, and is the thread's.
template <class F> void each_line(const shape& x, int axis, std::int64_t room, F&& f) {
  const std::int64_t length = x.begin()[axis], inner = x.count(axis + 1, x.rank()), lines = x.count(0, axis) * inner;
  parallel_for(lines, std::max<std::int64_t>(1, map_grain / (length + 1)), [&](std::int64_t first, std::int64_t last) {
    auto scratch = tensor<std::int64_t>::empty({room});
    std::int64_t* places = writable(scratch);
    for (std::int64_t i = first; i < last; ++i) f(i / inner * length * inner + i % inner, i, places);
  });
}

}  // namespace detail

struct arg_options {
  std::optional<std::int64_t> axis = {};  // none: of all elements, counted as if they lay in one row
  bool keep_dims = false;
};

struct argmax_op {
  static constexpr const char* name = "argmax";
  std::int64_t axis = 0;
  bool flat = true, keep_dims = false, largest = true;
  static void attributes(auto& self, auto&& visit) {
    visit("axis", self.axis);
    visit("flat", self.flat);
    visit("keep_dims", self.keep_dims);
    visit("largest", self.largest);
  }

  template <class T> tensor<std::int64_t> forward(const tensor<T>& x) const {
    if (flat && x.rank() != 1) {
      shape ones;
      for (int i = 0; keep_dims && i < x.rank(); ++i) ones.append(1);
      return argmax_op{0, false, false, largest}.forward(x.reshape(shape{x.size()})).reshape(ones);
    }
    const int along = x.shape().index(axis);
    const std::int64_t length = x.shape()[along], inner = x.shape().count(along + 1, x.rank());
    if (length == 0) [[unlikely]]
      throw shape_error(largest ? "argmax" : "argmin",
                        {"expected at least one element along the axis, got ", x.shape()});
    auto out = tensor<std::int64_t>::empty(keep_dims ? x.shape().with(along, 1) : x.shape().without(along));
    std::int64_t* to = detail::writable(out);
    detail::each_line(x.shape(), along, 0, [&](std::int64_t offset, std::int64_t line, std::int64_t*) {
      const T* from = x.data() + offset;
      std::int64_t best = 0;
      for (std::int64_t i = 1; i < length; ++i)
        if (detail::ranks_before(from[i * inner], from[best * inner], largest, true)) best = i;
      to[line] = best;
    });
    return out;
  }
};

// The places of the k largest or smallest elements along an axis, in order.
struct topk_op {
  static constexpr const char* name = "topk";
  std::int64_t k = 1, axis = -1;
  bool largest = true;
  static void attributes(auto& self, auto&& visit) {
    visit("k", self.k);
    visit("axis", self.axis);
    visit("largest", self.largest);
  }

  template <class T> tensor<std::int64_t> forward(const tensor<T>& x) const {
    const int along = x.shape().index(axis);
    const std::int64_t length = x.shape()[along], inner = x.shape().count(along + 1, x.rank());
    if (k < 0 || k > length) [[unlikely]]
      throw value_error(name, {"expected k from 0 to ", length, " for ", x.shape(), ", got ", k});
    auto out = tensor<std::int64_t>::empty(x.shape().with(along, k));
    std::int64_t* to = detail::writable(out);
    detail::each_line(x.shape(), along, length, [&](std::int64_t offset, std::int64_t line, std::int64_t* places) {
      const T* from = x.data() + offset;
      for (std::int64_t i = 0; i < length; ++i) places[i] = i;
      std::partial_sort(places, places + k, places + length, [&](std::int64_t a, std::int64_t b) {
        const T left = from[a * inner], right = from[b * inner];
        if (detail::ranks_before(left, right, largest, largest)) return true;
        return !detail::ranks_before(right, left, largest, largest) && a < b;
      });
      for (std::int64_t i = 0; i < k; ++i) to[line / inner * k * inner + i * inner + line % inner] = places[i];
    });
    return out;
  }
};

namespace detail {

// Of traces a trace; of anything else a tensor: places have no gradient.
template <class Op, class X> auto places_of(const Op& op, const X& x) {
  if constexpr (is_trace<X>)
    return apply(op, x);
  else
    return op.forward(as_tensor(x));
}

}  // namespace detail

// -> int64, without the axis unless .keep_dims. Throws shape_error when there are no elements.
template <operand X> auto argmax(const X& x, const arg_options& options = {}) {
  return detail::places_of(argmax_op{options.axis.value_or(0), !options.axis, options.keep_dims, true}, x);
}
template <operand X> auto argmax(const X& x, std::int64_t axis) {
  return detail::places_of(argmax_op{axis, false, false, true}, x);
}
template <operand X> auto argmin(const X& x, const arg_options& options = {}) {
  return detail::places_of(argmax_op{options.axis.value_or(0), !options.axis, options.keep_dims, false}, x);
}
template <operand X> auto argmin(const X& x, std::int64_t axis) {
  return detail::places_of(argmax_op{axis, false, false, false}, x);
}

struct topk_options {
  std::int64_t axis = -1;
  bool largest = true;
};

template <class Values, class Indices> struct topk_result {
  Values values;  // best first; gradients go back to where they came from
  Indices indices;
};

// The k best along an axis. Throws value_error when there are not as many.
template <operand X> auto topk(const X& x, std::int64_t k, const topk_options& options = {}) {
  auto indices = detail::places_of(topk_op{k, options.axis, options.largest}, x);
  auto values = gather(x, options.axis, indices);
  return topk_result<decltype(values), decltype(indices)>{std::move(values), std::move(indices)};
}

}  // namespace inlay::inline v0_1
