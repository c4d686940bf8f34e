// Shows: Lion
// Lion step by step as the paper's formula in PyTorch (class Lion of golden/make.py); the same bits for any number of
// threads.
#include <inlay/optim/lion.hpp>

#include <doctest/doctest.h>

#include "optim/traces.hpp"

using namespace inlay;
using optim::lion;
using optim::lion_config;

TEST_CASE_TEMPLATE("lion: the formula's weights, step by step", T, float, double) {
  traces::check<T, lion>("Lion(lr=1e-2, betas=(0.9, 0.99))", lion_config{.learning_rate = 1e-2},
                         {{0.49, -0.99, 1.99, 0.24, -0.76},
                          {0.48, -0.98, 1.98, 0.22999999999999998, -0.77},
                          {0.44999999999999996, -0.95, 1.95, 0.19999999999999996, -0.8},
                          {0.3799999999999999, -0.8799999999999999, 1.88, 0.1299999999999999, -0.8700000000000001}});
  traces::check<T, lion>(
      "Lion(lr=0.05, betas=(0.5, 0.75), weight_decay=0.1)",
      lion_config{.learning_rate = 0.05, .beta1 = 0.5, .beta2 = 0.75, .weight_decay = 0.1},
      {{0.4475, -0.945, 1.94, 0.19874999999999998, -0.79625},
       {0.3952625, -0.8902749999999999, 1.8802999999999999, 0.14775624999999998, -0.84226875},
       {0.2401119077796875, -0.7277362843406248, 1.7029850374624995, -0.003700280500781264, -0.9789490336226564},
       {0.57662653641126, -0.35785087605813354, 1.6964836704725095, -0.3483662291276479, -1.289989036042024}});
  traces::check<T, lion>(
      "Lion([w, {b, lr=0.025, weight_decay=0}], lr=0.05, betas=(0.5, 0.75), weight_decay=0.1)",
      lion_config{.learning_rate = 0.05,
                  .beta1 = 0.5,
                  .beta2 = 0.75,
                  .weight_decay = 0.1,
                  .groups = {{.match = "b", .learning_rate_scale = 0.5, .weight_decay = 0.0}}},
      {{0.4475, -0.945, 1.94, 0.225, -0.775},
       {0.3952625, -0.8902749999999999, 1.8802999999999999, 0.2, -0.8},
       {0.2401119077796875, -0.7277362843406248, 1.7029850374624995, 0.12500000000000003, -0.8750000000000001},
       {0.37958928547563353, -0.35785087605813354, 1.3994736829725094, -0.04999999999999997, -1.05}});
}

TEST_CASE("lion: nothing moves where there is no gradient, and NaN shows") {
  traces::model<double> m;
  lion lion{m, {.learning_rate = 0.5}};
  m.w.shared_cell()->accumulate(from<double>({3}, {0, -0.0, NAN}), [](auto&, const auto&) {});
  lion.step();
  support::check_close(m.w.value(), {0.5, -1, NAN});
}

TEST_CASE("lion: the same bits for any number of threads") {
  traces::check_threads<double, lion>(lion_config{.weight_decay = 0.1});
}

TEST_CASE("lion: numbers out of range") {
  traces::model<float> m;
  CHECK_THROWS_WITH_AS(lion(m, {.beta1 = 1}), "[lion] expected .beta1 and .beta2 from 0 to below 1, got 1 and 0.99",
                       value_error);
  CHECK_THROWS_AS(lion(m, {.beta2 = NAN}), value_error);
  CHECK_THROWS_WITH_AS(lion(m, {.weight_decay = -1}), "[lion] expected .weight_decay of 0 or more, got -1",
                       value_error);
  CHECK_THROWS_AS(lion(m, {.learning_rate = -1}), value_error);
  CHECK(m.w.shared_cell()->optimisers == 0);
}
