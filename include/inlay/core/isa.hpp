// Instruction-set levels: what this CPU has, what the caller allows, and the way from ordinary code into a kernel
// compiled for one level. A kernel is a struct with `template <isa Level> static void run(args…) noexcept`; dispatch
// compiles run once per level, whatever flags the program is built with, and calls the highest level allowed.
#pragma once

#include <atomic>
#include <cstdlib>
#include <cstring>

#include "error.hpp"

INLAY_PRECISE_BEGIN

namespace inlay::inline v0_1 {

enum class isa : int { plain, avx2, avx512 };

constexpr const char* name(isa level) noexcept {
  return level == isa::avx512 ? "avx512" : level == isa::avx2 ? "avx2" : "plain";
}

namespace detail {

inline isa detect_isa() noexcept {
#if INLAY_X86
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#ifdef INLAY_EMULATE_AVX512
  const bool avx512 = avx2;
#else
  const bool avx512 = avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
#endif
  return avx512 ? isa::avx512 : avx2 ? isa::avx2 : isa::plain;
#else
  return isa::plain;
#endif
}

// The level for threads that force none: the CPU's highest, or what INLAY_ISA asks for.
INLAY_COLD inline isa default_isa() {
  const isa highest = detect_isa();
  const char* asked = std::getenv("INLAY_ISA");
  if (asked == nullptr || *asked == '\0') return highest;
  for (const isa level : {isa::plain, isa::avx2, isa::avx512})
    if (level <= highest && std::strcmp(asked, name(level)) == 0) return level;
  throw value_error("isa", {"expected INLAY_ISA to be plain, avx2 or avx512, and ", name(highest),
                            " at most on this CPU; got ", asked});
}

inline constinit std::atomic<int> chosen_isa{-1};
inline constinit thread_local int forced_isa = -1;

}  // namespace detail

// The level that kernels called from this thread run at.
inline isa active_isa() {
  if (detail::forced_isa >= 0) [[unlikely]]
    return static_cast<isa>(detail::forced_isa);
  int level = detail::chosen_isa.load(std::memory_order_relaxed);
  if (level < 0) [[unlikely]] {
    level = static_cast<int>(detail::default_isa());
    detail::chosen_isa.store(level, std::memory_order_relaxed);
  }
  return static_cast<isa>(level);
}

// The highest level this CPU has.
inline isa highest_isa() noexcept { return detail::detect_isa(); }

// Whether that level of this CPU has instructions that add up products of whole numbers.
inline bool has_vnni(isa level) noexcept {
#if INLAY_X86 && !defined(INLAY_EMULATE_AVX512)
  return level == isa::avx512 && __builtin_cpu_supports("avx512vnni");
#else
  (void)level;
  return false;
#endif
}

// Forces a level on this thread (and the parallel work it starts) for as long as the object lives.
// Throws value_error when the CPU does not have it.
class isa_scope {
 public:
  explicit isa_scope(isa level) : before_(detail::forced_isa) {
    if (level > highest_isa())
      throw value_error("isa_scope", {"this CPU has ", name(highest_isa()), " at most, got ", name(level)});
    detail::forced_isa = static_cast<int>(level);
  }
  ~isa_scope() { detail::forced_isa = before_; }
  isa_scope(const isa_scope&) = delete;
  isa_scope& operator=(const isa_scope&) = delete;

 private:
  int before_;
};

namespace detail {

// Denormals cost 100 cycles each and mean nothing in a network (Adam's moments decay into them): flushed to zero
// while a kernel runs, the caller's setting is put back after it. About 7 ns; 2 ns within another such scope.
class flush_denormals {
 public:
#if INLAY_X86
  flush_denormals() noexcept : before_(__builtin_ia32_stmxcsr()) {
    if ((before_ & bits) != bits) __builtin_ia32_ldmxcsr(before_ | bits);
  }
  ~flush_denormals() {
    if ((before_ & bits) != bits) __builtin_ia32_ldmxcsr(before_);
  }

 private:
  static constexpr unsigned bits = 0x8040;
  unsigned before_;
#elif defined(__aarch64__)
  flush_denormals() noexcept {
    asm volatile("mrs %0, fpcr" : "=r"(before_));
    asm volatile("msr fpcr, %0" : : "r"(before_ | (std::uint64_t{1} << 24)));
  }
  ~flush_denormals() { asm volatile("msr fpcr, %0" : : "r"(before_)); }

 private:
  std::uint64_t before_;
#else
  flush_denormals() noexcept {}
  ~flush_denormals() {}
#endif
};

// GCC fuses a * b + c only when asked per function (clang: see multiply_add in simd.hpp). Few x86 CPUs are left that
// run the plain level: there it is optimised less, which every program that includes the library saves in compiling,
// but for kernels whose arrays must become registers.
#if defined(__clang__)
#define INLAY_TARGET(...) [[gnu::target(__VA_ARGS__), gnu::noinline]]
#define INLAY_TARGET_PLAIN [[gnu::noinline]]
#define INLAY_TARGET_PLAIN_TILE INLAY_TARGET_PLAIN
#else
#define INLAY_TARGET(...) [[gnu::target(__VA_ARGS__), gnu::optimize("fp-contract=fast"), gnu::noinline]]
#define INLAY_TARGET_PLAIN_TILE [[gnu::optimize("fp-contract=fast"), gnu::noinline]]
#if INLAY_X86
#define INLAY_TARGET_PLAIN [[gnu::optimize("O1", "fp-contract=fast"), gnu::noinline]]
#else
#define INLAY_TARGET_PLAIN INLAY_TARGET_PLAIN_TILE
#endif
#endif

#if INLAY_X86
#ifdef INLAY_EMULATE_AVX512  // tests on CPUs without it: the same 64-byte code, two registers for one
template <class Kernel, class... Args> INLAY_TARGET("avx2,fma,f16c,bmi2") void on_avx512(Args... args) noexcept {
  Kernel::template run<isa::avx512>(args...);
}
#else
template <class Kernel, class... Args>
INLAY_TARGET("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,f16c,bmi2")
void on_avx512(Args... args) noexcept {
  Kernel::template run<isa::avx512>(args...);
}
#endif
template <class Kernel, class... Args>
INLAY_TARGET("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx2,fma,f16c,bmi2")
void on_vnni(Args... args) noexcept {
  Kernel::template run<isa::avx512, true>(args...);
}
template <class Kernel, class... Args> INLAY_TARGET("avx2,fma,f16c,bmi2") void on_avx2(Args... args) noexcept {
  Kernel::template run<isa::avx2>(args...);
}
#endif
template <class Kernel, class... Args> INLAY_TARGET_PLAIN void on_plain(Args... args) noexcept {
  Kernel::template run<isa::plain>(args...);
}
template <class Kernel, class... Args> INLAY_TARGET_PLAIN_TILE void on_plain_tile(Args... args) noexcept {
  Kernel::template run<isa::plain>(args...);
}

#undef INLAY_TARGET
#undef INLAY_TARGET_PLAIN
#undef INLAY_TARGET_PLAIN_TILE

}  // namespace detail

// Kernels that wait for memory gain nothing from AVX-512, and say so with `using memory_bound = void`: they are
// compiled for two levels only, which is a good part of what a program that includes the library takes to compile.
template <class Kernel> concept memory_bound = requires { typename Kernel::memory_bound; };

// Base of a kernel that is one when something else is.
template <bool Bound> struct memory_bound_if {};
template <> struct memory_bound_if<true> { using memory_bound = void; };

// Kernels whose inner loop holds an array of sums in registers say so with `using register_tile = void`.
template <class Kernel> concept register_tile = requires { typename Kernel::register_tile; };

// Kernels that are seldom run (optimiser steps in double) have one level only.
template <class Kernel> concept plain_only = requires { typename Kernel::plain_only; };

// Kernels that add up products of whole numbers have a second form of the highest level, run<isa::avx512, true>, for
// CPUs that do it in one instruction (VNNI). They say so with `using whole_products = void`.
template <class Kernel> concept whole_products = requires { typename Kernel::whole_products; };

// Runs a kernel at a level. Arguments are pointers and numbers: no vector crosses this line.
template <class Kernel, class... Args> INLAY_INLINE void on_level(isa level, Args... args) noexcept {
#if INLAY_X86
  if constexpr (whole_products<Kernel>)
    if (has_vnni(level)) return detail::on_vnni<Kernel>(args...);
  if constexpr (!memory_bound<Kernel> && !plain_only<Kernel>)
    if (level == isa::avx512) return detail::on_avx512<Kernel>(args...);
  if constexpr (!plain_only<Kernel>)
    if (level >= isa::avx2) return detail::on_avx2<Kernel>(args...);
#endif
  (void)level;
  if constexpr (register_tile<Kernel>)
    detail::on_plain_tile<Kernel>(args...);
  else
    detail::on_plain<Kernel>(args...);
}

// The same, with denormals flushed to zero meanwhile: what everything but a kernel that is made of kernels calls.
template <class Kernel, class... Args> void dispatch(isa level, Args... args) noexcept {
  const detail::flush_denormals scope;
  on_level<Kernel>(level, args...);
}

}  // namespace inlay::inline v0_1

INLAY_PRECISE_END
