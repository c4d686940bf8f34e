// Dropout (Srivastava et al., 2014), inverted: while training, each element is 0 with probability p and the others are
// divided by 1 - p. The mask comes from the tape's random stream. A tensor, or a tape in mode infer, passes unchanged.
#pragma once

#include "arithmetic.hpp"

namespace inlay::inline v0_1 {

struct dropout_op {
  static constexpr const char* name = "dropout";
  double p = 0.5;

  template <floating T> tensor<T> forward(tensor<T> x) const { return x; }

  template <class T> recorded<T, tensor<T>> record(detail::tape_state* tape, const tensor<T>& x) const {
    if (tape == nullptr)
      throw state_error(
          name, {"expected a variable of a tape, which holds the random stream; use tape.input(x) or tape.leaf(x)"});
    if (tape->mode == autograd::mode::infer) return {x, {}};
    tensor<T> mask = tensor<T>::empty(x.shape());
    const T kept = p < 1 ? static_cast<T>(1 / (1 - p)) : T{0};
    const auto threshold = static_cast<std::uint64_t>(p * 0x1p32);  // a 32-bit word below it drops
    random::detail::fill<4>(tape->random, mask, [=](const random::words& w) {
      std::array<T, 4> out;
      for (std::size_t i = 0; i < 4; ++i) out[i] = w[i] < threshold ? T{0} : kept;
      return out;
    });
    tensor<T> y = mul_op{}.forward(x, mask);
    return {std::move(y), std::move(mask)};
  }

  // Without a mask nothing was dropped.
  template <class T> void backward(tensor<T> dy, const tensor<T>& mask, const gradient<T>& dx) const {
    if (!dx.wanted()) return;
    dx.add(mask.size() == dy.size() ? mul_op{}.forward(std::move(dy), mask) : std::move(dy));
  }
};

// Throws value_error unless 0 <= p <= 1.
template <operand X> auto dropout(X&& x, double p) {
  if (!(p >= 0 && p <= 1)) throw value_error(dropout_op::name, {"expected a probability from 0 to 1, got ", p});
  return apply(dropout_op{p}, std::forward<X>(x));
}

}  // namespace inlay::inline v0_1
