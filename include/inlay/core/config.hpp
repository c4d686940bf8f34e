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

// Code that is used in a great many places and need not be inlined in each: keeps programs small and quick to compile.
#define INLAY_OUTLINE [[gnu::noinline]]

// Error paths: out of line, so that the check costs one predictable branch.
#define INLAY_COLD [[gnu::cold, gnu::noinline]]
