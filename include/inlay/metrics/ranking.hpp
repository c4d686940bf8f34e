// What metrics of an order share: all scores seen, kept so that the value is exact with ties too, and its average over
// the classes, each against the rest.
#pragma once

#include <algorithm>
#include <vector>

#include "class_scores.hpp"
#include "predictions.hpp"

namespace inlay::inline v0_1::metrics {

struct ranking_config {
  metrics::average average = metrics::average::macro;  // over classes, each against the rest; micro: all scores at once
};

namespace detail {

struct ranked_row {
  double score;
  bool right;
};

// Calls f(right, wrong) with the numbers of rows of each score; rows are sorted.
template <class F> void each_score(std::span<const ranked_row> rows, F f) {
  for (std::size_t i = 0; i < rows.size();) {
    const double score = rows[i].score;
    std::int64_t right = 0, wrong = 0;
    for (; i < rows.size() && rows[i].score == score; ++i) ++(rows[i].right ? right : wrong);
    f(right, wrong);
  }
}

// The mean over the classes of Curve{}(rows, number that are right), rows with the highest score first.
template <class Curve> class ranking {
 public:
  explicit ranking(const ranking_config& config = {}) : average_(config.average) {}

  // Scores (N,) and classes (N,) of 0 and 1, or scores (N, V) and classes (N,); the same V in every update.
  // Throws shape_error, and value_error for other classes and for NaN.
  template <floating T> void update(const tensor<T>& scores, const tensor<std::int64_t>& classes) {
    if (scores.rank() == 1 && scores.shape() == classes.shape())
      check_classes(Curve::name, classes, 2);
    else
      check_scored(Curve::name, scores.shape(), classes);
    if (!batches_.empty() && !(batches_[0].scores.shape().without(0) == scores.shape().without(0)))
      throw shape_error(Curve::name, {"expected scores as in the first update, ", batches_[0].scores.shape(),
                                      ", but for the number of rows, got ", scores.shape()});
    for (const T score : scores.values())
      if (inlay::detail::is_nan(score)) throw value_error(Curve::name, {"expected scores that are numbers, got NaN"});
    if (classes.size() > 0) batches_.push_back({scores.template cast<double>(), classes});
  }

  // From 0 to 1. Throws state_error when not every class was seen, or one alone.
  double value() const {
    if (batches_.empty()) throw state_error(Curve::name, {"expected an update() first, got none"});
    const std::int64_t columns = batches_[0].scores.shape().count(1, batches_[0].scores.rank());
    std::vector<ranked_row> rows;
    double sum = 0, weights = 0;
    for (std::int64_t column = 0; column < columns; ++column) {
      append(rows, column, columns);
      if (average_ == metrics::average::micro && column + 1 < columns) continue;
      const double right = static_cast<double>(sort(rows, column));
      const double weight = average_ == metrics::average::weighted ? right : 1;
      sum += weight * Curve{}(rows, right);
      weights += weight;
      rows.clear();
    }
    return sum / weights;
  }
  void reset() noexcept { batches_.clear(); }

 private:
  struct batch {
    tensor<double> scores;
    tensor<std::int64_t> classes;
  };

  // The class a column scores: 1 when there is no other column.
  std::int64_t class_of(std::int64_t column) const { return batches_[0].scores.rank() == 1 ? 1 : column; }

  void append(std::vector<ranked_row>& rows, std::int64_t column, std::int64_t columns) const {
    for (const batch& b : batches_)
      for (std::int64_t i = 0; i < b.classes.size(); ++i)
        rows.push_back({b.scores.data()[i * columns + column], b.classes.data()[i] == class_of(column)});
  }

  // Gives the number of rows that are right. Throws state_error when it is none or all of them.
  std::int64_t sort(std::vector<ranked_row>& rows, std::int64_t column) const {
    const auto right = std::count_if(rows.begin(), rows.end(), [](const ranked_row& row) { return row.right; });
    if (right == 0 || right == static_cast<std::ptrdiff_t>(rows.size()))
      throw state_error(Curve::name, {"expected rows of class ", class_of(column), " and of others, got ", right,
                                      " of ", rows.size()});
    std::sort(rows.begin(), rows.end(), [](const ranked_row& a, const ranked_row& b) { return a.score > b.score; });
    return right;
  }

  metrics::average average_;
  std::vector<batch> batches_;
};

}  // namespace detail

}  // namespace inlay::inline v0_1::metrics
