// Pooling layers with a given output size, and pooling of whole planes.  x (N, C, …) -> y (N, C, out…), or (N, C)
#pragma once

#include "../autograd/members.hpp"
#include "../ops/adaptive_pool.hpp"

namespace inlay::inline v0_1::nn {

template <int Axes> struct adaptive_pool_config {
  extents<Axes> out = 0;  // one size for all axes, or one for each; required
};

template <int Axes> class adaptive_avg_pool {
 public:
  explicit adaptive_avg_pool(const adaptive_pool_config<Axes>& config) : out_(config.out) {}
  auto operator()(const auto& x) const { return inlay::detail::adaptive_avg<Axes>("adaptive_avg_pool", x, out_); }
  static void members(auto&, auto&&) {}

 private:
  extents<Axes> out_;
};

template <int Axes> class adaptive_max_pool {
 public:
  explicit adaptive_max_pool(const adaptive_pool_config<Axes>& config) : out_(config.out) {}
  auto operator()(const auto& x) const { return inlay::detail::adaptive_max<Axes>("adaptive_max_pool", x, out_); }
  static void members(auto&, auto&&) {}

 private:
  extents<Axes> out_;
};

using adaptive_avg_pool1d = adaptive_avg_pool<1>;
using adaptive_avg_pool2d = adaptive_avg_pool<2>;
using adaptive_avg_pool3d = adaptive_avg_pool<3>;
using adaptive_max_pool1d = adaptive_max_pool<1>;
using adaptive_max_pool2d = adaptive_max_pool<2>;
using adaptive_max_pool3d = adaptive_max_pool<3>;

struct global_avg_pool {
  auto operator()(const auto& x) const { return inlay::global_avg_pool(x); }
  static void members(auto&, auto&&) {}
};
struct global_max_pool {
  auto operator()(const auto& x) const { return inlay::global_max_pool(x); }
  static void members(auto&, auto&&) {}
};

}  // namespace inlay::inline v0_1::nn
