// Shows: attention (causal, windows, masks, shared key heads, ALiBi, dropout of weights), with memory linear in the
// sequence attention against its definition with every option, for blocks that are whole and not, at every level and
// thread count; a single query; central differences; rows that see nothing; what is refused.
#include <inlay/ops/attention.hpp>

#include <doctest/doctest.h>

#include <cmath>

#include <inlay/ops/dropout.hpp>
#include <inlay/testing/check_gradient.hpp>

#include "tensors.hpp"

using namespace inlay;
using support::made_up;
using support::numbers;

namespace {

struct sizes {
  std::int64_t batch, queries, keys, size, features;
};

template <class T> struct problem {
  attention_options options;
  tensor<T> q, k, v, bias = {};
  tensor<std::int64_t> lengths = {}, starts = {};

  problem(const attention_options& o, const sizes& s)
      : options(o),
        q(made_up<T>({s.batch, s.queries, o.heads * s.size}, 1, -2, 2)),
        k(made_up<T>({s.batch, s.keys, kv_heads() * s.size}, 2, -2, 2)),
        v(made_up<T>({s.batch, s.keys, kv_heads() * s.features}, 3)) {}

  std::int64_t kv_heads() const { return options.kv_heads > 0 ? options.kv_heads : options.heads; }
  tensor<T> run() const { return attention(q, k, v, options, bias, lengths, starts); }

  // By the definition, in long double; while training, weights drop out as the words of `drawn` say.
  numbers definition(const random::generator* drawn = nullptr) const {
    const std::int64_t heads = options.heads, queries = q.dim(1), keys = k.dim(1), size = q.dim(2) / heads,
                       features = v.dim(2) / kv_heads();
    numbers out;
    for (std::int64_t n = 0; n < q.dim(0); ++n)
      for (std::int64_t t = 0; t < queries; ++t)
        for (std::int64_t h = 0; h < heads; ++h) {
          const std::int64_t head = h / (heads / kv_heads()),
                             place = (starts.size() > 0 ? starts(n) : keys - queries) + t;
          std::vector<long double> weights;
          long double sum = 0;
          for (std::int64_t j = 0; j < keys; ++j) {
            long double s = 0;
            for (std::int64_t i = 0; i < size; ++i)
              s += static_cast<long double>(q(n, t, h * size + i)) * static_cast<long double>(k(n, j, head * size + i));
            s *= options.scale != 0 ? static_cast<long double>(options.scale)
                                    : 1 / std::sqrt(static_cast<long double>(size));
            if (options.alibi)
              s += std::pow(2.0L, -8.0L * static_cast<long double>(h + 1) / static_cast<long double>(heads)) *
                   static_cast<long double>(j - place);
            if (bias.rank() == 2) s += static_cast<long double>(bias(bias.dim(0) > 1 ? t : 0, j));
            if (bias.rank() == 3)
              s += static_cast<long double>(bias(bias.dim(0) > 1 ? n : 0, bias.dim(1) > 1 ? t : 0, j));
            if (bias.rank() == 4)
              s += static_cast<long double>(
                  bias(bias.dim(0) > 1 ? n : 0, bias.dim(1) > 1 ? h : 0, bias.dim(2) > 1 ? t : 0, j));
            const bool seen = (lengths.size() == 0 || j < lengths(n)) && (!options.causal || j <= place) &&
                              (options.window == 0 || j > place - options.window);
            weights.push_back(seen ? std::exp(s) : 0);
            sum += weights.back();
          }
          for (std::int64_t i = 0; i < features; ++i) {
            long double y = 0;
            for (std::int64_t j = 0; j < keys; ++j)
              y += weights[static_cast<std::size_t>(j)] * factor(drawn, ((n * heads + h) * queries + t), j) *
                   static_cast<long double>(v(n, j, head * features + i));
            out.push_back(static_cast<double>(sum > 0 ? y / sum : 0));
          }
        }
    return out;
  }

  long double factor(const random::generator* drawn, std::int64_t row, std::int64_t j) const {
    if (drawn == nullptr) return 1;
    const std::int64_t block = row * ((k.dim(1) + 3) / 4) + j / 4;
    const std::uint32_t word =
        drawn->at(drawn->position() + static_cast<std::uint64_t>(block))[static_cast<std::size_t>(j % 4)];
    const bool drops = static_cast<double>(word) < options.dropout * 0x1p32;
    return drops ? 0 : 1 / (1 - static_cast<long double>(options.dropout));
  }
};

template <class T> std::vector<problem<T>> problems(const sizes& s) {
  std::vector<problem<T>> all;
  for (const attention_options& o : {attention_options{.heads = 2},
                                     {.heads = 2, .causal = true},
                                     {.heads = 4, .kv_heads = 2, .window = 3},
                                     {.heads = 2, .kv_heads = 1, .causal = true, .window = 5, .scale = 0.3},
                                     {.heads = 4, .causal = true, .alibi = true}})
    all.emplace_back(o, s);
  for (const bool causal : {false, true}) {
    problem<T> rows(attention_options{.heads = 2, .causal = causal}, s);
    std::vector<std::int64_t> lengths, starts;
    for (std::int64_t n = 0; n < s.batch; ++n) {
      lengths.push_back(n % 3 == 2 ? 0 : s.keys - n * 2 > 0 ? s.keys - n * 2 : 1);
      starts.push_back(n % 2 == 0 ? 0 : s.keys / 2);
    }
    rows.lengths = from<std::int64_t>({s.batch}, lengths);
    all.push_back(rows);
    rows.starts = from<std::int64_t>({s.batch}, starts);
    all.push_back(rows);
  }
  for (const shape& of : {shape{s.queries, s.keys}, shape{s.batch, 1, s.keys}, shape{1, 2, s.queries, s.keys},
                          shape{s.batch, 2, s.queries, s.keys}}) {
    all.emplace_back(attention_options{.heads = 2}, s);
    all.back().bias = made_up<T>(of, 5);
  }
  return all;
}

}  // namespace

TEST_CASE_TEMPLATE("attention: equals its definition", T, float, double) {
  for (const sizes& s : {sizes{3, 5, 7, 4, 3},
                         {1, 1, 1, 1, 1},
                         {1, 70, 70, 4, 8},
                         {1, 3, 300, 5, 7},
                         {2, 1, 300, 17, 33},
                         {1, 66, 270, 2, 2},
                         {1, 2, 530, 2, 2},
                         {3, 1, 9, 16, 70}}) {
    int number = -1;
    for (const problem<T>& p : problems<T>(s)) {
      ++number;
      INFO("problem ", number, " queries ", s.queries, " keys ", s.keys);
      support::check_everywhere<T>([&] { return p.run(); }, p.definition(), sizeof(T) == 4 ? 1e-5 : 1e-13);
    }
  }
}

TEST_CASE("attention: central differences for queries, keys and values") {
  for (const sizes& s : {sizes{3, 4, 6, 3, 2}, {2, 1, 5, 2, 2}}) {
    int number = -1;
    for (const problem<double>& p : problems<double>(s)) {
      ++number;
      INFO("problem ", number);
      const auto r = testing::check_gradient(
          [&](const auto& q, const auto& k, const auto& v) {
            return attention(q, k, v, p.options, p.bias, p.lengths, p.starts);
          },
          p.q, p.k, p.v);
      CHECK_MESSAGE(r.ok(), r.text());
    }
  }
}

TEST_CASE("attention: gradients of blocks equal those of a few queries at a time") {
  for (const bool causal : {false, true}) {
    const sizes s{2, 150, 300, 8, 12};
    const problem<double> p(attention_options{.heads = 4, .kv_heads = 2, .causal = causal}, s);
    const auto dy = made_up<double>({2, 150, 48}, 9);
    const autograd::tape tape;
    const auto q = tape.leaf(p.q), k = tape.leaf(p.k), v = tape.leaf(p.v);
    attention(q, k, v, p.options).backward(dy);
    tensor<double> dq(p.q.shape()), dk(p.k.shape()), dv(p.v.shape());
    for (std::int64_t t = 0; t < 150; t += 30) {
      const autograd::tape part;
      const auto few = part.leaf(slice(p.q, 1, t, t + 30)), some = part.leaf(p.k), values = part.leaf(p.v);
      attention(few, some, values, p.options, {}, {}, from<std::int64_t>({2}, {150 + t, 150 + t}))
          .backward(slice(dy, 1, t, t + 30));
      dk = dk + some.grad(), dv = dv + values.grad();
      CHECK(support::difference(slice(q.grad(), 1, t, t + 30).values(),
                                numbers(few.grad().values().begin(), few.grad().values().end())) <= 1e-12);
    }
    CHECK(support::difference(k.grad().values(), numbers(dk.values().begin(), dk.values().end())) <= 1e-12);
    CHECK(support::difference(v.grad().values(), numbers(dv.values().begin(), dv.values().end())) <= 1e-12);
  }
}

TEST_CASE("attention: gradients have the same bits for any number of threads") {
  const problem<float> p(attention_options{.heads = 4, .kv_heads = 2, .causal = true, .dropout = 0.1},
                         {3, 90, 90, 16, 16});
  support::for_each_isa([&](isa) {
    std::vector<tensor<float>> first;
    support::for_each_thread_count([&](int) {
      const autograd::tape tape;
      const auto q = tape.leaf(p.q), k = tape.leaf(p.k), v = tape.leaf(p.v);
      const auto y = attention(q, k, v, p.options);
      y.backward(y.value());
      const std::vector<tensor<float>> all{q.grad(), k.grad(), v.grad()};
      if (first.empty()) first = all;
      for (std::size_t i = 0; i < all.size(); ++i) CHECK(support::same_bits(all[i], first[i]));
    });
  });
}

TEST_CASE("attention: queries that see nothing give zeros, and take no gradient") {
  problem<double> p(attention_options{.heads = 2}, {1, 3, 4, 2, 2});
  p.bias = attention_bias<double>(
      from<bool>({3, 4}, {true, true, false, true, false, false, false, false, false, true, true, true}));
  const autograd::tape tape;
  const auto q = tape.leaf(p.q), k = tape.leaf(p.k), v = tape.leaf(p.v);
  const auto y = attention(q, k, v, p.options, p.bias);
  support::check_close(y.value(), p.definition());
  for (std::int64_t i = 0; i < 4; ++i) CHECK(y.value()(0, 1, i) == 0);
  sum(y * y + y).backward();
  for (std::int64_t i = 0; i < 4; ++i) CHECK(q.grad()(0, 1, i) == 0);
  for (const auto* each : {&q, &k, &v})
    for (const double g : each->grad().values()) CHECK(std::isfinite(g));
}

TEST_CASE_TEMPLATE("attention: dropout takes weights as the tape's words say", T, float, double) {
  for (const sizes& s : {sizes{3, 5, 7, 4, 3}, {2, 1, 9, 3, 4}, {1, 66, 260, 2, 2}})
    for (problem<T>& p : std::vector{problems<T>(s)[0], problems<T>(s)[3], problems<T>(s)[5]}) {
      p.options.dropout = 0.3;
      const random::generator drawn(7);
      const auto expected = p.definition(&drawn);
      support::check_everywhere<T>(
          [&] {
            const autograd::tape tape({.seed = 7});
            return attention(tape.input(p.q), p.k, p.v, p.options, p.bias, p.lengths, p.starts).value();
          },
          expected, sizeof(T) == 4 ? 1e-5 : 1e-13);
    }
}

TEST_CASE("attention: the gradient of what dropout left") {
  for (const sizes& s : {sizes{3, 4, 6, 3, 2}, {2, 1, 5, 2, 2}, {1, 66, 7, 2, 1}})
    for (problem<double>& p : std::vector{problems<double>(s)[0], problems<double>(s)[3], problems<double>(s)[5]}) {
      p.options.dropout = 0.4;
      const auto run = [&](const autograd::tape& tape, const auto& q, const auto& k, const auto& v) {
        (void)dropout(tape.input(tensor<double>({5})), 0.5);  // takes the first words
        return attention(q, k, v, p.options, p.bias, p.lengths, p.starts);
      };
      const autograd::tape tape({.seed = 5});
      const auto q = tape.leaf(p.q), k = tape.leaf(p.k), v = tape.leaf(p.v);
      const auto y = run(tape, q, k, v);
      const auto dy = made_up<double>(y.shape(), 11);
      y.backward(dy);
      const auto value = [&] {
        const autograd::tape again({.seed = 5});
        return sum(run(again, again.input(p.q), again.input(p.k), again.input(p.v)).value() * dy).item();
      };
      testing::report r;
      testing::detail::compare_gradient(r, "q", p.q, q.grad(), {.most_elements = 12, .allow_zero = true}, value);
      testing::detail::compare_gradient(r, "k", p.k, k.grad(), {.most_elements = 12, .allow_zero = true}, value);
      testing::detail::compare_gradient(r, "v", p.v, v.grad(), {.most_elements = 12}, value);
      CHECK_MESSAGE(r.ok(), r.text());
    }
}

TEST_CASE("attention: dropout is training's alone") {
  problem<float> p(attention_options{.heads = 2, .causal = true}, {2, 6, 6, 4, 4});
  const auto plain = p.run();
  const autograd::tape tape({.seed = 3}), calm({.seed = 3, .mode = autograd::mode::infer});
  CHECK(support::same_bits(attention(tape.input(p.q), p.k, p.v, p.options).value(), plain));
  p.options.dropout = 0.5;
  CHECK(support::same_bits(p.run(), plain));
  CHECK(support::same_bits(attention(calm.input(p.q), p.k, p.v, p.options).value(), plain));
  const auto once = attention(tape.input(p.q), p.k, p.v, p.options).value(),
             twice = attention(tape.input(p.q), p.k, p.v, p.options).value();
  CHECK(!support::same_bits(once, plain));
  CHECK(!support::same_bits(once, twice));
  p.options.dropout = 1;
  for (const float y : attention(tape.input(p.q), p.k, p.v, p.options).value().values()) CHECK(y == 0);
  CHECK_THROWS_AS(attention(variable<float>{p.q}, p.k, p.v, p.options), state_error);
  p.options.dropout = 1.5;
  CHECK_THROWS_WITH_AS(p.run(), "[attention] expected .dropout from 0 to 1, got 1.5", value_error);
}

TEST_CASE("attention: what is refused") {
  const tensor<float> q({2, 3, 8}), k({2, 5, 8}), v({2, 5, 4});
  CHECK(attention(q, k, v, {.heads = 2}).shape() == shape{2, 3, 4});
  CHECK_THROWS_WITH_AS(attention(q, k, v, {.heads = 3}), "[attention] expected queries (N, T, 3 size), got (2, 3, 8)",
                       shape_error);
  CHECK_THROWS_WITH_AS(attention(q, k, v, {.heads = 4, .kv_heads = 3}),
                       "[attention] expected .heads that .kv_heads divide, and a .window of 0 or more, got 4, 3 and 0",
                       value_error);
  CHECK_THROWS_WITH_AS(attention(q, v, v, {.heads = 2}), "[attention] expected keys (2, S, 8), got (2, 5, 4)",
                       shape_error);
  CHECK_THROWS_WITH_AS(attention(q, k, tensor<float>({2, 4, 4}), {.heads = 2}),
                       "[attention] expected values (2, 5, 2 features), got (2, 4, 4)", shape_error);
  CHECK_THROWS_WITH_AS(attention(q, k, v, {.heads = 2}, tensor<float>({3, 4})),
                       "[attention] expected a bias (3, 5), with (N, …) or (N, heads, …) before, got (3, 4)",
                       shape_error);
  CHECK_THROWS_WITH_AS(attention(q, k, v, {.heads = 2}, {}, from<std::int64_t>({1}, {3})),
                       "[attention] expected lengths and starts (2,) or none, got (1,) and (0,)", shape_error);
  CHECK(attention(tensor<float>({2, 0, 8}), k, v, {.heads = 2}).shape() == shape{2, 0, 4});
  CHECK(attention(tensor<float>({0, 3, 8}), tensor<float>({0, 5, 8}), tensor<float>({0, 5, 4}), {.heads = 2}).size() ==
        0);
  for (const float y : attention(q, tensor<float>({2, 0, 8}), tensor<float>({2, 0, 4}), {.heads = 2}).values())
    CHECK(y == 0);
}
