// What transforms of tables share: values (…, features) seen as rows, and numbers told from holes by their bits.
#pragma once

#include <vector>

#include "../core/tensor.hpp"

namespace inlay::inline v0_1::data::detail {

struct layout {
  std::int64_t rows, features;
};

// The rows to learn from. Throws shape_error without two axes, value_error without a row or a column.
template <element T> layout rows_to_fit(const char* who, const tensor<T>& x) {
  if (x.rank() < 2) throw shape_error(who, {"expected values (…, features) to fit, got ", x.shape()});
  if (x.size() == 0) throw value_error(who, {"expected at least one row and column to fit, got ", x.shape()});
  return {x.size() / x.dim(-1), x.dim(-1)};
}

// Throws state_error before the first fit, shape_error when the last axis is not `features`.
INLAY_COLD inline void check_fitted(const char* who, std::int64_t features, const shape& x) {
  if (features == 0) throw state_error(who, {"expected fit() or a loaded file first, got neither"});
  if (x.rank() < 1 || x[-1] != features) throw shape_error(who, {"expected values (…, ", features, "), got ", x});
}

// The values of a column that are there: NaN stands for a hole. Throws value_error for infinite values and when there
// is nothing else than holes.
template <floating T>
INLAY_COLD std::vector<double> present(const char* who, const tensor<T>& x, const layout& of, std::int64_t column) {
  std::vector<double> out;
  const T* values = x.data();
  for (std::int64_t row = 0; row < of.rows; ++row) {
    const T value = values[row * of.features + column];
    if (inlay::detail::is_nan(value)) continue;
    if (!inlay::detail::is_finite(value))
      throw value_error(who, {"expected finite values in column ", column, ", got infinite ones"});
    out.push_back(static_cast<double>(value));
  }
  if (out.empty())
    throw value_error(who, {"expected a value in column ", column, ", got NaN in every row; leave the column out"});
  return out;
}

}  // namespace inlay::inline v0_1::data::detail
