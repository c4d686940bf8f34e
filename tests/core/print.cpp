// Shows: tensors as text
// Tensors as text: every type, every rank, cut axes, NaN and infinities, nothing at all; and options that make no
// sense.
#include <inlay/core/print.hpp>

#include <doctest/doctest.h>

#include <sstream>

using namespace inlay;

namespace {

template <class T> tensor<T> counting(const shape& sizes) {
  tensor<T> t = empty<T>(sizes);
  t.write([](std::span<T> to) {
    for (std::size_t i = 0; i < to.size(); ++i) to[i] = static_cast<T>(i);
  });
  return t;
}

}  // namespace

TEST_CASE("print: every rank") {
  CHECK(to_string(tensor<float>(shape{}, 2.5f)) == "2.5  float32 ()");
  CHECK(to_string(from<float>({3}, {1, -0.5f, 1e-10f})) == "[1, -0.5, 1e-10]  float32 (3,)");
  CHECK(to_string(counting<float>({2, 2})) == "[[0, 1],\n [2, 3]]  float32 (2, 2)");
  CHECK(to_string(counting<std::int32_t>({2, 2, 1})) == "[[[0],\n  [1]],\n [[2],\n  [3]]]  int32 (2, 2, 1)");
  CHECK(to_string(counting<std::int32_t>({1, 1, 1, 1, 1, 1, 1, 2})) ==
        "[[[[[[[[0, 1]]]]]]]]  int32 (1, 1, 1, 1, 1, 1, 1, 2)");
}

TEST_CASE("print: every type") {
  CHECK(to_string(from<double>({2}, {1.0 / 3, 1e300})) == "[0.3333, 1e+300]  float64 (2,)");
  CHECK(to_string(from<std::int64_t>({2}, {std::numeric_limits<std::int64_t>::min(), 7})) ==
        "[-9223372036854775808, 7]  int64 (2,)");
  CHECK(to_string(from<std::uint8_t>({2}, {0, 255})) == "[0, 255]  uint8 (2,)");
  CHECK(to_string(from<std::int8_t>({2}, {-128, 65})) == "[-128, 65]  int8 (2,)");
  CHECK(to_string(from<bool>({2}, {true, false})) == "[1, 0]  bool (2,)");
}

TEST_CASE("print: values that are no numbers, and nothing at all") {
  constexpr float inf = std::numeric_limits<float>::infinity(), nan = std::numeric_limits<float>::quiet_NaN();
  CHECK(to_string(from<float>({5}, {nan, -nan, inf, -inf, -0.0f})) == "[nan, nan, inf, -inf, -0]  float32 (5,)");
  CHECK(to_string(tensor<float>()) == "[]  float32 (0,)");
  CHECK(to_string(tensor<float>(shape{2, 0})) == "[]  float32 (2, 0)");
  CHECK(to_string(tensor<float>(shape{std::int64_t{1} << 40, 0})) == "[]  float32 (1099511627776, 0)");
}

TEST_CASE("print: long axes show their ends") {
  CHECK(to_string(counting<std::int32_t>({1001})) == "[0, 1, 2, ..., 998, 999, 1000]  int32 (1001,)");
  CHECK(to_string(counting<std::int32_t>({1000})).find("...") == std::string::npos);
  CHECK(to_string(counting<std::int32_t>({4, 300}), {.edge_items = 1}) ==
        "[[0, ..., 299],\n ...,\n [900, ..., 1199]]  int32 (4, 300)");
  CHECK(to_string(counting<std::int32_t>({2, 4, 1}), {.edge_items = 1, .threshold = 7}) ==
        "[[[0],\n  ...,\n  [3]],\n [[4],\n  ...,\n  [7]]]  int32 (2, 4, 1)");
  CHECK(to_string(counting<std::int32_t>({3, 2}), {.edge_items = 1, .threshold = 5}) ==
        "[[0, 1],\n ...,\n [4, 5]]  int32 (3, 2)");
}

TEST_CASE("print: options") {
  const tensor<double> third = from<double>({1}, {1.0 / 3});
  CHECK(to_string(third, {.precision = 1}) == "[0.3]  float64 (1,)");
  CHECK(to_string(third, {.precision = 17}) == "[0.33333333333333331]  float64 (1,)");
  CHECK(to_string(third, {.precision = 1000}) == "[0.33333333333333331]  float64 (1,)");
  CHECK(to_string(from<double>({1}, {-1e300}), {.precision = 1000}) == "[-1.0000000000000001e+300]  float64 (1,)");
  CHECK(to_string(third, {.precision = 0}) == "[0.3]  float64 (1,)");
  for (const std::int64_t edge : {0, -1})
    CHECK(to_string(counting<std::int32_t>({5}), {.edge_items = edge, .threshold = 2}) == "[0, ..., 4]  int32 (5,)");
}

TEST_CASE("print: into a stream") {
  std::ostringstream stream;
  stream << "x = " << counting<std::int32_t>({2}) << ';';
  CHECK(stream.str() == "x = [0, 1]  int32 (2,);");
}
