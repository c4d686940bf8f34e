// Shows: your own operations in ten lines
// apply gives one operation its meanings for tensors, variables, weights and any mix of them; what a user's operation
// does wrong in backward is reported and spoils nothing.
#include <inlay/autograd/apply.hpp>

#include <doctest/doctest.h>

#include <stdexcept>

#include <inlay/ops/arithmetic.hpp>
#include <inlay/ops/reduce.hpp>

#include "tensors.hpp"

using namespace inlay;
using autograd::tape;
using support::check_close;

namespace {

const tensor<double> x3 = from<double>({3}, {0.5, -1.0, 2.0});

// What an operation looks like from outside the library.
struct square_op {
  static constexpr const char* name = "square";
  template <class T> tensor<T> forward(const tensor<T>& x) const { return x * x; }
  template <class T> auto keep(const tensor<T>& x, const tensor<T>&) const { return x; }
  template <class T> void backward(const tensor<T>& dy, const tensor<T>& x, const gradient<T>& dx) const {
    if (dx.wanted()) dx.add(dy * x * T{2});
  }
};

enum class mood { fine, throws, wrong_shape, throws_late, silent };
mood now = mood::fine;

// x + y; its gradient misbehaves on request.
struct moody_op {
  static constexpr const char* name = "moody";
  template <class T> tensor<T> forward(const tensor<T>& x, const tensor<T>& y) const { return x + y; }
  template <class T> void backward(const tensor<T>& dy, const gradient<T>& dx, const gradient<T>& other) const {
    if (now == mood::silent) return;
    if (now == mood::throws) throw std::runtime_error("bad mood");
    if (dx.wanted()) dx.add(now == mood::wrong_shape ? tensor<T>({7}) : dy);
    if (now == mood::throws_late) throw std::runtime_error("bad mood, late");
    if (other.wanted()) other.add(dy);
  }
};

// Takes an operand of another element type, which has no gradient.
struct pick_op {
  static constexpr const char* name = "pick";
  template <class T> tensor<T> forward(const tensor<T>& x, const tensor<std::int64_t>& at) const {
    return tensor<T>(shape{}, x.values()[static_cast<std::size_t>(at.item())]);
  }
  template <class T> auto keep(const tensor<T>&, const tensor<std::int64_t>& at, const tensor<T>&) const { return at; }
  template <class T>
  void backward(const tensor<T>& dy, const tensor<std::int64_t>& at, const gradient<T>& dx,
                const gradient<std::int64_t>& none) const {
    CHECK_FALSE(none.wanted());
    if (!dx.wanted()) return;
    tensor<T> g(dx.shape());
    g.write([&](std::span<T> to) { to[static_cast<std::size_t>(at.item())] = dy.item(); });
    dx.add(g);
  }
};

// Counts what its backward is told.
struct counting_op {
  static constexpr const char* name = "counting";
  int* runs;
  template <class T> tensor<T> forward(const tensor<T>& x) const { return x + T{0}; }
  template <class T> void backward(const tensor<T>& dy, const gradient<T>& dx) const {
    ++*runs;
    if (dx.wanted()) dx.add(dy);
  }
};

auto square(const auto& x) { return apply(square_op{}, x); }
auto moody(const auto& x, const auto& y) { return apply(moody_op{}, x, y); }

}  // namespace

TEST_CASE("a user's operation works on tensors, variables and parameters") {
  static_assert(std::is_same_v<decltype(square(x3)), tensor<double>>);
  check_close(square(x3), {0.25, 1, 4});
  const parameter<double> p{x3};
  static_assert(std::is_same_v<decltype(square(p)), tensor<double>>);
  check_close(square(p), {0.25, 1, 4});
  const tape t;
  const auto x = t.leaf(x3);
  static_assert(std::is_same_v<decltype(square(x)), variable<double>>);
  sum(square(square(x))).backward();
  check_close(x.grad(), {0.5, -4, 32});  // 4 x^3
}

TEST_CASE("operands of all kinds mix in any order") {
  const tape t;
  const parameter<double> p{x3};
  const buffer<double> b{x3};
  const auto x = t.leaf(x3);
  const auto in_front = p * x, behind = x * p, fixed = b * x, mixed = moody(x3, x) * x3;
  for (const auto* y : {&in_front, &behind, &fixed}) check_close(y->value(), {0.25, 1, 4});
  sum(in_front + behind + fixed + mixed).backward();
  check_close(x.grad(), {2, -4, 8});
  check_close(p.grad(), {1, -2, 4});
  static_assert(std::is_same_v<decltype(p * b), tensor<double>>);
  check_close(p * p, {0.25, 1, 4});
}

TEST_CASE("operands without a gradient cost none") {
  int runs = 0;
  const tape t;
  const auto constant = apply(counting_op{&runs}, t.input(x3));
  CHECK_FALSE(constant.requires_grad());
  const auto x = t.leaf(x3), unused = apply(counting_op{&runs}, x);
  sum(constant * x).backward();
  CHECK(runs == 0);
  sum(apply(counting_op{&runs}, x) + unused).backward();
  CHECK(runs == 2);
}

TEST_CASE("an operand of another element type has no gradient") {
  const tape t;
  const auto x = t.leaf(x3);
  const tensor<std::int64_t> second(shape{}, 1);
  CHECK(apply(pick_op{}, x3, second).item() == -1);
  (apply(pick_op{}, x, second) + apply(pick_op{}, x, t.input(second)) * 3.0).backward();
  check_close(x.grad(), {0, 4, 0});
}

TEST_CASE("an exception in a backward reaches the caller and leaves everything usable") {
  const tape t;
  const parameter<double> p{x3};
  const auto x = t.leaf(x3);
  for (const bool keep : {false, true})
    for (const mood bad : {mood::throws, mood::throws_late, mood::wrong_shape}) {
      x.zero_grad();
      auto own = p;
      own.zero_grad();
      const auto left = x * own, y = sum(moody(left, square(x)) * left);
      now = bad;
      if (bad == mood::wrong_shape)
        CHECK_THROWS_WITH_AS(y.backward({.keep_graph = keep}), "[backward] expected a gradient of shape (3,), got (7,)",
                             shape_error);
      else
        CHECK_THROWS_AS(y.backward({.keep_graph = keep}), std::runtime_error);
      now = mood::fine;
      if (keep) {  // the same graph again: nothing half-gathered was left in it
        x.zero_grad();
        own.zero_grad();
        y.backward();
        check_close(x.grad(), {0.625, -5, 40});  // of (x p + x^2) x p by x, where p = x: 5 x^3
      } else {
        CHECK_THROWS_AS(y.backward(), state_error);
      }
      x.zero_grad();
      sum(square(x)).backward();
      check_close(x.grad(), {1, -2, 4});
    }
}

TEST_CASE("a backward that gives nothing stops the gradient") {
  const variable<double> x{x3};
  now = mood::silent;
  sum(moody(x * 2.0, x3) + x).backward();
  now = mood::fine;
  check_close(x.grad(), {1, 1, 1});
}
