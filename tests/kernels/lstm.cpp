// Shows: (one step of an LSTM, element by element)
// A step against plain loops for every number of features, with and without peepholes, coupled and not; its gradient
// against the slope of the step; the halves of a step are the whole; rows that are not asked for are left alone; NaN
// keeps to its element.
#include <inlay/kernels/lstm.hpp>

#include <doctest/doctest.h>

#include "naive/recurrent.hpp"
#include "support.hpp"

using namespace inlay;

namespace {

template <class T> constexpr double tolerance = sizeof(T) == 4 ? 1e-6 : 1e-14;

template <class T> struct problem {
  std::int64_t rows, hidden;
  bool with_peepholes, coupled = false;
  std::int64_t count = coupled ? 3 : 4;
  std::vector<T> gates = support::noise_values<T>(count * rows * hidden, 1, -3, 3),
                 c = support::noise_values<T>(rows * hidden, 2), p = support::noise_values<T>(3 * hidden, 3),
                 dh = support::noise_values<T>(rows * hidden, 4), dc = support::noise_values<T>(rows * hidden, 5);

  const T* peepholes() const { return with_peepholes ? p.data() : nullptr; }
  long double gate(std::int64_t r, std::int64_t k, std::int64_t j) const {
    return static_cast<long double>(gates[static_cast<std::size_t>((count * r + k) * hidden + j)]);
  }
  naive::lstm_element element(std::int64_t r, std::int64_t j, const std::array<long double, 5>& moved = {}) const {
    const auto peephole = [&](std::int64_t k) {
      return with_peepholes ? static_cast<long double>(p[static_cast<std::size_t>(k * hidden + j)]) : 0;
    };
    const auto sum = [&](std::int64_t k) { return gate(r, k, j) + moved[static_cast<std::size_t>(k)]; };
    const std::int64_t g = count - 2;
    return naive::lstm_step({sum(0), coupled ? 0 : sum(1), sum(g), sum(g + 1)},
                            static_cast<long double>(c[static_cast<std::size_t>(r * hidden + j)]) + moved[4],
                            {peephole(0), peephole(1), peephole(g)}, coupled);
  }
};

template <class T> struct outcome {
  support::guarded<T> gates, c, h;
  outcome(isa level, const problem<T>& p, std::int64_t first, std::int64_t last,
          std::initializer_list<kernels::lstm_part> parts = {kernels::lstm_part::whole})
      : gates(std::span<const T>(p.gates)), c(p.rows * p.hidden, T(77)), h(p.rows * p.hidden, T(77)) {
    for (const kernels::lstm_part part : parts) {
      const kernels::lstm_step<T> step{p.hidden,   p.coupled,     part,     gates.data(),
                                       p.c.data(), p.peepholes(), c.data(), h.data()};
      dispatch<kernels::lstm_step<T>>(level, &step, first, last);
    }
  }
  bool intact() const { return gates.intact() && c.intact() && h.intact(); }
};

double far(long double a, double b) { return std::abs(static_cast<double>(a) - b); }

}  // namespace

TEST_CASE_TEMPLATE("lstm: a step and its gradient equal plain loops", T, float, double) {
  support::for_each_isa([&](isa level) {
    for (const std::int64_t hidden : {1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 33})
      for (const int options : {0, 1, 2, 3}) {
        const bool with_peepholes = options % 2 == 1, coupled = options > 1;
        INFO("hidden ", hidden, " peepholes ", with_peepholes, " coupled ", coupled);
        const problem<T> p{3, hidden, with_peepholes, coupled};
        const outcome<T> y(level, p, 0, 3);
        support::guarded<T> dgates(p.count * 3 * hidden), dc{std::span<const T>(p.dc)};
        const kernels::lstm_step_gradient<T> gradient{hidden,         coupled,     kernels::lstm_part::whole,
                                                      y.gates.data(), p.c.data(),  y.c.data(),
                                                      p.peepholes(),  p.dh.data(), dc.data(),
                                                      dgates.data()};
        dispatch<kernels::lstm_step_gradient<T>>(level, &gradient, std::int64_t{0}, std::int64_t{3});
        double worst = 0, worst_gradient = 0;
        for (std::int64_t r = 0; r < 3; ++r)
          for (std::int64_t j = 0; j < hidden; ++j) {
            const auto e = p.element(r, j);
            const std::int64_t at = r * hidden + j;
            worst = std::max({worst, far(e.c, static_cast<double>(std::as_const(y.c).data()[at])),
                              far(e.h, static_cast<double>(std::as_const(y.h).data()[at]))});
            const std::vector<long double> gates =
                coupled ? std::vector{e.i, e.g, e.o} : std::vector{e.i, e.f, e.g, e.o};
            for (const std::int64_t k : {0, 1, 2, 3, 4}) {
              if (k == 3 && coupled) continue;
              if (k < p.count)
                worst = std::max(worst, far(gates[static_cast<std::size_t>(k)],
                                            static_cast<double>(y.gates.data()[(p.count * r + k) * hidden + j])));
              std::array<long double, 5> up{}, down{};
              constexpr long double step = 1e-6L;
              up[static_cast<std::size_t>(k)] = step, down[static_cast<std::size_t>(k)] = -step;
              const auto high = p.element(r, j, up), low = p.element(r, j, down);
              const auto i = static_cast<std::size_t>(at);
              const long double slope = ((high.h - low.h) * static_cast<long double>(p.dh[i]) +
                                         (high.c - low.c) * static_cast<long double>(p.dc[i])) /
                                        (2 * step);
              const T got = k < 4 ? dgates[(p.count * r + k) * hidden + j] : dc[at];
              worst_gradient = std::max(worst_gradient, far(slope, static_cast<double>(got)));
            }
          }
        CHECK(worst <= tolerance<T>);
        CHECK(worst_gradient <= std::max(4 * tolerance<T>, 1e-11));
        CHECK((y.intact() && dgates.intact() && dc.intact()));
      }
  });
}

TEST_CASE_TEMPLATE("lstm: some rows, with the bits of all; NaN keeps to its element", T, float, double) {
  support::for_each_isa([&](isa level) {
    problem<T> p{5, 11, true};
    const outcome<T> all(level, p, 0, 5), some(level, p, 1, 3);
    for (std::int64_t i = 0; i < 5 * 11; ++i) {
      const bool asked = i >= 11 && i < 33;
      CHECK(support::same_bits(some.h.data()[i], asked ? all.h.data()[i] : T(77)));
    }
    p.gates[4 * 11 + 3] = std::numeric_limits<T>::quiet_NaN();
    const outcome<T> poisoned(level, p, 0, 5);
    for (std::int64_t i = 0; i < 5 * 11; ++i) {
      CHECK(support::is_nan(poisoned.h.data()[i]) == (i == 14));
      if (i != 14) CHECK(support::same_bits(poisoned.c.data()[i], all.c.data()[i]));
    }
  });
}

TEST_CASE_TEMPLATE("lstm: the halves of a step and of its gradient", T, float, double) {
  using kernels::lstm_part;
  support::for_each_isa([&](isa level) {
    for (const bool coupled : {false, true}) {
      const problem<T> p{3, 13, false, coupled};
      const outcome<T> whole(level, p, 0, 3), halves(level, p, 0, 3, {lstm_part::cell, lstm_part::output});
      const auto gradient = [&](std::initializer_list<lstm_part> parts) {
        std::vector<T> dgates(p.gates.size()), dc = p.dc;
        for (const lstm_part part : parts) {
          const kernels::lstm_step_gradient<T> step{13,         coupled,        part,    whole.gates.data(),
                                                    p.c.data(), whole.c.data(), nullptr, p.dh.data(),
                                                    dc.data(),  dgates.data()};
          dispatch<kernels::lstm_step_gradient<T>>(level, &step, std::int64_t{0}, std::int64_t{3});
        }
        dgates.insert(dgates.end(), dc.begin(), dc.end());
        return dgates;
      };
      for (std::int64_t i = 0; i < 3 * 13; ++i) CHECK(support::same_bits(whole.h.data()[i], halves.h.data()[i]));
      CHECK(support::same_bits(std::span<const T>(gradient({lstm_part::whole})),
                               std::span<const T>(gradient({lstm_part::output, lstm_part::cell}))));
    }
  });
}
