// Shows: one RNN step
// One step with its gradients and three in a row against PyTorch; every judge; the bits of the layer's steps.
#include <inlay/nn/rnn_cell.hpp>

#include <doctest/doctest.h>

#include <inlay/nn/rnn.hpp>

#include "nn/cells.hpp"

using namespace inlay;
using nn::rnn_cell;

TEST_CASE("rnn_cell: PyTorch's numbers, and every judge") {
  const rnn_cell<double> cell{{.in = 2, .hidden = 2}};
  support::check_torch_cell<nn::recurrent_state>(
      support::waving(cell), {{0.9788101078225024, 0.9995910132545469, 0.9308390333416574, 0.9996469939787427},
                              {0.003816632939789986, 0.02223710277055095, 0.010947030163135902, 0.07758628905433203},
                              {0.00679124323306652, 0.024170236114927197, 0.021618255420154303, 0.08469826066722426},
                              {0.11658859544127162, 0.08369147001345106, 0.0005509091158638613, 0.0008473774393403592},
                              {0.11515684801103479, 0.0751254566651944, 0.0006141763546613817, 0.0008582071542830627},
                              {0.13804484915766413, 0.0009846406991618555},
                              {0.13804484915766413, 0.0009846406991618555}});
  support::check_cell(cell, {0.8013396952895379, 0.9906297182107321, 0.9827376764575717, 0.9999008288139717});
  const rnn_cell<double> relu{{.in = 2, .hidden = 2, .relu = true}};
  support::check_torch_cell<nn::recurrent_state>(
      support::waving(relu), {{2.268363351748582, 4.24738523796366, 1.6646366409418643, 4.3209980528805705},
                              {1.0666123578071347, 1.3210708706480927, 0.3193649647793142, 0.7734120420360975},
                              {1.139586312296422, 1.3057615404175664, 0.3997707535247356, 0.8117264612535844},
                              {1.1089990480799468, 1.0853849205567332, 0.7046262324219881, 1.053037672988507},
                              {1.1402134170614708, 1.0367494294790138, 0.780776835859306, 1.0633948089204461},
                              {1.5258524947191128, 1.2367443158180373},
                              {1.5258524947191128, 1.2367443158180373}});
  support::check_cell(relu, {6.123309872166123, 9.711425778384811, 3.291185774613252, 6.081132862646018});
}

TEST_CASE("rnn_cell: the bits of the layer's steps") {
  support::check_steps(nn::rnn<float>{{.in = 3, .hidden = 19}}, rnn_cell<float>{{.in = 3, .hidden = 19}});
  support::check_steps(nn::rnn<float>{{.in = 3, .hidden = 19, .relu = true}},
                       rnn_cell<float>{{.in = 3, .hidden = 19, .relu = true}});
}

TEST_CASE("rnn_cell: members, no bias, and what is refused") {
  const rnn_cell<float> cell{{.in = 3, .hidden = 4, .bias = false}};
  CHECK(members_of(cell).size() == 2);
  CHECK(cell.weight_ih.shape() == shape{4, 3});
  const tensor<float> x({5, 3});
  CHECK(cell(x).h.shape() == shape{5, 4});
  CHECK(cell(tensor<float>({0, 3})).h.shape() == shape{0, 4});
  CHECK_THROWS_WITH_AS(cell(tensor<float>({5, 2})), "[rnn_cell] expected input (N, 3), got (5, 2)", shape_error);
  CHECK_THROWS_AS(cell(tensor<float>({3}), cell.start(1)), shape_error);
  CHECK_THROWS_WITH_AS(cell(x, cell.start(4)), "[rnn_cell] expected a state h (5, 4), got (4, 4)", shape_error);
  CHECK_THROWS_WITH_AS(rnn_cell<float>({.in = 3}), "[rnn_cell] expected .in and .hidden of 1 or more, got 3 and 0",
                       value_error);
}
