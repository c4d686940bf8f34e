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

TEST_CASE("vit: files with the older names of torchvision's own") {
  models::vit<> net{{.image = 8, .patch = 4, .classes = 3, .layers = 2, .heads = 2, .features = 8}}, other = net;
  const support::temporary_folder folder;
  io::tensor_file old;
  for (auto& [name, t] : support::torch_file(::vit).tensors) {
    std::string path = name;
    for (const auto& [from, to] : {std::pair("mlp.0.", "mlp.linear_1."), std::pair("mlp.3.", "mlp.linear_2.")})
      if (const auto at = path.find(from); at != std::string::npos) path.replace(at, 6, to);
    old.tensors[path] = t;
  }
  CHECK(old.tensors.contains("encoder.layers.encoder_layer_1.mlp.linear_2.bias"));
  io::save_tensors(old, folder / "old");
  CHECK(models::load_torch(other, folder / "old").complete());
  io::save_tensors(support::torch_file(::vit), folder / "new");
  models::load_torch(net, folder / "new");
  const auto x = support::torch_noise("input", {2, 3, 8, 8});
  CHECK(support::same_bits(net(x), other(x)));
}

// torch.nn.MultiheadAttention draws queries', keys' and values' weights as one matrix.
TEST_CASE("vit: first weights have torchvision's bounds") {
  const models::vit<> net{{.image = 8, .patch = 4, .classes = 3, .layers = 1, .heads = 2, .features = 48}};
  const auto largest = [](const parameter<float>& weight) {
    double out = 0;
    for (const float value : weight.value().values()) out = std::max(out, std::abs(static_cast<double>(value)));
    return out;
  };
  const auto& block = net.blocks[0];
  for (const auto* layer : {&block.attention.query, &block.attention.key, &block.attention.value}) {
    CHECK(largest(layer->weight) <= std::sqrt(6.0 / (4 * 48)));
    CHECK(largest(layer->weight) > 0.95 * std::sqrt(6.0 / (4 * 48)));
    CHECK(largest(layer->bias) == 0);
  }
  CHECK(largest(block.attention.out.weight) <= 1 / std::sqrt(48.0));
  CHECK(largest(block.feed_forward.up.weight) > 0.95 * std::sqrt(6.0 / (5 * 48)));
  CHECK(largest(block.feed_forward.up.bias) < 1e-5);
  CHECK(largest(net.head.weight) == 0);
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
  CHECK(message_of([] { models::vit<>{{.layers = 1, .heads = 1, .features = 4, .attention_dropout = 2}}; }) ==
        "[multi_head_attention] expected .attention_dropout from 0 to 1, got 2");
  const models::vit<> net{{.image = 8, .patch = 4, .in = 1, .classes = 2, .layers = 1, .heads = 1, .features = 4}};
  CHECK(message_of([&] {
          net(tensor<float>({1, 1, 12, 12}));
        }) == "[vit] expected images of 4 patches, got 9 of (1, 1, 12, 12)");
}
