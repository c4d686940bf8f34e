// Element types: the closed list, and their run-time tags for files and erased members.
#pragma once

#include <cstdint>
#include <type_traits>

#include "config.hpp"
#include "half.hpp"

namespace inlay::inline v0_1 {

enum class dtype : std::uint8_t { float32, float64, int32, int64, uint8, int8, boolean, float16, bfloat16 };

namespace detail {
template <class T> struct dtype_tag {};
template <> struct dtype_tag<float> { static constexpr dtype value = dtype::float32; };
template <> struct dtype_tag<double> { static constexpr dtype value = dtype::float64; };
template <> struct dtype_tag<std::int32_t> { static constexpr dtype value = dtype::int32; };
template <> struct dtype_tag<std::int64_t> { static constexpr dtype value = dtype::int64; };
template <> struct dtype_tag<std::uint8_t> { static constexpr dtype value = dtype::uint8; };
template <> struct dtype_tag<std::int8_t> { static constexpr dtype value = dtype::int8; };
template <> struct dtype_tag<bool> { static constexpr dtype value = dtype::boolean; };
template <> struct dtype_tag<float16> { static constexpr dtype value = dtype::float16; };
template <> struct dtype_tag<bfloat16> { static constexpr dtype value = dtype::bfloat16; };
}  // namespace detail

template <class T> concept element = requires { detail::dtype_tag<T>::value; };
// What computes; float16 and bfloat16 are for storing.
template <class T> concept floating = std::is_same_v<T, float> || std::is_same_v<T, double>;

template <element T> inline constexpr dtype dtype_of = detail::dtype_tag<T>::value;

constexpr const char* name(dtype type) noexcept {
  constexpr const char* names[] = {"float32", "float64", "int32", "int64", "uint8", "int8", "bool", "float16", "bfloat16"};
  return names[static_cast<int>(type)];
}

constexpr std::int64_t size_of(dtype type) noexcept {
  constexpr std::int64_t sizes[] = {4, 8, 4, 8, 1, 1, 1, 2, 2};
  return sizes[static_cast<int>(type)];
}

// float16 and bfloat16 too.
constexpr bool is_floating(dtype type) noexcept {
  return type == dtype::float32 || type == dtype::float64 || type == dtype::float16 || type == dtype::bfloat16;
}

// Calls f(T{}) with the C++ type of a run-time tag.
template <class F> decltype(auto) visit(dtype type, F&& f) {
  switch (type) {
    case dtype::float32:
      return f(float{});
    case dtype::float64:
      return f(double{});
    case dtype::int32:
      return f(std::int32_t{});
    case dtype::int64:
      return f(std::int64_t{});
    case dtype::uint8:
      return f(std::uint8_t{});
    case dtype::int8:
      return f(std::int8_t{});
    case dtype::float16:
      return f(float16{});
    case dtype::bfloat16:
      return f(bfloat16{});
    case dtype::boolean:
      break;
  }
  return f(bool{});
}

}  // namespace inlay::inline v0_1
