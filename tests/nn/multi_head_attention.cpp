// Shows: multi-head attention (self, cross, grouped heads, rotary, causal, windows)
// Multi-head attention against PyTorch; every judge; position by position with a cache, in rows of different lengths,
// equals the sequence at once; a cache that keeps a window; what is refused.
#include <inlay/nn/multi_head_attention.hpp>

#include <doctest/doctest.h>

#include <cmath>

#include <inlay/testing/check_layer.hpp>

#include "tensors.hpp"

using namespace inlay;
using nn::multi_head_attention;
using support::made_up;
using support::numbers;

namespace {

void check_same(const tensor<double>& got, const tensor<double>& expected, double tolerance = 1e-13) {
  CHECK(got.shape() == expected.shape());
  support::check_close(got, numbers(expected.values().begin(), expected.values().end()), tolerance);
}

std::vector<nn::multi_head_attention_config> causal_nets() {
  return {{.in = 8, .heads = 2, .causal = true},
          {.in = 8, .heads = 4, .kv_heads = 2, .causal = true, .rotary = rotary_options{}},
          {.in = 6, .heads = 2, .kv_heads = 1, .size = 4, .bias = false, .causal = true, .window = 3},
          {.in = 8, .heads = 4, .causal = true, .alibi = true}};
}

}  // namespace

TEST_CASE("multi_head_attention: every judge") {
  for (const auto& config : causal_nets()) {
    const auto r = testing::check_layer(multi_head_attention<double>{config}, made_up<double>({2, 5, config.in}, 1));
    CHECK_MESSAGE(r.ok(), r.text());
  }
}

TEST_CASE("multi_head_attention: another sequence") {
  const multi_head_attention<double> net{{.in = 8, .heads = 2, .memory = 6, .causal = true}};
  const auto x = made_up<double>({2, 3, 8}, 1), memory = made_up<double>({2, 5, 6}, 2);
  const auto y = net(x, memory);
  CHECK(y.shape() == shape{2, 3, 8});
  // Keys behind a row's length count for nothing; what is attended to has no order.
  const auto lengths = from<std::int64_t>({2}, {4, 2});
  const auto cut = net(x, memory, {.lengths = lengths});
  check_same(cut.slice(0, 1), net(x.slice(0, 1), slice(memory, 1, 0, 4).slice(0, 1)));
  check_same(cut.slice(1, 2), net(x.slice(1, 2), slice(memory, 1, 0, 2).slice(1, 2)));
}

TEST_CASE("multi_head_attention: position by position with a cache") {
  for (const auto& config : causal_nets()) {
    const multi_head_attention<double> net{config};
    const auto x = made_up<double>({2, 9, config.in}, 3);
    const auto at_once = net(x);
    nn::kv_cache<double> cache, parts{{.room = 16}};
    for (std::int64_t t = 0; t < 9; ++t)
      check_same(net.step(slice(x, 1, t, t + 1), cache), slice(at_once, 1, t, t + 1));
    CHECK(cache.lengths()(1) == 9);
    check_same(net.step(slice(x, 1, 0, 5), parts), slice(at_once, 1, 0, 5));
    check_same(net.step(slice(x, 1, 5, 9), parts), slice(at_once, 1, 5, 9));
    parts.truncate(6);
    check_same(net.step(slice(x, 1, 6, 8), parts), slice(at_once, 1, 6, 8));
  }
}

TEST_CASE("multi_head_attention: rows of different lengths in a cache, in another order") {
  for (const auto& config : causal_nets()) {
    const multi_head_attention<double> net{config};
    const auto x = made_up<double>({2, 5, config.in}, 4), next = made_up<double>({2, 1, config.in}, 5);
    nn::kv_cache<double> cache;
    net.step(x, cache, from<std::int64_t>({2}, {5, 3}));
    cache.reorder(from<std::int64_t>({3}, {1, 0, 1}));
    const auto three = concat(0, next.slice(1, 2), next);
    const auto y = net.step(three, cache);
    const auto alone = [&](std::int64_t row, std::int64_t length, const tensor<double>& last) {
      return slice(net(concat(1, slice(x.slice(row, row + 1), 1, 0, length), last)), 1, length, length + 1);
    };
    check_same(y.slice(0, 1), alone(1, 3, three.slice(0, 1)));
    check_same(y.slice(1, 2), alone(0, 5, three.slice(1, 2)));
    check_same(y.slice(2, 3), alone(1, 3, three.slice(2, 3)));
  }
}

TEST_CASE("multi_head_attention: a cache that keeps a window") {
  const multi_head_attention<double> net{
      {.in = 8, .heads = 2, .causal = true, .window = 4, .rotary = rotary_options{}}};
  const auto x = made_up<double>({2, 11, 8}, 6);
  const auto at_once = net(x);
  nn::kv_cache<double> cache{{.window = 4}};
  check_same(net.step(slice(x, 1, 0, 6), cache), slice(at_once, 1, 0, 6));
  for (std::int64_t t = 6; t < 11; ++t) check_same(net.step(slice(x, 1, t, t + 1), cache), slice(at_once, 1, t, t + 1));
  CHECK(cache.keys().dim(1) == 4);
  CHECK(cache.kept()(0) == 4);
}

TEST_CASE("multi_head_attention: a cache that keeps a window, in rows of different lengths") {
  for (const std::int64_t window : {3, 0}) {  // of the layer; the cache has one
    const multi_head_attention<double> net{
        {.in = 8, .heads = 2, .causal = true, .window = window, .rotary = rotary_options{}}},
        narrow{{.in = 8, .heads = 2, .causal = true, .window = 3, .rotary = rotary_options{}}};
    multi_head_attention<double> alike{narrow};
    for (auto of : {&multi_head_attention<double>::query, &multi_head_attention<double>::key,
                    &multi_head_attention<double>::value, &multi_head_attention<double>::out})
      alike.*of = net.*of;
    const auto x = made_up<double>({2, 12, 8}, 6);
    const auto at_once = alike(x);
    nn::kv_cache<double> cache{{.window = 3}};
    const auto rows = [&](std::int64_t first, std::int64_t second, std::int64_t steps) {
      return concat(0, slice(x, 1, first, first + steps).slice(0, 1), slice(x, 1, second, second + steps).slice(1, 2));
    };
    const auto check = [&](const tensor<double>& y, std::int64_t row, std::int64_t at, std::int64_t count) {
      check_same(slice(y, 1, 0, count).slice(row, row + 1), slice(at_once, 1, at, at + count).slice(row, row + 1));
    };
    tensor<double> y = net.step(rows(0, 0, 5), cache, from<std::int64_t>({2}, {5, 2}));
    check(y, 0, 0, 5), check(y, 1, 0, 2);
    y = net.step(rows(5, 2, 3), cache, from<std::int64_t>({2}, {1, 3}));
    check(y, 0, 5, 1), check(y, 1, 2, 3);
    y = net.step(rows(6, 5, 1), cache, from<std::int64_t>({2}, {0, 1}));
    check(y, 1, 5, 1);
    y = net.step(rows(6, 6, 4), cache);
    check(y, 0, 6, 4), check(y, 1, 6, 4);
  }
}

TEST_CASE("multi_head_attention: one of two sequences on a tape is enough for the gradients of all weights") {
  const multi_head_attention<double> net{{.in = 4, .heads = 2, .memory = 6}};
  const auto x = made_up<double>({2, 3, 4}, 1), memory = made_up<double>({2, 5, 6}, 2);
  const autograd::tape tape;
  const auto gradients = [&](const auto& a, const auto& b) {
    net(a, b).backward(made_up<double>({2, 3, 4}, 3));
    std::vector<tensor<double>> out;
    for (const auto* layer : {&net.query, &net.key, &net.value, &net.out})
      for (const auto* weight : {&layer->weight, &layer->bias}) out.push_back(weight->grad());
    for (const member& m : members_of(net)) m.cell->drop_gradient();
    return out;
  };
  const auto both = gradients(tape.input(x), tape.input(memory)), first = gradients(tape.input(x), memory),
             second = gradients(x, tape.input(memory));
  for (std::size_t i = 0; i < both.size(); ++i) {
    CHECK(support::same_bits(first[i], both[i]));
    CHECK(support::same_bits(second[i], both[i]));
  }
}

TEST_CASE("multi_head_attention: what is refused") {
  CHECK_THROWS_AS(multi_head_attention<float>({.in = 8}), value_error);
  CHECK_THROWS_AS(multi_head_attention<float>({.in = 8, .heads = 3}), value_error);
  CHECK_THROWS_WITH_AS(multi_head_attention<float>({.in = 8, .heads = 4, .kv_heads = 3}),
                       "[multi_head_attention] expected .kv_heads that divide .heads, 4, got 3", value_error);
  for (const bool alibi : {false, true}) {
    const multi_head_attention<float> causal{{.in = 8, .heads = 2, .causal = true, .window = 4, .alibi = alibi}};
    nn::kv_cache<float> cache{{.window = alibi ? 4 : 3}};
    CHECK_THROWS_WITH_AS(causal.step(tensor<float>({1, 1, 8}), cache),
                         alibi ? "[multi_head_attention] expected a cache without a window for .alibi"
                               : "[multi_head_attention] expected a cache with the window of the layer",
                         value_error);
    CHECK(cache.empty());
  }
  const multi_head_attention<float> net{{.in = 8, .heads = 2}};
  CHECK_THROWS_AS(net(tensor<float>({2, 3, 7})), shape_error);
}
