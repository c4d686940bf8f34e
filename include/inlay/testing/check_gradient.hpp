// check_gradient: gradients of any function of tensors against central differences, in double.
// A random direction of the output is differentiated, so that errors a plain sum would hide (softmax, norms) show.
#pragma once

#include <cmath>

#include "../ops/arithmetic.hpp"
#include "../ops/reduce.hpp"
#include "report.hpp"

namespace inlay::inline v0_1::testing {

struct gradient_options {
  double step = 1e-6;  // of the difference, relative to values larger than 1
  double absolute = 1e-6, relative = 1e-5;
  std::int64_t most_elements = 400;  // checked per tensor; evenly spread when there are more
  std::uint64_t seed = 1;            // of the direction
  bool allow_zero = false;           // a gradient that is zero everywhere fails unless this is set
};

namespace detail {

// Central differences of `value` with respect to some elements of x, which it sees changed in place; against
// `analytic`.
template <class Value>
void compare_gradient(report& out, const std::string& name, tensor<double>& x, const tensor<double>& analytic,
                      const gradient_options& options, Value value) {
  const std::int64_t stride = std::max<std::int64_t>(1, x.size() / options.most_elements);
  double worst = 0, largest = 0;
  std::string where;
  for (std::int64_t i = 0; i < x.size(); i += stride) {
    const double before = x.values()[static_cast<std::size_t>(i)],
                 step = options.step * std::max(1.0, std::abs(before));
    const auto at = [&](double moved) {
      x.write([&](std::span<double> values) { values[static_cast<std::size_t>(i)] = moved; });
      return value();
    };
    const double numeric = (at(before + step) - at(before - step)) / (2 * step);
    at(before);
    const double given = analytic.values()[static_cast<std::size_t>(i)];
    const double excess = std::abs(given - numeric) / (options.absolute + options.relative * std::abs(numeric));
    largest = std::max(largest, std::abs(given));
    if (!(excess <= worst)) {
      worst = excess;
      where = "element " + std::to_string(i) + " is " + number(given) + ", differences give " + number(numeric);
    }
  }
  out.add(worst <= 1, "gradient of " + name, where);
  if (!options.allow_zero && x.size() > 0) out.add(largest > 0, "gradient of " + name + " is not zero everywhere");
}

}  // namespace detail

// f(x...) is called with tensors for the differences and with variables for the gradient; both must give the same.
template <class F, class... X> report check_gradient(F&& f, const gradient_options& options, tensor<X>... inputs) {
  static_assert((std::is_same_v<X, double> && ...), "gradients are checked in double: float differences say little");
  report out;
  const autograd::tape tape({.seed = 1, .mode = autograd::mode::infer});
  auto variables = std::tuple(tape.leaf(inputs)...);
  const auto result = std::apply(f, variables);
  const tensor<double> plain = f(inputs...);
  out.add(plain.shape() == result.shape() &&
              std::equal(plain.values().begin(), plain.values().end(), result.value().values().begin()),
          "tensors and variables give the same result");

  random::generator g(options.seed);
  const tensor<double> direction = random::uniform<double>(g, plain.shape(), 0.5, 1.5);
  result.backward(direction);
  const auto value = [&] { return sum(f(inputs...) * direction).item(); };
  std::apply(
      [&](auto&... v) {
        std::size_t i = 0;
        const auto check = [&](auto& x, const auto& leaf) {
          const tensor<double> analytic = leaf.has_grad() ? leaf.grad() : zeros<double>(x.shape());
          detail::compare_gradient(out, "input " + std::to_string(i++), x, analytic, options, value);
        };
        (check(inputs, v), ...);
      },
      variables);
  return out;
}
template <class F, class... X> report check_gradient(F&& f, const tensor<X>&... inputs) {
  return check_gradient(std::forward<F>(f), gradient_options{}, inputs...);
}

}  // namespace inlay::inline v0_1::testing
