// Elements by index along an axis, as torch.gather, and their way back, as torch.scatter_add; classes as one-hot rows.
//   gather, axis 0: y[i, j] = x[index[i, j], j]      scatter_add, axis 0: y = x, then y[index[i, j], j] += source[i, j]
#pragma once

#include "map.hpp"

namespace inlay::inline v0_1 {

namespace detail {

// The shapes of gather and scatter_add: index may be smaller than x along the other axes.
template <class = void> void check_index(const char* name, const shape& x, const shape& index, std::int64_t axis) {
  bool fits = x.rank() == index.rank() && x.rank() > 0;
  for (int i = 0; fits && i < x.rank(); ++i) fits = i == x.index(axis) || index.begin()[i] <= x.begin()[i];
  if (!fits) [[unlikely]]
    throw shape_error(name,
                      {"expected indices with the axes of ", x, ", none longer but axis ", axis, "; got ", index});
}

template <class = void>
void check_index(const char* name, const shape& x, const tensor<std::int64_t>& index, std::int64_t axis) {
  check_index(name, x, index.shape(), axis);
  const std::int64_t length = x[axis];
  for (const std::int64_t i : index.values())
    if (i < 0 || i >= length) [[unlikely]]
      throw value_error(name, {"expected indices from 0 to ", length - 1, ", got ", i});
}

// f(place in the index, place in x, place in other) for every index, where `other` has its axes as well. Each line
// along the axis is one thread's and in order, so that sums have one order.
template <class F>
void each_index(const shape& x, const tensor<std::int64_t>& index, const shape& other, std::int64_t axis, F&& f) {
  constexpr std::int64_t most = 32;  // neighbouring lines at a time: they share cache lines
  const int along = x.index(axis);
  const shape& sizes = index.shape();
  const std::int64_t length = sizes.begin()[along], inner = sizes.count(along + 1, sizes.rank()),
                     lines = sizes.count(0, along) * inner, step = x.count(along + 1, x.rank()),
                     other_step = other.count(along + 1, other.rank());
  const shape starts = sizes.with(along, 1);
  const steps by = contiguous_steps(x), other_by = contiguous_steps(other);
  const std::int64_t* at = index.data();
  parallel_for(lines, std::max<std::int64_t>(1, map_grain / (length + 1)), [&](std::int64_t first, std::int64_t last) {
    std::int64_t from[most], from_other[most];
    for (std::int64_t line = first; line < last;) {
      const std::int64_t begin = line / inner * length * inner + line % inner,
                         count = std::min({last - line, inner - line % inner, most});
      for (std::int64_t j = 0; j < count; ++j) {
        from[j] = offset_of(line + j, starts, by);
        from_other[j] = offset_of(line + j, starts, other_by);
      }
      for (std::int64_t i = 0; i < length; ++i)
        for (std::int64_t j = 0; j < count; ++j) {
          const std::int64_t place = begin + i * inner + j;
          f(place, from[j] + at[place] * step, from_other[j] + i * other_step);
        }
      line += count;
    }
  });
}

}  // namespace detail

struct scatter_add_op {
  static constexpr const char* name = "scatter_add";
  std::int64_t axis = 0;
  static void attributes(auto& self, auto&& visit) { visit("axis", self.axis); }

  template <class T> tensor<T> forward(tensor<T> x, const tensor<std::int64_t>& index, const tensor<T>& source) const {
    detail::check_index(name, x.shape(), index, axis);
    detail::check_index(name, source.shape(), index.shape(), axis);
    if (index.dim(axis) > source.dim(axis)) [[unlikely]]
      throw shape_error(name, {"expected a source as long as the indices ", index.shape(), ", got ", source.shape()});
    T* to = detail::writable(x);
    const T* from = source.data();
    detail::each_index(x.shape(), index, source.shape(), axis,
                       [&](std::int64_t, std::int64_t place, std::int64_t other) {
                         to[place] = static_cast<T>(to[place] + from[other]);
                       });
    return x;
  }
  template <class T>
  auto keep(const tensor<T>&, const tensor<std::int64_t>& index, const tensor<T>&, const tensor<T>&) const {
    return index;
  }
  template <class T>
  void backward(const tensor<T>& dy, const tensor<std::int64_t>& index, const gradient<T>& dx,
                const gradient<std::int64_t>&, const gradient<T>& dsource) const;
};

struct gather_op {
  static constexpr const char* name = "gather";
  std::int64_t axis = 0;
  static void attributes(auto& self, auto&& visit) { visit("axis", self.axis); }

  template <class T> tensor<T> forward(const tensor<T>& x, const tensor<std::int64_t>& index) const {
    detail::check_index(name, x.shape(), index, axis);
    tensor<T> out = tensor<T>::empty(index.shape());
    T* to = detail::writable(out);
    const T* from = x.data();
    detail::each_index(x.shape(), index, index.shape(), axis,
                       [&](std::int64_t i, std::int64_t place, std::int64_t) { to[i] = from[place]; });
    return out;
  }
  template <class T> auto keep(const tensor<T>&, const tensor<std::int64_t>& index, const tensor<T>&) const {
    return index;
  }
  template <class T>
  void backward(const tensor<T>& dy, const tensor<std::int64_t>& index, const gradient<T>& dx,
                const gradient<std::int64_t>&) const {
    if (dx.wanted()) dx.add(scatter_add_op{axis}.forward(tensor<T>(dx.shape()), index, dy));
  }
};

template <class T>
void scatter_add_op::backward(const tensor<T>& dy, const tensor<std::int64_t>& index, const gradient<T>& dx,
                              const gradient<std::int64_t>&, const gradient<T>& dsource) const {
  if (dx.wanted()) dx.add(dy);
  if (!dsource.wanted()) return;
  tensor<T> back(dsource.shape());  // what lies beyond the indices was not added
  T* to = detail::writable(back);
  const T* from = dy.data();
  detail::each_index(dy.shape(), index, back.shape(), axis,
                     [&](std::int64_t, std::int64_t place, std::int64_t other) { to[other] = from[place]; });
  dsource.add(std::move(back));
}

// Indices of int64 with as many axes as x -> their shape. Throws shape_error, and value_error for an index outside.
template <operand X, operand I> auto gather(X&& x, std::int64_t axis, I&& index) {
  return apply(gather_op{axis}, std::forward<X>(x), std::forward<I>(index));
}

// x with elements of `source` added where the indices say, in order where they say the same. Throws as gather does.
template <operand X, operand I, operand S> auto scatter_add(X&& x, std::int64_t axis, I&& index, S&& source) {
  return apply(scatter_add_op{axis}, std::forward<X>(x), std::forward<I>(index), std::forward<S>(source));
}

template <floating T> struct one_hot_op {
  static constexpr const char* name = "one_hot";
  std::int64_t classes = 0;
  static void attributes(auto& self, auto&& visit) { visit("classes", self.classes); }

  tensor<T> forward(const tensor<std::int64_t>& index) const {
    shape sizes = index.shape();
    sizes.append(classes);
    tensor<T> out(sizes);
    T* row = detail::writable(out);
    for (const std::int64_t c : index.values()) {
      if (c < 0 || c >= classes) [[unlikely]]
        throw value_error(name, {"expected classes from 0 to ", classes - 1, ", got ", c});
      row[c] = T{1};
      row += classes;
    }
    return out;
  }
};

// Classes (…) -> (…, V) with 1 at the class and 0 elsewhere. Throws value_error for a class outside.
template <floating T, operand I> auto one_hot(const I& index, std::int64_t classes) {
  if constexpr (detail::is_trace<I>)
    return apply(one_hot_op<T>{classes}, index);
  else
    return one_hot_op<T>{classes}.forward(detail::as_tensor(index));
}

}  // namespace inlay::inline v0_1
