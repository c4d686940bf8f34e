// A host built with -ffast-math: kernels still know NaN and infinities and keep their accuracy, random numbers their
// bits. Judged by bit patterns alone, since such a host cannot compare otherwise.
#include <inlay/core.hpp>
#include <inlay/kernels.hpp>

#include <cstdlib>
#include <vector>

namespace {

using namespace inlay;

constexpr std::uint32_t nan = 0x7fc00000, inf = 0x7f800000, minus_inf = 0xff800000, one = 0x3f800000;
int wrong = 0;

void expect(bool right) { wrong += !right; }

bool is_nan(std::uint32_t bits) { return (bits & 0x7fffffff) > inf; }
bool close(std::uint32_t a, std::uint32_t b) { return a - b + 3 <= 6; }  // 3 units in the last place

// Kernel of a value given by its bits, the last of 37.
template <class Kernel> std::uint32_t map(isa level, std::uint32_t bits) {
  std::vector<float> x(37, 1.0f), y(37);
  std::memcpy(&x[36], &bits, sizeof(bits));
  dispatch<kernels::map<Kernel, float>>(level, std::int64_t{37}, y.data(), Kernel{},
                                        kernels::operand<float>{x.data(), 1});
  return std::bit_cast<std::uint32_t>(y[36]);
}

void check_level(isa level) {
  expect(is_nan(map<kernels::function::exp>(level, nan)) && is_nan(map<kernels::function::log>(level, nan)));
  expect(is_nan(map<kernels::function::tanh>(level, nan)) && is_nan(map<kernels::function::sigmoid>(level, nan)));
  expect(is_nan(map<kernels::function::relu>(level, nan)) && is_nan(map<kernels::negate>(level, nan)));
  expect(map<kernels::function::exp>(level, minus_inf) == 0 && map<kernels::function::exp>(level, inf) == inf);
  expect(map<kernels::function::sigmoid>(level, minus_inf) == 0 && map<kernels::function::sigmoid>(level, inf) == one);
  expect(map<kernels::function::log>(level, 0) == minus_inf && is_nan(map<kernels::function::log>(level, 0xbf800000)));
  expect(close(map<kernels::function::exp>(level, 0x42b0dd2f), 0x7f3f6508));   // e^88.432 = 2.54407e38
  expect(close(map<kernels::function::sqrt>(level, 0x00f40a6c), 0x2030bd93));  // sqrt 2.24116e-38 = 1.49705e-19
  expect(map<kernels::negate>(level, 0) == 0x80000000);

  std::vector<float> x(37, 1.0f), y(37);
  std::memcpy(&x[20], &nan, sizeof(nan));
  dispatch<kernels::reduce_rows<kernels::max_of, float>>(level, x.data(), y.data(), std::int64_t{1}, std::int64_t{37});
  expect(is_nan(std::bit_cast<std::uint32_t>(y[0])));
  dispatch<kernels::softmax<float>>(level, x.data(), y.data(), std::int64_t{1}, std::int64_t{37}, false);
  expect(is_nan(std::bit_cast<std::uint32_t>(y[0])));
  std::memcpy(&x[20], &minus_inf, sizeof(minus_inf));
  dispatch<kernels::softmax<float>>(level, x.data(), y.data(), std::int64_t{1}, std::int64_t{37}, false);
  expect(std::bit_cast<std::uint32_t>(y[20]) == 0 && close(std::bit_cast<std::uint32_t>(y[0]), 0x3ce38e39));  // 1 / 36
}

}  // namespace

int main() {
  for (const isa level : {isa::plain, isa::avx2, isa::avx512})
    if (level <= highest_isa()) check_level(level);

  random::generator g(42);
  g.skip(10);
  const tensor<double> normal = random::normal<double>(g, {5});
  expect(std::bit_cast<std::uint64_t>(normal.values()[1]) == 0x3ff0df07705e21d7);
  const tensor<float> shifted = random::normal<float>(g, {3}, 1.5f, 0.3f);
  expect(std::bit_cast<std::uint32_t>(shifted.values()[1]) == 0x3fa86e83);

  tensor<float> odd(shape{2});
  odd.write([](std::span<float> to) { std::memcpy(to.data(), &nan, sizeof(nan)); });
  expect(odd.cast<std::int32_t>().values()[0] == 0);
  expect(to_string(odd) == "[nan, 0]  float32 (2,)");
  return wrong == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
