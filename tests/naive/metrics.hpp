// Metrics as plain loops.
#pragma once

#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

namespace naive {

// The class of the highest score in each row: the first of equal ones, and the first NaN if there is one.
template <class T> std::vector<std::int64_t> predictions(std::span<const T> scores, std::size_t classes) {
  std::vector<std::int64_t> out;
  for (std::size_t row = 0; row + classes <= scores.size(); row += classes) {
    std::size_t best = 0;
    for (std::size_t j = classes; j-- > 0;)
      if (scores[row + j] >= scores[row + best] || scores[row + best] != scores[row + best]) best = j;
    for (std::size_t j = classes; j-- > 0;)
      if (scores[row + j] != scores[row + j]) best = j;
    out.push_back(static_cast<std::int64_t>(best));
  }
  return out;
}
template <class T> std::vector<std::int64_t> predictions(const std::vector<T>& scores, std::size_t classes) {
  return predictions(std::span<const T>(scores), classes);
}

// How many rows each pair (true class, predicted class) has, row by row.
inline std::vector<std::int64_t> confusion(std::span<const std::int64_t> classes,
                                           std::span<const std::int64_t> predicted, std::size_t count) {
  std::vector<std::int64_t> out(count * count);
  for (std::size_t i = 0; i < classes.size(); ++i)
    ++out[static_cast<std::size_t>(classes[i]) * count + static_cast<std::size_t>(predicted[i])];
  return out;
}

// Of the pairs of a row of the class and another, the share that is in order; pairs of equal scores count half.
inline double roc_auc(const std::vector<double>& scores, const std::vector<std::int64_t>& classes, std::int64_t c) {
  double ordered = 0, pairs = 0;
  for (std::size_t i = 0; i < scores.size(); ++i)
    for (std::size_t j = 0; j < scores.size(); ++j)
      if (classes[i] == c && classes[j] != c) {
        ordered += scores[i] > scores[j] ? 1 : scores[i] == scores[j] ? 0.5 : 0;
        pairs += 1;
      }
  return ordered / pairs;
}

// The mean over the rows of the class of the precision among the rows that score no less.
inline double average_precision(const std::vector<double>& scores, const std::vector<std::int64_t>& classes,
                                std::int64_t c) {
  double sum = 0, rows = 0;
  for (std::size_t i = 0; i < scores.size(); ++i) {
    if (classes[i] != c) continue;
    double right = 0, taken = 0;
    for (std::size_t j = 0; j < scores.size(); ++j) {
      taken += scores[j] >= scores[i];
      right += scores[j] >= scores[i] && classes[j] == c;
    }
    sum += right / taken;
    rows += 1;
  }
  return sum / rows;
}

// -log softmax(row)[c], without any care for large numbers.
template <class T> double negative_log_likelihood(std::span<const T> row, std::int64_t c) {
  long double sum = 0;
  for (const T x : row) sum += std::exp(static_cast<long double>(x));
  return static_cast<double>(std::log(sum) - static_cast<long double>(row[static_cast<std::size_t>(c)]));
}

}  // namespace naive
