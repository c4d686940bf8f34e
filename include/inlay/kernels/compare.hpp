// Comparisons, which give a byte of 0 or 1 for each element, and choices by such bytes.
#pragma once

#include "elementwise.hpp"

INLAY_PRECISE_BEGIN

namespace inlay::inline v0_1::kernels {

// out[i] = F(a[i], b[i]).
template <class F, class T> struct compare {
  using memory_bound = void;

  template <isa Level>
  INLAY_INLINE static void run(std::int64_t count, bool* out, operand<T> a, operand<T> b) noexcept {
    using V = simd<T, Level>;
    const V one_a = count > 0 ? V(*a.data) : V::zero(), one_b = count > 0 ? V(*b.data) : V::zero();
    for (std::int64_t i = 0; i < count; i += V::size) {
      const std::int64_t left = count - i;
      const V x = a.step == 0 ? one_a : V::load_up_to(a.data + i, left);
      const V y = b.step == 0 ? one_b : V::load_up_to(b.data + i, left);
      if (left >= V::size) {
        V::store_mask(F::of(x, y), out + i);
      } else {
        bool lanes[V::size];
        V::store_mask(F::of(x, y), lanes);
        inlay::detail::copy_lanes<bool>(lanes, left, out + i);
      }
    }
  }
};

// out[i] = mask[i] ? a[i] : b[i].
template <class T> struct choose {
  using memory_bound = void;

  template <isa Level>
  INLAY_INLINE static void run(std::int64_t count, T* out, const bool* mask, operand<T> a, operand<T> b) noexcept {
    using V = simd<T, Level>;
    const V one_a = count > 0 ? V(*a.data) : V::zero(), one_b = count > 0 ? V(*b.data) : V::zero();
    for (std::int64_t i = 0; i < count; i += V::size) {
      const std::int64_t left = count - i;
      bool lanes[V::size] = {};
      if (left < V::size) inlay::detail::copy_lanes<bool>(mask + i, left, lanes);
      const V x = a.step == 0 ? one_a : V::load_up_to(a.data + i, left);
      const V y = b.step == 0 ? one_b : V::load_up_to(b.data + i, left);
      select(V::load_mask(left < V::size ? lanes : mask + i), x, y).store_up_to(out + i, left);
    }
  }
};

// Names as in torch.eq and its kin. NaN is unequal to everything.
struct eq {
  static constexpr const char* name = "eq";
  template <class V> INLAY_INLINE static auto of(const V& a, const V& b) { return a == b; }
};
struct ne {
  static constexpr const char* name = "ne";
  template <class V> INLAY_INLINE static auto of(const V& a, const V& b) { return a != b; }
};
struct lt {
  static constexpr const char* name = "lt";
  template <class V> INLAY_INLINE static auto of(const V& a, const V& b) { return a < b; }
};
struct le {
  static constexpr const char* name = "le";
  template <class V> INLAY_INLINE static auto of(const V& a, const V& b) { return a <= b; }
};
struct gt {
  static constexpr const char* name = "gt";
  template <class V> INLAY_INLINE static auto of(const V& a, const V& b) { return a > b; }
};
struct ge {
  static constexpr const char* name = "ge";
  template <class V> INLAY_INLINE static auto of(const V& a, const V& b) { return a >= b; }
};

}  // namespace inlay::inline v0_1::kernels

INLAY_PRECISE_END
