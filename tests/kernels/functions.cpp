// Shows: (functions of one value and their gradients)
// Every function and its gradient equal their formulas in long double at every size and level, in place too, and write
// nothing but their output.
#include <inlay/kernels/functions.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "support.hpp"

using namespace inlay;
namespace function = kernels::function;

namespace {

using exact = long double;

// One function: both kernels, and what a scalar gives. Gradients are checked against differences of the formula.
template <class T> struct subject {
  const char* name;
  void (*value)(isa level, std::int64_t count, const T* x, T* y);
  void (*gradient)(isa level, std::int64_t count, const T* dy, const T* x, const T* y, T* dx);
  exact (*formula)(exact x);
  T low, high;
};

template <class F, class T> void value(isa level, std::int64_t count, const T* x, T* y) {
  dispatch<kernels::map<F, T>>(level, count, y, F{}, x);
}
template <class F, class T> void gradient(isa level, std::int64_t count, const T* dy, const T* x, const T* y, T* dx) {
  using G = kernels::gradient_of<F>;
  dispatch<kernels::map<G, T>>(level, count, dx, G{}, dy, F::from_result ? y : x);
}

template <class T>
const subject<T> subjects[] = {
    {"exp", value<function::exp, T>, gradient<function::exp, T>, [](exact x) { return std::exp(x); }, -9, 9},
    {"log", value<function::log, T>, gradient<function::log, T>, [](exact x) { return std::log(x); }, T(0.1), 9},
    {"sqrt", value<function::sqrt, T>, gradient<function::sqrt, T>, [](exact x) { return std::sqrt(x); }, T(0.1), 9},
    {"abs", value<function::abs, T>, gradient<function::abs, T>, [](exact x) { return std::abs(x); }, -3, 3},
    {"sign", value<function::sign, T>, gradient<function::sign, T>, [](exact x) -> exact { return x > 0 ? 1 : -1; }, -3,
     3},
    {"clamp", value<function::clamp, T>, gradient<function::clamp, T>, [](exact x) { return x; }, -3, 3},
    {"pow", value<function::pow, T>, gradient<function::pow, T>, [](exact x) { return x; }, -3, 3},
    {"relu", value<function::relu, T>, gradient<function::relu, T>, [](exact x) { return x > 0 ? x : 0; }, -3, 3},
    {"leaky_relu", value<function::leaky_relu, T>, gradient<function::leaky_relu, T>,
     [](exact x) { return x > 0 ? x : 0.01L * x; }, -3, 3},
    {"elu", value<function::elu, T>, gradient<function::elu, T>, [](exact x) { return x > 0 ? x : std::expm1(x); }, -9,
     3},
    {"tanh", value<function::tanh, T>, gradient<function::tanh, T>, [](exact x) { return std::tanh(x); }, -3, 3},
    {"sigmoid", value<function::sigmoid, T>, gradient<function::sigmoid, T>,
     [](exact x) { return 1 / (1 + std::exp(-x)); }, -9, 9},
    {"silu", value<function::silu, T>, gradient<function::silu, T>, [](exact x) { return x / (1 + std::exp(-x)); }, -9,
     9},
    {"gelu", value<function::gelu, T>, gradient<function::gelu, T>,
     [](exact x) { return x * std::erfc(-x / std::sqrt(2.0L)) / 2; }, -6, 6},
    {"gelu_tanh", value<function::gelu_tanh, T>, gradient<function::gelu_tanh, T>,
     [](exact x) { return x / 2 * (1 + std::tanh(std::sqrt(2 / std::acos(-1.0L)) * (x + 0.044715L * x * x * x))); }, -6,
     6},
    {"softplus", value<function::softplus, T>, gradient<function::softplus, T>,
     [](exact x) { return std::log1p(std::exp(x)); }, -9, 9},
    {"hardswish", value<function::hardswish, T>, gradient<function::hardswish, T>,
     [](exact x) { return x * std::min(std::max(x + 3, exact{0}), exact{6}) / 6; }, -5, 5},
};

}  // namespace

TEST_CASE_TEMPLATE("functions: values and gradients, every size and level", T, float, double) {
  for (const auto& f : subjects<T>)
    for (const std::int64_t count : support::edge_sizes) {
      const auto x = support::noise_values<T>(count, 1, f.low, f.high), dy = support::noise_values<T>(count, 2);
      std::vector<exact> values, slopes;
      for (std::size_t i = 0; i < x.size(); ++i) {
        const exact at = x[i], h = 1e-7L;
        values.push_back(f.formula(at));
        slopes.push_back(dy[i] * (f.formula(at + h) - f.formula(at - h)) / (2 * h));
      }
      support::for_each_isa([&](isa level) {
        INFO(std::string(f.name), " of ", count);
        support::guarded<T> y(count), dx(count), onto{std::span<const T>(x)}, back{std::span<const T>(dy)};
        f.value(level, count, x.data(), y.data());
        f.gradient(level, count, dy.data(), x.data(), y.data(), dx.data());
        CHECK(support::difference(y.values(), values) <= (sizeof(T) == 4 ? 1e-6 : 2e-15));
        CHECK(support::difference(dx.values(), slopes) <= (sizeof(T) == 4 ? 2e-6 : 1e-10));
        f.value(level, count, onto.data(), onto.data());
        f.gradient(level, count, back.data(), x.data(), y.data(), back.data());
        CHECK((support::same_bits(onto.values(), y.values()) && support::same_bits(back.values(), dx.values())));
        CHECK((y.intact() && dx.intact() && onto.intact() && back.intact()));
      });
    }
}

TEST_CASE_TEMPLATE("functions: what they hold decides", T, float, double) {
  const std::vector<T> x{-4, -1, T(-0.25), 0, T(0.5), 2, 3};
  const auto apply = [&](isa level, auto f) {
    std::vector<T> y(x.size());
    dispatch<kernels::map<decltype(f), T>>(level, static_cast<std::int64_t>(x.size()), y.data(), f, x.data());
    return y;
  };
  support::for_each_isa([&](isa level) {
    CHECK(apply(level, function::clamp{-1, 2}) == std::vector<T>{-1, -1, T(-0.25), 0, T(0.5), 2, 2});
    CHECK(apply(level, function::leaky_relu{0.5}) == std::vector<T>{-2, T(-0.5), T(-0.125), 0, T(0.5), 2, 3});
    CHECK(apply(level, function::pow{2}) == std::vector<T>{16, 1, T(0.0625), 0, T(0.25), 4, 9});
    CHECK(apply(level, function::pow{3}) == std::vector<T>{-64, -1, T(-0.015625), 0, T(0.125), 8, 27});
    CHECK(apply(level, function::pow{0}) == std::vector<T>(7, 1));
    CHECK(apply(level, function::softplus{1, 1}).back() == 3);  // above the threshold
    CHECK(support::difference(std::span<const T>(apply(level, function::elu{2})),
                              std::vector<double>{2 * std::expm1(-4.0), 2 * std::expm1(-1.0), 2 * std::expm1(-0.25), 0,
                                                  0.5, 2, 3}) <= (sizeof(T) == 4 ? 5e-7 : 1e-15));
  });
}

TEST_CASE_TEMPLATE("functions: NaN and infinities go where they should", T, float, double) {
  constexpr T inf = std::numeric_limits<T>::infinity(), nan = std::numeric_limits<T>::quiet_NaN();
  support::for_each_isa([&](isa level) {
    const std::vector<T> x{nan, inf, -inf, -T{0}, 2};
    std::vector<T> y(5);
    value<function::relu, T>(level, 5, x.data(), y.data());
    CHECK(support::is_nan(y[0]));
    CHECK(std::vector<T>{y.begin() + 1, y.end()} == std::vector<T>{inf, 0, 0, 2});
    const std::vector<T> dy{1, nan, 3, nan, 5}, output{0, 0, 4, 4, nan};
    gradient<function::relu, T>(level, 5, dy.data(), x.data(), output.data(), y.data());
    CHECK(std::vector<T>{y[0], y[1], y[2], y[4]} == std::vector<T>{0, 0, 3, 0});
    CHECK(support::is_nan(y[3]));
    value<function::sign, T>(level, 5, x.data(), y.data());
    CHECK((support::is_nan(y[0]) && y[1] == 1 && y[2] == -1 && y[3] == 0));
  });
}
