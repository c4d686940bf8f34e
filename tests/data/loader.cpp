// Shows: a shuffling loader with prefetching threads
// The loader: the same batches in the same order however many threads prepare them; an epoch can be left, can fail, and
// takes its threads with it; a warm batch costs no memory.
#include <inlay/data/loader.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <fstream>
#include <limits>
#include <memory>
#include <mutex>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#ifdef __linux__
#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>
#endif

#include "allocations.hpp"
#include "support.hpp"

using namespace inlay;

namespace {

using list = std::vector<std::int64_t>;
using batches = std::vector<list>;

constexpr int worker_counts[] = {0, 1, 2, 4};

data::tensor_dataset<float, std::int64_t> numbered(std::int64_t size) {
  tensor<float> x({size, 3});
  tensor<std::int64_t> y(shape{size});
  x.write([](std::span<float> to) {
    for (std::size_t i = 0; i < to.size(); ++i) to[i] = static_cast<float>(i / 3);
  });
  y.write([](std::span<std::int64_t> to) {
    for (std::size_t i = 0; i < to.size(); ++i) to[i] = static_cast<std::int64_t>(i);
  });
  return {x, y};
}

// The rows of one epoch, batch by batch; inputs must belong to their targets.
template <class Loader> batches epoch_of(Loader& loader) {
  batches out;
  bool aligned = true;
  for (const auto& batch : loader) {
    out.emplace_back(batch.y.values().begin(), batch.y.values().end());
    for (std::int64_t i = 0; i < batch.y.size(); ++i)
      aligned = aligned && batch.x(i, 2) == static_cast<float>(batch.y(i));
  }
  CHECK(aligned);
  return out;
}

// A dataset of row numbers, with something to do before each batch is made.
template <class F> struct hooked {
  std::int64_t count;
  F before;
  std::int64_t size() const { return count; }
  tensor<std::int64_t> batch(std::span<const std::int64_t> rows) const {
    before(rows);
    return from<std::int64_t>({static_cast<std::int64_t>(rows.size())}, rows);
  }
};
template <class F> hooked(std::int64_t, F) -> hooked<F>;

#ifdef __linux__
// A joined thread may be seen for a moment more.
bool all_ended(const std::set<int>& threads) {
  for (int wait = 0; wait < 1000; ++wait) {
    if (std::none_of(threads.begin(), threads.end(),
                     [](int id) { return ::access(("/proc/self/task/" + std::to_string(id)).c_str(), F_OK) == 0; }))
      return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return false;
}
#endif

}  // namespace

TEST_CASE("loader: batches in the order of the samples") {
  const struct {
    std::int64_t size, batch_size;
    bool drop_last;
    batches expected;
  } table[] = {
      {7, 3, false, {{0, 1, 2}, {3, 4, 5}, {6}}},
      {7, 3, true, {{0, 1, 2}, {3, 4, 5}}},
      {6, 3, false, {{0, 1, 2}, {3, 4, 5}}},
      {6, 3, true, {{0, 1, 2}, {3, 4, 5}}},
      {2, 3, false, {{0, 1}}},
      {2, 3, true, {}},
      {0, 3, false, {}},
      {0, 3, true, {}},
      {3, 1, true, {{0}, {1}, {2}}},
      {3, std::numeric_limits<std::int64_t>::max(), false, {{0, 1, 2}}},
      {3, std::numeric_limits<std::int64_t>::max(), true, {}},
  };
  for (const auto& row : table)
    for (const int workers : worker_counts) {
      INFO(row.size, " by ", row.batch_size, " drop ", row.drop_last, " workers ", workers);
      data::loader loader{numbered(row.size),
                          {.batch_size = row.batch_size, .drop_last = row.drop_last, .workers = workers}};
      CHECK(loader.batches() == static_cast<std::int64_t>(row.expected.size()));
      for (int epoch = 0; epoch < 2; ++epoch) CHECK(epoch_of(loader) == row.expected);
      CHECK(loader.epochs() == 2);
    }
}

TEST_CASE("loader: a shuffled epoch has every sample once; seed and epoch decide the order, nothing else does") {
  const data::tensor_dataset source = numbered(103);
  std::set<batches> orders;
  for (const std::uint64_t seed : {7u, 8u}) {
    std::vector<batches> expected;
    for (const int workers : worker_counts) {
      INFO("seed ", seed, " workers ", workers);
      data::loader loader{source, {.batch_size = 10, .shuffle = true, .seed = seed, .workers = workers}};
      for (std::size_t epoch = 0; epoch < 3; ++epoch) {
        const batches got = epoch_of(loader);
        if (workers == 0) expected.push_back(got);
        CHECK(got == expected[epoch]);
        list rows;
        for (const list& batch : got) rows.insert(rows.end(), batch.begin(), batch.end());
        REQUIRE(rows.size() == 103);
        CHECK(got.back().size() == 3);
        std::sort(rows.begin(), rows.end());
        for (std::int64_t i = 0; i < 103; ++i) REQUIRE(rows[static_cast<std::size_t>(i)] == i);
      }
      CHECK(loader.epochs() == 3);
      loader.set_epochs(1);
      CHECK(epoch_of(loader) == expected[1]);
    }
    orders.insert(expected.begin(), expected.end());
  }
  CHECK(orders.size() == 6);

  data::loader whole{source, {.batch_size = 10, .shuffle = true, .seed = 7}};
  data::loader dropping{source, {.batch_size = 10, .shuffle = true, .seed = 7, .drop_last = true}};
  batches expected = epoch_of(whole);
  expected.pop_back();
  CHECK(epoch_of(dropping) == expected);
}

TEST_CASE("loader: settings that make no sense") {
  for (const data::loader_config& config :
       {data::loader_config{.batch_size = 0}, {.batch_size = -1}, {.workers = -1}}) {
    const std::string expected = "[loader] expected .batch_size of 1 or more and .workers of 0 or more, got " +
                                 std::to_string(config.batch_size) + " and " + std::to_string(config.workers);
    CHECK_THROWS_WITH_AS(data::loader(numbered(3), config), expected.c_str(), value_error);
  }
}

TEST_CASE("loader: batches may be moved from and outlive the epoch and its threads") {
  for (const int workers : worker_counts) {
    INFO("workers ", workers);
    std::vector<data::batch<float, std::int64_t>> kept;
    {
      data::loader loader{numbered(20), {.batch_size = 4, .workers = workers}};
      for (auto& batch : loader) kept.push_back(std::move(batch));
    }
    REQUIRE(kept.size() == 5);
    for (std::size_t i = 0; i < 5; ++i) {
      CHECK(kept[i].y(3) == static_cast<std::int64_t>(4 * i + 3));
      CHECK(kept[i].x(3, 0) == static_cast<float>(4 * i + 3));
    }
  }
}

TEST_CASE("loader: epochs that run side by side do not meet") {
  data::loader loader{numbered(20), {.batch_size = 4, .shuffle = true, .seed = 3, .workers = 2}};
  data::loader twin{loader.source(), {.batch_size = 4, .shuffle = true, .seed = 3}};
  const batches first = epoch_of(twin), second = epoch_of(twin);
  auto a = loader.begin(), b = loader.begin();
  for (std::size_t i = 0; i < 5; ++i) {
    REQUIRE(a != loader.end());
    CHECK(a->y(0) == first[i][0]);
    CHECK((*b).y(0) == second[i][0]);
    ++a;
    ++b;
  }
  CHECK(a == loader.end());
  CHECK(b == loader.end());
}

TEST_CASE("loader: an exception of the dataset appears at the batch that caused it; the ones after it can follow") {
  for (const int workers : worker_counts)
    for (const std::int64_t bad : {0, 1, 5, 9}) {
      INFO("workers ", workers, " bad ", bad);
      data::loader loader{hooked{20,
                                 [bad](std::span<const std::int64_t> rows) {
                                   if (rows[0] / 2 == bad) throw std::runtime_error("batch " + std::to_string(bad));
                                 }},
                          {.batch_size = 2, .workers = workers}};
      std::int64_t good = 0;
      std::string message;
      try {
        for (const auto& batch : loader) good += batch(0) == 2 * good;
      } catch (const std::runtime_error& e) {
        message = e.what();
      }
      CHECK(good == bad);
      CHECK(message == "batch " + std::to_string(bad));
      if (bad == 0) continue;
      auto it = loader.begin();
      list seen;
      for (std::int64_t i = 0; i < 10; ++i) {
        if (i != bad) seen.push_back((*it)(0) / 2);
        if (i + 1 == bad)
          CHECK_THROWS_AS(++it, std::runtime_error);
        else
          ++it;
      }
      CHECK(seen.size() == 9);
      CHECK(std::is_sorted(seen.begin(), seen.end()));
      CHECK(it == loader.end());
    }
}

TEST_CASE("loader: errors in many batches at once") {
  for (const int workers : worker_counts) {
    std::atomic<int> made{0};
    data::loader loader{hooked{1000,
                               [&](std::span<const std::int64_t>) {
                                 ++made;
                                 throw value_error("dataset", {"no"});
                               }},
                        {.batch_size = 1, .workers = workers}};
    for (int i = 0; i < 20; ++i) CHECK_THROWS_AS(loader.begin(), value_error);
    CHECK(made <= 20 * (1 + 3 * workers));
  }
}

TEST_CASE("loader: workers keep no more than two batches each ahead") {
  for (const int workers : worker_counts) {
    INFO("workers ", workers);
    std::atomic<int> made{0};
    data::loader loader{hooked{100000, [&](std::span<const std::int64_t>) { ++made; }},
                        {.batch_size = 10, .workers = workers}};
    for (int epoch = 0; epoch < 3; ++epoch) {
      made = 0;
      std::int64_t taken = 0;
      for (const auto& batch : loader) {
        CHECK(batch(0) == 10 * taken);
        if (++taken == 6) break;
      }
      CHECK(made >= 6);
      CHECK(made <= 6 + 2 * workers);
    }
  }
}

#ifdef __linux__
TEST_CASE("loader: threads are as many as asked for, and end with the epoch, wherever it is left") {
  const int here = ::gettid();
  for (const int workers : {1, 2, 4})
    for (const int leave_after : {1, 6, 1000}) {
      INFO("workers ", workers, " leave after ", leave_after);
      std::mutex lock;
      std::set<int> threads;
      const auto count = [&] {
        const std::lock_guard held(lock);
        threads.insert(::gettid());
        return static_cast<int>(threads.size());
      };
      data::loader loader{hooked{200,
                                 [&](std::span<const std::int64_t>) {
                                   while (count() < workers) std::this_thread::yield();
                                 }},
                          {.batch_size = 10, .workers = workers}};
      int taken = 0;
      for (const auto& batch : loader) {
        CHECK(batch.size() == 10);
        if (++taken == leave_after) break;
      }
      CHECK(static_cast<int>(threads.size()) == workers);
      CHECK_FALSE(threads.contains(here));
      CHECK(all_ended(threads));
    }
}
#endif

#ifdef __GLIBC__
TEST_CASE("loader: when the system has no thread left, the ones that started end and the error reaches the caller" *
          doctest::skip(support::sanitized)) {
  // Address space for two of the four stacks.
  constexpr std::size_t stack = std::size_t{1} << 30;
  std::size_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  pthread_attr_t usual, large;
  REQUIRE(::pthread_getattr_default_np(&usual) == 0);
  REQUIRE(::pthread_getattr_default_np(&large) == 0);
  ::pthread_attr_setstacksize(&large, stack);
  rlimit before{};
  ::getrlimit(RLIMIT_AS, &before);
  const rlimit limit{pages * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)) + stack * 5 / 2, before.rlim_max};
  data::loader loader{numbered(100), {.batch_size = 1, .workers = 4}};
  REQUIRE(::pthread_setattr_default_np(&large) == 0);
  REQUIRE(::setrlimit(RLIMIT_AS, &limit) == 0);
  bool thrown = false;
  try {
    loader.begin();
  } catch (const state_error&) {
    thrown = true;
  }
  ::setrlimit(RLIMIT_AS, &before);
  ::pthread_setattr_default_np(&usual);
  ::pthread_attr_destroy(&usual);
  ::pthread_attr_destroy(&large);
  CHECK(thrown);
  CHECK(epoch_of(loader).size() == 100);
}
#endif

TEST_CASE("loader: workers run the dataset with one thread at the caller's instruction set") {
  for (const int workers : worker_counts) {
    std::atomic<int> levels{0}, most_threads{0};
    data::loader loader{hooked{64,
                               [&](std::span<const std::int64_t>) {
                                 levels |= 1 << static_cast<int>(active_isa());
                                 if (thread_count() > most_threads) most_threads = thread_count();
                               }},
                        {.batch_size = 1, .workers = workers}};
    support::for_each_isa([&](isa level) {
      levels = 0;
      for (const auto& batch : loader) CHECK(batch.size() == 1);
      CHECK(levels == 1 << static_cast<int>(level));
    });
    if (workers > 0) CHECK(most_threads == 1);
  }
}

TEST_CASE("loader: a dataset that only moves on is enough, and its batches may be anything") {
  struct words {
    std::int64_t size() const { return 3; }
    std::unique_ptr<std::string> batch(std::span<const std::int64_t> rows) const {
      return std::make_unique<std::string>(rows.size(), 'x');
    }
  };
  for (const int workers : worker_counts) {
    std::string all;
    for (auto& batch : data::loader{words{}, {.batch_size = 2, .workers = workers}}) all += *batch + '.';
    CHECK(all == "xx.x.");
  }
}

TEST_CASE(
    "loader: memory asked of the system is bounded by the batches under way, not by their number nor the epochs'") {
  for (const int workers : worker_counts) {
    INFO("workers ", workers);
    data::loader loader{numbered(800), {.batch_size = 4, .shuffle = true, .workers = workers}};
    memory::trim();
    const std::uint64_t before = memory::stats().allocations;
    std::int64_t seen = 0;
    for (int epoch = 0; epoch < 20; ++epoch)
      for (const auto& batch : loader) seen += batch.y.size();
    CHECK(seen == 20 * 800);
    // Two tensors for each batch that one thread can have under way: made, waiting, at the caller; and the order.
    const std::uint64_t under_way = workers == 0 ? 2 : static_cast<std::uint64_t>(workers * (2 * workers + 2));
    CHECK(memory::stats().allocations - before <= 2 * under_way + 1);
  }
}

TEST_CASE("loader: a warm batch asks for nothing") {
  // The first batch of every thread waits for all the others and warms its pool by the most a thread can have under
  // way.
  static thread_local bool warm;
  struct warming {
    const data::tensor_dataset<float, std::int64_t>& source;
    std::atomic<int>& cold;
    int under_way;
    std::int64_t size() const { return source.size(); }
    data::batch<float, std::int64_t> batch(std::span<const std::int64_t> rows) const {
      if (!std::exchange(warm, true)) {
        std::vector<data::batch<float, std::int64_t>> held;
        for (int i = 0; i < under_way; ++i) held.push_back(source.batch(rows));
        --cold;
        while (cold > 0) std::this_thread::yield();
      }
      return source.batch(rows);
    }
  };
  const data::tensor_dataset source = numbered(4000);
  for (const int workers : worker_counts) {
    INFO("workers ", workers);
    warm = false;
    std::atomic<int> cold{std::max(workers, 1)};
    data::loader loader{warming{source, cold, 2 * workers + 2}, {.batch_size = 4, .shuffle = true, .workers = workers}};
    auto it = loader.begin();
    const support::allocation_watch watch;
    const std::uint64_t before = memory::stats().allocations;
    std::int64_t seen = 0;
    for (; it != loader.end(); ++it) ++seen;
    CHECK(watch.count() == 0);
    CHECK(memory::stats().allocations == before);
    CHECK(seen == 1000);
  }
}
