// Shows: tokens hidden for a masked language model
// Shares as asked, only where something is to be found, never special tokens; seeds; what is refused; a BERT learns
// from it.
#include <inlay/text/mask_tokens.hpp>

#include <doctest/doctest.h>

#include <inlay/loss/cross_entropy.hpp>
#include <inlay/models/bert.hpp>
#include <inlay/optim/adamw.hpp>

#include "tensors.hpp"

using namespace inlay;
using text::mask_options;
using text::mask_tokens;

namespace {

tensor<std::int64_t> words(const shape& sizes) {
  tensor<std::int64_t> out(sizes);
  for (std::int64_t i = 0; i < out.size(); ++i)
    out.data()[i] = static_cast<std::int64_t>(support::noise(static_cast<std::uint64_t>(i)) % 90) + 2;
  return out;
}

}  // namespace

TEST_CASE("mask_tokens: shares, and what stays") {
  const auto tokens = words({100, 200});
  const mask_options options{.mask = 1, .vocabulary = 100, .keep = {5, 6, 7}};
  random::generator g(3), again(3), other(4);
  const auto m = mask_tokens(tokens, options, g);
  CHECK((m.x.writable_in_place() && m.y.writable_in_place()));  // copies share the memory
  double found = 0, hidden = 0, random = 0, kept = 0, free = 0;
  for (std::int64_t i = 0; i < tokens.size(); ++i) {
    const std::int64_t was = tokens.data()[i], x = std::as_const(m.x).data()[i], y = std::as_const(m.y).data()[i];
    const bool special = was >= 5 && was <= 7;
    free += special ? 0 : 1;
    if (y == -100) {
      CHECK(x == was);
      continue;
    }
    CHECK(y == was);
    CHECK_FALSE(special);
    found += 1;
    (x == 1 ? hidden : x == was ? kept : random) += 1;
    CHECK((x >= 0 && x < 100));
  }
  CHECK(found / free == doctest::Approx(0.15).epsilon(0.05));
  CHECK(hidden / found == doctest::Approx(0.8).epsilon(0.05));
  CHECK(random / found == doctest::Approx(0.099).epsilon(0.2));
  CHECK(kept / found == doctest::Approx(0.101).epsilon(0.2));
  CHECK(support::same_bits(mask_tokens(tokens, options, again).x, m.x));
  CHECK_FALSE(support::same_bits(mask_tokens(tokens, options, other).x, m.x));
}

TEST_CASE("mask_tokens: all, none, and no tokens") {
  random::generator g(1);
  const auto tokens = words({3, 4});
  const auto all = mask_tokens(tokens, {.mask = 0, .vocabulary = 100, .share = 1, .hidden = 1, .random = 0}, g);
  CHECK(support::same_bits(all.x, tensor<std::int64_t>({3, 4})));
  CHECK(support::same_bits(all.y, tokens));
  const auto none = mask_tokens(tokens, {.mask = 0, .vocabulary = 100, .share = 0, .ignore_index = -1}, g);
  CHECK(support::same_bits(none.x, tokens));
  CHECK(support::same_bits(none.y, tensor<std::int64_t>({3, 4}, -1)));
  CHECK(mask_tokens(tensor<std::int64_t>({0, 4}), {.mask = 0, .vocabulary = 1}, g).x.size() == 0);
}

TEST_CASE("mask_tokens: a model learns what stood there") {
  // Every token follows from the others: two take turns.
  tensor<std::int64_t> tokens({8, 6});
  for (std::int64_t n = 0; n < 8; ++n)
    for (std::int64_t t = 0; t < 6; ++t) tokens(n, t) = 1 + (n % 6 + 3 * (t % 2)) % 6;
  models::bert_masked_lm<float> net{{.vocabulary = 7, .context = 6, .layers = 1, .heads = 2, .in = 16}};
  init::weights(net, {.seed = 1});
  optim::adamw optimizer{net, {.learning_rate = 4e-3}};
  const autograd::tape tape{{.seed = 1}};
  random::generator g(1);
  double first = 0, last = 0;
  for (int step = 0; step < 150; ++step) {
    const auto m = mask_tokens(tokens, {.mask = 0, .vocabulary = 7, .share = 0.3}, g);
    const auto loss = loss::cross_entropy(reshape(net(tape.input(m.x)), {48, 7}), m.y.reshape({48}));
    loss.backward();
    optimizer.step();
    optimizer.zero_grad();
    if (step < 10) first += loss.item() / 10;
    if (step >= 140) last += loss.item() / 10;
  }
  CHECK(first > 1.6);
  CHECK(last < 1);
}

TEST_CASE("mask_tokens: what is refused") {
  random::generator g(1);
  const auto tokens = words({3, 4});
  CHECK_THROWS_AS(mask_tokens(tokens, {.vocabulary = 100}, g), value_error);
  CHECK_THROWS_AS(mask_tokens(tokens, {.mask = 100, .vocabulary = 100}, g), value_error);
  CHECK_THROWS_WITH_AS(mask_tokens(tokens, {.mask = 1, .vocabulary = 100, .hidden = 0.95}, g),
                       "[mask_tokens] expected a .vocabulary, a .mask within it, .share from 0 to 1, and .hidden and "
                       ".random of a sum up to 1, got 100, 1, 0.15, 0.95 and 0.1",
                       value_error);
}
