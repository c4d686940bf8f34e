// Shows: one GRU step
// One step with its gradients and three in a row against PyTorch; every judge; the bits of the layer's steps.
#include <inlay/nn/gru_cell.hpp>

#include <doctest/doctest.h>

#include <inlay/nn/gru.hpp>

#include "nn/cells.hpp"

using namespace inlay;
using nn::gru_cell;

TEST_CASE("gru_cell: PyTorch's numbers, and every judge") {
  const gru_cell<double> cell{{.in = 2, .hidden = 2}};
  support::check_torch_cell<nn::recurrent_state>(
      support::waving(cell),
      {{0.38963395425585223, 0.8963513087906175, 0.7025586146203627, 0.7079747073843463},
       {0.06141325607151631, 0.14510665816107116, 0.06568451846907337, 0.02874098807563181},
       {0.6369613017866768, 0.3300879642631612, 0.7661783293653734, 0.06795059620946658},
       {-0.0039101616291430654, -0.003126254711724758, 0.0012946972986530966, 0.0019316208768699818,
        0.18361786819269058, 0.16530209079656275, -0.007177028543608355, 0.004372505596550595, 0.1353103548349312,
        0.17705485509790264, 0.15735498857815328, 0.20775150101015608},
       {-0.003911640541318554, -0.0028752285147939293, 0.0014341136779014757, 0.0019502816693386387, 0.1865535860622643,
        0.15561395552815507, -0.005612905462101398, 0.005981131656877951, 0.12847974589977645, 0.1578505826593578,
        0.1677810571485122, 0.20406585833036422},
       {-0.0048646562554595756, 0.0022700294054712974, 0.2420422511235617, -0.0014934240021274338, 0.21898960938466996,
        0.2560284703673692},
       {-0.0048646562554595756, 0.0022700294054712974, 0.2420422511235617, -0.0014934240021274338, 0.19420835556326155,
        0.25249169073695715}});
  support::check_cell(cell, {-0.06555170481699464, -0.12491127545756953, -0.0033567769705356576, 0.005272780503566138});
  const gru_cell<double> plain{{.in = 2, .hidden = 2, .bias = false}};
  support::check_torch_cell<nn::recurrent_state>(
      support::waving(plain),
      {{0.04997674158095333, 0.9872080980327366, 0.11426945168305314, 0.9416440830899968},
       {-0.2088668142447716, 0.02245863985141212, -0.06173250773103909, -0.09863018401998573},
       {0.08944247136926334, 0.09801335025358654, 0.34828623584601287, -0.10049880679337933},
       {-0.018427527528081144, -0.012464284185902091, 0.0016421468713645865, 0.002275894497597236, 0.34657590315563364,
        0.26942109793747077, -0.008556320689865143, -0.005601038027268031, 0.4773530862331911, 0.5718664913575424,
        0.018879359754523053, 0.024427983307678692},
       {-0.018082888795396164, -0.011023676137220701, 0.0017919970494726977, 0.0022797971499189424, 0.34551784018097925,
        0.24630029914756282, -0.008367408947790485, -0.00491096733060993, 0.39555934970875795, 0.4551642547101259,
        0.018852957904163647, 0.02247854055529008}});
  support::check_cell(plain, {-0.01397849462223108, 0.28273943945278834, -0.1667072353136561, 0.8592124798777997});
  support::check_cell(gru_cell<double>{{.in = 2, .hidden = 2, .reset_before = true}});
}

TEST_CASE("gru_cell: the bits of the layer's steps") {
  support::check_steps(nn::gru<float>{{.in = 3, .hidden = 19}}, gru_cell<float>{{.in = 3, .hidden = 19}});
  support::check_steps(nn::gru<float>{{.in = 3, .hidden = 19, .reset_before = true}},
                       gru_cell<float>{{.in = 3, .hidden = 19, .reset_before = true}});
}

TEST_CASE("gru_cell: members, no bias, and what is refused") {
  const gru_cell<float> cell{{.in = 3, .hidden = 4, .bias = false}};
  CHECK(members_of(cell).size() == 2);
  CHECK(cell.weight_ih.shape() == shape{12, 3});
  const tensor<float> x({5, 3});
  CHECK(cell(x).h.shape() == shape{5, 4});
  CHECK(cell(tensor<float>({0, 3})).h.shape() == shape{0, 4});
  CHECK_THROWS_WITH_AS(cell(tensor<float>({5, 2})), "[gru_cell] expected input (N, 3), got (5, 2)", shape_error);
  CHECK_THROWS_AS(cell(tensor<float>({3}), cell.start(1)), shape_error);
  CHECK_THROWS_WITH_AS(cell(x, cell.start(4)), "[gru_cell] expected a state h (5, 4), got (4, 4)", shape_error);
  CHECK_THROWS_WITH_AS(gru_cell<float>({.in = 3}), "[gru_cell] expected .in and .hidden of 1 or more, got 3 and 0",
                       value_error);
}
