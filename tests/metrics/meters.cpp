// Shows: throughput, peak memory
// stopwatch, throughput and peak_memory: against the clock of the standard library and memory that is really used.
#include <inlay/metrics/meters.hpp>

#include <doctest/doctest.h>

#include <chrono>
#include <vector>

using namespace inlay;

namespace {

using clock_type = std::chrono::steady_clock;

double seconds_since(clock_type::time_point start) {
  return std::chrono::duration<double>(clock_type::now() - start).count();
}

void spin(double seconds) {
  for (const auto start = clock_type::now(); seconds_since(start) < seconds;) {
  }
}

}  // namespace

TEST_CASE("stopwatch: between two readings of another clock") {
  const auto before = clock_type::now();
  metrics::stopwatch watch;
  const auto after = clock_type::now();
  spin(0.002);
  const double least = seconds_since(after), seconds = watch.seconds(), most = seconds_since(before);
  CHECK(seconds >= least - 1e-6);
  CHECK(seconds <= most + 1e-6);
  CHECK(watch.seconds() >= seconds);
  watch.restart();
  CHECK(watch.seconds() <= seconds_since(before) - seconds + 1e-6);
}

TEST_CASE("throughput: items per second up to the last add") {
  metrics::throughput m;
  const auto before = clock_type::now();
  m.start();
  const auto after = clock_type::now();
  m.add(30);
  spin(0.002);
  const double least = seconds_since(after);
  m.add(70);
  const double most = seconds_since(before), value = m.value();
  CHECK(m.items() == 100);
  CHECK(value <= 100 / (least - 1e-6));
  CHECK(value >= 100 / (most + 1e-6));
  CHECK(m.seconds() == doctest::Approx(100 / value));
  spin(0.001);
  CHECK(m.value() == value);  // what comes after the last item does not count
  m.start();
  CHECK(m.items() == 0);
  m.add(0);
  CHECK(m.value() == 0);
}

TEST_CASE("throughput: nothing seen, reset, and what is refused") {
  metrics::throughput m;
  CHECK_THROWS_WITH_AS(m.add(1), "[throughput] expected start() first", state_error);
  m.start();
  CHECK_THROWS_WITH_AS(m.value(), "[throughput] expected start() and add() first", state_error);
  CHECK_THROWS_WITH_AS(m.add(-1), "[throughput] expected 0 items or more, got -1", value_error);
  CHECK_THROWS_AS(m.value(), state_error);
  m.add(1);
  CHECK(m.value() > 0);
  m.reset();
  CHECK_THROWS_AS(m.value(), state_error);
  CHECK_THROWS_AS(m.add(1), state_error);
}

TEST_CASE("peak_memory: at least what is touched, and it never falls") {
  const std::int64_t before = metrics::peak_memory();
  CHECK(before > 100'000);
  std::int64_t during = 0;
  {
    const std::vector<char> touched(64 << 20, 1);
    during = metrics::peak_memory();
    CHECK(during >= 64 << 20);
    CHECK(touched.back() == 1);
  }
  CHECK(metrics::peak_memory() >= during);
  CHECK(during >= before);
}
