// relu, tanh and sigmoid against PyTorch, central differences and the plain formulas at every size, level and thread
// count; NaN stays.
#include <inlay/ops/activation.hpp>

#include <doctest/doctest.h>

#include <inlay/testing/check_gradient.hpp>

#include "naive/arrays.hpp"
#include "tensors.hpp"

using namespace inlay;
using support::made_up;
using support::variables;

namespace {

const tensor<double> x = from<double>({2, 3}, {-1.5, 0.5, 2, 0.25, -0.75, 1});
const std::vector<double> dy = {1, -2, 0.5, 0.25, 3, -1};

template <class T> void check_sizes() {
  for (const std::int64_t n : {1, 7, 8, 9, 15, 16, 17, 33, 70001}) {
    const tensor<T> in = made_up<T>({n}, static_cast<std::uint64_t>(n), -6, 6);
    const naive::array values(in);
    const double close = support::rounding<T>;
    support::check_everywhere<T>([&] { return relu(in); },
                                 naive::map(values, [](double v) { return v > 0 ? v : 0; }).values, 0);
    support::check_everywhere<T>([&] { return tanh(in); },
                                 naive::map(values, [](double v) { return std::tanh(v); }).values, close);
    support::check_everywhere<T>([&] { return sigmoid(in); },
                                 naive::map(values, [](double v) { return 1 / (1 + std::exp(-v)); }).values, close);
  }
}

}  // namespace

TEST_CASE("activations: PyTorch's values and gradients") {
  // torch.relu, torch.tanh, torch.sigmoid: (f(x) * dy).sum().backward()
  support::check_golden("relu", [](const variables& v) { return relu(v[0]); }, {x}, dy, {0, 0.5, 2, 0.25, 0, 1},
                        {{0, -2, 0.5, 0.25, 0, -1}});
  support::check_golden("tanh", [](const variables& v) { return tanh(v[0]); }, {x}, dy,
                        {-0.9051482536448664, 0.46211715726000974, 0.9640275800758169, 0.24491866240370913,
                         -0.6351489523872873, 0.7615941559557649},
                        {{0.1807066389236486, -1.5728954659318548, 0.035325412426582214, 0.2350037122015945,
                          1.7897574248439945, -0.41997434161402614}});
  support::check_golden("sigmoid", [](const variables& v) { return sigmoid(v[0]); }, {x}, dy,
                        {0.18242552380635635, 0.6224593312018546, 0.8807970779778823, 0.5621765008857981,
                         0.320821300824607, 0.7310585786300049},
                        {{0.14914645207033286, -0.470007424403189, 0.05249679270175331, 0.06153352068439959,
                          0.6536849812854421, -0.19661193324148185}});
}

TEST_CASE("activations: central differences") {
  const auto result = testing::check_gradient([](const auto& v) { return sigmoid(tanh(relu(v * 2.0) + v)); }, x);
  CHECK_MESSAGE(result.ok(), result.text());
}

TEST_CASE_TEMPLATE("activations: the formulas, everywhere", T, float, double) { check_sizes<T>(); }

TEST_CASE_TEMPLATE("activations: extremes", T, float, double) {
  const T inf = std::numeric_limits<T>::infinity(), nan = std::numeric_limits<T>::quiet_NaN();
  const tensor<T> edge = from<T>({5}, {-inf, T{-100}, T{0}, inf, nan});
  support::check_everywhere<T>([&] { return relu(edge); }, {0, 0, 0, HUGE_VAL, NAN}, 0);
  support::check_everywhere<T>([&] { return tanh(edge); }, {-1, -1, 0, 1, NAN}, support::rounding<T>);
  support::check_everywhere<T>([&] { return sigmoid(edge); }, {0, 0, 0.5, 1, NAN}, support::rounding<T>);
}

TEST_CASE("relu has no gradient at 0, and operands keep their values") {
  const variable<float> v{tensor<float>({2})};
  relu(v).backward(ones<float>({2}));
  support::check_close(v.grad(), {0, 0});
  const tensor<float> kept = from<float>({2}, {-1, 1});
  (void)relu(kept);
  support::check_close(kept, {-1, 1});
}
