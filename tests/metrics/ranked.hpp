// What tests of metrics of an order share: made-up scores with and without ties, values in batches, any number of rows.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include <inlay/metrics/class_scores.hpp>

#include "support.hpp"

namespace support {

using classes = std::vector<std::int64_t>;

// The value of metric M in two batches; no columns: scores (N,).
template <class M>
double value_of(const std::vector<double>& scores, const classes& true_classes, std::int64_t columns = 0,
                inlay::metrics::average by = inlay::metrics::average::macro) {
  const auto rows = static_cast<std::int64_t>(true_classes.size());
  const inlay::shape sizes = columns == 0 ? inlay::shape{rows} : inlay::shape{rows, columns};
  const inlay::tensor<double> all = inlay::from<double>(sizes, scores);
  const inlay::tensor<std::int64_t> y = inlay::from<std::int64_t>({rows}, true_classes);
  M m{{.average = by}};
  m.update(all.slice(0, rows / 3), y.slice(0, rows / 3));
  m.update(all.slice(rows / 3, rows), y.slice(rows / 3, rows));
  return m.value();
}

// f(noise) for each row.
template <class F> classes made_up_classes(std::int64_t count, F f) {
  classes out;
  for (std::uint64_t i = 0; i < static_cast<std::uint64_t>(count); ++i)
    out.push_back(static_cast<std::int64_t>(f(noise(i))));
  return out;
}

// Scores of the true class are higher by `help`; cut down to multiples of 1 / steps there are ties.
inline std::vector<double> scores_for(const classes& true_classes, std::int64_t columns, std::uint64_t seed,
                                      double help, double steps) {
  const auto width = static_cast<std::size_t>(std::max<std::int64_t>(columns, 1));
  std::vector<double> out = noise_values<double>(static_cast<std::int64_t>(true_classes.size() * width), seed);
  for (std::size_t i = 0; i < out.size(); ++i) {
    if (true_classes[i / width] == (columns == 0 ? 1 : static_cast<std::int64_t>(i % width))) out[i] += help;
    if (steps > 0) out[i] = std::floor(out[i] * steps) / steps;
  }
  return out;
}

// Metric M of scores (N,) in T is what the naive function says, for many or few rows and ties.
template <class M, class T>
void check_ranking(double (*naive)(const std::vector<double>&, const classes&, std::int64_t)) {
  for (const std::int64_t rows : {2, 3, 10, 77})
    for (const double steps : {0.0, 2.0, 16.0}) {
      INFO(rows, " rows in steps of 1 / ", steps);
      classes y = made_up_classes(rows, [](std::uint64_t n) { return n % 2; });
      y[0] = 0, y[1] = 1;
      const std::vector<double> exact = scores_for(y, 0, static_cast<std::uint64_t>(rows), 0.25, steps);
      const inlay::tensor<T> scores = inlay::from<double>({rows}, exact).template cast<T>();
      M m;
      m.update(scores, inlay::from<std::int64_t>({rows}, y));
      const std::vector<double> rounded(scores.values().begin(), scores.values().end());
      CHECK(m.value() == doctest::Approx(naive(rounded, y, 1)).epsilon(1e-13));
    }
}

}  // namespace support
