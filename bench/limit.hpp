// The limits that rows are measured against, at the instruction-set level that the kernels run at: fused multiply-adds
// that never leave the registers, and a triad a = b + factor · c over as much memory as the row must move.
#pragma once

#include <inlay/core/simd.hpp>
#include <inlay/core/tensor.hpp>

#include <memory>

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

// A call is 0.1 GFLOP.
inline contestant fma_limit(double flop) {
  return {.name = "fused multiply-adds",
          .call =
              [] {
                const inlay::isa level = inlay::active_isa();
                const double lanes = inlay::register_bytes(level) / 4.0;
                const auto steps = static_cast<std::int64_t>(1e8 / (2 * limit_sums * lanes));
                inlay::parallel_for(steps, 1, [&](std::int64_t first, std::int64_t last) {
                  float out[18] = {0.5f, 1.0f};
                  inlay::dispatch<fma_loop>(level, last - first, static_cast<float*>(out));
                  touch_memory();
                });
              },
          .role = role::limit,
          .calls = flop * 1e-8};
}

struct triad_loop {
  template <inlay::isa Level>
  INLAY_INLINE static void run(const float* a, const float* b, float* c, std::int64_t count) noexcept {
    using V = inlay::simd<float, Level>;
    const V factor(0.5f);
    for (std::int64_t i = 0; i + V::size <= count; i += V::size)
      multiply_add(V::load(b + i), factor, V::load(a + i)).store(c + i);
  }
};

// `bytes`: what a call of ours must read and write at least.
inline contestant memory_limit(double bytes) {
  const auto count = static_cast<std::int64_t>(bytes / 12);
  const auto a = std::make_shared<inlay::tensor<float>>(inlay::shape{3, count}, 1.0f);
  float* at = a->data();
  return {.name = "triad",
          .call =
              [=] {
                const inlay::isa level = inlay::active_isa();
                inlay::parallel_for(count, 4096, [&](std::int64_t first, std::int64_t last) {
                  inlay::dispatch<triad_loop>(level, at + first, at + count + first, at + 2 * count + first,
                                              last - first);
                });
                (void)a;
              },
          .role = role::limit};
}

}  // namespace bench
