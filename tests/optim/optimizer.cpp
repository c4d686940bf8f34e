// Shows: groups of weights, state kept in files
// What optimisers share: they follow moved models, leave frozen weights alone, move a shared weight once, notice a
// weight that their model forgot to list, put weights into groups, and are kept in files.
#include <inlay/optim/optimizer.hpp>

#include <doctest/doctest.h>

#include <memory>

#include <inlay/io/save.hpp>
#include <inlay/nn/dense.hpp>
#include <inlay/optim/adagrad.hpp>
#include <inlay/optim/adam.hpp>
#include <inlay/optim/adamw.hpp>
#include <inlay/optim/lion.hpp>
#include <inlay/optim/rmsprop.hpp>
#include <inlay/optim/sgd.hpp>

#include "files.hpp"
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

TEST_CASE("groups: the first that matches, anywhere in the model, and one that matches nothing is an error") {
  traces::model<double> m;
  optim::sgd sgd{m,
                 {.learning_rate = 1,
                  .weight_decay = 0.5,
                  .groups = {{.match = "b", .learning_rate_scale = 0.25}, {.match = "*", .weight_decay = 0.0}}}};
  m.w.shared_cell()->accumulate(ones<double>({3}), [](auto&, const auto&) {});
  m.b.shared_cell()->accumulate(ones<double>({2}), [](auto&, const auto&) {});
  sgd.step();
  check_close(m.w.value(), {-0.5, -2, 1});
  check_close(m.b.value(), {0.25 - 0.25 * 1.125, -0.75 - 0.25 * 0.625});

  CHECK_THROWS_WITH_AS(optim::sgd(m, {.groups = {{.match = "w"}, {.match = "bias*"}}}),
                       "[sgd] expected groups that match a parameter, got .match = \"bias*\"", value_error);
  CHECK_THROWS_WITH_AS(optim::adam(m, {.groups = {{.match = "w", .learning_rate_scale = -1}}}),
                       "[adam] expected .learning_rate_scale of 0 or more, got -1", value_error);
  CHECK_THROWS_WITH_AS(optim::adam(m, {.groups = {{.match = "w", .weight_decay = -1}}}),
                       "[adam] expected .weight_decay of 0 or more, got -1", value_error);
  CHECK(m.w.shared_cell()->optimisers == 1);
}

TEST_CASE("the momentum can be changed on the way, of optimisers that have one") {
  one_weight m;
  optim::sgd sgd{m, {.learning_rate = 1, .momentum = 0.5}}, plain{m};
  backward(m);
  sgd.step();  // velocity (1, 2)
  sgd.set_momentum(0.25);
  CHECK(sgd.momentum() == 0.25);
  sgd.step();
  check_close(m.w.value(), {-1.25, -3.5});
  for (const double bad : {-0.5, 1.0, double{NAN}}) CHECK_THROWS_AS(sgd.set_momentum(bad), value_error);
  CHECK_THROWS_WITH_AS(sgd.set_momentum(1), "[momentum] expected a momentum from 0 to below 1, got 1", value_error);
  CHECK_THROWS_WITH_AS(plain.set_momentum(0.5), "[momentum] expected an optimiser with momentum, got one without",
                       state_error);
  CHECK(sgd.momentum() == 0.25);
  optim::adam adam{m};
  CHECK(adam.momentum() == 0.9);
  optim::rmsprop rmsprop{m, {.momentum = 0.75}};
  CHECK(rmsprop.momentum() == 0.75);
}

namespace {

// Two types of weights, one of them a matrix. Each step's gradient depends on the weights.
struct mixed {
  parameter<float> w{support::made_up<float>({4, 9}, 1)};
  parameter<double> b{support::made_up<double>({5}, 2)};
  static void members(auto& self, auto&& visit) {
    visit("w", self.w);
    visit("b", self.b);
  }
};

void train(const mixed& m, optim::optimizer& optimiser, int steps) {
  const auto give = [&]<class T>(const parameter<T>& p, std::uint64_t seed) {
    if (!p.trainable()) return;
    const tensor<T> g = p.value() * support::made_up<T>(p.shape(), seed) + support::made_up<T>(p.shape(), seed + 1);
    p.shared_cell()->accumulate(g, [](auto&, const auto&) {});
  };
  for (int i = 0; i < steps; ++i) {
    const auto seed = 100 + 2 * static_cast<std::uint64_t>(optimiser.steps());
    give(m.w, seed);
    give(m.b, seed);
    optimiser.step();
    optimiser.zero_grad();
  }
}

bool same(const mixed& a, const mixed& b) {
  return support::same_bits(a.w.value(), b.w.value()) && support::same_bits(a.b.value(), b.b.value());
}

// Ten steps, and five twice with files between them.
template <class Optimiser, class Config> void check_resumed(const Config& config) {
  const support::temporary_folder folder;
  mixed whole, first, second;
  Optimiser uninterrupted{whole, config}, before{first, config};
  train(whole, uninterrupted, 10);
  train(first, before, 5);
  io::save(first, folder / "model");
  io::save(before, folder / "state");
  for (const bool map : {false, true}) {
    Optimiser after{second, config};
    train(second, after, map ? 3 : 0);  // what is there already goes
    io::load(second, folder / "model", {.map = map});
    CHECK(io::load(after, folder / "state", {.map = map}).complete());
    CHECK(after.steps() == 5);
    train(second, after, 5);
    CHECK(same(second, whole));
    CHECK(after.steps() == 10);
  }
}

std::vector<std::string> paths_of(const optim::optimizer& optimiser) {
  std::vector<std::string> out;
  for (const member& m : members_of(optimiser)) out.push_back(m.path);
  return out;
}

}  // namespace

TEST_CASE("state: saved after five steps and loaded, five more give the bits of ten") {
  using placement = optim::epsilon_placement;
  const std::vector<optim::group> groups{{.match = "b", .learning_rate_scale = 0.5, .weight_decay = 0.25}};
  check_resumed<optim::sgd>(optim::sgd_config{.learning_rate = 0.05});
  check_resumed<optim::sgd>(optim::sgd_config{.momentum = 0.9, .dampening = 0.5, .weight_decay = 0.1});
  check_resumed<optim::sgd>(optim::sgd_config{.momentum = 0.9, .nesterov = true, .groups = groups});
  check_resumed<optim::sgd>(optim::sgd_config{.momentum = 0.9, .moving_average = true});
  check_resumed<optim::adam>(optim::adam_config{});
  check_resumed<optim::adam>(optim::adam_config{
      .weight_decay = 0.1, .amsgrad = true, .epsilon_placement = placement::uncorrected, .groups = groups});
  check_resumed<optim::adamw>(optim::adamw_config{});
  check_resumed<optim::adamw>(optim::adamw_config{.amsgrad = true, .groups = groups});
  check_resumed<optim::rmsprop>(optim::rmsprop_config{});
  check_resumed<optim::rmsprop>(
      optim::rmsprop_config{.weight_decay = 0.1, .momentum = 0.9, .centered = true, .groups = groups});
  check_resumed<optim::adagrad>(optim::adagrad_config{
      .learning_rate_decay = 0.5, .weight_decay = 0.1, .initial_accumulator = 0.5, .groups = groups});
  check_resumed<optim::lion>(optim::lion_config{.weight_decay = 0.1, .groups = groups});
}

TEST_CASE("state: rates and momenta that were changed on the way are kept") {
  const support::temporary_folder folder;
  mixed m;
  optim::adam adam{m}, other{m};
  adam.set_learning_rate(0.25);
  adam.set_momentum(0.5);
  io::save(adam, folder / "state");
  io::load(other, folder / "state");
  CHECK(other.learning_rate() == 0.25);
  CHECK(other.momentum() == 0.5);
}

TEST_CASE("state: what the list names, and before the first step it is as it would be then") {
  using names = std::vector<std::string>;
  mixed m;
  const optim::sgd plain{m};
  CHECK(paths_of(plain) == names{"steps", "learning_rate", "momentum", "state.w.steps", "state.b.steps"});
  const optim::sgd moving{m, {.momentum = 0.5}};
  CHECK(paths_of(moving) == names{"steps", "learning_rate", "momentum", "state.w.steps", "state.w.momentum_buffer",
                                  "state.b.steps", "state.b.momentum_buffer"});
  freeze(m, "b");
  const optim::adam adam{m, {.amsgrad = true}};
  CHECK(paths_of(adam) == names{"steps", "learning_rate", "momentum", "state.w.steps", "state.w.exp_avg",
                                "state.w.exp_avg_sq", "state.w.max_exp_avg_sq"});
  const optim::rmsprop rmsprop{m, {.momentum = 0.5}};
  CHECK(paths_of(rmsprop) ==
        names{"steps", "learning_rate", "momentum", "state.w.steps", "state.w.square_avg", "state.w.momentum_buffer"});
  const optim::adagrad adagrad{m, {.initial_accumulator = 0.5}};
  const std::vector<member> list = members_of(adagrad);
  CHECK(list[4].path == "state.w.sum");
  CHECK(list[4].cell->shape() == shape{4, 9});
  CHECK(static_cast<const detail::cell<float>&>(*list[4].cell).typed()(3, 8) == 0.5f);
  CHECK(parameter_count(adagrad) == 0);
}

TEST_CASE("state: a file that does not fit leaves everything as it was") {
  const support::temporary_folder folder;
  mixed m, n;
  optim::sgd sgd{m, {.momentum = 0.9}};
  train(m, sgd, 2);
  io::save(m, folder / "model");
  io::save(optim::adam(m), folder / "adam");
  io::save(optim::sgd(m), folder / "plain sgd");
  one_weight other;
  io::save(optim::sgd(other, {.momentum = 0.9}), folder / "other model");
  io::save(sgd, folder / "good");
  io::tensor_file file = io::load_tensors(folder / "good");
  file.tensors["state.w.momentum_buffer"] = tensor<float>({9, 4});
  io::save_tensors(file, folder / "shape");
  file.tensors["state.w.momentum_buffer"] = tensor<double>({4, 9});
  io::save_tensors(file, folder / "type");
  support::write_bytes(folder / "no file", "nothing");

  optim::sgd twin{n, {.momentum = 0.9}};
  train(n, twin, 2);
  for (const char* name : {"model", "adam", "plain sgd", "other model", "shape", "type", "no file", "missing"}) {
    INFO(std::string(name));
    CHECK_THROWS_AS(io::load(sgd, folder / name), io_error);
  }
  CHECK(sgd.steps() == 2);
  CHECK(sgd.learning_rate() == 0.01);
  train(m, sgd, 3);
  train(n, twin, 3);
  CHECK(same(m, n));
}

TEST_CASE("state: of weights that are frozen, from the start and later") {
  const support::temporary_folder folder;
  const auto run = [&](bool interrupted) {
    auto m = std::make_unique<mixed>();
    freeze(*m, "b");
    auto adam = std::make_unique<optim::adam>(*m, optim::adam_config{.learning_rate = 0.1});
    const auto through_files = [&](const char* frozen) {
      if (!interrupted) return;
      io::save(*m, folder / "model");
      io::save(*adam, folder / "state");
      m = std::make_unique<mixed>();
      adam = std::make_unique<optim::adam>(*m);
      if (frozen[0] == 'b') freeze(*m, frozen);
      io::load(*m, folder / "model");
      io::load(*adam, folder / "state");
      if (frozen[0] == 'w') freeze(*m, frozen);
    };
    train(*m, *adam, 3);
    through_files("b");  // never moved: frozen before the file is loaded
    train(*m, *adam, 3);
    unfreeze(*m, "b");
    train(*m, *adam, 2);
    freeze(*m, "w");
    train(*m, *adam, 2);
    through_files("w");  // moved before: frozen after the file is loaded
    train(*m, *adam, 2);
    unfreeze(*m, "w");
    train(*m, *adam, 2);
    CHECK(adam->steps() == 14);
    return m;
  };
  CHECK(same(*run(true), *run(false)));
}

namespace {

// Columns that stay.
class columns final : public selection {
 public:
  void apply(tensor<float>& t) const override { keep(t); }
  void apply(tensor<double>& t) const override { keep(t); }

 private:
  template <class T> static void keep(tensor<T>& t) {
    tensor<T> out({4, 3});
    for (std::int64_t i = 0; i < 4; ++i)
      for (std::int64_t j = 0; j < 3; ++j) out(i, j) = std::as_const(t)(i, 3 * j);
    t = out;
  }
};

}  // namespace

TEST_CASE("state: follows what was taken out of a weight, into files too") {
  const support::temporary_folder folder;
  mixed m, n;
  optim::rmsprop rmsprop{m, {.momentum = 0.5, .centered = true}};
  train(m, rmsprop, 4);
  m.w.shared_cell()->take_out(std::make_shared<columns>());
  io::save(m, folder / "model");  // before the next step
  io::save(rmsprop, folder / "state");

  io::load(n, folder / "model", {.reshape = true});
  optim::rmsprop resumed{n, {.momentum = 0.5, .centered = true}};
  io::load(resumed, folder / "state");
  train(m, rmsprop, 3);
  train(n, resumed, 3);
  CHECK(m.w.shape() == shape{4, 3});
  CHECK(same(m, n));
}

TEST_CASE("state: a weight that a file gave another shape is an error, before anything moves") {
  const support::temporary_folder folder;
  mixed m, small;
  optim::adam adam{m};
  train(m, adam, 2);
  const tensor<double> before = m.b.value();
  small.w = parameter<float>();
  small.w = parameter<float>{tensor<float>({2, 2}, 1)};
  io::save(small, folder / "small");
  io::load(m, folder / "small", {.reshape = true});
  const char* text =
      "[optimizer] expected w to have the shape of its state, (4, 9), got (2, 2); make a new optimiser for weights of "
      "other shapes";
  m.b.assign(before);
  m.b.shared_cell()->accumulate(ones<double>({5}), [](auto&, const auto&) {});
  m.w.shared_cell()->accumulate(ones<float>({2, 2}), [](auto&, const auto&) {});
  CHECK_THROWS_WITH_AS(adam.step(), text, state_error);
  CHECK(adam.steps() == 2);
  CHECK(support::same_bits(m.b.value(), before));

  optim::adam fresh{m};  // and the other way round: state of another shape
  mixed large;
  optim::adam of_large{large};
  io::save(of_large, folder / "large");
  io::load(fresh, folder / "large", {.reshape = true});
  CHECK_THROWS_AS(fresh.step(), state_error);
}
