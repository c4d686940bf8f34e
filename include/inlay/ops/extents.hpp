// Sizes along the spatial axes of a convolution or pooling: one number for all axes, or one for each.
#pragma once

#include <array>
#include <initializer_list>

#include "../core/shape.hpp"

namespace inlay::inline v0_1 {

enum class padding { same };

template <int Axes> struct extents {
  std::array<std::int64_t, Axes> sizes;

  constexpr extents(std::int64_t all) noexcept { sizes.fill(all); }
  // Throws value_error unless there is one number, or one for each axis.
  constexpr extents(std::initializer_list<std::int64_t> each) : extents(each.size() == 1 ? *each.begin() : 0) {
    if (each.size() != 1 && each.size() != static_cast<std::size_t>(Axes)) [[unlikely]]
      throw value_error("extents", {"expected one size or ", Axes, ", got ", each.size()});
    for (std::size_t i = 0; i < each.size(); ++i) sizes[i] = each.begin()[i];
  }
  constexpr std::int64_t operator[](std::size_t axis) const noexcept { return sizes[axis]; }
};

// Zeros before and behind the elements of each axis. `same`: as many as make the output ceil(input / stride) long, an
// odd one behind (SAME_UPPER of ONNX; PyTorch's "same" where the stride is 1).
template <int Axes> struct paddings : extents<Axes> {
  bool same = false;

  using extents<Axes>::extents;
  constexpr paddings(inlay::padding) noexcept : extents<Axes>(0), same(true) {}
};

namespace detail {

// How a window of one axis runs: outputs, and zeros before the first element.
struct window {
  std::int64_t outputs, before;
};
inline window window_of(std::int64_t input, std::int64_t kernel, std::int64_t stride, std::int64_t padding, bool same,
                        std::int64_t dilation = 1) noexcept {
  const std::int64_t reach = dilation * (kernel - 1) + 1;
  if (same) {
    const std::int64_t outputs = (input + stride - 1) / stride, zeros = (outputs - 1) * stride + reach - input;
    return {outputs, zeros > 0 ? zeros / 2 : 0};
  }
  const std::int64_t room = input + 2 * padding - reach;
  return {room < 0 ? 0 : room / stride + 1, padding};
}

}  // namespace detail

}  // namespace inlay::inline v0_1
