// Tensors and Eigen: maps without copying, and tensors from any Eigen expression. Needs Eigen 3.4 or later.
#pragma once

#if __has_include(<Eigen/Core>)
#include <Eigen/Core>
#else
#include <eigen3/Eigen/Core>
#endif

#include "core/tensor.hpp"

namespace inlay::inline v0_1 {

namespace detail {

template <class T> using eigen_matrix = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

// (rows, columns) of a tensor seen as a matrix: leading axes are rows, the last is columns; a vector is one column.
template <class T> std::pair<Eigen::Index, Eigen::Index> matrix_sizes(const tensor<T>& t) {
  if (t.rank() == 0) return {1, 1};
  if (t.rank() == 1) return {t.dim(0), 1};
  return {t.shape().count(0, t.rank() - 1), t.dim(-1)};
}

}  // namespace detail

// A row-major matrix on the tensor's memory: leading axes are rows, the last axis is columns; a vector is one column.
// The const form shares memory; the mutable form detaches from copies and pins, as tensor::data() does. The map is
// valid as long as the tensor.
template <element T> Eigen::Map<const detail::eigen_matrix<T>> as_eigen(const tensor<T>& t) {
  const auto [rows, columns] = detail::matrix_sizes(t);
  return {t.data(), rows, columns};
}
template <element T> Eigen::Map<detail::eigen_matrix<T>> as_eigen(tensor<T>& t) {
  const auto [rows, columns] = detail::matrix_sizes(t);
  return {t.data(), rows, columns};
}

// The values of an expression: (rows, columns), or (n,) for an expression that is a vector at compile time.
template <class Derived> tensor<typename Derived::Scalar> from_eigen(const Eigen::DenseBase<Derived>& expression) {
  using T = typename Derived::Scalar;
  tensor<T> out = empty<T>({expression.rows(), expression.cols()});
  out.write([&](std::span<T> values) {
    Eigen::Map<detail::eigen_matrix<T>>(values.data(), expression.rows(), expression.cols()) =
        expression.derived().matrix();
  });
  if constexpr (Derived::IsVectorAtCompileTime)
    return std::move(out).reshape(shape{expression.size()});
  else
    return out;
}

}  // namespace inlay::inline v0_1
