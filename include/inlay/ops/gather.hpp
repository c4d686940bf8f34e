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

// f(place in the index, place in x) for every index; the lines along the axis in order, so that sums have one order.
// Throws value_error for an index outside of x.
template <class F>
void each_index(const char* name, const shape& x, const tensor<std::int64_t>& index, std::int64_t axis, F&& f) {
  const int along = x.index(axis);
  const steps by = contiguous_steps(x);
  steps others = by;
  others[static_cast<std::size_t>(along)] = 0;
  const std::int64_t step = by[static_cast<std::size_t>(along)], length = x.begin()[along];
  const std::int64_t* at = index.data();
  for (std::int64_t i = 0; i < index.size(); ++i) {
    if (at[i] < 0 || at[i] >= length) [[unlikely]]
      throw value_error(name, {"expected indices from 0 to ", length - 1, ", got ", at[i]});
    f(i, offset_of(i, index.shape(), others) + at[i] * step);
  }
}

}  // namespace detail

struct scatter_add_op {
  static constexpr const char* name = "scatter_add";
  std::int64_t axis = 0;
  static void attributes(auto& self, auto&& visit) { visit("axis", self.axis); }

  template <class T> tensor<T> forward(tensor<T> x, const tensor<std::int64_t>& index, const tensor<T>& source) const {
    detail::check_index(name, x.shape(), index.shape(), axis);
    detail::check_index(name, source.shape(), index.shape(), axis);
    if (index.dim(axis) > source.dim(axis)) [[unlikely]]
      throw shape_error(name, {"expected a source as long as the indices ", index.shape(), ", got ", source.shape()});
    const detail::steps by = detail::contiguous_steps(source.shape());
    x.write([&](std::span<T> to) {
      detail::each_index(name, x.shape(), index, axis, [&](std::int64_t i, std::int64_t place) {
        to[static_cast<std::size_t>(place)] += source.data()[detail::offset_of(i, index.shape(), by)];
      });
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
    detail::check_index(name, x.shape(), index.shape(), axis);
    tensor<T> out = tensor<T>::empty(index.shape());
    T* to = detail::writable(out);
    detail::each_index(name, x.shape(), index, axis,
                       [&](std::int64_t i, std::int64_t place) { to[i] = x.data()[place]; });
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
  const tensor<T> back = gather_op{axis}.forward(dy, index);
  if (back.shape() == dsource.shape()) return dsource.add(back);
  tensor<T> full(dsource.shape());  // what lies beyond the indices was not added
  const detail::steps by = detail::contiguous_steps(full.shape());
  full.write([&](std::span<T> to) {
    for (std::int64_t i = 0; i < back.size(); ++i)
      to[static_cast<std::size_t>(detail::offset_of(i, back.shape(), by))] = back.data()[i];
  });
  dsource.add(std::move(full));
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
