// sum, mean, max, min and var over some axes, or all of them.
#pragma once

#include "arithmetic.hpp"

namespace inlay::inline v0_1 {

struct reduce_options {
  std::vector<std::int64_t> axes = {};  // none: all; negative ones count from the end
  bool keep_dims = false;               // keep reduced axes with size 1
};

namespace detail {

// The axes of a reduction, without a heap allocation.
struct reduction {
  explicit reduction(const reduce_options& options) : keep_dims(options.keep_dims) {
    if (options.axes.size() > shape::max_rank)
      throw shape_error("reduce", {"expected at most 8 axes, got ", options.axes.size()});
    for (const std::int64_t axis : options.axes) axes[static_cast<std::size_t>(count++)] = axis;
  }
  reduction(std::int64_t axis, bool keep) : count(1), keep_dims(keep) { axes[0] = axis; }
  reduction() = default;

  static void attributes(auto& self, auto&& visit) {
    visit("axes", std::span(self.axes.data(), static_cast<std::size_t>(self.count)));
    visit("keep_dims", self.keep_dims);
  }

  axis_set over(const shape& sizes) const {
    axis_set set;
    if (count == 0) set.chosen.fill(true);
    for (int i = 0; i < count; ++i) {
      const auto axis = static_cast<std::size_t>(sizes.index(axes[static_cast<std::size_t>(i)]));
      if (set.chosen[axis]) throw shape_error("reduce", {"expected axes that differ, got axis ", axis, " twice"});
      set.chosen[axis] = true;
    }
    return set;
  }
  shape kept(const shape& sizes) const {  // with reduced axes of size 1
    const axis_set set = over(sizes);
    shape out;
    for (int axis = 0; axis < sizes.rank(); ++axis) out.append(set.contains(axis) ? 1 : sizes.begin()[axis]);
    return out;
  }
  shape result(const shape& sizes) const {
    if (keep_dims) return kept(sizes);
    const axis_set set = over(sizes);
    shape out;
    for (int axis = 0; axis < sizes.rank(); ++axis)
      if (!set.contains(axis)) out.append(sizes.begin()[axis]);
    return out;
  }

  std::array<std::int64_t, shape::max_rank> axes{};
  int count = 0;
  bool keep_dims = false;
};

}  // namespace detail

struct sum_op {
  static constexpr const char* name = "sum";
  detail::reduction how;
  static void attributes(auto& self, auto&& visit) { detail::reduction::attributes(self.how, visit); }
  template <class T> tensor<T> forward(const tensor<T>& x) const {
    return detail::reduced<kernels::sum_of>(x, how.over(x.shape())).reshape(how.result(x.shape()));
  }
  template <class T> void backward(const tensor<T>& dy, const gradient<T>& dx) const {
    if (dx.wanted()) dx.add(detail::broadcast_to(dy.reshape(how.kept(dx.shape())), dx.shape()));
  }
};

struct mean_op {
  static constexpr const char* name = "mean";
  detail::reduction how;
  static void attributes(auto& self, auto&& visit) { detail::reduction::attributes(self.how, visit); }
  template <class T> tensor<T> forward(const tensor<T>& x) const {
    static_assert(floating<T>, "means are defined for float and double; cast integers first");
    tensor<T> total = sum_op{how}.forward(x);
    return mul_op{}.forward(std::move(total), share<T>(x.shape()));
  }
  template <class T> void backward(const tensor<T>& dy, const gradient<T>& dx) const {
    if (dx.wanted()) sum_op{how}.backward(mul_op{}.forward(dy, share<T>(dx.shape())), dx);
  }

 private:
  template <class T> tensor<T> share(const shape& sizes) const {
    const std::int64_t kept = how.kept(sizes).size();
    return tensor<T>(shape{},
                     kept == 0 ? T{0} : T{1} / static_cast<T>(sizes.size() / kept));  // of no values: 0 · inf, NaN
  }
};

namespace detail {

// max and min. Elements that are equal to the result share the gradient evenly, as in torch.amax.
template <class F> struct extreme_op {
  static constexpr const char* name = F::name;
  detail::reduction how;
  static void attributes(auto& self, auto&& visit) { detail::reduction::attributes(self.how, visit); }
  template <class T> tensor<T> forward(const tensor<T>& x) const {
    if (x.size() == 0 && how.kept(x.shape()).size() > 0) [[unlikely]]
      throw shape_error(name, {"expected at least one element, got ", x.shape()});
    return detail::reduced<F>(x, how.over(x.shape())).reshape(how.result(x.shape()));
  }
  template <class T> auto keep(const tensor<T>& x, const tensor<T>& y) const { return std::pair(x, y); }
  template <class T>
  void backward(const tensor<T>& dy, const std::pair<tensor<T>, tensor<T>>& kept, const gradient<T>& dx) const {
    if (!dx.wanted()) return;
    const tensor<T>&x = kept.first, &y = kept.second;
    const shape sizes = how.kept(x.shape());
    const tensor<T> best = detail::broadcast_to(y.reshape(sizes), x.shape());
    const auto where_best = [&](const tensor<T>& values) {
      tensor<T> out = tensor<T>::empty(x.shape());
      detail::run_map(kernels::where_equal{}, detail::writable(out), x.size(), values.data(), x.data(), best.data());
      return out;
    };
    const tensor<T> count = sum_op{{how}}.forward(where_best(tensor<T>(x.shape(), T{1}))).reshape(sizes);
    dx.add(where_best(detail::broadcast_to(div_op{}.forward(dy.reshape(sizes), count), x.shape())));
  }
};

}  // namespace detail

using max_op = detail::extreme_op<kernels::max_of>;
using min_op = detail::extreme_op<kernels::min_of>;

// sum((x - mean)^2) / (n - correction), in two passes: none of it is lost where the mean is large.
struct var_op {
  static constexpr const char* name = "var";
  detail::reduction how;
  double correction = 1;
  static void attributes(auto& self, auto&& visit) {
    detail::reduction::attributes(self.how, visit);
    visit("correction", self.correction);
  }

  template <floating T> tensor<T> forward(const tensor<T>& x) const { return both(x).result; }
  template <floating T> auto record(detail::tape_state*, const tensor<T>& x) const { return both(x); }
  template <class T> void backward(const tensor<T>& dy, const tensor<T>& d, const gradient<T>& dx) const {
    if (!dx.wanted()) return;
    dx.add(mul_op{}.forward(d, mul_op{}.forward(dy.reshape(how.kept(d.shape())), share<T>(d.shape(), 2))));
  }

 private:
  template <class T> recorded<T, tensor<T>> both(const tensor<T>& x) const {
    tensor<T> d = sub_op{}.forward(x, mean_op{how}.forward(x).reshape(how.kept(x.shape())));
    return {mul_op{}.forward(sum_op{how}.forward(mul_op{}.forward(d, d)), share<T>(x.shape(), 1)), std::move(d)};
  }
  // factor / (n - correction); no degree of freedom gives 0 / 0 or x / 0, as in PyTorch.
  template <class T> tensor<T> share(const shape& sizes, double factor) const {
    const std::int64_t kept = how.kept(sizes).size();
    const double freedom = kept == 0 ? 1 : static_cast<double>(sizes.size() / kept) - correction;
    return tensor<T>(shape{}, static_cast<T>(factor / (freedom > 0 ? freedom : 0)));
  }
};

struct var_options {
  std::vector<std::int64_t> axes = {};  // none: all
  bool keep_dims = false;
  double correction = 1;  // Bessel's; 0: the population's variance
};

// Over all axes, over one, or over several: sum(x), sum(x, -1), sum(x, {.axes = {0, 2}, .keep_dims = true}).
template <operand X> auto sum(X&& x) { return apply(sum_op{}, std::forward<X>(x)); }
template <operand X> auto sum(X&& x, std::int64_t axis) { return apply(sum_op{{axis, false}}, std::forward<X>(x)); }
template <operand X> auto sum(X&& x, const reduce_options& options) {
  return apply(sum_op{detail::reduction(options)}, std::forward<X>(x));
}
template <operand X> auto mean(X&& x) { return apply(mean_op{}, std::forward<X>(x)); }
template <operand X> auto mean(X&& x, std::int64_t axis) { return apply(mean_op{{axis, false}}, std::forward<X>(x)); }
template <operand X> auto mean(X&& x, const reduce_options& options) {
  return apply(mean_op{detail::reduction(options)}, std::forward<X>(x));
}
template <operand X> auto max(X&& x) { return apply(max_op{}, std::forward<X>(x)); }
template <operand X> auto max(X&& x, std::int64_t axis) { return apply(max_op{{axis, false}}, std::forward<X>(x)); }
template <operand X> auto max(X&& x, const reduce_options& options) {
  return apply(max_op{detail::reduction(options)}, std::forward<X>(x));
}
template <operand X> auto min(X&& x) { return apply(min_op{}, std::forward<X>(x)); }
template <operand X> auto min(X&& x, std::int64_t axis) { return apply(min_op{{axis, false}}, std::forward<X>(x)); }
template <operand X> auto min(X&& x, const reduce_options& options) {
  return apply(min_op{detail::reduction(options)}, std::forward<X>(x));
}
// The variance; its root is sqrt(var(x)).
template <operand X> auto var(X&& x, const var_options& options = {}) {
  return apply(var_op{detail::reduction({options.axes, options.keep_dims}), options.correction}, std::forward<X>(x));
}
template <operand X> auto var(X&& x, std::int64_t axis) { return apply(var_op{{axis, false}}, std::forward<X>(x)); }

}  // namespace inlay::inline v0_1
