// Holes filled with what training data says: NaN in a column becomes the column's mean, median, most frequent value, or
// a constant.  x (…, features) -> y of the same shape.  A module, as the scalers are: what was learnt is saved with a
// model. Rules and numbers are those of scikit-learn's SimpleImputer.
#pragma once

#include "../autograd/members.hpp"
#include "columns.hpp"

namespace inlay::inline v0_1::data {

enum class impute { mean, median, most_frequent, constant };

// What fills the holes of one column.
struct impute_rule {
  std::int64_t column = 0;  // negative numbers count from the end
  impute with = impute::mean;
  double value = 0;  // the constant
};

struct imputer_config {
  impute with = impute::mean;
  double value = 0;                       // the constant
  std::vector<impute_rule> columns = {};  // columns that follow a rule of their own
};

namespace detail {

template <class = void>  // compiled only where it is used
INLAY_COLD double fill_value(impute with, double constant, std::vector<double> values) {
  if (with == impute::constant) return constant;
  if (with == impute::mean) {
    double sum = 0;
    for (const double value : values) sum += value;
    return sum / static_cast<double>(values.size());
  }
  std::sort(values.begin(), values.end());
  const std::size_t count = values.size();
  if (with == impute::median)
    return count % 2 == 1 ? values[count / 2] : values[count / 2 - 1] + (values[count / 2] - values[count / 2 - 1]) / 2;
  double best = values[0];  // of equally frequent ones the smallest
  std::size_t most = 0;
  for (std::size_t first = 0, last = 0; first < count; first = last) {
    while (last < count && values[last] == values[first]) ++last;
    if (last - first > most) best = values[first];
    most = std::max(most, last - first);
  }
  return best;
}

}  // namespace detail

template <floating T = float> class imputer {
 public:
  explicit imputer(const imputer_config& config = {}) : config_(config) {}

  // Learns from the rows of x (…, features). Throws shape_error, and value_error for rules of columns that are not
  // there, infinite values, and columns of nothing but NaN that no constant fills.
  INLAY_COLD void fit(const tensor<T>& x) {
    const detail::layout of = detail::rows_to_fit("imputer", x);
    std::vector<impute_rule> rules(static_cast<std::size_t>(of.features), {0, config_.with, config_.value});
    for (const impute_rule& rule : config_.columns) {
      const std::int64_t column = rule.column < 0 ? rule.column + of.features : rule.column;
      if (column < 0 || column >= of.features)
        throw value_error("imputer", {"expected rules of columns from 0 to ", of.features - 1, ", got ", rule.column});
      rules[static_cast<std::size_t>(column)] = rule;
    }
    tensor<T> fill = empty<T>({of.features});
    for (std::int64_t i = 0; i < of.features; ++i) {
      const impute_rule& rule = rules[static_cast<std::size_t>(i)];
      std::vector<double> values;
      if (rule.with != impute::constant) values = detail::present("imputer", x, of, i);
      inlay::detail::writable(fill)[i] = static_cast<T>(detail::fill_value(rule.with, rule.value, std::move(values)));
    }
    statistics = buffer<T>(std::move(fill));
  }

  // Throws state_error before fit, shape_error when the last axis of x is another.
  tensor<T> operator()(const tensor<T>& x) const {
    const std::int64_t features = statistics.shape().size();
    detail::check_fitted("imputer", features, x.shape());
    tensor<T> y = x;
    const T* fill = statistics.value().data();
    y.write([&](std::span<T> values) {
      std::int64_t column = 0;
      for (T& value : values) {
        if (inlay::detail::is_nan(value)) value = fill[column];
        if (++column == features) column = 0;
      }
    });
    return y;
  }

  static void members(auto& self, auto&& visit) { visit("statistics", self.statistics); }

  buffer<T> statistics{tensor<T>()};  // what fills the holes of each column

 private:
  imputer_config config_;
};

}  // namespace inlay::inline v0_1::data
