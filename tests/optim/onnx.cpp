// Shows: (the ONNX standard's node tests)
// The node tests of the ONNX standard for Adagrad, Adam and Momentum: one update each, from a state in the middle of a
// training.
#include <inlay/optim.hpp>

#include <doctest/doctest.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "support.hpp"

using namespace inlay;

namespace {

#include "golden/onnx_training.inc"

struct weights {
  std::vector<parameter<float>> x;
  static void members(auto& self, auto&& visit) { visit("x", self.x); }
};

using values = std::vector<std::vector<float>>;

tensor<float> vector_of(const std::vector<float>& of) {
  return from<float>({static_cast<std::int64_t>(of.size())}, std::span<const float>(of));
}

// The optimiser's cell for weight i.
detail::cell<float>& state_of(const optim::optimizer& optimiser, std::size_t i, const char* name) {
  for (const member& m : members_of(optimiser))
    if (m.path == "state.x." + std::to_string(i) + "." + name) return static_cast<detail::cell<float>&>(*m.cell);
  throw value_error("state_of", {"no ", name});
}

void put(const optim::optimizer& optimiser, const char* name, const values& state) {
  for (std::size_t i = 0; i < state.size(); ++i) state_of(optimiser, i, name).assign(vector_of(state[i]));
}

void check(const tensor<float>& got, const std::vector<float>& expected) {
  CHECK(support::difference(got.values(), expected) <= 1e-6);
}

void check_state(const optim::optimizer& optimiser, const char* name, const values& expected) {
  for (std::size_t i = 0; i < expected.size(); ++i) check(state_of(optimiser, i, name).typed(), expected[i]);
}

// All counters: of the optimiser and of its weights.
void put_steps(const optim::optimizer& optimiser, std::int64_t steps) {
  for (const member& m : members_of(optimiser))
    if (m.size != nullptr) *m.size = steps;
}

struct prepared {
  std::unique_ptr<optim::optimizer> optimiser;
  const char *state0, *state1 = nullptr;
};

prepared make(weights& model, const onnx_optimizer_case& t) {
  const std::string op = t.op;
  prepared out;
  if (op == "Adagrad") {
    out = {std::make_unique<optim::adagrad>(model, optim::adagrad_config{.learning_rate = t.rate,
                                                                         .learning_rate_decay = t.decay_factor,
                                                                         .weight_decay = t.norm_coefficient,
                                                                         .epsilon = t.epsilon}),
           "sum"};
    put_steps(*out.optimiser, t.steps);
  } else if (op == "Adam") {
    out = {std::make_unique<optim::adam>(
               model, optim::adam_config{.learning_rate = t.rate,
                                         .beta1 = t.alpha,
                                         .beta2 = t.beta,
                                         .epsilon = t.epsilon,
                                         .weight_decay = t.norm_coefficient,
                                         .epsilon_placement = optim::epsilon_placement::uncorrected}),
           "exp_avg", "exp_avg_sq"};
    // Its T counts this update too, and with T = 0 nothing is corrected: as after so many that the betas' powers are 0.
    put_steps(*out.optimiser, t.steps > 0 ? t.steps - 1 : 1'000'000);
  } else {
    out = {std::make_unique<optim::sgd>(model, optim::sgd_config{.learning_rate = t.rate,
                                                                 .momentum = t.alpha,
                                                                 .dampening = 1 - static_cast<double>(t.beta),
                                                                 .weight_decay = t.norm_coefficient,
                                                                 .nesterov = t.nesterov}),
           "momentum_buffer"};
    put_steps(*out.optimiser, t.steps);
  }
  put(*out.optimiser, out.state0, t.state0);
  if (out.state1 != nullptr) put(*out.optimiser, out.state1, t.state1);
  return out;
}

}  // namespace

TEST_CASE("onnx: every node test of an optimiser") {
  int cases = 0;
  for (const onnx_optimizer_case& t : onnx_optimizer_cases) {
    INFO(std::string(t.name));
    REQUIRE(t.norm_coefficient_post == 0);  // a decay of the new weight: none has it
    ++cases;
    weights model;
    for (const auto& x : t.x) model.x.emplace_back(vector_of(x));
    const prepared from = make(model, t);
    for (std::size_t i = 0; i < t.g.size(); ++i)
      model.x[i].shared_cell()->accumulate(vector_of(t.g[i]), [](auto&, const auto&) {});
    from.optimiser->step();
    for (std::size_t i = 0; i < t.new_x.size(); ++i) check(model.x[i].value(), t.new_x[i]);
    check_state(*from.optimiser, from.state0, t.new_state0);
    if (from.state1 != nullptr) check_state(*from.optimiser, from.state1, t.new_state1);
  }
  CHECK(cases == 7);
}
