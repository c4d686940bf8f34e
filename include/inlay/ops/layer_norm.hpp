// Layer normalisation (Ba, Kiros and Hinton, 2016): y = (x - mean) / sqrt(variance + epsilon) * weight + bias, with
// mean and biased variance of each row.  x (…, D) -> y of the same shape; weight, bias (D,).
// RMS normalisation (Zhang and Sennrich, 2019) leaves out the mean: y = x / sqrt(mean(x^2) + epsilon) * weight.
#pragma once

#include "../kernels/norm.hpp"
#include "map.hpp"

namespace inlay::inline v0_1 {

struct layer_norm_options {
  double epsilon = 1e-5;  // keeps the root away from 0
};

namespace detail {

template <bool Centred> struct row_norm_op {
  static constexpr const char* name = Centred ? "layer_norm" : "rms_norm";
  double epsilon = 1e-5;
  static void attributes(auto& self, auto&& visit) { visit("epsilon", self.epsilon); }

  template <class T> struct kept {
    tensor<T> x, weight, mean, inverse;  // of each row: mean, and 1 / sqrt(variance + epsilon)
    bool biased = false;
  };

  template <floating T> tensor<T> forward(const tensor<T>& x, const tensor<T>& weight, const tensor<T>& bias) const {
    check(x.shape(), weight.shape(), bias.shape());
    return normalised<T>(x, weight, bias, nullptr, nullptr);
  }
  template <class T>
  recorded<T, kept<T>> record(tape_state*, const tensor<T>& x, const tensor<T>& weight, const tensor<T>& bias) const {
    check(x.shape(), weight.shape(), bias.shape());
    const shape rows{x.shape().count(0, x.rank() - 1)};
    tensor<T> mean = Centred ? tensor<T>::empty(rows) : tensor<T>(), inverse = tensor<T>::empty(rows);
    tensor<T> y = normalised(x, weight, bias, writable(mean), writable(inverse));
    return {std::move(y), {x, weight, std::move(mean), std::move(inverse), bias.size() > 0}};
  }

  template <class T>
  void backward(const tensor<T>& dy, const kept<T>& k, const gradient<T>& dx, const gradient<T>& dw,
                const gradient<T>& db) const {
    using kernel = kernels::layer_norm_gradient<T>;
    const std::int64_t rows = k.inverse.size(), length = dy.dim(-1), parts = (rows + kernel::part - 1) / kernel::part;
    const bool weighted = k.weight.size() > 0, summed = (dw.wanted() && weighted) || (db.wanted() && k.biased);
    tensor<T> out = dx.wanted() ? tensor<T>::empty(dy.shape()) : tensor<T>();
    tensor<T> products = summed ? tensor<T>::empty({parts, length}) : tensor<T>(), sums = products;
    if (summed) sums = tensor<T>::empty({parts, length});
    T *to = writable(out), *weight = writable(products), *bias = writable(sums);
    const T *w = weighted ? k.weight.data() : nullptr, *mean = Centred ? k.mean.data() : nullptr;
    const isa level = active_isa();
    for_rows(parts, kernel::part * length, [&](std::int64_t first, std::int64_t last) {
      dispatch<kernel>(level, dy.data(), k.x.data(), w, mean, k.inverse.data(), to, weight, bias, rows, length, first,
                       last);
    });
    if (dx.wanted()) dx.add(std::move(out));
    if (dw.wanted() && weighted) dw.add(sum_rows(products, parts, length));
    if (db.wanted() && k.biased) db.add(sum_rows(sums, parts, length));
  }

 private:
  template <class F> static void for_rows(std::int64_t rows, std::int64_t length, F&& f) {
    if (length == 0) return;
    parallel_for(rows, std::max<std::int64_t>(1, 4096 / length), f);
  }

  // mean and inverse may be null.
  template <class T>
  tensor<T> normalised(const tensor<T>& x, const tensor<T>& weight, const tensor<T>& bias, T* mean, T* inverse) const {
    tensor<T> y = tensor<T>::empty(x.shape());
    T* to = writable(y);
    const std::int64_t length = x.dim(-1);
    const T *w = weight.size() > 0 ? weight.data() : nullptr, *b = bias.size() > 0 ? bias.data() : nullptr;
    const isa level = active_isa();
    for_rows(x.shape().count(0, x.rank() - 1), length, [&](std::int64_t first, std::int64_t last) {
      dispatch<kernels::layer_norm<T>>(
          level, x.data() + first * length, w, b, to + first * length, mean == nullptr ? mean : mean + first,
          inverse == nullptr ? inverse : inverse + first, epsilon, Centred, last - first, length);
    });
    return y;
  }

  static void check(const shape& x, const shape& weight, const shape& bias) {
    if (weight.rank() != 1) [[unlikely]]
      throw shape_error(name, {"expected a weight (D,), got ", weight});
    if (x.rank() < 1) [[unlikely]]
      throw shape_error(name, {"expected input (…, D), got ", x});
    if (weight.size() > 0 && x[-1] != weight[0]) [[unlikely]]
      throw shape_error(name, {"expected input (…, ", weight[0], "), got ", x});
    if (bias.size() > 0 && !(bias == shape{x[-1]})) [[unlikely]]
      throw shape_error(name, {"expected a bias (", x[-1], ",), got ", bias});
  }
};

}  // namespace detail

using layer_norm_op = detail::row_norm_op<true>;
using rms_norm_op = detail::row_norm_op<false>;

// Over the last axis. An empty weight counts as 1, an empty bias as 0.
template <operand X, operand W, operand B>
auto layer_norm(X&& x, W&& weight, B&& bias, const layer_norm_options& options = {}) {
  return apply(layer_norm_op{options.epsilon}, std::forward<X>(x), std::forward<W>(weight), std::forward<B>(bias));
}
template <operand X, operand W> auto rms_norm(X&& x, W&& weight, const layer_norm_options& options = {}) {
  return apply(rms_norm_op{options.epsilon}, std::forward<X>(x), std::forward<W>(weight),
               tensor<detail::element_of<X>>());
}

}  // namespace inlay::inline v0_1
