// Cross-entropy of scores with class indices: loss_i = -log p_i,class_i with p = softmax(x), one fused pass each way.
// With weights w of the classes and smoothing s: (1 - s) w_class_i loss_i - s / V sum_j w_j log p_ij.
#pragma once

#include "reduction.hpp"
#include "softmax.hpp"

namespace inlay::inline v0_1 {

namespace detail {

INLAY_COLD inline void check_scores(const char* name, const shape& scores) {
  if (scores.rank() < 2) [[unlikely]]
    throw shape_error(name, {"expected scores (N, V) or (N, V, …), got ", scores});
  if (scores.size() == 0) [[unlikely]]
    throw shape_error(name, {"expected at least one row and one class, got ", scores});
}

INLAY_COLD inline void check_labels(const char* name, const shape& scores, const shape& classes) {
  check_scores(name, scores);
  if (!(classes == scores.without(1))) [[unlikely]]
    throw shape_error(name, {"expected classes ", scores.without(1), " for scores ", scores, ", got ", classes});
}

// True when a class is to be ignored.
INLAY_OUTLINE inline bool check_label_range(const char* name, std::int64_t count, const tensor<std::int64_t>& classes,
                                            std::int64_t ignore_index) {
  bool ignored = false;
  const std::int64_t* all = classes.data();
  for (std::int64_t i = 0; i < classes.size(); ++i) {
    const std::int64_t c = all[i];
    if (c == ignore_index)
      ignored = true;
    else if (c < 0 || c >= count) [[unlikely]]
      throw value_error(name, {"expected classes from 0 to ", count - 1, ", got ", c, " in row ", i});
  }
  return ignored;
}

// The same of rows alone.
template <class = void>  // compiled only where it is used
bool check_label_rows(const char* name, const shape& scores, const tensor<std::int64_t>& classes,
                      std::int64_t ignore_index) {
  if (scores.rank() != 2) [[unlikely]]
    throw shape_error(name, {"expected scores (N, V), got ", scores});
  check_labels(name, scores, classes.shape());
  return check_label_range(name, scores[1], classes, ignore_index);
}

INLAY_COLD inline void check_class_weights(const char* name, std::int64_t count, const shape& weights) {
  if (weights.size() > 0 && !(weights == shape{count})) [[unlikely]]
    throw shape_error(name, {"expected one weight for each class, (", count, ",), got ", weights});
}

// What each row counts: the weight of its class, or 1; and 0 where the class is to be ignored.
template <class T>
INLAY_COLD tensor<T> row_weights(const tensor<std::int64_t>& classes, const tensor<T>& weights,
                                 std::int64_t ignore_index) {
  tensor<T> out = tensor<T>::empty({classes.size()});
  out.write([&](std::span<T> to) {
    for (std::size_t i = 0; i < to.size(); ++i) {
      const std::int64_t c = classes.data()[i];
      to[i] = c == ignore_index ? T{0} : weights.size() > 0 ? weights.data()[c] : T{1};
    }
  });
  return out;
}

// The same classes with 0, which every row has, for the one to be ignored.
INLAY_COLD inline tensor<std::int64_t> known_classes(tensor<std::int64_t> classes, std::int64_t ignore_index) {
  classes.write([&](std::span<std::int64_t> to) { std::replace(to.begin(), to.end(), ignore_index, std::int64_t{0}); });
  return classes;
}

// Scores (N, V, …) as rows (N · …, V), and back to the shape they had.
template <class T> INLAY_COLD tensor<T> classes_apart(tensor<T> x, const shape& sizes, bool back) {
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
    tensor<T> weights;  // of the classes; empty: all 1
    tensor<T> pulls;    // what all classes of a row count together; empty: 1
    double total;       // that all rows count
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
  INLAY_OUTLINE void backward(const tensor<T>& dy, const kept<T>& k, const gradient<T>& dx,
                              const gradient<std::int64_t>&, const gradient<T>&) const {
    if (!dx.wanted()) return;
    const std::int64_t rows = k.numerators.dim(0), length = k.numerators.dim(1);
    tensor<T> out = tensor<T>::empty(k.numerators.shape());
    T* to = detail::writable(out);
    const T factor = reduction == inlay::reduction::mean ? static_cast<T>(1 / k.total) : T{1};
    const bool shared = k.pulls.size() > 0;
    const std::int64_t own = reduction == inlay::reduction::none ? 1 : 0, step = shared ? 1 : own;
    const tensor<T> scale = shared ? pulled(dy, own, k.pulls) : dy;
    const isa level = active_isa();
    parallel_for(rows, std::max<std::int64_t>(1, 4096 / length), [&](std::int64_t first, std::int64_t last) {
      dispatch<kernels::cross_entropy_gradient<T>>(level, k.numerators.data() + first * length, k.sums.data() + first,
                                                   k.classes.data() + first, scale.data() + first * step, step, factor,
                                                   to + first * length, last - first, length);
      for (std::int64_t i = first; shared && i < last; ++i)
        if (k.pulls.data()[i] == 0)  // 0 times NaN would be NaN
          std::fill_n(to + i * length, length, T{0});
        else if (label_smoothing > 0)
          spread_gradient(dy.data()[i * own] * factor, k.classes.data()[i], k.weights, to + i * length, length);
    });
    dx.add(detail::classes_apart(std::move(out), dx.shape(), true));
  }

 private:
  template <class T>
  INLAY_OUTLINE recorded<T, kept<T>> both(const tensor<T>& x_given, const tensor<std::int64_t>& given,
                                          const tensor<T>& weights, bool recording) const {
    detail::check_labels(name, x_given.shape(), given.shape());
    detail::check_class_weights(name, x_given.dim(1), weights.shape());
    const bool ignored = detail::check_label_range(name, x_given.dim(1), given, ignore_index);
    const tensor<T> scores = detail::classes_apart(x_given, x_given.shape(), false);
    const std::int64_t rows = scores.dim(0), length = scores.dim(1);
    const bool shared = ignored || weights.size() > 0 || label_smoothing > 0;
    const tensor<std::int64_t> classes = ignored ? detail::known_classes(given, ignore_index) : given;
    const tensor<T> shares = shared ? detail::row_weights(given, weights, ignore_index) : tensor<T>();
    tensor<T> losses = tensor<T>::empty({rows}), sums = tensor<T>::empty({rows});
    tensor<T> numerators = recording ? tensor<T>::empty({rows, length}) : tensor<T>();
    T *loss = detail::writable(losses), *sum = detail::writable(sums), *numerator = detail::writable(numerators);
    const isa level = active_isa();
    parallel_for(rows, std::max<std::int64_t>(1, 4096 / length), [&](std::int64_t first, std::int64_t last) {
      const T* x = scores.data() + first * length;
      dispatch<kernels::cross_entropy<T>>(level, x, classes.data() + first, loss + first,
                                          numerator == nullptr ? numerator : numerator + first * length, sum + first,
                                          last - first, length);
      for (std::int64_t i = first; shared && i < last; ++i, x += length) {
        const T share = shares.data()[i] * static_cast<T>(1 - label_smoothing);
        loss[i] = share == 0 ? T{0} : share * loss[i];
        if (label_smoothing > 0 && given.data()[i] != ignore_index) loss[i] += spread(x, sum[i], weights, length);
      }
    });
    double total = 0, counted = static_cast<double>(shared ? 0 : rows);
    for (const T share : shares.values()) counted += static_cast<double>(share);
    if (reduction != inlay::reduction::none) {
      for (std::int64_t i = 0; i < rows; ++i) total += static_cast<double>(loss[i]);
      if (reduction == inlay::reduction::mean) total /= counted;
      losses = tensor<T>(shape{}, static_cast<T>(total));
    } else {
      losses = std::move(losses).reshape(given.shape());
    }
    return {std::move(losses),
            {std::move(numerators), std::move(sums), classes, weights,
             shared ? pulls(given, shares, weights, length) : shares, counted}};
  }

  // The part of all classes: -s / V sum_j w_j log p_j.
  template <class T> INLAY_COLD T spread(const T* x, T sum, const tensor<T>& weights, std::int64_t length) const {
    const T* weight = weights.data();
    const double top = static_cast<double>(*std::max_element(x, x + length)),
                 rest = kernels::detail::log_of(static_cast<double>(sum));
    double all = 0;
    for (std::int64_t j = 0; j < length; ++j)
      if (weight == nullptr || weight[j] != 0)
        all += (weight == nullptr ? 1 : static_cast<double>(weight[j])) * (rest - (static_cast<double>(x[j]) - top));
    return static_cast<T>(label_smoothing / static_cast<double>(length) * all);
  }

  // dx holds pull (p - one_hot(class)); of that, only (1 - s) w_class goes to the class, and s / V w_j to each.
  template <class T>
  INLAY_COLD void spread_gradient(T dy, std::int64_t c, const tensor<T>& weights, T* dx, std::int64_t length) const {
    const T part = dy * static_cast<T>(label_smoothing / static_cast<double>(length)), *weight = weights.data();
    dx[c] += part * static_cast<T>(class_total(weights, length));
    for (std::int64_t j = 0; j < length; ++j) dx[j] -= weight == nullptr ? part : part * weight[j];
  }

  template <class T> INLAY_COLD static double class_total(const tensor<T>& weights, std::int64_t length) {
    double total = weights.size() > 0 ? 0 : static_cast<double>(length);
    for (const T weight : weights.values()) total += static_cast<double>(weight);
    return total;
  }

  template <class T>
  INLAY_COLD tensor<T> pulls(const tensor<std::int64_t>& given, tensor<T> shares, const tensor<T>& weights,
                             std::int64_t length) const {
    if (label_smoothing == 0) return shares;
    const double all = label_smoothing / static_cast<double>(length) * class_total(weights, length);
    shares.write([&](std::span<T> to) {
      for (std::size_t i = 0; i < to.size(); ++i)
        if (given.values()[i] != ignore_index)
          to[i] = static_cast<T>((1 - label_smoothing) * static_cast<double>(to[i]) + all);
    });
    return shares;
  }

  template <class T>
  INLAY_COLD static tensor<T> pulled(const tensor<T>& dy, std::int64_t step, const tensor<T>& pulls) {
    tensor<T> out = tensor<T>::empty(pulls.shape());
    T* to = detail::writable(out);
    for (std::int64_t i = 0; i < pulls.size(); ++i) to[i] = dy.data()[i * step] * pulls.data()[i];
    return out;
  }
};

}  // namespace inlay::inline v0_1
