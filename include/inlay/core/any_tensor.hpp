// A tensor whose element type is known at run time only: what files hold, and what erased members give and take.
#pragma once

#include "tensor.hpp"

namespace inlay::inline v0_1 {

class any_tensor {
 public:
  any_tensor() = default;

  template <element T> any_tensor(const tensor<T>& t) : type_(dtype_of<T>), shape_(t.shape()), bytes_(as_bytes(t)) {}

  // `bytes` is a one-axis tensor of the bytes; its memory is shared when it is aligned for the type, else copied.
  any_tensor(inlay::dtype type, const inlay::shape& sizes, tensor<std::uint8_t> bytes)
      : type_(type), shape_(sizes), bytes_(std::move(bytes)) {
    if (bytes_.size() != sizes.size() * size_of(type))
      throw shape_error("any_tensor", {"expected ", sizes.size() * size_of(type), " bytes for ", name(type), " ", sizes,
                                       ", got ", bytes_.size()});
  }

  inlay::dtype type() const noexcept { return type_; }
  const inlay::shape& shape() const noexcept { return shape_; }
  std::span<const std::uint8_t> bytes() const noexcept { return bytes_.values(); }

  // The tensor itself; shares memory. Throws type_error when the element type is another.
  template <element T> tensor<T> as() const {
    if (dtype_of<T> != type_)
      throw type_error("any_tensor",
                       {"expected ", name(dtype_of<T>), ", got ", name(type_), "; use cast<T>() to convert"});
    return reinterpret<T>();
  }

  // The values converted to T.
  template <element T> tensor<T> cast() const {
    return visit(type_, [this](auto zero) { return this->reinterpret<decltype(zero)>().template cast<T>(); });
  }

 private:
  template <element T> static tensor<std::uint8_t> as_bytes(const tensor<T>& t) {
    // A copy of the tensor owns the new view: it keeps the memory alive and unchanged, and is deep when t is pinned.
    const auto owner = std::make_shared<const tensor<T>>(t);
    const auto* first = reinterpret_cast<const std::uint8_t*>(owner->data());
    return tensor<std::uint8_t>::foreign(first, {static_cast<std::int64_t>(t.bytes())}, owner);
  }
  template <element T> tensor<T> reinterpret() const {
    const auto owner = std::make_shared<const tensor<std::uint8_t>>(bytes_);
    return tensor<T>::foreign(reinterpret_cast<const T*>(owner->data()), shape_, owner);
  }

  inlay::dtype type_ = inlay::dtype::float32;
  inlay::shape shape_{0};
  tensor<std::uint8_t> bytes_;
};

}  // namespace inlay::inline v0_1
