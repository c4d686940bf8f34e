// Shows: elements of float, double, int32, int64, uint8, int8 and bool
// The element types: names, sizes, tags, and visit reaching each C++ type.
#include <inlay/core/dtype.hpp>

#include <doctest/doctest.h>

#include <string_view>

using namespace inlay;

namespace {

template <class T> void check_type(dtype tag, std::string_view text) {
  static_assert(element<T>);
  CHECK(dtype_of<T> == tag);
  CHECK(name(tag) == text);
  CHECK(is_floating(tag) == (floating<T> || std::is_same_v<T, float16> || std::is_same_v<T, bfloat16>));
  CHECK(size_of(tag) == static_cast<std::int64_t>(sizeof(T)));
  CHECK(visit(tag, [](auto zero) { return std::is_same_v<decltype(zero), T> && zero == decltype(zero){}; }));
}

}  // namespace

TEST_CASE("dtype: the closed list") {
  check_type<float>(dtype::float32, "float32");
  check_type<double>(dtype::float64, "float64");
  check_type<std::int32_t>(dtype::int32, "int32");
  check_type<std::int64_t>(dtype::int64, "int64");
  check_type<std::uint8_t>(dtype::uint8, "uint8");
  check_type<std::int8_t>(dtype::int8, "int8");
  check_type<bool>(dtype::boolean, "bool");
  check_type<float16>(dtype::float16, "float16");
  check_type<bfloat16>(dtype::bfloat16, "bfloat16");
}

static_assert(!element<char> && !element<long double> && !element<std::uint32_t> && !element<const float>);
static_assert(floating<float> && floating<double> && !floating<std::int32_t> && !floating<bool> &&
              !floating<float16>);
// Tags are for files too, so their numbers stay.
static_assert(static_cast<int>(dtype::float32) == 0 && static_cast<int>(dtype::float64) == 1 &&
              static_cast<int>(dtype::int32) == 2 && static_cast<int>(dtype::int64) == 3 &&
              static_cast<int>(dtype::uint8) == 4 && static_cast<int>(dtype::int8) == 5 &&
              static_cast<int>(dtype::boolean) == 6 && static_cast<int>(dtype::float16) == 7 &&
              static_cast<int>(dtype::bfloat16) == 8);
