// What running a model costs: time, items per second, the spread of latencies, memory. One thread at a time may use a
// meter; merge() brings the latencies of several together.
#pragma once

#include <sys/resource.h>
#include <time.h>

#include <algorithm>

#include "latency.hpp"

namespace inlay::inline v0_1::metrics {

// Seconds on a clock that never jumps.
class stopwatch {
 public:
  stopwatch() noexcept : start_(now()) {}
  void restart() noexcept { start_ = now(); }
  double seconds() const noexcept { return static_cast<double>(now() - start_) * 1e-9; }

 private:
  static std::int64_t now() noexcept {
    timespec t{};
    ::clock_gettime(CLOCK_MONOTONIC, &t);
    return static_cast<std::int64_t>(t.tv_sec) * 1'000'000'000 + t.tv_nsec;
  }

  std::int64_t start_;  // nanoseconds
};

// Items per second, from start() to the last add().
class throughput {
 public:
  // Begins, or begins anew.
  void start() noexcept {
    items_ = 0, seconds_ = 0, running_ = true;
    clock_.restart();
  }

  // So many items more are done. Throws state_error before start(), and value_error for a negative number.
  void add(std::int64_t items) {
    if (!running_) throw state_error("throughput", {"expected start() first"});
    if (items < 0) throw value_error("throughput", {"expected 0 items or more, got ", items});
    items_ += items;
    seconds_ = std::max(clock_.seconds(), 1e-9);  // the clock may not have ticked
  }

  std::int64_t items() const noexcept { return items_; }
  double seconds() const noexcept { return seconds_; }

  // Throws state_error before the first add().
  double value() const {
    if (seconds_ == 0) throw state_error("throughput", {"expected start() and add() first"});
    return static_cast<double>(items_) / seconds_;
  }
  void reset() noexcept { *this = {}; }

 private:
  stopwatch clock_;
  std::int64_t items_ = 0;
  double seconds_ = 0;
  bool running_ = false;
};

// The most memory the process has held so far, in bytes of RAM (Linux).
INLAY_COLD inline std::int64_t peak_memory() noexcept {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return static_cast<std::int64_t>(usage.ru_maxrss) * 1024;
}

}  // namespace inlay::inline v0_1::metrics
