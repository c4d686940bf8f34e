// Shows: Eigen maps on tensors (`inlay/eigen.hpp`)
// Eigen: maps lie on the tensor's memory under the tensor's rules for copies, and every expression becomes a tensor.
#include <inlay/eigen.hpp>

#include <doctest/doctest.h>

#include <string>
#include <utility>

#include "tensors.hpp"

using namespace inlay;
using support::counting;

namespace {

// Whether the tensor holds the expression, row by row.
template <class T, class E> bool holds(const tensor<T>& t, const E& expected) {
  bool same = t.size() == expected.size();
  for (Eigen::Index row = 0, i = 0; same && row < expected.rows(); ++row)
    for (Eigen::Index column = 0; column < expected.cols(); ++column, ++i)
      same = same && t.values()[static_cast<std::size_t>(i)] == expected(row, column);
  return same;
}

}  // namespace

TEST_CASE("as_eigen: the sizes of the matrix") {
  const struct {
    shape sizes;
    Eigen::Index rows, columns;
  } table[] = {
      {{}, 1, 1},     {{1}, 1, 1},       {{5}, 5, 1},       {{0}, 0, 1},
      {{2, 3}, 2, 3}, {{1, 3}, 1, 3},    {{3, 1}, 3, 1},    {{0, 3}, 0, 3},
      {{3, 0}, 3, 0}, {{2, 3, 4}, 6, 4}, {{2, 0, 4}, 0, 4}, {{2, 1, 2, 1, 2, 1, 2, 3}, 16, 3},
  };
  for (const auto& row : table) {
    INFO("shape ", row.sizes.text());
    const tensor<float> fixed = counting<float>(row.sizes);
    const auto map = as_eigen(fixed);
    CHECK(map.rows() == row.rows);
    CHECK(map.cols() == row.columns);
    CHECK(map.data() == fixed.data());
    CHECK(holds(fixed, map));
    tensor<float> open = fixed;
    CHECK(as_eigen(open).rows() == row.rows);
    CHECK(as_eigen(open).cols() == row.columns);
  }
}

TEST_CASE("as_eigen: a map of a constant tensor shares, one of a variable tensor detaches and pins") {
  tensor<double> a = counting<double>({2, 3});
  const tensor<double> b = a;
  CHECK(as_eigen(b).data() == std::as_const(a).data());
  CHECK(as_eigen(std::as_const(a)).data() == b.data());
  CHECK(a.shares_memory_with(b));

  auto map = as_eigen(a);
  CHECK(!a.shares_memory_with(b));
  map(1, 2) = 50;
  map.row(0) *= 10;
  CHECK(support::same_bits(a.values(), from<double>({6}, {0, 10, 20, 3, 4, 50}).values()));
  CHECK(support::same_bits(b.values(), counting<double>({6}).values()));

  const tensor<double> later = a;  // deep: the map writes into `a` only
  map.setZero();
  CHECK(later(1, 2) == 50);
  CHECK(std::as_const(a)(1, 2) == 0);
}

TEST_CASE("as_eigen, from_eigen: there and back for every element type") {
  for (const dtype type :
       {dtype::float32, dtype::float64, dtype::int32, dtype::int64, dtype::uint8, dtype::int8, dtype::boolean})
    visit(type, [&](auto zero) {
      using T = decltype(zero);
      INFO("type ", std::string(name(type)));
      const tensor<T> made = counting<T>({3, 5});
      const tensor<T> back = from_eigen(as_eigen(made));
      CHECK(back.shape() == made.shape());
      CHECK(support::same_bits(back.values(), made.values()));
      CHECK(!back.shares_memory_with(made));
      const tensor<T> turned = from_eigen(as_eigen(made).transpose());
      CHECK(turned.shape() == shape{5, 3});
      CHECK(turned(4, 1) == made(1, 4));
    });
}

TEST_CASE("from_eigen: expressions of every kind") {
  Eigen::MatrixXd by_columns(2, 3);
  by_columns << 1, 2, 3, 4, 5, 6;
  const Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> by_rows = by_columns;
  const Eigen::Matrix<double, 2, 3> fixed = by_columns;
  const auto check = [](const auto& expression, const shape& expected) {
    INFO("shape ", expected.text());
    const auto got = from_eigen(expression);
    CHECK(got.shape() == expected);
    CHECK(holds(got, expression.eval()));
  };
  check(by_columns, {2, 3});
  check(by_rows, {2, 3});
  check(fixed, {2, 3});
  check(by_columns.transpose(), {3, 2});
  check(by_columns * by_rows.transpose(), {2, 2});
  check(2 * by_columns - by_rows, {2, 3});
  check(by_columns.block(0, 1, 2, 2), {2, 2});
  check(by_columns.array().square() + 1, {2, 3});
  check(by_columns.array() > 3, {2, 3});
  check(by_columns.cast<float>(), {2, 3});
  check(Eigen::MatrixXf::Identity(4, 4), {4, 4});
  check(Eigen::MatrixXf(0, 3), {0, 3});
  check(Eigen::MatrixXf(3, 0), {3, 0});

  // Vectors have one axis when Eigen knows them as vectors, however they lie.
  check(by_columns.row(1), {3});
  check(by_columns.col(1), {2});
  check(by_columns.colwise().sum(), {3});
  check(by_columns.rowwise().sum(), {2});
  check(Eigen::VectorXi::LinSpaced(5, 0, 4), {5});
  check(Eigen::RowVector3f(1, 2, 3), {3});
  check(Eigen::ArrayXd::Constant(4, 0.5), {4});
  check(Eigen::VectorXd(0), {0});
  check(Eigen::MatrixXd(by_columns.col(1)), {2, 1});
  check(Eigen::MatrixXd(by_columns.row(1)), {1, 3});
}

TEST_CASE("Eigen computes on a tensor in place") {
  const tensor<float> a = counting<float>({4, 3}), b = counting<float>({3, 2});
  tensor<float> out(shape{4, 2});
  as_eigen(out).noalias() = as_eigen(a) * as_eigen(b);
  CHECK(support::same_bits(out.values(), from<float>({8}, {10, 13, 28, 40, 46, 67, 64, 94}).values()));
}
