// Cross-entropy of scores with class indices: loss_i = log sum_j exp(x_ij) - x_i,class_i, one fused pass each way.
#pragma once

#include "reduction.hpp"
#include "softmax.hpp"

namespace inlay::inline v0_1 {

struct cross_entropy_op {
  static constexpr const char* name = "cross_entropy";
  inlay::reduction reduction = inlay::reduction::mean;
  static void attributes(auto& self, auto&& visit) { visit("reduction", self.reduction); }

  template <class T> struct kept {
    tensor<T> numerators, sums;  // see kernels::cross_entropy
    tensor<std::int64_t> classes;
  };

  // scores (N, V), classes (N,) -> () or (N,)
  template <floating T> tensor<T> forward(const tensor<T>& scores, const tensor<std::int64_t>& classes) const {
    return both(scores, classes, tensor<T>()).result;
  }
  template <class T>
  auto record(detail::tape_state*, const tensor<T>& scores, const tensor<std::int64_t>& classes) const {
    return both(scores, classes, tensor<T>::empty(scores.shape()));
  }

  template <class T>
  void backward(const tensor<T>& dy, const kept<T>& k, const gradient<T>& dx, const gradient<std::int64_t>&) const {
    if (!dx.wanted()) return;
    const std::int64_t rows = k.numerators.dim(0), length = k.numerators.dim(1);
    tensor<T> out = tensor<T>::empty(k.numerators.shape());
    T* to = detail::writable(out);
    const T factor = reduction == inlay::reduction::mean ? T{1} / static_cast<T>(rows) : T{1};
    const std::int64_t step = reduction == inlay::reduction::none ? 1 : 0;
    const isa level = active_isa();
    parallel_for(rows, std::max<std::int64_t>(1, 4096 / length), [&](std::int64_t first, std::int64_t last) {
      dispatch<kernels::cross_entropy_gradient<T>>(level, k.numerators.data() + first * length, k.sums.data() + first,
                                                   k.classes.data() + first, dy.data() + first * step, step, factor,
                                                   to + first * length, last - first, length);
    });
    dx.add(std::move(out));
  }

 private:
  // `numerators` are kept when they have room.
  template <class T>
  recorded<T, kept<T>> both(const tensor<T>& scores, const tensor<std::int64_t>& classes, tensor<T> numerators) const {
    check(scores.shape(), classes);
    const std::int64_t rows = scores.dim(0), length = scores.dim(1);
    tensor<T> losses = tensor<T>::empty({rows}), sums = tensor<T>::empty({rows});
    T *loss = detail::writable(losses), *sum = detail::writable(sums), *numerator = detail::writable(numerators);
    const isa level = active_isa();
    parallel_for(rows, std::max<std::int64_t>(1, 4096 / length), [&](std::int64_t first, std::int64_t last) {
      dispatch<kernels::cross_entropy<T>>(level, scores.data() + first * length, classes.data() + first, loss + first,
                                          numerator == nullptr ? numerator : numerator + first * length, sum + first,
                                          last - first, length);
    });
    if (reduction != inlay::reduction::none) {
      double total = 0;
      for (std::int64_t i = 0; i < rows; ++i) total += static_cast<double>(loss[i]);
      if (reduction == inlay::reduction::mean) total /= static_cast<double>(rows);
      losses = tensor<T>(shape{}, static_cast<T>(total));
    }
    return {std::move(losses), {std::move(numerators), std::move(sums), classes}};
  }

  static void check(const shape& scores, const tensor<std::int64_t>& classes) {
    if (scores.rank() != 2 || scores[1] == 0) [[unlikely]]
      throw shape_error(name, {"expected scores (N, V), got ", scores});
    if (scores[0] == 0) [[unlikely]]
      throw shape_error(name, {"expected at least one row, got an empty batch ", scores});
    if (!(classes.shape() == shape{scores[0]})) [[unlikely]]
      throw shape_error(name, {"expected classes (", scores[0], ",) for scores ", scores, ", got ", classes.shape()});
    for (std::int64_t i = 0; i < scores[0]; ++i)
      if (classes.data()[i] < 0 || classes.data()[i] >= scores[1]) [[unlikely]]
        throw value_error(name,
                          {"expected classes from 0 to ", scores[1] - 1, ", got ", classes.data()[i], " in row ", i});
  }
};

}  // namespace inlay::inline v0_1
