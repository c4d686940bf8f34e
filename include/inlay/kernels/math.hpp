// exp, expm1, log, log1p, tanh, sigmoid, sqrt and the normal distribution on registers, one body for float and double
// at every level. Largest error over the whole range, in units in the last place (float · double):
//   exp 1 · 1   log 1 · 1.2   tanh 2.4 · 2.4   sigmoid 2.2 · 2.2   sqrt 1.2 · 1.2
//   expm1 (x <= 0) 1.3 · 1.3   log1p (x >= 0) 2.4 · 2.4   normal distribution 5 · 6
// NaN stays NaN; denormal operands count as 0, and results that would be denormal may be 0.
#pragma once

#include <bit>
#include <limits>

#include "../core/simd.hpp"

INLAY_PRECISE_BEGIN

namespace inlay::inline v0_1::kernels {

namespace detail {

// The constants that depend on the width of the type. Powers of a series stand lowest first.
template <class T> struct format;
template <> struct format<float> {
  static constexpr int mantissa = 23, bias = 127, sqrt_steps = 3;
  static constexpr float rounder = 0x1.8p23f;  // added and taken off, it leaves a whole number
  static constexpr float ln2_high = 0x1.62ep-1f,
                         ln2_low = 0x1.0bfbe8p-15f;  // the high part has 12 bits: n * high is exact
  static constexpr float exp_lowest = -0x1.5d589ep6f, exp_highest = 0x1.62e42ep6f;  // whose results are normal
  static constexpr float tanh_highest = 10, expm1_lowest = -87, normal_highest = 13.2f;
  static constexpr std::int32_t sqrt_half = 0x3f3504f3, sqrt_guess = 0x5f375a86, upper_half = ~0xfff;
  // (e^r - 1 - r) / r^2 with 3e-9 of e^r at most, |r| <= ln2 / 2; (atanh(s) / s - 1) / s^2 by powers of s^2.
  static constexpr float exp_series[] = {0.499999934374f, 0.166665204776f, 0.041668389853f, 0.008368735567f,
                                         0.001381456016f};
  // See normal_tail. Fitted at Chebyshev's points to 1.2e-8 and, for double, 1.1e-17.
  static constexpr float erfc_series[] = {-0.4892086525f,    -0.343580441f,    0.1397363822f,   -0.0182183559f,
                                          -0.01075791905f,   0.003217948073f,  0.001544087103f, -0.0003550321875f,
                                          -0.0002900290586f, -4.024546189e-05f};
  static constexpr float log_series[] = {1.f / 3, 1.f / 5, 1.f / 7, 1.f / 9, 1.f / 11};
};
template <> struct format<double> {
  static constexpr int mantissa = 52, bias = 1023, sqrt_steps = 4;
  static constexpr double rounder = 0x1.8p52;
  static constexpr double ln2_high = 0x1.62e42fefap-1, ln2_low = 0x1.cf79abc9e3b39p-40;
  static constexpr double exp_lowest = -0x1.6232bdd7abcd2p9, exp_highest = 0x1.62e42fefa39efp9;
  static constexpr double tanh_highest = 20, expm1_lowest = -708, normal_highest = 37.6;
  static constexpr std::int64_t sqrt_half = 0x3fe6a09e667f3bcd, sqrt_guess = 0x5fe6eb50c7b537a9,
                                upper_half = ~0x7ffffff;
  static constexpr double exp_series[] = {1. / 2,        1. / 6,         1. / 24,        1. / 120,
                                          1. / 720,      1. / 5040,      1. / 40320,     1. / 362880,
                                          1. / 3628800., 1. / 39916800., 1. / 479001600, 1. / 6227020800.};
  static constexpr double erfc_series[] = {
      -0.4892086473789885,     -0.34358034220690536,    0.13973604627802383,     -0.018221115753427695,
      -0.010755330944532376,   0.0032395925334334076,   0.0015453060246689288,   -0.00041864802387304648,
      -0.00033153669265074818, 1.7185649180798652e-05,  7.2234936773018748e-05,  1.7074839875256422e-05,
      -1.0846039084912726e-05, -8.0618688376292864e-06, -5.6946451069189571e-07, 1.8251198425114805e-06,
      1.0160059146205297e-06,  -3.4287235193385232e-09, -3.0917473053641153e-07, -1.5919226463870497e-07,
      2.3364123078478902e-08,  5.5596601799845648e-08,  1.1866148272257806e-08,  -7.3777575491170984e-09,
      -2.8940096795454426e-09};
  static constexpr double log_series[] = {1. / 3,  1. / 5,  1. / 7,  1. / 9,  1. / 11, 1. / 13,
                                          1. / 15, 1. / 17, 1. / 19, 1. / 21, 1. / 23};
};

// c[0] + c[1] x + c[2] x^2 + …: even and odd powers apart, which halves the way from x to the result.
template <class V, class T, int N> INLAY_INLINE V series(const T (&c)[N], const V& x) {
  const V square = x * x;
  V next(c[N - 1]), last(c[N - 2]);
#pragma GCC unroll 24
  for (int i = N - 3; i >= 0; --i) {
    const V longer = multiply_add(next, square, V(c[i]));
    next = last;
    last = longer;
  }
  return multiply_add(next, x, last);
}

// 2^n for exponents of normal numbers. Only the low bits of n count.
template <class V> INLAY_INLINE V power_of_two(const typename V::integer& n) {
  using T = typename V::value_type;
  using I = typename V::integer;
  return V::from_bits((n + I(format<T>::bias)) << format<T>::mantissa);
}

// x + rest = n ln2 + r with |r| <= ln2 / 2, or a little more for a small rest; returns e^r - 1 = r + r^2/2 + r^3/6 + …
// without cancellation. The low bits of n are the number, as many as an exponent has.
template <class V> INLAY_INLINE V reduced_expm1(const V& x, const V& rest, typename V::integer& n) {
  using T = typename V::value_type;
  using F = format<T>;
  const V shifted = multiply_add(x, V(T(1.4426950408889634)), V(F::rounder));
  n = shifted.bits();
  const V k = shifted - V(F::rounder);
  const V r = multiply_add(k, V(-F::ln2_low), multiply_add(k, V(-F::ln2_high), x)) + rest;
  return multiply_add(series(F::exp_series, r), r * r, r);
}
template <class V> INLAY_INLINE V reduced_expm1(const V& x, typename V::integer& n) {
  return reduced_expm1(x, V(typename V::value_type(-0.0)), n);
}

// 2^n (1 + r), where that is a normal number.
template <class V> INLAY_INLINE V from_exp(const V& r, const typename V::integer& n) {
  using T = typename V::value_type;
  return V::from_bits((r + V(T{1})).bits() + (n << format<T>::mantissa));
}

// n and r such that exp(x) - 1 = 2^n r + (2^n - 1), for an x whose 2^n is a normal number.
template <class V> INLAY_INLINE V from_expm1(const V& r, const typename V::integer& n) {
  const V scale = power_of_two<V>(n);
  return multiply_add(scale, r, scale - V(typename V::value_type{1}));
}

}  // namespace detail

template <class V> INLAY_INLINE V exp(const V& x) {
  using T = typename V::value_type;
  using F = detail::format<T>;
  typename V::integer n;
  const V r = detail::reduced_expm1(x, n), beyond = x * V(std::numeric_limits<T>::max());  // infinity or NaN
  const V up = select(x <= V(F::exp_highest), detail::from_exp(r, n), beyond);
  return V::from_bits(up.bits() & ~(x < V(F::exp_lowest)));
}

// The same bits for x <= 0, of scores less the largest: nothing overflows, and a product keeps NaN.
template <class V> INLAY_INLINE V exp_of_negative(const V& x) {
  using T = typename V::value_type;
  typename V::integer n;
  const V r = detail::reduced_expm1(x, n);
  return V::from_bits(((r + V(T{1})) * detail::power_of_two<V>(n)).bits() & ~(x < V(detail::format<T>::exp_lowest)));
}

// log x: x = m 2^e with m in [sqrt(1/2), sqrt(2)), log m = 2 atanh(s), s = (m - 1) / (m + 1).
template <class V> INLAY_INLINE V log(const V& x) {
  using T = typename V::value_type;
  using F = detail::format<T>;
  using I = typename V::integer;
  constexpr T infinity = std::numeric_limits<T>::infinity();
  const I shifted = x.bits() - I(F::sqrt_half);
  const V e = V::from_bits((shifted >> F::mantissa) + V(F::rounder).bits()) - V(F::rounder);
  const I mantissa_mask((typename I::value_type{1} << F::mantissa) - 1);
  const V f = V::from_bits((shifted & mantissa_mask) + I(F::sqrt_half)) - V(T(1));
  const V s = f / (f + V(T(2))), z = s * s;
  const V series = detail::series(F::log_series, z);
  // 2 s (1 + z series) = f - s (f - 2 z series): the large part, f, is exact.
  const V log_m = f - s * (f - (z + z) * series);
  const V y = multiply_add(e, V(F::ln2_high), multiply_add(e, V(F::ln2_low), log_m));
  const V special =
      select(x == V::zero(), V(-infinity), select(x < V::zero(), V(std::numeric_limits<T>::quiet_NaN()), x));
  const I normal = (x >= V(std::numeric_limits<T>::min())) & (x < V(infinity));
  return select(normal, y, select((x > V::zero()) & (x < V(infinity)), V(-infinity), special));
}

// exp(x) - 1, for x <= 0.
template <class V> INLAY_INLINE V expm1(const V& x) {
  using F = detail::format<typename V::value_type>;
  typename V::integer n;
  const V r = detail::reduced_expm1(max(V(F::expm1_lowest), x), n);  // the order lets NaN through
  return detail::from_expm1(r, n);
}

// log(1 + x), for a finite x >= 0: what 1 + x loses of x is put back as a factor (Kahan).
template <class V> INLAY_INLINE V log1p(const V& x) {
  const V one(typename V::value_type{1}), u = one + x;
  return select(u == one, x, kernels::log(u) * (x / (u - one)));
}

// tanh |x| = e / (e + 2) with e = exp(2 |x|) - 1.
template <class V> INLAY_INLINE V tanh(const V& x) {
  using T = typename V::value_type;
  using I = typename V::integer;
  I n;
  const V twice = min(V(detail::format<T>::tanh_highest), abs(x)) * V(T(2));  // the order lets NaN through
  const V r = detail::reduced_expm1(twice, n), e = detail::from_expm1(r, n);
  const V y = e / (e + V(T(2)));
  const I sign = x.bits() & I(std::numeric_limits<typename I::value_type>::min());
  return V::from_bits(y.bits() | sign);
}

// 1 / (1 + exp(-x))
template <class V> INLAY_INLINE V sigmoid(const V& x) {
  using T = typename V::value_type;
  return V(T(1)) / (V(T(1)) + exp(-x));
}

// Phi(-d) for d = |x|, or the highest of which it is no denormal. With z = d / sqrt 2 it is erfc(z) / 2, and
// exp(z^2) erfc(z) (1 + z / 2) - 1 is a polynomial in (z - 2) / (z + 2), so the tail keeps its relative precision and
// takes one division. `power` becomes exp(-z^2).
template <class V> INLAY_INLINE V normal_tail(const V& x, V& d, V& power) {
  using T = typename V::value_type;
  using F = detail::format<T>;
  const V one(T{1}), root_half(T(0.7071067811865476));
  d = min(V(F::normal_highest), abs(x));  // the order lets NaN through
  const V share = one / multiply_add(d, root_half, V(T{2})), t = multiply_add(d, root_half, V(T{-2})) * share;
  // d^2 = high^2 + low (high + d), of which the first is exact: a rounding would be multiplied by it.
  const V high = V::from_bits(d.bits() & typename V::integer(F::upper_half)), minus_half(T(-0.5));
  const V half_high = high * minus_half, half_sum = multiply_add(d, minus_half, half_high);
  typename V::integer n;
  const V r = detail::reduced_expm1(high * half_high, (d - high) * half_sum, n);
  power = detail::from_exp(r, n);
  return (one + detail::series(F::erfc_series, t)) * share * power;
}

// Phi(x).
template <class V> INLAY_INLINE V normal_cdf(const V& x) {
  V d, power;
  const V tail = normal_tail(x, d, power);
  return select(x < V::zero(), tail, V(typename V::value_type{1}) - tail);
}

// Newton's iteration for 1 / sqrt x from a guess on the bits, then one step for the root itself.
template <class V> INLAY_INLINE V sqrt(const V& x) {
  using T = typename V::value_type;
  using F = detail::format<T>;
  using I = typename V::integer;
  V y = V::from_bits(I(F::sqrt_guess) - (x.bits() >> 1));
  for (int i = 0; i < F::sqrt_steps; ++i) y = y * multiply_add(x * y * V(T(-0.5)), y, V(T(1.5)));
  V root = x * y;
  root = multiply_add(root, multiply_add(-root, y * V(T(0.5)), V(T(0.5))),
                      root);  // x - root^2 may overflow or be denormal
  const I positive = (x > V::zero()) & (x < V(std::numeric_limits<T>::infinity()));
  return select(positive, root, select(x < V::zero(), V(std::numeric_limits<T>::quiet_NaN()), x));
}

}  // namespace inlay::inline v0_1::kernels

INLAY_PRECISE_END
