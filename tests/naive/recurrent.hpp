// Plain loops to judge recurrent nets by, in long double: one element of one step, and whole sequences by the
// definition.
#pragma once

#include <array>
#include <cmath>

#include "tensors.hpp"

namespace naive {

inline long double sigmoid(long double x) { return 1 / (1 + std::exp(-x)); }

struct lstm_element {
  long double i, f, g, o, c, h;  // the gates after their functions, the next cell and the output
};

// Sums of the gates in the order i, f, g, o; peepholes of i, f, o. Coupled, f is 1 - i.
inline lstm_element lstm_step(const std::array<long double, 4>& gates, long double c,
                              const std::array<long double, 3>& peepholes, bool coupled = false) {
  lstm_element out{};
  out.i = sigmoid(gates[0] + peepholes[0] * c);
  out.f = coupled ? 1 - out.i : sigmoid(gates[1] + peepholes[1] * c);
  out.g = std::tanh(gates[2]);
  out.c = out.f * c + out.i * out.g;
  out.o = sigmoid(gates[3] + peepholes[2] * out.c);
  out.h = out.o * std::tanh(out.c);
  return out;
}

struct gru_element {
  long double r, z, n, h;
};

// Sums of the gates and products of h in the order r, z, n; the reset comes after the product.
inline gru_element gru_step(const std::array<long double, 3>& gates, const std::array<long double, 3>& of_h,
                            long double h) {
  gru_element out{};
  out.r = sigmoid(gates[0] + of_h[0]);
  out.z = sigmoid(gates[1] + of_h[1]);
  out.n = std::tanh(gates[2] + out.r * of_h[2]);
  out.h = (1 - out.z) * out.n + out.z * h;
  return out;
}

enum class kind { lstm, gru, rnn };
enum class looks { none, diagonal, matrix };

// Made-up operands of a recurrent net; p and r are empty unless they are asked for.
template <class T> struct recurrent {
  kind of;
  std::int64_t steps, batch, in, hidden, out = hidden;
  bool coupled = false, reset_before = false, relu = false, reverse = false;
  looks peepholes = looks::none;
  std::vector<std::int64_t> row_lengths = {};

  std::int64_t gates() const { return of == kind::rnn ? 1 : of == kind::gru || coupled ? 3 : 4; }
  std::int64_t looking() const { return gates() - 1; }
  inlay::tensor<T> x = support::made_up<T>({steps, batch, in}, 1), h = support::made_up<T>({batch, out}, 2),
                   c = of == kind::lstm ? support::made_up<T>({batch, hidden}, 3) : inlay::tensor<T>(),
                   w = support::made_up<T>({gates() * hidden, in}, 4),
                   u = support::made_up<T>({gates() * hidden, out}, 5), b = support::made_up<T>({gates() * hidden}, 6),
                   d = support::made_up<T>({gates() * hidden}, 7),
                   p = peepholes == looks::none       ? inlay::tensor<T>()
                       : peepholes == looks::diagonal ? support::made_up<T>({looking(), hidden}, 8)
                                                      : support::made_up<T>({looking() * hidden, hidden}, 8),
                   r = out == hidden ? inlay::tensor<T>() : support::made_up<T>({out, hidden}, 9);
  inlay::tensor<std::int64_t> lengths =
      row_lengths.empty() ? inlay::tensor<std::int64_t>() : inlay::from<std::int64_t>({batch}, row_lengths);

  // The result of the operation: the outputs of all steps, the last one, and of an LSTM the same of the cells.
  support::numbers result() const {
    const std::int64_t h_size = batch * out, c_size = of == kind::lstm ? batch * hidden : 0;
    support::numbers all(static_cast<std::size_t>((steps + 1) * (h_size + c_size)));
    for (std::int64_t n = 0; n < batch; ++n) {
      row now;
      for (std::int64_t j = 0; j < out; ++j) now.h.push_back(h(n, j));
      for (std::int64_t j = 0; j < hidden; ++j) now.c.push_back(of == kind::lstm ? c(n, j) : T{0});
      const std::int64_t length = row_lengths.empty() ? steps : row_lengths[static_cast<std::size_t>(n)];
      const auto write = [&](std::int64_t t) {
        for (std::int64_t j = 0; j < out; ++j)
          all[static_cast<std::size_t>(t * h_size + n * out + j)] = static_cast<double>(now.h[at(j)]);
        for (std::int64_t j = 0; c_size > 0 && j < hidden; ++j)
          all[static_cast<std::size_t>((steps + 1) * h_size + t * c_size + n * hidden + j)] =
              static_cast<double>(now.c[at(j)]);
      };
      for (std::int64_t i = 0; i < length; ++i) {
        const std::int64_t t = reverse ? length - 1 - i : i;
        now = step(t, n, now);
        write(t);
      }
      write(steps);
    }
    return all;
  }

 private:
  struct row {
    std::vector<long double> h, c;
  };
  static std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

  // Row `line` of a matrix times v.
  static long double product(const inlay::tensor<T>& m, std::int64_t line, const std::vector<long double>& v) {
    long double sum = 0;
    for (std::size_t e = 0; e < v.size(); ++e)
      sum += v[e] * static_cast<long double>(m(line, static_cast<std::int64_t>(e)));
    return sum;
  }
  long double of_x(std::int64_t t, std::int64_t n, std::int64_t line) const {
    long double sum = b(line);
    for (std::int64_t e = 0; e < in; ++e)
      sum += static_cast<long double>(x(t, n, e)) * static_cast<long double>(w(line, e));
    return sum;
  }
  long double of_h(const row& before, std::int64_t line) const {
    return static_cast<long double>(d(line)) + product(u, line, before.h);
  }

  row step(std::int64_t t, std::int64_t n, const row& before) const {
    row next = before;
    std::vector<long double> made(at(hidden));
    for (std::int64_t j = 0; j < hidden; ++j) {
      const auto sum = [&](std::int64_t gate) {
        return of_x(t, n, gate * hidden + j) + of_h(before, gate * hidden + j);
      };
      if (of == kind::rnn) {
        const long double s = sum(0);
        made[at(j)] = relu ? std::max(s, 0.0L) : std::tanh(s);
      } else if (of == kind::gru && reset_before) {
        auto reset = before.h;
        for (std::int64_t e = 0; e < hidden; ++e) reset[at(e)] *= sigmoid(of_x(t, n, e) + of_h(before, e));
        const std::int64_t line = 2 * hidden + j;
        const long double candidate =
            std::tanh(of_x(t, n, line) + static_cast<long double>(d(line)) + product(u, line, reset));
        const long double z = sigmoid(sum(1));
        made[at(j)] = (1 - z) * candidate + z * before.h[at(j)];
      } else if (of == kind::gru) {
        made[at(j)] =
            gru_step({of_x(t, n, j), of_x(t, n, hidden + j), of_x(t, n, 2 * hidden + j)},
                     {of_h(before, j), of_h(before, hidden + j), of_h(before, 2 * hidden + j)}, before.h[at(j)])
                .h;
      } else {
        const auto look = [&](std::int64_t which, const std::vector<long double>& cell) {
          return peepholes == looks::none       ? 0
                 : peepholes == looks::diagonal ? static_cast<long double>(p(which, j)) * cell[at(j)]
                                                : product(p, which * hidden + j, cell);
        };
        const auto e =
            lstm_step({sum(0) + look(0, before.c), coupled ? 0 : sum(1) + look(1, before.c), sum(coupled ? 1 : 2), 0},
                      before.c[at(j)], {}, coupled);
        next.c[at(j)] = e.c;
      }
    }
    if (of == kind::lstm)
      for (std::int64_t j = 0; j < hidden; ++j) {
        const std::int64_t line = (gates() - 1) * hidden + j, which = looking() - 1;
        const long double looked = peepholes == looks::none ? 0
                                   : peepholes == looks::diagonal
                                       ? static_cast<long double>(p(which, j)) * next.c[at(j)]
                                       : product(p, which * hidden + j, next.c);
        made[at(j)] = sigmoid(of_x(t, n, line) + of_h(before, line) + looked) * std::tanh(next.c[at(j)]);
      }
    if (out == hidden) {
      next.h = made;
    } else {
      for (std::int64_t j = 0; j < out; ++j) next.h[at(j)] = product(r, j, made);
    }
    return next;
  }
};

}  // namespace naive
