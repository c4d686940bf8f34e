// Dropout layer: drops elements with probability p under a training tape; a tensor passes unchanged.
#pragma once

#include "../autograd/members.hpp"
#include "../ops/dropout.hpp"

namespace inlay::inline v0_1::nn {

struct dropout_config {
  double p = 0.5;
};

class dropout {
 public:
  // Throws value_error unless 0 <= p <= 1.
  explicit dropout(const dropout_config& config = {}) : p_(config.p) {
    if (!(p_ >= 0 && p_ <= 1)) throw value_error("dropout", {"expected .p from 0 to 1, got ", p_});
  }

  auto operator()(const auto& x) const { return inlay::dropout(x, p_); }
  static void members(auto&, auto&&) {}

 private:
  double p_;
};

}  // namespace inlay::inline v0_1::nn
