// Shows: one LSTM step
// One step with its gradients and three in a row against PyTorch; every judge; the bits of the layer's steps.
#include <inlay/nn/lstm_cell.hpp>

#include <doctest/doctest.h>

#include <inlay/nn/lstm.hpp>

#include "nn/cells.hpp"

using namespace inlay;
using nn::lstm_cell;

TEST_CASE("lstm_cell: PyTorch's numbers, and every judge") {
  const lstm_cell<double> cell{{.in = 2, .hidden = 2}};
  support::check_torch_cell<nn::lstm_state>(
      support::waving(cell), {{0.08659882247160726, 0.013749668006371283, 0.07439256226697508, 0.01959494838033363},
                              {0.2968370254664968, 1.0524585301847533, 0.18523714244551037, 0.8419721503536002},
                              {-0.3773884877623582, 0.11818096773892603, -0.19528686834738612, -0.005299278980172369},
                              {-0.31245829376720546, 0.1900814299239104, -0.17198581735107563, 0.02436239418832637},
                              {0.7601483886616445, 0.1853264935165617, 0.9205925017741776, 0.029834374142486936},
                              {-0.09894368845720958, -0.06639208190052981, 0.0073131652175137075, 0.012275089078186788,
                               0.15361709269060078, 0.15759272170900746, 0.07894115159744686, 0.14296158893324432,
                               0.8725347941214201, 1.0418438851507885, 0.15668152123781273, 0.2314794003332669,
                               0.054637862324604734, 0.05892663908154833, 0.010769694132203605, 0.014906347542151916},
                              {-0.09701062015187112, -0.05859646298502605, 0.008312078176623125, 0.012535377103710003,
                               0.15906386466792266, 0.15167851103206695, 0.09134469935996678, 0.1469587122233071,
                               0.9262102714093964, 1.0249096543283063, 0.1731998722110159, 0.23347869693113352,
                               0.057020640945945375, 0.05714946937440782, 0.011749410932551418, 0.01492971092148851},
                              {-0.11374532092747619, 0.013825654465446804, 0.21668837053792386, 0.15693157894683865,
                               1.3386813884683235, 0.2730364680305554, 0.07918491278529922, 0.01802864236246651},
                              {-0.11374532092747619, 0.013825654465446804, 0.21668837053792386, 0.15693157894683865,
                               1.3386813884683235, 0.2730364680305554, 0.07918491278529922, 0.01802864236246651}});
  support::check_cell(cell, {-0.03267508390292415, -0.19385110325157162, -0.391775213592909, -0.7957319236222384,
                             -0.03376896307723184, -0.009899216793310498, -0.1266063373595381, -0.1981652085268554});
}

TEST_CASE("lstm_cell: the bits of the layer's steps") {
  support::check_steps(nn::lstm<float>{{.in = 3, .hidden = 19}}, lstm_cell<float>{{.in = 3, .hidden = 19}});
  support::check_steps(nn::lstm<float>{{.in = 3, .hidden = 19, .bias = false}},
                       lstm_cell<float>{{.in = 3, .hidden = 19, .bias = false}});
}

TEST_CASE("lstm_cell: members, no bias, and what is refused") {
  const lstm_cell<float> cell{{.in = 3, .hidden = 4, .bias = false}};
  CHECK(members_of(cell).size() == 2);
  CHECK(cell.weight_ih.shape() == shape{16, 3});
  const tensor<float> x({5, 3});
  CHECK(cell(x).h.shape() == shape{5, 4});
  CHECK(cell(tensor<float>({0, 3})).h.shape() == shape{0, 4});
  CHECK_THROWS_WITH_AS(cell(tensor<float>({5, 2})), "[lstm_cell] expected input (N, 3), got (5, 2)", shape_error);
  CHECK_THROWS_AS(cell(tensor<float>({3}), cell.start(1)), shape_error);
  CHECK_THROWS_WITH_AS(cell(x, cell.start(4)), "[lstm_cell] expected a state h (5, 4), got (4, 4)", shape_error);
  const nn::lstm_state<tensor<float>> uneven{tensor<float>({5, 4}), tensor<float>({5, 3})};
  CHECK_THROWS_WITH_AS(cell(x, uneven), "[lstm_cell] expected a state c (5, 4), got (5, 3)", shape_error);
  CHECK_THROWS_WITH_AS(lstm_cell<float>({.in = 3}), "[lstm_cell] expected .in and .hidden of 1 or more, got 3 and 0",
                       value_error);
}
