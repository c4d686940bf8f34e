// Shows: RMSprop
// RMSprop step by step as torch.optim.RMSprop, in every form; the same bits for any number of threads.
#include <inlay/optim/rmsprop.hpp>

#include <doctest/doctest.h>

#include "optim/traces.hpp"

using namespace inlay;
using optim::rmsprop;
using optim::rmsprop_config;

namespace {

struct course {
  const char* name;
  rmsprop_config config;
  std::vector<support::numbers> after;  // steps 1, 2, 5, 12: w, then b
};

const course table[] = {
    {"RMSprop()",
     {},
     {{0.40000001639963123, -0.9000000071930524, 1.9000000163996313, 0.15000000709208608, -0.8499999888253025},
      {0.3608907767397784, -0.8278304012434183, 1.844214088790042, 0.08016160046949346, -0.9134738165599585},
      {0.36582164039067566, -0.6699227275536275, 1.7729570891315816, -0.07392634053873968, -1.0435884893760405},
      {0.5122292951838465, -0.41779134185477995, 1.8640193759615362, -0.3379021034960286, -1.2524233080551979}}},
    {"RMSprop(lr=0.05, alpha=0.75, eps=1e-3, weight_decay=0.1)",
     {.learning_rate = 0.05, .alpha = 0.75, .epsilon = 1e-3, .weight_decay = 0.1},
     {{0.40030221993689474, -0.9001340275702366, 1.9002463752928105, 0.15013917668760504, -0.8497566550915882},
      {0.35411532505556764, -0.823729379652185, 1.8354875095840533, 0.07580606291177402, -0.9169633096587199},
      {0.3658637222228545, -0.6374967608890407, 1.718424388682014, -0.1060037298823932, -1.069524653271536},
      {0.6043193033025648, -0.2658730666495453, 1.8394389365892354, -0.48932570419206706, -1.3841402928324607}}},
    {"RMSprop(alpha=0.75, eps=1e-3, centered=True)",
     {.alpha = 0.75, .epsilon = 1e-3, .centered = true},
     {{0.4769931239383161, -0.9769442885596626, 1.976993123938316, 0.22694375184462875, -0.7730345657832713},
      {0.4582347634912158, -0.9567397553417069, 1.9576232419994775, 0.2068545616228434, -0.7927484444214985},
      {0.4069429591583985, -0.8910396553596367, 1.8993544449841144, 0.14196467008650543, -0.8547277083543855},
      {0.3776452194499679, -0.610421474266885, 1.7963475787592855, -0.13751524332680704, -1.0879316143784947}}},
    {"RMSprop(alpha=0.75, momentum=0.5)",
     {.alpha = 0.75, .momentum = 0.5},
     {{0.48000000065598536, -0.9800000002877222, 1.9800000006559852, 0.23000000028368345, -0.769999999553012},
      {0.45571255382771936, -0.954832014312002, 1.955339342145175, 0.2049073988436564, -0.7948619889381924},
      {0.3926064429627099, -0.8797121712434598, 1.8865729031207055, 0.13063612795119703, -0.8665580670363564},
      {0.3489058061669019, -0.7273886573785605, 1.7767244509166136, -0.01882985331204506, -1.004612910681624}}},
    {"RMSprop(alpha=0.75, eps=1e-3, weight_decay=0.1, momentum=0.5, centered=True)",
     {.alpha = 0.75, .epsilon = 1e-3, .weight_decay = 0.1, .momentum = 0.5, .centered = true},
     {{0.4769865435535523, -0.9769417225088248, 1.9769716642788542, 0.22694309502663593, -0.7730291432117815},
      {0.44664128671063197, -0.9452243149935688, 1.9459098053004538, 0.19533844185258714, -0.8041879485213765},
      {0.3590870604044647, -0.8255733695605098, 1.8390461492733856, 0.07758187386488315, -0.9143279482436002},
      {0.39695444238702454, -0.32423715207852627, 1.6908459165856093, -0.4178712752542665, -1.2557385711025935}}},
    {"RMSprop([w, {b, lr=0.005, weight_decay=0.1}], alpha=0.75)",
     {.alpha = 0.75, .groups = {{.match = "b", .learning_rate_scale = 0.5, .weight_decay = 0.1}}},
     {{0.48000000065598536, -0.9800000002877222, 1.9800000006559852, 0.24000000013937065, -0.7599999997560615},
      {0.46551800118651115, -0.9649031515428557, 1.96516065045453, 0.2324705190424128, -0.7674614970915052},
      {0.43202592505890475, -0.9283102310510573, 1.9298127447288216, 0.2142535914979401, -0.7853643916441113},
      {0.3711136948885189, -0.8552562650806116, 1.8609897075552226, 0.17793577491560408, -0.8207256959346427}}},
};

}  // namespace

TEST_CASE_TEMPLATE("rmsprop: torch.optim.RMSprop's weights, step by step", T, float, double) {
  for (const course& t : table) traces::check<T, rmsprop>(t.name, t.config, t.after);
}

TEST_CASE("rmsprop: a gradient that never changes has no spread, and its root stays a number") {
  for (const double alpha : {0.0, 0.9}) {
    INFO(alpha);
    traces::large<float> m;
    rmsprop optimiser{m, {.learning_rate = 1e-6, .alpha = alpha, .centered = true}};
    for (int i = 0; i < 300; ++i) {
      m.w.shared_cell()->accumulate(support::made_up<float>({100003}, 2), [](auto&, const auto&) {});
      optimiser.step();
      optimiser.zero_grad();
    }
    bool finite = true;
    for (const float w : m.w.value().values()) finite = finite && std::isfinite(w);
    CHECK(finite);
  }
}

TEST_CASE("rmsprop: the same bits for any number of threads") {
  traces::check_threads<float, rmsprop>(rmsprop_config{.momentum = 0.9, .centered = true});
}

TEST_CASE("rmsprop: numbers out of range") {
  traces::model<float> m;
  CHECK_THROWS_WITH_AS(rmsprop(m, {.alpha = 1}), "[rmsprop] expected .alpha from 0 to below 1, got 1", value_error);
  CHECK_THROWS_AS(rmsprop(m, {.alpha = NAN}), value_error);
  CHECK_THROWS_WITH_AS(rmsprop(m, {.epsilon = -1}),
                       "[rmsprop] expected .epsilon and .momentum of 0 or more, got -1 and 0", value_error);
  CHECK_THROWS_AS(rmsprop(m, {.momentum = -1}), value_error);
  CHECK_THROWS_WITH_AS(rmsprop(m, {.weight_decay = -1}), "[rmsprop] expected .weight_decay of 0 or more, got -1",
                       value_error);
  CHECK_THROWS_AS(rmsprop(m, {.learning_rate = -1}), value_error);
  CHECK(m.w.shared_cell()->optimisers == 0);
}
