// Shows: embedding
// The embedding layer: first weights, padding, training in place of a dense table, with every optimiser the same bits.
#include <inlay/nn/embedding.hpp>

#include <doctest/doctest.h>

#include <inlay/graph/record.hpp>
#include <inlay/io/save.hpp>
#include <inlay/loss/cross_entropy.hpp>
#include <inlay/nn/dense.hpp>
#include <inlay/ops.hpp>
#include <inlay/optim.hpp>

#include "files.hpp"
#include "support.hpp"

using namespace inlay;

namespace {

// Means of word vectors, and scores; `dense` reads the table by a product instead, so that gradients are dense.
struct words {
  nn::embedding<float> table{{.vocabulary = 30, .features = 8, .padding_index = 0}};
  nn::dense<float> head{{.in = 8, .out = 3}};
  bool dense = false;
  auto operator()(const auto& tokens) const { return head(mean(table(tokens), 1)); }
  static void members(auto& self, auto&& visit) {
    visit("table", self.table);
    visit("head", self.head);
  }
};

tensor<std::int64_t> sentences(std::int64_t count, std::uint64_t seed, int words = 12) {
  tensor<std::int64_t> out(shape{count, 5});
  for (std::int64_t i = 0; i < out.size(); ++i)
    out.data()[i] = static_cast<std::int64_t>(support::noise(seed + static_cast<std::uint64_t>(i)) %
                                              static_cast<std::uint64_t>(words));
  return out;
}

// Steps with gradients as they come, or made dense before the optimiser sees them.
template <class Optimizer> void train(words& net, Optimizer&& optimizer, bool dense, int micro_batches) {
  autograd::tape tape;
  for (int step = 0; step < 10; ++step) {
    for (int part = 0; part < micro_batches; ++part) {
      const auto seed = static_cast<std::uint64_t>(100 * step + 1000 * part);
      tensor<std::int64_t> classes(shape{4});
      for (std::int64_t i = 0; i < 4; ++i) classes(i) = i % 3;
      loss::cross_entropy(net(tape.input(sentences(4, seed))), classes).backward();
    }
    if (dense) net.table.weight.shared_cell()->write_gradient([](std::span<float>) {});
    CHECK((net.table.weight.grad().representation() == nullptr) == dense);
    optimizer.step();
    optimizer.zero_grad();
  }
}

}  // namespace

TEST_CASE("embedding layer: first weights, padding, errors") {
  words net;
  CHECK(net.table.weight.shape() == shape{30, 8});
  for (const std::uint64_t seed : {1u, 2u}) {
    init::weights(net, {.seed = seed});
    double square = 0;
    for (const float w : net.table.weight.value().values()) square += static_cast<double>(w * w) / (29 * 8);
    CHECK(square == doctest::Approx(1).epsilon(0.25));
    for (std::int64_t j = 0; j < 8; ++j) CHECK(net.table.weight.value()(0, j) == 0);
  }
  CHECK_THROWS_AS(nn::embedding<float>({.features = 3}), value_error);
  CHECK_THROWS_AS(nn::embedding<float>({.vocabulary = 3}), value_error);
  CHECK_THROWS_AS(nn::embedding<float>({.vocabulary = 3, .features = 2, .padding_index = 3}), value_error);
  CHECK_THROWS_AS(net(tensor<std::int64_t>({1, 2}, 30)), value_error);
}

TEST_CASE("embedding layer: optimisers leave other rows alone, or do what they do to a dense gradient") {
  for (const int micro_batches : {1, 3})
    for (const int way : {0, 1, 2, 3}) {
      words net;
      init::weights(net, {.seed = 4});
      const tensor<float> before = net.table.weight.value();
      words results[2] = {net, net};
      for (const bool dense : {false, true}) {
        words& mine = results[dense];
        if (way == 3)
          train(mine, optim::adam(mine), dense, micro_batches);
        else
          train(mine,
                optim::sgd(
                    mine,
                    {.learning_rate = 0.5, .momentum = way == 1 ? 0.9 : 0.0, .weight_decay = way == 2 ? 0.01 : 0.0}),
                dense, micro_batches);
      }
      const auto got = results[0].table.weight.value().values(), expected = results[1].table.weight.value().values();
      CHECK(support::same_bits(got, expected));
      CHECK(!support::same_bits(got, before.values()));
      if (way != 2) CHECK(support::same_bits(got.subspan(12 * 8), before.values().subspan(12 * 8)));
    }
}

TEST_CASE("embedding layer: copied, saved, recorded") {
  const support::temporary_folder folder;
  words net;
  const tensor<std::int64_t> x = sentences(3, 7, 30);
  const tensor<float> y = net(x);
  io::save(net, folder / "f");
  words other;
  io::load(other, folder / "f");
  CHECK(support::same_bits(other(x).values(), y.values()));
  const graph::record r(net, x, {.dynamic = {{.axis = 0, .name = "N"}, {.axis = 1, .name = "T"}}});
  tensor<std::int64_t> longer(shape{2, 9});
  for (std::int64_t i = 0; i < 18; ++i) longer.data()[i] = i;
  CHECK(support::same_bits(r.run({any_tensor(longer)})[0].as<float>().values(), net(longer).values()));
}
