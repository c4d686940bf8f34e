// Shows: encoder-decoder transformer
// Results and gradients of PyTorch's nn.Transformer from its file; token by token equals the sequence at once, in rows
// of different lengths; learns to turn sequences round, and writes them; what is refused.
#include <inlay/models/seq2seq.hpp>

#include <doctest/doctest.h>

#include <inlay/loss/cross_entropy.hpp>
#include <inlay/optim/adam.hpp>
#include <inlay/text/generate.hpp>

#include "golden/seq2seq.inc"

using namespace inlay;
using models::seq2seq;
using models::seq2seq_config;
using support::message_of;

TEST_CASE("seq2seq: as PyTorch") {
  seq2seq<> net{{.source = 11, .target = 7, .layers = 2, .decoder_layers = 1, .heads = 2, .in = 8}};
  support::check_torch_file(net, translator);
  const auto x = support::torch_tokens("input", {2, 5}, 11), y = support::torch_tokens("target", {2, 4}, 7);
  const auto lengths = from<std::int64_t>({2}, {5, 3});
  support::check_torch_results(net, translator, [&](const auto& in) { return net(in(x), in(y), lengths); });
}

TEST_CASE("seq2seq: token by token equals the sequence at once") {
  const auto x = support::torch_tokens("input", {2, 5}, 9), y = support::torch_tokens("target", {2, 6}, 9);
  const auto lengths = from<std::int64_t>({2}, {3, 5});
  for (const seq2seq_config& config :
       {seq2seq_config{.source = 9, .layers = 2, .heads = 2, .in = 8}, seq2seq_config{.source = 9,
                                                                       .context = 8,
                                                                       .layers = 1,
                                                                       .decoder_layers = 2,
                                                                       .heads = 2,
                                                                       .in = 8,
                                                                       .feed_forward = nn::feed_forward_kind::swiglu,
                                                                       .norm = nn::norm_kind::rms,
                                                                       .pre_norm = true,
                                                                       .scaled = false,
                                                                       .tied = true}}) {
    seq2seq<double> net{config};
    init::weights(net, {.seed = 3});
    const tensor<double> at_once = net(x, y, lengths);
    CHECK(at_once.shape() == shape{2, 6, 9});
    const auto same = [&](const tensor<double>& got, const tensor<double>& expected) {
      REQUIRE(got.shape() == expected.shape());
      support::check_close(got, support::numbers(expected.values().begin(), expected.values().end()), 1e-12);
    };
    const auto reader = net.read(x, lengths);
    auto state = reader.start();
    for (std::int64_t t = 0; t < 6; ++t) same(reader.step(slice(y, 1, t, t + 1), state), slice(at_once, 1, t, t + 1));
    // Rows of different lengths that change places, with their sources.
    state = reader.start(8);
    reader.step(y, state, from<std::int64_t>({2}, {4, 2}));
    state.reorder(from<std::int64_t>({2}, {1, 0}));
    const tensor<double> next = reader.step(from<std::int64_t>({2, 1}, {y(1, 2), y(0, 4)}), state);
    same(next.slice(0, 1), slice(at_once, 1, 2, 3).slice(1, 2));
    same(next.slice(1, 2), slice(at_once, 1, 4, 5).slice(0, 1));
  }
}

TEST_CASE("seq2seq: learns to turn a sequence round, and writes it") {
  constexpr std::int64_t words = 6, length = 4, begin = 5;
  seq2seq<> net{{.source = words, .layers = 1, .heads = 2, .in = 16, .pre_norm = true}};
  init::weights(net, {.seed = 1});
  optim::adam optimizer{net, {.learning_rate = 5e-3}};
  const autograd::tape tape{{.seed = 1}};
  const auto sources = [&](std::uint64_t seed) {
    tensor<std::int64_t> x({16, length});
    for (std::int64_t i = 0; i < x.size(); ++i)
      x.data()[i] = static_cast<std::int64_t>(support::noise(seed * 1000 + static_cast<std::uint64_t>(i)) % begin);
    return x;
  };
  const auto turned = [&](const tensor<std::int64_t>& x, bool shifted) {
    tensor<std::int64_t> y({16, length});
    for (std::int64_t n = 0; n < 16; ++n)
      for (std::int64_t t = 0; t < length; ++t)
        y(n, t) = shifted ? (t == 0 ? begin : x(n, length - t)) : x(n, length - 1 - t);
    return y;
  };
  for (std::uint64_t step = 0; step < 250; ++step) {
    const auto x = sources(step + 1);
    const auto loss =
        loss::cross_entropy(reshape(net(tape.input(x), tape.input(turned(x, true))), {16 * length, words}),
                            turned(x, false).reshape({16 * length}));
    loss.backward();
    optimizer.step();
    optimizer.zero_grad();
  }
  const auto x = sources(0), expected = turned(x, false);
  const auto right = [&](const std::vector<text::generated>& written, std::int64_t first) {
    std::int64_t count = 0;
    for (std::size_t n = 0; n < written.size(); ++n)
      for (std::size_t t = 0; t < written[n].tokens.size(); ++t)
        count += written[n].tokens[t] == expected(first + static_cast<std::int64_t>(n), static_cast<std::int64_t>(t));
    return count;
  };
  const std::vector<std::vector<std::int64_t>> prompts(16, {begin});
  CHECK(right(text::generate(net.read(x), prompts, {.tokens = length, .temperature = 0}), 0) >= 60);
  const auto beams =
      text::generate(net.read(x.slice(3, 4)), std::vector<std::int64_t>{begin}, {.tokens = length, .beams = 3});
  CHECK(right({beams}, 3) >= 3);
}

TEST_CASE("seq2seq: beams for several sources, each as if it were alone") {
  seq2seq<> net{{.source = 9, .target = 7, .layers = 1, .heads = 2, .in = 8}};
  init::weights(net, {.seed = 4, .rules = {{"*.weight", init::normal(0, 1)}}});
  const auto x = support::torch_tokens("input", {3, 5}, 9);
  const auto lengths = from<std::int64_t>({3}, {5, 2, 3});
  const std::vector<std::vector<std::int64_t>> begins{{1}, {2, 3}, {4}};
  const text::generate_options o{.tokens = 5, .beams = 3};
  const auto together = text::generate(net.read(x, lengths), begins, o);
  REQUIRE(together.size() == 3);
  for (std::size_t n = 0; n < 3; ++n) {
    const auto row = static_cast<std::int64_t>(n);
    const auto alone = text::generate(net.read(x.slice(row, row + 1), lengths.slice(row, row + 1)), begins[n], o);
    CHECK(together[n].tokens == alone.tokens);
  }
}

TEST_CASE("seq2seq: one of source and target on a tape is enough for the gradients of all weights") {
  const seq2seq<double> net{{.source = 9, .target = 7, .layers = 1, .heads = 2, .in = 8}};
  const auto x = support::torch_tokens("input", {2, 5}, 9), y = support::torch_tokens("target", {2, 4}, 7);
  const autograd::tape tape;
  const auto gradients = [&](const auto& source, const auto& target) {
    const auto scores = net(source, target);
    const tensor<float> gradient = support::torch_noise("gradient", scores.shape());
    scores.backward(gradient.cast<double>());
    std::vector<tensor<double>> out;
    for (const member& m : members_of(net)) {
      INFO(m.path);
      REQUIRE(m.cell->has_gradient());
      out.push_back(static_cast<inlay::detail::cell<double>&>(*m.cell).gradient());
      m.cell->drop_gradient();
    }
    return out;
  };
  const auto both = gradients(tape.input(x), tape.input(y));
  for (const auto& one : {gradients(tape.input(x), y), gradients(x, tape.input(y))})
    for (std::size_t i = 0; i < both.size(); ++i) CHECK(support::same_bits(one[i], both[i]));
}

TEST_CASE("seq2seq: what is refused") {
  CHECK(message_of([] { seq2seq<>{{.source = 3, .layers = 0}}; }) ==
        "[seq2seq] expected .layers of 1 or more, and .decoder_layers and .target of 0 or more, got 0, 0 and 0");
  CHECK(message_of([] { seq2seq<>{{.source = 3, .layers = 1, .heads = 1, .in = 4, .attention_dropout = 2}}; }) ==
        "[multi_head_attention] expected .attention_dropout from 0 to 1, got 2");
  const seq2seq<> net{{.source = 3, .layers = 1, .heads = 1, .in = 4}};
  CHECK(message_of([&] {
          net(tensor<std::int64_t>({5}), tensor<std::int64_t>({1, 2}));
        }) == "[seq2seq] expected tokens (N, T), got (5,)");
  const auto reader = net.read(tensor<std::int64_t>({2, 3}));
  CHECK(message_of([&] {
          auto state = reader.start();
          reader.step(tensor<std::int64_t>({3, 1}), state);
        }) == "[seq2seq] expected tokens (N, T) of 2 rows, one for each source, got (3, 1)");
}
