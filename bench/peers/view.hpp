// An array of the caller's, as peers take it: row-major, borrowed for as long as the contestant lives.
#pragma once

#include <cstdint>
#include <vector>

#include "../contestant.hpp"

namespace bench {

struct view {
  std::vector<std::int64_t> sizes;
  const float* values = nullptr;

  std::int64_t size() const {
    std::int64_t out = 1;
    for (const std::int64_t s : sizes) out *= s;
    return out;
  }
};

// How a window moves over an image.
struct window {
  std::int64_t kernel, stride = 1, padding = 0, groups = 1;
};

}  // namespace bench
