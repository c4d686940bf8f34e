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
    g.in[i] = in, g.kernel[i] = kernel, g.stride[i] = out == 1 ? 1 : stride, g.dilation[i] = dilation,
    g.padding[i] = padding;
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

// f(first, last) for ranges of the planes of x, shared out among the threads.
template <class F> void each_planes(const shape& x, const kernels::conv_geometry& g, F&& f) {
  const std::int64_t work = g.columns() * g.product(g.kernel) + g.product(g.in);
  parallel_for(x[0] * x[1], std::max<std::int64_t>(1, (1 << 17) / work), f);
}

// F: as in the kernel. The places of the largest elements are kept when there is room for them.
template <class F, class T>
tensor<T> pool_windows(const tensor<T>& x, const kernels::conv_geometry& g, bool count_padding,
                       tensor<std::uint8_t>* places) {
  tensor<T> y = tensor<T>::empty(pooled(x.shape(), g));
  T* to = writable(y);
  const std::int64_t into = g.columns(), bytes = kernels::place_bytes(g);
  if (places != nullptr) *places = tensor<std::uint8_t>::empty({y.size() * bytes});
  std::uint8_t* kept = places == nullptr ? nullptr : writable(*places);
  const isa level = active_isa();
  each_planes(x.shape(), g, [&](std::int64_t first, std::int64_t last) {
    tensor<T> scratch = tensor<T>::empty({kernels::pool_scratch<T>(g)});
    tensor<std::int64_t> table = tensor<std::int64_t>::empty({g.product(g.kernel)});
    const kernels::pool_problem<T> problem{g,
                                           count_padding,
                                           last - first,
                                           x.data() + first * g.product(g.in),
                                           to + first * into,
                                           kept == nullptr ? nullptr : kept + first * into * bytes,
                                           writable(scratch),
                                           writable(table)};
    dispatch<kernels::pool_windows<F, T>>(level, &problem);
  });
  return y;
}

}  // namespace detail

template <int Axes> struct max_pool_op {
  static constexpr const char* name = Axes == 1 ? "max_pool1d" : Axes == 2 ? "max_pool2d" : "max_pool3d";
  pool_options<Axes> options = {};
  static void attributes(auto& self, auto&& visit) { detail::pool_attributes(self.options, visit); }

  struct kept {
    tensor<std::uint8_t> places;
    shape input;
  };

  template <floating T> tensor<T> forward(const tensor<T>& x) const {
    return detail::pool_windows<kernels::max_of>(x, detail::pool_geometry(name, x.shape(), options), false, nullptr);
  }
  template <floating T> recorded<T, kept> record(detail::tape_state*, const tensor<T>& x) const {
    kept k{{}, x.shape()};
    tensor<T> y =
        detail::pool_windows<kernels::max_of>(x, detail::pool_geometry(name, x.shape(), options), false, &k.places);
    return {std::move(y), std::move(k)};
  }

  template <class T> void backward(const tensor<T>& dy, const kept& k, const gradient<T>& dx) const {
    if (!dx.wanted()) return;
    const kernels::conv_geometry g = detail::pool_geometry(name, k.input, options);
    tensor<T> out = tensor<T>::empty(k.input);
    T* to = detail::writable(out);
    const isa level = active_isa();
    detail::each_planes(k.input, g, [&](std::int64_t first, std::int64_t last) {
      if (kernels::detail::are_squares(g))
        return dispatch<kernels::square_gradient<T>>(level, &g, last - first, dy.data() + first * g.columns(),
                                                     k.places.data() + first * g.columns(),
                                                     to + first * g.product(g.in));
      tensor<std::int64_t> table = tensor<std::int64_t>::empty({g.product(g.kernel)});
      const auto run = [&](const auto* places) {
        kernels::max_pool_gradient(g, last - first, dy.data() + first * g.columns(), places + first * g.columns(),
                                   detail::writable(table), to + first * g.product(g.in));
      };
      if (kernels::place_bytes(g) == 1)
        run(k.places.data());
      else
        run(reinterpret_cast<const std::uint32_t*>(k.places.data()));
    });
    dx.add(std::move(out));
  }
};

template <int Axes> struct avg_pool_op {
  static constexpr const char* name = Axes == 1 ? "avg_pool1d" : Axes == 2 ? "avg_pool2d" : "avg_pool3d";
  pool_options<Axes> options = {};
  static void attributes(auto& self, auto&& visit) { detail::pool_attributes(self.options, visit); }

  template <floating T> tensor<T> forward(const tensor<T>& x) const {
    return detail::pool_windows<kernels::sum_of>(x, geometry(x.shape()), options.count_include_pad, nullptr);
  }

  template <class T> void backward(const tensor<T>& dy, const gradient<T>& dx) const {
    if (!dx.wanted()) return;
    using kernel = kernels::avg_pool_gradient<T>;
    const kernels::conv_geometry g = geometry(dx.shape());
    tensor<T> out = tensor<T>::empty(dx.shape());
    T* to = detail::writable(out);
    const isa level = active_isa();
    detail::each_planes(dx.shape(), g, [&](std::int64_t first, std::int64_t last) {
      tensor<T> scratch = tensor<T>::empty({kernel::scratch(g)});
      dispatch<kernel>(level, &g, options.count_include_pad, last - first, dy.data() + first * g.columns(),
                       to + first * g.product(g.in), detail::writable(scratch));
    });
    dx.add(std::move(out));
  }

 private:
  kernels::conv_geometry geometry(const shape& x) const {
    for (const std::int64_t d : options.dilation.sizes)
      if (d != 1) throw value_error(name, {"expected no .dilation, got ", d});
    return detail::pool_geometry(name, x, options);
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
