// Shows: pooled memory, none asked of the system once warm
// The pool: a warm program asks the system for nothing, whatever thread frees a block; limits and trim are obeyed.
#include <inlay/core/pool.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <mutex>
#include <thread>
#include <vector>

#include <inlay/core/tensor.hpp>

#include "support.hpp"

using namespace inlay;
using detail::pool;

namespace {

std::uint64_t allocations() { return memory::stats().allocations; }
std::size_t reserved() { return memory::stats().reserved; }

void on_another_thread(auto&& f) { std::thread(f).join(); }

std::vector<detail::block*> take(int count, std::size_t bytes) {
  std::vector<detail::block*> out;
  for (int i = 0; i < count; ++i) out.push_back(pool::take(bytes));
  return out;
}
void give(const std::vector<detail::block*>& blocks) {
  for (detail::block* b : blocks) pool::give(b);
}

struct cache_limit {
  explicit cache_limit(std::size_t bytes) { memory::set_cache_limit(bytes); }
  ~cache_limit() { memory::set_cache_limit(std::size_t{1} << 30); }
};

}  // namespace

TEST_CASE("pool: size classes grow with the size, hold it and waste little") {
  bool monotone = true, enough = true, tight = true;
  int before = 0;
  for (std::size_t bytes = 1; bytes <= (std::size_t{4} << 20); ++bytes) {
    const int size_class = detail::size_class_of(bytes);
    const std::size_t held = detail::bytes_of_class(size_class);
    monotone = monotone && size_class >= before && size_class <= before + 1;
    enough = enough && held >= bytes;
    tight = tight && held - bytes < 64 + held / 5;
    before = size_class;
  }
  CHECK(monotone);
  CHECK(enough);
  CHECK(tight);
  CHECK(detail::size_class_of(0) == 0);
  for (int c = 0; c < detail::size_classes; ++c) {
    INFO("class ", c);
    CHECK(detail::size_class_of(detail::bytes_of_class(c)) == c);
    if (c + 1 < detail::size_classes) CHECK(detail::size_class_of(detail::bytes_of_class(c) + 1) == c + 1);
  }
  static_assert(detail::size_classes <= 256);
}

TEST_CASE("pool: blocks are 64-byte aligned, apart and writable to the end") {
  for (const std::size_t bytes : {1u, 63u, 64u, 65u, 257u, 4096u, 100000u}) {
    const auto blocks = take(3, bytes);
    for (std::size_t i = 0; i < blocks.size(); ++i) std::memset(blocks[i]->bytes, static_cast<int>(i) + 1, bytes);
    for (std::size_t i = 0; i < blocks.size(); ++i) {
      CHECK(reinterpret_cast<std::uintptr_t>(blocks[i]->bytes) % 64 == 0);
      CHECK(blocks[i]->references == 1);
      CHECK(blocks[i]->bytes[0] == static_cast<std::byte>(i + 1));
      CHECK(blocks[i]->bytes[bytes - 1] == static_cast<std::byte>(i + 1));
    }
    give(blocks);
  }
}

TEST_CASE("pool: a warm loop asks the system for nothing") {
  const auto step = [] {
    std::vector<tensor<float>> kept;
    for (std::int64_t n = 1; n < 5000; n = n * 3 / 2 + 1) {
      kept.emplace_back(shape{n});
      tensor<double> passing(shape{n, 3});
      if (n % 2 == 0) kept.pop_back();
    }
  };
  step();
  const auto before = memory::stats();
  for (int i = 0; i < 50; ++i) step();
  CHECK(allocations() == before.allocations);
  CHECK(reserved() == before.reserved);
}

TEST_CASE("pool: sizes that no memory holds throw before anything is asked for") {
  const std::uint64_t before = allocations();
  for (const std::size_t bytes : {(std::size_t{1} << 59) + 1, std::size_t{1} << 63, ~std::size_t{0}, ~std::size_t{62}})
    CHECK_THROWS_AS(pool::take(bytes), memory_error);
  CHECK(allocations() == before);
  if constexpr (!support::sanitized) {  // a sanitizer ends the program where the system would say no
    CHECK_THROWS_AS(pool::take(std::size_t{1} << 58), memory_error);
    CHECK_THROWS_AS(tensor<double>(shape{std::int64_t{1} << 56}), memory_error);
    CHECK(allocations() == before);
  }
}

TEST_CASE("pool: blocks freed on another thread come home") {
  auto blocks = take(20, 5000);
  on_another_thread([&] { give(blocks); });
  const std::uint64_t before = allocations();
  auto again = take(20, 5000);
  CHECK(allocations() == before);
  std::sort(blocks.begin(), blocks.end());
  std::sort(again.begin(), again.end());
  CHECK(blocks == again);
  give(again);
}

TEST_CASE("pool: blocks of threads that ended are used again") {
  memory::trim();
  std::vector<detail::block*> outlive;
  on_another_thread([&] {
    give(take(10, 7000));
    outlive = take(5, 7000);  // five of the ten
  });
  const std::uint64_t before = allocations();
  auto blocks = take(5, 7000);
  CHECK(allocations() == before);
  give(outlive);  // freed here, though their thread is gone: they wait for whoever comes next
  on_another_thread([&] { give(take(5, 7000)); });
  CHECK(allocations() == before);
  give(blocks);
}

TEST_CASE("pool: a limit of 0 gives every block back at once") {
  memory::trim();
  const std::size_t before = reserved();
  {
    const cache_limit none(0);
    give(take(4, 3000));
    CHECK(reserved() == before);
    auto blocks = take(4, 3000);
    CHECK(reserved() >= before + 4 * 3000);
    on_another_thread([&] { give(blocks); });
    blocks = take(1, 100);  // looks at what came home, and gives it back
    give(blocks);
    CHECK(reserved() == before);
  }
  give(take(4, 3000));
  CHECK(reserved() > before);
}

TEST_CASE("pool: the limit counts free bytes, trim frees them and leaves what is in use") {
  memory::trim();
  const std::size_t before = reserved();
  {
    const cache_limit some(10 * 4096);
    give(take(100, 4096));
    CHECK(reserved() - before <= 10 * (4096 + sizeof(detail::block)));
    CHECK(reserved() > before);
  }
  const auto used = take(2, 4096);
  on_another_thread([] { give(take(50, 4096)); });
  memory::trim();
  CHECK(reserved() == before + 2 * (4096 + sizeof(detail::block)));
  std::memset(used[1]->bytes, 1, 4096);
  give(used);
  memory::trim();
  CHECK(reserved() == before);
}

TEST_CASE("pool: a block that was pinned is not when it is used again") {
  tensor<float> pinned(shape{1000});
  const float* memory = pinned.data();
  pinned = {};
  const tensor<float> next(shape{1000});
  REQUIRE(next.data() == memory);
  const tensor<float> copy = next;
  CHECK(copy.shares_memory_with(next));
}

TEST_CASE("pool: tensors live and die in destructors of an ending thread") {
  struct late {
    tensor<float> held;
    std::vector<tensor<float>>* sink = nullptr;
    ~late() {
      tensor<float> passing(shape{300}, 2.0f);
      if (sink != nullptr) sink->push_back(passing);
    }
  };
  std::vector<tensor<float>> sink;
  on_another_thread([&] {
    thread_local late last;  // older than the thread's pool, so it dies after it
    last.sink = &sink;
    last.held = tensor<float>(shape{200});
  });
  REQUIRE(sink.size() == 1);
  CHECK(std::as_const(sink[0])(299) == 2.0f);
}

TEST_CASE("pool: tensors go round between threads, some of which end") {
  constexpr int places = 3, rounds = 4;
  const int turns = support::sanitized ? 300 : 2000;
  struct {
    std::mutex lock;
    tensor<std::int64_t> content{shape{64}};
  } mailbox[places];
  std::atomic<bool> torn = false;
  const auto work = [&](int start) {
    for (int i = 0; i < turns; ++i) {
      auto& from = mailbox[(start + i) % places];
      auto& to = mailbox[(start + 2 * i + 1) % places];
      tensor<std::int64_t> mine;
      {
        const std::scoped_lock held(from.lock);
        mine = from.content;  // shared
      }
      const std::int64_t number = std::as_const(mine)(0) + 1;
      for (const std::int64_t value : mine.values())
        if (value != number - 1) torn = true;
      mine.write([&](std::span<std::int64_t> values) { std::fill(values.begin(), values.end(), number); });
      const std::scoped_lock held(to.lock);
      to.content = std::move(mine);
    }
  };
  for (int round = 0; round < rounds; ++round) {
    std::vector<std::thread> threads;
    for (int t = 0; t < places; ++t) threads.emplace_back(work, t);
    for (std::thread& t : threads) t.join();
  }
  CHECK_FALSE(torn);
}
