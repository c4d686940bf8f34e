#include "library.h"

namespace {

inlay::tensor<float> make(std::uint64_t seed) {
  inlay::random::generator random{seed};
  return inlay::random::normal<float>(random, inlay::shape{33, 33}, 0, 1);
}
inlay::tensor<float> multiply(const inlay::tensor<float>& a, const inlay::tensor<float>& b) { return matmul(a, b); }
void drop(inlay::tensor<float>&& x) { const inlay::tensor<float> gone = std::move(x); }

}  // namespace

extern "C" __attribute__((visibility("default"))) library inlay_test_library() { return {make, multiply, drop}; }
