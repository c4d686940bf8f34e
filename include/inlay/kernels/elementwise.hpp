// out[i] = f(a[i], b[i], …): one loop for any function of registers and any number of operands.
// An operand that is one value is broadcast by a step of 0 over a register filled with it, so the loop has no branch.
#pragma once

#include "math.hpp"

INLAY_PRECISE_BEGIN

namespace inlay::inline v0_1::kernels {

// An operand of which it is known at run time only whether it is contiguous (step 1) or a single value (step 0).
template <class T> struct operand {
  const T* data;
  std::int64_t step;
};

// `in`: const T*, or operand<T>.
template <class F, class T> struct map : memory_bound_if<memory_bound<F>> {
  template <isa Level, class... In> INLAY_INLINE static void run(std::int64_t count, T* out, F f, In... in) noexcept {
    using V = simd<T, Level>;
    each_register<V>(
        count, T{0}, [&](T * to, const auto&... from) __attribute__((always_inline)) { f(V::load(from)...).store(to); },
        out, cursor<V>(in)...);
  }

 private:
  template <class V> class source;
  template <class V> INLAY_INLINE static const T* cursor(const T* contiguous) { return contiguous; }
  template <class V> INLAY_INLINE static source<V> cursor(const operand<T>& in) { return in; }

  // Where the registers of an operand are. A single value is spread over `lanes`, which is every one of them.
  template <class V> class source {
   public:
    INLAY_INLINE source(const operand<T>& in) : at_(in.data), step_(in.step) {
      if (step_ == 0) V(*in.data).store(lanes_);
    }
    INLAY_INLINE const T* operator+(std::int64_t i) const { return step_ == 0 ? lanes_ : at_ + i; }
    INLAY_INLINE source& operator=(const T* padded) {
      at_ = padded;
      return *this;
    }

   private:
    const T* at_;
    std::int64_t step_;
    T lanes_[V::size];
  };
};

// Functions of several operands; those of one are in functions.hpp. Each takes and gives registers of any level.
struct add {
  using memory_bound = void;
  template <class V> INLAY_INLINE V operator()(const V& a, const V& b) const { return a + b; }
};
struct subtract {
  using memory_bound = void;
  template <class V> INLAY_INLINE V operator()(const V& a, const V& b) const { return a - b; }
};
struct multiply {
  using memory_bound = void;
  template <class V> INLAY_INLINE V operator()(const V& a, const V& b) const { return a * b; }
};
struct divide {
  using memory_bound = void;
  template <class V> INLAY_INLINE V operator()(const V& a, const V& b) const { return a / b; }
};
// a^b, by libm.
struct power {
  template <class V> INLAY_INLINE V operator()(const V& a, const V& b) const {
    using T = typename V::value_type;
    T base[V::size], exponent[V::size];
    a.store(base);
    b.store(exponent);
    for (int i = 0; i < V::size; ++i)
      base[i] = static_cast<T>(__builtin_pow(static_cast<double>(base[i]), static_cast<double>(exponent[i])));
    return V::load(base);
  }
};
struct negate {
  using memory_bound = void;
  template <class V> INLAY_INLINE V operator()(const V& a) const { return -a; }
};

struct scale {
  using memory_bound = void;
  double by;
  template <class V> INLAY_INLINE V operator()(const V& a) const { return a * V(by); }
};
// Two values in their shares, such as an average so far and a new one.
struct blend {
  using memory_bound = void;
  double share_a, share_b;
  template <class V> INLAY_INLINE V operator()(const V& a, const V& b) const {
    return multiply_add(a, V(share_a), b * V(share_b));
  }
};
// a moved towards b by a part of the way, and not at all when they are the same: rounded shares of the two would drift.
struct approach {
  using memory_bound = void;
  double part;
  template <class V> INLAY_INLINE V operator()(const V& a, const V& b) const { return multiply_add(V(part), b - a, a); }
};

// a + b c, for accumulating products.
struct add_product {
  using memory_bound = void;
  template <class V> INLAY_INLINE V operator()(const V& a, const V& b, const V& c) const {
    return multiply_add(b, c, a);
  }
};
// dy where a == b, else 0.
struct where_equal {
  using memory_bound = void;
  template <class V> INLAY_INLINE V operator()(const V& dy, const V& a, const V& b) const {
    return select(a == b, dy, V::zero());
  }
};

}  // namespace inlay::inline v0_1::kernels

INLAY_PRECISE_END
