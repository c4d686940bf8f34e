// Counts what a test binary asks of operator new, and lets it fail. It replaces operator new and delete, so one source
// per binary may include it. Under ThreadSanitizer, which has its own, nothing is counted and nothing fails.
#pragma once

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <new>

#if defined(__SANITIZE_THREAD__)
#define TESTS_COUNT_ALLOCATIONS 0
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define TESTS_COUNT_ALLOCATIONS 0
#endif
#endif
#ifndef TESTS_COUNT_ALLOCATIONS
#define TESTS_COUNT_ALLOCATIONS 1
#endif

namespace support {

inline constinit std::atomic<std::uint64_t> allocation_count{0};
inline constinit std::atomic<std::size_t> largest_allocation{0};
inline constinit thread_local std::uint64_t failing_allocation = 0;  // 1: the next, 0: none

// What was asked for, by any thread, since the object was made.
class allocation_watch {
 public:
  allocation_watch() noexcept { largest_allocation = 0; }
  std::uint64_t count() const noexcept { return allocation_count - before_; }
  std::size_t largest() const noexcept { return largest_allocation; }

 private:
  std::uint64_t before_ = allocation_count;
};

// The n-th allocation of this thread fails, counted from 1, unless the object goes before.
class allocation_failure {
 public:
  explicit allocation_failure(std::uint64_t n) noexcept { failing_allocation = n; }
  allocation_failure(const allocation_failure&) = delete;
  allocation_failure& operator=(const allocation_failure&) = delete;
  ~allocation_failure() { failing_allocation = 0; }
  bool happened() const noexcept { return failing_allocation == 0; }
};

#if TESTS_COUNT_ALLOCATIONS
[[gnu::noinline]] inline void* counted_memory(std::size_t bytes, std::size_t alignment) noexcept {
  allocation_count.fetch_add(1, std::memory_order_relaxed);
  std::size_t largest = largest_allocation.load(std::memory_order_relaxed);
  while (bytes > largest && !largest_allocation.compare_exchange_weak(largest, bytes, std::memory_order_relaxed)) {
  }
  if (bytes > SIZE_MAX - alignment) return nullptr;
  if (failing_allocation > 0 && --failing_allocation == 0) return nullptr;
  return alignment == 0 ? std::malloc(bytes)
                        : std::aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment);
}

[[gnu::noinline]] inline void free_memory(void* at) noexcept { std::free(at); }
#endif

}  // namespace support

#if TESTS_COUNT_ALLOCATIONS

void* operator new(std::size_t bytes) {
  void* at = support::counted_memory(bytes, 0);
  if (at == nullptr) throw std::bad_alloc();
  return at;
}
void* operator new(std::size_t bytes, std::align_val_t alignment) {
  void* at = support::counted_memory(bytes, static_cast<std::size_t>(alignment));
  if (at == nullptr) throw std::bad_alloc();
  return at;
}
void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept { return support::counted_memory(bytes, 0); }
void* operator new(std::size_t bytes, std::align_val_t alignment, const std::nothrow_t&) noexcept {
  return support::counted_memory(bytes, static_cast<std::size_t>(alignment));
}
void operator delete(void* at) noexcept { support::free_memory(at); }
void operator delete(void* at, std::size_t) noexcept { support::free_memory(at); }
void operator delete(void* at, std::align_val_t) noexcept { support::free_memory(at); }
void operator delete(void* at, std::size_t, std::align_val_t) noexcept { support::free_memory(at); }
#endif
