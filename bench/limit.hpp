// The limit that arithmetic is measured against: fused multiply-adds that never leave the registers, at the
// instruction-set level that the kernels run at.
#pragma once

#include <inlay/core/simd.hpp>

#include "rounds.hpp"

namespace bench {

inline constexpr int limit_sums = 12;  // independent: hide the latency of two units

struct fma_loop {
  template <inlay::isa Level> INLAY_INLINE static void run(std::int64_t steps, float* out) noexcept {
    using V = inlay::simd<float, Level>;
    const V factor(out[0]), term(out[1]);
    V sum[limit_sums];
#pragma GCC unroll 12
    for (int i = 0; i < limit_sums; ++i) sum[i] = V(static_cast<float>(i));
    for (std::int64_t step = 0; step < steps; ++step) {
#pragma GCC unroll 12
      for (int i = 0; i < limit_sums; ++i) sum[i] = multiply_add(sum[i], factor, term);
    }
#pragma GCC unroll 12
    for (int i = 1; i < limit_sums; ++i) sum[0] = sum[0] + sum[i];
    sum[0].store(out + 2);
  }
};

// One GFLOP per call.
inline contestant limit() {
  return {.name = "limit",
          .call =
              [] {
                float out[18] = {0.5f, 1.0f};
                const inlay::isa level = inlay::active_isa();
                const double lanes = inlay::register_bytes(level) / 4.0;
                inlay::dispatch<fma_loop>(level, static_cast<std::int64_t>(1e9 / (2 * limit_sums * lanes)),
                                          static_cast<float*>(out));
                benchmark::DoNotOptimize(out[2]);
              },
          .role = role::limit};
}

}  // namespace bench
