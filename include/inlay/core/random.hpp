// Random numbers that are the same on every compiler, CPU and thread count: Philox4x32-10, a counter-based generator
// (Salmon, Moraes, Dror, Shaw: Parallel Random Numbers: As Easy as 1, 2, 3; 2011). Number i of a stream is a pure
// function of (seed, stream, i), so streams can be filled in parallel, saved and continued.
#pragma once

#include <bit>

#include "tensor.hpp"
#include "threads.hpp"

namespace inlay::inline v0_1 {

namespace random {

// Four 32-bit words.
using words = std::array<std::uint32_t, 4>;

constexpr words philox(words counter, std::uint64_t key) noexcept {
  std::uint32_t k0 = static_cast<std::uint32_t>(key), k1 = static_cast<std::uint32_t>(key >> 32);
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t a = std::uint64_t{0xD2511F53u} * counter[0];
    const std::uint64_t b = std::uint64_t{0xCD9E8D57u} * counter[2];
    counter = {static_cast<std::uint32_t>(b >> 32) ^ counter[1] ^ k0, static_cast<std::uint32_t>(b),
               static_cast<std::uint32_t>(a >> 32) ^ counter[3] ^ k1, static_cast<std::uint32_t>(a)};
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  return counter;
}

// A position in a stream of random words. Copying it copies the position; streams of one seed are independent.
class generator {
 public:
  explicit generator(std::uint64_t seed = 0, std::uint64_t stream = 0) noexcept : seed_(seed), stream_(stream) {}

  // Four words further. 2^64 of them per stream.
  words next() noexcept { return at(position_++); }

  // The words `ahead` of the position, without moving.
  words at(std::uint64_t position) const noexcept {
    return philox({static_cast<std::uint32_t>(position), static_cast<std::uint32_t>(position >> 32),
                   static_cast<std::uint32_t>(stream_), static_cast<std::uint32_t>(stream_ >> 32)},
                  seed_);
  }

  // A whole number in [0, bound), unbiased to 2^-64 · bound. Throws value_error when bound is 0.
  std::uint64_t below(std::uint64_t bound) {
    if (bound == 0) throw value_error("random", {"expected a bound of 1 or more, got 0"});
    const words w = next();
    __extension__ using wide = unsigned __int128;
    return static_cast<std::uint64_t>((wide{(std::uint64_t{w[0]} << 32) | w[1]} * bound) >> 64);
  }

  void skip(std::uint64_t positions) noexcept { position_ += positions; }

  std::uint64_t seed() const noexcept { return seed_; }
  std::uint64_t stream() const noexcept { return stream_; }
  std::uint64_t position() const noexcept { return position_; }

  // A generator is a module: what is saved of it goes on where it was.
  static void members(auto& self, auto&& visit) {
    const auto as_signed = [](std::uint64_t& bits) -> std::int64_t& { return reinterpret_cast<std::int64_t&>(bits); };
    visit("seed", as_signed(self.seed_));
    visit("stream", as_signed(self.stream_));
    visit("position", as_signed(self.position_));
  }

 private:
  std::uint64_t seed_, stream_, position_ = 0;
};

// In [0, 1): 24 bits for float, 53 for double.
constexpr float to_unit(std::uint32_t word) noexcept { return static_cast<float>(word >> 8) * 0x1p-24f; }
constexpr double to_unit(std::uint32_t high, std::uint32_t low) noexcept {
  return static_cast<double>(((std::uint64_t{high} << 32) | low) >> 11) * 0x1p-53;
}

namespace detail {

// Values from operations that IEEE 754 fixes to the last bit, in the order written and no fused ones, whatever flags
// the host is built with; log and (cos, sin)(2 pi u) too, because libm differs between machines. Errors are a few ulp.
#if defined(__clang__)
#if defined(__FMA__)  // clang -ffast-math fuses at the very end, where the pragma is forgotten
#define INLAY_EXACT [[gnu::target("no-fma,no-avx512f")]]
#else
#define INLAY_EXACT
#endif
#define INLAY_EXACT_BODY _Pragma("float_control(precise, on)") _Pragma("clang fp contract(off)")
#else
#define INLAY_EXACT [[gnu::optimize("fp-contract=off", "no-fast-math")]]
#define INLAY_EXACT_BODY
#endif

// Natural logarithm for 0 < x < inf: x = m 2^e with m in [sqrt(1/2), sqrt(2)), log m = 2 atanh((m - 1) / (m + 1)).
INLAY_EXACT [[gnu::noinline]] inline double exact_log(double x) noexcept {
  INLAY_EXACT_BODY
  const std::uint64_t bits = std::bit_cast<std::uint64_t>(x);
  std::int64_t exponent = static_cast<std::int64_t>(bits >> 52) - 1022;
  double m = std::bit_cast<double>((bits & 0x000FFFFFFFFFFFFFu) | 0x3FE0000000000000u);
  if (m < 0.70710678118654752) {
    m = m + m;
    exponent -= 1;
  }
  const double s = (m - 1.0) / (m + 1.0), z = s * s;
  double series = 0.0;
  for (int k = 23; k >= 1; k -= 2) series = series * z + 1.0 / k;
  return 2.0 * s * series + static_cast<double>(exponent) * 0.69314718055994531;
}

// cos(2 pi u) and sin(2 pi u) for u in [0, 1): octant reduction is exact in u, then Taylor series on [0, pi/4].
INLAY_EXACT [[gnu::noinline]] inline void exact_turn(double u, double& cosine, double& sine) noexcept {
  INLAY_EXACT_BODY
  const int octant = static_cast<int>(u * 8.0);
  const double within = u * 8.0 - octant;  // exact
  const double t = (octant & 1 ? 1.0 - within : within) * 0.78539816339744831, z = t * t;
  double c = 0.0, s = 0.0;
  for (int k = 16; k >= 2; k -= 2) {
    c = (c * z + 1.0) * (-1.0 / (k * (k - 1)));
    s = (s * z + 1.0) * (-1.0 / (k * (k + 1)));
  }
  c = c * z + 1.0;
  s = (s * z + 1.0) * t;
  if (((octant + 1) & 2) != 0) std::swap(c, s);
  cosine = octant >= 2 && octant < 6 ? -c : c;
  sine = octant >= 4 ? -s : s;
}

// Two independent standard normal numbers from one Philox block (Box and Muller, 1958).
INLAY_EXACT [[gnu::noinline]] inline std::array<double, 2> normal_pair(const words& w) noexcept {
  INLAY_EXACT_BODY
  const double u = 1.0 - to_unit(w[0], w[1]);  // (0, 1]
  const double radius = __builtin_sqrt(-2.0 * exact_log(u));
  double cosine, sine;
  exact_turn(to_unit(w[2], w[3]), cosine, sine);
  return {radius * cosine, radius * sine};
}

// What a distribution makes of one Philox block, and its numbers.
using numbers = std::array<double, 3>;
template <class T> using values_of_block = void (*)(const words& w, const numbers& of, T* out) noexcept;

// Two values. Numbers: mean and standard deviation.
template <class T>
INLAY_EXACT [[gnu::noinline]] void normal_values(const words& w, const numbers& of, T* out) noexcept {
  INLAY_EXACT_BODY
  const T mean = static_cast<T>(of[0]), stddev = static_cast<T>(of[1]);
  const std::array<double, 2> pair = normal_pair(w);
  for (std::size_t i = 0; i < 2; ++i) out[i] = mean + stddev * static_cast<T>(pair[i]);
}

// Numbers: lower bound, width, and the largest value below the upper bound, which rounding may otherwise reach.
template <class T>
INLAY_EXACT [[gnu::noinline]] void uniform_values(const words& w, const numbers& of, T* out) noexcept {
  INLAY_EXACT_BODY
  const T low = static_cast<T>(of[0]), width = static_cast<T>(of[1]), highest = static_cast<T>(of[2]);
  for (std::size_t i = 0; i < 16 / sizeof(T); ++i) {
    T unit;
    if constexpr (sizeof(T) == 4)
      unit = to_unit(w[i]);
    else
      unit = to_unit(w[2 * i], w[2 * i + 1]);
    const T value = low + width * unit;
    out[i] = value < highest ? value : highest;
  }
}

// Rows of (count, length) made orthogonal and of length `gain`, by Gram and Schmidt's method, twice.
template <class = void>  // compiled only where it is used
INLAY_EXACT [[gnu::noinline]] void orthogonalise(double* rows, std::int64_t count, std::int64_t length, double gain) {
  INLAY_EXACT_BODY
  for (std::int64_t i = 0; i < count; ++i) {
    double *v = rows + i * length, square = 0;
    for (std::int64_t k = 0; k < 2 * i; ++k) {
      const double* u = rows + k % i * length;
      double along = 0;
      for (std::int64_t j = 0; j < length; ++j) along += u[j] * v[j];
      for (std::int64_t j = 0; j < length; ++j) v[j] -= along * u[j];
    }
    for (std::int64_t j = 0; j < length; ++j) square += v[j] * v[j];
    const double root = __builtin_sqrt(square);
    for (std::int64_t j = 0; j < length; ++j) v[j] /= root;
  }
  for (std::int64_t i = 0; i < count * length; ++i) rows[i] *= gain;
}
#undef INLAY_EXACT
#undef INLAY_EXACT_BODY

// A tensor of values, `per_block` from each Philox block; moves the generator past them.
template <class T>
tensor<T> drawn(generator& g, const shape& sizes, std::int64_t per_block, values_of_block<T> values,
                const numbers& of) {
  tensor<T> out = empty<T>(sizes);
  const std::int64_t size = out.size(), blocks = (size + per_block - 1) / per_block;
  T* to = inlay::detail::writable(out);
  const std::uint64_t start = g.position();
  parallel_for(blocks, 4096, [&](std::int64_t first, std::int64_t last) {
    T block[4];
    for (std::int64_t i = first; i < last; ++i) {
      values(g.at(start + static_cast<std::uint64_t>(i)), of, block);
      for (std::int64_t j = 0; j < per_block && i * per_block + j < size; ++j) to[i * per_block + j] = block[j];
    }
  });
  g.skip(static_cast<std::uint64_t>(blocks));
  return out;
}

}  // namespace detail

// Independent values, uniform in [low, high). Float takes 24 random bits per value, double 53.
// Throws value_error unless low <= high, at a finite distance.
template <floating T> tensor<T> uniform(generator& g, const shape& sizes, T low = 0, T high = 1) {
  const T width = high - low;
  if (!(width >= 0 && width <= std::numeric_limits<T>::max())) [[unlikely]]
    throw value_error("uniform", {"expected low <= high at a finite distance, got other bounds"});
  const T highest =
      static_cast<T>(sizeof(T) == 4 ? __builtin_nextafterf(static_cast<float>(high), static_cast<float>(low))
                                    : __builtin_nextafter(high, low));
  return detail::drawn<T>(g, sizes, 16 / sizeof(T), detail::uniform_values<T>, {low, width, highest});
}

// Independent normal values.
template <floating T> tensor<T> normal(generator& g, const shape& sizes, T mean = 0, T stddev = 1) {
  return detail::drawn<T>(g, sizes, 2, detail::normal_values<T>, {mean, stddev});
}

// Normal values, drawn again where they are more than two standard deviations off.
template <floating T> tensor<T> truncated_normal(generator& g, const shape& sizes, T mean = 0, T stddev = 1) {
  tensor<T> out = normal<T>(g, sizes, mean, stddev);
  out.write([&](std::span<T> values) {
    for (T& v : values)
      while (v < mean - 2 * stddev || v > mean + 2 * stddev) v = normal<T>(g, shape{}, mean, stddev).item();
  });
  return out;
}

// A random matrix with orthogonal rows, or columns if those are fewer, of length `gain`.
template <class = void>  // compiled only where it is used
INLAY_COLD tensor<double> orthogonal(generator& g, std::int64_t rows, std::int64_t columns, double gain = 1) {
  const bool wide = rows <= columns;
  tensor<double> vectors = normal<double>(g, wide ? shape{rows, columns} : shape{columns, rows});
  vectors.write([&](std::span<double> v) { detail::orthogonalise(v.data(), vectors.dim(0), vectors.dim(1), gain); });
  if (wide) return vectors;
  tensor<double> out = empty<double>({rows, columns});
  out.write([&](std::span<double> to) {
    for (std::int64_t i = 0; i < out.size(); ++i)
      to[static_cast<std::size_t>(i)] = std::as_const(vectors)(i % columns, i / columns);
  });
  return out;
}

// The numbers 0 … count-1 in random order (Fisher and Yates).
inline tensor<std::int64_t> permutation(generator& g, std::int64_t count) {
  tensor<std::int64_t> out = empty<std::int64_t>({count});
  out.write([&](std::span<std::int64_t> order) {
    for (std::size_t i = 0; i < order.size(); ++i) {
      const std::size_t j = static_cast<std::size_t>(g.below(i + 1));
      order[i] = order[j];
      order[j] = static_cast<std::int64_t>(i);
    }
  });
  return out;
}

}  // namespace random

}  // namespace inlay::inline v0_1
