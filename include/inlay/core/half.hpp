// float16 (IEEE 754 binary16: 5 bits of exponent, 10 of fraction) and bfloat16 (the upper half of a float): for files
// and memory. They hold numbers and convert to float and back; what computes does so in float.
// Conversions round to nearest, halves to even; too large is infinite; NaN stays NaN.
#pragma once

#include <bit>
#include <cstdint>

namespace inlay::inline v0_1 {

struct bfloat16 {
  std::uint16_t bits;

  bfloat16() noexcept = default;
  constexpr explicit bfloat16(float value) noexcept : bits(rounded(std::bit_cast<std::uint32_t>(value))) {}
  constexpr explicit operator float() const noexcept {
    return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16);
  }

  friend constexpr bool operator==(bfloat16 a, bfloat16 b) noexcept {
    return static_cast<float>(a) == static_cast<float>(b);
  }

 private:
  static constexpr std::uint16_t rounded(std::uint32_t x) noexcept {
    if ((x & 0x7FFF'FFFF) > 0x7F80'0000) return static_cast<std::uint16_t>(x >> 16 | 0x40);  // NaN
    return static_cast<std::uint16_t>((x + 0x7FFF + (x >> 16 & 1)) >> 16);
  }
};

struct float16 {
  std::uint16_t bits;

  float16() noexcept = default;
  constexpr explicit float16(float value) noexcept : bits(rounded(std::bit_cast<std::uint32_t>(value))) {}
  constexpr explicit operator float() const noexcept {
    const std::uint32_t sign = (bits & 0x8000u) << 16, exponent = bits >> 10 & 31u, fraction = bits & 1023u;
    if (exponent == 31) return std::bit_cast<float>(sign | 0x7F80'0000 | fraction << 13);
    if (exponent > 0) return std::bit_cast<float>(sign | (exponent + 112) << 23 | fraction << 13);
    if (fraction == 0) return std::bit_cast<float>(sign);
    const auto shift = static_cast<std::uint32_t>(std::countl_zero(fraction)) - 21;  // to a leading 1 in bit 10
    return std::bit_cast<float>(sign | (113 - shift) << 23 | (fraction << shift & 1023u) << 13);
  }

  friend constexpr bool operator==(float16 a, float16 b) noexcept {
    return static_cast<float>(a) == static_cast<float>(b);
  }

 private:
  static constexpr std::uint16_t rounded(std::uint32_t x) noexcept {
    const auto sign = static_cast<std::uint16_t>(x >> 16 & 0x8000);
    const std::uint32_t size = x & 0x7FFF'FFFF;
    std::uint32_t out = 0x7C00;  // infinite
    if (size > 0x7F80'0000) {
      out = 0x7E00 | (size >> 13 & 1023u);  // NaN
    } else if (size < 0x3880'0000) {        // below 2^-14: in steps of 2^-24
      const std::uint32_t exponent = size >> 23, shift = exponent < 102 ? 25 : 126 - exponent;
      out = halved((size & 0x7F'FFFF) | 0x80'0000, shift);
    } else if (size < 0x477F'F000) {  // below 65520, which is nearer to infinity
      out = halved(size - 0x3800'0000, 13);
    }
    return static_cast<std::uint16_t>(sign | out);
  }
  // x / 2^shift, to nearest, halves to even.
  static constexpr std::uint32_t halved(std::uint32_t x, std::uint32_t shift) noexcept {
    return (x + (1u << (shift - 1)) - 1 + (x >> shift & 1)) >> shift;
  }
};

}  // namespace inlay::inline v0_1
