// Cross-entropy of scores with class indices: loss_i = log sum_j exp(x_ij) - x_i,class_i, one fused pass each way.
// With label smoothing e, weights w_j of the V classes and W their sum, it is
//   (1 - e) w_class (log sum_j exp(x_j) - x_class) + e / V (W log sum_j exp(x_j) - sum_j w_j x_j)
#pragma once

#include "reduction.hpp"
#include "softmax.hpp"

namespace inlay::inline v0_1 {

namespace detail {

// What each row counts: the weight of its class, or 1; and 0 where the class is to be ignored.
template <class T>
INLAY_COLD tensor<T> row_weights(const tensor<std::int64_t>& classes, const tensor<T>& weights,
                                 std::int64_t ignore_index) {
  tensor<T> out = tensor<T>::empty(classes.shape());
  out.write([&](std::span<T> to) {
    for (std::size_t i = 0; i < to.size(); ++i) {
      const std::int64_t c = classes.data()[i];
      to[i] = c == ignore_index ? T{0} : weights.size() > 0 ? weights.data()[c] : T{1};
    }
  });
  return out;
}

// Scores (N, V, …) as rows (N · …, V), and back to the shape they had.
template <class T> tensor<T> classes_apart(tensor<T> x, const shape& sizes, bool back) {
  if (sizes.rank() == 2) return x;
  const std::int64_t places = sizes.count(2, sizes.rank()), classes = sizes[1], images = sizes[0],
                     rows = back ? places : classes, columns = back ? classes : places;
  tensor<T> out = tensor<T>::empty(back ? sizes : shape{images * places, classes});
  T* to = writable(out);
  parallel_for(images, 1, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t n = first; n < last; ++n)
      for (std::int64_t j = 0; j < columns; ++j)
        for (std::int64_t i = 0; i < rows; ++i)
          to[(n * columns + j) * rows + i] = std::as_const(x).data()[(n * rows + i) * columns + j];
  });
  return out;
}

}  // namespace detail

struct cross_entropy_op {
  static constexpr const char* name = "cross_entropy";
  inlay::reduction reduction = inlay::reduction::mean;
  std::int64_t ignore_index = -100;  // rows of this class count nothing
  double label_smoothing = 0;
  static void attributes(auto& self, auto&& visit) {
    visit("reduction", self.reduction);
    visit("ignore_index", self.ignore_index);
    visit("label_smoothing", self.label_smoothing);
  }

  template <class T> struct kept {
    tensor<T> numerators, sums;  // see kernels::cross_entropy
    tensor<std::int64_t> classes;
    tensor<T> weights, shares;  // of the classes; what each row counts, empty: all the same
    double total;               // that all rows count

    // What the softmax of a row is multiplied with in the gradient.
    INLAY_COLD T of_softmax(const cross_entropy_op& op, std::int64_t row) const {
      const double share = static_cast<double>(shares.data()[row]);
      if (op.label_smoothing == 0 || share == 0) return static_cast<T>(share);
      double all = weights.size() > 0 ? 0 : static_cast<double>(numerators.dim(1));
      for (const T w : weights.values()) all += static_cast<double>(w);
      return static_cast<T>((1 - op.label_smoothing) * share + op.spread(numerators.dim(1)) * all);
    }
  };

  // scores (N, V, …), classes (N, …), weights of the classes (V,) or absent -> (), or the shape of the classes
  template <floating T>
  tensor<T> forward(const tensor<T>& scores, const tensor<std::int64_t>& classes, const tensor<T>& weights) const {
    return both(scores, classes, weights, false).result;
  }
  template <class T>
  auto record(detail::tape_state*, const tensor<T>& scores, const tensor<std::int64_t>& classes,
              const tensor<T>& weights) const {
    return both(scores, classes, weights, true);
  }

  template <class T>
  void backward(const tensor<T>& dy, const kept<T>& k, const gradient<T>& dx, const gradient<std::int64_t>&,
                const gradient<T>&) const {
    if (!dx.wanted()) return;
    const std::int64_t rows = k.numerators.dim(0), length = k.numerators.dim(1);
    tensor<T> out = tensor<T>::empty(k.numerators.shape()), scale;
    T* to = detail::writable(out);
    const T factor = reduction == inlay::reduction::mean ? static_cast<T>(1 / k.total) : T{1};
    const bool uneven = k.shares.size() > 0;
    const std::int64_t dy_step = reduction == inlay::reduction::none ? 1 : 0, step = uneven ? 1 : dy_step;
    if (uneven) scale = scales_of(k, dy, dy_step);
    const T* scales = uneven ? std::as_const(scale).data() : dy.data();
    const isa level = active_isa();
    parallel_for(rows, std::max<std::int64_t>(1, 4096 / length), [&](std::int64_t first, std::int64_t last) {
      dispatch<kernels::cross_entropy_gradient<T>>(level, k.numerators.data() + first * length, k.sums.data() + first,
                                                   k.classes.data() + first, scales + first * step, step, factor,
                                                   to + first * length, last - first, length);
    });
    if (uneven) finish_uneven(k, dy.data(), dy_step, factor, to);
    dx.add(detail::classes_apart(std::move(out), dx.shape(), true));
  }

 private:
  // The part of the smoothed targets that one class gets.
  double spread(std::int64_t classes) const { return label_smoothing / static_cast<double>(classes); }

  // What the kernel does not know of: rows that count more, less or nothing, and smoothed targets.
  template <class T> INLAY_COLD tensor<T> scales_of(const kept<T>& k, const tensor<T>& dy, std::int64_t dy_step) const {
    tensor<T> scale = tensor<T>::empty(k.shares.shape());
    T* to = detail::writable(scale);
    for (std::int64_t i = 0; i < scale.size(); ++i) to[i] = dy.data()[i * dy_step] * k.of_softmax(*this, i);
    return scale;
  }
  template <class T>
  INLAY_COLD void finish_uneven(const kept<T>& k, const T* dy, std::int64_t dy_step, T factor, T* dx) const {
    const std::int64_t length = k.numerators.dim(1);
    for (std::int64_t i = 0; i < k.shares.size(); ++i, dx += length, dy += dy_step) {
      const T share = k.shares.data()[i], g = *dy * factor;
      if (share == 0) std::fill_n(dx, length, T{0});  // 0 times NaN is none
      if (share == 0 || label_smoothing == 0) continue;
      const T part = g * static_cast<T>(spread(length));
      dx[k.classes.data()[i]] += g * (k.of_softmax(*this, i) - share * static_cast<T>(1 - label_smoothing));
      for (std::int64_t j = 0; j < length; ++j) dx[j] -= part * (k.weights.size() > 0 ? k.weights.data()[j] : T{1});
    }
  }

  template <class T>
  recorded<T, kept<T>> both(const tensor<T>& given, const tensor<std::int64_t>& given_classes, const tensor<T>& weights,
                            bool recording) const {
    const bool ignored = check(given.shape(), given_classes, weights.shape());
    const tensor<T> scores = detail::classes_apart(given, given.shape(), false);
    const std::int64_t rows = scores.dim(0), length = scores.dim(1);
    const bool uneven = ignored || weights.size() > 0 || label_smoothing != 0;
    const tensor<std::int64_t> classes = ignored ? cleaned(given_classes) : given_classes;
    const tensor<T> shares = uneven ? detail::row_weights(given_classes, weights, ignore_index) : tensor<T>();
    tensor<T> losses = tensor<T>::empty({rows}), sums = tensor<T>::empty({rows});
    tensor<T> numerators = recording ? tensor<T>::empty({rows, length}) : tensor<T>();
    T *loss = detail::writable(losses), *sum = detail::writable(sums), *numerator = detail::writable(numerators);
    const isa level = active_isa();
    parallel_for(rows, std::max<std::int64_t>(1, 4096 / length), [&](std::int64_t first, std::int64_t last) {
      dispatch<kernels::cross_entropy<T>>(level, scores.data() + first * length, classes.data() + first, loss + first,
                                          numerator == nullptr ? numerator : numerator + first * length, sum + first,
                                          last - first, length);
    });
    const double counted =
        uneven ? weigh(loss, shares, scores.data(), classes, weights, length) : static_cast<double>(rows);
    if (reduction == inlay::reduction::none) {
      losses = std::move(losses).reshape(given_classes.shape());
    } else {
      double total = 0;
      for (std::int64_t i = 0; i < rows; ++i) total += static_cast<double>(loss[i]);
      if (reduction == inlay::reduction::mean) total /= counted;
      losses = tensor<T>(shape{}, static_cast<T>(total));
    }
    return {std::move(losses), {std::move(numerators), std::move(sums), classes, weights, shares, counted}};
  }

  // The losses of rows x from those without weights and smoothing. Returns what all rows count.
  template <class T>
  INLAY_COLD double weigh(T* loss, const tensor<T>& shares, const T* x, const tensor<std::int64_t>& classes,
                          const tensor<T>& weights, std::int64_t length) const {
    double counted = 0;
    for (std::int64_t i = 0; i < shares.size(); ++i, x += length) {
      const T share = shares.data()[i];
      counted += static_cast<double>(share);
      double all = 0;  // w_j (log sum exp(x) - x_j)
      for (std::int64_t j = 0; label_smoothing != 0 && j < length; ++j)
        all += static_cast<double>((weights.size() > 0 ? weights.data()[j] : T{1}) *
                                   (loss[i] + (x[classes.data()[i]] - x[j])));
      const double hard = (1 - label_smoothing) * static_cast<double>(share * loss[i]);
      loss[i] = share == 0 ? T{0} : static_cast<T>(hard + spread(length) * all);
    }
    return counted;
  }

  // Class 0 for those that are ignored: the kernel must find a score.
  INLAY_COLD tensor<std::int64_t> cleaned(tensor<std::int64_t> classes) const {
    classes.write([&](std::span<std::int64_t> all) {
      for (std::int64_t& c : all)
        if (c == ignore_index) c = 0;
    });
    return classes;
  }

  // True when a row is to be ignored.
  INLAY_OUTLINE bool check(const shape& scores, const tensor<std::int64_t>& classes, const shape& weights) const {
    if (scores.rank() < 2 || scores[1] == 0) [[unlikely]]
      throw shape_error(name, {"expected scores (N, V) or (N, V, …), got ", scores});
    if (scores.size() == 0) [[unlikely]]
      throw shape_error(name, {"expected at least one row, got an empty batch ", scores});
    if (!(classes.shape() == scores.without(1))) [[unlikely]]
      throw shape_error(name,
                        {"expected classes ", scores.without(1), " for scores ", scores, ", got ", classes.shape()});
    if (weights.size() > 0 && !(weights == shape{scores[1]})) [[unlikely]]
      throw shape_error(name, {"expected one weight for each class, (", scores[1], ",), got ", weights});
    if (!(label_smoothing >= 0 && label_smoothing <= 1)) [[unlikely]]
      throw value_error(name, {"expected .label_smoothing from 0 to 1, got ", label_smoothing});
    bool ignored = false;
    for (std::int64_t i = 0; i < classes.size(); ++i) {
      const std::int64_t c = classes.data()[i];
      if (c == ignore_index)
        ignored = true;
      else if (c < 0 || c >= scores[1]) [[unlikely]]
        throw value_error(name, {"expected classes from 0 to ", scores[1] - 1, ", got ", c, " in row ", i});
    }
    return ignored;
  }
};

}  // namespace inlay::inline v0_1
