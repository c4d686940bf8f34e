// Pooling layers: nn::max_pool2d{{.kernel = 2}} and its kin over one, two or three axes.  x (N, C, …) -> y (N, C, …)
#pragma once

#include "../autograd/members.hpp"
#include "../ops/pool.hpp"

namespace inlay::inline v0_1::nn {

// A layer of an operation that has options and no weights.
template <class Op, class Config> class pool {
 public:
  explicit pool(const Config& config) : op_{config} {}

  auto operator()(const auto& x) const { return apply(op_, x); }
  static void members(auto&, auto&&) {}

 private:
  Op op_;
};

using max_pool1d = pool<max_pool_op<1>, pool_options<1>>;
using max_pool2d = pool<max_pool_op<2>, pool_options<2>>;
using max_pool3d = pool<max_pool_op<3>, pool_options<3>>;
using avg_pool1d = pool<avg_pool_op<1>, pool_options<1>>;
using avg_pool2d = pool<avg_pool_op<2>, pool_options<2>>;
using avg_pool3d = pool<avg_pool_op<3>, pool_options<3>>;

}  // namespace inlay::inline v0_1::nn
