// Shows: GPT (GPT-2's and Llama's options and files)
// PyTorch's results of GPT-2- and Llama-shaped files.
// What every position sees; token by token with a state equals the sequence at once for every option, in rows of
// different lengths; tied scores; training lowers the loss; 48 layers; saved and loaded; what is refused.
#include <inlay/models/gpt.hpp>

#include <doctest/doctest.h>

#include <cmath>

#include <inlay/graph/plan.hpp>
#include <inlay/io/save.hpp>
#include <inlay/loss/cross_entropy.hpp>
#include <inlay/ops/concat.hpp>
#include <inlay/optim/adamw.hpp>
#include <inlay/text/generate.hpp>

#include "files.hpp"
#include "golden/gpt.inc"
#include "tensors.hpp"

using namespace inlay;
using models::gpt;
using models::gpt_config;
using models::positions;
using support::numbers;

namespace {

tensor<std::int64_t> words(std::int64_t rows, std::int64_t steps, std::uint64_t seed) {
  tensor<std::int64_t> out({rows, steps});
  for (std::int64_t i = 0; i < out.size(); ++i)
    out.data()[i] = static_cast<std::int64_t>(support::noise(seed + static_cast<std::uint64_t>(i)) % 11);
  return out;
}

std::vector<gpt_config> configs() {
  const gpt_config small{.vocabulary = 11, .context = 16, .layers = 2, .heads = 2, .in = 8};
  std::vector<gpt_config> all(7, small);
  all[1].positions = positions::sinusoidal;
  all[2].positions = positions::alibi;
  all[3].window = 3, all[3].tied = false;
  all[4].kv_heads = 1;
  all[4] = gpt_config::llama(all[4]);
  all[5].positions = positions::alibi, all[5].window = 3;
  all[6].size = 6;
  return all;
}

void check_same(const tensor<double>& got, const tensor<double>& expected) {
  CHECK(got.shape() == expected.shape());
  support::check_close(got, numbers(expected.values().begin(), expected.values().end()), 1e-12);
}

}  // namespace

TEST_CASE("gpt: GPT-2's and Llama's files as PyTorch's modules have them, and their results") {
  const auto x = support::torch_tokens("input", {2, 5}, 11);
  gpt<> small{{.vocabulary = 11, .context = 6, .layers = 2, .heads = 2, .in = 8}};
  support::check_torch_file(small, gpt2);
  support::check_torch_results(small, gpt2, [&](const auto& in) { return small(in(x)); });
  gpt<> grouped{gpt_config::llama({.vocabulary = 11,
                                   .layers = 2,
                                   .heads = 4,
                                   .kv_heads = 2,
                                   .in = 16,
                                   .hidden = 24,
                                   .rotary_base = 500,
                                   .epsilon = 1e-6})};
  support::check_torch_file(grouped, llama);
  support::check_torch_results(grouped, llama, [&](const auto& in) { return grouped(in(x)); });

  // Files of the body alone, and those that have the tied scores as well.
  const support::temporary_folder folder;
  io::tensor_file body;
  for (auto& [name, t] : support::torch_file(gpt2).tensors) body.tensors[name.substr(12)] = t;
  io::save_tensors(body, folder / "body");
  gpt<> again{small.config()};
  models::load_torch(again, folder / "body", {.names = again.torch_names("")});
  CHECK(support::same_bits(again(x), small(x)));
  io::tensor_file twice = support::torch_file(gpt2);
  twice.tensors["lm_head.weight"] = twice.tensors["transformer.wte.weight"];
  io::save_tensors(twice, folder / "twice");
  CHECK(models::load_torch(again, folder / "twice").complete());
  twice.tensors["lm_head.weight"] = tensor<float>({11, 8}, 1);
  io::save_tensors(twice, folder / "other");
  CHECK(support::message_of([&] {
          models::load_torch(again, folder / "other");
        }).find("lm_head.weight: expected the bits of transformer.wte.weight") != std::string::npos);
}

TEST_CASE("gpt: a position sees what came before, and nothing else") {
  for (const gpt_config& config : configs()) {
    gpt<double> net{config};
    init::weights(net, {.seed = 3});
    auto x = words(1, 9, 1);
    const auto before = net(x);
    CHECK(before.shape() == shape{1, 9, 11});
    x(0, 5) = (x(0, 5) + 1) % 11;
    const auto after = net(x);
    check_same(slice(after, 1, 0, 5), slice(before, 1, 0, 5));
    double moved = 0;
    for (std::int64_t i = 0; i < 11; ++i) moved = std::max(moved, std::abs(after(0, 6, i) - before(0, 6, i)));
    CHECK(moved > 1e-6);
  }
}

TEST_CASE("gpt: token by token equals the sequence at once") {
  for (const gpt_config& config : configs()) {
    gpt<double> net{config};
    init::weights(net, {.seed = 4});
    const auto x = words(2, 9, 2);
    const auto at_once = net(x);
    gpt<double>::state state, parts = net.start(16);
    for (std::int64_t t = 0; t < 9; ++t)
      check_same(net.step(slice(x, 1, t, t + 1), state), slice(at_once, 1, t, t + 1));
    check_same(net.step(slice(x, 1, 0, 4), parts), slice(at_once, 1, 0, 4));
    check_same(net.step(slice(x, 1, 4, 9), parts), slice(at_once, 1, 4, 9));
    gpt<double>::state rows;
    net.step(x, rows, from<std::int64_t>({2}, {6, 3}));
    const auto next =
        net.step(concat(0, x.slice(0, 1).reshape({9, 1}).slice(6, 7), x.slice(1, 2).reshape({9, 1}).slice(3, 4)), rows);
    check_same(next.slice(0, 1), slice(at_once, 1, 6, 7).slice(0, 1));
    check_same(next.slice(1, 2), slice(at_once, 1, 3, 4).slice(1, 2));
  }
}

TEST_CASE("gpt: training lowers the loss, of tied and of untied scores") {
  for (std::size_t i = 0; i < 5; ++i) {
    const gpt_config config = configs()[i];
    gpt<float> net{config};
    init::weights(net, {.seed = 5});
    optim::adamw optimizer{net, {.learning_rate = 1e-2}};
    const autograd::tape tape;
    const auto x = words(4, 8, 3);
    const auto y = x.reshape({32});
    float first = 0, last = 0;
    for (int step = 0; step < 60; ++step) {
      const auto loss = loss::cross_entropy(reshape(net(tape.input(x)), {32, 11}), y);
      loss.backward();
      optimizer.step();
      optimizer.zero_grad();
      (step == 0 ? first : last) = loss.item();
    }
    CHECK(first > 2);
    CHECK(last < 0.2f);
  }
}

TEST_CASE("gpt: tied scores give the embedding the gradients of both its uses") {
  gpt_config config = configs()[0];
  const gpt<double> tied{config};
  config.tied = false;
  gpt<double> apart{config};
  const auto members = members_of(tied), others = members_of(apart);
  for (std::size_t i = 0; i < members.size(); ++i) others[i].cell->assign_from(*members[i].cell);
  apart.head->weight.assign(tied.embedding.weight.value());
  const auto x = words(2, 5, 5);
  const autograd::tape tape;
  for (int again = 0; again < 2; ++again)  // the second is added
    for (const gpt<double>* net : {&tied, &std::as_const(apart)}) {
      const auto y = (*net)(tape.input(x));
      y.backward(support::made_up<double>(y.shape(), 1));
    }
  check_same(tied.embedding.weight.grad(), apart.embedding.weight.grad() + apart.head->weight.grad());
  check_same(tied.places->weight.grad(), apart.places->weight.grad());
}

TEST_CASE("gpt: recorded and planned, for rows and positions of any count") {
  for (const gpt_config& config : configs()) {
    const gpt<float> net{config};
    const auto x = words(3, 8, 6);
    graph::record_options options{.dynamic = {{.axis = 0, .name = "N"}}};
    if (config.positions != positions::sinusoidal) options.dynamic.push_back({.axis = 1, .name = "T"});
    const graph::record written(net, slice(x.slice(0, 2), 1, 0, 8), options);
    CHECK(support::same_bits(written.run({any_tensor(x)})[0].as<float>(), net(x)));
    const graph::plan plan(net, x);
    CHECK(support::same_bits(plan.run({any_tensor(x)})[0].as<float>(), net(x)));
  }
}

TEST_CASE("gpt: writes on from prompts of different lengths, each as if it were alone") {
  for (const gpt_config& config : configs()) {
    gpt<double> net{config};
    init::weights(net, {.seed = 7, .rules = {{"*.weight", init::normal(0, 1)}}});
    const std::vector<std::vector<std::int64_t>> prompts{{1}, {2, 3, 4, 5, 6, 7}, {8, 9, 10}};
    for (const std::int64_t beams : {1, 3}) {
      const text::generate_options o{.tokens = 5, .temperature = 0, .beams = beams};
      const auto together = text::generate(net, prompts, o);
      for (std::size_t n = 0; n < 3; ++n) CHECK(together[n].tokens == text::generate(net, prompts[n], o).tokens);
      if (beams > 1) continue;
      std::vector<std::int64_t> all = prompts[1];
      for (const std::int64_t token : together[1].tokens) {  // the likeliest behind the whole sequence
        const auto y = net(from<std::int64_t>({1, std::ssize(all)}, std::span<const std::int64_t>(all)));
        const double* const last = y.data() + y.size() - 11;
        CHECK(token == std::max_element(last, last + 11) - last);
        all.push_back(token);
      }
    }
  }
}

TEST_CASE("gpt: 48 layers, saved and loaded") {
  const gpt_config config{.vocabulary = 11, .context = 8, .layers = 48, .heads = 1, .in = 4, .dropout = 0.1};
  gpt<float> net{config}, other{config};
  init::weights(net, {.seed = 6});
  const support::temporary_folder folder;
  io::save(net, folder / "gpt.safetensors");
  io::load(other, folder / "gpt.safetensors");
  const auto x = words(2, 8, 4);
  CHECK(support::same_bits(net(x), other(x)));
  CHECK(net.blocks.size() == 48);
}

TEST_CASE("gpt: what is refused") {
  CHECK_THROWS_AS(gpt<float>({.in = 8}), value_error);
  CHECK_THROWS_WITH_AS(gpt<float>({.vocabulary = 3, .layers = 0, .heads = 1, .in = 4}),
                       "[gpt] expected .layers and .context of 1 or more, got 0 and 1024", value_error);
  CHECK_THROWS_AS(gpt<float>({.vocabulary = 3, .layers = 1, .heads = 1, .in = 4, .attention_dropout = 2}), value_error);
  const gpt<float> net{{.vocabulary = 11, .context = 4, .layers = 1, .heads = 1, .in = 4}};
  CHECK_THROWS_WITH_AS(net(words(1, 5, 1)), "[position_embedding] expected 4 positions at most, got 5", value_error);
  CHECK_THROWS_WITH_AS(net(tensor<std::int64_t>({5})), "[gpt] expected tokens (N, T), got (5,)", shape_error);
  CHECK_THROWS_AS(net(tensor<std::int64_t>({1, 2}, 11)), value_error);
}
