// Convolution over one to three spatial axes (cross-correlation, as in the field).
//   x (N, C, in…), W (K, C / groups, kernel…), b (K,) or absent -> y (N, K, out…)
//   out = floor((in + 2 padding - dilation (kernel - 1) - 1) / stride) + 1
#pragma once

#include "extents.hpp"
#include "gemm.hpp"
#include "represented.hpp"

namespace inlay::inline v0_1 {

template <int Axes> struct conv_options {
  extents<Axes> stride = 1;
  paddings<Axes> padding = 0;  // zeros on both sides, or padding::same
  extents<Axes> dilation = 1;  // distance between the elements a kernel looks at
  std::int64_t groups = 1;     // channels are cut into groups that do not see each other; C groups: depthwise
  inlay::activation activation = inlay::activation::none;  // applied as y is written
};

namespace detail {

// The weights of all groups in strips: of W, or of the turned kernels that give the input's gradient.
template <class T> tensor<T> conv_strips(const tensor<T>& w, const conv_sizes& s, bool turned, isa level) {
  const std::int64_t taps = kernels::conv_geometry::product(s.geometry.kernel);
  const std::int64_t m = turned ? s.c : s.k, k = (turned ? s.k : s.c) * taps, room = kernels::gemm_strips<T>(m, k);
  const int layout = turned ? layout_flipped_strips : layout_strips;
  return packed<T>(w, {w.data(), {s.groups, m, k}, layout, level}, [&] {
    tensor<T> strips = tensor<T>::empty({s.groups * room}), flipped;
    T* to = writable(strips);
    for (std::int64_t g = 0; g < s.groups; ++g, to += room) {
      const T* from = w.data() + g * s.k * s.c * taps;
      if (turned) {  // (k, c, taps) -> (c, k, taps from the last to the first)
        flipped = tensor<T>::empty({m * k});
        T* out = writable(flipped);
        for (std::int64_t c = 0; c < s.c; ++c)
          for (std::int64_t i = 0; i < s.k; ++i)
            for (std::int64_t tap = taps - 1; tap >= 0; --tap) *out++ = from[(i * s.c + c) * taps + tap];
        from = std::as_const(flipped).data();
      }
      kernels::gemm_pack_a<T>(level, {from, k, 1}, m, k, to);
    }
    return strips;
  });
}

// y (N, groups m, out…) = strips * x (N, groups c, in…), plus the bias of each row when it is not null.
template <class T>
void conv_product(const conv_sizes& s, std::int64_t m, const kernels::conv_geometry& geometry, const tensor<T>& strips,
                  const T* x, const T* bias, bool relu, T* y) {
  if (geometry.columns() == 0) return;
  const isa level = active_isa();
  const std::int64_t k = geometry.rows(), columns = geometry.columns(), width = kernels::gemm_panel_columns<T>(level),
                     room = kernels::gemm_strips<T>(m, k), input = geometry.channels * geometry.product(geometry.in);
  // As many columns at a time as stay in L2 while the weights pass by, and enough to make finding them worth it.
  const std::int64_t panels =
      std::max<std::int64_t>(8, (192 << 10) / static_cast<std::int64_t>(sizeof(T)) / (width * (k + 1)));
  const std::int64_t chunk = std::min(panels * width, (columns + width - 1) / width * width),
                     chunks = (columns + chunk - 1) / chunk, work = chunk * m * (k + 8);
  parallel_for(s.batch * s.groups * chunks,
               std::max<std::int64_t>(1, (std::int64_t{1} << 20) / std::max<std::int64_t>(work, 1)),
               [&](std::int64_t first, std::int64_t last) {
                 tensor<T> scratch = tensor<T>::empty({chunk * (k + 1)});
                 T *line = writable(scratch), *packed_columns = line + chunk;
                 for (std::int64_t item = first; item < last; ++item) {
                   const std::int64_t image = item / chunks, group = image % s.groups, from = item % chunks * chunk,
                                      to = std::min(from + chunk, columns);
                   kernels::conv_pack(geometry, x + image * input, from, to, width, line, packed_columns);
                   T* out = y + image * m * columns + from;
                   if (bias != nullptr)
                     for (std::int64_t i = 0; i < m; ++i)
                       std::fill_n(out + i * columns, to - from, bias[group * m + i]);
                   const kernels::gemm_problem<T> problem{
                       m,       to - from,       k,       {},  strips.data() + group * room, packed_columns, out,
                       columns, bias != nullptr, nullptr, relu};
                   kernels::gemm_range<T>(level, problem, 0, m, 0, (to - from + width - 1) / width, nullptr);
                 }
               });
}

// dW (groups k, c taps) = the sum over the batch of dy (k, out…) times the matrix of x, transposed. Parts of the batch
// are fixed by the shapes and added in order.
template <class T> tensor<T> conv_weight_gradient(const conv_sizes& s, const T* x, const T* dy) {
  const isa level = active_isa();
  const kernels::conv_geometry& geometry = s.geometry;
  const std::int64_t rows = geometry.rows(), columns = geometry.columns(),
                     width = kernels::gemm_panel_columns<T>(level), panels = (rows + width - 1) / width,
                     input = s.c * geometry.product(geometry.in), all = s.groups * s.k * rows;
  const std::int64_t parts = std::min<std::int64_t>(s.batch, panels * s.groups >= 16 ? 1 : 8);
  tensor<T> sums = tensor<T>({parts, all});
  T* out = writable(sums);
  parallel_for(parts * s.groups * panels, 1, [&](std::int64_t first, std::int64_t last) {
    tensor<T> scratch = tensor<T>::empty({2 * width * columns + kernels::gemm_strips<T>(s.k, columns)});
    T *lines = writable(scratch), *panel_of_rows = lines + width * columns, *strips = panel_of_rows + width * columns;
    for (std::int64_t item = first; item < last;) {  // the panels of one part and group that are ours
      const std::int64_t group = item / panels % s.groups, part = item / (panels * s.groups),
                         panel_first = item % panels, panel_last = std::min(panels, panel_first + last - item);
      for (std::int64_t n = s.batch * part / parts; n < s.batch * (part + 1) / parts; ++n) {
        const std::int64_t image = n * s.groups + group;
        kernels::gemm_pack_a<T>(level, {dy + image * s.k * columns, columns, 1}, s.k, columns, strips);
        for (std::int64_t panel = panel_first; panel < panel_last; ++panel) {
          const std::int64_t p = panel * width, count = std::min(width, rows - p);
          for (std::int64_t i = 0; i < count; ++i)
            kernels::conv_row(geometry, x + image * input, p + i, std::int64_t{0}, columns, lines + i * columns);
          kernels::gemm_pack_b<T>({lines, 1, columns}, width, columns, count, 0, 1, panel_of_rows);
          const kernels::gemm_problem<T> problem{
              s.k,  count, columns, {},   strips, panel_of_rows, out + part * all + group * s.k * rows + p,
              rows, true,  nullptr, false};
          kernels::gemm_range<T>(level, problem, 0, s.k, 0, 1, nullptr);
        }
      }
      item += panel_last - panel_first;
    }
  });
  return parts == 1 ? sums : sum_rows(sums, parts, all);
}

}  // namespace detail

template <int Axes> struct conv_op {
  static constexpr const char* name = Axes == 1 ? "conv1d" : Axes == 2 ? "conv2d" : "conv3d";
  static constexpr std::int64_t represented_operand = 1;
  conv_options<Axes> options = {};
  static void attributes(auto& self, auto&& visit) {
    visit("stride", self.options.stride.sizes);
    visit("padding", self.options.padding.sizes);
    visit("padding_same", self.options.padding.same);
    visit("dilation", self.options.dilation.sizes);
    visit("groups", self.options.groups);
    visit("activation", self.options.activation);
  }
  static std::int64_t multiply_adds(std::span<const shape> operands, const shape& y) {
    return y.size() * operands[1].count(1, operands[1].rank());
  }

  template <floating T> tensor<T> forward(const tensor<T>& x, const tensor<T>& w, const tensor<T>& b) const {
    const detail::conv_sizes s = sizes(x.shape(), w.shape(), b.shape());
    shape out{x.dim(0), w.dim(0)};
    for (std::size_t i = 3 - Axes; i < 3; ++i) out.append(s.geometry.out[i]);
    tensor<T> y = tensor<T>::empty(out);
    if (y.size() == 0) return y;
    T* to = detail::writable(y);
    const T* bias = b.size() > 0 ? b.data() : nullptr;
    const bool relu = options.activation.in_product();
    if (const auto* stand_in = detail::stand_in(w))
      stand_in->conv(s, x.data(), bias, relu, to);
    else
      detail::conv_product(s, s.k, s.geometry, detail::conv_strips(w, s, false, active_isa()), x.data(), bias, relu,
                           to);
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
    if (dw.wanted()) {
      dw.add(dy.size() == 0
                 ? tensor<T>(k.w.shape())
                 : detail::conv_weight_gradient(s, k.x.data(), std::as_const(dy).data()).reshape(k.w.shape()));
    }
    if (db.wanted() && k.biased) {
      detail::axis_set over{{true, false, true, true, true}};
      db.add(detail::reduced<kernels::sum_of>(dy, over).reshape(db.shape()));
    }
    if (dx.wanted()) {
      tensor<T> g = dy.size() == 0 ? tensor<T>(k.x.shape()) : tensor<T>::empty(k.x.shape());
      if (dy.size() > 0)
        detail::conv_product(s, s.c, s.geometry.turned(s.k), detail::conv_strips(k.w, s, true, active_isa()),
                             std::as_const(dy).data(), static_cast<const T*>(nullptr), false, detail::writable(g));
      dx.add(std::move(g));
    }
  }

 private:
  detail::conv_sizes sizes(const shape& x, const shape& w, const shape& b) const {
    const std::int64_t groups = options.groups;
    if (w.rank() != Axes + 2) [[unlikely]]
      throw shape_error(name, {"expected a weight (K, C / groups, ", Axes, " kernel sizes), got ", w});
    if (x.rank() != Axes + 2 || groups < 1 || x[1] != groups * w[1]) [[unlikely]]
      throw shape_error(name, {"expected input (N, ", groups * w[1], ", ", Axes, " spatial sizes), got ", x});
    if (w[0] % groups != 0) [[unlikely]]
      throw shape_error(name, {"expected output channels that ", groups, " groups share out evenly, got ", w[0]});
    if (b.size() > 0 && !(b == shape{w[0]})) [[unlikely]]
      throw shape_error(name, {"expected a bias (", w[0], ",), got ", b});
    detail::conv_sizes s{x[0], groups, w[0] / groups, w[1], {}};
    s.geometry.channels = w[1];
    for (std::size_t axis = 0; axis < Axes; ++axis) {
      const std::size_t i = 3 - Axes + axis;
      const std::int64_t in = x.begin()[axis + 2], kernel = w.begin()[axis + 2], stride = options.stride[axis],
                         dilation = options.dilation[axis];
      if (stride < 1 || dilation < 1 || options.padding[axis] < 0 || kernel < 1) [[unlikely]]
        throw value_error(name,
                          {"expected .stride, .dilation and kernel sizes of 1 or more and .padding of 0 or more"});
      const detail::window at =
          detail::window_of(in, kernel, stride, options.padding[axis], options.padding.same, dilation);
      if (at.outputs < 1 && in > 0) [[unlikely]]
        throw shape_error(
            name, {"expected an input that the kernel fits into, got ", x, " for a weight ", w, "; use .padding"});
      s.geometry.in[i] = in, s.geometry.kernel[i] = kernel, s.geometry.stride[i] = stride;
      s.geometry.dilation[i] = dilation, s.geometry.padding[i] = at.before, s.geometry.out[i] = at.outputs;
    }
    return s;
  }
};

template <operand X, operand W, operand B> auto conv1d(X&& x, W&& w, B&& b, const conv_options<1>& options = {}) {
  return apply(conv_op<1>{options}, std::forward<X>(x), std::forward<W>(w), std::forward<B>(b));
}
template <operand X, operand W, operand B> auto conv2d(X&& x, W&& w, B&& b, const conv_options<2>& options = {}) {
  return apply(conv_op<2>{options}, std::forward<X>(x), std::forward<W>(w), std::forward<B>(b));
}
template <operand X, operand W, operand B> auto conv3d(X&& x, W&& w, B&& b, const conv_options<3>& options = {}) {
  return apply(conv_op<3>{options}, std::forward<X>(x), std::forward<W>(w), std::forward<B>(b));
}

}  // namespace inlay::inline v0_1
