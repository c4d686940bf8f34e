// Another number of elements along spatial axes, each a weighted sum of neighbours: interpolation, and adaptive average
// pooling, where output o is the mean of [floor(o in / out), ceil((o + 1) in / out)).  x (N, C, in…) -> y (N, C, out…)
#pragma once

#include <vector>

#include "extents.hpp"
#include "map.hpp"

namespace inlay::inline v0_1 {

// As torch.nn.functional.interpolate: linear is bilinear over two axes, trilinear over three. `area`: means, as in
// adaptive pooling.
enum class interpolation { nearest, nearest_exact, linear, cubic, area };

namespace detail {

// What each output sees of an axis: `taps` weights for the elements from `first` on.
struct resampling {
  std::int64_t taps = 0;
  tensor<std::int64_t> first;
  tensor<double> weights;  // (out, taps); 0 where an output sees fewer
};

template <class F> resampling resampling_of(std::int64_t in, std::int64_t out, std::int64_t taps, F&& weigh) {
  resampling table{taps, tensor<std::int64_t>::empty({out}), tensor<double>({out, taps})};
  std::int64_t* first = writable(table.first);
  double* weights = writable(table.weights);
  for (std::int64_t o = 0; o < out; ++o) {
    // Places beyond an end count for the element at that end.
    const auto at = [&](std::int64_t start) {
      first[o] = std::clamp<std::int64_t>(start, 0, (std::max)(in - taps, {}));
    };
    const auto add = [&](std::int64_t place, double weight) {
      weights[o * taps + std::clamp<std::int64_t>(place, 0, in - 1) - first[o]] += weight;
    };
    weigh(o, at, add);
  }
  return table;
}

// The coordinate of an output among the inputs.
inline double source_of(std::int64_t o, double ratio, bool align_corners) {
  return align_corners ? static_cast<double>(o) * ratio : (static_cast<double>(o) + 0.5) * ratio - 0.5;
}

template <class = void>  // compiled only where it is used
INLAY_COLD resampling resampling_for(interpolation mode, std::int64_t in, std::int64_t out, double scale,
                                     bool align_corners) {
  const double whole = static_cast<double>(in) / static_cast<double>(out);
  const double ratio = align_corners ? (out > 1 ? static_cast<double>(in - 1) / static_cast<double>(out - 1) : 0)
                                     : (scale > 0 ? 1 / scale : whole);
  switch (mode) {
    case interpolation::nearest:
    case interpolation::nearest_exact:
      return resampling_of(in, out, 1, [&](std::int64_t o, auto at, auto add) {
        const double shift = mode == interpolation::nearest ? 0 : 0.5, place = (static_cast<double>(o) + shift) * ratio;
        const std::int64_t exact = mode == interpolation::nearest ? o * in / out : (2 * o + 1) * in / (2 * out);
        const std::int64_t nearest = scale > 0 ? static_cast<std::int64_t>(__builtin_floor(place)) : exact;
        at(nearest);
        add(nearest, 1);
      });
    case interpolation::linear:
      return resampling_of(in, out, (std::min)(in, std::int64_t{2}), [&](std::int64_t o, auto at, auto add) {
        const double place = (std::max)(0.0, source_of(o, ratio, align_corners)), floor = __builtin_floor(place);
        const auto left = static_cast<std::int64_t>(floor);
        at(left);
        add(left, 1 - (place - floor));
        add(left + 1, place - floor);
      });
    case interpolation::cubic:  // Keys, 1981, with a = -0.75
      return resampling_of(in, out, (std::min)(in, std::int64_t{4}), [&](std::int64_t o, auto at, auto add) {
        const double place = source_of(o, ratio, align_corners), floor = __builtin_floor(place), t = place - floor,
                     a = -0.75;
        const auto inner = [a](double x) { return ((a + 2) * x - (a + 3)) * x * x + 1; };
        const auto outer = [a](double x) { return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a; };
        const auto left = static_cast<std::int64_t>(floor);
        at(left - 1);
        add(left - 1, outer(t + 1));
        add(left, inner(t));
        add(left + 1, inner(1 - t));
        add(left + 2, outer(2 - t));
      });
    case interpolation::area:
      break;
  }
  const auto begin = [&](std::int64_t o) { return o * in / out; };
  const auto end = [&](std::int64_t o) { return ((o + 1) * in + out - 1) / out; };
  std::int64_t widest = 1;
  for (std::int64_t o = 0; o < out; ++o) widest = (std::max)(widest, end(o) - begin(o));
  return resampling_of(in, out, widest, [&](std::int64_t o, auto at, auto add) {
    at(begin(o));
    for (std::int64_t i = begin(o); i < end(o); ++i) add(i, 1 / static_cast<double>(end(o) - begin(o)));
  });
}

// Applies a table along an axis, or its transpose: the gradient.
template <class T> tensor<T> resampled(const tensor<T>& x, int axis, const resampling& table) {
  const std::int64_t length = x.shape().begin()[axis], inner = x.shape().count(axis + 1, x.rank()),
                     count = table.first.size();
  tensor<T> out = tensor<T>::empty(x.shape().with(axis, count));
  T* y = writable(out);
  parallel_for(x.shape().count(0, axis) * count, (std::max)(std::int64_t{1}, map_grain / (inner * table.taps + 1)),
               [&](std::int64_t begin, std::int64_t end) {
                 for (std::int64_t i = begin; i < end; ++i) {
                   const std::int64_t o = i % count;
                   const T* from = x.data() + (i / count * length + table.first.data()[o]) * inner;
                   const double* weights = table.weights.data() + o * table.taps;
                   T* to = y + i * inner;
                   std::int64_t tap = 0;  // taps of no weight are passed over: 0 times infinity is NaN
                   while (tap + 1 < table.taps && weights[tap] == 0) ++tap;
                   for (std::int64_t j = 0; j < inner; ++j)
                     to[j] = static_cast<T>(weights[tap]) * from[tap * inner + j];
                   for (++tap; tap < table.taps; ++tap) {
                     const T weight = static_cast<T>(weights[tap]);
                     if (weight == 0) continue;
                     for (std::int64_t j = 0; j < inner; ++j) to[j] += weight * from[tap * inner + j];
                   }
                 }
               });
  return out;
}
template <class T>
tensor<T> resampled_back(const tensor<T>& dy, int axis, const resampling& table, const shape& sizes) {
  const std::int64_t length = sizes.begin()[axis], inner = sizes.count(axis + 1, sizes.rank()),
                     count = table.first.size();
  tensor<T> out(sizes);
  T* dx = writable(out);
  parallel_for(sizes.count(0, axis), (std::max)(std::int64_t{1}, map_grain / (count * inner * table.taps + 1)),
               [&](std::int64_t begin, std::int64_t end) {
                 for (std::int64_t line = begin; line < end; ++line)
                   for (std::int64_t o = 0; o < count; ++o)
                     for (std::int64_t tap = 0; tap < table.taps; ++tap) {
                       const T weight = static_cast<T>(table.weights.data()[o * table.taps + tap]);
                       if (weight == 0) continue;
                       T* to = dx + (line * length + table.first.data()[o] + tap) * inner;
                       const T* from = dy.data() + (line * count + o) * inner;
                       for (std::int64_t j = 0; j < inner; ++j) to[j] += weight * from[j];
                     }
               });
  return out;
}

}  // namespace detail

// One axis.
struct resample_op {
  static constexpr const char* name = "resample";
  std::int64_t axis = -1;
  std::int64_t out = 0;  // elements; 0: as many as the scale makes of the input
  double scale = 0;
  interpolation mode = interpolation::nearest;
  bool align_corners = false;
  static void attributes(auto& self, auto&& visit) {
    visit("axis", self.axis);
    visit("out", self.out);
    visit("scale", self.scale);
    visit("mode", self.mode);
    visit("align_corners", self.align_corners);
  }

  template <floating T> tensor<T> forward(const tensor<T>& x) const {
    const int along = x.shape().index(axis);
    return detail::resampled(x, along, table(x.shape().begin()[along], x.shape()));
  }
  template <class T> void backward(const tensor<T>& dy, const gradient<T>& dx) const {
    if (!dx.wanted()) return;
    const int along = dx.shape().index(axis);
    dx.add(detail::resampled_back(dy, along, table(dx.shape().begin()[along], dx.shape()), dx.shape()));
  }

 private:
  template <class = void>  // compiled only where it is used
  detail::resampling table(std::int64_t in, const shape& x) const {
    const double asked = out > 0 ? static_cast<double>(out) : static_cast<double>(in) * scale;
    if (in < 1 || out < 0 || detail::is_nan(asked) || asked < 1 || asked >= 1e9) [[unlikely]]
      throw shape_error(name, {"expected at least one element along axis ", axis, " before and after, got ", x, " and ",
                               out < 0 ? static_cast<double>(out) : asked});
    return detail::resampling_for(mode, in, static_cast<std::int64_t>(asked), out > 0 ? 0 : scale, align_corners);
  }
};

struct interpolate_options {
  std::vector<std::int64_t> size = {};    // of the spatial axes, one for all of them or one for each;
  std::vector<double> scale_factor = {};  // or by what they are multiplied
  interpolation mode = interpolation::nearest;
  bool align_corners = false;  // linear and cubic: the first and the last elements stay where they are
};

// x (N, C, …) with other spatial sizes. Throws value_error unless there is either a size or a scale_factor, and for
// .align_corners of a mode that has none; shape_error for sizes of 0.
template <operand X> auto interpolate(const X& x, const interpolate_options& options) {
  const std::size_t axes = x.shape().rank() > 2 ? static_cast<std::size_t>(x.shape().rank()) - 2 : 0;
  const std::size_t sizes = options.size.size(), scales = options.scale_factor.size(), given = sizes + scales;
  if (axes == 0 || (sizes > 0) == (scales > 0) || (given != 1 && given != axes)) [[unlikely]]
    throw value_error("interpolate", {"expected x (N, C, …) and either .size or .scale_factor with one number, or one "
                                      "for each spatial axis; got ",
                                      x.shape(), ", ", sizes, " sizes and ", scales, " factors"});
  if (options.align_corners && options.mode != interpolation::linear && options.mode != interpolation::cubic)
      [[unlikely]]
    throw value_error("interpolate", {"expected .align_corners for linear and cubic alone"});
  const auto along = [&](std::size_t i) {
    const std::size_t at = given == 1 ? 0 : i;
    return resample_op{static_cast<std::int64_t>(i) + 2, sizes > 0 ? options.size[at] : 0,
                       scales > 0 ? options.scale_factor[at] : 0, options.mode, options.align_corners};
  };
  auto out = apply(along(0), x);
  for (std::size_t i = 1; i < axes; ++i) out = apply(along(i), std::move(out));
  return out;
}

}  // namespace inlay::inline v0_1
