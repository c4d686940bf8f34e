// Shows: MobileNetV2
// MobileNetV2 with PyTorch's weights gives PyTorch's results and gradients; torchvision's counts and first weights.
#include <inlay/models/mobilenet.hpp>

#include <doctest/doctest.h>

#include "golden/mobilenet.inc"

using namespace inlay;
using support::message_of;

TEST_CASE("mobilenet: as PyTorch") {
  models::mobilenet<> net{{.width = 0.1, .classes = 5, .dropout = 0, .stem_stride = 1}};
  support::check_against_torch(net, mobilenet_v2);
}

TEST_CASE("mobilenet: as many weights as torchvision's") {
  CHECK(parameter_count(models::mobilenet<>{}) == 3504872);
  // golden/models.py
  CHECK(parameter_count(models::mobilenet<>{{.width = 0.35}}) == 1677128);
  CHECK(parameter_count(models::mobilenet<>{{.width = 1.4}}) == 6108776);
}

TEST_CASE("mobilenet: first weights as torchvision draws them") {
  models::mobilenet<> net{{.classes = 10}};
  init::weights(net, {.seed = 1});
  const auto deviation = [](const parameter<float>& weight) {
    double squares = 0;
    for (const float value : weight.value().values()) squares += static_cast<double>(value) * value;
    return std::sqrt(squares / static_cast<double>(weight.shape().size()));
  };
  CHECK(deviation(net.blocks[16].depthwise.conv.weight) == doctest::Approx(std::sqrt(2.0 / (960 * 9))).epsilon(0.03));
  CHECK(deviation(net.head.conv.weight) == doctest::Approx(std::sqrt(2.0 / 1280)).epsilon(0.02));
  CHECK(deviation(net.classifier.weight) == doctest::Approx(0.01).epsilon(0.03));
  CHECK(deviation(net.classifier.bias) == 0);
  CHECK(net(zeros<float>({1, 3, 64, 32})).shape() == shape{1, 10});
}

TEST_CASE("mobilenet: configs that do not fit") {
  CHECK(message_of([] { models::mobilenet<>{{.stem_stride = 3}}; }) ==
        "[mobilenet] expected a .stem_stride of 1 or 2, got 3");
  CHECK(message_of([] { models::mobilenet<>{{.width = -1}}; }) ==
        "[mobilenet] expected a .width above 0 and up to 64, got -1");
  CHECK(message_of([] { models::mobilenet<>{{.classes = 0}}; }) ==
        "[mobilenet] expected .in and .classes of 1 or more, got 3 and 0");
  CHECK(message_of([] { models::mobilenet<>{{.dropout = 2}}; }) == "[mobilenet] expected .dropout from 0 to 1, got 2");
}
