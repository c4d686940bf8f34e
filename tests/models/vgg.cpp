// Shows: VGG 11 to 19
// VGGs with PyTorch's weights give PyTorch's results and gradients; torchvision's counts and first weights.
#include <inlay/models/vgg.hpp>

#include <doctest/doctest.h>

#include <limits>

#include "golden/vgg.inc"

using namespace inlay;
using support::message_of;

TEST_CASE("vgg: as PyTorch, plain with planes of 7 x 7, and normalised for little images") {
  models::vgg<> plain{{.depth = 11, .classes = 5, .width = 1.0 / 32, .dropout = 0}};
  support::check_against_torch(plain, vgg11);
  models::vgg<> normed{
      {.depth = 16, .batch_norm = true, .classes = 5, .width = 1.0 / 16, .dropout = 0, .small_images = true}};
  support::check_against_torch(normed, vgg16_bn);
}

TEST_CASE("vgg: as many weights as torchvision's") {
  const struct {
    int depth;
    std::int64_t plain, normed;
  } table[] = {
      {11, 132863336, 132868840}, {13, 133047848, 133053736}, {16, 138357544, 138365992}, {19, 143667240, 143678248}};
  for (const auto& row : table)
    for (const bool norm : {false, true})
      CHECK(support::count_at(64, [&](std::int64_t parts) {
              const double width = static_cast<double>(parts) / 64;
              return parameter_count(models::vgg<>{{.depth = row.depth, .batch_norm = norm, .width = width}});
            }) == (norm ? row.normed : row.plain));
}

TEST_CASE("vgg: first weights as torchvision draws them; dropout in training only") {
  models::vgg<> net{{.depth = 11, .in = 1, .classes = 10, .width = 0.25, .small_images = true}};
  init::weights(net, {.seed = 1});
  const auto deviation = [](const parameter<float>& weight) {
    double squares = 0;
    for (const float value : weight.value().values()) squares += static_cast<double>(value) * value;
    return std::sqrt(squares / static_cast<double>(weight.shape().size()));
  };
  CHECK(deviation(net.features[3].conv.weight) == doctest::Approx(std::sqrt(2.0 / (64 * 9))).epsilon(0.02));
  CHECK(deviation(net.fc1.weight) == doctest::Approx(0.01).epsilon(0.02));
  CHECK(deviation(net.features[3].conv.bias) == 0);
  CHECK(deviation(net.fc3.bias) == 0);
  CHECK(net.fc1.weight.shape() == shape{128, 128});

  const auto x = support::made_up<float>({1, 1, 32, 32}, 3);
  const autograd::tape tape({.seed = 1});
  CHECK_FALSE(support::same_bits(net(tape.input(x)).value(), net(x)));
  const autograd::tape still({.mode = autograd::mode::infer});
  CHECK(support::same_bits(net(still.input(x)).value(), net(x)));
}

TEST_CASE("vgg: configs and inputs that do not fit") {
  CHECK(message_of([] { models::vgg<>{{.depth = 12}}; }) == "[vgg] expected a .depth of 11, 13, 16 or 19, got 12");
  CHECK(message_of([] { models::vgg<>{{.width = 0}}; }) == "[vgg] expected a .width above 0 and up to 64, got 0");
  CHECK(message_of([] { models::vgg<>{{.width = 65}}; }) == "[vgg] expected a .width above 0 and up to 64, got 65");
  CHECK_THROWS_AS(models::vgg<>({.width = std::numeric_limits<double>::quiet_NaN()}), value_error);
  CHECK(message_of([] { models::vgg<>{{.in = 0}}; }) == "[vgg] expected .in and .classes of 1 or more, got 0 and 1000");
  CHECK(message_of([] { models::vgg<>{{.dropout = -1}}; }) == "[vgg] expected .dropout from 0 to 1, got -1");
  const models::vgg<> net{{.depth = 11, .classes = 2, .width = 1e-3, .small_images = true}};
  CHECK(members_of(net)[0].cell->shape() == shape{1, 3, 3, 3});  // of every width one channel is left
  CHECK(message_of([&] {
          net(zeros<float>({1, 3, 28, 28}));
        }) == "[max_pool2d] expected an input that a window of 2 fits into, got (1, 1, 1, 1)");
}
