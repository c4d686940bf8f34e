// Shows: matmul (batched)
// matmul against PyTorch, central differences and index loops: vectors, transposes, batches that broadcast, empty axes;
// a row has the same bits alone and in a batch, and kept panels of a weight follow its value.
#include <inlay/ops/matmul.hpp>

#include <doctest/doctest.h>

#include <inlay/ops/reduce.hpp>
#include <inlay/testing/check_gradient.hpp>

#include "naive/arrays.hpp"
#include "tensors.hpp"

using namespace inlay;
using support::check_close;
using support::made_up;
using support::variables;

namespace {

const tensor<double> b32 = from<double>({3, 2}, {1, -2, 0.5, 0.25, -1, 3});

template <class T> void check_product(std::int64_t m, std::int64_t k, std::int64_t n) {
  INFO(m, " x ", k, " x ", n);
  for (const bool ta : {false, true})
    for (const bool tb : {false, true}) {
      const tensor<T> a = made_up<T>(ta ? shape{k, m} : shape{m, k}, 1),
                      b = made_up<T>(tb ? shape{n, k} : shape{k, n}, 2);
      support::check_everywhere<T>([&] { return matmul(a, b, {.transpose_a = ta, .transpose_b = tb}); },
                                   naive::matmul(a, b, ta, tb).values,
                                   support::rounding<T> * static_cast<double>(k + 1));
    }
}

}  // namespace

TEST_CASE("matmul: PyTorch's values and gradients") {
  // torch.matmul(a, b): (y * dy).sum().backward()
  const tensor<double> a = from<double>({2, 2, 3}, {-1.5, 0.5, 2, 0.25, -0.75, 1, 0.5, -1, 0.25, 1.5, 0.75, -0.5});
  const auto product = [](const variables& v) { return matmul(v[0], v[1]); };
  support::check_golden(
      "(2, 2, 3) (3, 2)", product, {a, b32}, {1, -2, 0.5, 3, -1, 0.25, 2, 1},
      {-3.25, 9.125, -1.125, 2.3125, -0.25, -0.5, 2.375, -4.3125},
      {{5, 0, -7, -5.5, 1, 8.5, -1.5, -0.4375, 1.75, 0, 1.25, 1}, {1.125, 5.375, 2.625, -2.75, 1.25, -1.4375}});
  support::check_golden("(3,) (3, 2)", product, {from<double>({3}, {-1.5, 0.5, 2}), b32}, {1, -2}, {-3.25, 9.125},
                        {{5, 0, -7}, {-1.5, 3, 0.5, -1, 2, -4}});
}

TEST_CASE_TEMPLATE("matmul: index loops, everywhere", T, float, double) {
  for (const std::int64_t n : {1, 7, 8, 9, 15, 16, 17, 33}) {
    check_product<T>(n, 5, 16);
    check_product<T>(3, n, 9);
    check_product<T>(17, 8, n);
  }
  check_product<T>(61, 300, 130);  // several panels and blocks, and work for threads
  check_product<T>(400, 70, 90);
}

TEST_CASE("matmul: shapes, and gradients of all of them") {
  struct product {
    shape a, b, c;
    matmul_options options = {};
  };
  const product table[] = {
      {{2, 3}, {3, 4}, {2, 4}},
      {{3}, {3}, {}},
      {{3}, {3, 4}, {4}},
      {{2, 3}, {3}, {2}},
      {{3, 2}, {3, 4}, {2, 4}, {.transpose_a = true}},
      {{2, 3}, {4, 3}, {2, 4}, {.transpose_b = true}},
      {{3, 2}, {4, 3}, {2, 4}, {.transpose_a = true, .transpose_b = true}},
      {{3}, {4, 3}, {4}, {.transpose_b = true}},
      {{3, 2}, {3}, {2}, {.transpose_a = true}},
      {{5, 2, 3}, {3, 4}, {5, 2, 4}},
      {{2, 3}, {5, 3, 4}, {5, 2, 4}},
      {{2, 1, 2, 3}, {3, 3, 1}, {2, 3, 2, 1}},
      {{2, 1, 3, 2}, {3, 4, 3}, {2, 3, 2, 4}, {.transpose_a = true, .transpose_b = true}},
      {{5, 2, 3}, {3}, {5, 2}},
      {{3}, {5, 3, 4}, {5, 4}},
  };
  for (const product& p : table) {
    const auto result =
        testing::check_gradient([&](const auto& a, const auto& b) { return matmul(a, b, p.options); },
                                testing::gradient_options{}, made_up<double>(p.a, 1), made_up<double>(p.b, 2));
    CHECK_MESSAGE(result.ok(), p.a.text(), " ", p.b.text(), "\n", result.text());
    CHECK(matmul(made_up<double>(p.a, 1), made_up<double>(p.b, 2), p.options).shape() == p.c);
  }
}

TEST_CASE("matmul: batches are the products of their matrices") {
  const tensor<double> a = made_up<double>({2, 1, 5, 7}, 1), b = made_up<double>({3, 7, 4}, 2), c = matmul(a, b);
  CHECK(c.shape() == shape{2, 3, 5, 4});
  for (std::int64_t i = 0; i < 2; ++i)
    for (std::int64_t j = 0; j < 3; ++j)
      CHECK(support::same_bits(c.slice(i, i + 1).reshape({3, 5, 4}).slice(j, j + 1).reshape({5, 4}),
                               matmul(a.slice(i, i + 1).reshape({5, 7}), b.slice(j, j + 1).reshape({7, 4}))));
}

TEST_CASE("matmul: empty axes") {
  CHECK(matmul(tensor<double>({0, 3}), b32).shape() == shape{0, 2});
  CHECK(matmul(tensor<double>({2, 3}), tensor<double>({3, 0})).shape() == shape{2, 0});
  check_close(matmul(tensor<double>({2, 0}), tensor<double>({0, 2})), {0, 0, 0, 0});  // an empty sum
  CHECK(matmul(tensor<double>({0, 2, 3}), b32).shape() == shape{0, 2, 2});
  const variable<double> none{tensor<double>({0, 3})}, w{b32};
  matmul(none, w).backward(tensor<double>({0, 2}));
  check_close(w.grad(), {0, 0, 0, 0, 0, 0});
}

TEST_CASE("matmul: shapes that do not fit") {
  CHECK_THROWS_WITH_AS(matmul(b32, b32), "[matmul] expected (…, m, k) and (…, k, n), got (3, 2) and (3, 2)",
                       shape_error);
  CHECK_THROWS_WITH_AS(matmul(b32, b32, {.transpose_a = true, .transpose_b = true}),
                       "[matmul] expected (…, m, k) and (…, k, n), got (3, 2) transposed and (3, 2) transposed",
                       shape_error);
  CHECK_THROWS_AS(matmul(tensor<double>(shape{}), b32), shape_error);
  CHECK_THROWS_AS(matmul(tensor<double>({2, 4, 3}), tensor<double>({3, 3, 2})), shape_error);
}

TEST_CASE_TEMPLATE("matmul: a row has the same bits alone and in any batch", T, float, double) {
  const tensor<T> a = made_up<T>({37, 700}, 1), b = made_up<T>({700, 50}, 2);
  support::for_each_isa([&](isa) {
    support::for_each_thread_count([&](int) {
      const tensor<T> all = matmul(a, b);
      for (const std::int64_t i : {0, 1, 11, 12, 36})
        CHECK(support::same_bits(matmul(a.slice(i, i + 1), b), all.slice(i, i + 1)));
      CHECK(support::same_bits(matmul(a.slice(5, 20), b), all.slice(5, 20)));
    });
  });
}

TEST_CASE("matmul: a weight read both ways, square or not, before and after it changes") {
  for (const shape& sizes : {shape{4, 4}, shape{1, 4}, shape{4, 1}, shape{1, 1}}) {
    parameter<double> w{made_up<double>(sizes, 1)};
    const std::int64_t rows = sizes[0], columns = sizes[1];
    const tensor<double> left = made_up<double>({3, rows}, 2), right = made_up<double>({3, columns}, 3);
    for (int round = 0; round < 3; ++round) {
      for (int again = 0; again < 2; ++again) {
        check_close(matmul(left, w), naive::matmul(left, w.value()).values, 1e-14);
        check_close(matmul(right, w, {.transpose_b = true}), naive::matmul(right, w.value(), false, true).values,
                    1e-14);
      }
      if (round == 0) w.write([](std::span<double> values) { values[0] = 9; });
      if (round == 1) w.assign(made_up<double>(sizes, 4));
    }
  }
}
