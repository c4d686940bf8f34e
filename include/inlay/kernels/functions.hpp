// Functions of one value, each with its gradient: all that there is to say about an elementwise operation. `name` is
// the operation's; operator() takes and gives registers of any level; gradient(dy, a) has for `a` the result where
// `from_result` says so, else the operand. What a function holds, it lists in attributes().
#pragma once

#include "elementwise.hpp"

INLAY_PRECISE_BEGIN

namespace inlay::inline v0_1::kernels {

// The gradient of F as a function of two operands.
template <class F> struct gradient_of : memory_bound_if<F::from_result || memory_bound<F>> {
  F f;
  explicit gradient_of(const F& of = {}) : f(of) {}
  template <class V> INLAY_INLINE V operator()(const V& dy, const V& a) const { return f.gradient(dy, a); }
};

namespace function {

struct exp {
  static constexpr const char* name = "exp";
  static constexpr bool from_result = true;
  template <class V> INLAY_INLINE V operator()(const V& x) const { return kernels::exp(x); }
  template <class V> INLAY_INLINE V gradient(const V& dy, const V& y) const { return dy * y; }
};

struct log {
  static constexpr const char* name = "log";
  static constexpr bool from_result = false;
  template <class V> INLAY_INLINE V operator()(const V& x) const { return kernels::log(x); }
  template <class V> INLAY_INLINE V gradient(const V& dy, const V& x) const { return dy / x; }
};

struct sqrt {
  static constexpr const char* name = "sqrt";
  static constexpr bool from_result = true;
  template <class V> INLAY_INLINE V operator()(const V& x) const { return kernels::sqrt(x); }
  template <class V> INLAY_INLINE V gradient(const V& dy, const V& y) const { return dy / (y + y); }
};

// |x|; no gradient at 0.
struct abs {
  using memory_bound = void;
  static constexpr const char* name = "abs";
  static constexpr bool from_result = false;
  template <class V> INLAY_INLINE V operator()(const V& x) const { return inlay::abs(x); }
  template <class V> INLAY_INLINE V gradient(const V& dy, const V& x) const {
    return select(x > V::zero(), dy, select(x < V::zero(), -dy, V::zero()));
  }
};

// -1, 0 or 1; NaN stays. Its gradient is 0.
struct sign {
  using memory_bound = void;
  static constexpr const char* name = "sign";
  static constexpr bool from_result = true;
  template <class V> INLAY_INLINE V operator()(const V& x) const {
    using T = typename V::value_type;
    return select(x > V::zero(), V(T{1}), select(x < V::zero(), V(T{-1}), x));
  }
  template <class V> INLAY_INLINE V gradient(const V&, const V&) const { return V::zero(); }
};

// x within [low, high]; the gradient passes where x lies inside or on a bound.
struct clamp {
  using memory_bound = void;
  static constexpr const char* name = "clamp";
  static constexpr bool from_result = false;
  static void attributes(auto& self, auto&& visit) {
    visit("min", self.low);
    visit("max", self.high);
  }
  double low = -std::numeric_limits<double>::infinity(), high = std::numeric_limits<double>::infinity();

  template <class V> INLAY_INLINE V operator()(const V& x) const {
    const V raised = select(x < V(low), V(low), x);
    return select(raised > V(high), V(high), raised);
  }
  template <class V> INLAY_INLINE V gradient(const V& dy, const V& x) const {
    return select((x >= V(low)) & (x <= V(high)), dy, V::zero());
  }
};

// x^exponent, by libm.
struct pow {
  static constexpr const char* name = "pow";
  static constexpr bool from_result = false;
  static void attributes(auto& self, auto&& visit) { visit("exponent", self.exponent); }
  double exponent = 1;

  template <class V> INLAY_INLINE V operator()(const V& x) const { return raised(x, exponent); }
  template <class V> INLAY_INLINE V gradient(const V& dy, const V& x) const {  // none of a constant, even at 0
    return exponent == 0 ? V::zero() : dy * V(exponent) * raised(x, exponent - 1);
  }

 private:
  template <class V> INLAY_INLINE static V raised(const V& x, double to) {
    using T = typename V::value_type;
    if (to == 1) return x;
    if (to == 2) return x * x;
    T lanes[V::size];
    x.store(lanes);
    for (T& lane : lanes) lane = static_cast<T>(__builtin_pow(static_cast<double>(lane), to));
    return V::load(lanes);
  }
};

// max(x, 0).
struct relu {
  using memory_bound = void;
  static constexpr const char* name = "relu";
  static constexpr bool from_result = true;
  template <class V> INLAY_INLINE V operator()(const V& x) const { return select(x < V::zero(), V::zero(), x); }
  template <class V> INLAY_INLINE V gradient(const V& dy, const V& y) const {
    return select(y > V::zero(), dy, V::zero());
  }
};

// x, or negative_slope x below 0 (Maas, Hannun and Ng, 2013).
struct leaky_relu {
  using memory_bound = void;
  static constexpr const char* name = "leaky_relu";
  static constexpr bool from_result = false;
  static void attributes(auto& self, auto&& visit) { visit("negative_slope", self.negative_slope); }
  double negative_slope = 0.01;

  template <class V> INLAY_INLINE V operator()(const V& x) const {
    return select(x < V::zero(), x * V(negative_slope), x);
  }
  template <class V> INLAY_INLINE V gradient(const V& dy, const V& x) const {
    return select(x > V::zero(), dy, dy * V(negative_slope));
  }
};

// x, or alpha (exp(x) - 1) below 0 (Clevert, Unterthiner and Hochreiter, 2015).
struct elu {
  static constexpr const char* name = "elu";
  static constexpr bool from_result = false;
  static void attributes(auto& self, auto&& visit) { visit("alpha", self.alpha); }
  double alpha = 1;

  template <class V> INLAY_INLINE V operator()(const V& x) const {
    return select(x < V::zero(), V(alpha) * kernels::expm1(x), x);
  }
  template <class V> INLAY_INLINE V gradient(const V& dy, const V& x) const {
    return select(x > V::zero(), dy, dy * V(alpha) * kernels::exp(x));
  }
};

struct tanh {
  static constexpr const char* name = "tanh";
  static constexpr bool from_result = true;
  template <class V> INLAY_INLINE V operator()(const V& x) const { return kernels::tanh(x); }
  template <class V> INLAY_INLINE V gradient(const V& dy, const V& y) const {
    return dy * (V(typename V::value_type{1}) - y * y);
  }
};

// 1 / (1 + exp(-x)).
struct sigmoid {
  static constexpr const char* name = "sigmoid";
  static constexpr bool from_result = true;
  template <class V> INLAY_INLINE V operator()(const V& x) const { return kernels::sigmoid(x); }
  template <class V> INLAY_INLINE V gradient(const V& dy, const V& y) const {
    return dy * y * (V(typename V::value_type{1}) - y);
  }
};

// x sigmoid(x), also called swish (Elfwing, Uchibe and Doya, 2017).
struct silu {
  static constexpr const char* name = "silu";
  static constexpr bool from_result = false;
  template <class V> INLAY_INLINE V operator()(const V& x) const { return x * kernels::sigmoid(x); }
  template <class V> INLAY_INLINE V gradient(const V& dy, const V& x) const {
    const V one(typename V::value_type{1}), s = kernels::sigmoid(x);
    return dy * s * multiply_add(x, one - s, one);
  }
};

// x Phi(x) with the normal distribution's Phi (Hendrycks and Gimpel, 2016).
struct gelu {
  static constexpr const char* name = "gelu";
  static constexpr bool from_result = false;
  template <class V> INLAY_INLINE V operator()(const V& x) const {
    V d, power;
    const V tail = kernels::normal_tail(x, d, power), half(0.5);
    // max(x, 0) - |x| Phi(-|x|), and no number of -inf
    return multiply_add(-d, tail, multiply_add(x, half, inlay::abs(x) * half));
  }
  template <class V> INLAY_INLINE V gradient(const V& dy, const V& x) const {  // Phi(x) + x phi(x)
    V d, power;
    const V tail = kernels::normal_tail(x, d, power);
    const V cdf = select(x < V::zero(), tail, V(1.0) - tail);
    return dy * multiply_add(x, power * V(0.3989422804014327), cdf);
  }
};

// The same with tanh in place of Phi: x (1 + tanh u) / 2, u = sqrt(2 / pi) (x + 0.044715 x^3).
struct gelu_tanh {
  static constexpr const char* name = "gelu_tanh";
  static constexpr bool from_result = false;
  template <class V> INLAY_INLINE V operator()(const V& x) const {
    return x * V(0.5) * (V(1.0) + kernels::tanh(inner(x)));
  }
  template <class V> INLAY_INLINE V gradient(const V& dy, const V& x) const {
    const V t = kernels::tanh(inner(x)), slope = V(0.7978845608028654) * multiply_add(x * x, V(3 * 0.044715), V(1.0));
    return dy * V(0.5) * (V(1.0) + t + x * (V(1.0) - t * t) * slope);
  }

 private:
  template <class V> INLAY_INLINE static V inner(const V& x) {
    return V(0.7978845608028654) * x * multiply_add(x * x, V(0.044715), V(1.0));
  }
};

// log(1 + exp(beta x)) / beta, and x itself where beta x is above the threshold.
struct softplus {
  static constexpr const char* name = "softplus";
  static constexpr bool from_result = false;
  static void attributes(auto& self, auto&& visit) {
    visit("beta", self.beta);
    visit("threshold", self.threshold);
  }
  double beta = 1, threshold = 20;

  template <class V> INLAY_INLINE V operator()(const V& x) const {
    const V z = x * V(beta), positive = select(z > V::zero(), z, V::zero());
    return select(z > V(threshold), x, (positive + kernels::log1p(kernels::exp(-inlay::abs(z)))) / V(beta));
  }
  template <class V> INLAY_INLINE V gradient(const V& dy, const V& x) const {
    const V z = x * V(beta);
    return select(z > V(threshold), dy, dy * kernels::sigmoid(z));
  }
};

// x clamp(x + 3, 0, 6) / 6 (Howard et al., 2019).
struct hardswish {
  using memory_bound = void;
  static constexpr const char* name = "hardswish";
  static constexpr bool from_result = false;
  template <class V> INLAY_INLINE V operator()(const V& x) const { return x * clamp{0, 6}(x + V(3.0)) * V(1.0 / 6); }
  template <class V> INLAY_INLINE V gradient(const V& dy, const V& x) const {
    const V middle = dy * multiply_add(x, V(1.0 / 3), V(0.5));
    return select(x < V(-3.0), V::zero(), select(x > V(3.0), dy, middle));
  }
};

}  // namespace function

}  // namespace inlay::inline v0_1::kernels

INLAY_PRECISE_END
