// Shows: a sequence through an LSTM in one operation
// lstm against its definition, both ways through time, at every level and thread count, with rows of different lengths;
// central differences for every operand; what is refused.
#include <inlay/ops/lstm.hpp>

#include <doctest/doctest.h>

#include <inlay/testing/check_gradient.hpp>

#include "naive/lstm.hpp"
#include "tensors.hpp"

using namespace inlay;
using support::made_up;
using support::numbers;

namespace {

template <class T> struct operands {
  std::int64_t steps, batch, in, hidden;
  tensor<T> x = made_up<T>({steps, batch, in}, 1), h = made_up<T>({batch, hidden}, 2),
            c = made_up<T>({batch, hidden}, 3), w = made_up<T>({4 * hidden, in}, 4),
            u = made_up<T>({4 * hidden, hidden}, 5), b = made_up<T>({4 * hidden}, 6), d = made_up<T>({4 * hidden}, 7),
            p = made_up<T>({3, hidden}, 8);
};

// By the definition, element by element: all outputs, the last h, all cells, the last c.
template <class T> numbers definition(const operands<T>& o, const std::vector<std::int64_t>& lengths, bool reverse) {
  const std::int64_t state = o.batch * o.hidden;
  numbers out(static_cast<std::size_t>(2 * (o.steps + 1) * state));
  const auto place = [&](std::int64_t half, std::int64_t t, std::int64_t n, std::int64_t j) -> double& {
    return out[static_cast<std::size_t>(((half * (o.steps + 1) + t) * o.batch + n) * o.hidden + j)];
  };
  for (std::int64_t n = 0; n < o.batch; ++n) {
    std::vector<long double> h, c;
    for (std::int64_t j = 0; j < o.hidden; ++j) h.push_back(o.h(n, j)), c.push_back(o.c(n, j));
    const std::int64_t length = lengths.empty() ? o.steps : lengths[static_cast<std::size_t>(n)];
    for (std::int64_t i = 0; i < length; ++i) {
      const std::int64_t t = reverse ? length - 1 - i : i;
      auto next_h = h, next_c = c;
      for (std::int64_t j = 0; j < o.hidden; ++j) {
        std::array<long double, 4> gates{};
        for (std::int64_t k = 0; k < 4; ++k) {
          const std::int64_t row = k * o.hidden + j;
          long double& sum = gates[static_cast<std::size_t>(k)];
          sum = static_cast<long double>(o.b(row)) + static_cast<long double>(o.d(row));
          for (std::int64_t e = 0; e < o.in; ++e)
            sum += static_cast<long double>(o.x(t, n, e)) * static_cast<long double>(o.w(row, e));
          for (std::int64_t e = 0; e < o.hidden; ++e)
            sum += h[static_cast<std::size_t>(e)] * static_cast<long double>(o.u(row, e));
        }
        const auto at = static_cast<std::size_t>(j);
        const auto e = naive::lstm_step(gates, c[at],
                                        {static_cast<long double>(o.p(0, j)), static_cast<long double>(o.p(1, j)),
                                         static_cast<long double>(o.p(2, j))});
        next_h[at] = e.h, next_c[at] = e.c;
        place(0, t, n, j) = static_cast<double>(e.h), place(1, t, n, j) = static_cast<double>(e.c);
      }
      h = next_h, c = next_c;
    }
    for (std::int64_t j = 0; j < o.hidden; ++j) {
      place(0, o.steps, n, j) = static_cast<double>(h[static_cast<std::size_t>(j)]);
      place(1, o.steps, n, j) = static_cast<double>(c[static_cast<std::size_t>(j)]);
    }
  }
  return out;
}

}  // namespace

TEST_CASE_TEMPLATE("lstm: equals its definition", T, float, double) {
  const std::vector<std::int64_t> whole, cut{3, 5, 0};
  for (const operands<T>& o : {operands<T>{5, 3, 4, 7}, {1, 1, 1, 1}, {2, 3, 17, 33}, {0, 2, 3, 4}})
    for (const bool reverse : {false, true})
      for (const auto* lengths : {&whole, &cut}) {
        if (!lengths->empty() && o.steps != 5) continue;
        INFO("T ", o.steps, " hidden ", o.hidden, " reverse ", reverse, " lengths ", !lengths->empty());
        const tensor<std::int64_t> of_rows =
            lengths->empty() ? tensor<std::int64_t>() : from<std::int64_t>({3}, *lengths);
        support::check_everywhere<T>([&] { return lstm(o.x, o.h, o.c, o.w, o.u, o.b, o.d, o.p, of_rows, reverse); },
                                     definition(o, *lengths, reverse), sizeof(T) == 4 ? 1e-5 : 1e-13);
      }
}

TEST_CASE("lstm: central differences for every operand") {
  const operands<double> o{4, 3, 2, 3};
  for (const bool reverse : {false, true})
    for (const tensor<std::int64_t>& lengths : {tensor<std::int64_t>(), from<std::int64_t>({3}, {2, 4, 1})}) {
      const auto r = testing::check_gradient([&](const auto&... operand) { return lstm(operand..., lengths, reverse); },
                                             o.x, o.h, o.c, o.w, o.u, o.b, o.d, o.p);
      CHECK_MESSAGE(r.ok(), r.text());
    }
}

TEST_CASE("lstm: gradients have the same bits for any number of threads") {
  const operands<float> o{3, 40, 60, 70};
  support::for_each_isa([&](isa) {
    std::vector<tensor<float>> first;
    support::for_each_thread_count([&](int) {
      const autograd::tape tape;
      const auto x = tape.leaf(o.x), h = tape.leaf(o.h), w = tape.leaf(o.w), u = tape.leaf(o.u), p = tape.leaf(o.p);
      const auto y = lstm(x, h, o.c, w, u, o.b, o.d, p);
      y.backward(y.value());
      const std::vector<tensor<float>> all{x.grad(), h.grad(), w.grad(), u.grad(), p.grad()};
      if (first.empty()) first = all;
      for (std::size_t i = 0; i < all.size(); ++i) CHECK(support::same_bits(all[i], first[i]));
    });
  });
}

TEST_CASE("lstm: sizes that do not fit") {
  const operands<float> o{4, 3, 2, 3};
  const tensor<float> none;
  CHECK(lstm(o.x, o.h, o.c, o.w, o.u, none, none, none).shape() == shape{10, 3, 3});
  CHECK_THROWS_WITH_AS(lstm(o.h, o.h, o.c, o.w, o.u, none, none, none), "[lstm] expected input (T, N, 2), got (3, 3)",
                       shape_error);
  CHECK_THROWS_AS(lstm(o.x, o.h, o.p, o.w, o.w, none, none, none), shape_error);
  CHECK_THROWS_AS(lstm(o.x, o.x, o.c, o.w, o.u, none, none, none), shape_error);
  CHECK_THROWS_WITH_AS(lstm(o.x, o.h, o.c, o.w, o.u, o.b, none, none),
                       "[lstm] expected two biases (12,) or none, got (12,) and (0,)", shape_error);
  CHECK_THROWS_AS(lstm(o.x, o.h, o.c, o.w, o.u, o.b, o.d, o.b), shape_error);
}
