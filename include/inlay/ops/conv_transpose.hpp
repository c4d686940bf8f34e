// Transposed convolution over one to three spatial axes: what gives a convolution's input gradient, run forward.
//   x (N, C, in…), W (C, K / groups, kernel…), b (K,) or absent -> y (N, K, out…)
//   out = (in - 1) stride - 2 padding + dilation (kernel - 1) + output_padding + 1
#pragma once

#include "conv.hpp"

namespace inlay::inline v0_1 {

template <int Axes> struct conv_transpose_options {
  extents<Axes> stride = 1;
  extents<Axes> padding = 0;         // elements left out on both sides of the result
  extents<Axes> output_padding = 0;  // added behind it; less than the stride or the dilation
  extents<Axes> dilation = 1;
  std::int64_t groups = 1;
  inlay::activation activation = inlay::activation::none;  // applied as y is written
};

template <int Axes> struct conv_transpose_op {
  static constexpr const char* name = Axes == 1   ? "conv_transpose1d"
                                      : Axes == 2 ? "conv_transpose2d"
                                                  : "conv_transpose3d";
  conv_transpose_options<Axes> options = {};
  static void attributes(auto& self, auto&& visit) {
    visit("stride", self.options.stride.sizes);
    visit("padding", self.options.padding.sizes);
    visit("output_padding", self.options.output_padding.sizes);
    visit("dilation", self.options.dilation.sizes);
    visit("groups", self.options.groups);
    visit("activation", self.options.activation);
  }
  std::int64_t multiply_adds(std::span<const shape> operands, const shape&) const {
    return operands[0].size() * operands[1].count(1, operands[1].rank());
  }

  template <floating T> tensor<T> forward(const tensor<T>& x, const tensor<T>& w, const tensor<T>& b) const {
    const detail::conv_sizes s = sizes(x.shape(), w.shape(), b.shape());
    shape out{x.dim(0), s.groups * s.c};
    for (std::size_t axis = 3 - Axes; axis < 3; ++axis) out.append(s.geometry.in[axis]);
    tensor<T> y = tensor<T>::empty(out);
    T* to = detail::writable(y);
    const kernels::conv_geometry turned = s.geometry.turned(s.k);
    const tensor<T> strips = detail::conv_strips(w, s, true, turned);
    detail::conv_product<T>(
        s, turned,
        {s.c, strips.data(), x.data(), b.size() > 0 ? b.data() : nullptr, options.activation.in_product(), to});
    detail::activate_apart(options.activation, to, y.size());
    return y;
  }

  template <class T> struct kept {
    tensor<T> x, w, y;
    bool biased = false;
  };
  template <class T> auto keep(const tensor<T>& x, const tensor<T>& w, const tensor<T>& b, const tensor<T>& y) const {
    return kept<T>{x, w, options.activation == activation::none ? tensor<T>() : y, b.size() > 0};
  }

  template <class T>
  void backward(tensor<T> dy, const kept<T>& k, const gradient<T>& dx, const gradient<T>& dw,
                const gradient<T>& db) const {
    dy = detail::activation_gradient(options.activation, std::move(dy), k.y);
    const detail::conv_sizes s = sizes(k.x.shape(), k.w.shape(), shape::none());
    if (dw.wanted())
      dw.add(dy.size() == 0
                 ? tensor<T>(k.w.shape())
                 : detail::conv_weight_gradient(s, std::as_const(dy).data(), k.x.data()).reshape(k.w.shape()));
    if (db.wanted() && k.biased) {
      detail::axis_set over{{true, false, true, true, true}};
      db.add(detail::reduced<kernels::sum_of>(dy, over).reshape(db.shape()));
    }
    if (dx.wanted()) {
      tensor<T> g = tensor<T>::empty(k.x.shape());
      const tensor<T> strips = detail::conv_strips(k.w, s, false, s.geometry);
      detail::conv_product<T>(s, s.geometry,
                              {s.k, strips.data(), std::as_const(dy).data(), nullptr, false, detail::writable(g)});
      dx.add(std::move(g));
    }
  }

 private:
  // Of the convolution that goes the other way: its input is y, its output x.
  detail::conv_sizes sizes(const shape& x, const shape& w, const shape& b) const {
    const std::int64_t groups = options.groups;
    if (w.rank() != Axes + 2) [[unlikely]]
      throw shape_error(name, {"expected a weight (C, K / groups, ", Axes, " kernel sizes), got ", w});
    if (groups < 1 || w[0] % groups != 0) [[unlikely]]
      throw shape_error(name, {"expected input channels that ", groups, " groups share out evenly, got ", w[0]});
    if (x.rank() != Axes + 2 || x[1] != w[0]) [[unlikely]]
      throw shape_error(name, {"expected input (N, ", w[0], ", ", Axes, " spatial sizes), got ", x});
    if (b.size() > 0 && !(b == shape{groups * w[1]})) [[unlikely]]
      throw shape_error(name, {"expected a bias (", groups * w[1], ",), got ", b});
    detail::conv_sizes s{x[0], groups, w[0] / groups, w[1], {}};
    s.geometry.channels = w[1];
    for (std::size_t axis = 0; axis < Axes; ++axis) {
      const std::size_t i = 3 - Axes + axis;
      const std::int64_t in = x.begin()[axis + 2], kernel = w.begin()[axis + 2], stride = options.stride[axis],
                         dilation = options.dilation[axis], padding = options.padding[axis],
                         extra = options.output_padding[axis];
      if (stride < 1 || dilation < 1 || padding < 0 || kernel < 1 || extra < 0 || extra >= (std::max)(stride, dilation))
          [[unlikely]]
        throw value_error(name, {"expected .stride, .dilation and kernel sizes of 1 or more, .padding of 0 or more and "
                                 ".output_padding below the stride or the dilation, got ",
                                 stride, ", ", dilation, ", ", kernel, ", ", padding, " and ", extra});
      const std::int64_t out = (in - 1) * stride - 2 * padding + dilation * (kernel - 1) + extra + 1;
      if (in < 1 || out < 1) [[unlikely]]
        throw shape_error(name, {"expected an input that leaves an output, got ", x, " for a weight ", w});
      s.geometry.in[i] = out, s.geometry.out[i] = in, s.geometry.kernel[i] = kernel, s.geometry.stride[i] = stride;
      s.geometry.dilation[i] = dilation, s.geometry.padding[i] = padding;
    }
    return s;
  }
};

template <operand X, operand W, operand B>
auto conv_transpose1d(X&& x, W&& w, B&& b, const conv_transpose_options<1>& options = {}) {
  return apply(conv_transpose_op<1>{options}, std::forward<X>(x), std::forward<W>(w), std::forward<B>(b));
}
template <operand X, operand W, operand B>
auto conv_transpose2d(X&& x, W&& w, B&& b, const conv_transpose_options<2>& options = {}) {
  return apply(conv_transpose_op<2>{options}, std::forward<X>(x), std::forward<W>(w), std::forward<B>(b));
}
template <operand X, operand W, operand B>
auto conv_transpose3d(X&& x, W&& w, B&& b, const conv_transpose_options<3>& options = {}) {
  return apply(conv_transpose_op<3>{options}, std::forward<X>(x), std::forward<W>(w), std::forward<B>(b));
}

}  // namespace inlay::inline v0_1
