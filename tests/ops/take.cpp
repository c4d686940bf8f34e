// Shows: index_select, flip, roll, pad
// Slices by number, flips, rolls and padding against PyTorch and loops; every mode, negative sizes, every type.
#include <inlay/ops/take.hpp>

#include <doctest/doctest.h>

#include <inlay/ops/arithmetic.hpp>
#include <inlay/testing/check_gradient.hpp>

#include "naive/waves.hpp"

using namespace inlay;
using support::counting;
using support::made_up;
using support::numbers;
using support::variables;

namespace {

template <class T> numbers wide(const tensor<T>& x) { return {x.values().begin(), x.values().end()}; }

auto padded(std::initializer_list<std::int64_t> sizes, pad_mode mode, double value = 0) {
  return [sizes = std::vector(sizes), mode, value](const variables& v) {
    return sizes.size() == 2 ? pad(v[0], {sizes[0], sizes[1]}, {mode, value})
                             : pad(v[0], {sizes[0], sizes[1], sizes[2], sizes[3]}, {mode, value});
  };
}

}  // namespace

TEST_CASE("index_select, flip, roll: PyTorch's values and gradients") {
  const auto index = from<std::int64_t>({3}, {2, 0, 2});
  naive::check_waves("index_select", [&](const variables& v) { return index_select(v[0], 1, index); }, {{2, 3, 2}},
                     {0.3349881501559051, -0.35078322768961984, 0, 0.644217687237691, 0.3349881501559051,
                      -0.35078322768961984, 0.6569865987187891, 0.9881682338770003, -0.8715757724135877,
                      -0.9824526126243326, 0.6569865987187891, 0.9881682338770003},
                     {{0.5155013718214642, -0.6877661591839741, 0, 0, -0.8834546557201531, 1.1786781735050085,
                       -0.8278264690856537, -0.7619835839190321, 0, 0, 1.418710382201246, 1.3058703266239655}});
  naive::check_waves(
      "roll", [](const variables& v) { return roll(v[0], 1, 2); }, {{2, 5}},
      {0.8632093666488739, 0.3349881501559051, 0, 0.644217687237691, 0.9854497299884601, -0.6312666378723216,
       0.016813900484349713, -0.35078322768961984, -0.8715757724135877, -0.9824526126243326},
      {{0.5155013718214642, -0.6877661591839741, -0.8834546557201531, 0, 0.963558185417193, 0.3190983623493521,
        -0.8278264690856537, -0.7619835839190321, 0.21511998808781552, 0.998543345374605}});
  naive::check_waves("flip", [](const variables& v) { return flip(v[0], -2); }, {{2, 3, 2}},
                     {0.3349881501559051, -0.35078322768961984, 0.9854497299884601, 0.8632093666488739, 0,
                      0.644217687237691, 0.6569865987187891, 0.9881682338770003, -0.6312666378723216,
                      0.016813900484349713, -0.8715757724135877, -0.9824526126243326},
                     {{-0.8834546557201531, 0.21511998808781552, 0.5155013718214642, -0.6877661591839741, 0,
                       0.963558185417193, 0.4201670368266409, 0.9867719642746133, -0.8278264690856537,
                       -0.7619835839190321, 0.998543345374605, 0.3190983623493521}});
}

TEST_CASE("pad: PyTorch's values and gradients") {
  naive::check_waves(
      "constant", padded({1, 2, -1, 1}, pad_mode::constant, 0.5), {{2, 3}},
      {0.5, 0.8632093666488739, 0.3349881501559051, -0.35078322768961984, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5},
      {{0, 0, 0, 0.963558185417193, 0.5155013718214642, -0.6877661591839741}});
  naive::check_waves("constant, negative", padded({-2, 1}, pad_mode::constant), {{2, 4}},
                     {0.9854497299884601, 0.8632093666488739, 0, -0.8715757724135877, -0.9824526126243326, 0},
                     {{0, 0, 0, 0.963558185417193, 0, 0, -0.6877661591839741, -0.8834546557201531}});
  naive::check_waves(
      "reflect", padded({2, 1}, pad_mode::reflect), {{1, 2, 4}},
      {0.9854497299884601, 0.644217687237691, 0, 0.644217687237691, 0.9854497299884601, 0.8632093666488739,
       0.9854497299884601, -0.8715757724135877, -0.35078322768961984, 0.3349881501559051, -0.35078322768961984,
       -0.8715757724135877, -0.9824526126243326, -0.8715757724135877},
      {{0.5155013718214642, 0.27579202623321886, 0.11508868965445185, 0.21511998808781552, -0.7619835839190321,
        -0.4076594322590128, 0.3767463138895958, 0.1077536522994423}});
  naive::check_waves("reflect, negative", padded({-1, 3}, pad_mode::reflect), {{1, 2, 4}},
                     {0.644217687237691, 0.9854497299884601, 0.8632093666488739, 0.9854497299884601, 0.644217687237691,
                      0, -0.35078322768961984, -0.8715757724135877, -0.9824526126243326, -0.8715757724135877,
                      -0.35078322768961984, 0.3349881501559051},
                     {{0.21511998808781552, -0.8834546557201531, 0.27579202623321886, 0.5155013718214642,
                       0.9867719642746133, 1.418710382201246, -0.44288522156967997, -0.8278264690856537}});
  naive::check_waves("replicate", padded({2, 1}, pad_mode::replicate), {{1, 2, 4}},
                     {0, 0, 0, 0.644217687237691, 0.9854497299884601, 0.8632093666488739, 0.8632093666488739,
                      0.3349881501559051, 0.3349881501559051, 0.3349881501559051, -0.35078322768961984,
                      -0.8715757724135877, -0.9824526126243326, -0.9824526126243326},
                     {{1.4790595572386571, -0.6877661591839741, -0.8834546557201531, 1.2136633334624205,
                       -1.2707116906553337, 0.4201670368266409, 0.9867719642746133, -0.8213703604349274}});
  naive::check_waves(
      "replicate, negative", padded({-1, 3}, pad_mode::replicate), {{1, 2, 4}},
      {0.644217687237691, 0.9854497299884601, 0.8632093666488739, 0.8632093666488739, 0.8632093666488739,
       0.8632093666488739, -0.35078322768961984, -0.8715757724135877, -0.9824526126243326, -0.9824526126243326,
       -0.9824526126243326, -0.9824526126243326},
      {{0, 0, 0.963558185417193, -0.8405994549948476, 0, 0.998543345374605, 0.3190983623493521, -0.18287105190343156}});
  naive::check_waves("circular", padded({2, 1}, pad_mode::circular), {{1, 2, 4}},
                     {0.9854497299884601, 0.8632093666488739, 0, 0.644217687237691, 0.9854497299884601,
                      0.8632093666488739, 0, -0.8715757724135877, -0.9824526126243326, 0.3349881501559051,
                      -0.35078322768961984, -0.8715757724135877, -0.9824526126243326, 0.3349881501559051},
                     {{1.5140447171960691, -0.6877661591839741, -0.8834546557201531, 1.1786781735050085,
                       -1.691107596653402, 0.4201670368266409, 1.3058703266239655, -0.7200728167862114}});
}

TEST_CASE("take: loops along every axis, everywhere") {
  for (const std::int64_t n : {1, 7, 8, 9, 15, 16, 17, 33})
    for (const std::int64_t axis : {0, 1, 2}) {
      const shape sizes = shape{20, 30, 40}.with(axis, n);
      const auto x = made_up<float>(sizes, 1);
      const auto looped = [&](std::int64_t length, const std::function<std::int64_t(std::int64_t)>& from) {
        const shape to = sizes.with(axis, length);
        numbers out;
        for (std::int64_t i = 0; i < to.size(); ++i) {
          std::int64_t at[] = {i / to[2] / to[1], i / to[2] % to[1], i % to[2]};
          at[axis] = from(at[axis]);
          out.push_back(at[axis] < 0 ? 0.5 : static_cast<double>(x(at[0], at[1], at[2])));
        }
        return out;
      };
      support::check_everywhere<float>([&] { return flip(x, axis); },
                                       looped(n, [&](std::int64_t i) { return n - 1 - i; }), 0);
      support::check_everywhere<float>([&] { return roll(x, axis, 3); },
                                       looped(n, [&](std::int64_t i) { return (i + 3 * n - 3) % n; }), 0);
      support::check_everywhere<float>(
          [&] {
            const auto all =
                pad(x, {axis == 2 ? 2 : 0, axis == 2, axis == 1 ? 2 : 0, axis == 1, axis == 0 ? 2 : 0, axis == 0},
                    {.value = 0.5});
            return all;
          },
          looped(n + 3, [&](std::int64_t i) { return i >= 2 && i < n + 2 ? i - 2 : -1; }), 0);
    }
}

TEST_CASE("take: gradients are the same everywhere") {
  const auto index = from<std::int64_t>({4}, {2, 0, 2, 2});
  const auto x = made_up<float>({50, 3, 100}, 1), dy = made_up<float>({50, 4, 100}, 2);
  numbers want(static_cast<std::size_t>(x.size()));
  for (std::int64_t i = 0; i < dy.size(); ++i)
    want[static_cast<std::size_t>((i / 400 * 3 + index.values()[static_cast<std::size_t>(i / 100 % 4)]) * 100 +
                                  i % 100)] += static_cast<double>(dy.values()[static_cast<std::size_t>(i)]);
  support::check_everywhere<float>(
      [&] {
        const autograd::tape tape;
        const auto v = tape.leaf(x);
        index_select(v, 1, index).backward(dy);
        return v.grad();
      },
      want, support::rounding<float>);
}

TEST_CASE("take: central differences") {
  for (const pad_mode mode : {pad_mode::constant, pad_mode::reflect, pad_mode::replicate, pad_mode::circular}) {
    const auto r = testing::check_gradient(
        [&](const auto& x) {
          const auto y = roll(flip(x * x, 0), 1, -4);
          return pad(y, {2, -1, 1, 2}, {mode, 3});
        },
        made_up<double>({2, 3, 4}, 1));
    CHECK_MESSAGE(r.ok(), r.text());
  }
}

TEST_CASE("roll: any number of places") {
  const auto x = counting<std::int64_t>({4});
  CHECK(wide(roll(x, 0, 1)) == numbers{3, 0, 1, 2});
  CHECK(wide(roll(x, 0, -1)) == numbers{1, 2, 3, 0});
  CHECK(wide(roll(x, 0, 4001)) == numbers{3, 0, 1, 2});
  CHECK(wide(roll(x, 0, std::numeric_limits<std::int64_t>::min())) == numbers{0, 1, 2, 3});
  CHECK(roll(tensor<float>({0, 2}), 0, 3).shape() == shape{0, 2});
  CHECK(flip(tensor<float>({2, 0}), 1).shape() == shape{2, 0});
}

TEST_CASE("pad: integers, bool, nothing, to nothing") {
  CHECK(wide(pad(from<std::uint8_t>({2}, {7, 8}), {1, 1}, {.value = 300})) == numbers{255, 7, 8, 255});
  CHECK(wide(pad(from<std::int64_t>({3}, {7, 8, 9}), {2, 2}, {pad_mode::reflect})) == numbers{9, 8, 7, 8, 9, 8, 7});
  CHECK(wide(pad(from<bool>({1}, {false}), {0, 1}, {.value = 1})) == numbers{0, 1});
  CHECK(wide(pad(tensor<float>({0}), {1, 2}, {.value = 4})) == numbers{4, 4, 4});
  CHECK(pad(tensor<float>({2, 3}), {-1, -2}).shape() == shape{2, 0});
  CHECK(pad(tensor<float>({0, 3}), {1, 1}, {pad_mode::reflect}).shape() == shape{0, 5});
  CHECK(wide(pad(from<float>({1}, {3}), {2, 1}, {pad_mode::replicate})) == numbers{3, 3, 3, 3});
  CHECK(wide(pad(counting<float>({3}), {3, 3}, {pad_mode::circular})) == numbers{0, 1, 2, 0, 1, 2, 0, 1, 2});
}

TEST_CASE("take: what is refused") {
  const tensor<float> x({2, 3});
  CHECK_THROWS_WITH_AS(pad(x, {1}), "[pad] expected a pair of sizes for each of the last axes of (2, 3), got 1 sizes",
                       shape_error);
  CHECK_THROWS_AS(pad(x, {}), shape_error);
  CHECK_THROWS_AS(pad(x, {0, 0, 0, 0, 0, 0}), shape_error);
  CHECK_THROWS_WITH_AS(pad(x, {0, 3}, {pad_mode::reflect}),
                       "[pad] expected at most 2 elements before and after axis -1 of (2, 3), got 0 and 3",
                       shape_error);
  CHECK_THROWS_AS(pad(x, {4, 0}, {pad_mode::circular}), shape_error);
  CHECK_THROWS_AS(pad(tensor<float>({0}), {1, 0}, {pad_mode::replicate}), shape_error);
  CHECK_THROWS_WITH_AS(pad(x, {-2, -2}), "[pad] expected sizes that axis -1 of (2, 3) has room for, got -2 and -2",
                       shape_error);
  CHECK_THROWS_AS(pad(x, {std::numeric_limits<std::int64_t>::max(), 1}), shape_error);
  CHECK_THROWS_WITH_AS(index_select(x, 1, from<std::int64_t>({2}, {0, 3})),
                       "[index_select] expected indices from 0 to 2, got 3", value_error);
  CHECK_THROWS_WITH_AS(index_select(x, 1, tensor<std::int64_t>({1, 1})),
                       "[index_select] expected indices (n,), got (1, 1)", shape_error);
  CHECK(index_select(x, 0, tensor<std::int64_t>()).shape() == shape{0, 3});
  CHECK_THROWS_AS(flip(x, 2), shape_error);
}
