// Shows: (the pass behind loss::cross_entropy)
// The fused cross-entropy against loops and central differences at every size, level and thread count; scores that
// would overflow, weights and ignored rows, and what does not fit. PyTorch's numbers stand in loss/cross_entropy.cpp.
#include <inlay/ops/cross_entropy.hpp>

#include <doctest/doctest.h>

#include <inlay/testing/check_gradient.hpp>

#include "naive/arrays.hpp"
#include "tensors.hpp"

using namespace inlay;
using support::check_close;
using support::made_up;

namespace {

tensor<std::int64_t> some_classes(std::int64_t rows, std::int64_t of) {
  tensor<std::int64_t> out({rows});
  out.write([&](std::span<std::int64_t> c) {
    for (std::size_t i = 0; i < c.size(); ++i)
      c[i] = static_cast<std::int64_t>(support::noise(i) % static_cast<std::uint64_t>(of));
  });
  return out;
}

template <class X> auto run(const X& scores, const tensor<std::int64_t>& classes, reduction how) {
  return apply(cross_entropy_op{how}, scores, classes, tensor<detail::element_of<X>>());
}

}  // namespace

TEST_CASE_TEMPLATE("cross_entropy: loops, everywhere", T, float, double) {
  for (const std::int64_t n : {1, 7, 8, 9, 15, 16, 17, 33, 3000}) {
    const tensor<T> scores = made_up<T>({n, 1 + n % 40}, 1, -5, 5);
    const auto classes = some_classes(n, scores.dim(1));
    const naive::array losses = naive::cross_entropy(scores, classes);
    const double total = naive::fold(losses, {true}, 0, [](double a, double b) { return a + b; }).values[0],
                 close = 4 * support::rounding<T>;
    support::check_everywhere<T>([&] { return run(scores, classes, reduction::none); }, losses.values, close);
    support::check_everywhere<T>([&] { return run(scores, classes, reduction::sum); }, {total}, close);
    support::check_everywhere<T>([&] { return run(scores, classes, reduction::mean); },
                                 {total / static_cast<double>(n)}, close);
  }
}

TEST_CASE("cross_entropy: central differences, everywhere") {
  const auto classes = some_classes(4, 17);
  support::for_each_isa([&](isa) {
    for (const reduction how : {reduction::mean, reduction::sum, reduction::none}) {
      const auto r = testing::check_gradient([&](const auto& x) { return run(x, classes, how); },
                                             made_up<double>({4, 17}, 2, -2, 2));
      CHECK_MESSAGE(r.ok(), r.text());
    }
  });
}

TEST_CASE("cross_entropy: weights of classes, ignored rows and smoothing, everywhere") {
  const std::int64_t n = 3000;
  const tensor<double> scores = made_up<double>({n, 17}, 1, -5, 5), weights = made_up<double>({17}, 2, 0, 2);
  const auto classes = some_classes(n, 17);
  support::numbers expected = naive::cross_entropy(scores, classes).values;
  double total = 0, counted = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const std::int64_t c = classes.values()[i];
    const double share = c == 5 ? 0 : weights(c);
    total += expected[i] *= share;
    counted += share;
  }
  const auto weighted = [&](reduction how) { return apply(cross_entropy_op{how, 5}, scores, classes, weights); };
  support::check_everywhere<double>([&] { return weighted(reduction::none); }, expected, 1e-13);
  support::check_everywhere<double>([&] { return weighted(reduction::sum); }, {total}, 1e-13);
  support::check_everywhere<double>([&] { return weighted(reduction::mean); }, {total / counted}, 1e-13);
  const tensor<double> logs = log_softmax(scores) * weights;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    double all = 0;
    for (std::int64_t j = 0; j < 17; ++j) all -= logs(static_cast<std::int64_t>(i), j);
    expected[i] = classes.values()[i] == 5 ? 0 : 0.7 * expected[i] + 0.3 / 17 * all;
  }
  support::check_everywhere<double>(
      [&] {
        return apply(cross_entropy_op{reduction::none, 5, 0.3}, scores, classes, weights);
      },
      expected, 1e-13);
  const auto few = from<std::int64_t>({4}, {0, 5, 16, 3});
  support::for_each_isa([&](isa) {
    for (const reduction how : {reduction::mean, reduction::sum, reduction::none}) {
      const auto r = testing::check_gradient(
          [&](const auto& x) {
            return apply(cross_entropy_op{how, 5, 0.3}, x, few, weights);
          },
          made_up<double>({4, 17}, 2, -2, 2));
      CHECK_MESSAGE(r.ok(), r.text());
    }
  });
}

TEST_CASE("cross_entropy: classes that are given stay as they are") {
  const auto classes = from<std::int64_t>({2}, {-100, 1});
  apply(cross_entropy_op{}, tensor<float>({2, 3}), classes, tensor<float>());
  CHECK(classes(0) == -100);  // another copy was put right for the kernel
}

TEST_CASE_TEMPLATE("cross_entropy: extreme scores", T, float, double) {
  const T inf = std::numeric_limits<T>::infinity();
  const tensor<T> scores = from<T>({3, 3}, {T(1e4), 0, T(-1e4), T(1e4), 0, T(-1e4), -inf, 0, 0});
  const auto classes = from<std::int64_t>({3}, {0, 2, 1});
  support::for_each_isa([&](isa) {
    const variable<T> x{scores};
    const auto losses = run(x, classes, reduction::none);
    check_close(losses.value(), {0, 2e4, std::log(2.0)}, support::rounding<T>);
    losses.backward(ones<T>({3}));
    check_close(x.grad(), {0, 0, 0, 1, 0, -1, 0, -0.5, 0.5}, support::rounding<T>);
  });
}

TEST_CASE("cross_entropy: what does not fit") {
  const tensor<float> scores({2, 3});
  CHECK_THROWS_WITH_AS(run(scores, from<std::int64_t>({2}, {0, 3}), reduction::mean),
                       "[cross_entropy] expected classes from 0 to 2, got 3 in row 1", value_error);
  CHECK_THROWS_AS(run(scores, from<std::int64_t>({2}, {-1, 0}), reduction::mean), value_error);
  CHECK_THROWS_WITH_AS(run(scores, tensor<std::int64_t>({3}), reduction::mean),
                       "[cross_entropy] expected classes (2,) for scores (2, 3), got (3,)", shape_error);
  CHECK_THROWS_WITH_AS(run(tensor<float>({0, 3}), tensor<std::int64_t>({0}), reduction::mean),
                       "[cross_entropy] expected at least one row and one class, got (0, 3)", shape_error);
  CHECK_THROWS_AS(run(tensor<float>({3}), tensor<std::int64_t>({3}), reduction::mean), shape_error);
  CHECK_THROWS_AS(run(tensor<float>({3, 0}), tensor<std::int64_t>({3}), reduction::mean), shape_error);
  CHECK_THROWS_WITH_AS(apply(cross_entropy_op{}, scores, tensor<std::int64_t>({2}), tensor<float>({2})),
                       "[cross_entropy] expected one weight for each class, (3,), got (2,)", shape_error);
}
