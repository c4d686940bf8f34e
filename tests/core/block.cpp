// Shows: (who owns memory)
// Counted ownership of a block: shared by copies, handed on by moves, and a foreign owner is let go exactly once.
#include <inlay/core/block.hpp>

#include <doctest/doctest.h>

#include <thread>
#include <vector>

using namespace inlay;
using detail::block_ptr;

namespace {

// An owner that counts how often it was let go.
std::shared_ptr<const void> counting_owner(int& released) {
  return {&released, [](int* count) { ++*count; }};
}

}  // namespace

TEST_CASE("block_ptr: copies count, moves hand on") {
  const block_ptr nothing, zero = block_ptr::of_size(0);
  CHECK_FALSE(nothing);
  CHECK_FALSE(zero);
  block_ptr a = block_ptr::of_size(100);
  REQUIRE(a);
  CHECK(a.unique());
  CHECK_FALSE(a->foreign);
  block_ptr b = a;
  CHECK(a->references == 2);
  CHECK_FALSE(a.unique());
  block_ptr c = std::move(b);
  CHECK_FALSE(b);
  CHECK(&*c == &*a);
  CHECK(a->references == 2);
  block_ptr& same = c;
  c = same;
  CHECK(a->references == 2);
  c = std::move(same);
  CHECK(a->references == 2);
  c = block_ptr{};
  CHECK(a.unique());
  a = nothing;
  CHECK_FALSE(a);
}

TEST_CASE("block_ptr: foreign memory keeps its owner until the last copy goes") {
  int released = 0;
  float memory[4] = {1, 2, 3, 4};
  {
    const block_ptr read = block_ptr::foreign(memory, access::read, counting_owner(released));
    CHECK(read->foreign);
    CHECK(read->read_only);
    CHECK_FALSE(read->pinned);
    CHECK(read->bytes == reinterpret_cast<std::byte*>(memory));
    {
      const block_ptr other = read;
      CHECK(released == 0);
    }
    CHECK(released == 0);
  }
  CHECK(released == 1);
  {
    const block_ptr write = block_ptr::foreign(memory, access::write, counting_owner(released));
    CHECK(write->pinned);
    CHECK_FALSE(write->read_only);
  }
  CHECK(released == 2);
  CHECK(memory[3] == 4);
}

TEST_CASE("block_ptr: the last of many threads lets go, once") {
  for (int round = 0; round < 50; ++round) {
    int released = 0, memory = 0;
    block_ptr first = block_ptr::foreign(&memory, access::read, counting_owner(released));
    std::vector<std::thread> threads;
    for (int t = 0; t < 3; ++t)
      threads.emplace_back([mine = first] {
        for (int i = 0; i < 100; ++i) const block_ptr copy = mine;
      });
    first = block_ptr{};
    for (std::thread& t : threads) t.join();
    CHECK(released == 1);
  }
}
