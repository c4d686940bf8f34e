// Parallel loops on OpenMP, or on the calling thread where there is none. No OpenMP setting of the host is changed.
// Work is cut by its shape alone and results never depend on the number of threads.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <exception>
#include <type_traits>
#include <utility>

#include "isa.hpp"

#ifdef _OPENMP
#include <omp.h>
#endif

namespace inlay::inline v0_1 {

namespace detail {

#ifdef _OPENMP
inline constexpr bool has_openmp = true;
#else
inline constexpr bool has_openmp = false;
#endif

inline constinit thread_local int forced_threads = 0;

// A reference to a callable void(first, last).
class range_ref {
 public:
  template <class F>
  INLAY_INLINE range_ref(F& f) noexcept
      : object_(const_cast<void*>(static_cast<const void*>(&f))), call_(&call<F>) {}
  void operator()(std::int64_t first, std::int64_t last) const { call_(object_, first, last); }

 private:
  template <class F> static void call(void* object, std::int64_t first, std::int64_t last) {
    (*static_cast<F*>(object))(first, last);
  }

  void* object_;
  void (*call_)(void*, std::int64_t, std::int64_t);
};

}  // namespace detail

// Number of threads a parallel loop started here may use: the innermost thread_scope, else OpenMP's own setting.
// 1 inside a parallel region: loops do not nest.
inline int thread_count() noexcept {
#ifdef _OPENMP
  if (omp_in_parallel()) return 1;
  return detail::forced_threads > 0 ? detail::forced_threads : omp_get_max_threads();
#else
  return 1;
#endif
}

// Sets the number of threads for loops started by this thread, for as long as the object lives. Throws value_error.
class thread_scope {
 public:
  explicit thread_scope(int count) : before_(detail::forced_threads) {
    if (count < 1) throw value_error("thread_scope", {"expected 1 thread or more, got ", count});
    detail::forced_threads = count;
  }
  ~thread_scope() { detail::forced_threads = before_; }
  thread_scope(const thread_scope&) = delete;
  thread_scope& operator=(const thread_scope&) = delete;

 private:
  int before_;
};

namespace detail {

// One region for the whole library. `Parallel` keeps the forms of units built with and without OpenMP apart.
template <bool Parallel> INLAY_OUTLINE void run_parallel(std::int64_t count, std::int64_t grain, range_ref body) {
  if (count <= 0) return;
  const std::int64_t most = count / std::max<std::int64_t>(grain, 1);
  const int threads = most <= 1 ? 1 : static_cast<int>(std::min<std::int64_t>(most, thread_count()));
  if (threads <= 1) return body(0, count);
#ifdef _OPENMP
  std::exception_ptr failure;
  std::atomic_flag failed;
  const int level = forced_isa;
#pragma omp parallel num_threads(threads)
  {
    const std::int64_t parts = omp_get_num_threads(), part = omp_get_thread_num();
    const int before = std::exchange(forced_isa, level);
    try {
      const std::int64_t first = count * part / parts, last = count * (part + 1) / parts;
      if (first < last) body(first, last);
    } catch (...) {
      if (!failed.test_and_set()) failure = std::current_exception();
    }
    forced_isa = before;
  }
  if (failure) std::rethrow_exception(failure);
#endif
}

}  // namespace detail

// Calls body(first, last) on disjoint ranges that cover [0, count). Each thread gets at least `grain` items: smaller
// work stays on the caller's thread. An exception of the body reaches the caller (the first one, when several throw).
template <class Body> INLAY_INLINE void parallel_for(std::int64_t count, std::int64_t grain, Body&& body) {
  detail::run_parallel<detail::has_openmp>(count, grain, body);
}

// Ends the idle threads that OpenMP keeps; the next parallel loop starts new ones. Not inside a parallel region.
inline void release_threads() noexcept {
#if defined(_OPENMP) && defined(KMP_VERSION_MAJOR)
  // LLVM's runtime ends its threads only in a hard pause, which forgets the settings of the host.
  omp_sched_t schedule;
  int chunk;
  omp_get_schedule(&schedule, &chunk);
  const int most = omp_get_max_threads(), dynamic = omp_get_dynamic(), levels = omp_get_max_active_levels();
  omp_pause_resource_all(omp_pause_hard);
  omp_set_num_threads(most);
  omp_set_dynamic(dynamic);
  omp_set_max_active_levels(levels);
  omp_set_schedule(schedule, chunk);
#elif defined(_OPENMP)
  omp_pause_resource_all(omp_pause_soft);
#endif
}

}  // namespace inlay::inline v0_1
