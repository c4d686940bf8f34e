// Shows: variables: gradients through graphs of any length
// Variables gather gradients: reuse, diamonds, broadcasting, accumulation, kept and released graphs, chains of any
// length, and errors that leave everything usable.
#include <inlay/autograd/variable.hpp>

#include <doctest/doctest.h>

#include <inlay/ops/arithmetic.hpp>
#include <inlay/ops/functions.hpp>
#include <inlay/ops/reduce.hpp>

#include "tensors.hpp"

using namespace inlay;
using autograd::tape;
using support::check_close;

namespace {

const tensor<double> x3 = from<double>({3}, {0.5, -1.0, 2.0});

}  // namespace

TEST_CASE("a variable that is used more than once gets the sum of its gradients") {
  const tape t;
  const auto x = t.leaf(x3);
  const auto y = x * x + x;
  check_close(y.value(), {0.75, 0, 6});
  sum(y).backward();
  check_close(x.grad(), {2, -1, 5});  // 2 x + 1

  const auto a = t.leaf(x3);
  const auto middle = tanh(a), left = middle * middle, right = -middle;
  sum(left * right + middle).backward();  // -m^3 + m, three paths through m
  std::vector<double> expected;
  for (const double v : x3.values())
    expected.push_back((1 - 3 * std::tanh(v) * std::tanh(v)) * (1 - std::tanh(v) * std::tanh(v)));
  check_close(a.grad(), expected);
}

TEST_CASE("a graph with exponentially many paths is walked once per step") {
  const tape t;
  const auto x = t.leaf(tensor<double>(shape{}, 1.0));
  auto y = x + 0.0;
  for (int i = 0; i < 60; ++i) y = y + y;
  y.backward();
  CHECK(x.grad().item() == 0x1p60);
}

TEST_CASE("gradients accumulate over backward passes until zero_grad") {
  const tape t;
  const auto x = t.leaf(x3);
  const auto y = sum(x * x);
  y.backward({.keep_graph = true});
  const tensor<double> once = x.grad();
  y.backward({.keep_graph = true});
  check_close(x.grad(), {2, -4, 8});
  check_close(once, {1, -2, 4});  // a copy taken in between stays what it was
  sum(x).backward();              // another graph over the same leaf
  check_close(x.grad(), {3, -3, 9});
  x.zero_grad();
  CHECK_FALSE(x.has_grad());
  y.backward();
  check_close(x.grad(), {1, -2, 4});
}

TEST_CASE("backward releases the graph, and says so when asked again") {
  const tape t;
  const auto x = t.leaf(x3);
  const auto middle = x * 2.0, y = sum(middle * x);
  y.backward();
  const char* released =
      "[backward] part of this graph was released by an earlier backward(); pass {.keep_graph = true} to that one";
  CHECK_THROWS_WITH_AS(y.backward(), released, state_error);
  CHECK_THROWS_WITH_AS(sum(middle + x).backward(), released, state_error);
  check_close(x.grad(), {2, -4, 8});  // the failed calls added nothing
  check_close(middle.value(), {1, -2, 4});
  sum(x * 3.0).backward();
  check_close(x.grad(), {5, -1, 11});
}

TEST_CASE("detach keeps the value and cuts the history") {
  const tape t;
  const auto x = t.leaf(x3);
  const auto cut = (x * x).detach();
  CHECK_FALSE(cut.requires_grad());
  CHECK(cut.tape().get() == x.tape().get());
  sum(cut * x).backward();
  check_close(x.grad(), {0.25, 1, 4});  // cut counts as a constant
  CHECK_THROWS_WITH_AS(
      sum(cut).backward(),
      "[backward] nothing here needs a gradient; expected a trainable parameter or tape.leaf() among the inputs",
      state_error);
}

TEST_CASE("bare variables work alone, with each other and with those of a tape") {
  const variable<double> a{x3}, b{x3};
  sum(a * b).backward();
  check_close(a.grad(), {0.5, -1, 2});
  CHECK_FALSE(a.tape());

  const tape t;
  const auto c = t.leaf(x3);
  const variable<double> d{x3};
  const auto left = c * d, right = d * c;
  CHECK(left.tape().get() == c.tape().get());
  CHECK(right.tape().get() == c.tape().get());
  sum(left + right).backward();
  check_close(c.grad(), {1, -2, 4});
  check_close(d.grad(), {1, -2, 4});
}

TEST_CASE("operands of two tapes are refused") {
  const tape one, two;
  const auto a = one.leaf(x3), b = two.leaf(x3);
  const char* refused =
      "[mul] expected operands of one tape, got two; give the other one as .value() or through tape.input()";
  CHECK_THROWS_WITH_AS(a * b, refused, state_error);
  CHECK_THROWS_WITH_AS(a * two.input(x3), refused, state_error);
  CHECK_NOTHROW(a * b.value());
  sum(a * one.input(b.value())).backward();
  check_close(a.grad(), {0.5, -1, 2});
}

TEST_CASE("a result of several elements needs its gradient, of its shape") {
  const tape t;
  const auto x = t.leaf(x3);
  const auto y = x * 2.0;
  CHECK_THROWS_WITH_AS(
      y.backward(), "[backward] expected a result of one element, got (3,); reduce it (sum, mean) or pass its gradient",
      shape_error);
  CHECK_THROWS_WITH_AS(y.backward(tensor<double>({2})), "[backward] expected a gradient of shape (3,), got (2,)",
                       shape_error);
  CHECK_THROWS_AS(y.backward(tensor<double>({1, 3})), shape_error);
  CHECK_FALSE(x.has_grad());
  y.backward(from<double>({3}, {1, 0, -1}));
  check_close(x.grad(), {2, 0, -2});
  const auto one = t.leaf(tensor<double>({1, 1}, 3.0));  // one element of any rank is enough
  (one * one).backward();
  check_close(one.grad(), {6});
}

TEST_CASE("a variable without a gradient says why") {
  const tape t;
  const auto x = t.leaf(x3), constant = t.input(x3);
  const auto y = x * constant;
  sum(y).backward();
  for (const auto* none : {&constant, &y}) {
    CHECK_FALSE(none->has_grad());
    CHECK_THROWS_WITH_AS(
        none->grad(), "[grad] this variable has no gradient; expected a leaf (tape.leaf) that a backward() has reached",
        state_error);
  }
  CHECK_FALSE(t.input(tensor<std::int64_t>({2})).requires_grad());
}

TEST_CASE("backward from a leaf is the gradient itself") {
  const variable<double> x{tensor<double>(shape{}, 4.0)};
  x.backward();
  x.backward();
  CHECK(x.grad().item() == 2);
  CHECK(x.item() == 4);
}

TEST_CASE("a chain of 100,000 operations goes forward, backward and away on little stack") {
  const tape t;
  const auto x = t.leaf(tensor<double>(shape{}, 1.0));
  for (const bool backward : {true, false}) {  // released by backward, and freed with its edges
    auto y = x + 0.0;
    for (int i = 0; i < 100000; ++i) y = y * 1.0 + 1.0;
    CHECK(y.item() == 100001);
    if (backward) y.backward();
  }
  CHECK(x.grad().item() == 1);
  auto kept = -x;
  for (int i = 0; i < 100000; ++i) kept = -kept;
  kept.backward({.keep_graph = true});
  CHECK(x.grad().item() == 0);
}

TEST_CASE("variables outlive their tape") {
  auto y = [] {
    const tape t;
    return t.leaf(x3);
  }();
  const auto z = sum(y * y);
  z.backward();
  check_close(y.grad(), {1, -2, 4});
}

TEST_CASE("a variable whose memory is passed on keeps nothing of it") {
  const tape t;
  const auto x = t.leaf(x3);
  auto a = x * 2.0;
  const double* memory = std::as_const(a.value()).data();
  const auto y = relu(std::move(a));  // its gradient needs the result alone: written in place
  CHECK(std::as_const(y.value()).data() == memory);
  sum(y).backward();
  check_close(x.grad(), {2, 0, 2});
  check_close(x.value(), {0.5, -1, 2});
}
