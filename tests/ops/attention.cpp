// Shows: attention (causal, windows, masks, shared key heads, ALiBi), with memory linear in the sequence
// attention against its definition with every option, for blocks that are whole and not, at every level and thread
// count; a single query; central differences; rows that see nothing; what is refused.
#include <inlay/ops/attention.hpp>

#include <doctest/doctest.h>

#include <cmath>

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

  // By the definition, in long double.
  numbers definition() const {
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
              y += weights[static_cast<std::size_t>(j)] * static_cast<long double>(v(n, j, head * features + i));
            out.push_back(static_cast<double>(sum > 0 ? y / sum : 0));
          }
        }
    return out;
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
  const problem<float> p(attention_options{.heads = 4, .kv_heads = 2, .causal = true}, {3, 90, 90, 16, 16});
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
