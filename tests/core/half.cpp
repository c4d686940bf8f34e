// Shows: float16 and bfloat16 for storing
// float16 and bfloat16: every number there is comes back, and between two of them the nearer is taken, the even one in
// the middle.
#include <inlay/core/half.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include <inlay/core/print.hpp>

#include "support.hpp"

using namespace inlay;

namespace {

constexpr float inf = std::numeric_limits<float>::infinity(), not_a_number = std::numeric_limits<float>::quiet_NaN();

// The number that some bits are, by the definition of the format.
template <class Half> double value_of(std::uint16_t bits) {
  constexpr int fraction_bits = std::is_same_v<Half, float16> ? 10 : 7, bias = std::is_same_v<Half, float16> ? 15 : 127;
  const int sign = bits >> 15, exponent = (bits & 0x7FFF) >> fraction_bits,
            fraction = bits & ((1 << fraction_bits) - 1);
  const double size = exponent == 0 ? std::ldexp(fraction, 1 - bias - fraction_bits)
                                    : std::ldexp(fraction + (1 << fraction_bits), exponent - bias - fraction_bits);
  return sign ? -size : size;
}

template <class Half> Half of_bits(std::uint16_t bits) { return std::bit_cast<Half>(bits); }

}  // namespace

TEST_CASE_TEMPLATE("half: every number, and all that lies between", Half, float16, bfloat16) {
  constexpr std::uint16_t infinite = std::is_same_v<Half, float16> ? 0x7C00 : 0x7F80;
  bool back = true, below = true, above = true, middle = true, negative = true;
  for (std::uint16_t bits = 0; bits < infinite; ++bits) {
    const auto value = static_cast<float>(of_bits<Half>(bits));
    back = back && value == value_of<Half>(bits) && Half(value).bits == bits;
    negative = negative && static_cast<float>(of_bits<Half>(bits | 0x8000)) == -value &&
               Half(-value).bits == (bits | 0x8000);
    // The middle to the next one, which for the largest stands where infinity begins.
    const double next = bits + 1 == infinite ? value + (value - value_of<Half>(static_cast<std::uint16_t>(bits - 1)))
                                             : value_of<Half>(static_cast<std::uint16_t>(bits + 1));
    const double between = (static_cast<double>(value) + next) / 2;
    const auto exact = static_cast<float>(between);
    if (static_cast<double>(exact) != between) continue;  // finer than float: the smallest of bfloat16
    const std::uint16_t even = bits % 2 == 0 ? bits : static_cast<std::uint16_t>(bits + 1);
    middle = middle && Half(exact).bits == even;
    below = below && Half(std::nextafter(exact, 0.0f)).bits == bits;
    above = above && Half(std::nextafter(exact, inf)).bits == bits + 1;
  }
  CHECK(back);
  CHECK(negative);
  CHECK(middle);
  CHECK(below);
  CHECK(above);
  CHECK(Half(inf).bits == infinite);
  CHECK(Half(-inf).bits == (infinite | 0x8000));
  CHECK(static_cast<float>(of_bits<Half>(infinite)) == inf);
  CHECK(Half(std::numeric_limits<float>::max()).bits == infinite);
  CHECK(support::is_nan(static_cast<float>(Half(not_a_number))));
  CHECK(support::is_nan(static_cast<float>(Half(-not_a_number))));
  // NaN whose bits are all in the part that is cut off
  CHECK(support::is_nan(static_cast<float>(Half(std::bit_cast<float>(0x7F80'0001u)))));
  CHECK(Half(std::numeric_limits<float>::denorm_min()).bits == 0);
  static_assert(static_cast<float>(Half(1.5f)) == 1.5f);
}

TEST_CASE_TEMPLATE("half: tensors store, convert and print", Half, float16, bfloat16) {
  const tensor<Half> t = from<float>({2, 2}, {1.5f, -0.25f, 1000, 0}).template cast<Half>();
  CHECK(t(1, 0) == Half(1000));
  CHECK(t.template cast<double>()(0, 1) == -0.25);
  CHECK(t.template cast<std::int8_t>()(1, 0) == 127);
  CHECK(t.template cast<bool>()(1, 1) == false);
  CHECK(from<std::int64_t>({1}, {3}).template cast<Half>()(0) == Half(3));
  CHECK(ones<Half>({2})(1) == Half(1));
  CHECK(to_string(t) == std::string("[[1.5, -0.25],\n [1000, 0]]  ") + name(dtype_of<Half>) + " (2, 2)");
  CHECK(t.bytes() == 8);
}
