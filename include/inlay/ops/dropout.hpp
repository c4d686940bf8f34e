// Dropout (Srivastava et al., 2014), inverted: while training, each element is 0 with probability p and the others are
// divided by 1 - p. The mask comes from the tape's random stream. A tensor, or a tape in mode infer, passes unchanged.
#pragma once

#include "arithmetic.hpp"

namespace inlay::inline v0_1 {

struct dropout_op {
  static constexpr const char* name = "dropout";
  static constexpr bool elementwise = true;
  double p = 0.5;
  static void attributes(auto& self, auto&& visit) { visit("p", self.p); }

  template <floating T> tensor<T> forward(tensor<T> x) const { return x; }

  template <class T> recorded<T, tensor<T>> record(detail::tape_state* tape, const tensor<T>& x) const {
    if (tape == nullptr)
      throw state_error(
          name, {"expected a variable of a tape, which holds the random stream; use tape.input(x) or tape.leaf(x)"});
    if (tape->mode == autograd::mode::infer) return {x, {}};
    const double threshold = p * 0x1p32, kept = p < 1 ? 1 / (1 - p) : 0;  // a 32-bit word below the first drops
    tensor<T> mask = random::detail::drawn<T>(tape->random, x.shape(), 4, mask_values<T>, {threshold, kept});
    tensor<T> y = mul_op{}.forward(x, mask);
    return {std::move(y), std::move(mask)};
  }

  // Without a mask nothing was dropped.
  template <class T> void backward(tensor<T> dy, const tensor<T>& mask, const gradient<T>& dx) const {
    if (!dx.wanted()) return;
    dx.add(mask.size() == dy.size() ? mul_op{}.forward(std::move(dy), mask) : std::move(dy));
  }

 private:
  template <class T>
  static void mask_values(const random::words& w, const random::detail::numbers& of, T* out) noexcept {
    const auto threshold = static_cast<std::uint64_t>(of[0]);
    const T kept = static_cast<T>(of[1]);
    for (std::size_t i = 0; i < 4; ++i) out[i] = w[i] < threshold ? T{0} : kept;
  }
};

// Throws value_error unless 0 <= p <= 1.
template <operand X> auto dropout(X&& x, double p) {
  if (!(p >= 0 && p <= 1)) throw value_error(dropout_op::name, {"expected a probability from 0 to 1, got ", p});
  return apply(dropout_op{p}, std::forward<X>(x));
}

}  // namespace inlay::inline v0_1
