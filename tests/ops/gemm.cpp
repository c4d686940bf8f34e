// Shows: (panels kept with weights)
// Packed panels are kept with a weight's memory only, one set per view and level, and go when it is written.
#include <inlay/ops/gemm.hpp>

#include <doctest/doctest.h>

#include <thread>

#include "naive/arrays.hpp"
#include "tensors.hpp"

using namespace inlay;
using support::made_up;

namespace {

const std::int64_t k = 30, n = 20;

const float* panels(const tensor<float>& w, isa level = isa::plain, bool transposed = false) {
  const kernels::strided<float> view =
      transposed ? kernels::strided<float>{w.data(), 1, n} : kernels::strided<float>{w.data(), n, 1};
  return std::as_const(static_cast<const tensor<float>&>(
                           detail::panels_of(w, view, transposed ? n : k, transposed ? k : n, level)))
      .data();
}

}  // namespace

TEST_CASE("panels are kept for weights, and dropped with their values") {
  parameter<float> weight{made_up<float>({k, n}, 1)};
  const tensor<float> loose = made_up<float>({k, n}, 2);
  CHECK(loose.keeper() == nullptr);
  REQUIRE(weight.value().keeper() != nullptr);
  const float* kept = panels(weight.value());
  CHECK(panels(weight.value()) == kept);
  CHECK(panels(weight.value(), isa::plain, true) != kept);
  CHECK(panels(weight.value()) == kept);  // both views are kept
  if (highest_isa() > isa::plain) CHECK(panels(weight.value(), highest_isa()) != kept);
  CHECK(weight.value().keeper()->forms.load() != nullptr);
  weight.write([](std::span<float> w) { w[0] = 7; });
  REQUIRE(weight.value().keeper() != nullptr);
  CHECK(weight.value().keeper()->forms.load() == nullptr);
  CHECK(panels(weight.value())[0] == 7);
  const parameter<float> copy = weight;  // the memory is shared, and so are the panels
  CHECK(panels(copy.value()) == panels(weight.value()));
  weight.write([](std::span<float> w) { w[0] = 8; });
  CHECK(panels(copy.value())[0] == 7);
  CHECK(panels(weight.value())[0] == 8);
}

TEST_CASE("threads that pack at the same time agree") {
  const tensor<float> a = made_up<float>({7, k}, 3);
  for (int round = 0; round < 20; ++round) {
    const parameter<float> weight{made_up<float>({k, n}, 4)};
    std::vector<tensor<float>> results(4);
    std::vector<std::thread> threads;
    for (tensor<float>& result : results)
      threads.emplace_back([&] {
        const thread_scope alone(1);
        result = tensor<float>({7, n});
        detail::gemm<float>(7, n, k, {a.data(), k, 1}, weight.value(), {weight.value().data(), n, 1},
                            detail::writable(result));
      });
    for (std::thread& t : threads) t.join();
    for (const tensor<float>& result : results) CHECK(support::same_bits(result, results[0]));
    support::check_close(results[0], naive::matmul(a, weight.value()).values, 1e-5);
  }
}

TEST_CASE("gemm adds to what is there when asked") {
  const tensor<double> a = made_up<double>({40, 30}, 5), b = made_up<double>({30, 50}, 6),
                       start = made_up<double>({40, 50}, 7);
  support::check_everywhere<double>(
      [&] {
        tensor<double> c = start;
        detail::gemm<double>(40, 50, 30, {a.data(), 30, 1}, b, {b.data(), 50, 1}, detail::writable(c), true);
        return c;
      },
      naive::zip(naive::matmul(a, b), start, [](double x, double y) { return x + y; }).values, 1e-13);
}
