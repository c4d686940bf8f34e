// Shows: xtensor adaptors on tensors (`inlay/xtensor.hpp`)
// xtensor: adaptors lie on the tensor's memory under the tensor's rules for copies, and every expression becomes a
// tensor.
#include <inlay/xtensor.hpp>

#include <doctest/doctest.h>

#if __has_include(<xtensor/containers/xarray.hpp>)
#include <xtensor/containers/xarray.hpp>
#include <xtensor/containers/xtensor.hpp>
#include <xtensor/core/xmath.hpp>
#include <xtensor/views/xview.hpp>
#else
#include <xtensor/xarray.hpp>
#include <xtensor/xmath.hpp>
#include <xtensor/xtensor.hpp>
#include <xtensor/xview.hpp>
#endif

#include <string>
#include <utility>

#include "tensors.hpp"

using namespace inlay;
using support::counting;

namespace {

template <class Sizes> shape shape_of(const Sizes& sizes) {
  shape out;
  for (const auto size : sizes) out.append(static_cast<std::int64_t>(size));
  return out;
}

}  // namespace

TEST_CASE("as_xtensor: shape, memory and values") {
  const shape shapes[] = {{}, {1}, {5}, {0}, {2, 3}, {2, 0, 3}, {2, 3, 4}, {2, 1, 2, 1, 2, 1, 2, 3}};
  for (const shape& sizes : shapes) {
    INFO("shape ", sizes.text());
    const tensor<float> fixed = counting<float>(sizes);
    const auto adapted = as_xtensor(fixed);
    CHECK(shape_of(adapted.shape()) == sizes);
    CHECK(static_cast<std::int64_t>(adapted.size()) == fixed.size());
    if (fixed.size() > 0) CHECK(&*adapted.begin() == fixed.data());
    CHECK(std::equal(adapted.begin(), adapted.end(), fixed.data(), fixed.data() + fixed.size()));
    tensor<float> open = fixed;
    CHECK(shape_of(as_xtensor(open).shape()) == sizes);
  }
  const tensor<float> t = counting<float>({2, 3, 4});
  CHECK(as_xtensor(t)(1, 2, 3) == t(1, 2, 3));
}

TEST_CASE("as_xtensor: the rank at compile time") {
  tensor<float> t = counting<float>({2, 3, 4});
  const auto fixed = as_xtensor<3>(std::as_const(t));
  CHECK(std::tuple_size<std::decay_t<decltype(fixed.shape())>>::value == 3);
  CHECK(shape_of(fixed.shape()) == shape{2, 3, 4});
  CHECK(fixed(1, 0, 2) == 14);
  as_xtensor<3>(t)(1, 0, 2) = -1;
  CHECK(std::as_const(t)(1, 0, 2) == -1);
  CHECK(as_xtensor<0>(tensor<float>(shape{}, 7))() == 7);
  CHECK_THROWS_WITH_AS(as_xtensor<2>(std::as_const(t)), "[as_xtensor] expected a tensor of 2 axes, got (2, 3, 4)",
                       shape_error);
  CHECK_THROWS_WITH_AS(as_xtensor<4>(t), "[as_xtensor] expected a tensor of 4 axes, got (2, 3, 4)", shape_error);
}

TEST_CASE("as_xtensor: an adaptor of a constant tensor shares, one of a variable tensor detaches and pins") {
  const auto check = [](auto adapt) {
    tensor<double> a = counting<double>({2, 3});
    const tensor<double> b = a;
    CHECK(&*adapt(b).begin() == std::as_const(a).data());
    CHECK(&*adapt(std::as_const(a)).begin() == b.data());
    CHECK(a.shares_memory_with(b));

    auto adapted = adapt(a);
    CHECK(!a.shares_memory_with(b));
    adapted(1, 2) = 50;
    xt::view(adapted, 0, xt::all()) *= 10;
    CHECK(support::same_bits(a.values(), from<double>({6}, {0, 10, 20, 3, 4, 50}).values()));
    CHECK(support::same_bits(b.values(), counting<double>({6}).values()));

    const tensor<double> later = a;  // deep: the adaptor writes into `a` only
    adapted.fill(0);
    CHECK(later(1, 2) == 50);
    CHECK(std::as_const(a)(1, 2) == 0);
  };
  check([](auto& t) { return as_xtensor(t); });
  check([](auto& t) { return as_xtensor<2>(t); });
}

TEST_CASE("as_xtensor, from_xtensor: there and back for every element type") {
  for (const dtype type :
       {dtype::float32, dtype::float64, dtype::int32, dtype::int64, dtype::uint8, dtype::int8, dtype::boolean})
    visit(type, [&](auto zero) {
      using T = decltype(zero);
      INFO("type ", std::string(name(type)));
      const tensor<T> made = counting<T>({3, 1, 5});
      for (const tensor<T>& back : {from_xtensor(as_xtensor(made)), from_xtensor(as_xtensor<3>(made))}) {
        CHECK(back.shape() == made.shape());
        CHECK(support::same_bits(back.values(), made.values()));
        CHECK(!back.shares_memory_with(made));
      }
    });
}

TEST_CASE("from_xtensor: expressions of every kind") {
  const tensor<double> t = counting<double>({2, 3});
  const auto a = as_xtensor(t);
  const auto check = [](const auto& expression, const shape& expected, const std::vector<double>& values) {
    INFO("shape ", expected.text());
    const auto got = from_xtensor(expression);
    CHECK(got.shape() == expected);
    CHECK(support::difference(got.values(), values) == 0);
  };
  check(a + 1, {2, 3}, {1, 2, 3, 4, 5, 6});
  check(xt::transpose(a), {3, 2}, {0, 3, 1, 4, 2, 5});
  check(xt::view(a, 1), {3}, {3, 4, 5});
  check(xt::view(a, xt::all(), xt::range(1, 3)), {2, 2}, {1, 2, 4, 5});
  check(xt::view(a, xt::all(), xt::newaxis(), xt::all()), {2, 1, 3}, {0, 1, 2, 3, 4, 5});
  check(xt::sum(a, {0}), {3}, {3, 5, 7});
  check(xt::sum(a), {}, {15});
  check(a > 2, {2, 3}, {0, 0, 0, 1, 1, 1});
  check(xt::cast<float>(a) / 2, {2, 3}, {0, 0.5, 1, 1.5, 2, 2.5});
  check(a + xt::view(a, 0), {2, 3}, {0, 2, 4, 3, 5, 7});  // broadcasts
  check(xt::xarray<int>{{1, 2}, {3, 4}}, {2, 2}, {1, 2, 3, 4});
  check(xt::xtensor<float, 1>{1, 2}, {2}, {1, 2});
  check(xt::xarray<double, xt::layout_type::column_major>{{1, 2}, {3, 4}}, {2, 2}, {1, 2, 3, 4});
  check(xt::zeros<double>({2, 0}), {2, 0}, {});
  static_assert(std::is_same_v<decltype(from_xtensor(a > 2)), tensor<bool>>);
}

TEST_CASE("xtensor computes on a tensor in place") {
  const tensor<float> a = counting<float>({2, 3});
  tensor<float> out(shape{2, 3});
  as_xtensor<2>(out) = 2 * as_xtensor<2>(a) + 1;
  CHECK(support::same_bits(out.values(), from<float>({6}, {1, 3, 5, 7, 9, 11}).values()));
}
