// Shows: `check_gradient` for your own functions
// check_gradient accepts right gradients and catches each kind of wrong one.
#include <inlay/testing/check_gradient.hpp>

#include <doctest/doctest.h>

#include <inlay/ops/softmax.hpp>

#include "tensors.hpp"

using namespace inlay;
using testing::check_gradient;

namespace {

const tensor<double> x = support::made_up<double>({3, 4}, 1, 0.2, 1);

// 3 x, with a gradient to choose and a slip to choose.
struct triple_op {
  static constexpr const char* name = "triple";
  double slope = 3;
  std::int64_t spare = -1;  // an element that gets no gradient
  template <class T> tensor<T> forward(const tensor<T>& v) const { return v * T{3}; }
  template <class T> void backward(const tensor<T>& dy, const gradient<T>& dx) const {
    tensor<T> g = dy * static_cast<T>(slope);
    if (spare >= 0) g.write([&](std::span<T> values) { values[static_cast<std::size_t>(spare)] = 0; });
    if (dx.wanted()) dx.add(g);
  }
};
testing::report check_triple(double slope, std::int64_t spare = -1, const testing::gradient_options& options = {}) {
  return check_gradient([&](const auto& v) { return apply(triple_op{slope, spare}, v); }, options, x);
}

// A softmax that forgets how its elements depend on each other: a plain sum of the output would not notice.
struct careless_softmax {
  static constexpr const char* name = "careless";
  template <class T> tensor<T> forward(const tensor<T>& v) const { return softmax(v); }
  template <class T> void backward(const tensor<T>&, const gradient<T>& dx) const {
    if (dx.wanted()) dx.add(tensor<T>(dx.shape()));
  }
};

bool has(const testing::report& r, const char* line) { return r.text().find(line) != std::string::npos; }

}  // namespace

TEST_CASE("right gradients pass, for any number of inputs") {
  CHECK(check_triple(3).ok());
  const auto r = check_gradient([](const auto& a, const auto& b) { return softmax(a * b) / a; }, x, x + 1.0);
  CHECK_MESSAGE(r.ok(), r.text());
  CHECK(has(r, "ok    tensors and variables give the same result\n"));
  CHECK(has(r, "ok    gradient of input 1\n"));
}

TEST_CASE("wrong gradients fail, and say where") {
  CHECK_FALSE(check_triple(3.001).ok());
  CHECK_FALSE(check_triple(-3).ok());
  CHECK_FALSE(check_triple(NAN).ok());
  const auto one = check_triple(3, 5);
  CHECK_FALSE(one.ok());
  CHECK(has(one, "FAIL  gradient of input 0: element 5 is 0, differences give "));
}

TEST_CASE("a gradient that is zero everywhere fails unless that is expected") {
  const auto constant = [](const auto& v) { return v * 0.0; };
  const auto r = check_gradient(constant, x);
  CHECK_FALSE(r.ok());
  CHECK(has(r, "FAIL  gradient of input 0 is not zero everywhere\n"));
  CHECK(check_gradient(constant, testing::gradient_options{.allow_zero = true}, x).ok());
  const auto careless = [](const auto& v) { return apply(careless_softmax{}, v); };
  CHECK_FALSE(check_gradient(careless, testing::gradient_options{.allow_zero = true}, x).ok());
}

TEST_CASE("a form for variables that computes something else fails") {
  const auto two_faced = [](const auto& v) {
    if constexpr (requires { v.tape(); })
      return v * 2.0;
    else
      return v * 3.0;
  };
  const auto r = check_gradient(two_faced, x);
  CHECK_FALSE(r.ok());
  CHECK(has(r, "FAIL  tensors and variables give the same result\n"));
}

TEST_CASE("large inputs are sampled evenly, at other directions on request") {
  const tensor<double> large = support::made_up<double>({1000}, 2);
  int calls = 0;
  const auto r = check_gradient(
      [&](const auto& v) {
        ++calls;
        return v * v;
      },
      testing::gradient_options{.most_elements = 10, .seed = 9}, large);
  CHECK_MESSAGE(r.ok(), r.text());
  CHECK(calls < 40);
}
