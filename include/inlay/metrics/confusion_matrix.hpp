// Confusion matrix: how often class i was taken for class j.
#pragma once

#include "predictions.hpp"

namespace inlay::inline v0_1::metrics {

class confusion_matrix {
 public:
  // `metric` speaks in the errors, for metrics that count with a confusion matrix. Throws value_error for less than one
  // class.
  explicit confusion_matrix(std::int64_t classes, const char* metric = "confusion_matrix")
      : metric_(metric), counts_(checked(classes, metric)) {}

  // Scores (N, V) and true classes (N,). Throws shape_error and value_error.
  template <floating T> void update(const tensor<T>& scores, const tensor<std::int64_t>& classes) {
    const std::int64_t size = counts_.dim(0);
    if (scores.rank() == 2 && scores.dim(1) != size)
      throw shape_error(metric_, {"expected scores (N, ", size, "), got ", scores.shape()});
    count(predictions(metric_, scores, classes), classes);
  }

  // Predicted classes (N,) and true classes (N,). Throws shape_error and value_error.
  void update(const tensor<std::int64_t>& predicted, const tensor<std::int64_t>& classes) {
    if (classes.rank() != 1 || !(predicted.shape() == classes.shape()))
      throw shape_error(metric_, {"expected predicted classes (N,) and classes (N,), got ", predicted.shape(), " and ",
                                  classes.shape()});
    detail::check_classes(metric_, predicted, counts_.dim(0));
    detail::check_classes(metric_, classes, counts_.dim(0));
    count(predicted, classes);
  }

  // (V, V): rows are true classes, columns predicted ones.
  const tensor<std::int64_t>& value() const noexcept { return counts_; }
  void reset() { counts_ = tensor<std::int64_t>(counts_.shape()); }

  // A table with one line per true class.
  INLAY_COLD std::string text() const {
    const std::int64_t size = counts_.dim(0);
    std::size_t width = 1;
    for (const std::int64_t count : counts_.values()) width = std::max(width, std::to_string(count).size());
    width = std::max(width, std::to_string(size - 1).size()) + 1;
    const auto cell = [width](const std::string& s) { return std::string(width - s.size(), ' ') + s; };
    std::string out = "true \\ predicted\n" + cell("");
    for (std::int64_t j = 0; j < size; ++j) out += cell(std::to_string(j));
    for (std::int64_t i = 0; i < size; ++i) {
      out += '\n' + cell(std::to_string(i));
      for (std::int64_t j = 0; j < size; ++j) out += cell(std::to_string(counts_(i, j)));
    }
    return out + '\n';
  }

 private:
  static shape checked(std::int64_t classes, const char* metric) {
    if (classes < 1) throw value_error(metric, {"expected 1 class or more, got ", classes});
    return {classes, classes};
  }

  void count(const tensor<std::int64_t>& predicted, const tensor<std::int64_t>& classes) {
    const std::int64_t size = counts_.dim(0);
    counts_.write([&](std::span<std::int64_t> counts) {
      for (std::int64_t i = 0; i < classes.size(); ++i)
        ++counts[static_cast<std::size_t>(classes.data()[i] * size + predicted.data()[i])];
    });
  }

  const char* metric_;
  tensor<std::int64_t> counts_;
};

}  // namespace inlay::inline v0_1::metrics
