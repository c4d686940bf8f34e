// Shows: layer norm
// layer_norm against PyTorch, index loops and central differences: any leading axes, with and without weight and bias.
#include <inlay/ops/layer_norm.hpp>

#include <doctest/doctest.h>

#include <inlay/testing/check_gradient.hpp>

#include "naive/norm.hpp"
#include "tensors.hpp"

using namespace inlay;
using support::check_close;
using support::made_up;
using support::variables;

namespace {

const tensor<double> x = from<double>({2, 3}, {-1.5, 0.5, 2, 0.25, -0.75, 1});
const tensor<double> w = from<double>({3}, {1.5, -0.5, 0.25}), b = from<double>({3}, {0.5, 1, -2}), none;

constexpr auto normalise = [](const auto& in, const auto& weight, const auto& bias) {
  return layer_norm(in, weight, bias);
};

}  // namespace

TEST_CASE("layer_norm: PyTorch's values and gradients") {
  const std::vector<double> dy = {1, -2, 0.5, 0.25, 3, -1};
  // F.layer_norm(x, (3,), w, b), F.layer_norm(x, (3,)): (y * dy).sum().backward()
  support::check_golden("layer_norm", [](const variables& v) { return layer_norm(v[0], v[1], v[2]); }, {x, w, b}, dy,
                        {-1.4180813736753513, 0.9418763220098378, -1.7093816100491892, 0.6743697615533295,
                         1.6393557923622082, -1.7093837307444508},
                        {{-0.05655037193550283, 0.1319562403363086, -0.07540586840080576, 1.0721401564141972,
                          -0.45950721958975205, -0.6126329368244452},
                         {-1.2496592888580127, -4.068629466133897, -0.5812282971205751},
                         {1.25, 1, -0.5}});
  support::check_golden("alone", [](const variables& v) { return layer_norm(v[0], none, none); }, {x}, dy,
                        {-1.2787209157835675, 0.11624735598032429, 1.1624735598032432, 0.11624650770221964,
                         -1.2787115847244164, 1.1624650770221967},
                        {{0.53725263888727, -1.253586474604022, 0.7163338357167519, -0.4288605866660504,
                          0.18385265293998443, 0.24500793372606533}});
}

TEST_CASE("layer_norm: central differences, for any leading axes, with every part missing") {
  for (const shape& sizes : {shape{3}, shape{4, 3}, shape{2, 2, 3}, shape{140, 3}}) {
    INFO(sizes.text());
    const tensor<double> in = made_up<double>(sizes, 1, -2, 3);
    const testing::gradient_options options;
    for (const auto& r : {testing::check_gradient(normalise, options, in, w, b),
                          testing::check_gradient(normalise, options, in, w, none),
                          testing::check_gradient(normalise, options, in, none, b),
                          testing::check_gradient(normalise, options, in, none, none)})
      CHECK_MESSAGE(r.ok(), r.text());
  }
}

TEST_CASE_TEMPLATE("layer_norm: loops, everywhere; the same bits for any number of threads", T, float, double) {
  for (const std::int64_t n : {2, 7, 8, 9, 15, 16, 17, 33, 770}) {
    const std::int64_t rows = n == 770 ? 300 : 40 * n;
    INFO("rows ", rows, " length ", n);
    const tensor<T> in = made_up<T>({rows, n}, 1, -3, 5), slope = made_up<T>({rows, n}, 2), weight = made_up<T>({n}, 3),
                    bias = made_up<T>({n}, 4);
    naive::list y;
    for (std::int64_t r = 0; r < rows; ++r) {
      const naive::list row = naive::channel(in.data(), 1, rows, n, r);
      naive::list out = naive::normalised(row, naive::moments(row), 1e-5L);
      for (std::int64_t i = 0; i < n; ++i) y.push_back(out[static_cast<std::size_t>(i)] * weight(i) + bias(i));
    }
    const auto gradient_of = [&](int which) {
      const variable<T> a{in}, b1{weight}, b2{bias};
      layer_norm(a, b1, b2).backward(slope);
      return which == 0 ? a.grad() : which == 1 ? b1.grad() : b2.grad();
    };
    // Two values that are nearly equal are scaled up a great deal, and their rounding with them.
    const double tolerance = (n == 2 ? 300 : n < 10 ? 20 : 4) * support::rounding<T>;
    support::check_everywhere<T>([&] { return layer_norm(in, weight, bias); }, {y.begin(), y.end()}, tolerance);
    for (const int which : {0, 1, 2}) {
      const tensor<T> expected = gradient_of(which);
      support::check_everywhere<T>([&] { return gradient_of(which); },
                                   {expected.values().begin(), expected.values().end()}, 20 * tolerance);
    }
  }
}

TEST_CASE("layer_norm: rows far from 0, rows of equal values") {
  check_close(layer_norm(from<float>({2, 3}, {1e6f, 1e6f + 1, 1e6f + 2, 7, 7, 7}), tensor<float>(), tensor<float>()),
              {-std::sqrt(1.5), 0, std::sqrt(1.5), 0, 0, 0}, 2e-5);
}

TEST_CASE("layer_norm: epsilon") {
  const double root = std::sqrt(0.25 + 0.5);
  check_close(layer_norm(from<double>({2}, {1, 2}), none, none, {.epsilon = 0.5}), {-0.5 / root, 0.5 / root});
}

TEST_CASE("layer_norm: no rows, no features") {
  CHECK(layer_norm(tensor<double>({0, 3}), w, b).shape() == shape{0, 3});
  CHECK(layer_norm(tensor<double>({2, 0}), none, none).shape() == shape{2, 0});
  const variable<double> in{tensor<double>({0, 3})}, weight{w}, bias{b};
  layer_norm(in, weight, bias).backward(tensor<double>({0, 3}));
  CHECK(in.grad().shape() == shape{0, 3});
  check_close(weight.grad(), {0, 0, 0});
  check_close(bias.grad(), {0, 0, 0});
}

TEST_CASE("layer_norm: shapes that do not fit, and two tapes") {
  CHECK_THROWS_WITH_AS(layer_norm(tensor<double>({2, 4}), w, b), "[layer_norm] expected input (…, 3), got (2, 4)",
                       shape_error);
  CHECK_THROWS_WITH_AS(layer_norm(x, w, tensor<double>({4})), "[layer_norm] expected a bias (3,), got (4,)",
                       shape_error);
  CHECK_THROWS_WITH_AS(layer_norm(x, x, b), "[layer_norm] expected a weight (D,), got (2, 3)", shape_error);
  CHECK_THROWS_WITH_AS(layer_norm(tensor<double>(shape{}), none, none), "[layer_norm] expected input (…, D), got ()",
                       shape_error);
  const autograd::tape one, two;
  CHECK_THROWS_AS(layer_norm(one.leaf(x), two.leaf(w), b), state_error);
}
