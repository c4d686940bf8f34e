// Eigen, compiled as a plain build has it, for AVX2, and with all of this machine's instructions. The network is the
// perceptron.
#pragma once

#include "network.hpp"

namespace eigen_plain {
void product(std::int64_t m, std::int64_t n, std::int64_t k, const float* a, const float* b, bool transposed_b,
             float* c);
bench::make_network make;
}  // namespace eigen_plain

namespace eigen_avx2 {
void product(std::int64_t m, std::int64_t n, std::int64_t k, const float* a, const float* b, bool transposed_b,
             float* c);
}  // namespace eigen_avx2

namespace eigen_native {
void product(std::int64_t m, std::int64_t n, std::int64_t k, const float* a, const float* b, bool transposed_b,
             float* c);
bench::make_network make;
}  // namespace eigen_native
