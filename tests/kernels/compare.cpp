// Shows: (comparisons and choices)
// Comparisons and choices equal their scalar twins at every size, level and mix of arrays and single values, and write
// nothing but their output.
#include <inlay/kernels/compare.hpp>

#include <doctest/doctest.h>

#include "support.hpp"

using namespace inlay;
using kernels::operand;

namespace {

// Small integers, so that many are equal; NaN and infinities among floating-point ones.
template <class T> std::vector<T> values(std::int64_t count, std::uint64_t seed) {
  auto out = support::noise_values<T>(count, seed, 0, 4);
  for (T& value : out) value = static_cast<T>(static_cast<int>(value));
  if constexpr (std::is_floating_point_v<T>)
    for (std::size_t i = 0; i < out.size(); i += 5)
      out[i] = i % 2 == 0 ? std::numeric_limits<T>::quiet_NaN() : std::numeric_limits<T>::infinity();
  else
    for (std::size_t i = 0; i < out.size(); i += 5) out[i] = (std::numeric_limits<T>::max)();
  return out;
}

template <class F, class T> void check(const char* name, bool (*twin)(T, T)) {
  for (const std::int64_t count : support::edge_sizes)
    for (int single = 0; single < 4; ++single) {  // bit k: operand k is one value
      const auto a = values<T>(single & 1 ? 1 : count, 1), b = values<T>(single & 2 ? 1 : count, 2);
      const operand<T> left{a.data(), single & 1 ? 0 : 1}, right{b.data(), single & 2 ? 0 : 1};
      support::for_each_isa([&](isa level) {
        INFO(std::string(name), " of ", count, ", single values ", single);
        support::guarded<std::uint8_t> mask(count);
        support::guarded<T> out(count);
        dispatch<kernels::compare<F, T>>(level, count, reinterpret_cast<bool*>(mask.data()), left, right);
        dispatch<kernels::choose<T>>(level, count, out.data(), reinterpret_cast<const bool*>(mask.data()), left, right);
        bool correct = mask.intact() && out.intact();
        for (std::int64_t i = 0; i < count; ++i) {
          const T x = left.data[i * left.step], y = right.data[i * right.step];
          correct = correct && mask[i] == (twin(x, y) ? 1 : 0) && support::same_bits(out[i], twin(x, y) ? x : y);
        }
        CHECK(correct);
      });
    }
}

}  // namespace

TEST_CASE("compare, choose: every comparison, size, level and mix of steps") {
  check<kernels::eq, float>("eq", [](float a, float b) { return a == b; });
  check<kernels::ne, float>("ne", [](float a, float b) { return a != b; });
  check<kernels::lt, float>("lt", [](float a, float b) { return a < b; });
  check<kernels::le, float>("le", [](float a, float b) { return a <= b; });
  check<kernels::gt, float>("gt", [](float a, float b) { return a > b; });
  check<kernels::ge, double>("ge", [](double a, double b) { return a >= b; });
}

TEST_CASE("compare, choose: integers") {
  check<kernels::lt, std::uint8_t>("lt", [](std::uint8_t a, std::uint8_t b) { return a < b; });
  check<kernels::ge, std::int64_t>("ge", [](std::int64_t a, std::int64_t b) { return a >= b; });
}
