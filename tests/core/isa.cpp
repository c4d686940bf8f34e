// Shows: AVX-512, AVX2 and plain kernels chosen at run time
// Levels are forced by scope or by INLAY_ISA, impossible ones refused; dispatch runs the level it is given, flushes
// denormals meanwhile and leaves the floating-point environment as it was.
#include <inlay/core/isa.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cfenv>
#include <cstdlib>
#include <limits>
#include <string>
#include <thread>

#include "support.hpp"

using namespace inlay;

namespace {

// INLAY_ISA for as long as the object lives, as if the program had been started with it.
class started_with {
 public:
  explicit started_with(const char* value) {
    if (value != nullptr)
      setenv("INLAY_ISA", value, 1);
    else
      unsetenv("INLAY_ISA");
    detail::chosen_isa = -1;
  }
  ~started_with() {
    if (had_)
      setenv("INLAY_ISA", before_.c_str(), 1);
    else
      unsetenv("INLAY_ISA");
    detail::chosen_isa = -1;
  }

 private:
  const bool had_ = std::getenv("INLAY_ISA") != nullptr;
  const std::string before_ = had_ ? std::getenv("INLAY_ISA") : "";
};

std::string message(auto&& f) {
  try {
    f();
  } catch (const value_error& e) {
    return e.what();
  }
  return "no error";
}

struct tell_level {
  template <isa Level> INLAY_INLINE static void run(int* level, int a, double b, const char* c) noexcept {
    *level = static_cast<int>(Level) * 100 + a + static_cast<int>(b) + (c[0] - '0');
  }
};

struct tell_bound_level : tell_level {
  using memory_bound = void;
};

struct multiply {
  template <isa Level> INLAY_INLINE static void run(const float* a, const float* b, float* product) noexcept {
    *product = *a * *b;
  }
};

unsigned control_word() {
#if INLAY_X86
  return __builtin_ia32_stmxcsr();
#else
  return 0;
#endif
}

}  // namespace

TEST_CASE("isa: names and order") {
  CHECK(std::string(name(isa::plain)) == "plain");
  CHECK(std::string(name(isa::avx2)) == "avx2");
  CHECK(std::string(name(isa::avx512)) == "avx512");
  static_assert(isa::plain < isa::avx2 && isa::avx2 < isa::avx512);
#if INLAY_X86
  CHECK((highest_isa() >= isa::avx2) == (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")));
#else
  CHECK(highest_isa() == isa::plain);
#endif
}

TEST_CASE("isa_scope: forces a level on this thread, nests, and refuses what the CPU has not") {
  const started_with nothing(nullptr);
  const isa highest = highest_isa();
  CHECK(active_isa() == highest);
  {
    const isa_scope plain(isa::plain);
    CHECK(active_isa() == isa::plain);
    {
      const isa_scope inner(highest);
      CHECK(active_isa() == highest);
    }
    CHECK(active_isa() == isa::plain);
    isa elsewhere = isa::plain;
    std::thread([&] { elsewhere = active_isa(); }).join();
    CHECK(elsewhere == highest);
    for (int level = static_cast<int>(highest) + 1; level <= static_cast<int>(isa::avx512); ++level) {
      const auto missing = static_cast<isa>(level);
      CHECK(message([&] { const isa_scope scope(missing); }) ==
            std::string("[isa_scope] this CPU has ") + name(highest) + " at most, got " + name(missing));
      CHECK(active_isa() == isa::plain);
    }
  }
  CHECK(active_isa() == highest);
}

TEST_CASE("isa: INLAY_ISA chooses the level of a program") {
  const isa highest = highest_isa();
  const auto refusal = [&](const char* asked) {
    return std::string("[isa] expected INLAY_ISA to be plain, avx2 or avx512, and ") + name(highest) +
           " at most on this CPU; got " + asked;
  };
  for (const isa level : {isa::plain, isa::avx2, isa::avx512}) {
    const started_with asked(name(level));
    if (level <= highest) {
      CHECK(active_isa() == level);
      const isa_scope scope(highest);  // a scope goes before it
      CHECK(active_isa() == highest);
    } else {
      const std::string expected = refusal(name(level));
      CHECK(message([] { active_isa(); }) == expected);
      CHECK(message([] { active_isa(); }) == expected);  // not the first time only
    }
  }
  {
    const started_with asked("");
    CHECK(active_isa() == highest);
  }
  for (const char* wrong : {"AVX2", "sse9", " plain"}) {
    const started_with asked(wrong);
    CHECK(message([] { active_isa(); }) == refusal(wrong));
  }
}

TEST_CASE("dispatch: runs the level it is given, with its arguments") {
  support::for_each_isa([](isa level) {
    int told = 0;
    dispatch<tell_level>(level, &told, 1, 2.0, "3");
    CHECK(told == static_cast<int>(level) * 100 + 6);
    dispatch<tell_bound_level>(level, &told, 1, 2.0, "3");  // has no code for AVX-512
    CHECK(told == static_cast<int>(std::min(level, isa::avx2)) * 100 + 6);
  });
}

TEST_CASE("dispatch: denormals are flushed inside and nowhere else") {
  const float tiny = std::numeric_limits<float>::min();
  float inside = 1, operand = 1;
  volatile float outside = tiny;
  support::for_each_isa([&](isa level) {
    const float half = 0.5f, denormal = tiny / 4, large = 1e30f;
    dispatch<multiply>(level, &tiny, &half, &inside);
    dispatch<multiply>(level, &denormal, &large, &operand);
    outside = tiny;
    outside = outside * 0.5f;
    CHECK(outside > 0);
#if INLAY_X86 || defined(__aarch64__)
    CHECK(inside == 0);
    CHECK(operand == 0);
#endif
  });
}

TEST_CASE("dispatch: leaves rounding, masks and flags as they were, on every thread") {
  const int before = std::fegetround();
  support::for_each_isa([&](isa level) {
    for (const int mode : {FE_TONEAREST, FE_UPWARD, FE_TOWARDZERO}) {
      std::fesetround(mode);
      std::feclearexcept(FE_ALL_EXCEPT);
      const unsigned word = control_word();
      const float a = 1e30f, b = 1e-30f / 3;
      float product = 0;
      dispatch<multiply>(level, &a, &a, &product);  // overflows
      dispatch<multiply>(level, &a, &b, &product);
      const unsigned after = control_word();
      const int mode_after = std::fegetround(), raised = std::fetestexcept(FE_OVERFLOW);
      std::fesetround(before);
      CHECK(after == word);
      CHECK(mode_after == mode);
#if INLAY_X86
      CHECK(raised == 0);
#else
      (void)raised;
#endif
    }
    const thread_scope two(2);
    std::atomic<int> changed = 0;
    parallel_for(2, 1, [&](std::int64_t, std::int64_t) {
      const unsigned word = control_word();
      const float a = 1e-30f;
      float product = 0;
      dispatch<multiply>(level, &a, &a, &product);
      changed += control_word() != word;
    });
    CHECK(changed == 0);
  });
}
