// Metrics as plain loops.
#pragma once

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

}  // namespace naive
