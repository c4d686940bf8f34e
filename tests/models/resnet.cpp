// Shows: ResNet 18 to 152
// ResNets with PyTorch's weights give PyTorch's results and gradients; torchvision's counts and first weights.
#include <inlay/models/resnet.hpp>

#include <doctest/doctest.h>

#include "golden/resnet.inc"

using namespace inlay;
using support::message_of;

TEST_CASE("resnet: as PyTorch, of two convolutions a block and of three, with both stems") {
  models::resnet<> shallow{{.depth = 18, .classes = 5, .width = 4}};
  support::check_against_torch(shallow, resnet18);
  models::resnet<> deep{{.depth = 50, .classes = 5, .width = 2, .stem = models::resnet_stem::small_images}};
  support::check_against_torch(deep, resnet50);
}

TEST_CASE("resnet: as many weights as torchvision's") {
  CHECK(parameter_count(models::resnet<>{{.depth = 18}}) == 11689512);
  for (const auto& [depth, weights] :
       {std::pair{18, 11689512}, {34, 21797672}, {50, 25557032}, {101, 44549160}, {152, 60192808}})
    CHECK(support::count_at(64, [depth = depth](std::int64_t width) {
            return parameter_count(models::resnet<>{{.depth = depth, .width = width}});
          }) == weights);
  // golden/models.py
  CHECK(support::count_at(64, [](std::int64_t width) {
          return parameter_count(
              models::resnet<>{{.classes = 10, .width = width, .stem = models::resnet_stem::small_images}});
        }) == 11173962);
}

TEST_CASE("resnet: first weights as torchvision draws them, now and by seed") {
  models::resnet<> net{{.depth = 50, .in = 1, .classes = 3, .width = 16}}, other = net;
  init::weights(net, {.seed = 1});
  init::weights(other, {.seed = 1});
  for (const models::resnet<>* drawn : {&net, &other}) {
    const auto w = drawn->layer2[0].conv2.weight.value().values();  // (32, 32, 3, 3)
    double squares = 0;
    for (const float value : w) squares += static_cast<double>(value) * value;
    CHECK(squares / static_cast<double>(w.size()) == doctest::Approx(2.0 / (32 * 9)).epsilon(0.05));
    CHECK_FALSE(drawn->layer1[0].conv3->bias);
    CHECK(drawn->layer1[2].bn3->weight.value()(0) == 1);
    const auto fc = drawn->fc.weight.value().values();
    CHECK(*std::max_element(fc.begin(), fc.end()) < 1 / std::sqrt(512.f));
  }
  CHECK(support::same_bits(net.conv1.weight.value(), other.conv1.weight.value()));

  for (const int depth : {18, 50}) {
    models::resnet<> straight{{.depth = depth, .classes = 3, .width = 2, .zero_last_gamma = true}};
    init::weights(straight, {.seed = 2});
    const models::resnet_block<>& block = straight.layer3[1];
    const auto x = support::made_up<float>({2, block.out(), 3, 3}, 1, 0.5, 1);
    CHECK(support::same_bits(block(x), x));
    CHECK(block.bn1.weight.value()(0) == 1);
  }
}

TEST_CASE("resnet: configs and inputs that do not fit") {
  CHECK(message_of([] { models::resnet<>{{.depth = 20}}; }) ==
        "[resnet] expected a .depth of 18, 34, 50, 101 or 152, got 20");
  CHECK(message_of([] { models::resnet<>{{.width = 0}}; }) == "[resnet] expected a .width of 1 or more, got 0");
  CHECK(message_of([] { models::resnet<>{{.in = 0, .classes = -1}}; }) ==
        "[resnet] expected .in and .classes of 1 or more, got 0 and -1");
  const models::resnet<> net{{.classes = 2, .width = 1}};
  CHECK_THROWS_AS(net(zeros<float>({1, 1, 32, 32})), shape_error);
  CHECK(net(zeros<float>({2, 3, 40, 33})).shape() == shape{2, 2});  // images of any size
}
