// Sizes of a tensor: at most eight axes, stored inline, sizes are std::int64_t.
// One-letter sizes used in documentation: N batch, C channels, H, W, T time, D features, K kernel, V vocabulary.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>

#include "error.hpp"

namespace inlay::inline v0_1 {

class shape {
 public:
  static constexpr int max_rank = 8;

  shape() noexcept = default;  // rank 0: one element

  // Copies are made with every tensor: most have at most four axes, and only those are copied then.
  shape(const shape& other) noexcept { *this = other; }
  shape& operator=(const shape& other) noexcept {
    for (std::size_t i = 0; i < 4; ++i) sizes_[i] = other.sizes_[i];
    if (other.rank_ > 4) [[unlikely]]
      for (std::size_t i = 4; i < max_rank; ++i) sizes_[i] = other.sizes_[i];
    size_ = other.size_;
    rank_ = other.rank_;
    return *this;
  }

  // (0,): what a tensor without elements has.
  static shape none() noexcept {
    shape out;
    out.rank_ = 1;
    out.size_ = 0;
    return out;
  }

  // Throws shape_error when a size is negative, there are more than eight, or their product overflows.
  shape(std::initializer_list<std::int64_t> sizes) : shape(std::span(sizes.begin(), sizes.size())) {}
  INLAY_OUTLINE explicit shape(std::span<const std::int64_t> sizes) {
    if (sizes.size() > max_rank) throw shape_error("shape", {"expected at most 8 axes, got ", sizes.size()});
    for (const std::int64_t size : sizes) append(size);
  }

  int rank() const noexcept { return rank_; }
  std::int64_t size() const noexcept { return size_; }  // number of elements

  // Size along an axis; negative axes count from the end. Throws shape_error when there is no such axis.
  std::int64_t operator[](std::int64_t axis) const { return sizes_[static_cast<std::size_t>(index(axis))]; }

  // The axis as 0 … rank-1.
  INLAY_OUTLINE int index(std::int64_t axis) const {
    const std::int64_t positive = axis < 0 ? axis + rank_ : axis;
    if (positive < 0 || positive >= rank_) [[unlikely]]
      throw shape_error("shape", {"expected an axis of ", *this, ", got ", axis});
    return static_cast<int>(positive);
  }

  const std::int64_t* begin() const noexcept { return sizes_.data(); }
  const std::int64_t* end() const noexcept { return sizes_.data() + rank_; }

  INLAY_OUTLINE void append(std::int64_t size) {
    if (size < 0) [[unlikely]]
      throw shape_error("shape", {"expected sizes of 0 or more, got ", size});
    if (rank_ == max_rank) [[unlikely]]
      throw shape_error("shape", {"expected at most 8 axes, got 9"});
    // Bounded as if sizes of 0 were 1: strides and byte counts stay representable too.
    std::int64_t extent = size_;
    if (extent == 0) [[unlikely]] {
      extent = 1;
      for (const std::int64_t other : *this) extent *= other > 0 ? other : 1;
    }
    if (__builtin_mul_overflow(extent, size > 0 ? size : 1, &extent) || extent > std::int64_t{1} << 56) [[unlikely]]
      throw shape_error("shape", {"expected at most 2^56 elements, got ", *this, " times ", size});
    sizes_[static_cast<std::size_t>(rank_++)] = size;
    size_ *= size;
  }

  // The same shape with one size changed, an axis removed, or one put in before `axis`.
  INLAY_OUTLINE shape with(std::int64_t axis, std::int64_t size) const {
    const int at = index(axis);
    shape out;
    for (int i = 0; i < rank_; ++i) out.append(i == at ? size : begin()[i]);
    return out;
  }
  INLAY_OUTLINE shape without(std::int64_t axis) const {
    const int at = index(axis);
    shape out;
    for (int i = 0; i < rank_; ++i)
      if (i != at) out.append(begin()[i]);
    return out;
  }

  // Elements in the axes [first, last).
  std::int64_t count(int first, int last) const noexcept {
    std::int64_t product = 1;
    for (int i = first; i < last; ++i) product *= begin()[i];
    return product;
  }

  INLAY_OUTLINE friend bool operator==(const shape& a, const shape& b) noexcept {
    if (a.rank_ != b.rank_) return false;
    for (int i = 0; i < a.rank_; ++i)
      if (a.begin()[i] != b.begin()[i]) return false;
    return true;
  }

  // "(32, 784)"
  INLAY_COLD std::string text() const {
    std::string out;
    detail::piece(*this).append_to(out);
    return out;
  }

 private:
  std::array<std::int64_t, max_rank> sizes_{};
  std::int64_t size_ = 1;
  int rank_ = 0;
};

// The shape that operands of `a` and `b` have in common under NumPy's broadcasting rule. Throws shape_error.
inline shape broadcast(const char* operation, const shape& a, const shape& b) {
  if (a == b) return a;
  shape out;
  const int rank = a.rank() > b.rank() ? a.rank() : b.rank();
  for (int axis = -rank; axis < 0; ++axis) {
    const std::int64_t left = axis >= -a.rank() ? a[axis] : 1;
    const std::int64_t right = axis >= -b.rank() ? b[axis] : 1;
    if (left != right && left != 1 && right != 1) [[unlikely]]
      throw shape_error(operation, {"expected shapes that broadcast, got ", a, " and ", b,
                                    "; sizes must be equal or 1, counted from the last axis"});
    out.append(left == 1 ? right : left);
  }
  return out;
}

}  // namespace inlay::inline v0_1
