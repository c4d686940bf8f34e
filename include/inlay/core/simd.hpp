// simd<T, Level>: one register of elements, written once for all instruction-set levels.
// The raw vector is wrapped in a struct that is never passed by value: a function that is not compiled for the level
// would pass it differently. Everything here is inlined into the kernel that dispatch compiles for its level.
#pragma once

#include <cstdint>
#include <cstring>
#include <limits>
#include <type_traits>
#include <utility>

#include "isa.hpp"

INLAY_PRECISE_BEGIN

namespace inlay::inline v0_1 {

// Bytes of a register, and how many there are.
constexpr int register_bytes(isa level) noexcept { return level == isa::avx512 ? 64 : level == isa::avx2 ? 32 : 16; }
constexpr int register_count(isa level) noexcept { return level == isa::avx512 ? 32 : 16; }

namespace detail {
template <class T, int Bytes> struct raw_vector { typedef T type __attribute__((vector_size(Bytes), may_alias)); };

template <int Bytes>
using int_of_size = std::conditional_t<
    Bytes == 1, std::int8_t,
    std::conditional_t<Bytes == 2, std::int16_t, std::conditional_t<Bytes == 4, std::int32_t, std::int64_t>>>;

// Out of line: every tail of every kernel copies some.
template <class T> INLAY_COLD void copy_lanes(const T* from, std::int64_t count, T* to) noexcept {
  for (std::int64_t i = 0; i < count; ++i) to[i] = from[i];
}

// Stores a register without reading the lines it goes to, and without keeping them.
template <class Raw, class T> INLAY_INLINE void stream(const Raw& v, T* to) {
#if INLAY_X86 && !defined(__clang__)
  using half = typename raw_vector<float, sizeof(Raw) < 32 ? 16 : 32>::type;
  half part;
  for (std::size_t i = 0; i < sizeof(Raw); i += sizeof part) {
    std::memcpy(&part, reinterpret_cast<const char*>(&v) + i, sizeof part);
    float* const at = reinterpret_cast<float*>(to) + i / sizeof(float);
    if constexpr (sizeof part == 16)
      __builtin_ia32_movntps(at, part);
    else
      __builtin_ia32_movntps256(at, part);
  }
#elif INLAY_X86
  __builtin_nontemporal_store(v, reinterpret_cast<Raw*>(to));
#else
  std::memcpy(to, &v, sizeof v);
#endif
}

}  // namespace detail

// Whether a result of so many bytes is written past the caches: none of it would be left there for its reader, and its
// lines need not be read before they are overwritten, which is a third of what a copy costs.
inline bool past_caches(std::int64_t bytes) noexcept { return bytes >= 16 << 20; }

// Between the last store past the caches and the moment when another thread may look.
INLAY_INLINE void end_of_stream() {
#if INLAY_X86
  __builtin_ia32_sfence();
#endif
}

template <class T, isa Level> struct simd {
  using value_type = T;
  using integer = simd<detail::int_of_size<sizeof(T)>, Level>;  // same lanes; comparisons give all ones or all zeros
  using raw = typename detail::raw_vector<T, register_bytes(Level)>::type;
  using bytes = typename detail::raw_vector<std::int8_t, register_bytes(Level) / static_cast<int>(sizeof(T))>::type;
  static constexpr isa level = Level;
  static constexpr int size = register_bytes(Level) / static_cast<int>(sizeof(T));

  INLAY_INLINE simd() {}
  INLAY_INLINE simd(const simd& other) : v(other.v) {}
  INLAY_INLINE simd& operator=(const simd& other) {
    v = other.v;
    return *this;
  }
  // Broadcast. GCC makes one instruction of the loop, and of the difference only where every function has registers of
  // that size; there it is the quicker one to compile. clang leaves the loop a loop at -O1 and -Os, and then fuses some
  // products around it with their sums and not others.
  INLAY_INLINE simd(T value) {
#if !defined(__clang__)
    if constexpr (Level != isa::plain)
      for (int i = 0; i < size; ++i) v[i] = value;
    else
#endif
      v = value - raw{};
  }

  INLAY_INLINE explicit simd(double value) requires(std::is_same_v<T, float>) : simd(static_cast<T>(value)) {}

  INLAY_INLINE static simd zero() {
    simd out;
    out.v = raw{};
    return out;
  }
  INLAY_INLINE static simd load(const T* from) {
    simd out;
    std::memcpy(&out.v, from, sizeof(raw));
    return out;
  }
  INLAY_INLINE void store(T* to) const { std::memcpy(to, &v, sizeof(raw)); }

  // Past the caches, where `past` and the address is a multiple of the register: see past_caches().
  INLAY_INLINE void store(T* to, bool past) const {
    if (past && reinterpret_cast<std::uintptr_t>(to) % sizeof(raw) == 0)
      detail::stream(v, to);
    else
      store(to);
  }

  // The first `count` < size elements; the others are 0, or left alone in memory.
  INLAY_INLINE static simd load_first(const T* from, std::int64_t count) {
    T lanes[size];
    zero().store(lanes);  // not `= {}`, which calls for a string instruction
    detail::copy_lanes(from, count, lanes);
    return load(lanes);
  }
  INLAY_INLINE void store_first(T* to, std::int64_t count) const {
    T lanes[size];
    store(lanes);
    detail::copy_lanes(lanes, count, to);
  }

  // All elements, or the first `count` where that is less: the last turn of a loop needs no code of its own.
  INLAY_INLINE static simd load_up_to(const T* from, std::int64_t count) {
    return count >= size ? load(from) : load_first(from, count);
  }
  INLAY_INLINE void store_up_to(T* to, std::int64_t count, bool past = false) const {
    if (count >= size)
      store(to, past);
    else
      store_first(to, count);
  }

  INLAY_INLINE friend simd operator+(const simd& a, const simd& b) { return wrap(a.v + b.v); }
  INLAY_INLINE friend simd operator-(const simd& a, const simd& b) { return wrap(a.v - b.v); }
  INLAY_INLINE friend simd operator*(const simd& a, const simd& b) { return wrap(a.v * b.v); }
  INLAY_INLINE friend simd operator/(const simd& a, const simd& b) { return wrap(a.v / b.v); }
  // clang's own minus forgets NaN under -ffast-math.
  INLAY_INLINE friend simd operator-(const simd& a) { return simd(static_cast<T>(-0.0)) - a; }
  INLAY_INLINE simd& operator+=(const simd& b) { return *this = *this + b; }

  INLAY_INLINE friend simd operator&(const simd& a, const simd& b) { return wrap(a.v & b.v); }
  INLAY_INLINE friend simd operator|(const simd& a, const simd& b) { return wrap(a.v | b.v); }
  INLAY_INLINE friend simd operator^(const simd& a, const simd& b) { return wrap(a.v ^ b.v); }
  INLAY_INLINE friend simd operator~(const simd& a) { return wrap(~a.v); }
  INLAY_INLINE friend simd operator<<(const simd& a, int bits) { return wrap(a.v << bits); }
  INLAY_INLINE friend simd operator>>(const simd& a, int bits) { return wrap(a.v >> bits); }

  INLAY_INLINE friend integer operator<(const simd& a, const simd& b) { return integer::mask(a.v < b.v); }
  INLAY_INLINE friend integer operator>(const simd& a, const simd& b) { return integer::mask(a.v > b.v); }
  INLAY_INLINE friend integer operator<=(const simd& a, const simd& b) { return integer::mask(a.v <= b.v); }
  INLAY_INLINE friend integer operator>=(const simd& a, const simd& b) { return integer::mask(a.v >= b.v); }
  INLAY_INLINE friend integer operator==(const simd& a, const simd& b) { return integer::mask(a.v == b.v); }
  INLAY_INLINE friend integer operator!=(const simd& a, const simd& b) { return integer::mask(a.v != b.v); }

  // Lanes of `yes` where the mask is set, of `no` elsewhere. By bits: a host's -ffast-math would make a minimum or
  // maximum of a choice between compared numbers, and lose NaN.
  INLAY_INLINE friend simd select(const integer& mask, const simd& yes, const simd& no) {
    return from_bits((mask & yes.bits()) | (~mask & no.bits()));
  }

  // A mask as one byte per lane, and back.
  INLAY_INLINE static void store_mask(const integer& mask, bool* to) {
    const bytes lanes = __builtin_convertvector(mask.v, bytes) & 1;
    std::memcpy(to, &lanes, sizeof lanes);
  }
  INLAY_INLINE static integer load_mask(const bool* from) {
    bytes lanes;
    std::memcpy(&lanes, from, sizeof lanes);
    return integer::wrap(-__builtin_convertvector(lanes, typename integer::raw));
  }

  INLAY_INLINE integer bits() const {
    integer out;
    std::memcpy(&out.v, &v, sizeof(raw));
    return out;
  }
  INLAY_INLINE static simd from_bits(const integer& bits) {
    simd out;
    std::memcpy(&out.v, &bits.v, sizeof(raw));
    return out;
  }

  // The result of a comparison.
  template <class Raw> INLAY_INLINE static simd mask(const Raw& comparison) {
    simd out = wrap(comparison);
#if INLAY_X86 && !defined(__clang__) && !defined(INLAY_EMULATE_AVX512)
    // GCC would join comparisons in a kind of mask that it takes apart lane by lane at this level.
    if constexpr (Level == isa::avx512) asm("" : "+v"(out.v));
#endif
    return out;
  }

  template <class Raw> INLAY_INLINE static simd wrap(const Raw& vector) {
    simd out;
    std::memcpy(&out.v, &vector, sizeof(raw));
    return out;
  }

  raw v;
};

namespace detail {
// An incomplete register: `count` elements, then `fill`.
template <class T> INLAY_OUTLINE void pad_lanes(const T* from, std::int64_t count, T fill, T* to, int size) noexcept {
  for (std::int64_t i = 0; i < count; ++i) to[i] = from[i];
  for (std::int64_t i = count; i < size; ++i) to[i] = fill;
}
}  // namespace detail

// Calls body(p...) for each register along arrays of `count` elements, with pointers to its elements. The last one,
// when it is incomplete, is worked on in copies padded with `fill`; those of what is not const are copied back. P:
// T*, const T*, or what is used like one.
template <class V, class Body, class... P>
INLAY_INLINE void each_register(std::int64_t count, typename V::value_type fill, const Body& body, P... p) {
  using T = typename V::value_type;
  const std::int64_t rest = count % V::size;
  std::int64_t end = count - rest;
  T* const tails[] = {const_cast<T*>(static_cast<const T*>(p + end))...};
  T lanes[sizeof...(P)][V::size];
  for (bool padded = false;; padded = true) {  // whole registers, then the copies: one body serves both
    for (std::int64_t i = 0; i < end; i += V::size) body((p + i)...);
    if (padded || rest == 0) break;
    int k = 0;
    ((detail::pad_lanes<T>(tails[k], rest, fill, lanes[k], V::size), p = lanes[k++]), ...);
    end = V::size;
  }
  int k = 0;
  if (rest != 0) ((std::is_same_v<P, T*> ? detail::copy_lanes<T>(lanes[k], rest, tails[k]) : void(), ++k), ...);
}

// a * b + c, in one instruction with one rounding where the level has it and the compiler optimises.
template <class T, isa Level>
INLAY_INLINE simd<T, Level> multiply_add(const simd<T, Level>& a, const simd<T, Level>& b, const simd<T, Level>& c) {
  simd<T, Level> out;
#if defined(__clang__)
  const typename simd<T, Level>::raw x = a.v, y = b.v, z = c.v;
#if __has_feature(address_sanitizer)  // its check of an operand must not come between product and sum: that ends fusing
  asm volatile("" : : : "memory");
#endif
  {
#ifdef __OPTIMIZE__
#pragma clang fp contract(fast)
#else
#pragma clang fp contract(off)  // left to chance, it would be fused here and not there
#endif
    out.v = x * y + z;
  }
#else
  out.v = a.v * b.v + c.v;
#endif
  return out;
}

// The larger or smaller of two; the second operand where one of them is NaN. One instruction, but where -ffast-math
// would take it for one that does not care which.
template <class T, isa Level> INLAY_INLINE simd<T, Level> max(const simd<T, Level>& a, const simd<T, Level>& b) {
#if defined(__FINITE_MATH_ONLY__) && __FINITE_MATH_ONLY__
  return select(a > b, a, b);
#else
  return simd<T, Level>::wrap(a.v > b.v ? a.v : b.v);
#endif
}
template <class T, isa Level> INLAY_INLINE simd<T, Level> min(const simd<T, Level>& a, const simd<T, Level>& b) {
#if defined(__FINITE_MATH_ONLY__) && __FINITE_MATH_ONLY__
  return select(a < b, a, b);
#else
  return simd<T, Level>::wrap(a.v < b.v ? a.v : b.v);
#endif
}

template <class T, isa Level> INLAY_INLINE simd<T, Level> abs(const simd<T, Level>& a) {
  using integer = typename simd<T, Level>::integer;
  return simd<T, Level>::from_bits(a.bits() & integer(std::numeric_limits<typename integer::value_type>::max()));
}

namespace detail {
// Lane i of the result is lane i ^ distance.
template <int Distance, class V, int... Lane>
INLAY_INLINE V exchanged(const V& a, std::integer_sequence<int, Lane...>) {
  return V::wrap(__builtin_shufflevector(a.v, a.v, (Lane ^ Distance)...));
}
template <int Distance, class V> INLAY_INLINE V exchanged(const V& a) {
  return exchanged<Distance>(a, std::make_integer_sequence<int, V::size>());
}
}  // namespace detail

// The lanes in a fixed tree order: pairs a half apart first. Every lane of the result is the sum.
template <class V, int Distance = V::size / 2> INLAY_INLINE V lane_sums(const V& a) {
  if constexpr (Distance == 0)
    return a;
  else
    return lane_sums<V, Distance / 2>(a + detail::exchanged<Distance>(a));
}
// The largest, and NaN where there is one.
template <class V, int Distance = V::size / 2> INLAY_INLINE V lane_maxima(const V& a) {
  if constexpr (Distance == 0) {
    return a;
  } else {
    const V other = detail::exchanged<Distance>(a);
    return lane_maxima<V, Distance / 2>(select((other > a) | (other != other), other, a));
  }
}
template <class T, isa Level> INLAY_INLINE T sum_lanes(const simd<T, Level>& a) { return lane_sums(a).v[0]; }
template <class T, isa Level> INLAY_INLINE T max_lanes(const simd<T, Level>& a) { return lane_maxima(a).v[0]; }

}  // namespace inlay::inline v0_1

INLAY_PRECISE_END
