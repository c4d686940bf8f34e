// What tests share: every instruction-set level, thread counts, sizes round the register widths, guarded memory,
// made-up numbers that do not come from the library, comparisons.
#pragma once

#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include <inlay/core/threads.hpp>

namespace support {

#if defined(__has_feature)
inline constexpr bool address_sanitizer = __has_feature(address_sanitizer),
                      thread_sanitizer = __has_feature(thread_sanitizer);
#else
inline constexpr bool address_sanitizer = false, thread_sanitizer = false;
#endif
inline constexpr bool sanitized = address_sanitizer || thread_sanitizer;

// Sizes at which kernels change their way: nothing, one, and round one, two and four registers.
inline constexpr std::int64_t edge_sizes[] = {0, 1, 7, 8, 9, 15, 16, 17, 31, 33, 63, 65, 257};

// f(level), forced by an isa_scope, for every level this machine can run.
template <class F> void for_each_isa(F&& f) {
  for (const inlay::isa level : {inlay::isa::plain, inlay::isa::avx2, inlay::isa::avx512}) {
    if (level > inlay::highest_isa()) break;
    INFO("level ", std::string(inlay::name(level)));
    const inlay::isa_scope scope(level);
    f(level);
  }
}

// f(count) with loops allowed 1, 2 and 4 threads.
template <class F> void for_each_thread_count(F&& f) {
  for (const int count : {1, 2, 4}) {
    INFO("threads ", count);
    const inlay::thread_scope scope(count);
    f(count);
  }
}

// Memory for `count` elements at an address aligned for T only, between guards nobody may write. The guards are NaN
// in floating point, so that reading them shows as well.
template <class T> class guarded {
 public:
  explicit guarded(std::int64_t count, T fill = {}) : memory_(static_cast<std::size_t>(count) + 2 * guard, fill) {
    std::memset(static_cast<void*>(memory_.data()), 0xFF, guard * sizeof(T));
    std::memset(static_cast<void*>(memory_.data() + guard + count), 0xFF, guard * sizeof(T));
  }
  explicit guarded(std::span<const T> values) : guarded(static_cast<std::int64_t>(values.size())) {
    std::copy(values.begin(), values.end(), data());
  }

  T* data() noexcept { return memory_.data() + guard; }
  const T* data() const noexcept { return memory_.data() + guard; }
  T& operator[](std::int64_t i) noexcept { return data()[i]; }
  std::span<const T> values() const noexcept { return {data(), memory_.size() - 2 * guard}; }

  bool intact() const noexcept {
    const auto untouched = [](const T* from) {
      const auto* bytes = reinterpret_cast<const unsigned char*>(from);
      bool all = true;
      for (std::size_t i = 0; i < guard * sizeof(T); ++i) all = all && bytes[i] == 0xFF;
      return all;
    };
    return untouched(memory_.data()) && untouched(memory_.data() + memory_.size() - guard);
  }

 private:
  static constexpr std::size_t guard = 33;  // odd: the elements lie off every register boundary
  std::vector<T> memory_;
};

// A number below 2^64 that is different for every i and looks like noise (splitmix64).
constexpr std::uint64_t noise(std::uint64_t i) noexcept {
  i = (i + 1) * 0x9E3779B97F4A7C15u;
  i = (i ^ (i >> 30)) * 0xBF58476D1CE4E5B9u;
  i = (i ^ (i >> 27)) * 0x94D049BB133111EBu;
  return i ^ (i >> 31);
}

// Made-up values in [low, high].
template <class T>
std::vector<T> noise_values(std::int64_t count, std::uint64_t seed, double low = -1, double high = 1) {
  std::vector<T> out(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < out.size(); ++i)
    out[i] = static_cast<T>(low + (high - low) * static_cast<double>(noise(seed * 1000003 + i) >> 11) * 0x1p-53);
  return out;
}

template <class T> bool is_nan(T x) noexcept {
  using bits = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
  return (std::bit_cast<bits>(x) << 1) > (std::bit_cast<bits>(std::numeric_limits<T>::infinity()) << 1);
}

template <class T>
requires(std::is_trivially_copyable_v<T>) bool same_bits(T a, T b) noexcept {
  return std::memcmp(&a, &b, sizeof(T)) == 0;
}
template <class T> bool same_bits(std::span<const T> a, std::span<const T> b) noexcept {
  return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size_bytes()) == 0);
}

// |got - expected| in units of the last place that T has at `expected`, not below that of the smallest normal number.
// NaN matches NaN; an infinity counts as the power of two where T ends.
template <class T, class Reference> double ulps(T got, Reference expected) noexcept {
  using limits = std::numeric_limits<T>;
  constexpr double wrong = 1e30;
  if (is_nan(got) || std::isnan(expected)) return is_nan(got) && std::isnan(expected) ? 0 : wrong;
  if (std::abs(expected) >= std::scalbn(Reference{1}, limits::max_exponent))
    return std::isinf(got) && std::signbit(got) == std::signbit(expected) ? 0 : wrong;
  const Reference value = std::isinf(got)
                              ? std::copysign(std::scalbn(Reference{1}, limits::max_exponent), Reference{got})
                              : static_cast<Reference>(got);
  const int exponent = expected == 0 ? limits::min_exponent : std::ilogb(expected);
  const int lowest = limits::min_exponent - 1, highest = limits::max_exponent - 1;
  const Reference unit = std::scalbn(Reference{1}, std::min(std::max(exponent, lowest), highest) - limits::digits + 1);
  return static_cast<double>(std::abs(value - expected) / unit);
}

// The largest |got - expected| / max(1, |expected|); infinite when a NaN or an infinity is not where it should be.
template <class T, class Reference>
double difference(std::span<const T> got, const std::vector<Reference>& expected) noexcept {
  if (got.size() != expected.size()) return std::numeric_limits<double>::infinity();
  double worst = 0;
  for (std::size_t i = 0; i < got.size(); ++i) {
    const auto a = static_cast<double>(got[i]), b = static_cast<double>(expected[i]);
    if (is_nan(a) && is_nan(b)) continue;
    if (a == b) continue;
    const double relative = std::abs(a - b) / std::max(1.0, std::abs(b));
    if (!(relative <= worst)) worst = is_nan(relative) ? std::numeric_limits<double>::infinity() : relative;
  }
  return worst;
}

}  // namespace support
