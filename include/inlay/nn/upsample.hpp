// Interpolation of the spatial axes as a layer: nn::upsample{{.scale_factor = {2}}}.  x (N, C, in…) -> y (N, C, out…)
#pragma once

#include "../autograd/members.hpp"
#include "../ops/resample.hpp"

namespace inlay::inline v0_1::nn {

class upsample {
 public:
  explicit upsample(interpolate_options config) : config_(std::move(config)) {}
  auto operator()(const auto& x) const { return interpolate(x, config_); }
  static void members(auto&, auto&&) {}

 private:
  interpolate_options config_;
};

}  // namespace inlay::inline v0_1::nn
