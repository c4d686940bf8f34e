// Max and average pooling over one to three spatial axes.  x (N, C, in…) -> y (N, C, out…)
//   out = floor((in + 2 padding - dilation (kernel - 1) - 1) / stride) + 1, or its ceiling with ceil_mode
#pragma once

#include "../autograd/apply.hpp"
#include "../kernels/pool.hpp"
#include "extents.hpp"

namespace inlay::inline v0_1 {

template <int Axes> struct pool_options {
  extents<Axes> kernel = 0;       // required
  extents<Axes> stride = 0;       // 0: as the kernel
  extents<Axes> padding = 0;      // at most half the kernel; never the largest, and 0 in a mean
  extents<Axes> dilation = 1;     // max pooling only
  bool ceil_mode = false;         // also windows that reach over the end; none starts behind it
  bool count_include_pad = true;  // average pooling: padding counts as elements
};

namespace detail {

void pool_attributes(auto& options, auto&& visit) {
  visit("kernel", options.kernel.sizes);
  visit("stride", options.stride.sizes);
  visit("padding", options.padding.sizes);
  visit("dilation", options.dilation.sizes);
  visit("ceil_mode", options.ceil_mode);
  visit("count_include_pad", options.count_include_pad);
}

template <int Axes>
kernels::conv_geometry pool_geometry(const char* name, const shape& x, const pool_options<Axes>& options) {
  if (x.rank() != Axes + 2) [[unlikely]]
    throw shape_error(name, {"expected input (N, C, ", Axes, " spatial sizes), got ", x});
  kernels::conv_geometry g;
  for (std::size_t axis = 0; axis < Axes; ++axis) {
    const std::size_t i = 3 - Axes + axis;
    const std::int64_t kernel = options.kernel[axis], padding = options.padding[axis],
                       dilation = options.dilation[axis],
                       stride = options.stride[axis] == 0 ? kernel : options.stride[axis];
    if (kernel < 1 || stride < 1 || dilation < 1 || padding < 0 || 2 * padding > kernel) [[unlikely]]
      throw value_error(name, {"expected .kernel, .stride and .dilation of 1 or more and .padding of at most half the "
                               "kernel, got a kernel of ",
                               kernel, " and a padding of ", padding});
    const std::int64_t in = x.begin()[axis + 2], room = in + 2 * padding - dilation * (kernel - 1) - 1;
    if (room < 0 || in < 1) [[unlikely]]
      throw shape_error(name, {"expected an input that a window of ", kernel, " fits into, got ", x});
    std::int64_t out = (options.ceil_mode ? room + stride - 1 : room) / stride + 1;
    if ((out - 1) * stride >= in + padding) --out;
    g.in[i] = in, g.kernel[i] = kernel, g.stride[i] = stride, g.dilation[i] = dilation, g.padding[i] = padding;
    g.out[i] = out;
  }
  return g;
}

inline shape pooled(const shape& x, const kernels::conv_geometry& g) {
  shape out = x;
  for (int axis = 2; axis < x.rank(); ++axis)
    out = out.with(axis, g.out[static_cast<std::size_t>(3 - x.rank() + axis)]);
  return out;
}

// f(plane) for every plane of x; planes are shared out among the threads.
template <class F> void each_plane(const shape& x, const kernels::conv_geometry& g, F f) {
  const std::int64_t work = g.columns() * g.product(g.kernel) + 1;
  parallel_for(x[0] * x[1], std::max<std::int64_t>(1, (1 << 15) / work), [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t plane = first; plane < last; ++plane) f(plane);
  });
}

}  // namespace detail

template <int Axes> struct max_pool_op {
  static constexpr const char* name = Axes == 1 ? "max_pool1d" : Axes == 2 ? "max_pool2d" : "max_pool3d";
  pool_options<Axes> options = {};
  static void attributes(auto& self, auto&& visit) { detail::pool_attributes(self.options, visit); }

  struct kept {
    tensor<std::int64_t> where;  // of each output, in its plane
    shape input;
  };

  template <floating T> tensor<T> forward(const tensor<T>& x) const { return both(x, false).result; }
  template <floating T> auto record(detail::tape_state*, const tensor<T>& x) const { return both(x, true); }

  template <class T> void backward(const tensor<T>& dy, const kept& k, const gradient<T>& dx) const {
    if (!dx.wanted()) return;
    const kernels::conv_geometry g = detail::pool_geometry(name, k.input, options);
    tensor<T> out(k.input);
    T* to = detail::writable(out);
    const std::int64_t from = g.columns(), into = g.product(g.in);
    detail::each_plane(k.input, g, [&](std::int64_t plane) {
      for (std::int64_t i = plane * from; i < (plane + 1) * from; ++i)
        if (k.where.data()[i] >= 0) to[plane * into + k.where.data()[i]] += dy.data()[i];
    });
    dx.add(std::move(out));
  }

 private:
  template <class T> recorded<T, kept> both(const tensor<T>& x, bool recording) const {
    const kernels::conv_geometry g = detail::pool_geometry(name, x.shape(), options);
    const shape sizes = detail::pooled(x.shape(), g);
    tensor<T> y = tensor<T>::empty(sizes);
    auto where = recording ? tensor<std::int64_t>::empty(sizes) : tensor<std::int64_t>();
    T* to = detail::writable(y);
    std::int64_t* places = detail::writable(where);
    const std::int64_t into = g.columns(), from = g.product(g.in);
    detail::each_plane(x.shape(), g, [&](std::int64_t plane) {
      kernels::max_pool(g, x.data() + plane * from, to + plane * into,
                        places == nullptr ? places : places + plane * into);
    });
    return {std::move(y), {std::move(where), x.shape()}};
  }
};

template <int Axes> struct avg_pool_op {
  static constexpr const char* name = Axes == 1 ? "avg_pool1d" : Axes == 2 ? "avg_pool2d" : "avg_pool3d";
  pool_options<Axes> options = {};
  static void attributes(auto& self, auto&& visit) { detail::pool_attributes(self.options, visit); }

  template <floating T> tensor<T> forward(const tensor<T>& x) const {
    const kernels::conv_geometry g = geometry(x.shape());
    const tensor<std::int64_t> counts = counts_of(g);
    tensor<T> y = tensor<T>::empty(detail::pooled(x.shape(), g));
    T* to = detail::writable(y);
    detail::each_plane(x.shape(), g, [&](std::int64_t plane) {
      kernels::avg_pool(g, x.data() + plane * g.product(g.in), counts.data(), to + plane * g.columns());
    });
    return y;
  }

  template <class T> void backward(const tensor<T>& dy, const gradient<T>& dx) const {
    if (!dx.wanted()) return;
    const kernels::conv_geometry g = geometry(dx.shape());
    const tensor<std::int64_t> counts = counts_of(g);
    tensor<T> out(dx.shape());
    T* to = detail::writable(out);
    detail::each_plane(dx.shape(), g, [&](std::int64_t plane) {
      kernels::avg_pool_gradient(g, dy.data() + plane * g.columns(), counts.data(), to + plane * g.product(g.in));
    });
    dx.add(std::move(out));
  }

 private:
  kernels::conv_geometry geometry(const shape& x) const {
    for (const std::int64_t d : options.dilation.sizes)
      if (d != 1) throw value_error(name, {"expected no .dilation, got ", d});
    return detail::pool_geometry(name, x, options);
  }

  tensor<std::int64_t> counts_of(const kernels::conv_geometry& g) const {
    tensor<std::int64_t> counts = tensor<std::int64_t>::empty({g.columns()});
    kernels::conv_geometry wide = g;
    if (options.count_include_pad)  // the same windows on a plane that contains the padding
      for (std::size_t i = 0; i < 3; ++i) wide.in[i] += 2 * wide.padding[i], wide.padding[i] = 0;
    kernels::window_counts(wide, detail::writable(counts));
    return counts;
  }
};

template <operand X> auto max_pool1d(X&& x, const pool_options<1>& options) {
  return apply(max_pool_op<1>{options}, std::forward<X>(x));
}
template <operand X> auto max_pool2d(X&& x, const pool_options<2>& options) {
  return apply(max_pool_op<2>{options}, std::forward<X>(x));
}
template <operand X> auto max_pool3d(X&& x, const pool_options<3>& options) {
  return apply(max_pool_op<3>{options}, std::forward<X>(x));
}
template <operand X> auto avg_pool1d(X&& x, const pool_options<1>& options) {
  return apply(avg_pool_op<1>{options}, std::forward<X>(x));
}
template <operand X> auto avg_pool2d(X&& x, const pool_options<2>& options) {
  return apply(avg_pool_op<2>{options}, std::forward<X>(x));
}
template <operand X> auto avg_pool3d(X&& x, const pool_options<3>& options) {
  return apply(avg_pool_op<3>{options}, std::forward<X>(x));
}

}  // namespace inlay::inline v0_1
