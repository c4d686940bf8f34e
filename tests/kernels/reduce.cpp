// Shows: sums with the same bits however the work is cut
// Sums, maxima and minima over any axis equal plain loops, are the same bits for any cut of the work, and see NaN.
#include <inlay/kernels/reduce.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "naive/reduce.hpp"
#include "support.hpp"

using namespace inlay;

namespace {

template <class F, class T>
void run(isa level, const std::vector<T>& x, T* out, std::int64_t length, std::int64_t inner, std::int64_t first,
         std::int64_t last) {
  if (inner == 1)
    return dispatch<kernels::reduce_rows<F, T>>(level, x.data() + first * length, out + first, last - first, length);
  for (std::int64_t at = first; at < last;) {
    const std::int64_t o = at / inner, i = at % inner, count = std::min(last - at, inner - i);
    const T* from = length > 0 ? x.data() + o * length * inner + i : nullptr;
    dispatch<kernels::reduce_columns<F, T>>(level, from, out + at, length, inner, count);
    at += count;
  }
}

template <class T> void check(std::int64_t outer, std::int64_t length, std::int64_t inner) {
  INFO("outer ", outer, " length ", length, " inner ", inner);
  const auto x = support::noise_values<T>(outer * length * inner, 1);
  const auto sums = naive::sum(x.data(), outer, length, inner), maxima = naive::max(x.data(), outer, length, inner),
             minima = naive::min(x.data(), outer, length, inner);
  const std::int64_t count = outer * inner;
  const double epsilon = static_cast<double>(std::numeric_limits<T>::epsilon());
  support::for_each_isa([&](isa level) {
    support::guarded<T> sum(count), most(count), least(count), piece(count);
    run<kernels::sum_of>(level, x, sum.data(), length, inner, 0, count);
    run<kernels::max_of>(level, x, most.data(), length, inner, 0, count);
    run<kernels::min_of>(level, x, least.data(), length, inner, 0, count);
    const bool right =
        support::difference(sum.values(), sums) <= epsilon * (2 + 4 * std::sqrt(static_cast<double>(length))) &&
        support::difference(most.values(), maxima) == 0 && support::difference(least.values(), minima) == 0;
    CHECK(right);
    const std::int64_t cuts[] = {0, count / 5, count / 5 + (count > 0), count / 2 + (count > 1), count};
    for (int i = 0; i < 4; ++i)
      if (cuts[i] < cuts[i + 1]) run<kernels::sum_of>(level, x, piece.data(), length, inner, cuts[i], cuts[i + 1]);
    CHECK(support::same_bits(piece.values(), sum.values()));
    CHECK((sum.intact() && most.intact() && least.intact() && piece.intact()));
  });
}

}  // namespace

TEST_CASE_TEMPLATE("reduce: rows and columns of every size", T, float, double) {
  for (const std::int64_t length : support::edge_sizes)
    for (const std::int64_t inner : {1, 2, 7, 8, 9, 16, 17, 33}) check<T>(3, length, inner);
  for (const std::int64_t length : {2047, 2048, 2049, 5000}) {  // sums are made in parts of 2048
    check<T>(1, length, 1);
    check<T>(2, length, 1);
    check<T>(1, length, 5);
  }
  check<T>(0, 5, 1);
  check<T>(2, 5, 0);
}

TEST_CASE_TEMPLATE("reduce: long sums stay exact", T, float, double) {
  // 0.1 a million times: one running float sum would be off by 1 %.
  const std::vector<T> x(1000000, T(0.1));
  support::for_each_isa([&](isa level) {
    T sum = 0;
    run<kernels::sum_of>(level, x, &sum, 1000000, 1, 0, 1);
    CHECK(std::abs(static_cast<double>(sum) / (1e6 * static_cast<double>(T(0.1))) - 1) <
          (sizeof(T) == 4 ? 1e-5 : 1e-13));
  });
}

TEST_CASE_TEMPLATE("reduce: a row's bits do not depend on the rows beside it", T, float, double) {
  constexpr std::int64_t rows = 7, length = 100;
  const auto x = support::noise_values<T>(rows * length, 2);
  support::for_each_isa([&](isa level) {
    std::vector<T> together(rows), alone(rows);
    run<kernels::sum_of>(level, x, together.data(), length, 1, 0, rows);
    for (std::int64_t r = 0; r < rows; ++r)
      run<kernels::sum_of>(level, {x.begin() + r * length, x.begin() + (r + 1) * length},
                           &alone[static_cast<std::size_t>(r)], length, 1, 0, 1);
    CHECK(support::same_bits(std::span<const T>(together), std::span<const T>(alone)));
  });
}

TEST_CASE_TEMPLATE("reduce: NaN reaches its own results only; infinities and nothing", T, float, double) {
  constexpr T inf = std::numeric_limits<T>::infinity(), nan = std::numeric_limits<T>::quiet_NaN();
  for (const auto& sizes : {std::pair<std::int64_t, std::int64_t>{70, 1}, {70, 19}, {3, 19}, {2500, 1}})
    for (const std::int64_t at : {std::int64_t{0}, sizes.first / 2, sizes.first - 1})
      support::for_each_isa([&](isa level) {
        const std::int64_t length = sizes.first, inner = sizes.second;
        auto x = support::noise_values<T>(2 * length * inner, 3);
        x[static_cast<std::size_t>(at * inner + inner - 1)] = nan;
        std::vector<T> sum(static_cast<std::size_t>(2 * inner)), most(sum), least(sum);
        run<kernels::sum_of>(level, x, sum.data(), length, inner, 0, 2 * inner);
        run<kernels::max_of>(level, x, most.data(), length, inner, 0, 2 * inner);
        run<kernels::min_of>(level, x, least.data(), length, inner, 0, 2 * inner);
        bool right = true;
        for (std::size_t i = 0; i < sum.size(); ++i) {
          const bool expected = static_cast<std::int64_t>(i) == inner - 1;
          right = right && support::is_nan(sum[i]) == expected && support::is_nan(most[i]) == expected &&
                  support::is_nan(least[i]) == expected;
        }
        CHECK(right);
      });
  support::for_each_isa([&](isa level) {
    const std::vector<T> x{1, inf, -inf, -inf, -inf, -inf};
    std::vector<T> out(2);
    run<kernels::max_of>(level, x, out.data(), 3, 1, 0, 2);
    CHECK(out == std::vector<T>{inf, -inf});
    run<kernels::min_of>(level, {inf, inf, inf, 1, inf, -inf}, out.data(), 3, 1, 0, 2);
    CHECK(out == std::vector<T>{inf, -inf});
    run<kernels::sum_of>(level, x, out.data(), 3, 1, 0, 2);
    CHECK(support::is_nan(out[0]));
    CHECK(out[1] == -inf);
    run<kernels::max_of>(level, {}, out.data(), 0, 1, 0, 2);
    CHECK(out == std::vector<T>{-inf, -inf});
    run<kernels::min_of>(level, {}, out.data(), 0, 2, 0, 2);
    CHECK(out == std::vector<T>{inf, inf});
    run<kernels::sum_of>(level, {}, out.data(), 0, 2, 0, 2);
    CHECK(out == std::vector<T>{0, 0});
  });
}

TEST_CASE_TEMPLATE("reduce: extremes of integers", T, std::uint8_t, std::int64_t) {
  for (const std::int64_t length : {1, 15, 16, 17, 70, 2100})
    for (const std::int64_t inner : {1, 3, 33}) {
      const auto x =
          support::noise_values<T>(2 * length * inner, 4, sizeof(T) == 1 ? 0 : -1e6, sizeof(T) == 1 ? 255 : 1e6);
      const auto maxima = naive::max(x.data(), 2, length, inner), minima = naive::min(x.data(), 2, length, inner);
      support::for_each_isa([&](isa level) {
        std::vector<T> most(maxima.size()), least(maxima.size());
        run<kernels::max_of>(level, x, most.data(), length, inner, 0, 2 * inner);
        run<kernels::min_of>(level, x, least.data(), length, inner, 0, 2 * inner);
        bool right = true;
        for (std::size_t i = 0; i < most.size(); ++i)
          right = right && static_cast<long double>(most[i]) == maxima[i] &&
                  static_cast<long double>(least[i]) == minima[i];
        CHECK(right);
      });
    }
}
