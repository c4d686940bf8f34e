// Shows: parallel loops that leave OpenMP's settings alone
// Parallel loops cover their range once, carry exceptions out, obey scopes, leave OpenMP's settings and give its
// threads back. Everything holds without OpenMP too.
#include <inlay/core/threads.hpp>

#include <doctest/doctest.h>

#include <chrono>
#include <fstream>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "support.hpp"

using namespace inlay;

namespace {

int with_openmp(int threads) { return detail::has_openmp ? threads : 1; }

// The ranges a loop was cut into, in order.
std::vector<std::pair<std::int64_t, std::int64_t>> ranges(std::int64_t count, std::int64_t grain) {
  std::mutex lock;
  std::set<std::pair<std::int64_t, std::int64_t>> seen;
  parallel_for(count, grain, [&](std::int64_t first, std::int64_t last) {
    const std::scoped_lock held(lock);
    seen.emplace(first, last);
  });
  return {seen.begin(), seen.end()};
}

#if defined(_OPENMP) && defined(__linux__)
int threads_of_this_process() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("Threads:")) return std::stoi(line.substr(8));
  return 0;
}
#endif

}  // namespace

TEST_CASE("parallel_for: covers each index once, in parts no smaller than the grain") {
  support::for_each_thread_count([](int threads) {
    for (const std::int64_t count : {-5, 0, 1, 2, 3, 7, 8, 100, 1001})
      for (const std::int64_t grain : {0, 1, 3, 50, 10000}) {
        INFO("count ", count, " grain ", grain);
        std::int64_t end = 0;
        bool gapless = true, large_enough = true;
        const auto parts = ranges(count, grain);
        for (const auto& [first, last] : parts) {
          gapless = gapless && first == end && last > first;
          large_enough = large_enough && (parts.size() == 1 || last - first >= grain);
          end = last;
        }
        CHECK(gapless);
        CHECK(large_enough);
        CHECK(end == std::max<std::int64_t>(count, 0));
        CHECK(static_cast<int>(parts.size()) <= with_openmp(threads));
      }
    CHECK(static_cast<int>(ranges(1000, 1).size()) == with_openmp(threads));
  });
}

TEST_CASE("parallel_for: small work stays on the caller's thread") {
  const thread_scope four(4);
  bool here = false;
  parallel_for(19, 10, [&, caller = std::this_thread::get_id()](std::int64_t, std::int64_t) {
    here = std::this_thread::get_id() == caller;
  });
  CHECK(here);
}

TEST_CASE("thread_scope: nests, is this thread's own, and refuses nonsense") {
  const int outside = thread_count();
  CHECK(outside >= 1);
  {
    const thread_scope three(3);
    CHECK(thread_count() == with_openmp(3));
    {
      const thread_scope one(1);
      CHECK(thread_count() == 1);
    }
    CHECK(thread_count() == with_openmp(3));
    int elsewhere = 0;
    std::thread([&] { elsewhere = thread_count(); }).join();
    CHECK(elsewhere == outside);
    for (const int wrong : {0, -1}) CHECK_THROWS_AS(thread_scope{wrong}, value_error);
    CHECK(thread_count() == with_openmp(3));
  }
  CHECK(thread_count() == outside);
}

TEST_CASE("parallel_for: loops inside loops run where they are, at the level the caller forced") {
  const thread_scope four(4);
  const isa_scope plain(isa::plain);
  std::atomic<int> covered = 0, moved = 0, counted = 0, level = 0;
  parallel_for(8, 1, [&](std::int64_t first, std::int64_t last) {
    level += active_isa() == isa::plain;
    counted += detail::has_openmp ? thread_count() : 1;
    for (std::int64_t i = first; i < last; ++i)
      parallel_for(10, 1, [&, outer = std::this_thread::get_id()](std::int64_t from, std::int64_t to) {
        covered += static_cast<int>(to - from);
        moved += std::this_thread::get_id() != outer;
      });
  });
  CHECK(covered == 80);
  CHECK(moved == 0);
  CHECK(counted == with_openmp(4));
  CHECK(level == with_openmp(4));
}

TEST_CASE("parallel_for: exceptions reach the caller, from whichever thread") {
  support::for_each_thread_count([](int) {
    for (const std::int64_t thrower : {0, 50, 99}) {
      std::string caught;
      try {
        parallel_for(100, 1, [&](std::int64_t first, std::int64_t last) {
          if (first <= thrower && thrower < last) throw value_error("body", {"index ", thrower});
        });
      } catch (const value_error& e) {
        caught = e.what();
      }
      CHECK(caught == "[body] index " + std::to_string(thrower));
    }
    CHECK_THROWS_AS(parallel_for(100, 1, [](std::int64_t, std::int64_t) { throw shape_error("body", {"all"}); }),
                    shape_error);
    CHECK(ranges(100, 1).back().second == 100);  // and the next loop works
  });
}

#ifdef _OPENMP
TEST_CASE("threads: no setting of OpenMP is changed") {
  const auto settings = [] {
    omp_sched_t kind;
    int chunk;
    omp_get_schedule(&kind, &chunk);
    return std::vector<int>{omp_get_max_threads(),  omp_get_dynamic(),      omp_get_max_active_levels(),
                            omp_get_thread_limit(), static_cast<int>(kind), chunk,
                            omp_in_parallel()};
  };
  const auto before = settings();
  {
    const thread_scope three(3);
    ranges(100, 1);
    CHECK(settings() == before);
  }
  const int most = omp_get_max_threads();
  omp_set_num_threads(3);  // the host's own setting counts where no scope is
  omp_set_schedule(omp_sched_guided, 7);
  const auto chosen = settings();
  CHECK(thread_count() == 3);
  CHECK(ranges(100, 1).size() == 3);
  if (!support::sanitized) release_threads();
  CHECK(settings() == chosen);
  CHECK(ranges(100, 1).size() == 3);
  omp_set_num_threads(most);
  omp_set_schedule(omp_sched_static, 0);
}

#ifdef __linux__
// LLVM's runtime leaks when it starts anew, and ThreadSanitizer no longer sees its barriers.
TEST_CASE("release_threads: the pool's threads end, and come back when needed" * doctest::skip(support::sanitized)) {
  release_threads();
  const auto settled = [](int expected) {  // an ended thread is counted a little longer
    for (int i = 0; i < 2000 && threads_of_this_process() > expected; ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    return threads_of_this_process();
  };
  const int before = settled(1);
  for (int round = 0; round < 2; ++round) {
    const thread_scope four(4);
    CHECK(ranges(100, 1).size() == 4);
    CHECK(threads_of_this_process() >= before + 3);
    release_threads();
    CHECK(settled(before) == before);
  }
}
#endif
#endif
