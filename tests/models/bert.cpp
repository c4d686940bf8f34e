// Shows: BERT (masked language model and classifier)
// Results and gradients of PyTorch's modules from their files, in old names too; padding changes nothing of what is
// before it; every token sees all; training lowers both losses; what is refused.
#include <inlay/models/bert.hpp>

#include <doctest/doctest.h>

#include <inlay/graph/plan.hpp>
#include <inlay/loss/cross_entropy.hpp>
#include <inlay/optim/adamw.hpp>

#include "golden/bert.inc"

using namespace inlay;
using models::bert;
using models::bert_classifier;
using models::bert_config;
using models::bert_inputs;
using models::bert_masked_lm;
using support::message_of;

namespace {

const bert_config small{.vocabulary = 11, .context = 6, .layers = 2, .heads = 2, .in = 8};

bert_inputs two_rows() {
  return {.lengths = from<std::int64_t>({2}, {5, 3}), .types = support::torch_tokens("types", {2, 5}, 2)};
}

}  // namespace

TEST_CASE("bert: as PyTorch, both heads") {
  const auto x = support::torch_tokens("input", {2, 5}, 11);
  bert_masked_lm<> masked{small};
  support::check_torch_file(masked, bert_masked);
  support::check_torch_results(masked, bert_masked, [&](const auto& in) { return masked(in(x), two_rows()); });
  bert_classifier<> classes{small, 3};
  support::check_torch_file(classes, bert_classes);
  support::check_torch_results(classes, bert_classes, [&](const auto& in) { return classes(in(x), two_rows()); });
}

TEST_CASE("bert: files with old names, with heads that the model has not, and of the body alone") {
  const support::temporary_folder folder;
  const auto x = support::torch_tokens("input", {2, 5}, 11);
  bert_masked_lm<> masked{small}, other{small};
  io::tensor_file file = support::torch_file(bert_masked), old;
  for (auto& [name, t] : file.tensors) {
    std::string path = name;
    if (const auto at = path.find("LayerNorm."); at != std::string::npos)
      path.replace(at + 10, std::string::npos, path.ends_with("weight") ? "gamma" : "beta");
    old.tensors[path] = t;
  }
  old.tensors["bert.pooler.dense.weight"] = tensor<float>({8, 8});
  old.tensors["cls.seq_relationship.bias"] = tensor<float>({2});
  old.tensors["cls.predictions.decoder.weight"] = file.tensors["bert.embeddings.word_embeddings.weight"];
  old.tensors["cls.predictions.decoder.bias"] = file.tensors["cls.predictions.bias"];
  io::save_tensors(file, folder / "new");
  io::save_tensors(old, folder / "old");
  models::load_torch(masked, folder / "new");
  CHECK(models::load_torch(other, folder / "old").complete());
  CHECK(support::same_bits(masked(x), other(x)));

  bert<> body{small};
  CHECK(models::load_torch(body, folder / "old", {.names = body.torch_names("bert.")}).complete());
  CHECK(support::same_bits(body(x), masked.body(x)));
  models::save_torch(body, folder / "body");
  bert<> again{small};
  CHECK(models::load_torch(again, folder / "body").complete());
  CHECK(support::same_bits(body(x), again(x)));
}

TEST_CASE("bert: the masked head has the activation of the blocks") {
  const auto x = support::torch_tokens("input", {2, 5}, 11);
  for (const auto kind : {nn::feed_forward_kind::relu, nn::feed_forward_kind::gelu_tanh, nn::feed_forward_kind::gelu}) {
    bert_config config = small;
    config.feed_forward = kind;
    const bert_masked_lm<> net{config};
    const tensor<float> y = net.transform(net.body(x)), z = kind == nn::feed_forward_kind::relu   ? relu(y)
                                                            : kind == nn::feed_forward_kind::gelu ? gelu(y)
                                                                                                  : gelu_tanh(y);
    CHECK(support::same_bits(net(x), linear(net.norm(z), net.body.embedding.weight, net.bias)));
  }
}

TEST_CASE("bert: recorded, for texts of any length, and planned") {
  const auto x = support::torch_tokens("input", {2, 5}, 11), other = support::torch_tokens("other", {3, 4}, 11);
  const auto check = [&](const auto& net) {
    const graph::record written(net, slice(x, 1, 0, 2),
                                {.dynamic = {{.axis = 0, .name = "N"}, {.axis = 1, .name = "T"}}});
    CHECK(support::same_bits(written.run({any_tensor(other)})[0].template as<float>(), net(other)));
    CHECK(support::same_bits(graph::plan(net, x).run({any_tensor(x)})[0].template as<float>(), net(x)));
  };
  bert_config config = small;
  config.context = 16;
  check(bert_masked_lm<>{config}), check(bert_classifier<>{config, 3});
}

TEST_CASE("bert: every token sees all of its text, and none of the padding") {
  const bert<double> net{small};
  auto x = support::torch_tokens("input", {2, 5}, 11);
  const auto lengths = from<std::int64_t>({2}, {5, 3});
  const tensor<double> y = net(x, {.lengths = lengths});
  CHECK(y.shape() == shape{2, 5, 8});
  x(1, 4) = (x(1, 4) + 1) % 11;
  CHECK(support::same_bits(slice(net(x, {.lengths = lengths}), 1, 0, 3), slice(y, 1, 0, 3)));
  x(0, 4) = (x(0, 4) + 1) % 11;
  const tensor<double> moved = net(x, {.lengths = lengths});
  for (std::int64_t t = 0; t < 5; ++t) CHECK(moved(0, t, 0) != y(0, t, 0));
  CHECK(support::same_bits(moved.slice(1, 2).slice(0, 1), net(x, {.lengths = lengths}).slice(1, 2)));
}

TEST_CASE("bert: training lowers the loss of both heads") {
  const auto x = support::torch_tokens("input", {4, 6}, 11);
  const auto train = [&](auto& net, const tensor<std::int64_t>& y, std::int64_t classes) {
    init::weights(net, {.seed = 1});
    optim::adamw optimizer{net, {.learning_rate = 1e-2}};
    const autograd::tape tape{{.seed = 1}};
    float first = 0, last = 0;
    for (int step = 0; step < 60; ++step) {
      const auto loss = loss::cross_entropy(reshape(net(tape.input(x)), {-1, classes}), y);
      loss.backward();
      optimizer.step();
      optimizer.zero_grad();
      (step == 0 ? first : last) = loss.item();
    }
    CHECK(first > 0.8f);
    CHECK(last < 0.5f);
  };
  bert_config config = small;
  config.dropout = 0.05;
  bert_masked_lm<> masked{config};
  train(masked, x.reshape({24}), 11);
  bert_classifier<> classes{config, 3};
  train(classes, from<std::int64_t>({4}, {0, 1, 2, 1}), 3);
}

TEST_CASE("bert: what is refused") {
  CHECK(message_of([] { bert<>{{.vocabulary = 3, .layers = 0}}; }) == "[bert] expected .layers of 1 or more, got 0");
  CHECK(message_of([] { bert<>{{}}; }).starts_with("[embedding] expected .vocabulary and .features of 1 or more"));
  CHECK(message_of([] { bert<>{{.vocabulary = 3, .layers = 1, .heads = 1, .in = 4, .attention_dropout = 2}}; }) ==
        "[multi_head_attention] expected .attention_dropout from 0 to 1, got 2");
  const bert<> net{small};
  CHECK(message_of([&] { net(tensor<std::int64_t>({5})); }) == "[bert] expected tokens (N, T), got (5,)");
  CHECK(message_of([&] {
          net(tensor<std::int64_t>({1, 7}));
        }) == "[position_embedding] expected 6 positions at most, got 7");
  CHECK(message_of([&] {
          net(tensor<std::int64_t>({1, 4}), {.types = tensor<std::int64_t>({4})});
        }) == "[bert] expected types (1, 4), got (4,)");
}
