// Shows: a language model of an LSTM
// PyTorch's results of its files; token by token with a state equals the sequence at once, in rows of different
// lengths; a carried state; tied scores; training lowers the loss; what is refused.
#include <inlay/models/lstm_lm.hpp>

#include <doctest/doctest.h>

#include <inlay/loss/cross_entropy.hpp>
#include <inlay/optim/adam.hpp>

#include "golden/lstm_lm.inc"
#include "tensors.hpp"

using namespace inlay;
using models::lstm_lm;

namespace {

tensor<std::int64_t> words(std::int64_t rows, std::int64_t steps, std::uint64_t seed) {
  tensor<std::int64_t> out({rows, steps});
  for (std::int64_t i = 0; i < out.size(); ++i)
    out.data()[i] = static_cast<std::int64_t>(support::noise(seed + static_cast<std::uint64_t>(i)) % 7);
  return out;
}

}  // namespace

TEST_CASE("lstm_lm: as PyTorch, and with tied scores") {
  const auto x = support::torch_tokens("input", {2, 5}, 11);
  lstm_lm<> net{{.vocabulary = 11, .features = 6, .hidden = 8, .layers = 2}};
  support::check_torch_file(net, lstm_words);
  support::check_torch_results(net, lstm_words, [&](const auto& in) { return net(in(x)); });

  lstm_lm<> tied{{.vocabulary = 11, .hidden = 8, .tied = true}}, other{tied.config()};
  const support::temporary_folder folder;
  models::save_torch(tied, folder / "f");
  io::tensor_file file = io::load_tensors(folder / "f");
  file.tensors["decoder.weight"] = file.tensors["encoder.weight"];  // as a state_dict has it
  io::save_tensors(file, folder / "f");
  CHECK(models::load_torch(other, folder / "f").complete());
  CHECK(support::same_bits(other(x), tied(x)));
}

TEST_CASE("lstm_lm: token by token, in parts, and in rows of different lengths") {
  for (const bool tied : {false, true}) {
    const lstm_lm<float> net{{.vocabulary = 7, .hidden = 12, .layers = 2, .tied = tied}};
    const auto x = words(2, 6, 1);
    const auto at_once = net(x);
    CHECK(at_once.shape() == shape{2, 6, 7});
    lstm_lm<float>::state state = net.start();
    for (std::int64_t t = 0; t < 6; ++t)
      CHECK(support::same_bits(net.step(slice(x, 1, t, t + 1), state), slice(at_once, 1, t, t + 1)));
    const auto first = net(slice(x, 1, 0, 4), net.lstm.start(2)), second = net(slice(x, 1, 4, 6), first.state);
    CHECK(support::same_bits(concat(1, first.y, second.y), at_once));
    lstm_lm<float>::state rows = net.start();
    net.step(x, rows, from<std::int64_t>({2}, {4, 2}));
    rows.reorder(from<std::int64_t>({2}, {1, 0}));
    const auto next = net.step(concat(0, slice(x, 1, 2, 3).slice(1, 2), slice(x, 1, 4, 5).slice(0, 1)), rows);
    CHECK(support::same_bits(next.slice(0, 1), slice(at_once, 1, 2, 3).slice(1, 2)));
    CHECK(support::same_bits(next.slice(1, 2), slice(at_once, 1, 4, 5).slice(0, 1)));
  }
}

TEST_CASE("lstm_lm: training lowers the loss") {
  lstm_lm<float> net{{.vocabulary = 7, .features = 5, .hidden = 16, .dropout = 0.1}};
  init::weights(net, {.seed = 2});
  optim::adam optimizer{net, {.learning_rate = 3e-2}};
  const autograd::tape tape{{.seed = 2}};
  const auto x = words(4, 8, 2);
  const auto y = x.reshape({32});
  float first = 0, last = 0;
  for (int step = 0; step < 60; ++step) {
    const auto loss = loss::cross_entropy(reshape(net(tape.input(x)), {32, 7}), y);
    loss.backward();
    optimizer.step();
    optimizer.zero_grad();
    (step == 0 ? first : last) = loss.item();
  }
  CHECK(first > 1.5f);
  CHECK(last < 0.3f);
}

TEST_CASE("lstm_lm: what is refused") {
  CHECK_THROWS_AS(lstm_lm<float>({.hidden = 8}), value_error);
  CHECK_THROWS_WITH_AS(lstm_lm<float>({.vocabulary = 7, .features = 4, .hidden = 8, .tied = true}),
                       "[lstm_lm] expected as many .features as .hidden to be .tied, got 4 and 8", value_error);
}
