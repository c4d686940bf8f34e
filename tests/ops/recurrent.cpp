// Shows: sequences through an LSTM, GRU or RNN in one operation
// lstm, gru and rnn against their definition, both ways through time, with rows of different lengths and every option,
// at every level and thread count; central differences for every operand; the bits of gradients for any number of
// threads; what is refused.
#include <inlay/ops/recurrent.hpp>

#include <doctest/doctest.h>

#include <inlay/ops/gru.hpp>
#include <inlay/ops/lstm.hpp>
#include <inlay/ops/rnn.hpp>
#include <inlay/testing/check_gradient.hpp>

#include "naive/recurrent.hpp"

using namespace inlay;

namespace {

using naive::kind;
using naive::looks;
template <class T> using net = naive::recurrent<T>;

// The operation on all operands that there may be.
template <class T> auto run(const net<T>& o, const auto&... operand) {
  if (o.of == kind::rnn) return apply(rnn_op{{o.relu}, o.reverse}, operand..., o.lengths);
  if (o.of == kind::gru) return apply(gru_op{{o.reset_before}, o.reverse}, operand..., o.lengths);
  return apply(lstm_op{{o.coupled}, o.reverse}, operand..., o.lengths);
}
template <class T> auto run(const net<T>& o) { return run(o, o.x, o.h, o.c, o.w, o.u, o.b, o.d, o.p, o.r); }

struct sizes {
  std::int64_t steps, batch, in, hidden;
};

// Every kind of net; an option is coupling, the reset before the product, or ReLU.
template <class T> std::vector<net<T>> nets(const sizes& s, bool reverse, const std::vector<std::int64_t>& lengths) {
  const auto of = [&](kind k, bool option, looks peepholes, std::int64_t fewer) {
    return net<T>{.of = k,
                  .steps = s.steps,
                  .batch = s.batch,
                  .in = s.in,
                  .hidden = s.hidden + fewer,
                  .out = s.hidden,
                  .coupled = option,
                  .reset_before = option,
                  .relu = option,
                  .reverse = reverse,
                  .peepholes = peepholes,
                  .row_lengths = lengths};
  };
  return {of(kind::lstm, false, looks::none, 0),   of(kind::lstm, false, looks::diagonal, 0),
          of(kind::lstm, false, looks::matrix, 0), of(kind::lstm, true, looks::diagonal, 0),
          of(kind::lstm, true, looks::matrix, 0),  of(kind::lstm, false, looks::none, 1),
          of(kind::lstm, true, looks::matrix, 2),  of(kind::gru, false, looks::none, 0),
          of(kind::gru, true, looks::none, 0),     of(kind::rnn, false, looks::none, 0),
          of(kind::rnn, true, looks::none, 0)};
}

}  // namespace

TEST_CASE_TEMPLATE("recurrent nets equal their definition", T, float, double) {
  for (const sizes& s : {sizes{5, 3, 4, 7}, {1, 1, 1, 1}, {2, 3, 17, 33}, {0, 2, 3, 4}})
    for (const bool reverse : {false, true})
      for (const std::vector<std::int64_t>& lengths : {std::vector<std::int64_t>{}, {3, 5, 0}}) {
        if (!lengths.empty() && s.steps != 5) continue;
        int number = -1;
        for (const net<T>& o : nets<T>(s, reverse, lengths)) {
          ++number;
          INFO("net ", number, " T ", s.steps, " hidden ", s.hidden, " reverse ", reverse, " of lengths ",
               !lengths.empty());
          support::check_everywhere<T>([&] { return run(o); }, o.result(), sizeof(T) == 4 ? 1e-5 : 1e-13);
        }
      }
}

TEST_CASE("recurrent nets: central differences for every operand") {
  for (const bool reverse : {false, true})
    for (const std::vector<std::int64_t>& lengths : {std::vector<std::int64_t>{}, {2, 4, 1}}) {
      int number = -1;
      for (const net<double>& o : nets<double>({4, 3, 2, 3}, reverse, lengths)) {
        ++number;
        INFO("net ", number, " reverse ", reverse, " of lengths ", !lengths.empty());
        const auto r = testing::check_gradient([&](const auto&... operand) { return run(o, operand...); }, o.x, o.h,
                                               o.c, o.w, o.u, o.b, o.d, o.p, o.r);
        CHECK_MESSAGE(r.ok(), r.text());
      }
    }
}

TEST_CASE("recurrent nets: gradients have the same bits for any number of threads") {
  for (const net<float>& o : nets<float>({3, 40, 60, 70}, false, {}))
    support::for_each_isa([&](isa) {
      std::vector<tensor<float>> first;
      support::for_each_thread_count([&](int) {
        const autograd::tape tape;
        const auto x = tape.leaf(o.x), h = tape.leaf(o.h), w = tape.leaf(o.w), u = tape.leaf(o.u), p = tape.leaf(o.p),
                   r = tape.leaf(o.r);
        const auto y = run(o, x, h, o.c, w, u, o.b, o.d, p, r);
        y.backward(y.value());
        std::vector<tensor<float>> all;
        for (const auto* v : {&x, &h, &w, &u, &p, &r})
          if (v->value().size() > 0) all.push_back(v->grad());
        if (first.empty()) first = all;
        for (std::size_t i = 0; i < all.size(); ++i) CHECK(support::same_bits(all[i], first[i]));
      });
    });
}

TEST_CASE("recurrent nets: sizes that do not fit") {
  const net<float> o{.of = kind::lstm, .steps = 4, .batch = 3, .in = 2, .hidden = 3, .peepholes = looks::diagonal};
  const tensor<float> none;
  const auto call = [&](const tensor<float>& x, const tensor<float>& h, const tensor<float>& c, const tensor<float>& w,
                        const tensor<float>& u, const tensor<float>& b, const tensor<float>& p,
                        const tensor<float>& r = {}, const tensor<std::int64_t>& lengths = {}) {
    return lstm(x, h, c, w, u, b, o.d.size() == b.size() ? o.d : none, p, r, lengths);
  };
  CHECK(call(o.x, o.h, o.c, o.w, o.u, none, none).shape() == shape{2 * 5 * 9});
  CHECK_THROWS_WITH_AS(call(o.h, o.h, o.c, o.w, o.u, none, none), "[lstm] expected input (T, N, 2), got (3, 3)",
                       shape_error);
  CHECK_THROWS_WITH_AS(call(o.x, o.h, o.c, o.w, o.w, none, none),
                       "[lstm] expected weights (4 hidden, in) and (4 hidden, hidden), got (12, 2) and (12, 2)",
                       shape_error);
  CHECK_THROWS_WITH_AS(call(o.x, o.x, o.c, o.w, o.u, none, none), "[lstm] expected a state h (3, 3), got (4, 3, 2)",
                       shape_error);
  CHECK_THROWS_WITH_AS(call(o.x, o.h, o.x, o.w, o.u, none, none), "[lstm] expected a state c (3, 3), got (4, 3, 2)",
                       shape_error);
  CHECK_THROWS_WITH_AS(call(o.x, o.h, o.c, o.w, o.u, o.h, none),
                       "[lstm] expected two biases (12,) or none, got (3, 3) and (0,)", shape_error);
  CHECK_THROWS_WITH_AS(call(o.x, o.h, o.c, o.w, o.u, o.b, o.b),
                       "[lstm] expected peepholes (3, 3), or matrices (9, 3), or none, got (12,)", shape_error);
  CHECK_THROWS_WITH_AS(call(o.x, o.h, o.c, o.w, o.u, o.b, o.p, o.x),
                       "[lstm] expected a projection (3, 3) or none, got (4, 3, 2)", shape_error);
  CHECK_THROWS_WITH_AS(call(o.x, o.h, o.c, o.w, o.u, o.b, o.p, {}, from<std::int64_t>({2}, {1, 2})),
                       "[lstm] expected lengths (3,) or none, got (2,)", shape_error);
  CHECK_THROWS_WITH_AS(call(o.x, o.h, o.c, o.w, o.u, o.b, o.p, {}, from<std::int64_t>({3}, {1, 5, 2})),
                       "[lstm] expected lengths of 0 to 4 steps, got 5", value_error);
  CHECK_THROWS_WITH_AS(gru(o.x, o.h, o.w, o.u, none, none),
                       "[gru] expected weights (3 hidden, in) and (3 hidden, hidden), got (12, 2) and (12, 3)",
                       shape_error);
}
