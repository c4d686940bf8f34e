// A matrix in the order its kernel reads it. For a weight the packed form is kept with its memory until it is written,
// so inference packs once.
#pragma once

#include "../autograd/apply.hpp"

namespace inlay::inline v0_1::detail {

// Which part of a weight, in which order.
struct packed_key {
  const void* data;
  std::array<std::int64_t, 6> sizes;  // whatever tells the forms of one layout apart
  int layout;                         // of the kernel that reads it
  isa level;
  bool operator==(const packed_key& other) const noexcept {
    std::int64_t differ = 0;  // without a call, as a comparison of arrays is
    for (std::size_t i = 0; i < sizes.size(); ++i) differ |= sizes[i] ^ other.sizes[i];
    return data == other.data && differ == 0 && layout == other.layout && level == other.level;
  }
};
inline constexpr int layout_panels = 0, layout_strips = 1, layout_flipped_strips = 2, layout_winograd = 3,
                     layout_flipped_winograd = 4;

template <class T> struct packed_form final : derived_form {
  static constexpr int kind_of_form = static_cast<int>(dtype_of<T>);
  explicit packed_form(const packed_key& of) noexcept : derived_form(kind_of_form), key(of) {}
  INLAY_OUTLINE void end() noexcept override { delete this; }
  const packed_key key;
  tensor<T> elements;
};

// What pack() makes of `owner`. Concurrent readers may each make it; one is kept and none waits.
template <class T, class Owner, class Pack>
INLAY_OUTLINE tensor<T> packed(const tensor<Owner>& owner, const packed_key& key, Pack&& pack) {
  block* keeper = owner.keeper();
  if (keeper == nullptr) return pack();
  for (derived_form* form = keeper->forms.load(std::memory_order_acquire); form != nullptr; form = form->next)
    if (form->kind == packed_form<T>::kind_of_form && static_cast<packed_form<T>*>(form)->key == key)
      return static_cast<packed_form<T>*>(form)->elements;
  tensor<T> elements = pack();
  auto* made = new packed_form<T>(key);
  made->elements = elements;
  derived_form* head = keeper->forms.load(std::memory_order_relaxed);
  do made->next = head;
  while (!keeper->forms.compare_exchange_weak(head, made, std::memory_order_release, std::memory_order_relaxed));
  return elements;
}

}  // namespace inlay::inline v0_1::detail
