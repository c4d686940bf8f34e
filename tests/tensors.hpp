// What tests of tensors share: made-up tensors, comparisons, PyTorch's numbers against ours, and one call that runs
// something at every level and thread count.
#pragma once

#include <functional>

#include <inlay/autograd/variable.hpp>
#include <inlay/ops/slice.hpp>

#include "support.hpp"

namespace support {

template <class T>
inlay::tensor<T> made_up(const inlay::shape& sizes, std::uint64_t seed, double low = -1, double high = 1) {
  return inlay::from<T>(sizes, std::span<const T>(noise_values<T>(sizes.size(), seed, low, high)));
}

// 0, 1, 2, … in a type of its own; true and false in turn for bool.
template <class T> inlay::tensor<T> counting(const inlay::shape& sizes) {
  inlay::tensor<T> out = inlay::empty<T>(sizes);
  out.write([](std::span<T> to) {
    for (std::size_t i = 0; i < to.size(); ++i)
      if constexpr (std::is_same_v<T, bool>)
        to[i] = i % 2 == 1;
      else
        to[i] = inlay::detail::convert<T>(static_cast<std::int64_t>(i));
  });
  return out;
}

template <class T> bool same_bits(const inlay::tensor<T>& a, const inlay::tensor<T>& b) noexcept {
  return a.shape() == b.shape() && same_bits(a.values(), b.values());
}

// |got - expected| <= tolerance max(1, |expected|) for all elements.
template <class T>
void check_close(const inlay::tensor<T>& got, const std::vector<double>& expected, double tolerance = 1e-12) {
  CHECK(difference(got.values(), expected) <= tolerance);
}

using numbers = std::vector<double>;
using variables = std::vector<inlay::variable<double>>;

// f of the inputs and the gradients of sum(f * dy), against the numbers given.
inline void check_golden(const char* name, const std::function<inlay::variable<double>(const variables&)>& f,
                         const std::vector<inlay::tensor<double>>& inputs, const numbers& dy, const numbers& y,
                         const std::vector<numbers>& gradients) {
  INFO("golden ", std::string(name));
  const inlay::autograd::tape tape;
  variables leaves;
  for (const auto& input : inputs) leaves.push_back(tape.leaf(input));
  const auto result = f(leaves);
  check_close(result.value(), y);
  result.backward(inlay::from<double>(result.shape(), std::span<const double>(dy)));
  REQUIRE(gradients.size() == leaves.size());
  for (std::size_t i = 0; i < leaves.size(); ++i) {
    INFO("gradient ", i);
    REQUIRE(leaves[i].has_grad());
    CHECK(leaves[i].grad().shape() == inputs[i].shape());
    check_close(leaves[i].grad(), gradients[i]);
  }
}

// Runs at every level with 1, 2 and 4 threads: close to the expected values, and the same bits for all thread counts.
template <class T>
void check_everywhere(const std::function<inlay::tensor<T>()>& run, const numbers& expected, double tolerance) {
  for_each_isa([&](inlay::isa) {
    inlay::tensor<T> first;
    for_each_thread_count([&](int threads) {
      const inlay::tensor<T> result = run();
      if (threads == 1) check_close(result, expected, tolerance);
      if (threads == 1)
        first = result;
      else
        CHECK(same_bits(result, first));
    });
  });
}

// Wrong by a few rounding errors.
template <class T> inline constexpr double rounding = sizeof(T) == 4 ? 2e-6 : 1e-14;

// f of the halves of x along an axis has the bits of f of x, which is so large that it is written past the caches.
template <class T, class F> void check_large(const inlay::tensor<T>& x, std::int64_t axis, F f) {
  const auto half = x.dim(axis) / 2;
  for_each_isa([&](inlay::isa) {
    const inlay::tensor<T> whole = f(x);
    REQUIRE(inlay::past_caches(whole.size() * std::int64_t{sizeof(T)}));
    for (const std::int64_t at : {std::int64_t{0}, half})
      CHECK(same_bits(inlay::slice(whole, axis, at, at + half), f(inlay::slice(x, axis, at, at + half))));
  });
}

}  // namespace support
