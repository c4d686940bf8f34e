// Flatten layer: axes first … last become one; by default all but the batch axis.
#pragma once

#include "../autograd/members.hpp"
#include "../ops/reshape.hpp"

namespace inlay::inline v0_1::nn {

struct flatten {
  std::int64_t first = 1, last = -1;
  auto operator()(const auto& x) const { return inlay::flatten(x, first, last); }
  static void members(auto&, auto&&) {}
};

}  // namespace inlay::inline v0_1::nn
