// Slices along one axis taken by number, and what follows from that: index_select, flip, roll, pad.
#pragma once

#include "map.hpp"

namespace inlay::inline v0_1 {

namespace detail {

// Where each slice of the result comes from; -1: it is filled with a number.
using take_table = tensor<std::int64_t>;

template <class T> tensor<T> take(const tensor<T>& x, int axis, const take_table& from, T fill = T{}) {
  const std::int64_t length = x.shape().begin()[axis], inner = x.shape().count(axis + 1, x.rank()), count = from.size(),
                     slices = x.shape().count(0, axis) * count;
  tensor<T> out = tensor<T>::empty(x.shape().with(axis, count));
  T* to = writable(out);
  const std::int64_t* at = from.data();
  parallel_for(slices, std::max<std::int64_t>(1, map_grain / (inner + 1)), [&](std::int64_t first, std::int64_t last) {
    const T* line = x.data() + first / count * length * inner;
    for (std::int64_t i = first, j = first % count; i < last; ++i) {
      const std::int64_t slice = at[j];
      if (slice < 0)
        std::fill_n(to + i * inner, inner, fill);
      else if (inner == 1)
        to[i] = line[slice];
      else
        std::copy_n(line + slice * inner, inner, to + i * inner);
      if (++j == count) j = 0, line += length * inner;
    }
  });
  return out;
}

// The gradient of take: slices added up where they came from, in order.
template <class T> tensor<T> take_back(const tensor<T>& dy, int axis, const take_table& from, const shape& sizes) {
  const std::int64_t length = sizes.begin()[axis], inner = sizes.count(axis + 1, sizes.rank()), count = from.size();
  tensor<T> out(sizes);
  T* to = writable(out);
  parallel_for(sizes.count(0, axis), std::max<std::int64_t>(1, map_grain / (count * inner + 1)),
               [&](std::int64_t first, std::int64_t last) {
                 for (std::int64_t o = first; o < last; ++o)
                   for (std::int64_t j = 0; j < count; ++j) {
                     if (from.data()[j] < 0) continue;
                     T* slice = to + (o * length + from.data()[j]) * inner;
                     for (std::int64_t i = 0; i < inner; ++i) slice[i] += dy.data()[(o * count + j) * inner + i];
                   }
               });
  return out;
}

template <class F> take_table table_of(std::int64_t count, F&& f) {
  take_table out = take_table::empty({count});
  std::int64_t* to = writable(out);
  for (std::int64_t i = 0; i < count; ++i) to[i] = f(i);
  return out;
}

}  // namespace detail

struct index_select_op {
  static constexpr const char* name = "index_select";
  std::int64_t axis = 0;
  static void attributes(auto& self, auto&& visit) { visit("axis", self.axis); }

  template <class T> tensor<T> forward(const tensor<T>& x, const tensor<std::int64_t>& index) const {
    const int along = x.shape().index(axis);
    if (index.rank() != 1) [[unlikely]]
      throw shape_error(name, {"expected indices (n,), got ", index.shape()});
    for (const std::int64_t i : index.values())
      if (i < 0 || i >= x.dim(along)) [[unlikely]]
        throw value_error(name, {"expected indices from 0 to ", x.dim(along) - 1, ", got ", i});
    return detail::take(x, along, index);
  }
  template <class T> auto keep(const tensor<T>&, const tensor<std::int64_t>& index, const tensor<T>&) const {
    return index;
  }
  template <class T>
  void backward(const tensor<T>& dy, const tensor<std::int64_t>& index, const gradient<T>& dx,
                const gradient<std::int64_t>&) const {
    if (dx.wanted()) dx.add(detail::take_back(dy, dx.shape().index(axis), index, dx.shape()));
  }
};

// Slices of x along an axis, by number: index (n,) of int64. Throws shape_error, and value_error for a number outside.
template <operand X, operand I> auto index_select(X&& x, std::int64_t axis, I&& index) {
  return apply(index_select_op{axis}, std::forward<X>(x), std::forward<I>(index));
}

// Elements in reverse order along an axis, or moved on by `by` places with those that leave coming in at the other end.
struct roll_op {
  static constexpr const char* name = "roll";
  std::int64_t axis = 0, by = 0;
  bool reversed = false;
  static void attributes(auto& self, auto&& visit) {
    visit("axis", self.axis);
    visit("by", self.by);
    visit("reversed", self.reversed);
  }

  template <class T> tensor<T> forward(const tensor<T>& x) const {
    const int along = x.shape().index(axis);
    return detail::take(x, along, table(x.shape().begin()[along], false));
  }
  template <class T> void backward(const tensor<T>& dy, const gradient<T>& dx) const {
    if (!dx.wanted()) return;
    const int along = dy.shape().index(axis);
    dx.add(detail::take(dy, along, table(dy.shape().begin()[along], true)));
  }

 private:
  template <class = void>  // compiled only where it is used
  detail::take_table table(std::int64_t n, bool back) const {
    return detail::table_of(n, [&](std::int64_t i) {
      const std::int64_t places = by % n;
      return reversed ? n - 1 - i : (i + (back ? places : -places) + n) % n;
    });
  }
};

template <operand X> auto flip(X&& x, std::int64_t axis) { return apply(roll_op{axis, 0, true}, std::forward<X>(x)); }
template <operand X> auto roll(X&& x, std::int64_t axis, std::int64_t by) {
  return apply(roll_op{axis, by, false}, std::forward<X>(x));
}

// constant: a number; reflect: mirrored without the edge; replicate: the edge again; circular: from the other end.
enum class pad_mode { constant, reflect, replicate, circular };

struct pad_options {
  pad_mode mode = pad_mode::constant;
  double value = 0;  // of the constant
};

// One axis; negative sizes take elements away.
struct pad_op {
  static constexpr const char* name = "pad";
  std::int64_t axis = 0, before = 0, after = 0;
  pad_options options = {};
  static void attributes(auto& self, auto&& visit) {
    visit("axis", self.axis);
    visit("before", self.before);
    visit("after", self.after);
    visit("mode", self.options.mode);
    visit("value", self.options.value);
  }

  template <class T> tensor<T> forward(const tensor<T>& x) const {
    const int along = x.shape().index(axis);
    return detail::take(x, along, table(x.shape(), along), detail::convert<T>(options.value));
  }
  template <class T> void backward(const tensor<T>& dy, const gradient<T>& dx) const {
    if (!dx.wanted()) return;
    const int along = dx.shape().index(axis);
    dx.add(detail::take_back(dy, along, table(dx.shape(), along), dx.shape()));
  }

 private:
  template <class = void>  // compiled only where it is used
  detail::take_table table(const shape& sizes, int along) const {
    const std::int64_t n = sizes.begin()[along], most = (std::max)(before, after),
                       room = options.mode == pad_mode::reflect ? n - 1 : n;
    const bool from_x = options.mode != pad_mode::constant;
    if (from_x && (n == 0 || (options.mode != pad_mode::replicate && most > room))) [[unlikely]]
      throw shape_error(name, {"expected at most ", room, " elements before and after axis ", axis, " of ", sizes,
                               ", got ", before, " and ", after});
    const std::int64_t least = (std::min)(before, after), limit = std::int64_t{1} << 56;  // of a shape
    if (least < -limit || most > limit || n + before + after < 0) [[unlikely]]
      throw shape_error(
          name, {"expected sizes that axis ", axis, " of ", sizes, " has room for, got ", before, " and ", after});
    return detail::table_of(n + before + after, [&](std::int64_t i) {
      const std::int64_t at = i - before;
      if (at >= 0 && at < n) return at;
      switch (options.mode) {
        case pad_mode::reflect:
          return at < 0 ? -at : 2 * (n - 1) - at;
        case pad_mode::replicate:
          return at < 0 ? std::int64_t{0} : n - 1;
        case pad_mode::circular:
          return at < 0 ? at + n : at - n;
        default:
          return std::int64_t{-1};
      }
    });
  }
};

// As torch.nn.functional.pad: sizes {before, after} of the last axis, then of the one before it, and so on.
// Throws shape_error for an odd number of sizes, more than x has axes, or more than reflect and circular can give.
template <operand X> auto pad(const X& x, std::initializer_list<std::int64_t> sizes, const pad_options& options = {}) {
  if (sizes.size() % 2 != 0 || sizes.size() == 0 || static_cast<int>(sizes.size()) > 2 * x.shape().rank()) [[unlikely]]
    throw shape_error(
        "pad", {"expected a pair of sizes for each of the last axes of ", x.shape(), ", got ", sizes.size(), " sizes"});
  auto out = apply(pad_op{-1, sizes.begin()[0], sizes.begin()[1], options}, x);
  for (std::size_t i = 2; i < sizes.size(); i += 2)
    if (sizes.begin()[i] != 0 || sizes.begin()[i + 1] != 0)
      out = apply(pad_op{-1 - static_cast<std::int64_t>(i / 2), sizes.begin()[i], sizes.begin()[i + 1], options},
                  std::move(out));
  return out;
}

}  // namespace inlay::inline v0_1
