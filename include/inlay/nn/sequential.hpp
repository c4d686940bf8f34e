// A chain of layers: nn::sequential{a, b, c}(x) is c(b(a(x))). Its members are named 0, 1, 2, …
// For short nets: every layer is part of the type. Deep stacks are a std::vector of blocks.
#pragma once

#include <tuple>

#include "../autograd/members.hpp"

namespace inlay::inline v0_1::nn {

template <class... Layer> class sequential {
 public:
  explicit sequential(Layer... layers) : layers_(std::move(layers)...) {}

  auto operator()(const auto& x) const { return run<0>(x); }

  static void members(auto& self, auto&& visit) {
    std::size_t i = 0;
    std::apply([&](auto&... layer) { (visit(std::to_string(i++), layer), ...); }, self.layers_);
  }

  // A layer by its place, for reading or replacing.
  template <std::size_t I> auto& layer() noexcept { return std::get<I>(layers_); }
  template <std::size_t I> const auto& layer() const noexcept { return std::get<I>(layers_); }

 private:
  template <std::size_t I> auto run(const auto& x) const {
    if constexpr (I == sizeof...(Layer))
      return x;
    else
      return run<I + 1>(std::get<I>(layers_)(x));
  }

  std::tuple<Layer...> layers_;
};

}  // namespace inlay::inline v0_1::nn
