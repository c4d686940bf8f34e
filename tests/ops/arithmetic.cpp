// Shows: + − × ÷ with broadcasting
// + - * / and negation: broadcasting in every direction, with gradients summed back, against PyTorch, central
// differences and index loops.
#include <inlay/ops/arithmetic.hpp>

#include <doctest/doctest.h>

#include <inlay/testing/check_gradient.hpp>

#include "naive/arrays.hpp"
#include "tensors.hpp"

using namespace inlay;
using support::check_close;
using support::made_up;
using support::numbers;
using support::variables;

namespace {

const tensor<double> x = from<double>({2, 3}, {-1.5, 0.5, 2, 0.25, -0.75, 1});
const tensor<double> row = from<double>({3}, {0.5, -2, 4}), column = from<double>({2, 1}, {3, -0.5});
const numbers dy = {1, -2, 0.5, 0.25, 3, -1};

enum operation { plus, minus, times, over };
constexpr operation all[] = {plus, minus, times, over};

template <class A, class B> auto run(operation op, const A& a, const B& b) {
  return op == plus ? a + b : op == minus ? a - b : op == times ? a * b : a / b;
}
double run_one(operation op, double a, double b) {
  return op == plus ? a + b : op == minus ? a - b : op == times ? a * b : a / b;
}

struct pair_of_shapes {
  shape left, right, result;
};
const pair_of_shapes broadcasts[] = {
    {{}, {}, {}},
    {{3}, {}, {3}},
    {{2, 3}, {3}, {2, 3}},
    {{2, 3}, {1, 3}, {2, 3}},
    {{2, 3}, {2, 1}, {2, 3}},
    {{2, 1}, {3}, {2, 3}},
    {{2, 1}, {1, 3}, {2, 3}},
    {{1, 1}, {4}, {1, 4}},
    {{4, 1, 3}, {2, 1}, {4, 2, 3}},
    {{2, 3, 4}, {2, 1, 4}, {2, 3, 4}},
    {{2, 1, 4, 1}, {3, 1, 5}, {2, 3, 4, 5}},
    {{1, 2, 1, 2, 1, 2, 1, 2}, {2, 1, 2, 1, 2, 1, 2, 1}, {2, 2, 2, 2, 2, 2, 2, 2}},
    {{5, 17}, {17}, {5, 17}},
    {{33, 1}, {9}, {33, 9}},
    {{0}, {1}, {0}},
    {{0}, {}, {0}},
    {{2, 0}, {2, 1}, {2, 0}},
    {{0, 3}, {3}, {0, 3}},
    {{3, 1}, {0}, {3, 0}},
};

}  // namespace

TEST_CASE("arithmetic: PyTorch's values and gradients") {
  struct golden {
    operation op;
    bool of_column;  // column op row, or x op row
    numbers y, left, right;
  };
  const golden table[] = {
      // torch.add, sub, mul, div: (f(a, b) * dy).sum().backward()
      {plus, false, {-1, -1.5, 6, 0.75, -2.75, 5}, dy, {1.25, 1, -0.5}},
      {plus, true, {3.5, 1, 7, 0, -2.5, 3.5}, {-0.5, 2.25}, {1.25, 1, -0.5}},
      {minus, false, {-2, 2.5, -2, -0.25, 1.25, -3}, dy, {-1.25, -1, 0.5}},
      {minus, true, {2.5, 5, -1, -1, 1.5, -4.5}, {-0.5, 2.25}, {-1.25, -1, 0.5}},
      {times, false, {-0.75, -1, 8, 0.125, 1.5, 4}, {0.5, 4, 2, 0.125, -6, -4}, {-1.4375, -3.25, 0}},
      {times, true, {1.5, -6, 12, -0.25, 1, -2}, {6.5, -9.875}, {2.875, -7.5, 2}},
      {over, false, {-3, -0.25, 0.5, 0.5, 0.375, 0.25}, {2, 1, 0.125, 0.5, -1.5, -0.25}, {5.75, 0.8125, 0}},
      {over, true, {6, -1.5, 0.75, -1, 0.25, -0.125}, {3.125, -1.25}, {-11.5, 1.875, -0.125}},
  };
  for (const golden& g : table)
    support::check_golden("arithmetic", [&](const variables& v) { return run(g.op, v[0], v[1]); },
                          {g.of_column ? column : x, row}, dy, g.y, {g.left, g.right});
}

TEST_CASE_TEMPLATE("arithmetic: every pair of shapes that broadcasts, both ways round", T, float, double) {
  for (const pair_of_shapes& shapes : broadcasts)
    for (const bool swapped : {false, true}) {
      const tensor<T> a = made_up<T>(swapped ? shapes.right : shapes.left, 1),
                      b = made_up<T>(swapped ? shapes.left : shapes.right, 2, 0.5, 2);
      INFO(a.shape().text(), " and ", b.shape().text());
      for (const operation op : all) {
        CHECK(run(op, a, b).shape() == shapes.result);
        const auto expected =
            naive::zip(naive::array(a), naive::array(b), [&](double l, double r) { return run_one(op, l, r); });
        support::check_everywhere<T>([&] { return run(op, a, b); }, expected.values, support::rounding<T>);
      }
    }
}

TEST_CASE("arithmetic: gradients of every pair of shapes") {
  for (const pair_of_shapes& shapes : broadcasts)
    for (const operation op : all) {
      const auto result = testing::check_gradient([&](const auto& a, const auto& b) { return run(op, a, b); },
                                                  testing::gradient_options{}, made_up<double>(shapes.left, 3, 0.5, 2),
                                                  made_up<double>(shapes.right, 4, 0.5, 2));
      // Of an operand that is repeated 0 times the gradient is zero everywhere.
      const bool none = shapes.result.size() == 0;
      CHECK_MESSAGE((none || result.ok()), shapes.left.text(), " ", shapes.right.text(), "\n", result.text());
    }
  const variable<double> one{tensor<double>({3, 1}, 2.0)}, empty{tensor<double>({0})};
  (one * empty).backward(tensor<double>({3, 0}));
  check_close(one.grad(), {0, 0, 0});
  CHECK(empty.grad().size() == 0);
}

TEST_CASE_TEMPLATE("arithmetic: sizes round the register widths, and enough for threads", T, float, double) {
  for (const std::int64_t n : {1, 7, 8, 9, 15, 16, 17, 33, 50001}) {
    const tensor<T> a = made_up<T>({3, n}, 5), b = made_up<T>({3, n}, 6, 0.5, 2), c = made_up<T>({n}, 7),
                    d = made_up<T>({3, 1}, 8);
    const naive::array na(a), nb(b), nc(c), nd(d);
    const auto of = [](operation op) { return [op](double l, double r) { return run_one(op, l, r); }; };
    support::check_everywhere<T>([&] { return a * b + c; },
                                 naive::zip(naive::zip(na, nb, of(times)), nc, of(plus)).values,
                                 2 * support::rounding<T>);
    support::check_everywhere<T>([&] { return (d - a) / b; },
                                 naive::zip(naive::zip(nd, na, of(minus)), nb, of(over)).values,
                                 4 * support::rounding<T>);
    support::check_everywhere<T>([&] { return -a; }, naive::map(na, [](double v) { return -v; }).values, 0);
  }
}

TEST_CASE("arithmetic: numbers on either side") {
  check_close(x + 1.0, {-0.5, 1.5, 3, 1.25, 0.25, 2});
  check_close(1.0 + x, {-0.5, 1.5, 3, 1.25, 0.25, 2});
  check_close(x - 1.0, {-2.5, -0.5, 1, -0.75, -1.75, 0});
  check_close(1.0 - x, {2.5, 0.5, -1, 0.75, 1.75, 0});
  check_close(x * 2.0, {-3, 1, 4, 0.5, -1.5, 2});
  check_close(2.0 * x, {-3, 1, 4, 0.5, -1.5, 2});
  check_close(x / 2.0, {-0.75, 0.25, 1, 0.125, -0.375, 0.5});
  check_close(2.0 / row, {4, -1, 0.5});
  check_close(-row, {-0.5, 2, -4});
  check_close(parameter<double>{row} * 2 + 1, {2, -3, 9});  // a whole number converts to the element type
  const auto result =
      testing::check_gradient([](const auto& a) { return 3.0 / (2.0 - a) - (1.0 + a * 2.0) / 4.0 * (a - 1.0); }, row);
  CHECK_MESSAGE(result.ok(), result.text());
}

TEST_CASE("arithmetic: integers, and assignment in place") {
  const tensor<std::int64_t> a = from<std::int64_t>({3}, {5, -7, 1}), b(shape{}, 3);
  const auto y = (a + b) * a - b;
  CHECK(std::vector<std::int64_t>(y.values().begin(), y.values().end()) == std::vector<std::int64_t>{37, 25, 1});
  tensor<double> t = tensor<double>({2, 3}, 1.0);
  const double* memory = std::as_const(t).data();
  const tensor<double> other({2, 3}, 2.0);
  t += other;
  t *= other;
  t -= x;
  CHECK(std::as_const(t).data() == memory);
  check_close(t, {7.5, 5.5, 4, 5.75, 6.75, 5});
  const tensor<double> copy = t;
  t /= row;
  check_close(copy, {7.5, 5.5, 4, 5.75, 6.75, 5});
  check_close(t, {15, -2.75, 1, 11.5, -3.375, 1.25});
}

TEST_CASE("arithmetic: shapes that do not broadcast") {
  const char* text =
      "[add] expected shapes that broadcast, got (2, 3) and (2,); sizes must be equal or 1, counted from the last axis";
  CHECK_THROWS_WITH_AS(x + tensor<double>({2}), text, shape_error);
  const variable<double> v{x};
  CHECK_THROWS_WITH_AS(v + tensor<double>({2}), text, shape_error);
  CHECK_THROWS_AS(x * tensor<double>({3, 2}), shape_error);
  CHECK_THROWS_AS(tensor<double>({2, 0}) - tensor<double>({2, 3}), shape_error);
}
