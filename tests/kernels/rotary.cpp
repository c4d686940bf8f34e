// Shows: (rotary positions on raw pointers)
// Rows against plain loops for every size, in halves and interleaved; rows that are not asked for are left alone; a
// turn back gives what was before.
#include <inlay/kernels/rotary.hpp>

#include <doctest/doctest.h>

#include <cmath>

#include "support.hpp"

using namespace inlay;

TEST_CASE_TEMPLATE("rotary: rows equal plain loops, and turn back", T, float, double) {
  support::for_each_isa([&](isa level) {
    for (const std::int64_t pairs : {1, 2, 3, 4, 7, 8, 9, 16, 19})
      for (const bool interleaved : {false, true}) {
        const std::int64_t heads = 2, size = 2 * pairs + pairs % 3, rows = 3, count = rows * heads * size;
        INFO("pairs ", pairs, " interleaved ", interleaved);
        const auto x = support::noise_values<T>(count, 1);
        std::vector<T> turns(static_cast<std::size_t>(2 * rows * pairs)), back = turns;
        for (std::int64_t r = 0; r < rows; ++r)
          for (std::int64_t i = 0; i < pairs; ++i) {
            const double angle = 0.3 * static_cast<double>(r + 1) * static_cast<double>(i + 1);
            const auto at = static_cast<std::size_t>(2 * r * pairs + i), sine = at + static_cast<std::size_t>(pairs);
            turns[at] = back[at] = static_cast<T>(std::cos(angle));
            turns[sine] = static_cast<T>(std::sin(angle)), back[sine] = -turns[sine];
          }
        support::guarded<T> y(count, T(77)), again(count, T(77));
        const kernels::rotary<T> step{heads, size, pairs, interleaved, x.data(), turns.data(), y.data()};
        dispatch<kernels::rotary<T>>(level, &step, std::int64_t{1}, std::int64_t{3});
        double worst = 0;
        for (std::int64_t r = 0; r < rows; ++r)
          for (std::int64_t h = 0; h < heads; ++h)
            for (std::int64_t i = 0; i < size; ++i) {
              const std::int64_t from = (r * heads + h) * size;
              const auto value = [&](std::int64_t of) {
                return static_cast<double>(x[static_cast<std::size_t>(from + of)]);
              };
              const std::int64_t pair = interleaved ? i / 2 : i % pairs;
              const bool first = interleaved ? i % 2 == 0 : i < pairs;
              double expected = value(i);
              if (r == 0) {
                expected = 77;
              } else if (i < 2 * pairs) {
                const double c = static_cast<double>(turns[static_cast<std::size_t>(2 * r * pairs + pair)]),
                             s = static_cast<double>(turns[static_cast<std::size_t>((2 * r + 1) * pairs + pair)]);
                const std::int64_t other = interleaved ? i ^ 1 : first ? i + pairs : i - pairs;
                expected = value(i) * c + (first ? -s : s) * value(other);
              }
              worst = std::max(worst, std::abs(static_cast<double>(y.data()[from + i]) - expected));
            }
        CHECK(worst <= (sizeof(T) == 4 ? 1e-6 : 1e-14));
        CHECK(y.intact());
        const kernels::rotary<T> turned_back{heads, size, pairs, interleaved, y.data(), back.data(), again.data()};
        dispatch<kernels::rotary<T>>(level, &turned_back, std::int64_t{1}, std::int64_t{3});
        for (std::int64_t i = heads * size; i < count; ++i)
          CHECK(again.data()[i] == doctest::Approx(x[static_cast<std::size_t>(i)]).epsilon(1e-5));
        CHECK(again.intact());
      }
  });
}
