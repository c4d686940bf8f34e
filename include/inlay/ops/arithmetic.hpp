// + - * / and negation of tensors, variables and parameters, with NumPy's broadcasting; scalars on either side.
#pragma once

#include "map.hpp"

namespace inlay::inline v0_1 {

struct add_op {
  static constexpr const char* name = "add";
  static constexpr bool elementwise = true;
  template <class T> tensor<T> forward(tensor<T> a, tensor<T> b) const {
    return detail::zip(name, kernels::add{}, std::move(a), std::move(b));
  }
  template <class T> void backward(const tensor<T>& dy, const gradient<T>& da, const gradient<T>& db) const {
    if (da.wanted()) da.add(detail::sum_to(dy, da.shape()));
    if (db.wanted()) db.add(detail::sum_to(dy, db.shape()));
  }
};

struct neg_op {
  static constexpr const char* name = "neg";
  static constexpr bool elementwise = true;
  template <class T> tensor<T> forward(tensor<T> x) const { return detail::map(kernels::negate{}, std::move(x)); }
  template <class T> void backward(tensor<T> dy, const gradient<T>& dx) const {
    if (dx.wanted()) dx.add(detail::map(kernels::negate{}, std::move(dy)));
  }
};

struct sub_op {
  static constexpr const char* name = "sub";
  static constexpr bool elementwise = true;
  template <class T> tensor<T> forward(tensor<T> a, tensor<T> b) const {
    return detail::zip(name, kernels::subtract{}, std::move(a), std::move(b));
  }
  template <class T> void backward(const tensor<T>& dy, const gradient<T>& da, const gradient<T>& db) const {
    if (da.wanted()) da.add(detail::sum_to(dy, da.shape()));
    if (db.wanted()) db.add(detail::map(kernels::negate{}, detail::sum_to(dy, db.shape())));
  }
};

struct mul_op {
  static constexpr const char* name = "mul";
  static constexpr bool elementwise = true;
  template <class T> tensor<T> forward(tensor<T> a, tensor<T> b) const {
    return detail::zip(name, kernels::multiply{}, std::move(a), std::move(b));
  }
  template <class T> auto keep(const tensor<T>& a, const tensor<T>& b, const tensor<T>&) const {
    return std::pair(a, b);
  }
  template <class T>
  void backward(const tensor<T>& dy, const std::pair<tensor<T>, tensor<T>>& kept, const gradient<T>& da,
                const gradient<T>& db) const {
    if (da.wanted()) da.add(detail::sum_to(forward(dy, kept.second), da.shape()));
    if (db.wanted()) db.add(detail::sum_to(forward(dy, kept.first), db.shape()));
  }
};

struct div_op {
  static constexpr const char* name = "div";
  static constexpr bool elementwise = true;
  template <class T> tensor<T> forward(tensor<T> a, tensor<T> b) const {
    static_assert(floating<T>, "division is defined for float and double; cast integers first");
    return detail::zip(name, kernels::divide{}, std::move(a), std::move(b));
  }
  template <class T> auto keep(const tensor<T>&, const tensor<T>& b, const tensor<T>& y) const {
    return std::pair(b, y);
  }
  template <class T>
  void backward(const tensor<T>& dy, const std::pair<tensor<T>, tensor<T>>& kept, const gradient<T>& da,
                const gradient<T>& db) const {
    const auto& [b, y] = kept;
    const tensor<T> da_full = forward(dy, b);  // d(a / b) = da / b - (a / b) db / b
    if (db.wanted()) db.add(detail::map(kernels::negate{}, detail::sum_to(mul_op{}.forward(da_full, y), db.shape())));
    if (da.wanted()) da.add(detail::sum_to(da_full, da.shape()));
  }
};

namespace detail {

// A number as an operand that broadcasts.
template <class A> tensor<element_of<A>> scalar(element_of<A> value) { return tensor<element_of<A>>(shape{}, value); }

}  // namespace detail

template <operand A, operand B> auto operator+(A&& a, B&& b) {
  return apply(add_op{}, std::forward<A>(a), std::forward<B>(b));
}
template <operand A, operand B> auto operator-(A&& a, B&& b) {
  return apply(sub_op{}, std::forward<A>(a), std::forward<B>(b));
}
template <operand A, operand B> auto operator*(A&& a, B&& b) {
  return apply(mul_op{}, std::forward<A>(a), std::forward<B>(b));
}
template <operand A, operand B> auto operator/(A&& a, B&& b) {
  return apply(div_op{}, std::forward<A>(a), std::forward<B>(b));
}
template <operand A> auto operator-(A&& a) { return apply(neg_op{}, std::forward<A>(a)); }

template <operand A> auto operator+(A&& a, detail::element_of<A> b) {
  return std::forward<A>(a) + detail::scalar<A>(b);
}
template <operand A> auto operator-(A&& a, detail::element_of<A> b) {
  return std::forward<A>(a) - detail::scalar<A>(b);
}
template <operand A> auto operator*(A&& a, detail::element_of<A> b) {
  return std::forward<A>(a) * detail::scalar<A>(b);
}
template <operand A> auto operator/(A&& a, detail::element_of<A> b) {
  return std::forward<A>(a) / detail::scalar<A>(b);
}
template <operand A> auto operator+(detail::element_of<A> a, A&& b) {
  return detail::scalar<A>(a) + std::forward<A>(b);
}
template <operand A> auto operator-(detail::element_of<A> a, A&& b) {
  return detail::scalar<A>(a) - std::forward<A>(b);
}
template <operand A> auto operator*(detail::element_of<A> a, A&& b) {
  return detail::scalar<A>(a) * std::forward<A>(b);
}
template <operand A> auto operator/(detail::element_of<A> a, A&& b) {
  return detail::scalar<A>(a) / std::forward<A>(b);
}

// Tensors only, in place when the memory is not shared; variables have a history and are never changed.
template <class T> tensor<T>& operator+=(tensor<T>& a, const tensor<T>& b) { return a = std::move(a) + b; }
template <class T> tensor<T>& operator-=(tensor<T>& a, const tensor<T>& b) { return a = std::move(a) - b; }
template <class T> tensor<T>& operator*=(tensor<T>& a, const tensor<T>& b) { return a = std::move(a) * b; }
template <class T> tensor<T>& operator/=(tensor<T>& a, const tensor<T>& b) { return a = std::move(a) / b; }

}  // namespace inlay::inline v0_1
