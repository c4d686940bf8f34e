// Shows: Adam (AMSGrad)
// Adam step by step as torch.optim.Adam; the same bits for any number of threads. The other place of epsilon, that of
// the paper's section 2, is the class EpsilonHat of golden/make.py.
#include <inlay/optim/adam.hpp>

#include <doctest/doctest.h>

#include "optim/traces.hpp"

using namespace inlay;
using optim::adam;
using optim::adam_config;

TEST_CASE_TEMPLATE("adam: torch.optim.Adam's weights, step by step", T, float, double) {
  traces::check<T, adam>(
      "Adam()", adam_config{},
      {{0.49900000001639966, -0.999000000007193, 1.9990000000163997, 0.24900000000709208, -0.7509999999888253},
       {0.49800015587280533, -0.9979999899769061, 1.9980000886289175, 0.24800000465762007, -0.7519999489986737},
       {0.4950026070856344, -0.9949998333908997, 1.9950014779633474, 0.2450000782453515, -0.7549991519426629},
       {0.4880333069608587, -0.9879979095803684, 1.98801875637984, 0.23800101168881163, -0.7619893147718494}});
  traces::check<T, adam>(
      "Adam(lr=0.05, weight_decay=0.1)", adam_config{.learning_rate = 0.05, .weight_decay = 0.1},
      {{0.4500000007578402, -0.9500000003355186, 1.9500000006174596, 0.20000000034842663, -0.7999999993901536},
       {0.4010339422362935, -0.899982666515919, 1.9003061425322052, 0.15002110847903533, -0.8497675750413753},
       {0.2780401215913709, -0.7497324932415603, 1.756219300320765, 0.00047678754454801714, -0.9959553419766095},
       {0.32210909889310824, -0.3974599917532672, 1.5220865364380791, -0.3444140928022559, -1.3034695990225325}});
  traces::check<T, adam>(
      "Adam(lr=0.05, betas=(0.5, 0.75), eps=1e-3)",
      adam_config{.learning_rate = 0.05, .beta1 = 0.5, .beta2 = 0.75, .epsilon = 1e-3},
      {{0.4500818639156134, -0.9500359394130217, 1.9500818639156134, 0.20003543530173074, -0.7999441888736648},
       {0.40251617196772704, -0.8999842560728237, 1.901245825543517, 0.150127684818792, -0.8493531612713989},
       {0.31148371141132475, -0.7490520627799611, 1.7715946755289531, 0.0011450248933222093, -0.9921226277673688},
       {0.5444109621536093, -0.3942192230532605, 1.8236051706255496, -0.3549888030231495, -1.313240624960005}});
  traces::check<T, adam>(
      "Adam(lr=0.05, betas=(0.5, 0.75), weight_decay=0.1, amsgrad=True)",
      adam_config{.learning_rate = 0.05, .beta1 = 0.5, .beta2 = 0.75, .weight_decay = 0.1, .amsgrad = true},
      {{0.4500000007578402, -0.9500000003355186, 1.9500000006174596, 0.20000000034842663, -0.7999999993901538},
       {0.40217298982867394, -0.8999333246998172, 1.9007982152972527, 0.15007339224231028, -0.8493658753613591},
       {0.3160080546422254, -0.7491555104958517, 1.767669618631459, 0.001207631003501873, -0.989920953259255},
       {0.4548442070627554, -0.39600256061860956, 1.6741506645891961, -0.3500765784543621, -1.2494519628038616}});
  traces::check<T, adam>(
      "EpsilonHat(betas=(0.5, 0.75), eps=0.25)",
      adam_config{.learning_rate = 0.05,
                  .beta1 = 0.5,
                  .beta2 = 0.75,
                  .epsilon = 0.25,
                  .epsilon_placement = optim::epsilon_placement::uncorrected},
      {{0.4725271962050848, -0.9632259016969923, 1.9725271962050848, 0.2130888526016979, -0.7820772947659433},
       {0.4435854780803412, -0.9238105648454562, 1.9428064925461295, 0.17361926140366002, -0.8167256199855278},
       {0.37141735301188455, -0.7997055726449528, 1.8580460886757453, 0.05011469627695021, -0.9227016295512607},
       {0.41476838752994094, -0.4985061646295087, 1.789413502813156, -0.24934585379517926, -1.1586611649027336}});
  traces::check<T, adam>(
      "Adam([w, {b, lr=0.1, weight_decay=0.5}], lr=0.05, weight_decay=0.1)",
      adam_config{.learning_rate = 0.05,
                  .weight_decay = 0.1,
                  .groups = {{.match = "b", .learning_rate_scale = 2, .weight_decay = 0.5}}},
      {{0.4500000007578402, -0.9500000003355186, 1.9500000006174596, 0.15000000065145636, -0.8499999980764744},
       {0.4020138332249653, -0.8999427176181307, 1.9007231172456795, 0.050082283466589425, -0.9465485106968642},
       {0.3099607271779592, -0.7491354045760997, 1.7668923685926186, -0.24742391704026367, -1.1655691129920436},
       {0.4735542143176187, -0.3927942146000347, 1.6931029916357108, -0.8920534059224448, -1.1320259247445916}});
}

TEST_CASE("adam: the same bits for any number of threads") {
  traces::check_threads<double, adam>(adam_config{.learning_rate = 0.01});
  traces::check_threads<float, adam>(adam_config{.learning_rate = 0.01, .weight_decay = 0.1, .amsgrad = true});
}

TEST_CASE("adam: numbers out of range") {
  traces::model<double> m;
  CHECK_THROWS_WITH_AS(adam(m, {.beta1 = 1}), "[adam] expected .beta1 and .beta2 from 0 to below 1, got 1 and 0.999",
                       value_error);
  CHECK_THROWS_AS(adam(m, {.beta2 = -0.1}), value_error);
  CHECK_THROWS_WITH_AS(adam(m, {.epsilon = -1}), "[adam] expected .epsilon of 0 or more, got -1", value_error);
  CHECK_THROWS_AS(adam(m, {.weight_decay = NAN}), value_error);
  CHECK_THROWS_AS(adam(m, {.learning_rate = NAN}), value_error);
  CHECK(m.w.shared_cell()->optimisers == 0);
}
