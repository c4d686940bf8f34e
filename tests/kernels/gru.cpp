// Shows: (one step of a GRU, element by element)
// A step against plain loops for every number of features; its gradient against the slope of the step; the halves of a
// step whose reset comes before the product; rows that are not asked for are left alone; NaN keeps to its element.
#include <inlay/kernels/gru.hpp>

#include <doctest/doctest.h>

#include "naive/recurrent.hpp"
#include "support.hpp"

using namespace inlay;
using kernels::gru_part;

namespace {

template <class T> constexpr double tolerance = sizeof(T) == 4 ? 1e-6 : 1e-14;

template <class T> struct problem {
  std::int64_t rows, hidden;
  std::vector<T> gates = support::noise_values<T>(3 * rows * hidden, 1, -3, 3),
                 sums = support::noise_values<T>(3 * rows * hidden, 2, -3, 3),
                 h = support::noise_values<T>(rows * hidden, 3), dh = support::noise_values<T>(rows * hidden, 4),
                 dm = support::noise_values<T>(rows * hidden, 5);

  // `moved`: the three sums of the gates, the three products, h.
  naive::gru_element element(std::int64_t r, std::int64_t j, const std::array<long double, 7>& moved = {}) const {
    const auto at = [&](const std::vector<T>& of, std::int64_t k, std::size_t i) {
      return static_cast<long double>(of[static_cast<std::size_t>((3 * r + k) * hidden + j)]) + moved[i];
    };
    return naive::gru_step({at(gates, 0, 0), at(gates, 1, 1), at(gates, 2, 2)},
                           {at(sums, 0, 3), at(sums, 1, 4), at(sums, 2, 5)},
                           static_cast<long double>(h[static_cast<std::size_t>(r * hidden + j)]) + moved[6]);
  }
};

template <class T> struct outcome {
  support::guarded<T> gates, kept, h;
  outcome(isa level, const problem<T>& p, std::int64_t first, std::int64_t last,
          std::initializer_list<gru_part> parts = {gru_part::whole})
      : gates(std::span<const T>(p.gates)), kept(p.rows * p.hidden, T(77)), h(p.rows * p.hidden, T(77)) {
    for (const gru_part part : parts) {
      const kernels::gru_step<T> step{p.hidden, part, gates.data(), p.sums.data(), p.h.data(), kept.data(), h.data()};
      dispatch<kernels::gru_step<T>>(level, &step, first, last);
    }
  }
  bool intact() const { return gates.intact() && kept.intact() && h.intact(); }
};

double far(long double a, double b) { return std::abs(static_cast<double>(a) - b); }

}  // namespace

TEST_CASE_TEMPLATE("gru: a step and its gradient equal plain loops", T, float, double) {
  support::for_each_isa([&](isa level) {
    for (const std::int64_t hidden : {1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 33}) {
      INFO("hidden ", hidden);
      const problem<T> p{3, hidden};
      const outcome<T> y(level, p, 0, 3);
      support::guarded<T> dgates(3 * 3 * hidden), dsums(3 * 3 * hidden), dh(3 * hidden);
      const kernels::gru_step_gradient<T> gradient{hidden,        gru_part::whole, y.gates.data(), p.h.data(),
                                                   y.kept.data(), p.dh.data(),     nullptr,        dgates.data(),
                                                   dsums.data(),  dh.data()};
      dispatch<kernels::gru_step_gradient<T>>(level, &gradient, std::int64_t{0}, std::int64_t{3});
      double worst = 0, worst_gradient = 0;
      for (std::int64_t r = 0; r < 3; ++r)
        for (std::int64_t j = 0; j < hidden; ++j) {
          const auto e = p.element(r, j);
          const std::int64_t at = r * hidden + j;
          const long double gates[] = {e.r, e.z, e.n};
          worst = std::max(worst, far(e.h, static_cast<double>(std::as_const(y.h).data()[at])));
          for (std::int64_t k = 0; k < 3; ++k)
            worst = std::max(worst, far(gates[k], static_cast<double>(y.gates.data()[(3 * r + k) * hidden + j])));
          CHECK(support::same_bits(y.kept.data()[at], p.sums[static_cast<std::size_t>((3 * r + 2) * hidden + j)]));
          for (std::int64_t k = 0; k < 7; ++k) {
            std::array<long double, 7> up{}, down{};
            constexpr long double step = 1e-6L;
            up[static_cast<std::size_t>(k)] = step, down[static_cast<std::size_t>(k)] = -step;
            const long double slope = (p.element(r, j, up).h - p.element(r, j, down).h) *
                                      static_cast<long double>(p.dh[static_cast<std::size_t>(at)]) / (2 * step);
            const T got = k < 3   ? dgates[(3 * r + k) * hidden + j]
                          : k < 6 ? dsums[(3 * r + k - 3) * hidden + j]
                                  : dh[at];
            worst_gradient = std::max(worst_gradient, far(slope, static_cast<double>(got)));
          }
        }
      CHECK(worst <= tolerance<T>);
      CHECK(worst_gradient <= std::max(4 * tolerance<T>, 1e-11));
      CHECK((y.intact() && dgates.intact() && dsums.intact() && dh.intact()));
    }
  });
}

TEST_CASE_TEMPLATE("gru: the halves of a step with the reset before the product", T, float, double) {
  support::for_each_isa([&](isa level) {
    for (const std::int64_t hidden : {1, 5, 8, 19}) {
      const problem<T> p{2, hidden};
      const outcome<T> y(level, p, 0, 2, {gru_part::gates, gru_part::output});
      std::vector<T> dgates(p.gates.size()), dh(p.h.size());
      for (const gru_part part : {gru_part::output, gru_part::gates}) {
        const kernels::gru_step_gradient<T> step{hidden,      part,        y.gates.data(), p.h.data(), y.kept.data(),
                                                 p.dh.data(), p.dm.data(), dgates.data(),  nullptr,    dh.data()};
        dispatch<kernels::gru_step_gradient<T>>(level, &step, std::int64_t{0}, std::int64_t{2});
      }
      double worst = 0;
      for (std::int64_t i = 0; i < 2 * hidden; ++i) {
        const auto at = static_cast<std::size_t>(i);
        const std::int64_t line = i / hidden * 3 * hidden + i % hidden;
        const auto gate = [&](std::int64_t k) {
          return static_cast<long double>(p.gates[static_cast<std::size_t>(line + k * hidden)]);
        };
        const long double r = naive::sigmoid(gate(0)), z = naive::sigmoid(gate(1)), n = std::tanh(gate(2)), h = p.h[at],
                          of_y = p.dh[at], of_m = p.dm[at];
        const auto is = [&](long double expected, T got) {
          worst = std::max(worst, far(expected, static_cast<double>(got)));
        };
        is((1 - z) * n + z * h, y.h.data()[i]);
        is(r * h, y.kept.data()[i]);
        is(of_m * h * r * (1 - r), dgates[static_cast<std::size_t>(line)]);
        is(of_y * (h - n) * z * (1 - z), dgates[static_cast<std::size_t>(line + hidden)]);
        is(of_y * (1 - z) * (1 - n * n), dgates[static_cast<std::size_t>(line + 2 * hidden)]);
        is(of_y * z + of_m * r, dh[at]);
      }
      CHECK(worst <= 2 * tolerance<T>);
      CHECK(y.intact());
    }
  });
}

TEST_CASE_TEMPLATE("gru: some rows, with the bits of all; NaN keeps to its element", T, float, double) {
  support::for_each_isa([&](isa level) {
    problem<T> p{5, 11};
    const outcome<T> all(level, p, 0, 5), some(level, p, 1, 3);
    for (std::int64_t i = 0; i < 5 * 11; ++i)
      CHECK(support::same_bits(some.h.data()[i], i >= 11 && i < 33 ? all.h.data()[i] : T(77)));
    p.gates[3 * 11 + 3] = std::numeric_limits<T>::quiet_NaN();
    const outcome<T> poisoned(level, p, 0, 5);
    for (std::int64_t i = 0; i < 5 * 11; ++i) CHECK(support::is_nan(poisoned.h.data()[i]) == (i == 14));
  });
}
