// Precision, recall and F1 of classes, and their averages, from a confusion matrix; as scikit-learn's
// precision_recall_fscore_support. With TP, FP and FN the rows rightly taken, wrongly taken and missed:
//   precision = TP / (TP + FP)   recall = TP / (TP + FN)   F1 = 2 precision recall / (precision + recall)
#pragma once

#include <vector>

#include "../core/tensor.hpp"

namespace inlay::inline v0_1::metrics {

// How the scores of several classes become one.
enum class average {
  micro,    // the scores of their counts added up
  macro,    // the mean
  weighted  // the mean weighted by support
};

struct class_scores {
  double precision = 0, recall = 0, f1 = 0;
  std::int64_t support = 0;  // rows that are truly of the class
};

namespace detail {

// TP, TP + FP and TP + FN.
struct class_counts {
  std::int64_t right = 0, predicted = 0, support = 0;
  bool occurs() const noexcept { return predicted + support > 0; }
  class_counts& operator+=(const class_counts& other) noexcept {
    right += other.right, predicted += other.predicted, support += other.support;
    return *this;
  }
};

// Of each class, from counts (V, V).
template <class = void>  // compiled only where it is used
std::vector<class_counts> counts_of_classes(const tensor<std::int64_t>& counts) {
  const auto size = static_cast<std::size_t>(counts.dim(0));
  std::vector<class_counts> out(size);
  for (std::size_t i = 0; i < size; ++i) {
    const std::int64_t* row = counts.data() + i * size;
    out[i].right = row[i];
    for (std::size_t j = 0; j < size; ++j) out[i].support += row[j], out[j].predicted += row[j];
  }
  return out;
}

template <class = void> class_scores scores_of(const class_counts& c, double zero_division) {
  const auto share = [&](std::int64_t of) {
    return of == 0 ? zero_division : static_cast<double>(c.right) / static_cast<double>(of);
  };
  const double precision = share(c.predicted), recall = share(c.support), sum = precision + recall;
  return {precision, recall, sum == 0 ? 0 : 2 * precision * recall / sum, c.support};
}

// In NumPy's order (eight sums side by side, halves above 128), so that the last digit of a report is the same.
template <class = void> double numpy_sum(std::span<const double> x) {
  if (x.size() > 128) {
    const std::size_t half = x.size() / 16 * 8;
    return numpy_sum(x.first(half)) + numpy_sum(x.subspan(half));
  }
  const std::size_t whole = x.size() / 8 * 8;
  double part[8] = {};
  for (std::size_t i = 0; i < whole; ++i) part[i % 8] += x[i];
  double sum = ((part[0] + part[1]) + (part[2] + part[3])) + ((part[4] + part[5]) + (part[6] + part[7]));
  for (std::size_t i = whole; i < x.size(); ++i) sum += x[i];
  return sum;
}

// One score for all of `classes`. When they have no rows, the weighted one is what scikit-learn makes it.
template <class = void>
class_scores averaged(const std::vector<class_counts>& classes, metrics::average by, double zero_division) {
  class_counts all;
  for (const class_counts& c : classes) all += c;
  if (by == metrics::average::micro) return scores_of(all, zero_division);
  const bool weighted = by == metrics::average::weighted;
  if (weighted && all.support == 0) {
    const double without_rows = all.predicted == 0 ? zero_division : 0;
    return {without_rows, zero_division, without_rows, 0};
  }
  const double total = static_cast<double>(weighted ? all.support : static_cast<std::int64_t>(classes.size()));
  std::vector<double> terms(classes.size());
  const auto mean = [&](double class_scores::*score) {
    for (std::size_t i = 0; i < terms.size(); ++i)
      terms[i] = scores_of(classes[i], zero_division).*score * (weighted ? static_cast<double>(classes[i].support) : 1);
    return numpy_sum(terms) / total;
  };
  return {mean(&class_scores::precision), mean(&class_scores::recall), mean(&class_scores::f1), all.support};
}

INLAY_COLD inline double checked_zero_division(const char* metric, double value) {
  if (!(value == 0) && !(value == 1)) throw value_error(metric, {"expected .zero_division of 0 or 1, got ", value});
  return value;
}

}  // namespace detail

}  // namespace inlay::inline v0_1::metrics
