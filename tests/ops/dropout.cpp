// Shows: dropout
// dropout under a training tape: how much it drops, what it scales, that the seed decides, that gradients use the same
// mask; and that everything else passes unchanged.
#include <inlay/ops/dropout.hpp>

#include <doctest/doctest.h>

#include <inlay/ops/reduce.hpp>

#include "tensors.hpp"

using namespace inlay;
using autograd::mode;
using autograd::tape;
using support::same_bits;

TEST_CASE_TEMPLATE("dropout: each element is 0 or scaled, in the share asked for", T, float, double) {
  const std::int64_t n = 40000;
  for (const double p : {0.1, 0.5, 0.9}) {
    INFO("p ", p);
    const tape t({.seed = 3});
    const auto x = t.leaf(ones<T>({n}));
    const auto y = dropout(x, p);
    std::int64_t dropped = 0, neighbours = 0;
    bool valid = true, before = false;
    for (const T v : y.value().values()) {
      const bool gone = v == T{0};
      valid = valid && (gone || v == static_cast<T>(1 / (1 - p)));
      dropped += gone;
      neighbours += gone && before;
      before = gone;
    }
    CHECK(valid);
    const double count = static_cast<double>(n), deviation = std::sqrt(count * p * (1 - p));
    CHECK(std::abs(static_cast<double>(dropped) - count * p) < 4 * deviation);
    CHECK(std::abs(static_cast<double>(neighbours) - count * p * p) <
          8 * deviation);  // independent of the element before
    y.backward(ones<T>({n}));
    CHECK(same_bits(x.grad(), y.value()));  // the mask itself
  }
}

TEST_CASE("dropout: the tape's seed decides, not levels or threads") {
  const tensor<float> x = ones<float>({50000});
  const auto run = [&](std::uint64_t seed) {
    const tape t({.seed = seed});
    const auto v = t.input(x);
    (void)dropout(v, 0.5);
    return dropout(v, 0.5).value();
  };
  const tensor<float> expected = run(1);
  support::for_each_isa([&](isa) { support::for_each_thread_count([&](int) { CHECK(same_bits(run(1), expected)); }); });
  CHECK_FALSE(same_bits(run(2), expected));
  const tape t({.seed = 1});
  CHECK_FALSE(same_bits(dropout(t.input(x), 0.5).value(), expected));  // the first mask of the seed is not the second
}

TEST_CASE("dropout: p of 0 and 1") {
  const tape t;
  const auto x = t.leaf(support::made_up<float>({100}, 1));
  CHECK(same_bits(dropout(x, 0).value(), x.value()));
  const auto nothing = dropout(x, 1);
  support::check_close(nothing.value(), std::vector<double>(100, 0.0));
  sum(nothing).backward();
  support::check_close(x.grad(), std::vector<double>(100, 0.0));
}

TEST_CASE("dropout: tensors and tapes that infer pass unchanged") {
  const tensor<float> x = support::made_up<float>({100}, 1);
  CHECK(dropout(x, 0.5).shares_memory_with(x));
  const tape t({.mode = mode::infer});
  const auto leaf = t.leaf(x);
  const auto y = dropout(leaf, 0.5);
  CHECK(y.value().shares_memory_with(x));
  sum(y).backward();
  support::check_close(leaf.grad(), std::vector<double>(100, 1.0));
}

TEST_CASE("dropout: what it refuses") {
  const variable<float> bare{tensor<float>({3})};
  CHECK_THROWS_WITH_AS(
      dropout(bare, 0.5),
      "[dropout] expected a variable of a tape, which holds the random stream; use tape.input(x) or tape.leaf(x)",
      state_error);
  CHECK_THROWS_WITH_AS(dropout(tensor<float>({3}), -0.5), "[dropout] expected a probability from 0 to 1, got -0.5",
                       value_error);
  CHECK_THROWS_AS(dropout(tensor<float>({3}), NAN), value_error);
}
