// Residual connection: y = x + f(x), or s(x) + f(x) with a shortcut that changes the shape.
// He et al., Deep Residual Learning for Image Recognition, 2016.
#pragma once

#include "../autograd/members.hpp"
#include "../ops/arithmetic.hpp"

namespace inlay::inline v0_1::nn {

// Stands for x itself.
struct identity {
  decltype(auto) operator()(const auto& x) const { return x; }
  static void members(auto&, auto&&) {}
};

template <class Body, class Shortcut = identity> class residual {
 public:
  explicit residual(Body of, Shortcut past = {}) : body(std::move(of)), shortcut(std::move(past)) {}

  // Throws shape_error when the two sides do not have the same shape: a sum that broadcasts hides a mistake here.
  auto operator()(const auto& x) const {
    auto y = body(x);
    const auto& straight = shortcut(x);
    if (!(y.shape() == straight.shape())) [[unlikely]]
      throw shape_error("residual", {"expected a body that gives ", straight.shape(), ", got ", y.shape(),
                                     "; give a shortcut that changes the shape too"});
    return std::move(y) + straight;
  }

  static void members(auto& self, auto&& visit) {
    visit("body", self.body);
    visit("shortcut", self.shortcut);
  }

  Body body;
  Shortcut shortcut;
};

}  // namespace inlay::inline v0_1::nn
