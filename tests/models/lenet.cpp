// Shows: LeNet-5
// LeNet-5 in both forms with PyTorch's weights gives PyTorch's results and gradients.
#include <inlay/models/lenet.hpp>

#include <doctest/doctest.h>

#include "golden/lenet.inc"

using namespace inlay;
using support::message_of;

TEST_CASE("lenet: as PyTorch, with relu and maxima of 28 x 28, with tanh and means of 32 x 32") {
  models::lenet<> net;
  CHECK(parameter_count(net) == 61706);
  support::check_against_torch(net, lenet_modern);
  models::lenet<> classical{{.in = 3, .classes = 5, .image = 32, .classical = true}};
  support::check_against_torch(classical, lenet_classical);
}

TEST_CASE("lenet: configs and inputs that do not fit") {
  CHECK(message_of([] { models::lenet<>{{.image = 64}}; }) == "[lenet] expected an .image of 28 or 32, got 64");
  CHECK(message_of([] { models::lenet<>{{.classes = 0}}; }) ==
        "[lenet] expected .in and .classes of 1 or more, got 1 and 0");
  const models::lenet<> net;
  for (const shape& sizes : {shape{2, 1, 32, 32}, shape{2, 3, 28, 28}, shape{2, 1, 28, 32}, shape{1, 28, 28}})
    CHECK(message_of([&] { net(zeros<float>(sizes)); }) ==
          "[lenet] expected input (N, 1, 28, 28), got " + sizes.text());
}
