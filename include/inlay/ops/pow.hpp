// pow of two operands that broadcast: a^b. For one exponent, see functions.hpp.
#pragma once

#include "compare.hpp"
#include "functions.hpp"

namespace inlay::inline v0_1 {

struct pow_op {
  static constexpr const char* name = "pow";
  static constexpr bool elementwise = true;

  template <floating T> tensor<T> forward(tensor<T> a, tensor<T> b) const {
    return detail::zip(name, kernels::power{}, std::move(a), std::move(b));
  }
  template <class T> struct kept { tensor<T> a, b, y; };
  template <class T> auto keep(const tensor<T>& a, const tensor<T>& b, const tensor<T>& y) const {
    return kept<T>{a, b, y};
  }
  // da = b a^(b - 1) dy, none where b is 0; db = a^b log(a) dy, none where a^b is 0 or 0^0.
  template <class T>
  void backward(const tensor<T>& dy, const kept<T>& k, const gradient<T>& da, const gradient<T>& db) const {
    if (da.wanted())
      da.add(detail::sum_to(where(eq(k.b, T{0}), T{0}, dy * k.b * forward(k.a, k.b - T{1})), da.shape()));
    if (!db.wanted()) return;
    const tensor<T> base = where(eq(k.a, T{0}), eq(k.b, T{0}).template cast<T>(), k.a);  // 1 for 0^0: no logarithm
    db.add(detail::sum_to(where(eq(k.y, T{0}), T{0}, dy * k.y * log(base)), db.shape()));
  }
};

template <operand A, operand B> auto pow(A&& a, B&& b) {
  return apply(pow_op{}, std::forward<A>(a), std::forward<B>(b));
}
// A number raised to every element.
template <operand B> auto pow(detail::element_of<B> a, B&& b) { return pow(detail::scalar<B>(a), std::forward<B>(b)); }

}  // namespace inlay::inline v0_1
