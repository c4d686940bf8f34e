// A tensor whose element type is known at run time only: what files hold, and what erased members give and take.
#pragma once

#include "tensor.hpp"

namespace inlay::inline v0_1 {

class any_tensor {
 public:
  any_tensor() = default;

  // Shares memory, O(1); memory that somebody may still write to is copied.
  template <element T> any_tensor(tensor<T> t) : type_(dtype_of<T>), shape_(t.shape()) { hold(t); }

  // `bytes` is a one-axis tensor of the bytes; its memory is shared when it is aligned for the type, else copied.
  any_tensor(inlay::dtype type, const inlay::shape& sizes, tensor<std::uint8_t> bytes) : type_(type), shape_(sizes) {
    if (bytes.size() != sizes.size() * size_of(type))
      throw shape_error("any_tensor", {"expected ", sizes.size() * size_of(type), " bytes for ", name(type), " ", sizes,
                                       ", got ", bytes.size()});
    if (reinterpret_cast<std::uintptr_t>(bytes.first_) % static_cast<std::uintptr_t>(size_of(type)) != 0)
      bytes.own_copy();
    hold(bytes);
  }

  inlay::dtype type() const noexcept { return type_; }
  const inlay::shape& shape() const noexcept { return shape_; }
  const inlay::representation* representation() const noexcept { return block_.standing_for(first_, shape_); }
  std::span<const std::uint8_t> bytes() const {
    const auto count = static_cast<std::size_t>(shape_.size() * size_of(type_));
    return {static_cast<const std::uint8_t*>(first_ != nullptr ? first_ : block_.made(count)), count};
  }

  // The tensor itself; shares memory, O(1). Throws type_error when the element type is another.
  template <element T> tensor<T> as() const& { return any_tensor(*this).as<T>(); }
  template <element T> tensor<T> as() && {
    if (dtype_of<T> != type_)
      throw type_error("any_tensor",
                       {"expected ", name(dtype_of<T>), ", got ", name(type_), "; use cast<T>() to convert"});
    tensor<T> out;
    out.block_ = std::move(block_);
    out.first_ = static_cast<T*>(std::exchange(first_, nullptr));
    out.shape_ = std::exchange(shape_, inlay::shape::none());
    return out;
  }

  // The values converted to T.
  template <element T> tensor<T> cast() const {
    return visit(type_, [this](auto zero) { return this->as<decltype(zero)>().template cast<T>(); });
  }

 private:
  template <class T> void hold(tensor<T>& t) {
    if (t.block_ && t.block_->pinned) t.own_copy();  // somebody may still write there
    block_ = std::move(t.block_);
    first_ = t.first_;
  }

  inlay::dtype type_ = inlay::dtype::float32;
  detail::block_ptr block_;
  void* first_ = nullptr;
  inlay::shape shape_ = inlay::shape::none();
};

}  // namespace inlay::inline v0_1
