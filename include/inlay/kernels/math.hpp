// exp, expm1, log, log1p, tanh, sigmoid, sqrt and the normal distribution on registers, one body for float and double
// at every level. Largest error over the whole range, in units in the last place (float · double):
//   exp 1.1 · 1.1   log 1.1 · 1.3   tanh 2.6 · 2.6   sigmoid 2.4 · 2.4   sqrt 1.2 · 1.2
//   expm1 (x <= 0) 2 · 2   log1p (x >= 0) 2.5 · 2.5   normal distribution 6 · 6
// NaN stays NaN; denormal operands count as 0, and results that would be denormal may be 0.
#pragma once

#include <array>
#include <bit>
#include <limits>

#include "../core/simd.hpp"

INLAY_PRECISE_BEGIN

namespace inlay::inline v0_1::kernels {

namespace detail {

// The constants that depend on the width of the type.
template <class T> struct format;
template <> struct format<float> {
  static constexpr int mantissa = 23, bias = 127, exp_terms = 7, log_terms = 5, sqrt_steps = 3;
  static constexpr float ln2_high = 0x1.62ep-1f,
                         ln2_low = 0x1.0bfbe8p-15f;  // the high part has 12 bits: n * high is exact
  static constexpr float exp_lowest = -104, exp_highest = 89, tanh_highest = 10, sigmoid_lowest = -87,
                         normal_lowest = 14;
  static constexpr std::int32_t sqrt_half = 0x3f3504f3, sqrt_guess = 0x5f375a86, upper_half = ~0xfff;
};
template <> struct format<double> {
  static constexpr int mantissa = 52, bias = 1023, exp_terms = 13, log_terms = 11, sqrt_steps = 4;
  static constexpr double ln2_high = 0x1.62e42fefap-1, ln2_low = 0x1.cf79abc9e3b39p-40;
  static constexpr double exp_lowest = -746, exp_highest = 710, tanh_highest = 20, sigmoid_lowest = -708,
                          normal_lowest = 39;
  static constexpr std::int64_t sqrt_half = 0x3fe6a09e667f3bcd, sqrt_guess = 0x5fe6eb50c7b537a9,
                                upper_half = ~0x7ffffff;
};

// See normal_cdf. Fitted by Chebyshev polynomials to 1.7e-8 and 7e-17; the highest power first.
template <class T> inline constexpr std::array<T, 0> erfc_series = {};
template <>
inline constexpr std::array<float, 11> erfc_series<float> = {
    8.702645314e-4f, 6.993402319e-3f, -1.589801897e-2f, 3.644566937e-2f, -6.662522101e-2f, 9.381444093e-2f,
    -0.1009934783f,  6.809379481e-2f, 1.537753886e-2f,  -0.139621072f,   1.232995134f};
template <>
inline constexpr std::array<double, 22> erfc_series<double> = {
    -8.9062086639346222864e-9, -9.4562715249156915884e-9, 1.018124747514997112e-7,   5.8832306329144350109e-8,
    -8.1876625629157855874e-7, 3.0994402010831545289e-7,  5.706827475068263676e-6,   -1.1232086023404734034e-5,
    -2.439860935351290404e-5,  1.5062567141369431999e-4,  -1.9925669640425623743e-4, -7.5777430616933707446e-4,
    5.0319699523291529156e-3,  -1.6197733895959854866e-2, 3.716751554242075772e-2,   -6.6330365827292789827e-2,
    9.3732834997984628999e-2,  -0.10103906603558062919,   6.8097054254702127398e-2,  1.537965210260613265e-2,
    -0.1396211168405625547,    1.2329951186255525521};

template <class V> INLAY_INLINE typename V::integer truncate(const V& x) {
  typename V::integer out;
  out.v = __builtin_convertvector(x.v, typename V::integer::raw);
  return out;
}
template <class V> INLAY_INLINE V to_float(const typename V::integer& n) {
  V out;
  out.v = __builtin_convertvector(n.v, typename V::raw);
  return out;
}

// 2^n for exponents of normal numbers.
template <class V> INLAY_INLINE V power_of_two(const typename V::integer& n) {
  using T = typename V::value_type;
  using I = typename V::integer;
  return V::from_bits((n + I(format<T>::bias)) << format<T>::mantissa);
}

// x = n ln2 + r with |r| <= ln2 / 2; returns e^r - 1 = r + r^2/2 + r^3/6 + … without cancellation.
template <class V> INLAY_INLINE V reduced_expm1(const V& x, typename V::integer& n) {
  using T = typename V::value_type;
  using F = format<T>;
  const V scaled = x * V(T(1.4426950408889634));
  n = truncate(scaled + select(scaled < V::zero(), V(T(-0.5)), V(T(0.5))));
  const V k = to_float<V>(n);
  const V r = multiply_add(k, V(-F::ln2_low), multiply_add(k, V(-F::ln2_high), x));
  constexpr T inverse_factorial[] = {T(1),
                                     T(1),
                                     T(1.0 / 2),
                                     T(1.0 / 6),
                                     T(1.0 / 24),
                                     T(1.0 / 120),
                                     T(1.0 / 720),
                                     T(1.0 / 5040),
                                     T(1.0 / 40320),
                                     T(1.0 / 362880),
                                     T(1.0 / 3628800),
                                     T(1.0 / 39916800),
                                     T(1.0 / 479001600),
                                     T(1.0 / 6227020800.0)};
  V series(inverse_factorial[F::exp_terms]);
  for (int i = F::exp_terms - 1; i >= 2; --i) series = multiply_add(series, r, V(inverse_factorial[i]));
  return multiply_add(series, r * r, r);
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
  using I = typename V::integer;
  I n;
  const V clamped = min(max(x, V(F::exp_lowest)), V(F::exp_highest));
  const V p = detail::reduced_expm1(clamped, n) + V(T(1));
  const I half = n >> 1;  // two steps: 2^n itself may overflow or be denormal
  const V y = p * detail::power_of_two<V>(half) * detail::power_of_two<V>(n - half);
  return select(x == x, y, x);
}

// log x: x = m 2^e with m in [sqrt(1/2), sqrt(2)), log m = 2 atanh(s), s = (m - 1) / (m + 1).
template <class V> INLAY_INLINE V log(const V& x) {
  using T = typename V::value_type;
  using F = detail::format<T>;
  using I = typename V::integer;
  constexpr T infinity = std::numeric_limits<T>::infinity();
  const I shifted = x.bits() - I(F::sqrt_half);
  const V e = detail::to_float<V>(shifted >> F::mantissa);
  const I mantissa_mask((typename I::value_type{1} << F::mantissa) - 1);
  const V f = V::from_bits((shifted & mantissa_mask) + I(F::sqrt_half)) - V(T(1));
  const V s = f / (f + V(T(2))), z = s * s;
  V series(T(1) / T(2 * F::log_terms + 1));
  for (int i = F::log_terms - 1; i >= 1; --i) series = multiply_add(series, z, V(T(1) / T(2 * i + 1)));
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
  const V r = detail::reduced_expm1(min(max(x, V(F::sigmoid_lowest)), V::zero()), n);
  return select(x == x, detail::from_expm1(r, n), x);
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
  const V twice = min(abs(x), V(detail::format<T>::tanh_highest)) * V(T(2));
  const V r = detail::reduced_expm1(twice, n), e = detail::from_expm1(r, n);
  const V y = e / (e + V(T(2)));
  const I sign = x.bits() & I(std::numeric_limits<typename I::value_type>::min());
  return select(x == x, V::from_bits(y.bits() | sign), x);
}

// 1 / (1 + exp(-x))
template <class V> INLAY_INLINE V sigmoid(const V& x) {
  using T = typename V::value_type;
  return V(T(1)) / (V(T(1)) + exp(-x));
}

// Phi(x) = erfc(-x / sqrt 2) / 2. With z = |x| / sqrt 2, exp(z^2) erfc(z) (1 + 2 z) is a polynomial in
// (z - 4) / (z + 4), so the tail keeps its relative precision.
template <class V> INLAY_INLINE V normal_cdf(const V& x) {
  using T = typename V::value_type;
  const V one(T{1}), distance = min(abs(x), V(detail::format<T>::normal_lowest)),
                     z = distance * V(T(0.7071067811865476));
  const V t = (z - V(T{4})) / (z + V(T{4}));
  V series(detail::erfc_series<T>[0]);
  for (std::size_t i = 1; i < detail::erfc_series<T>.size(); ++i)
    series = multiply_add(series, t, V(detail::erfc_series<T>[i]));
  // exp(-z^2) = exp(-distance^2 / 2), with what rounding the square lost: it would be multiplied by distance^2.
  const V high = V::from_bits(distance.bits() & typename V::integer(detail::format<T>::upper_half)),
          low = distance - high;
  const V square = distance * distance, lost = (high * high - square) + low * (high + distance);
  const V power = kernels::exp(square * V(T(-0.5))) * (one - lost * V(T(0.5)));
  const V half = power * series / (V(T{2}) + V(T{4}) * z);
  return select(x == x, select(x < V::zero(), half, one - half), x);
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
