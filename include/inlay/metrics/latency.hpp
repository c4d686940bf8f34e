// Latencies as a histogram of 24 KB, however many there are. A bucket is 1/64 of a power of two wide, so a percentile
// is off by less than 1 %, from 1 ns to 36 hours; count, mean, shortest and longest are exact.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <limits>

#include "../core/tensor.hpp"

namespace inlay::inline v0_1::metrics {

// For one thread at a time; merge() brings several together.
class latency {
 public:
  // Throws value_error unless it is 0 seconds or more.
  void record(double seconds) {
    const auto bits = std::bit_cast<std::uint64_t>(seconds);  // a host may be compiled with -ffast-math
    if (bits >= std::bit_cast<std::uint64_t>(std::numeric_limits<double>::infinity()) && bits << 1 != 0)
      throw value_error("latency", {"expected 0 seconds or more, got ", seconds});
    ++buckets_[bucket_of(seconds)];
    min_ = count_ == 0 ? seconds : std::min(min_, seconds);
    max_ = std::max(max_, seconds);
    sum_ += seconds;
    ++count_;
  }
  // A std::chrono::duration, whose header is not needed here.
  template <class Duration>
  requires requires { Duration::period::den; }
  void record(const Duration& took) {
    record(static_cast<double>(took.count()) * static_cast<double>(Duration::period::num) /
           static_cast<double>(Duration::period::den));
  }

  // Adds what another meter recorded.
  void merge(const latency& other) noexcept {
    if (other.count_ == 0) return;
    for (std::size_t i = 0; i < buckets_.size(); ++i) buckets_[i] += other.buckets_[i];
    min_ = count_ == 0 ? other.min_ : std::min(min_, other.min_);
    max_ = std::max(max_, other.max_);
    sum_ += other.sum_;
    count_ += other.count_;
  }
  void reset() noexcept { *this = {}; }

  std::int64_t count() const noexcept { return count_; }

  // In seconds. These throw state_error before the first record().
  double mean() const { return checked().sum_ / static_cast<double>(count_); }
  double min() const { return checked().min_; }
  double max() const { return checked().max_; }
  double p50() const { return percentile(50); }
  double p90() const { return percentile(90); }
  double p99() const { return percentile(99); }

  // The shortest time that p percent of the latencies do not exceed. Throws value_error for a p not from 0 to 100.
  double percentile(double p) const {
    if (inlay::detail::is_nan(p) || p < 0 || p > 100)
      throw value_error("latency", {"expected a percentile from 0 to 100, got ", p});
    const double rank = p * static_cast<double>(checked().count_) / 100;
    if (rank <= 1) return min_;
    if (rank > static_cast<double>(count_ - 1)) return max_;
    std::size_t bucket = 0;
    for (std::int64_t seen = buckets_[0]; static_cast<double>(seen) < rank; seen += buckets_[bucket]) ++bucket;
    return std::clamp(middle_of(bucket), min_, max_);
  }

 private:
  // A bucket is what numbers of one exponent and the same first six bits behind it have in common.
  static constexpr int shift = std::numeric_limits<double>::digits - 1 - 6;
  static constexpr std::int64_t first = std::bit_cast<std::int64_t>(0x1p-30) >> shift;
  static constexpr std::int64_t last = (std::bit_cast<std::int64_t>(0x1p17) >> shift) - 1;

  static std::size_t bucket_of(double seconds) noexcept {
    return static_cast<std::size_t>(std::clamp(std::bit_cast<std::int64_t>(seconds) >> shift, first, last) - first);
  }
  static double middle_of(std::size_t bucket) noexcept {
    const std::int64_t low = (static_cast<std::int64_t>(bucket) + first) << shift;
    return std::bit_cast<double>(low + (std::int64_t{1} << (shift - 1)));
  }

  const latency& checked() const {
    if (count_ == 0) throw state_error("latency", {"expected a record() first, got none"});
    return *this;
  }

  std::array<std::int64_t, last - first + 1> buckets_{};
  std::int64_t count_ = 0;
  double sum_ = 0, min_ = 0, max_ = 0;
};

}  // namespace inlay::inline v0_1::metrics
