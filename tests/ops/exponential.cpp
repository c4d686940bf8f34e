// exp, log and sqrt against PyTorch, central differences and the standard library at every size, level and thread
// count.
#include <inlay/ops/exponential.hpp>

#include <doctest/doctest.h>

#include <inlay/testing/check_gradient.hpp>

#include "naive/arrays.hpp"
#include "tensors.hpp"

using namespace inlay;
using support::variables;

namespace {

const tensor<double> x = from<double>({2, 3}, {0.125, 0.5, 2, 0.25, 3, 1});
const std::vector<double> dy = {1, -2, 0.5, 0.25, 3, -1};

}  // namespace

TEST_CASE("exponentials: PyTorch's values and gradients") {
  // torch.exp, torch.log, torch.sqrt: (f(x) * dy).sum().backward()
  support::check_golden("exp", [](const variables& v) { return exp(v[0]); }, {x}, dy,
                        {1.1331484530668263, 1.6487212707001282, 7.38905609893065, 1.2840254166877414,
                         20.085536923187668, 2.718281828459045},
                        {{1.1331484530668263, -3.2974425414002564, 3.694528049465325, 0.32100635417193535,
                          60.256610769563004, -2.718281828459045}});
  support::check_golden(
      "log", [](const variables& v) { return log(v[0]); }, {x}, dy,
      {-2.0794415416798357, -0.6931471805599453, 0.6931471805599453, -1.3862943611198906, 1.0986122886681098, 0},
      {{8, -4, 0.25, 1, 1, -1}});
  support::check_golden("sqrt", [](const variables& v) { return sqrt(v[0]); }, {x}, dy,
                        {0.3535533905932738, 0.7071067811865476, 1.4142135623730951, 0.5, 1.7320508075688772, 1},
                        {{1.414213562373095, -1.414213562373095, 0.17677669529663687, 0.25, 0.8660254037844387, -0.5}});
}

TEST_CASE("exponentials: central differences") {
  const auto result = testing::check_gradient([](const auto& v) { return log(sqrt(v) + exp(v * -0.5)); }, x);
  CHECK_MESSAGE(result.ok(), result.text());
}

TEST_CASE_TEMPLATE("exponentials: the standard library's, everywhere", T, float, double) {
  for (const std::int64_t n : {1, 7, 8, 9, 15, 16, 17, 33, 70001}) {
    const tensor<T> in = support::made_up<T>({n}, static_cast<std::uint64_t>(n), 0.01, 9);
    const naive::array values(in);
    const double close = support::rounding<T>;
    support::check_everywhere<T>([&] { return exp(in); },
                                 naive::map(values, [](double v) { return std::exp(v); }).values, close);
    support::check_everywhere<T>([&] { return log(in); },
                                 naive::map(values, [](double v) { return std::log(v); }).values, close);
    support::check_everywhere<T>([&] { return sqrt(in); },
                                 naive::map(values, [](double v) { return std::sqrt(v); }).values, close);
  }
}

TEST_CASE_TEMPLATE("exponentials: outside their domain", T, float, double) {
  const T inf = std::numeric_limits<T>::infinity();
  const tensor<T> edge = from<T>({4}, {-inf, T{-1}, T{0}, inf});
  support::check_everywhere<T>([&] { return exp(edge); }, {0, std::exp(-1.0), 1, HUGE_VAL}, support::rounding<T>);
  support::check_everywhere<T>([&] { return log(edge); }, {NAN, NAN, -HUGE_VAL, HUGE_VAL}, 0);
  support::check_everywhere<T>([&] { return sqrt(edge); }, {NAN, NAN, 0, HUGE_VAL}, 0);
}
