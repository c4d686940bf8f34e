// Shows: (weights of 8 bits in products)
// Weights of 8 bits: what layers compute from them follows the definition in whole numbers, at every level, with the
// same bits for any number of threads and for a row alone; no elements are made unless something needs them.
#include <inlay/ops/int8.hpp>

#include <doctest/doctest.h>

#include <inlay/ops/conv.hpp>
#include <inlay/ops/linear.hpp>
#include <inlay/ops/reduce.hpp>

#include "naive/conv.hpp"
#include "naive/int8.hpp"
#include "support.hpp"

using namespace inlay;

namespace {

tensor<float> noise(const shape& sizes, std::uint64_t seed, double low = -1, double high = 1) {
  const auto values = support::noise_values<float>(sizes.size(), seed, low, high);
  return from<float>(sizes, std::span<const float>(values));
}

parameter<float> in_8_bits(const tensor<float>& w, std::optional<value_range> input = {}) {
  return parameter<float>(tensor<float>::represented(std::make_shared<int8_weight<>>(w, input)));
}

std::span<const float> part(const tensor<float>& t, std::int64_t row, std::int64_t length) {
  return t.values().subspan(static_cast<std::size_t>(row * length), static_cast<std::size_t>(length));
}

double worst(const tensor<float>& got, const std::vector<double>& expected) {
  return support::difference(got.values(), expected);
}

std::vector<double> linear_by_definition(const tensor<float>& x, const tensor<float>& w, const tensor<float>& b,
                                         std::optional<value_range> input) {
  const std::int64_t in = w.dim(1), out = w.dim(0), rows = x.size() / in;
  std::vector<double> y;
  for (std::int64_t i = 0; i < rows; ++i) {
    const auto row = part(x, i, in);
    const naive::whole_numbers a = input ? naive::affine(row, input->low, input->high) : naive::affine(row);
    for (std::int64_t j = 0; j < out; ++j) {
      const naive::whole_numbers c = naive::symmetric(part(w, j, in));
      double sum = 0;
      for (std::size_t p = 0; p < a.q.size(); ++p) sum += a.q[p] * c.q[p];
      y.push_back(sum * a.scale * c.scale + b.data()[j]);
    }
  }
  return y;
}

}  // namespace

TEST_CASE("int8: linear by its definition") {
  for (const std::array<std::int64_t, 3>& sizes :
       {std::array<std::int64_t, 3>{1, 5, 3}, {1, 64, 33}, {7, 33, 65}, {20, 128, 16}})
    for (const bool measured : {false, true}) {
      const std::int64_t rows = sizes[0], in = sizes[1], out = sizes[2];
      const auto input = measured ? std::optional<value_range>({-0.5f, 0.75f}) : std::nullopt;
      const tensor<float> x = noise({rows, in}, 1), w = noise({out, in}, 2), b = noise({out}, 3);
      const auto expected = linear_by_definition(x, w, b, input);
      const parameter<float> q = in_8_bits(w, input);
      support::for_each_isa([&](isa) {
        tensor<float> first;
        support::for_each_thread_count([&](int count) {
          const tensor<float> y = linear(x, q, b);
          if (count == 1) first = y;
          CHECK(worst(y, expected) < 1e-5);
          CHECK(support::same_bits(y.values(), first.values()));
        });
        bool alone = true;
        for (std::int64_t i = 0; i < rows; ++i)
          alone = alone && support::same_bits(linear(x.slice(i, i + 1), q, b).values(), part(first, i, out));
        CHECK(alone);
      });
      CHECK(!q.value().has_elements());
    }
}

TEST_CASE("int8: convolution by its definition") {
  const naive::conv cases[] = {
      {2, 1, 5, 3, {1, 1, 19}, {1, 1, 10}, {1, 1, 3}, {1, 1, 2}, {1, 1, 1}, {0, 0, 1}},
      {3, 1, 7, 4, {1, 9, 8}, {1, 9, 8}, {1, 3, 3}, {1, 1, 1}, {1, 1, 1}, {0, 1, 1}},
      {2, 2, 3, 2, {1, 9, 11}, {1, 5, 4}, {1, 3, 2}, {1, 2, 3}, {1, 2, 1}, {0, 2, 0}},
      {2, 6, 1, 1, {1, 7, 7}, {1, 7, 7}, {1, 3, 3}, {1, 1, 1}, {1, 1, 1}, {0, 1, 1}},
      {1, 1, 20, 8, {1, 20, 20}, {1, 20, 20}, {1, 1, 1}, {1, 1, 1}, {1, 1, 1}, {0, 0, 0}},
      {1, 1, 3, 2, {4, 5, 6}, {3, 4, 5}, {2, 2, 2}, {1, 1, 1}, {1, 1, 1}, {0, 0, 0}},
  };
  for (const naive::conv& c : cases) {
    const std::int64_t image = c.groups * c.c * c.product(c.in), each = c.c * c.product(c.kernel), out = c.groups * c.k;
    const tensor<float> x = noise({c.batch, c.groups * c.c, c.in[0], c.in[1], c.in[2]}, 4, -1, 2),
                        w = noise({out, c.c, c.kernel[0], c.kernel[1], c.kernel[2]}, 5), b = noise({out}, 6);
    std::vector<double> xq, wq;
    for (std::int64_t n = 0; n < c.batch; ++n) {
      const naive::whole_numbers a = naive::affine(part(x, n, image));
      for (const double q : a.q) xq.push_back(q * a.scale);
    }
    for (std::int64_t k = 0; k < out; ++k) {
      const naive::whole_numbers a = naive::symmetric(part(w, k, each));
      for (const double q : a.q) wq.push_back(q * a.scale);
    }
    const auto expected = c.forward(xq, wq, std::vector<double>(b.values().begin(), b.values().end()));
    const parameter<float> q = in_8_bits(w);
    const conv_options<3> options{.stride = {c.stride[0], c.stride[1], c.stride[2]},
                                  .padding = {c.padding[0], c.padding[1], c.padding[2]},
                                  .dilation = {c.dilation[0], c.dilation[1], c.dilation[2]},
                                  .groups = c.groups};
    support::for_each_isa([&](isa) {
      tensor<float> first;
      support::for_each_thread_count([&](int count) {
        const tensor<float> y = conv3d(x, q, b, options);
        if (count == 1) first = y;
        CHECK(worst(y, expected) < 1e-5);
        CHECK(support::same_bits(y.values(), first.values()));
      });
      bool alone = true;
      for (std::int64_t n = 0; n < c.batch; ++n)
        alone = alone && support::same_bits(conv3d(x.slice(n, n + 1), q, b, options).values(),
                                            part(first, n, first.size() / c.batch));
      CHECK(alone);
    });
    CHECK(!q.value().has_elements());
  }
}

TEST_CASE("int8: the same bits when a product is shared out; a warm one takes nothing from the system") {
  const tensor<float> images = noise({4, 8, 33, 31}, 11), kernel = noise({16, 8, 3, 3}, 12), none;
  const parameter<float> q = in_8_bits(noise({512, 700}, 13)), filters = in_8_bits(kernel);
  for (const std::int64_t rows : {1, 8, 200}) {
    const tensor<float> x = noise({rows, 700}, 14);
    tensor<float> first, first_images;
    support::for_each_thread_count([&](int count) {
      const auto run = [&] { return std::pair{linear(x, q, none), conv2d(images, filters, none, {.padding = 1})}; };
      for (int i = 0; i < 10; ++i) run();
      const std::uint64_t pool = memory::stats().allocations;
      const auto [y, filtered] = run();
      CHECK(memory::stats().allocations == pool);
      if (count == 1) first = y, first_images = filtered;
      CHECK(support::same_bits(y.values(), first.values()));
      CHECK(support::same_bits(filtered.values(), first_images.values()));
    });
  }
}

TEST_CASE("int8: activations, a missing bias, rows of zeros, broken numbers") {
  const tensor<float> x = noise({4, 6}, 7), w = noise({5, 6}, 8), none;
  const parameter<float> q = in_8_bits(w);
  const tensor<float> plain = linear(x, q, none);
  for (const activation f : {activation::relu, activation::tanh, activation::sigmoid}) {
    const tensor<float> y = linear(x, q, none, f);
    for (std::int64_t i = 0; i < y.size(); ++i) {
      const double v = plain.data()[i];
      const double expected = f == activation::relu   ? std::max(v, 0.0)
                              : f == activation::tanh ? std::tanh(v)
                                                      : 1 / (1 + std::exp(-v));
      CHECK(y.data()[i] == doctest::Approx(expected).epsilon(1e-5));
    }
  }
  const tensor<float> zero(shape{2, 6});
  for (const float y : linear(zero, q, none).values()) CHECK(y == 0);
  CHECK(linear(tensor<float>(shape{0, 6}), q, none).shape() == shape{0, 5});

  tensor<float> broken = x;
  broken.write([](std::span<float> values) { values[7] = std::numeric_limits<float>::quiet_NaN(); });
  const tensor<float> y = linear(broken, q, none);
  for (std::int64_t j = 0; j < 5; ++j) {
    CHECK(support::is_nan(y(1, j)));
    CHECK(y(0, j) == plain(0, j));
  }
}

TEST_CASE("int8: elements are the steps that were taken; gradients pass through them") {
  const tensor<float> w = noise({5, 6}, 9), x = noise({3, 6}, 10), none;
  const parameter<float> q = in_8_bits(w);
  CHECK(!q.trainable());
  const autograd::tape tape;
  const variable<float> leaf = tape.leaf(x);
  const variable<float> y = linear(leaf, q, none);
  CHECK(support::same_bits(y.value().values(), linear(x, q, none).values()));
  sum(y).backward();
  for (std::int64_t i = 0; i < 5; ++i) {
    const naive::whole_numbers row = naive::symmetric(part(w, i, 6));
    for (std::int64_t j = 0; j < 6; ++j)
      CHECK(q.value()(i, j) == doctest::Approx(row.q[static_cast<std::size_t>(j)] * row.scale).epsilon(1e-6));
  }
  for (std::int64_t j = 0; j < 6; ++j) {
    double expected = 0;
    for (std::int64_t i = 0; i < 5; ++i) expected += q.value()(i, j);
    CHECK(leaf.grad()(0, j) == doctest::Approx(expected).epsilon(1e-5));
  }
  CHECK(!q.has_grad());
}

TEST_CASE("int8: weights that do not fit are refused") {
  constexpr float inf = std::numeric_limits<float>::infinity();
  CHECK_THROWS_AS(int8_weight<>(tensor<float>({4})), shape_error);
  CHECK_THROWS_AS(int8_weight<>(tensor<float>({2, 0})), shape_error);
  CHECK_THROWS_AS(int8_weight<>(tensor<float>({1, kernels::int8_most_products + 1})), value_error);
  CHECK_THROWS_AS(int8_weight<>(tensor<float>({2, 2}, inf)), value_error);
  CHECK_THROWS_AS(int8_weight<>(tensor<float>({2, 2}, std::numeric_limits<float>::quiet_NaN())), value_error);
  CHECK_THROWS_AS(int8_weight<>(tensor<float>({2, 2}), value_range{1, 2}), value_error);
  CHECK_THROWS_AS(int8_weight<>(tensor<float>({2, 2}), value_range{0, inf}), value_error);
  CHECK_THROWS_AS(int8_weight<>(tensor<std::int8_t>({2, 2}), tensor<float>({3}, 1), {}), shape_error);
  CHECK_THROWS_AS(int8_weight<>(tensor<std::int8_t>({2, 2}), tensor<float>({2}, 0), {}), value_error);
  const int8_weight<> zeros(tensor<float>({2, 2}));
  CHECK(zeros.scales()(0) == 1);
  CHECK(zeros.parts().size() == 2);
  CHECK(int8_weight<>(tensor<float>({2, 2}), value_range{-1, 2}).parts().size() == 3);
}
