// Shows: vision transformer
// Results and gradients of torchvision's module from its file; the paper's sizes; training lowers the loss; what is
// refused.
#include <inlay/models/vit.hpp>

#include <doctest/doctest.h>

#include <inlay/loss/cross_entropy.hpp>
#include <inlay/optim/adamw.hpp>

#include "golden/vit.inc"

using namespace inlay;
using support::message_of;

TEST_CASE("vit: as PyTorch") {
  models::vit<> net{{.image = 8, .patch = 4, .classes = 3, .layers = 2, .heads = 2, .features = 8}};
  support::check_against_torch(net, ::vit);
}

// torchvision's counts of ViT-B/16, L/16 and H/14, from those of thin models: heads do not count.
TEST_CASE("vit: as many weights as torchvision's") {
  const auto count = [](models::vit_config c) {
    return support::count_at(c.features / 8, [&](std::int64_t features) {
      models::vit_config thin = c;
      thin.features = features * 8, thin.heads = 1;
      std::int64_t sum = 0;
      for (const member& m : members_of(models::vit<>{thin})) sum += m.cell->shape().size();
      return sum;
    });
  };
  CHECK(count(models::vit_config::base()) == 86567656);
  CHECK(count(models::vit_config::large()) == 304326632);
  CHECK(count(models::vit_config::huge()) == 632045800);
}

TEST_CASE("vit: training lowers the loss") {
  models::vit<> net{
      {.image = 8, .patch = 4, .in = 1, .classes = 3, .layers = 1, .heads = 2, .features = 8, .dropout = 0.05}};
  init::weights(net, {.seed = 2});
  optim::adamw optimizer{net, {.learning_rate = 1e-2}};
  const autograd::tape tape{{.seed = 2}};
  const auto x = support::torch_noise("images", {6, 1, 8, 8});
  const auto y = from<std::int64_t>({6}, {0, 1, 2, 0, 1, 2});
  float first = 0, last = 0;
  for (int step = 0; step < 80; ++step) {
    const auto loss = loss::cross_entropy(net(tape.input(x)), y);
    loss.backward();
    optimizer.step();
    optimizer.zero_grad();
    (step == 0 ? first : last) = loss.item();
  }
  CHECK(first == doctest::Approx(1.0986).epsilon(1e-3));  // log 3: scores begin as 0
  CHECK(last < 0.2f);
}

TEST_CASE("vit: what is refused") {
  CHECK(message_of([] { models::vit<>{{.image = 8, .patch = 3}}; }) ==
        "[vit] expected a .patch that divides .image, and .layers of 1 or more, got 3, 8 and 12");
  CHECK(message_of([] { models::vit<>{{.classes = 0}}; }) ==
        "[vit] expected .in and .classes of 1 or more, got 3 and 0");
  const models::vit<> net{{.image = 8, .patch = 4, .in = 1, .classes = 2, .layers = 1, .heads = 1, .features = 4}};
  CHECK(message_of([&] {
          net(tensor<float>({1, 1, 12, 12}));
        }) == "[vit] expected images of 4 patches, got 9 of (1, 1, 12, 12)");
}
