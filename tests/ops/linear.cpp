// Shows: linear
// linear against PyTorch, central differences and index loops: any leading axes, with and without bias and activation.
#include <inlay/ops/linear.hpp>

#include <doctest/doctest.h>

#include <inlay/testing/check_gradient.hpp>

#include "naive/arrays.hpp"
#include "tensors.hpp"

using namespace inlay;
using support::check_close;
using support::made_up;
using support::variables;

namespace {

const tensor<double> x = from<double>({2, 3}, {-1.5, 0.5, 2, 0.25, -0.75, 1});
const tensor<double> w = from<double>({2, 3}, {0.5, -1, 0.25, 1.5, 0.75, -0.5}), b = from<double>({2}, {0.1, -0.2});

const activation finishes[] = {activation::none, activation::relu, activation::tanh, activation::sigmoid};

double finish(activation f, double v) {
  return f == activation::relu      ? std::max(v, 0.0)
         : f == activation::tanh    ? std::tanh(v)
         : f == activation::sigmoid ? 1 / (1 + std::exp(-v))
                                    : v;
}

}  // namespace

TEST_CASE("linear: PyTorch's values and gradients") {
  // F.linear(x, w, b), F.linear(x, w, b).tanh(): (y * dy).sum().backward()
  const std::vector<double> dy = {1, -2, 0.5, 3};
  support::check_golden("linear", [](const variables& v) { return linear(v[0], v[1], v[2]); }, {x, w, b}, dy,
                        {-0.65, -3.075, 1.225, -0.8875},
                        {{-2.5, -2.5, 1.25, 4.75, 1.75, -1.375}, {-1.375, 0.125, 2.5, 3.75, -3.25, -1}, {1.5, 1}});
  support::check_golden("tanh linear", [](const variables& v) { return linear(v[0], v[1], v[2], activation::tanh); },
                        {x, w, b}, dy,
                        {-0.5716699660851172, -0.9957421205680717, 0.8411229016320433, -0.7101567370243542},
                        {{0.31110383695832095, -0.6859398938661407, 0.1767959917956601, 2.303676405952673,
                          0.9690180377575289, -0.7069520802446218},
                         {-0.9732261417705999, 0.22690462580683596, 1.492643031927528, 0.3972509446239912,
                          -1.1237717992591747, 1.4530417092703671},
                         {0.819449582051287, 1.470036967923567}});
}

TEST_CASE_TEMPLATE("linear: index loops, everywhere", T, float, double) {
  for (const std::int64_t n : {1, 7, 8, 9, 15, 16, 17, 33, 150}) {
    const std::int64_t rows = n == 150 ? 200 : 1 + n % 5, in = n == 150 ? 90 : 8 + n % 3;
    const tensor<T> a = made_up<T>({rows, in}, 1), weight = made_up<T>({n, in}, 2), bias = made_up<T>({n}, 3);
    const naive::array product = naive::matmul(a, weight, false, true);
    for (const activation f : finishes) {
      const naive::array expected =
          naive::zip(product, naive::array(bias), [&](double v, double c) { return finish(f, v + c); });
      support::check_everywhere<T>([&] { return linear(a, weight, bias, f); }, expected.values,
                                   support::rounding<T> * static_cast<double>(in));
    }
    support::check_everywhere<T>([&] { return linear(a, weight); }, product.values,
                                 support::rounding<T> * static_cast<double>(in));
  }
}

TEST_CASE("linear: central differences, for any leading axes") {
  for (const shape& sizes : {shape{3}, shape{4, 3}, shape{2, 1, 3}}) {
    for (const activation f : finishes) {
      const auto result = testing::check_gradient(
          [&](const auto& a, const auto& weight, const auto& bias) { return linear(a, weight, bias, f); },
          testing::gradient_options{}, made_up<double>(sizes, 4), w, b + 3.0);
      CHECK_MESSAGE(result.ok(), sizes.text(), "\n", result.text());
    }
    CHECK(linear(made_up<double>(sizes, 4), w, b).shape() == sizes.with(-1, 2));
  }
}

TEST_CASE("linear: no rows, no features") {
  CHECK(linear(tensor<double>({0, 3}), w, b).shape() == shape{0, 2});
  check_close(linear(tensor<double>({2, 0}), tensor<double>({2, 0}), b), {0.1, -0.2, 0.1, -0.2});  // the bias is left
  const variable<double> none{tensor<double>({0, 3})}, weight{w}, bias{b};
  linear(none, weight, bias).backward(tensor<double>({0, 2}));
  check_close(weight.grad(), {0, 0, 0, 0, 0, 0});
  check_close(bias.grad(), {0, 0});
}

TEST_CASE("linear: shapes that do not fit") {
  CHECK_THROWS_WITH_AS(linear(tensor<double>({2, 4}), w, b),
                       "[linear] expected input (…, 3), got (2, 4); did you forget to flatten?", shape_error);
  CHECK_THROWS_WITH_AS(linear(x, b, b), "[linear] expected a weight (out, in), got (2,)", shape_error);
  CHECK_THROWS_WITH_AS(linear(x, w, tensor<double>({3})), "[linear] expected a bias (2,), got (3,)", shape_error);
  CHECK_THROWS_AS(linear(tensor<double>(shape{}), w, b), shape_error);
}
