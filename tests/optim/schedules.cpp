// Shows: schedules (steps, exponential, linear, polynomial, cosine, one cycle)
// Schedules step by step as those of torch.optim.lr_scheduler, with and without a warm-up before them.
#include <inlay/optim/schedules.hpp>

#include <doctest/doctest.h>

#include <functional>
#include <memory>

#include <inlay/optim/adagrad.hpp>
#include <inlay/optim/adam.hpp>
#include <inlay/optim/sgd.hpp>

#include "optim/traces.hpp"

using namespace inlay;
using support::numbers;

namespace {

using made = std::unique_ptr<optim::schedule>;

struct course {
  const char* name;
  std::function<made(optim::optimizer&)> make;
  numbers rates, momenta = {};
};

template <class Schedule, class Config> std::function<made(optim::optimizer&)> with(const Config& config) {
  return [config](optim::optimizer& of) { return std::make_unique<Schedule>(of, config); };
}

// After each step, and asked for in advance.
void check(const course& t, optim::optimizer& optimiser) {
  INFO(std::string(t.name));
  const made schedule = t.make(optimiser);
  numbers rates, momenta, asked;
  for (std::size_t i = 0; i < t.rates.size(); ++i) {
    CHECK(schedule->steps() == static_cast<std::int64_t>(i));
    rates.push_back(optimiser.learning_rate());
    momenta.push_back(optimiser.momentum());
    asked.push_back(schedule->rate(static_cast<std::int64_t>(i)));
    schedule->step();
  }
  CHECK(support::difference(std::span<const double>(rates), t.rates) <= 1e-14);
  CHECK(asked == rates);
  if (!t.momenta.empty()) CHECK(support::difference(std::span<const double>(momenta), t.momenta) <= 1e-14);
  CHECK(schedule->base_rate() == 0.5);
}

const optim::warm_up warm{.steps = 4, .start = 0.25};

const course table[] = {
    {"StepLR(3, 0.5)",
     with<optim::step_lr>(optim::step_lr_config{.step_size = 3, .gamma = 0.5}),
     {0.5, 0.5, 0.5, 0.25, 0.25, 0.25, 0.125, 0.125, 0.125, 0.0625, 0.0625, 0.0625, 0.03125, 0.03125}},
    {"MultiStepLR([2, 5, 5, 9], 0.5)",
     with<optim::multi_step_lr>(optim::multi_step_lr_config{.milestones = {2, 5, 5, 9}, .gamma = 0.5}),
     {0.5, 0.5, 0.25, 0.25, 0.25, 0.0625, 0.0625, 0.0625, 0.0625, 0.03125, 0.03125, 0.03125, 0.03125, 0.03125}},
    {"ExponentialLR(0.9)",
     with<optim::exponential_lr>(optim::exponential_lr_config{.gamma = 0.9}),
     {0.5, 0.45, 0.405, 0.36450000000000005, 0.32805000000000006, 0.2952450000000001, 0.2657205000000001,
      0.23914845000000007, 0.21523360500000008, 0.19371024450000007, 0.17433922005000008, 0.15690529804500009,
      0.14121476824050008, 0.12709329141645007}},
    {"LinearLR()",
     with<optim::linear_lr>(optim::linear_lr_config{}),
     {0.16666666666666666, 0.23333333333333334, 0.30000000000000004, 0.36666666666666675, 0.43333333333333346,
      0.5000000000000001, 0.5000000000000001, 0.5000000000000001, 0.5000000000000001, 0.5000000000000001,
      0.5000000000000001, 0.5000000000000001, 0.5000000000000001, 0.5000000000000001}},
    {"LinearLR(1, 0.25, 7)",
     with<optim::linear_lr>(optim::linear_lr_config{.start = 1, .end = 0.25, .steps = 7}),
     {0.5, 0.44642857142857145, 0.3928571428571429, 0.33928571428571436, 0.28571428571428575, 0.23214285714285718,
      0.17857142857142858, 0.125, 0.125, 0.125, 0.125, 0.125, 0.125, 0.125}},
    {"PolynomialLR(8, 2)",
     with<optim::polynomial_lr>(optim::polynomial_lr_config{.steps = 8, .power = 2}),
     {0.5, 0.3828125, 0.28125, 0.19531250000000003, 0.12500000000000006, 0.07031250000000003, 0.031250000000000014,
      0.007812500000000003, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0}},
    {"PolynomialLR()",
     with<optim::polynomial_lr>(optim::polynomial_lr_config{}),
     {0.5, 0.4, 0.3, 0.2, 0.09999999999999998, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0}},
    {"CosineAnnealingLR(13, 0.1)",
     with<optim::cosine_annealing_lr>(optim::cosine_annealing_lr_config{.steps = 13, .minimum = 0.1}),
     {0.5, 0.49418836348521045, 0.47709120513064207, 0.4497021496342204, 0.4136129493462314, 0.37092097740850727,
      0.32410733605106473, 0.2758926639489355, 0.229079022591493, 0.18638705065376893, 0.1502978503657798,
      0.1229087948693581, 0.1058116365147896, 0.1}},
    {"CosineAnnealingWarmRestarts(4, 1, 0.1)",
     with<optim::cosine_annealing_lr>(optim::cosine_annealing_lr_config{.steps = 4, .minimum = 0.1, .restarts = true}),
     {0.5, 0.4414213562373095, 0.30000000000000004, 0.1585786437626905, 0.5, 0.4414213562373095, 0.30000000000000004,
      0.1585786437626905, 0.5, 0.4414213562373095, 0.30000000000000004, 0.1585786437626905, 0.5, 0.4414213562373095}},
    {"CosineAnnealingWarmRestarts(2, 2)",
     with<optim::cosine_annealing_lr>(optim::cosine_annealing_lr_config{.steps = 2, .restarts = true, .growth = 2}),
     {0.5, 0.25, 0.5, 0.42677669529663687, 0.25, 0.07322330470336313, 0.5, 0.4809698831278217, 0.42677669529663687,
      0.34567085809127246, 0.25, 0.15432914190872757, 0.07322330470336313, 0.019030116872178315}},
    {"SequentialLR([LinearLR(0.25, 1, 4), StepLR(3, 0.5)])",
     with<optim::step_lr>(optim::step_lr_config{.step_size = 3, .gamma = 0.5, .warm_up = warm}),
     {0.125, 0.21875, 0.3125, 0.40625, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25, 0.125, 0.125, 0.125, 0.0625}},
    {"SequentialLR([LinearLR(0.25, 1, 4), MultiStepLR([2, 5], 0.5)])",
     with<optim::multi_step_lr>(optim::multi_step_lr_config{.milestones = {2, 5}, .gamma = 0.5, .warm_up = warm}),
     {0.125, 0.21875, 0.3125, 0.40625, 0.5, 0.5, 0.25, 0.25, 0.25, 0.125, 0.125, 0.125, 0.125, 0.125}},
    {"SequentialLR([LinearLR(0.25, 1, 4), ExponentialLR(0.9)])",
     with<optim::exponential_lr>(optim::exponential_lr_config{.gamma = 0.9, .warm_up = warm}),
     {0.125, 0.21875, 0.3125, 0.40625, 0.5, 0.45, 0.405, 0.36450000000000005, 0.32805000000000006, 0.2952450000000001,
      0.2657205000000001, 0.23914845000000007, 0.21523360500000008, 0.19371024450000007}},
    {"SequentialLR([LinearLR(0.25, 1, 4), LinearLR(1, 0.25, 7)])",
     with<optim::linear_lr>(optim::linear_lr_config{.start = 1, .end = 0.25, .steps = 7, .warm_up = warm}),
     {0.125, 0.21875, 0.3125, 0.40625, 0.5, 0.44642857142857145, 0.3928571428571429, 0.33928571428571436,
      0.28571428571428575, 0.23214285714285718, 0.17857142857142858, 0.125, 0.125, 0.125}},
    {"SequentialLR([LinearLR(0.25, 1, 4), PolynomialLR(8, 2)])",
     with<optim::polynomial_lr>(optim::polynomial_lr_config{.steps = 8, .power = 2, .warm_up = warm}),
     {0.125, 0.21875, 0.3125, 0.40625, 0.5, 0.3828125, 0.28125, 0.19531250000000003, 0.12500000000000006,
      0.07031250000000003, 0.031250000000000014, 0.007812500000000003, 0.0, 0.0}},
    {"SequentialLR([LinearLR(0.25, 1, 4), CosineAnnealingLR(10, 0.1)])",
     with<optim::cosine_annealing_lr>(optim::cosine_annealing_lr_config{.steps = 10, .minimum = 0.1, .warm_up = warm}),
     {0.125, 0.21875, 0.3125, 0.40625, 0.5, 0.49021130325903073, 0.46180339887498956, 0.41755705045849467,
      0.3618033988749896, 0.3000000000000001, 0.2381966011250106, 0.18244294954150542, 0.13819660112501053,
      0.1097886967409693}},
    {"SequentialLR([LinearLR(0.25, 1, 4), CosineAnnealingWarmRestarts(4, 2, 0.1)])",
     with<optim::cosine_annealing_lr>(
         optim::cosine_annealing_lr_config{.steps = 4, .minimum = 0.1, .restarts = true, .growth = 2, .warm_up = warm}),
     {0.125, 0.21875, 0.3125, 0.40625, 0.5, 0.4414213562373095, 0.30000000000000004, 0.1585786437626905, 0.5,
      0.4847759065022573, 0.4414213562373095, 0.37653668647301797, 0.30000000000000004, 0.22346331352698207}},
    {"OneCycleLR(0.5, 14)",
     with<optim::one_cycle_lr>(optim::one_cycle_lr_config{.max_rate = 0.5, .steps = 14}),
     {0.020000000000000018, 0.1266631440752955, 0.3518440237676215, 0.4953884672967753, 0.49182374846489435,
      0.4595221881348553, 0.40587282697488153, 0.33634191824027254, 0.2580138623413363, 0.17886938786982853,
      0.10697240708611776, 0.0496483959466328, 0.012738012303079851, 2e-06},
     {0.95, 0.92777851165098, 0.8808658283817454, 0.8509607359798385, 0.8516352568480485, 0.858095594755408,
      0.8688255099070633, 0.8827317472789346, 0.8983974211214172, 0.9142263793315516, 0.9286058330061084,
      0.9400706810933978, 0.9474527873505334, 0.95}},
    {"OneCycleLR(0.5, 14, 0.4, 'linear', ...)",
     with<optim::one_cycle_lr>(optim::one_cycle_lr_config{.max_rate = 0.5,
                                                          .steps = 14,
                                                          .pct_start = 0.4,
                                                          .cosine = false,
                                                          .base_momentum = 0.5,
                                                          .max_momentum = 0.75,
                                                          .div_factor = 4,
                                                          .final_div_factor = 10}),
     {0.125, 0.20652173913043476, 0.2880434782608695, 0.3695652173913043, 0.4510869565217391, 0.4767857142857143,
      0.41875, 0.36071428571428577, 0.30267857142857146, 0.24464285714285716, 0.18660714285714286, 0.12857142857142856,
      0.07053571428571426, 0.012500000000000011},
     {0.75, 0.6956521739130435, 0.6413043478260869, 0.5869565217391305, 0.532608695652174, 0.5119047619047619,
      0.5416666666666666, 0.5714285714285714, 0.6011904761904762, 0.6309523809523809, 0.6607142857142857,
      0.6904761904761905, 0.7202380952380952, 0.75}},
    {"OneCycleLR(0.5, 14, three_phase=True)",
     with<optim::one_cycle_lr>(optim::one_cycle_lr_config{.max_rate = 0.5, .steps = 14, .three_phase = true}),
     {0.020000000000000018, 0.1266631440752955, 0.3518440237676215, 0.4953884672967753, 0.4297056274847714,
      0.21317832271612933, 0.038268912197291234, 0.01959497024317136, 0.017237616647012597, 0.013271352565210903,
      0.008577993932105423, 0.004201010961197592, 0.0011135343488994215, 2e-06},
     {0.95, 0.92777851165098, 0.8808658283817454, 0.8509607359798385, 0.8646446609406726, 0.9097545161008064,
      0.9461939766255643, 0.95, 0.95, 0.95, 0.95, 0.95, 0.95, 0.95}},
    {"OneCycleLR(0.5, 14, 0.25, 'linear', cycle_momentum=False, three_phase=True)",
     with<optim::one_cycle_lr>(
         optim::one_cycle_lr_config{.max_rate = 0.5,
                                    .steps = 14,
                                    .pct_start = 0.25,
                                    .cosine = false,
                                    .cycle_momentum = false,
                                    .three_phase = true}),
     {0.02, 0.212, 0.404, 0.404, 0.21200000000000002, 0.020000000000000018, 0.017500250000000002, 0.0150005, 0.01250075,
      0.010001, 0.007501249999999999, 0.005001499999999999, 0.0025017500000000005, 1.9999999999985307e-06},
     {0.9, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9}},
    {"OneCycleLR(0.5, 14, 0)",
     with<optim::one_cycle_lr>(optim::one_cycle_lr_config{.max_rate = 0.5, .steps = 14, .pct_start = 0}),
     {0.49373200311754367, 0.47524231600673683, 0.445458088785525, 0.40587282697488153, 0.3584715008956504,
      0.30563101096814466, 0.250001, 0.19437098903185537, 0.14153049910434962, 0.09412917302511849, 0.05454391121447502,
      0.024759683993263143, 0.006269996882456277, 2e-06},
     {0.8512536043909088, 0.854951556604879, 0.8609084258765984, 0.8688255099070633, 0.878305813044122,
      0.8888739533021842, 0.8999999999999999, 0.9111260466978157, 0.9216941869558779, 0.9311744900929366,
      0.9390915741234015, 0.945048443395121, 0.9487463956090911, 0.95}},
};

template <class Schedule, class Config> void refuse(const Config& config, const char* text) {
  traces::model<double> m;
  optim::sgd sgd{m, {.learning_rate = 0.5, .momentum = 0.9}};
  CHECK_THROWS_WITH_AS(Schedule(sgd, config), text, value_error);
  CHECK(sgd.learning_rate() == 0.5);
  CHECK(sgd.momentum() == 0.9);
}

}  // namespace

TEST_CASE("schedules: PyTorch's rates, and momenta of SGD and Adam, step by step") {
  for (const course& t : table) {
    traces::model<double> m;
    optim::sgd sgd{m, {.learning_rate = 0.5, .momentum = 0.9}};
    check(t, sgd);
    optim::adam adam{m, {.learning_rate = 0.5}};
    check(t, adam);
  }
}

TEST_CASE("schedules: an optimiser without momentum keeps to its rate, and one of rate 0 can go through a cycle") {
  traces::model<double> m;
  optim::adagrad adagrad{m, {.learning_rate = 0}};
  optim::one_cycle_lr cycle(adagrad, {.max_rate = 0.5, .steps = 10});
  CHECK(adagrad.learning_rate() == cycle.rate(0));
  support::check_close(from<double>({2}, {cycle.rate(0), cycle.rate(2)}), {0.02, 0.5});
  CHECK(adagrad.momentum() < 0);
}

TEST_CASE("schedules: after their end") {
  traces::model<double> m;
  optim::sgd sgd{m, {.learning_rate = 0.5, .momentum = 0.9}};
  const optim::cosine_annealing_lr cosine(sgd, {.steps = 4, .minimum = 0.125});
  CHECK(cosine.rate(4) == 0.125);
  CHECK(cosine.rate(1000) == 0.125);
  const optim::one_cycle_lr cycle(sgd, {.max_rate = 0.5, .steps = 10, .final_div_factor = 10});
  support::check_close(from<double>({2}, {cycle.rate(9), cycle.rate(1000)}), {0.002, 0.002});
  const optim::one_cycle_lr once(sgd, {.max_rate = 0.5, .steps = 1});
  CHECK(once.rate(0) == once.rate(7));
  sgd.set_learning_rate(0.5);
  const optim::cosine_annealing_lr restarts(sgd, {.steps = 4, .restarts = true});
  CHECK(restarts.rate(4'000'000'000'000'000'001) == restarts.rate(1));
  const optim::cosine_annealing_lr from_below(sgd, {.steps = 4, .minimum = 1});
  CHECK(from_below.rate(4) == 1);
}

TEST_CASE("schedules: groups keep their scale") {
  traces::model<double> m, n;
  const optim::sgd_config groups{.learning_rate = 0.5, .groups = {{.match = "b", .learning_rate_scale = 0.5}}};
  optim::sgd sgd{m, groups}, by_hand{n, groups};
  optim::exponential_lr schedule(sgd, {.gamma = 0.5});
  const autograd::tape tape;
  for (int i = 0; i < 3; ++i) {
    sgd.zero_grad();
    by_hand.zero_grad();
    traces::backward(m, tape);
    traces::backward(n, tape);
    by_hand.set_learning_rate(0.5 * std::pow(0.5, i));
    sgd.step();
    by_hand.step();
    schedule.step();
  }
  CHECK(support::same_bits(m.b.value(), n.b.value()));
  CHECK(support::same_bits(m.w.value(), n.w.value()));
}

TEST_CASE("schedules: numbers out of range change nothing") {
  using namespace optim;
  refuse<step_lr>(step_lr_config{}, "[step_lr] expected .step_size of 1 or more and .gamma of 0 or more");
  refuse<step_lr>(step_lr_config{.step_size = 1, .gamma = -1},
                  "[step_lr] expected .step_size of 1 or more and .gamma of 0 or more");
  refuse<multi_step_lr>(multi_step_lr_config{.milestones = {3, 2}},
                        "[multi_step_lr] expected .milestones in growing order");
  refuse<multi_step_lr>(multi_step_lr_config{.gamma = NAN}, "[multi_step_lr] expected .gamma of 0 or more");
  refuse<exponential_lr>(exponential_lr_config{}, "[exponential_lr] expected .gamma above 0");
  const char* linear = "[linear_lr] expected .start and .end of 0 or more, and .steps of 1 or more";
  refuse<linear_lr>(linear_lr_config{.start = -1}, linear);
  refuse<linear_lr>(linear_lr_config{.end = NAN}, linear);
  refuse<linear_lr>(linear_lr_config{.steps = 0}, linear);
  const char* polynomial = "[polynomial_lr] expected .steps of 1 or more and .power of 0 or more";
  refuse<polynomial_lr>(polynomial_lr_config{.steps = 0}, polynomial);
  refuse<polynomial_lr>(polynomial_lr_config{.power = -1}, polynomial);
  const char* cosine = "[cosine_annealing_lr] expected .steps and .growth of 1 or more, and .minimum of 0 or more";
  refuse<cosine_annealing_lr>(cosine_annealing_lr_config{}, cosine);
  refuse<cosine_annealing_lr>(cosine_annealing_lr_config{.steps = 1, .minimum = -1}, cosine);
  refuse<cosine_annealing_lr>(cosine_annealing_lr_config{.steps = 1, .growth = 0}, cosine);
  const char* cycle = "[one_cycle_lr] expected .max_rate above 0, .steps of 1 or more and .pct_start from 0 to 1";
  refuse<one_cycle_lr>(one_cycle_lr_config{.steps = 1}, cycle);
  refuse<one_cycle_lr>(one_cycle_lr_config{.max_rate = 1}, cycle);
  refuse<one_cycle_lr>(one_cycle_lr_config{.max_rate = 1, .steps = 1, .pct_start = 1.5}, cycle);
  refuse<one_cycle_lr>(one_cycle_lr_config{.max_rate = 1, .steps = 1, .div_factor = 0},
                       "[one_cycle_lr] expected .div_factor and .final_div_factor above 0");
  refuse<one_cycle_lr>(one_cycle_lr_config{.max_rate = 1, .steps = 1, .max_momentum = 1},
                       "[one_cycle_lr] expected .base_momentum and .max_momentum from 0 to below 1");
  refuse<exponential_lr>(exponential_lr_config{.gamma = 1, .warm_up = {.start = -0.5}},
                         "[schedule] expected .warm_up with .steps and .start of 0 or more, got 0 and -0.5");
  refuse<exponential_lr>(exponential_lr_config{.gamma = 1, .warm_up = {.steps = -1}},
                         "[schedule] expected .warm_up with .steps and .start of 0 or more, got -1 and 0");
}
