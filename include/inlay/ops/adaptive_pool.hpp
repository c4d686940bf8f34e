// Pooling to a given output size, whatever the input's: output o of an axis sees [floor(o in / out),
// ceil((o + 1) in / out)).  x (N, C, in…) -> y (N, C, out…).  And pooling of whole planes: (N, C, …) -> (N, C).
#pragma once

#include "reduce.hpp"
#include "resample.hpp"

namespace inlay::inline v0_1 {

// The largest elements along one axis; the first of equal ones gets the gradient.
struct adaptive_max_op {
  static constexpr const char* name = "adaptive_max_pool";
  std::int64_t axis = -1, out = 1;
  static void attributes(auto& self, auto&& visit) {
    visit("axis", self.axis);
    visit("out", self.out);
  }

  template <floating T> tensor<T> forward(const tensor<T>& x) const { return both(x).result; }
  template <floating T> auto record(detail::tape_state*, const tensor<T>& x) const { return both(x); }
  template <class T>
  void backward(const tensor<T>& dy, const tensor<std::int64_t>& where, const gradient<T>& dx) const {
    if (!dx.wanted()) return;
    tensor<T> g(dx.shape());
    g.write([&](std::span<T> to) {
      for (std::int64_t i = 0; i < dy.size(); ++i) to[static_cast<std::size_t>(where.data()[i])] += dy.data()[i];
    });
    dx.add(std::move(g));
  }

 private:
  template <class T> recorded<T, tensor<std::int64_t>> both(const tensor<T>& x) const {
    const int along = x.shape().index(axis);
    const std::int64_t in = x.shape().begin()[along], inner = x.shape().count(along + 1, x.rank());
    if (in < 1 || out < 1) [[unlikely]]
      throw shape_error(name, {"expected at least one element along axis ", axis, " before and after, got ", x.shape(),
                               " and ", out});
    const shape sizes = x.shape().with(along, out);
    tensor<T> y = tensor<T>::empty(sizes);
    auto where = tensor<std::int64_t>::empty(sizes);
    T* to = detail::writable(y);
    std::int64_t* places = detail::writable(where);
    parallel_for(y.size(), detail::map_grain / (in / out + 1) + 1, [&](std::int64_t first, std::int64_t last) {
      for (std::int64_t i = first; i < last; ++i) {
        const std::int64_t j = i % inner, o = i / inner % out, begin = i / inner / out * in;
        std::int64_t best = (begin + o * in / out) * inner + j;
        for (std::int64_t k = o * in / out + 1; k < ((o + 1) * in + out - 1) / out; ++k) {
          const T value = x.data()[(begin + k) * inner + j];
          if (value > x.data()[best] || (detail::is_nan(value) && !detail::is_nan(x.data()[best])))
            best = (begin + k) * inner + j;
        }
        to[i] = x.data()[best];
        places[i] = best;
      }
    });
    return {std::move(y), std::move(where)};
  }
};

namespace detail {

template <class X> void check_planes(const char* name, const X& x, int axes) {
  if (axes > 0 ? x.shape().rank() != axes + 2 : x.shape().rank() < 3) [[unlikely]]
    throw shape_error(name, {"expected input (N, C, spatial sizes), got ", x.shape()});
}

// The last axis first, so that of equal elements the first in memory counts.
template <int Axes, class X, class Op> auto adaptive(const char* name, const X& x, const extents<Axes>& out, Op&& op) {
  check_planes(name, x, Axes);
  for (const std::int64_t size : out.sizes)
    if (size < 1) throw value_error(name, {"expected output sizes of 1 or more, got ", size});
  auto y = apply(op(Axes + 1, out[Axes - 1]), x);
  for (int i = Axes - 2; i >= 0; --i) y = apply(op(i + 2, out[static_cast<std::size_t>(i)]), std::move(y));
  return y;
}
template <int Axes, class X> auto adaptive_avg(const char* name, const X& x, const extents<Axes>& out) {
  return adaptive(name, x, out, [](std::int64_t axis, std::int64_t size) {
    return resample_op{axis, size, 0, interpolation::area, false};
  });
}
template <int Axes, class X> auto adaptive_max(const char* name, const X& x, const extents<Axes>& out) {
  return adaptive(name, x, out, [](std::int64_t axis, std::int64_t size) { return adaptive_max_op{axis, size}; });
}

inline reduce_options spatial_axes(int rank) {
  reduce_options over;
  for (int axis = 2; axis < rank; ++axis) over.axes.push_back(axis);
  return over;
}

}  // namespace detail

// Throw shape_error for another number of axes or an empty plane.
template <operand X> auto adaptive_avg_pool1d(const X& x, const extents<1>& out) {
  return detail::adaptive_avg<1>("adaptive_avg_pool1d", x, out);
}
template <operand X> auto adaptive_avg_pool2d(const X& x, const extents<2>& out) {
  return detail::adaptive_avg<2>("adaptive_avg_pool2d", x, out);
}
template <operand X> auto adaptive_avg_pool3d(const X& x, const extents<3>& out) {
  return detail::adaptive_avg<3>("adaptive_avg_pool3d", x, out);
}
template <operand X> auto adaptive_max_pool1d(const X& x, const extents<1>& out) {
  return detail::adaptive_max<1>("adaptive_max_pool1d", x, out);
}
template <operand X> auto adaptive_max_pool2d(const X& x, const extents<2>& out) {
  return detail::adaptive_max<2>("adaptive_max_pool2d", x, out);
}
template <operand X> auto adaptive_max_pool3d(const X& x, const extents<3>& out) {
  return detail::adaptive_max<3>("adaptive_max_pool3d", x, out);
}

template <operand X> auto global_avg_pool(X&& x) {
  detail::check_planes("global_avg_pool", x, 0);
  const reduce_options over = detail::spatial_axes(x.shape().rank());
  return mean(std::forward<X>(x), over);
}
template <operand X> auto global_max_pool(X&& x) {
  detail::check_planes("global_max_pool", x, 0);
  const reduce_options over = detail::spatial_axes(x.shape().rank());
  return max(std::forward<X>(x), over);
}

}  // namespace inlay::inline v0_1
