// Compiler facts the rest of the library relies on; the only macros besides the version.
#pragma once

#include "version.hpp"

#if defined(__x86_64__) && !defined(INLAY_ONLY_PLAIN)
#define INLAY_X86 1
#else
#define INLAY_X86 0
#endif

// Kernel bodies and vector operators: inlined into the function whose instruction set they are compiled for.
#define INLAY_INLINE [[gnu::always_inline]] inline

// Code that is used in a great many places and need not be inlined in each; and what is seldom run, so that a check
// costs one predictable branch. Both are optimised less: it keeps programs that include the library quick to compile.
#if defined(__clang__)
#define INLAY_OUTLINE [[gnu::noinline]]
#define INLAY_COLD [[gnu::cold, gnu::noinline]]
#else
#define INLAY_OUTLINE [[gnu::noinline, gnu::optimize("O1")]]
#define INLAY_COLD [[gnu::cold, gnu::noinline, gnu::optimize("O1")]]
#endif

// Around kernels, which mean what they say in a host built with -ffast-math too: NaN is no number, no sum is reordered.
#if defined(__FINITE_MATH_ONLY__) && __FINITE_MATH_ONLY__
#if defined(__clang__)
#define INLAY_PRECISE_BEGIN _Pragma("float_control(push)") _Pragma("float_control(precise, on)")
#define INLAY_PRECISE_END _Pragma("float_control(pop)")
#else
#define INLAY_PRECISE_BEGIN _Pragma("GCC push_options") _Pragma("GCC optimize(\"no-fast-math\")")
#define INLAY_PRECISE_END _Pragma("GCC pop_options")
#endif
#else
#define INLAY_PRECISE_BEGIN
#define INLAY_PRECISE_END
#endif
