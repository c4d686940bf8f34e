// What optimisers share: they follow moved models, leave frozen weights alone, move a shared weight once, and notice a
// weight that their model forgot to list.
#include <inlay/optim/optimizer.hpp>

#include <doctest/doctest.h>

#include <memory>

#include <inlay/nn/dense.hpp>
#include <inlay/optim/adam.hpp>
#include <inlay/optim/sgd.hpp>

#include "optim/traces.hpp"

using namespace inlay;
using autograd::tape;
using support::check_close;

namespace {

struct one_weight {
  parameter<double> w{ones<double>({2})};
  auto operator()(const auto& x) const { return x * w; }
  static void members(auto& self, auto&& visit) { visit("w", self.w); }
};

struct forgetful {
  one_weight listed;
  nn::dense<double> forgotten{{.in = 2, .out = 3}};
  auto operator()(const auto& x) const { return forgotten(listed(x)); }
  static void members(auto& self, auto&& visit) { visit("listed", self.listed); }
};

// One module at two places.
struct shared_twice {
  std::shared_ptr<one_weight> first = std::make_shared<one_weight>(), second = first;
  auto operator()(const auto& x) const { return (*second)((*first)(x)); }
  static void members(auto& self, auto&& visit) {
    visit("first", self.first);
    visit("second", self.second);
  }
};

struct weightless {
  static void members(auto&, auto&&) {}
};

const tensor<double> x2 = from<double>({1, 2}, {1, 2});

template <class... Model> void backward(const Model&... models) {
  auto y = tape().input(x2);
  ((y = models(y)), ...);
  sum(y).backward();
}

}  // namespace

TEST_CASE("only weights with a gradient move") {
  traces::model<double> m;
  optim::sgd sgd{m, {.learning_rate = 0.5}};
  sgd.step();
  check_close(m.w.value(), {0.5, -1, 2});
  sum(m.b.in(variable<double>{tensor<double>()})).backward();
  sgd.step();
  check_close(m.w.value(), {0.5, -1, 2});
  check_close(m.b.value(), {-0.25, -1.25});
  sgd.zero_grad();
  CHECK_FALSE(m.b.has_grad());
  sgd.step();
  check_close(m.b.value(), {-0.25, -1.25});
  CHECK(sgd.steps() == 3);
}

TEST_CASE("a frozen weight is left alone and its state stays where it was") {
  one_weight m;
  optim::sgd sgd{m, {.learning_rate = 0.5, .momentum = 0.5}};
  backward(m);
  sgd.step();  // velocity (1, 2)
  check_close(m.w.value(), {0.5, 0});
  freeze(m);
  sgd.zero_grad();
  for (int i = 0; i < 3; ++i) {
    CHECK_THROWS_AS(backward(m), state_error);  // nothing left to train
    sgd.step();
  }
  check_close(m.w.value(), {0.5, 0});
  unfreeze(m);
  backward(m);
  sgd.step();  // velocity (1.5, 3)
  check_close(m.w.value(), {-0.25, -1.5});
}

TEST_CASE("the learning rate can be changed on the way") {
  one_weight m;
  optim::sgd sgd{m, {.learning_rate = 1}};
  sgd.set_learning_rate(0.25);
  CHECK(sgd.learning_rate() == 0.25);
  backward(m);
  sgd.step();
  check_close(m.w.value(), {0.75, 0.5});
  CHECK_THROWS_AS(sgd.set_learning_rate(-1), value_error);
  CHECK_THROWS_AS(sgd.set_learning_rate(NAN), value_error);
  CHECK(sgd.learning_rate() == 0.25);
}

TEST_CASE("an optimiser follows a model that moves, and outlives one that goes") {
  auto m = std::make_unique<one_weight>();
  optim::sgd sgd{*m, {.learning_rate = 1}};
  auto moved = std::make_unique<one_weight>(std::move(*m));
  m.reset();
  backward(*moved);
  sgd.step();
  check_close(moved->w.value(), {0, -1});
  *moved = one_weight();  // an assignment writes into the cell that the optimiser holds
  check_close(moved->w.value(), {1, 1});
  sgd.zero_grad();
  backward(*moved);
  sgd.step();
  check_close(moved->w.value(), {0, -1});
  one_weight larger;
  larger.w = parameter<double>{tensor<double>({3})};
  CHECK_THROWS_AS(*moved = larger, shape_error);  // the state of the optimiser would not fit
  moved.reset();
  sgd.step();
}

TEST_CASE("a weight that members() forgot is an error, before anything moves") {
  forgetful m;
  optim::sgd sgd{m, {.learning_rate = 1}};
  backward(m);
  const char* text =
      "[optimizer] a weight of shape (3,) got a gradient, and no optimiser lists it; is it missing from members()? "
      "If it must not be trained, freeze it";
  CHECK_THROWS_AS(sgd.step(), state_error);
  freeze(m.forgotten, "weight");  // now the bias alone
  sgd.zero_grad();
  backward(m);
  CHECK_THROWS_WITH_AS(sgd.step(), text, state_error);
  check_close(m.listed.w.value(), {1, 1});
  CHECK(sgd.steps() == 0);
  sgd.zero_grad();
  freeze(m.forgotten);
  backward(m.listed);
  sgd.step();
  CHECK(sgd.steps() == 1);
  unfreeze(m.forgotten);
  sgd.zero_grad();
  backward(m);
  CHECK_THROWS_AS(sgd.step(), state_error);
}

TEST_CASE("frozen parts, and parts with an optimiser of their own, are not forgotten") {
  one_weight generator, critic;
  nn::dense<double> fixed{{.in = 2, .out = 2}};
  freeze(fixed);
  optim::sgd one{generator, {.learning_rate = 0.5}};
  optim::adam two{critic};
  for (int i = 0; i < 2; ++i) {
    backward(generator, fixed, critic);
    one.step();
    two.step();
    one.zero_grad();
    two.zero_grad();
    backward(generator, fixed, critic);
    one.step();
    one.zero_grad();
    two.zero_grad();
  }
  CHECK(one.steps() == 4);
  CHECK(two.steps() == 2);
  CHECK_FALSE(fixed.weight.has_grad());
  { const optim::sgd other{fixed}; }
  CHECK(fixed.weight.shared_cell()->optimisers == 0);
}

TEST_CASE("a weight that stands at two places moves once") {
  shared_twice m;
  optim::sgd sgd{m, {.learning_rate = 0.25}};
  backward(m);
  sgd.step();
  check_close(m.first->w.value(), {0.5, 0});  // the gradient is 2 x w
  CHECK(m.first->w.shared_cell()->optimisers == 1);
}

TEST_CASE("a model without parameters is refused") {
  weightless none;
  const char* text = "[sgd] expected a model with parameters, got none; does its members() list them?";
  CHECK_THROWS_WITH_AS(optim::sgd{none}, text, value_error);
}
