// Shows: embedding bags
// The layer of bags of rows: PyTorch's numbers, first weights, gradients, files, records, what is refused.
#include <inlay/nn/embedding_bag.hpp>

#include <doctest/doctest.h>

#include <inlay/graph/record.hpp>
#include <inlay/io/save.hpp>

#include "files.hpp"
#include "naive/waves.hpp"

using namespace inlay;
using support::same_bits;

namespace {

const tensor<std::int64_t> ragged = from<std::int64_t>({7}, {2, 0, 2, 1, 3, 3, 2}),
                           offsets = from<std::int64_t>({4}, {0, 3, 3, 6}),
                           square = from<std::int64_t>({2, 3}, {2, 0, 2, 1, 3, 3});

}  // namespace

TEST_CASE("embedding_bag layer: PyTorch's numbers, with and without offsets") {
  nn::embedding_bag<double> layer{{.vocabulary = 4, .features = 2, .padding_index = 3}};
  for (std::int64_t j = 0; j < 2; ++j) CHECK(layer.weight.value()(3, j) == 0);
  layer.weight.assign(naive::sine({4, 2}, 0.7));
  // F.embedding_bag(indices, w, offsets, mode="mean", padding_idx=3), F.embedding_bag(indices, w, mode="max")
  support::check_close(layer(ragged, offsets), {0.22332543343727007, -0.019116256047182884, 0, 0, 0.9854497299884601,
                                                0.8632093666488739, 0.3349881501559051, -0.35078322768961984});
  nn::embedding_bag<double> most{{.vocabulary = 4, .features = 2, .mode = bag_mode::max}};
  most.weight.assign(naive::sine({4, 2}, 0.7));
  support::check_close(most(square), {0.3349881501559051, 0.644217687237691, 0.9854497299884601, 0.8632093666488739});
  const autograd::tape tape;
  const auto y = layer(tape.input(square));
  y.backward(ones<double>({2, 2}));
  CHECK(layer.weight.grad().representation() != nullptr);
  support::check_close(layer.weight.grad(), {1.0 / 3, 1.0 / 3, 1, 1, 2.0 / 3, 2.0 / 3, 0, 0});
}

TEST_CASE("embedding_bag layer: copies, files, records") {
  nn::embedding_bag<float> layer{{.vocabulary = 4, .features = 5, .mode = bag_mode::sum}}, copy = layer;
  copy.weight.assign(tensor<float>({4, 5}, 2.0f));
  CHECK(!same_bits(layer(square), copy(square)));
  const support::temporary_folder folder;
  io::save(layer, folder / "bag");
  io::load(copy, folder / "bag");
  CHECK(same_bits(layer(square), copy(square)));
  const graph::record r(layer, square, {.dynamic = {{.axis = 0, .name = "N"}, {.axis = 1, .name = "L"}}});
  for (const shape& sizes : {shape{2, 3}, shape{3, 2}, shape{1, 6}, shape{6, 1}})
    CHECK(same_bits(r.run({square.reshape(sizes)})[0].as<float>(), layer(square.reshape(sizes))));
}

TEST_CASE("embedding_bag layer: what is refused") {
  CHECK_THROWS_AS((nn::embedding_bag<float>{{.vocabulary = 4}}), value_error);
  CHECK_THROWS_AS((nn::embedding_bag<float>{{.vocabulary = 4, .features = 2, .padding_index = 4}}), value_error);
  const nn::embedding_bag<float> layer{{.vocabulary = 3, .features = 2}};
  CHECK_THROWS_WITH_AS(layer(square), "[embedding_bag] expected indices from 0 to 2, got 3", value_error);
  CHECK_THROWS_AS(layer(ragged), shape_error);
}
