// Shows: L1 and L2 penalties
// L1 and L2 penalties: their values and gradients, patterns, frozen and shared weights, what does not match.
#include <inlay/loss/regularization.hpp>

#include <doctest/doctest.h>

#include <memory>

#include "tensors.hpp"

using namespace inlay;
using support::check_close;

namespace {

struct two_weights {
  parameter<double> weight{from<double>({2, 2}, {1, -2, 0, 0.5})};
  parameter<double> bias{from<double>({2}, {-3, 4})};
  buffer<double> statistics{from<double>({2}, {100, 100})};
  static void members(auto& self, auto&& visit) {
    visit("weight", self.weight);
    visit("bias", self.bias);
    visit("statistics", self.statistics);
  }
};

struct pair_of {
  std::shared_ptr<two_weights> first = std::make_shared<two_weights>(), second = first;
  static void members(auto& self, auto&& visit) {
    visit("first", self.first);
    visit("second", self.second);
  }
};

struct mixed {
  parameter<double> wide{from<double>({1}, {3})};
  parameter<float> narrow{from<float>({1}, {2})};
  static void members(auto& self, auto&& visit) {
    visit("wide", self.wide);
    visit("narrow", self.narrow);
  }
};

// Adds the penalty to a loss of 1 and goes back.
template <class F> double trained(F&& penalty) {
  const autograd::tape t;
  const auto loss = t.leaf(tensor<double>(shape{}, 1.0));
  const auto total = loss + penalty(loss);
  CHECK(total.shape() == shape{});
  total.backward();
  return total.item();
}

}  // namespace

TEST_CASE("l1 and l2: values and gradients of all parameters") {
  const two_weights model;
  CHECK(trained([&](const auto& like) { return loss::l1(model, like, {.factor = 0.5}); }) == 1 + 0.5 * 10.5);
  check_close(model.weight.grad(), {0.5, -0.5, 0, 0.5});
  check_close(model.bias.grad(), {-0.5, 0.5});

  const two_weights other;
  CHECK(trained([&](const auto& like) { return loss::l2(other, like, {.factor = 0.5}); }) == 1 + 0.5 * 30.25);
  check_close(other.weight.grad(), {1, -2, 0, 0.5});
  check_close(other.bias.grad(), {-3, 4});

  const tensor<double> like;
  CHECK(loss::l2(model, like).item() == doctest::Approx(30.25e-4).epsilon(1e-14));  // a tensor gives a tensor
}

TEST_CASE("l1 and l2: a pattern, a frozen parameter") {
  two_weights model;
  CHECK(trained([&](const auto& like) { return loss::l2(model, like, {.factor = 1, .match = "b*s"}); }) == 26);
  CHECK_FALSE(model.weight.has_grad());
  check_close(model.bias.grad(), {-6, 8});

  freeze(model, "bias");
  CHECK(trained([&](const auto& like) { return loss::l1(model, like, {.factor = 1}); }) ==
        11.5);  // counted all the same
  check_close(model.weight.grad(), {1, -1, 0, 1});
  CHECK_FALSE(model.bias.has_grad());
}

TEST_CASE("l1 and l2: a shared weight counts once") {
  const pair_of model;
  CHECK(loss::l1(model, tensor<double>(), {.factor = 1}).item() == 10.5);
}

TEST_CASE("l1 and l2: what does not match") {
  const two_weights model;
  const tensor<double> like;
  CHECK_THROWS_WITH_AS(loss::l1(model, like, {.match = "conv*"}),
                       "[l1] expected a pattern that matches a parameter, got conv*", value_error);
  CHECK_THROWS_AS(loss::l2(model, like, {.match = "statistics"}), value_error);
  const mixed both;
  CHECK_THROWS_WITH_AS(loss::l2(both, like), "[l2] expected parameters of float64, got narrow of float32", type_error);
  CHECK(loss::l2(both, like, {.factor = 1, .match = "wide"}).item() == 9);
  CHECK(loss::l2(both, tensor<float>(), {.factor = 1, .match = "narrow"}).item() == 4);
}
