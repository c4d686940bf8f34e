// Shows: (rows of scores)
// Softmax, its logarithm, cross-entropy and their gradients equal long double, however large the scores; a row's bits
// do not depend on the rows beside it; NaN keeps to its row.
#include <inlay/kernels/softmax.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "naive/softmax.hpp"
#include "support.hpp"

using namespace inlay;

namespace {

template <class T> constexpr double tolerance = sizeof(T) == 4 ? 2e-6 : 4e-15;

template <class T> constexpr T inf = std::numeric_limits<T>::infinity();

template <class T> naive::row wide(const std::vector<T>& x) { return {x.begin(), x.end()}; }

// What the kernels make of rows of scores, all inputs in exact memory, all outputs guarded.
template <class T> struct outcome {
  std::vector<T> soft, log_soft, loss, gradient, soft_gradient, log_soft_gradient;
  bool intact;
};

template <class T>
outcome<T> run(isa level, const std::vector<T>& x, const std::vector<std::int64_t>& classes, const std::vector<T>& dy,
               const std::vector<T>& scale) {
  const auto rows = static_cast<std::int64_t>(classes.size()),
             length = rows == 0 ? 0 : static_cast<std::int64_t>(x.size()) / rows;
  const std::int64_t scale_step = scale.size() == 1 ? 0 : 1;
  const bool past = rows > 1;  // one of several rows must have the bits it has alone
  support::guarded<T> soft(rows * length), log_soft(rows * length), loss(rows), sums(rows), numerators(rows * length),
      dx(rows * length), dsoft(rows * length), dlog(rows * length);
  dispatch<kernels::softmax<T>>(level, x.data(), soft.data(), rows, length, past);
  dispatch<kernels::log_softmax<T>>(level, x.data(), log_soft.data(), rows, length, past);
  dispatch<kernels::softmax_gradient<T>>(level, dy.data(), soft.data(), dsoft.data(), rows, length, past);
  dispatch<kernels::log_softmax_gradient<T>>(level, dy.data(), log_soft.data(), dlog.data(), rows, length, past);
  if (length > 0) {
    dispatch<kernels::cross_entropy<T>>(level, x.data(), classes.data(), loss.data(), numerators.data(), sums.data(),
                                        rows, length);
    dispatch<kernels::cross_entropy_gradient<T>>(level, numerators.data(), sums.data(), classes.data(), scale.data(),
                                                 scale_step, T(0.25), dx.data(), rows, length);
  }
  const auto list = [](const support::guarded<T>& t) { return std::vector<T>(t.values().begin(), t.values().end()); };
  return {list(soft),
          list(log_soft),
          list(loss),
          list(dx),
          list(dsoft),
          list(dlog),
          soft.intact() && log_soft.intact() && loss.intact() && sums.intact() && numerators.intact() && dx.intact() &&
              dsoft.intact() && dlog.intact()};
}

template <class T> double difference(const std::vector<T>& got, const naive::row& want) {
  return support::difference(std::span<const T>(got), want);
}

// One row against the naive twin.
template <class T> void check_row(const std::vector<T>& x, std::int64_t right) {
  const auto dy = support::noise_values<T>(static_cast<std::int64_t>(x.size()), 9);
  const naive::row soft = naive::softmax(wide(x)), log_soft = naive::log_softmax(wide(x));
  support::for_each_isa([&](isa level) {
    const outcome<T> got = run<T>(level, x, {right}, dy, {T{2}});
    CHECK(difference(got.soft, soft) <= tolerance<T>);
    CHECK(difference(got.log_soft, log_soft) <= tolerance<T>);
    CHECK(difference(got.soft_gradient, naive::softmax_gradient(wide(dy), soft)) <= tolerance<T>);
    CHECK(difference(got.log_soft_gradient, naive::log_softmax_gradient(wide(dy), log_soft)) <= 4 * tolerance<T>);
    CHECK(difference(got.loss, {naive::cross_entropy(wide(x), right)}) <= tolerance<T>);
    CHECK(difference(got.gradient, naive::cross_entropy_gradient(wide(x), right, 0.5L)) <= tolerance<T>);
    CHECK(got.intact);
  });
}

}  // namespace

TEST_CASE_TEMPLATE("softmax: rows of every length", T, float, double) {
  for (const std::int64_t length : support::edge_sizes) {
    INFO("length ", length);
    if (length > 0) check_row(support::noise_values<T>(length, 1, -5, 5), length / 2);
  }
  support::for_each_isa([](isa level) {
    CHECK(run<T>(level, {}, {}, {}, {T{1}}).soft.empty());
    CHECK(run<T>(level, {}, {0, 0}, {}, {T{1}}).intact);  // rows of no length
  });
}

TEST_CASE_TEMPLATE("softmax: scores of any size, equal or far apart", T, float, double) {
  for (const T size : {T(1e-3), T{100}, T(1e4), T(1e7), T(1e30)})
    for (const std::int64_t length : {2, 3, 9, 20, 65}) {
      INFO("size ", size, " length ", length);
      check_row(support::noise_values<T>(length, 2, -static_cast<double>(size), static_cast<double>(size)), length - 1);
      for (const T sign : {T{1}, T{-1}}) {
        std::vector<T> close(static_cast<std::size_t>(length), sign * size);  // large, and nearly equal
        check_row(close, 0);
        close[1] = std::nextafter(close[1], T{0});
        check_row(close, 1);
      }
    }
}

TEST_CASE_TEMPLATE("softmax: a score of -inf has no share; its class an infinite loss", T, float, double) {
  for (const std::int64_t length : {2, 9, 33}) {
    auto x = support::noise_values<T>(length, 3);
    x[0] = -inf<T>;
    check_row(x, length - 1);
    support::for_each_isa([&](isa level) {
      const std::vector<T> dy(x.size(), T{1});
      const outcome<T> got = run<T>(level, x, {0}, dy, {T{4}});
      CHECK(got.soft[0] == 0);
      CHECK(got.log_soft[0] == -inf<T>);
      CHECK(got.loss[0] == inf<T>);
      CHECK(got.gradient[0] == -1);
    });
  }
}

TEST_CASE_TEMPLATE("softmax: rows add up", T, float, double) {
  const std::int64_t rows = 5, length = 37;
  const auto x = support::noise_values<T>(rows * length, 4, -20, 20), dy = support::noise_values<T>(rows * length, 5);
  const std::vector<std::int64_t> classes{0, 36, 5, 17, 8};
  const auto scale = support::noise_values<T>(rows, 6);
  support::for_each_isa([&](isa level) {
    const outcome<T> got = run<T>(level, x, classes, dy, scale);
    for (std::int64_t r = 0; r < rows; ++r) {
      double share = 0, gradient = 0;
      for (std::int64_t i = r * length; i < (r + 1) * length; ++i) {
        share += static_cast<double>(got.soft[static_cast<std::size_t>(i)]);
        gradient += static_cast<double>(got.gradient[static_cast<std::size_t>(i)]);
      }
      CHECK(std::abs(share - 1) < tolerance<T>);
      CHECK(std::abs(gradient) < tolerance<T>);
    }
  });
}

TEST_CASE_TEMPLATE("softmax: the gradient of the loss is its slope", T, double) {
  const auto x = support::noise_values<T>(12, 7, -3, 3);
  const std::vector<T> dy(x.size());
  support::for_each_isa([&](isa level) {
    const outcome<T> got = run<T>(level, x, {4}, dy, {T{4}});
    for (std::size_t i = 0; i < x.size(); ++i) {
      constexpr T h = T(1e-5);
      auto up = x, down = x;
      up[i] += h;
      down[i] -= h;
      const T slope =
          (run<T>(level, up, {4}, dy, {T{4}}).loss[0] - run<T>(level, down, {4}, dy, {T{4}}).loss[0]) / (2 * h);
      CHECK(std::abs(slope - got.gradient[i]) < 1e-9);
    }
  });
}

TEST_CASE_TEMPLATE("softmax: a row has the same bits alone, and NaN keeps to its row", T, float, double) {
  const std::int64_t rows = 3, length = 21;
  auto x = support::noise_values<T>(rows * length, 8, -4, 4);
  const auto dy = support::noise_values<T>(rows * length, 9);
  const std::vector<std::int64_t> classes{3, 20, 0};
  support::for_each_isa([&](isa level) {
    const auto check = [&](std::int64_t r, const outcome<T>& all) {
      const auto first = r * length, last = first + length;
      const outcome<T> alone =
          run<T>(level, {x.begin() + first, x.begin() + last}, {classes[static_cast<std::size_t>(r)]},
                 {dy.begin() + first, dy.begin() + last}, {T{3}});
      const auto same = [&](const std::vector<T>& whole, const std::vector<T>& one) {
        return support::same_bits(
            std::span<const T>(whole).subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(length)),
            std::span<const T>(one));
      };
      CHECK((same(all.soft, alone.soft) && same(all.log_soft, alone.log_soft) && same(all.gradient, alone.gradient) &&
             same(all.soft_gradient, alone.soft_gradient) && same(all.log_soft_gradient, alone.log_soft_gradient)));
      CHECK(support::same_bits(all.loss[static_cast<std::size_t>(r)], alone.loss[0]));
    };
    for (std::int64_t r = 0; r < rows; ++r) check(r, run<T>(level, x, classes, dy, {T{3}}));
    for (const std::int64_t at : {0, 9, 20})
      for (const T poison : {std::numeric_limits<T>::quiet_NaN(), inf<T>}) {
        auto poisoned = x;
        poisoned[static_cast<std::size_t>(length + at)] = poison;
        const outcome<T> all = run<T>(level, poisoned, classes, dy, {T{3}});
        check(0, all);
        check(2, all);
        CHECK(support::is_nan(all.soft[static_cast<std::size_t>(length + at)]));
        CHECK(support::is_nan(all.loss[1]));
        CHECK(support::is_nan(all.gradient[static_cast<std::size_t>(length + at)]));
      }
    std::vector<T> nothing(static_cast<std::size_t>(length), -inf<T>);
    const outcome<T> got = run<T>(level, nothing, {2}, std::vector<T>(nothing.size()), {T{1}});
    CHECK(support::is_nan(got.soft[5]));
    CHECK(support::is_nan(got.log_soft[5]));
    CHECK(support::is_nan(got.loss[0]));
  });
}
