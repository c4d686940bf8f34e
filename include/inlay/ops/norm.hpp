// Norms of vectors and sums of exponentials over some axes, or all of them.
//   norm = (sum |x|^p)^(1 / p), and max |x| for p = infinity (torch.linalg.vector_norm);  logsumexp = log sum exp(x)
#pragma once

#include "compare.hpp"
#include "functions.hpp"
#include "reduce.hpp"

namespace inlay::inline v0_1 {

struct norm_options {
  double p = 2;                         // above 0, or infinity
  std::vector<std::int64_t> axes = {};  // none: all
  bool keep_dims = false;
};

struct norm_op {
  static constexpr const char* name = "norm";
  detail::reduction how;
  double p = 2;
  static void attributes(auto& self, auto&& visit) {
    detail::reduction::attributes(self.how, visit);
    visit("p", self.p);
  }

  template <floating T> tensor<T> forward(const tensor<T>& x) const {
    if (x.size() == 0) return sum_op{how}.forward(x);
    if (infinite()) return max_op{how}.forward(abs(x));
    if (p == 1) return sum_op{how}.forward(abs(x));
    if (p == 2) return sqrt(sum_op{how}.forward(x * x));
    return pow(sum_op{how}.forward(pow(abs(x), p)), 1 / p);
  }
  template <class T> auto keep(const tensor<T>& x, const tensor<T>& y) const { return std::pair(x, y); }

  // sign(x) (|x| / y)^(p - 1) dy, and none where y is 0.
  template <class T>
  void backward(const tensor<T>& dy, const std::pair<tensor<T>, tensor<T>>& kept, const gradient<T>& dx) const {
    if (!dx.wanted()) return;
    const tensor<T>& x = kept.first;
    const shape sizes = how.kept(x.shape());
    const tensor<T> y = kept.second.reshape(sizes), g = dy.reshape(sizes);
    if (infinite()) {
      const tensor<T> best = where(eq(abs(x), y), sign(x), T{0});  // that share it evenly
      const tensor<T> count = sum_op{how}.forward(abs(best)).reshape(sizes);
      dx.add(where(eq(y, T{0}), T{0}, best * (g / count)));
      return;
    }
    const tensor<T> safe = where(eq(y, T{0}), tensor<T>(shape{}, T{1}), y);
    dx.add(p == 1   ? sign(x) * g
           : p == 2 ? x / safe * g
                    : where(eq(x, T{0}), T{0}, sign(x) * pow(abs(x) / safe, p - 1) * g));
  }

 private:
  bool infinite() const noexcept {  // by its bits: a host may be compiled with -ffast-math
    return std::bit_cast<std::uint64_t>(p) == std::bit_cast<std::uint64_t>(std::numeric_limits<double>::infinity());
  }
};

// log(sum(exp(x))) without overflow. A sum of nothing is -infinity.
struct logsumexp_op {
  static constexpr const char* name = "logsumexp";
  detail::reduction how;
  static void attributes(auto& self, auto&& visit) { detail::reduction::attributes(self.how, visit); }

  template <floating T> tensor<T> forward(const tensor<T>& x) const {
    if (x.size() == 0) return log(sum_op{how}.forward(x));
    const tensor<T> top = max_op{how}.forward(x).reshape(how.kept(x.shape()));
    const T most = (std::numeric_limits<T>::max)();
    const tensor<T> shift = where(le(abs(top), most), top, T{0});
    return log(sum_op{how}.forward(exp(x - shift))) + shift.reshape(how.result(x.shape()));
  }
  template <class T> auto keep(const tensor<T>& x, const tensor<T>& y) const { return std::pair(x, y); }
  template <class T>
  void backward(const tensor<T>& dy, const std::pair<tensor<T>, tensor<T>>& kept, const gradient<T>& dx) const {
    if (!dx.wanted()) return;
    const tensor<T>& x = kept.first;
    const shape sizes = how.kept(x.shape());
    const tensor<T> y = kept.second.reshape(sizes);
    const tensor<T> shares = exp(x - where(lt(y, std::numeric_limits<T>::lowest()), T{0}, y));
    dx.add(shares * dy.reshape(sizes));
  }
};

// Throws value_error for a p of 0 or less.
template <operand X> auto norm(X&& x, const norm_options& options = {}) {
  if (detail::is_nan(options.p) || options.p <= 0) [[unlikely]]
    throw value_error(norm_op::name, {"expected .p above 0, got ", options.p});
  return apply(norm_op{detail::reduction({options.axes, options.keep_dims}), options.p}, std::forward<X>(x));
}

template <operand X> auto logsumexp(X&& x, const reduce_options& options = {}) {
  return apply(logsumexp_op{detail::reduction(options)}, std::forward<X>(x));
}
template <operand X> auto logsumexp(X&& x, std::int64_t axis) {
  return apply(logsumexp_op{{axis, false}}, std::forward<X>(x));
}

}  // namespace inlay::inline v0_1
