// Convolution over one to three spatial axes (cross-correlation, as in the field).
//   x (N, C, in…), W (K, C / groups, kernel…), b (K,) or absent -> y (N, K, out…)
//   out = floor((in + 2 padding - dilation (kernel - 1) - 1) / stride) + 1
#pragma once

#include "../kernels/conv_depthwise.hpp"
#include "conv_gradient.hpp"
#include "conv_winograd.hpp"
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

// What tells the passes of a geometry from those of another: along an axis.
inline std::int64_t conv_pass_key(const kernels::conv_geometry& g, std::size_t axis) {
  const std::int64_t spread = g.spread[axis];
  return spread == 1 ? 0 : (spread << 40) + (g.padding[axis] % spread << 20) + g.dilation[axis] % spread;
}

// The weights of all groups in strips, pass after pass: W, or the turned kernels that give the input's gradient.
// `geometry`: the one they are used with.
template <class T>
tensor<T> conv_strips(const tensor<T>& w, const conv_sizes& s, bool turned, const kernels::conv_geometry& geometry) {
  const std::int64_t m = turned ? s.c : s.k, k = geometry.rows(), room = kernels::gemm_strips<T>(m, k),
                     taps = geometry.product(geometry.kernel);
  if constexpr (sizeof(T) == 4)
    if (const int tile = winograd_tile<T>(geometry, m))
      return tile == 4 ? winograd_panels<4>(w, s, turned) : winograd_panels<2>(w, s, turned);
  const isa level = active_isa();
  const packed_key key{
      w.data(),
      {s.groups, m, k, conv_pass_key(geometry, 0), conv_pass_key(geometry, 1), conv_pass_key(geometry, 2)},
      turned ? layout_flipped_strips : layout_strips,
      level};
  return packed<T>(w, key, [&] {
    tensor<T> strips = tensor<T>::empty({s.groups * room}), rows;
    T* to = writable(strips);
    for (std::int64_t group = 0; group < s.groups; ++group) {
      const T* from = w.data() + group * s.k * s.c * taps;
      if (!turned) {
        kernels::gemm_pack_a<T>(level, {from, k, 1}, m, k, to + group * room);
        continue;
      }
      std::int64_t before = 0;
      for (std::int64_t i = 0; i < kernels::conv_pass::count(geometry); ++i) {
        const kernels::conv_pass pass(geometry, i, m, sizeof(T));
        if (pass.rows == 0) continue;
        rows = tensor<T>::empty({m * pass.rows});  // W (k, c, taps) -> (c, k, taps from the last to the first)
        T* out = writable(rows);
        kernels::each_tap(
            geometry, pass, [&](std::int64_t of, std::int64_t k0, std::int64_t k1, std::int64_t k2, std::int64_t p) {
              const std::int64_t tap = taps - 1 - (k0 * geometry.kernel[1] + k1) * geometry.kernel[2] - k2;
              for (std::int64_t c = 0; c < m; ++c) out[c * pass.rows + p] = from[(of * s.c + c) * taps + tap];
            });
        kernels::gemm_pack_a<T>(level, {out, pass.rows, 1}, m, pass.rows,
                                to + group * room + kernels::gemm_strips<T>(m, before));
        before += pass.rows;
      }
    }
    return strips;
  });
}

// All bands of one pass of a convolution.
template <class T> class conv_bands {
 public:
  using value_type = T;

  // `strips`: those of the pass, of the first group; those of the next begin `room` further on.
  conv_bands(const conv_sizes& s, const kernels::conv_geometry& g, const kernels::conv_pass& pass,
             const conv_operands<T>& of, std::int64_t room)
      : g_(g),
        pass_(pass),
        of_(of),
        room_(room),
        groups_(s.groups),
        level_(active_isa()),
        parts_((pass.rows + pass.deepest - 1) / pass.deepest),
        joined_(pass.across == 1 && pass.pitch == g.out[2] && pass.line[1].step == 1 && pass.line[2].step == 1),
        direct_(is_direct()),
        offsets_(tensor<std::int32_t>::empty({pass.rows})) {
    kernels::conv_offsets(g, pass, writable(offsets_));
  }

  std::int64_t scratch() const { return pass_.planes * pass_.plane + (direct_ ? 0 : pass_.sums(of_.m)); }

  // Some rows of band `item` % bands of a group of an image.
  void operator()(std::int64_t item, const conv_rows& rows, T* scratch) const {
    const std::int64_t plane = item / pass_.bands(), group = plane % groups_;
    const kernels::conv_band band(pass_, item % pass_.bands());
    kernels::conv_image(g_, pass_, band, of_.x + plane * g_.channels * g_.product(g_.in), scratch);
    const auto place = [&](std::size_t axis) { return pass_.line[axis].first + band.at[axis] * pass_.line[axis].step; };
    T* const sums = scratch + pass_.planes * pass_.plane;
    T* const y =
        of_.y + (plane * of_.m + rows.first) * g_.columns() + (place(0) * g_.out[1] + place(1)) * g_.out[2] + place(2);
    const T* const bias = of_.bias == nullptr ? nullptr : of_.bias + group * of_.m + rows.first;
    multiply(band, group, rows, scratch, direct_ ? y : sums, bias);
    if (direct_) return;
    const kernels::conv_finish<T> finish{.rows = rows.count(),
                                         .height = band.height,
                                         .width = band.width,
                                         .sums = sums,
                                         .sums_row = pass_.positions,
                                         .pitch = pass_.pitch,
                                         .bias = bias,
                                         .relu = of_.relu,
                                         .y = y,
                                         .y_row = g_.columns(),
                                         .y_line = pass_.line[1].step * g_.out[2],
                                         .y_step = pass_.line[2].step,
                                         .past = of_.past};
    dispatch<kernels::conv_finish<T>>(level_, &finish);
  }

 private:
  // Whether tiles write to the result at once, or sums are staged and copied. Lines with gaps are staged, but for a
  // single channel: many channels would be written a few elements at a time each, which memory does not like.
  bool is_direct() const {
    using tiles = kernels::conv_tiles<T>;
    const kernels::conv_line &one = pass_.line[1], &two = pass_.line[2];
    const std::int64_t tile = tiles::tile_columns(level_), columns = joined_ ? pass_.height * pass_.width : pass_.width,
                       last = joined_ ? (one.count - (pass_.down - 1) * pass_.height) * pass_.width
                                      : two.count - (pass_.across - 1) * pass_.width;
    return two.step == 1 && (joined_ || of_.m == 1) && kernels::gemm_exact_rows(of_.m, level_) && columns >= tile &&
           last >= tile && (parts_ <= 1 || (columns % tile == 0 && last % tile == 0));
  }

  void multiply(const kernels::conv_band& band, std::int64_t group, const conv_rows& rows, const T* image, T* c,
                const T* bias) const {
    const std::int64_t part = parts_ == 0 ? 0 : (pass_.rows + parts_ - 1) / parts_;
    kernels::conv_tiles<T> tiles{.rows = rows.count(),
                                 .lines = 1,
                                 .columns = (band.height - 1) * pass_.pitch + band.width,
                                 .length = 0,
                                 .strips = of_.strips + group * room_ + rows.first * pass_.rows,
                                 .k = pass_.rows,
                                 .skip = 0,
                                 .image = image,
                                 .pitch = pass_.pitch,
                                 .offsets = offsets_.data(),
                                 .c = c,
                                 .c_row = direct_ ? g_.columns() : pass_.positions,
                                 .c_line = pass_.line[1].step * g_.out[2],
                                 .add = false,
                                 .staged = !direct_};
    if (direct_ && !joined_) tiles.lines = band.height, tiles.columns = band.width;
    do {  // at least once: where no kernel position looks, y = f(bias)
      tiles.length = std::min(part, pass_.rows - tiles.skip);
      if (direct_ && tiles.skip + part >= pass_.rows) tiles.bias = bias, tiles.relu = of_.relu, tiles.past = of_.past;
      dispatch<kernels::conv_tiles<T>>(level_, static_cast<const kernels::conv_tiles<T>*>(&tiles));
      tiles.skip += part;
      tiles.add = true;
      if (tiles.skip < pass_.rows) tiles.offsets += part;
    } while (tiles.skip < pass_.rows);
  }

  const kernels::conv_geometry& g_;
  const kernels::conv_pass& pass_;
  conv_operands<T> of_;
  std::int64_t room_, groups_;
  isa level_;
  std::int64_t parts_;
  bool joined_, direct_;  // joined: the lines of a band follow each other without a gap
  tensor<std::int32_t> offsets_;
};

// Planes by themselves.
template <class T>
void depthwise_product(const conv_sizes& s, const kernels::conv_geometry& g, const conv_operands<T>& of) {
  const isa level = active_isa();
  parallel_for(s.batch * s.groups, conv_grain(g.columns() * g.rows()), [&](std::int64_t first, std::int64_t last) {
    tensor<T> scratch = tensor<T>::empty({kernels::conv_depthwise<T>::ring(g)});
    const kernels::conv_depthwise<T> planes{.groups = s.groups,
                                            .first = first,
                                            .last = last,
                                            .height = g.out[1],
                                            .width = g.out[2],
                                            .in_height = g.in[1],
                                            .in_width = g.in[2],
                                            .in_size = g.product(g.in),
                                            .padding_height = g.padding[1],
                                            .padding_width = g.padding[2],
                                            .x = of.x,
                                            .kernels = of.strips,
                                            .kernel_step = kernels::gemm_strips<T>(1, g.rows()),
                                            .bias = of.bias,
                                            .relu = of.relu,
                                            .past = of.past,
                                            .y = of.y,
                                            .scratch = writable(scratch)};
    dispatch<kernels::conv_depthwise<T>>(level, &planes);
  });
}

template <class T> void conv_product(const conv_sizes& s, const kernels::conv_geometry& g, conv_operands<T> of) {
  if (g.columns() == 0) return;
  if constexpr (sizeof(T) == 4)
    if (const int tile = winograd_tile<T>(g, of.m))
      return tile == 4 ? winograd_product<4>(s, g, of) : winograd_product<2>(s, g, of);
  of.past = past_caches(s.batch * s.groups * of.m * g.columns() * std::int64_t{sizeof(T)});
  if (of.m == 1 && kernels::conv_depthwise<T>::takes(g)) return depthwise_product(s, g, of);
  const std::int64_t room = kernels::gemm_strips<T>(of.m, g.rows());
  for (std::int64_t i = 0; i < kernels::conv_pass::count(g); ++i) {
    const kernels::conv_pass pass(g, i, of.m, sizeof(T), 1, true);
    each_band(s.batch * s.groups * pass.bands(), of.m, kernels::gemm_widest_strip,
              pass.positions * of.m * (pass.rows + 8), conv_bands<T>(s, g, pass, of, room));
    of.strips += kernels::gemm_strips<T>(of.m, pass.rows);
  }
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
    else {
      const tensor<T> strips = detail::conv_strips(w, s, false, s.geometry);
      detail::conv_product<T>(s, s.geometry, {s.k, strips.data(), x.data(), bias, relu, to});
    }
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
      if (dy.size() > 0) {
        const kernels::conv_geometry turned = s.geometry.turned(s.k);
        const tensor<T> strips = detail::conv_strips(k.w, s, true, turned);
        detail::conv_product<T>(s, turned,
                                {s.c, strips.data(), std::as_const(dy).data(), nullptr, false, detail::writable(g)});
      }
      dx.add(std::move(g));
    }
  }

  // Throws shape_error or value_error for operands that do not fit.
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
