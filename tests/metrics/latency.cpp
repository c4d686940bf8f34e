// Shows: percentiles of latency
// latency: percentiles within 1 % of the sorted list, exact ends, merged meters, times of any size, what is refused.
#include <inlay/metrics/latency.hpp>

#include <doctest/doctest.h>

#include <chrono>
#include <cmath>
#include <vector>

#include "support.hpp"

using namespace inlay;
using namespace std::chrono_literals;

TEST_CASE("latency: percentiles within 1 % of those of the sorted list") {
  for (const std::int64_t count : {1, 2, 3, 10, 99, 1000, 20000}) {
    INFO(count, " latencies");
    metrics::latency m;
    std::vector<double> all;  // from 1 ns to 1000 s, as many in each power of ten
    for (const double power : support::noise_values<double>(count, 3, -9, 3)) all.push_back(std::pow(10, power));
    double sum = 0;
    for (const double seconds : all) {
      m.record(seconds);
      sum += seconds;
    }
    std::sort(all.begin(), all.end());
    CHECK(m.count() == count);
    CHECK(m.mean() == doctest::Approx(sum / static_cast<double>(count)).epsilon(1e-12));
    CHECK(m.min() == all.front());
    CHECK(m.max() == all.back());
    CHECK(m.percentile(0) == all.front());
    CHECK(m.percentile(100) == all.back());
    for (const double p : {0.1, 1.0, 10.0, 25.0, 50.0, 75.0, 90.0, 99.0, 99.9}) {
      const double rank = std::max(1.0, std::ceil(p * static_cast<double>(count) / 100));  // p percent are no longer
      const double expected = all[static_cast<std::size_t>(rank) - 1];
      CHECK(std::abs(m.percentile(p) - expected) <= 0.008 * expected);
    }
    CHECK(m.p50() == m.percentile(50));
    CHECK(m.p90() == m.percentile(90));
    CHECK(m.p99() == m.percentile(99));
  }
}

TEST_CASE("latency: durations of any unit") {
  metrics::latency m;
  m.record(250us);
  CHECK(m.max() == doctest::Approx(250e-6).epsilon(1e-15));
  CHECK(m.p50() == m.max());
  m.record(2min);
  CHECK(m.max() == 120);
  m.record(std::chrono::duration<float>(0.5f));
  m.record(std::chrono::steady_clock::duration(1));
  CHECK(m.count() == 4);
  CHECK(m.min() == doctest::Approx(1e-9));
}

TEST_CASE("latency: many are one when merged") {
  metrics::latency whole, parts, none;
  for (std::uint64_t part = 0; part < 4; ++part) {
    metrics::latency m;
    for (const double seconds : support::noise_values<double>(part == 2 ? 0 : 500, part, 0.001, 0.1)) {
      m.record(seconds);
      whole.record(seconds);
    }
    parts.merge(m);
  }
  parts.merge(none);
  CHECK(parts.count() == whole.count());
  CHECK(parts.mean() == doctest::Approx(whole.mean()).epsilon(1e-12));
  CHECK(parts.min() == whole.min());
  CHECK(parts.max() == whole.max());
  for (int p = 0; p <= 100; ++p) CHECK(parts.percentile(p) == whole.percentile(p));
  none.merge(parts);
  CHECK(none.min() == whole.min());
  none.merge(none);
  CHECK(none.count() == 2 * whole.count());
  CHECK(none.p90() == whole.p90());
}

TEST_CASE("latency: shorter and longer than it can tell apart") {
  metrics::latency m;
  for (const double seconds : {0.0, -0.0, 1e-300, 1e-12, 131072.0, 1e300}) m.record(seconds);
  CHECK(m.count() == 6);
  CHECK(m.min() == 0);
  CHECK(m.max() == 1e300);
  CHECK(m.percentile(50) < 1e-9);
  CHECK(m.percentile(80) == doctest::Approx(131072).epsilon(0.01));
}

TEST_CASE("latency: nothing seen, reset, and what is refused") {
  metrics::latency m;
  const char* nothing = "[latency] expected a record() first, got none";
  CHECK_THROWS_WITH_AS(m.mean(), nothing, state_error);
  CHECK_THROWS_WITH_AS(m.p99(), nothing, state_error);
  CHECK_THROWS_AS(m.min(), state_error);
  CHECK_THROWS_AS(m.max(), state_error);
  using limits = std::numeric_limits<double>;
  CHECK_THROWS_WITH_AS(m.record(-0.5), "[latency] expected 0 seconds or more, got -0.5", value_error);
  CHECK_THROWS_AS(m.record(limits::quiet_NaN()), value_error);
  CHECK_THROWS_AS(m.record(-limits::quiet_NaN()), value_error);
  CHECK_THROWS_AS(m.record(limits::infinity()), value_error);
  CHECK_THROWS_AS(m.record(-1ns), value_error);
  CHECK(m.count() == 0);
  m.record(1);
  CHECK_THROWS_WITH_AS(m.percentile(-1), "[latency] expected a percentile from 0 to 100, got -1", value_error);
  CHECK_THROWS_AS(m.percentile(100.5), value_error);
  CHECK_THROWS_AS(m.percentile(limits::quiet_NaN()), value_error);
  m.reset();
  CHECK_THROWS_AS(m.p50(), state_error);
  m.record(3);
  CHECK(m.p50() == 3);
  CHECK(m.min() == 3);
}
