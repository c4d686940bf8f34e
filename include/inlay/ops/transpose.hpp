// Axes in another order: permute, transpose.
#pragma once

#include "map.hpp"

namespace inlay::inline v0_1 {

struct permute_op {
  static constexpr const char* name = "permute";
  std::array<int, shape::max_rank> order{};
  int rank = 0;
  static void attributes(auto& self, auto&& visit) {
    visit("order", std::span(self.order.data(), static_cast<std::size_t>(self.rank)));
  }

  template <class T> tensor<T> forward(const tensor<T>& x) const {
    return detail::permuted(x, {order.data(), static_cast<std::size_t>(rank)});
  }
  template <class T> void backward(const tensor<T>& dy, const gradient<T>& dx) const {
    if (!dx.wanted()) return;
    permute_op back{{}, rank};
    for (int i = 0; i < rank; ++i) back.order[static_cast<std::size_t>(order[static_cast<std::size_t>(i)])] = i;
    dx.add(back.forward(dy));
  }
};

// Axis i of the result is axis order[i] of x. Throws shape_error when that is no order of all axes.
template <operand X> auto permute(X&& x, std::initializer_list<std::int64_t> order) {
  const shape sizes = x.shape();
  permute_op op{{}, sizes.rank()};
  std::array<bool, shape::max_rank> seen{};
  bool valid = static_cast<int>(order.size()) == sizes.rank();
  for (std::size_t i = 0; valid && i < order.size(); ++i) {
    op.order[i] = sizes.index(order.begin()[i]);
    valid = !std::exchange(seen[static_cast<std::size_t>(op.order[i])], true);
  }
  if (!valid)
    throw shape_error(permute_op::name, {"expected an order of all ", sizes.rank(), " axes of ", sizes, ", got ",
                                         detail::piece(order.begin(), static_cast<int>(order.size()))});
  return apply(op, std::forward<X>(x));
}

// Two axes exchanged; by default the last two.
template <operand X> auto transpose(X&& x, std::int64_t first = -2, std::int64_t second = -1) {
  const shape sizes = x.shape();
  permute_op op{{}, sizes.rank()};
  for (int i = 0; i < sizes.rank(); ++i) op.order[static_cast<std::size_t>(i)] = i;
  std::swap(op.order[static_cast<std::size_t>(sizes.index(first))],
            op.order[static_cast<std::size_t>(sizes.index(second))]);
  return apply(op, std::forward<X>(x));
}

}  // namespace inlay::inline v0_1
