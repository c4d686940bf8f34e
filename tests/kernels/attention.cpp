// Shows: (attention on raw pointers)
// A block of scores in one go and in two, whose sums are brought to the new maximum; the gradient's probabilities are
// the forward ones; a single query equals a block of one; what stands around stays; NaN keeps to its row.
#include <inlay/kernels/attention.hpp>

#include <doctest/doctest.h>

#include <cmath>

#include "support.hpp"

using namespace inlay;

namespace {

template <class T> constexpr double tolerance = sizeof(T) == 4 ? 2e-6 : 1e-14;
constexpr std::int64_t width = 32, rows = 5, features = 6;

template <class T> kernels::attention_block<T> block(std::int64_t keys, std::int64_t first_query, bool causal) {
  return {rows, width, keys, first_query, 1000, causal, T(0.5), T{0}, nullptr, 0};
}

template <class T> support::guarded<T> copy(const std::vector<T>& of) {
  support::guarded<T> out(std::ssize(of));
  for (std::int64_t i = 0; i < std::ssize(of); ++i) out[i] = of[static_cast<std::size_t>(i)];
  return out;
}

// exp(s - m) of all keys, m and the sum, by plain loops.
struct row {
  std::vector<double> weights;
  double top = -std::numeric_limits<double>::infinity(), sum = 0;
};
template <class T> row plain(const T* scores, std::int64_t seen) {
  row out;
  for (std::int64_t j = 0; j < seen; ++j) out.top = std::max(out.top, 0.5 * static_cast<double>(scores[j]));
  for (std::int64_t j = 0; j < seen; ++j) {
    out.weights.push_back(std::exp(0.5 * static_cast<double>(scores[j]) - out.top));
    out.sum += out.weights.back();
  }
  return out;
}

}  // namespace

TEST_CASE_TEMPLATE("attention: a block of scores, and its gradient", T, float, double) {
  support::for_each_isa([&](isa level) {
    for (const std::int64_t keys : {0, 1, 3, 4, 7, 8, 9, 16, 17, 31, 32})
      for (const bool causal : {false, true}) {
        INFO("keys ", keys, " causal ", causal);
        const auto raw = support::noise_values<T>(rows * width, 1, -5, 5),
                   given = support::noise_values<T>(rows * width, 2), products = support::noise_values<T>(rows, 3);
        const auto b = block<T>(keys, 0, causal);
        support::guarded<T> scores = copy(raw), again = copy(raw), dp = copy(given), out(rows * features, T{1});
        std::vector<T> top(rows, -std::numeric_limits<T>::infinity()), sum(rows);
        const kernels::attention_scores<T> step{b,          scores.data(), top.data(), sum.data(),
                                                out.data(), features,      features};
        dispatch<kernels::attention_scores<T>>(level, &step);
        const std::vector<T> tops = top;
        const kernels::attention_finish<T> finish{rows, features, out.data(), top.data(), sum.data(), features};
        dispatch<kernels::attention_finish<T>>(level, &finish);
        const kernels::attention_gradient<T> gradient{b, again.data(), dp.data(), top.data(), products.data()};
        dispatch<kernels::attention_gradient<T>>(level, &gradient);
        double worst = 0;
        for (std::int64_t r = 0; r < rows; ++r) {
          const std::int64_t seen = causal ? std::min(keys, r + 1) : keys;
          const row e = plain(raw.data() + r * width, seen);
          const auto at = static_cast<std::size_t>(r);
          if (seen == 0) {
            CHECK(sum[at] == 0);
            CHECK(top[at] == std::numeric_limits<T>::infinity());
          } else {
            worst = std::max({worst, std::abs(static_cast<double>(tops[at]) - e.top),
                              std::abs(static_cast<double>(sum[at]) / e.sum - 1)});
          }
          for (std::int64_t j = 0; j < width; ++j) {
            const double weight = j < seen ? e.weights[static_cast<std::size_t>(j)] : 0,
                         p = j < seen ? weight / e.sum : 0;
            const double dp_before = static_cast<double>(given[static_cast<std::size_t>(r * width + j)]),
                         ds = j < seen ? p * (dp_before - static_cast<double>(products[at])) * 0.5 : 0;
            worst = std::max({worst, std::abs(static_cast<double>(scores.data()[r * width + j]) - weight),
                              std::abs(static_cast<double>(again.data()[r * width + j]) - p),
                              std::abs(static_cast<double>(dp.data()[r * width + j]) - ds)});
          }
          for (std::int64_t i = 0; i < features; ++i)
            worst = std::max(worst,
                             std::abs(static_cast<double>(out.data()[r * features + i]) - (seen > 0 ? 1 / e.sum : 0)));
        }
        CHECK(worst <= 4 * tolerance<T>);
        CHECK((scores.intact() && again.intact() && dp.intact() && out.intact()));
      }
  });
}

TEST_CASE_TEMPLATE("attention: two blocks after each other; NaN keeps to its row", T, float, double) {
  support::for_each_isa([&](isa level) {
    auto first = support::noise_values<T>(rows * width, 4, -5, 5),
         second = support::noise_values<T>(rows * width, 5, -9, 9);
    first[2 * width + 3] = std::numeric_limits<T>::quiet_NaN();
    const auto one = first, two = second;
    std::vector<T> top(rows, -std::numeric_limits<T>::infinity()), sum(rows), out(rows * features);
    const auto b = block<T>(20, 0, false);
    const kernels::attention_scores<T> before{b, first.data(), top.data(), sum.data(), out.data(), features, features};
    dispatch<kernels::attention_scores<T>>(level, &before);
    std::fill(out.begin(), out.end(), T{1});  // the sums of values so far
    const std::vector<T> old = top;
    const kernels::attention_scores<T> after{b, second.data(), top.data(), sum.data(), out.data(), features, features};
    dispatch<kernels::attention_scores<T>>(level, &after);
    for (std::int64_t r = 0; r < rows; ++r) {
      if (r == 2) continue;
      std::vector<T> all;
      for (const std::vector<T>* part : {&one, &two})
        for (std::int64_t j = 0; j < 20; ++j) all.push_back((*part)[static_cast<std::size_t>(r * width + j)]);
      const row e = plain(all.data(), 40);
      const auto at = static_cast<std::size_t>(r);
      CHECK(static_cast<double>(top[at]) == doctest::Approx(e.top));
      CHECK(static_cast<double>(sum[at]) == doctest::Approx(e.sum).epsilon(1e-5));
      CHECK(static_cast<double>(out[static_cast<std::size_t>(r * features)]) ==
            doctest::Approx(std::exp(static_cast<double>(old[at]) - e.top)).epsilon(1e-5));
    }
    CHECK(support::is_nan(sum[2]));
  });
}

TEST_CASE_TEMPLATE("attention: a single query", T, float, double) {
  support::for_each_isa([&](isa level) {
    for (const std::int64_t size : {1, 3, 8, 17, 40})
      for (const std::int64_t keys : {0, 1, 5, 16, 33}) {
        INFO("size ", size, " keys ", keys);
        const std::int64_t of_values = size + 1;
        const auto q = support::noise_values<T>(size, 6), k = support::noise_values<T>(keys * (size + 2), 7),
                   v = support::noise_values<T>(keys * (of_values + 3), 8);
        std::vector<T> scores(static_cast<std::size_t>(keys + 64));
        support::guarded<T> out(of_values, T(77));
        T log_sum = 0;
        kernels::attention_block<T> b = block<T>(keys, 0, false);
        b.rows = 1;
        const kernels::attention_query<T> step{b,    q.data(),  k.data(),      v.data(),   size + 2, of_values + 3,
                                               size, of_values, scores.data(), out.data(), &log_sum};
        dispatch<kernels::attention_query<T>>(level, &step);
        std::vector<double> raw;
        for (std::int64_t j = 0; j < keys; ++j) {
          raw.push_back(0);
          for (std::int64_t i = 0; i < size; ++i)
            raw.back() += static_cast<double>(q[static_cast<std::size_t>(i)]) *
                          static_cast<double>(k[static_cast<std::size_t>(j * (size + 2) + i)]);
        }
        const row e = plain(raw.data(), keys);
        double worst = 0;
        for (std::int64_t i = 0; i < of_values; ++i) {
          double expected = 0;
          for (std::int64_t j = 0; j < keys; ++j)
            expected += e.weights[static_cast<std::size_t>(j)] / e.sum *
                        static_cast<double>(v[static_cast<std::size_t>(j * (of_values + 3) + i)]);
          worst = std::max(worst, std::abs(expected - static_cast<double>(out.data()[i])));
        }
        if (keys > 0) worst = std::max(worst, std::abs(static_cast<double>(log_sum) - e.top - std::log(e.sum)));
        CHECK(worst <= 4 * tolerance<T>);
        CHECK(out.intact());
      }
  });
}
