// Loads two libraries built with different -m flags; tensors made by one on one thread are used and freed by the other on
// another thread, and both must multiply to the same bits.
#include <dlfcn.h>

#include <algorithm>
#include <thread>
#include <vector>

#include "library.h"

namespace {

library open(const char* path) {
  void* handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  return handle ? reinterpret_cast<library (*)()>(dlsym(handle, "inlay_test_library"))() : library{};
}

// Made and multiplied by `maker`, checked and freed by `user`, each on a thread of its own.
bool exchange(const library& maker, const library& user) {
  bool same = true;
  for (std::uint64_t round = 0; round < 20; ++round) {
    std::vector<inlay::tensor<float>> passed;
    std::thread([&] {
      for (std::uint64_t i = 0; i < 8; ++i) passed.push_back(maker.make(8 * round + i));
      passed.push_back(maker.multiply(passed[0], passed[1]));
    }).join();
    std::thread([&] {
      const auto again = user.multiply(user.make(8 * round), passed[1]);
      same = same && std::ranges::equal(again.values(), std::as_const(passed.back()).values());
      for (auto& x : passed) user.drop(std::move(x));
    }).join();
  }
  return same;
}

}  // namespace

int main(int, char** argv) {
  const library left = open(argv[1]), right = open(argv[2]);
  if (!left.make || !right.make) return 2;
  bool same = exchange(left, right) && exchange(right, left);

  std::thread both[] = {std::thread([&] { exchange(left, right); }), std::thread([&] { exchange(right, left); })};
  for (auto& thread : both) thread.join();
  return same ? 0 : 1;
}
