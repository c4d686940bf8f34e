// Shows: AdamW
// AdamW step by step as torch.optim.AdamW; the same bits for any number of threads.
#include <inlay/optim/adamw.hpp>

#include <doctest/doctest.h>

#include "optim/traces.hpp"

using namespace inlay;
using optim::adamw;
using optim::adamw_config;

TEST_CASE_TEMPLATE("adamw: torch.optim.AdamW's weights, step by step", T, float, double) {
  traces::check<T, adamw>(
      "AdamW()", adamw_config{},
      {{0.4989950000163997, -0.9989900000071931, 1.9989800000163997, 0.2489975000070921, -0.7509924999888253},
       {0.4979901662806442, -0.9979800003031825, 1.9979600991778648, 0.24799501491205542, -0.75198493906118},
       {0.4949777135714665, -0.9949499381462338, 1.9949015857885517, 0.2449876823174958, -0.7549615525047801},
       {0.48797404678286954, -0.9878786232852773, 1.9877795036858439, 0.23797172171462885, -0.7618986579340336}});
  traces::check<T, adamw>(
      "AdamW(lr=0.05, betas=(0.5, 0.75), eps=1e-3, weight_decay=0.1)",
      adamw_config{.learning_rate = 0.05, .beta1 = 0.5, .beta2 = 0.75, .epsilon = 1e-3, .weight_decay = 0.1},
      {{0.4475818639156134, -0.9450359394130217, 1.9400818639156134, 0.19878543530173076, -0.7961941888736648},
       {0.3978624127674435, -0.8902781213287952, 1.881603110483691, 0.14790703682952416, -0.8416209000875191},
       {0.3040167300806816, -0.7270396219821236, 1.7259495592512597, -0.0022064826151657543, -0.971169127963457},
       {0.5307568505964775, -0.35369504780016675, 1.7416766175686023, -0.3520128220682877, -1.2570564066778012}});
  traces::check<T, adamw>(
      "AdamW(lr=0.05, betas=(0.5, 0.75), weight_decay=0.1, amsgrad=True)",
      adamw_config{.learning_rate = 0.05, .beta1 = 0.5, .beta2 = 0.75, .weight_decay = 0.1, .amsgrad = true},
      {{0.4475000008199817, -0.9450000003596526, 1.9400000008199816, 0.19875000035460433, -0.7962499994412651},
       {0.3976934220434125, -0.8902065796737192, 1.8814347979315553, 0.1478364416915226, -0.8417337329180559},
       {0.31418365832896367, -0.7268628179805708, 1.7324332353740572, -0.002465237556595605, -0.971411424456015},
       {0.4732462230247801, -0.3534040502204613, 1.7022913416029808, -0.35172386838741226, -1.232340853975511}});
  traces::check<T, adamw>(
      "AdamW([w, {b, lr=0.1, weight_decay=0}], lr=0.05, weight_decay=0.5)",
      adamw_config{.learning_rate = 0.05,
                   .weight_decay = 0.5,
                   .groups = {{.match = "b", .learning_rate_scale = 2, .weight_decay = 0.0}}},
      {{0.4375000008199817, -0.9250000003596526, 1.9000000008199815, 0.15000000070920866, -0.8499999988825301},
       {0.37932588337212303, -0.8518229507779697, 1.8039641818504415, 0.05005918465656853, -0.9490422645544493},
       {0.2840184556037396, -0.6425034473584273, 1.5662023190513303, -0.24806368814904822, -1.2342151374888597},
       {0.44249875095764196, -0.2071181946972995, 1.4443835608749023, -0.9210554524608915, -1.8043344906318237}});
}

TEST_CASE("adamw: epsilon beside the uncorrected root is as much larger in the first step") {
  // The correction of the first step is 1 / sqrt(1 - beta2) = 2.
  traces::model<double> m, n;
  adamw one{m, {.beta2 = 0.75, .epsilon = 0.5, .epsilon_placement = optim::epsilon_placement::uncorrected}};
  adamw two{n, {.beta2 = 0.75, .epsilon = 1}};
  const autograd::tape tape;
  traces::backward(m, tape);
  traces::backward(n, tape);
  one.step();
  two.step();
  CHECK(support::same_bits(m.w.value(), n.w.value()));
}

TEST_CASE("adamw: the same bits for any number of threads") {
  traces::check_threads<float, adamw>(adamw_config{.learning_rate = 0.01});
}

TEST_CASE("adamw: numbers out of range") {
  traces::model<float> m;
  CHECK_THROWS_WITH_AS(adamw(m, {.beta2 = 1}), "[adamw] expected .beta1 and .beta2 from 0 to below 1, got 0.9 and 1",
                       value_error);
  CHECK_THROWS_AS(adamw(m, {.beta1 = NAN}), value_error);
  CHECK_THROWS_WITH_AS(adamw(m, {.epsilon = -1}), "[adamw] expected .epsilon of 0 or more, got -1", value_error);
  CHECK_THROWS_WITH_AS(adamw(m, {.weight_decay = -1}), "[adamw] expected .weight_decay of 0 or more, got -1",
                       value_error);
  CHECK(m.w.shared_cell()->optimisers == 0);
}
