// Group normalisation: mean and variance of the channels of a group, over all places of one sample; and instance
// normalisation, where each channel is a group.  x (N, channels, …) -> y of the same shape.
// Wu and He, Group Normalization, 2018; Ulyanov, Vedaldi and Lempitsky, Instance Normalization, 2016.
#pragma once

#include "../autograd/members.hpp"
#include "../ops/group_norm.hpp"

namespace inlay::inline v0_1::nn {

struct group_norm_config {
  std::int64_t groups = 0;    // required
  std::int64_t channels = 0;  // required; a multiple of the groups
  double epsilon = 1e-5;      // keeps the root away from 0
  bool affine = true;         // with weight and bias
};

template <floating T = float> class group_norm {
 public:
  // Throws value_error when a size is missing or does not fit.
  explicit group_norm(const group_norm_config& config) : groups_(config.groups), epsilon_(config.epsilon) {
    if (config.groups < 1 || config.channels < 1 || config.channels % config.groups != 0)
      throw value_error("group_norm",
                        {"expected .groups that divides .channels, got ", config.groups, " and ", config.channels});
    if (!config.affine) return;
    weight = parameter<T>(shape{config.channels}, distribution::constant(1));
    bias = parameter<T>(shape{config.channels}, distribution::constant(0));
  }

  // Throws shape_error when x does not have the channels.
  auto operator()(const auto& x) const { return inlay::group_norm(x, groups_, weight, bias, {.epsilon = epsilon_}); }

  static void members(auto& self, auto&& visit) {
    visit("weight", self.weight);
    visit("bias", self.bias);
  }

  parameter<T> weight, bias;

 private:
  std::int64_t groups_;
  double epsilon_;
};

struct instance_norm_config {
  std::int64_t channels = 0;  // required
  double epsilon = 1e-5;
  bool affine = false;
};

template <floating T = float> class instance_norm : public group_norm<T> {
 public:
  explicit instance_norm(const instance_norm_config& config)
      : group_norm<T>({config.channels, config.channels, config.epsilon, config.affine}) {}
};

}  // namespace inlay::inline v0_1::nn
