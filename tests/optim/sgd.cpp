// Shows: SGD with momentum in both forms and Nesterov
// SGD step by step as torch.optim.SGD, in every form; the same bits for any number of threads. The moving average is
// SGD with the dampening at the momentum and a first state of zeros (the class MovingAverage of golden/make.py).
#include <inlay/optim/sgd.hpp>

#include <doctest/doctest.h>

#include "optim/traces.hpp"

using namespace inlay;
using optim::sgd;
using optim::sgd_config;

namespace {

struct course {
  const char* name;
  sgd_config config;
  std::vector<support::numbers> after;  // steps 1, 2, 5, 12: w, then b
};

const course table[] = {
    {"SGD(lr=0.1)",
     {.learning_rate = 0.1},
     {{0.4390230289983578, -0.8609769710016422, 1.9390230289983579, 0.10899777267904329, -0.8394878712421997},
      {0.40891537774996767, -0.7171823193501965, 1.8997688320997215, -0.04092095966433053, -0.9198983050659661},
      {0.4487824062264044, -0.26080588795979004, 1.902710530859098, -0.5303116964104774, -1.1390983874064382},
      {0.7462089584826509, 0.7193883706684703, 2.295211124899228, -1.398189549481187, -1.6007108699029247}}},
    {"SGD(lr=0.05, momentum=0.9)",
     {.learning_rate = 0.05, .momentum = 0.9},
     {{0.4695115144991789, -0.9304884855008211, 1.9695115144991788, 0.17949888633952163, -0.7947439356210999},
      {0.41929534974693816, -0.7972290745281029, 1.9170087133343765, 0.043000130792796964, -0.8774759007961966},
      {0.3178102400603933, -0.05242836229347569, 1.7626118580415273, -0.7226933475657216, -1.2799329138828877},
      {1.1493524515282747, 2.5188395613664967, 2.5381235584130137, -2.954933332705684, -2.4800388833127998}}},
    {"SGD(lr=0.05, momentum=0.9, dampening=0.5)",
     {.learning_rate = 0.05, .momentum = 0.9, .dampening = 0.5},
     {{0.4695115144991789, -0.9304884855008211, 1.9695115144991788, 0.17949888633952163, -0.7947439356210999},
      {0.43068361364768903, -0.8325785984898314, 1.9295402954414083, 0.07952400741894403, -0.8562446892381432},
      {0.32589473925019813, -0.3868366736651376, 1.8018262087769468, -0.3805936482036189, -1.111171831710964},
      {0.6502911062650599, 1.2408734621078463, 1.967646733593862, -1.8725357147919917, -1.8563116219534275}}},
    {"SGD(lr=0.05, momentum=0.9, nesterov=True)",
     {.learning_rate = 0.05, .momentum = 0.9, .nesterov = true},
     {{0.4420718775484399, -0.86792812245156, 1.94207187754844, 0.11604788404509112, -0.8350134776800897},
      {0.38730731188101786, -0.6752458597518803, 1.8790525544316707, -0.08317597763547362, -0.9480719938776607},
      {0.42175391079531616, 0.2333678268909125, 1.831980649508397, -1.0010081128378727, -1.3941841136766249},
      {1.161434432400703, 2.5342711485906713, 2.911875948060116, -3.0068140136615074, -2.570643576149487}}},
    {"SGD(lr=0.05, momentum=0.8, weight_decay=0.1)",
     {.learning_rate = 0.05, .momentum = 0.8, .weight_decay = 0.1},
     {{0.4670115144991789, -0.9254884855008211, 1.9595115144991788, 0.17824888633952166, -0.7909939356210999},
      {0.4157138655577965, -0.7908480587172445, 1.8924647291452348, 0.04724000188553612, -0.8622950988799976},
      {0.3202763116018528, -0.12644450000685906, 1.6871093805422674, -0.6042121792816657, -1.1681488544281236},
      {0.93724069345216, 1.7232197987551068, 2.1156613027832685, -2.1074336592079876, -1.903455977205438}}},
    {"MovingAverage(momentum=0.9, weight_decay=0.1)",
     {.learning_rate = 0.05, .momentum = 0.9, .weight_decay = 0.1, .moving_average = true},
     {{0.4967011514499179, -0.9925488485500821, 1.995951151449918, 0.24282488863395216, -0.75409939356211},
      {0.4905139558330548, -0.9783866634096956, 1.9883164644689293, 0.22917079725809725, -0.7618632144530619},
      {0.459121542596261, -0.9019030853845962, 1.948583285142896, 0.15504994865299787, -0.8031235058197882},
      {0.3693413778841536, -0.5834800291319426, 1.814749046063605, -0.1590326337886162, -0.9622216785626332}}},
    {"SGD([w, {b, lr=0.025, weight_decay=0}], lr=0.05, momentum=0.8, weight_decay=0.1)",
     {.learning_rate = 0.05,
      .momentum = 0.8,
      .weight_decay = 0.1,
      .groups = {{.match = "b", .learning_rate_scale = 0.5, .weight_decay = 0.0}}},
     {{0.4670115144991789, -0.9254884855008211, 1.9595115144991788, 0.21474944316976083, -0.77237196781055},
      {0.413424446594395, -0.793137477680646, 1.8901753101818333, 0.15070187744397057, -0.8120232312518617},
      {0.2642590883867942, -0.1850003108417541, 1.6272498080293514, -0.1733563345085248, -0.9943530759387905},
      {0.7106828213334351, 1.3768478276502911, 1.6922709305672616, -1.327732543085867, -1.5444069590255933}}},
};

}  // namespace

TEST_CASE_TEMPLATE("sgd: torch.optim.SGD's weights, step by step", T, float, double) {
  for (const course& t : table) traces::check<T, sgd>(t.name, t.config, t.after);
}

TEST_CASE("sgd: the same bits for any number of threads") {
  traces::check_threads<float, sgd>(sgd_config{.learning_rate = 0.01, .momentum = 0.9, .weight_decay = 0.1});
}

TEST_CASE("sgd: a moving average has a closed form") {
  // With a gradient of 1: v = 1 - 0.75^t, so after n steps w = -rate (n - 3 (1 - 0.75^n)).
  traces::model<double> m;
  m.b.write([](std::span<double> b) { b[0] = b[1] = 0; });
  sgd sgd{m, {.learning_rate = 0.5, .momentum = 0.75, .moving_average = true}};
  for (int n = 1; n <= 10; ++n) {
    sgd.zero_grad();
    sum(m.b.in(variable<double>{tensor<double>()})).backward();
    sgd.step();
    const double expected = -0.5 * (n - 3 * (1 - std::pow(0.75, n)));
    support::check_close(m.b.value(), {expected, expected});
  }
}

TEST_CASE("sgd: numbers out of range") {
  traces::model<float> m;
  CHECK_THROWS_WITH_AS(sgd(m, {.learning_rate = -1}), "[learning_rate] expected a rate of 0 or more, got -1",
                       value_error);
  CHECK_THROWS_WITH_AS(sgd(m, {.momentum = -0.5}), "[sgd] expected .momentum of 0 or more, got -0.5", value_error);
  CHECK_THROWS_WITH_AS(sgd(m, {.weight_decay = -1}), "[sgd] expected .weight_decay of 0 or more, got -1", value_error);
  CHECK_THROWS_AS(sgd(m, {.weight_decay = NAN}), value_error);
  const char* nesterov = "[sgd] expected .momentum above 0 and no .dampening or .moving_average with .nesterov";
  CHECK_THROWS_WITH_AS(sgd(m, {.nesterov = true}), nesterov, value_error);
  CHECK_THROWS_WITH_AS(sgd(m, {.momentum = 0.9, .dampening = 0.1, .nesterov = true}), nesterov, value_error);
  CHECK_THROWS_WITH_AS(sgd(m, {.momentum = 0.9, .nesterov = true, .moving_average = true}), nesterov, value_error);
  const char* average = "[sgd] expected .momentum below 1 and no .dampening with .moving_average";
  CHECK_THROWS_WITH_AS(sgd(m, {.momentum = 1, .moving_average = true}), average, value_error);
  CHECK_THROWS_WITH_AS(sgd(m, {.momentum = 0.9, .dampening = 0.1, .moving_average = true}), average, value_error);
  CHECK(m.w.shared_cell()->optimisers == 0);  // the refused ones left nothing behind
}
