// Precision, recall and F1 over any number of updates, averaged over the classes that occur as true or predicted class.
// As scikit-learn's precision_score, recall_score and f1_score.
#pragma once

#include "class_scores.hpp"
#include "confusion_matrix.hpp"

namespace inlay::inline v0_1::metrics {

struct class_average_config {
  std::int64_t classes = 0;  // V; required
  metrics::average average = metrics::average::macro;
  double zero_division = 0;  // 0 or 1: the precision of what was never predicted, the recall of what never occurred
};

namespace detail {

// What the three share: the counts, and one score of their average.
template <double class_scores::*Score> class class_average {
 public:
  // Scores (N, V) or predicted classes (N,), and true classes (N,). Throws shape_error and value_error.
  template <element T>
  requires(floating<T> || std::is_same_v<T, std::int64_t>) void update(const tensor<T>& predicted,
                                                                       const tensor<std::int64_t>& classes) {
    counts_.update(predicted, classes);
  }

  // From 0 to 1. Throws state_error before the first row.
  double value() const {
    std::vector<class_counts> classes = counts_of_classes(counts_.value());
    std::erase_if(classes, [](const class_counts& c) { return !c.occurs(); });
    if (classes.empty()) throw state_error(metric_, {"expected an update() first, got none"});
    return averaged(classes, average_, zero_division_).*Score;
  }
  void reset() { counts_.reset(); }

 protected:
  class_average(const char* metric, const class_average_config& config)
      : metric_(metric),
        average_(config.average),
        zero_division_(checked_zero_division(metric, config.zero_division)),
        counts_(config.classes, metric) {}

 private:
  const char* metric_;
  metrics::average average_;
  double zero_division_;
  confusion_matrix counts_;
};

}  // namespace detail

// Of the rows taken for a class, the share that is of it. Throws value_error for a config that does not fit, as the
// others.
class precision : public detail::class_average<&class_scores::precision> {
 public:
  explicit precision(const class_average_config& config) : class_average("precision", config) {}
};

// Of the rows of a class, the share that is taken for it.
class recall : public detail::class_average<&class_scores::recall> {
 public:
  explicit recall(const class_average_config& config) : class_average("recall", config) {}
};

// The harmonic mean of the two, class by class.
class f1_score : public detail::class_average<&class_scores::f1> {
 public:
  explicit f1_score(const class_average_config& config) : class_average("f1_score", config) {}
};

}  // namespace inlay::inline v0_1::metrics
