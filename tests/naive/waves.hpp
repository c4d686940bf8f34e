// Sine waves, which tests/golden/make.py makes as well, and what PyTorch gave for them against what an operation gives.
#pragma once

#include "tensors.hpp"

namespace naive {

inline inlay::tensor<double> sine(const inlay::shape& sizes, double step) {
  std::vector<double> values;
  for (std::int64_t i = 0; i < sizes.size(); ++i) values.push_back(std::sin(step * static_cast<double>(i)));
  return inlay::from<double>(sizes, std::span<const double>(values));
}

// wave(shape, from_angle) of make.py.
inline inlay::tensor<double> wave(const inlay::shape& sizes, double from_angle) {
  inlay::tensor<double> out(sizes);
  for (std::int64_t i = 0; i < out.size(); ++i) out.data()[i] = std::sin(from_angle + 0.7 * static_cast<double>(i));
  return out;
}

// f of waves of these sizes, and its gradients: waves(name, …) of make.py.
inline void check_waves(const char* name, const std::function<inlay::variable<double>(const support::variables&)>& f,
                        const std::vector<inlay::shape>& sizes, const support::numbers& y,
                        const std::vector<support::numbers>& gradients) {
  std::vector<inlay::tensor<double>> inputs;
  for (const inlay::shape& of : sizes) inputs.push_back(sine(of, 0.7 + 0.2 * static_cast<double>(inputs.size())));
  const inlay::tensor<double> dy = sine({static_cast<std::int64_t>(y.size())}, 1.3);
  support::check_golden(name, f, inputs, {dy.values().begin(), dy.values().end()}, y, gradients);
}

}  // namespace naive
