// Batch normalisation: y = (x - mean) / sqrt(variance + epsilon) * weight + bias for each channel.
// x (N, features) or (N, features, …) -> y of the same shape.  Ioffe and Szegedy, Batch Normalization, 2015.
// On a tape in mode train, mean and variance are those of the batch, and the running values are moved towards them when
// the tape applies its statistics; of several batches before that, the last one counts. Everywhere else the running
// values are used: a tape in mode infer is how to train on with statistics that stay. Freezing weights does not do it.
#pragma once

#include "../autograd/members.hpp"
#include "../ops/batch_norm.hpp"

namespace inlay::inline v0_1::nn {

struct batch_norm_config {
  std::int64_t features = 0;  // channels: size of the second axis; required
  double epsilon = 1e-5;      // keeps the root away from 0
  double momentum = 0.1;      // running = (1 - momentum) running + momentum new
  bool affine = true;         // with weight and bias
};

template <floating T = float> class batch_norm {
 public:
  // Throws value_error when the size is missing.
  explicit batch_norm(const batch_norm_config& config) : epsilon_(config.epsilon), momentum_(config.momentum) {
    if (config.features < 1)
      throw value_error("batch_norm", {"expected .features of 1 or more, got ", config.features});
    const shape sizes{config.features};
    if (config.affine) {
      weight = parameter<T>(sizes, distribution::constant(1));
      bias = parameter<T>(sizes, distribution::constant(0));
    }
    running_mean = buffer<T>(zeros<T>(sizes));
    running_var = buffer<T>(ones<T>(sizes));
  }

  // Throws shape_error when the second axis of x is not `features`, value_error when a channel has less than two values
  // to train on.
  auto operator()(const auto& x) const {
    const std::int64_t channels = running_mean.dim(0);
    if (x.rank() < 2 || x.dim(1) != channels) [[unlikely]]
      throw shape_error("batch_norm", {"expected input (N, ", channels, ", …), got ", x.shape()});
    if constexpr (inlay::detail::is_variable<std::remove_cvref_t<decltype(x)>>)
      if (x.tape() && x.tape()->mode == autograd::mode::train) return normalised_by_batch(x);
    return inlay::batch_norm(x, weight, bias, running_mean, running_var, {.epsilon = epsilon_});
  }

  static void members(auto& self, auto&& visit) {
    visit("weight", self.weight);
    visit("bias", self.bias);
    visit("running_mean", self.running_mean);
    visit("running_var", self.running_var);
  }

  parameter<T> weight, bias;
  buffer<T> running_mean, running_var;

 private:
  variable<T> normalised_by_batch(const variable<T>& x) const {
    const std::int64_t count = x.size() / x.dim(1);
    if (count < 2) [[unlikely]]
      throw value_error("batch_norm", {"expected at least 2 values per channel to train on, got ", x.shape()});
    channel_moments<T> batch;
    variable<T> y = apply(batch_norm_training_op<T>(epsilon_, &batch), x, weight, bias);
    const double unbiased = static_cast<double>(count) / static_cast<double>(count - 1);
    queue(x, running_mean, batch.mean, momentum_);
    queue(x, running_var, batch.variance, momentum_ * unbiased);
    return y;
  }

  void queue(const variable<T>& x, const buffer<T>& running, const tensor<T>& seen, double share) const {
    running.queue(x, inlay::detail::zip_same(kernels::blend{1 - momentum_, share}, running.value(), seen));
  }

  double epsilon_, momentum_;
};

}  // namespace inlay::inline v0_1::nn
