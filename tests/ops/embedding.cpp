// Shows: embedding
// Embedding: rows by index, PyTorch's numbers, gradients with the rows that were read, the same for any number of
// threads; indices that do not fit are refused.
#include <inlay/ops/embedding.hpp>

#include <doctest/doctest.h>

#include <inlay/autograd/members.hpp>
#include <inlay/ops/arithmetic.hpp>
#include <inlay/ops/matmul.hpp>
#include <inlay/ops/reduce.hpp>
#include <inlay/testing/check_gradient.hpp>

#include "support.hpp"

using namespace inlay;

namespace {

const tensor<std::int64_t> indices = from<std::int64_t>({2, 3}, {2, 0, 2, 3, 3, 2});

template <class T> tensor<T> table() { return from<T>({4, 2}, {0.5, -1, 1.5, 0.75, -0.25, 2, 3, 4}); }

template <class T> tensor<T> noise(const shape& sizes, std::uint64_t seed) {
  const auto values = support::noise_values<T>(sizes.size(), seed);
  return from<T>(sizes, std::span<const T>(values));
}

}  // namespace

TEST_CASE_TEMPLATE("embedding: PyTorch's numbers", T, float, double) {
  // torch.nn.functional.embedding(indices, table, padding_idx=3), dy = 0.1 i
  parameter<T> w(table<T>());
  const autograd::tape tape;
  tensor<T> dy = tensor<T>({2, 3, 2});
  for (std::int64_t i = 0; i < 12; ++i) dy.data()[i] = static_cast<T>(0.1 * static_cast<double>(i));
  const variable<T> y = embedding(tape.input(indices), w, 3);
  const double expected[] = {-0.25, 2, 0.5, -1, -0.25, 2, 3, 4, 3, 4, -0.25, 2};
  for (int i = 0; i < 12; ++i) CHECK(y.value().data()[i] == T(expected[i]));
  sum(y * dy).backward();
  const double slopes[] = {0.2, 0.3, 0, 0, 1.4, 1.7, 0, 0};
  for (int i = 0; i < 8; ++i) CHECK(w.grad().data()[i] == doctest::Approx(slopes[i]).epsilon(1e-6));
  CHECK(embedding(indices.cast<std::int32_t>(), w)(1, 1, 0) == 3);
}

TEST_CASE("embedding: central differences, through a table that is read twice") {
  const tensor<double> w = noise<double>({5, 3}, 1);
  const auto f = [](const auto& table) {
    const auto first = embedding(from<std::int64_t>({4}, {1, 4, 1, 0}), table);
    return sum(matmul(first * first, table, {.transpose_b = true}));
  };
  const testing::report checked = testing::check_gradient(f, w);
  CHECK_MESSAGE(checked.ok(), checked.text());
}

TEST_CASE_TEMPLATE("embedding: a gradient has the rows that were read, bit for bit the dense one", T, float, double) {
  const std::int64_t rows = 50, features = 37, count = 400;
  tensor<std::int64_t> at(shape{count});
  for (std::int64_t i = 0; i < count; ++i)
    at(i) = static_cast<std::int64_t>(support::noise(static_cast<std::uint64_t>(i)) % 20);
  const tensor<T> dy = noise<T>({count, features}, 3);
  support::for_each_isa([&](isa) {
    support::for_each_thread_count([&](int) {
      parameter<T> w(noise<T>({rows, features}, 2));
      const autograd::tape tape;
      embedding(tape.input(at), w).backward(dy);
      REQUIRE(w.grad().representation() != nullptr);
      const auto list = w.grad().representation()->rows();
      REQUIRE(list);
      CHECK(list->indices.size() == 20);
      CHECK(!w.grad().has_elements());
      tensor<T> dense(shape{rows, features});
      T* to = detail::writable(dense);
      for (std::int64_t i = 0; i < count; ++i)
        for (std::int64_t j = 0; j < features; ++j) to[at(i) * features + j] += dy(i, j);
      CHECK(support::same_bits(w.grad().values(), dense.values()));
    });
  });
}

TEST_CASE("embedding: any shape of indices, none at all, and those that do not fit") {
  const parameter<float> w(table<float>());
  CHECK(embedding(from<std::int64_t>(shape{}, {1}), w).shape() == shape{2});
  CHECK(embedding(tensor<std::int64_t>(shape{0, 3}), w).shape() == shape{0, 3, 2});
  CHECK(embedding(indices, tensor<float>(shape{4, 0})).shape() == shape{2, 3, 0});
  CHECK_THROWS_WITH_AS(embedding(from<std::int64_t>({2}, {1, 4}), w), "[embedding] expected indices from 0 to 3, got 4",
                       value_error);
  CHECK_THROWS_AS(embedding(from<std::int32_t>({1}, {-1}), w), value_error);
  CHECK_THROWS_AS(embedding(indices, tensor<float>({4})), shape_error);
  CHECK_THROWS_AS(embedding(tensor<std::int64_t>({1, 1, 1, 1, 1, 1, 1, 1}), w), shape_error);
  parameter<float> none(table<float>());
  const autograd::tape tape;
  sum(embedding(tape.input(from<std::int64_t>({2}, {3, 3})), none, 3)).backward();
  for (const float g : none.grad().values()) CHECK(g == 0);
}
