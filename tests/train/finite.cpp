// Shows: (numbers that are not finite)
// Numbers that are infinite or none are found, in weights and gradients, by their bits.
#include <inlay/train/finite.hpp>

#include <inlay/nn/embedding.hpp>
#include <inlay/ops/arithmetic.hpp>
#include <inlay/ops/int8.hpp>
#include <inlay/ops/reduce.hpp>

#include <doctest/doctest.h>

#include "tensors.hpp"

using namespace inlay;
using train::detail::all_finite;
using train::detail::first_bad;
using train::detail::part_of_weight;

namespace {

struct two_weights {
  parameter<double> first{tensor<double>({2}, 1)};
  buffer<float> mean{full<float>({2}, std::numeric_limits<float>::infinity())};  // no weight
  parameter<float> second{tensor<float>({3}, 1)};
  std::int64_t size = 3;
  double number = 4;
  static void members(auto& self, auto&& visit) {
    visit("first", self.first);
    visit("mean", self.mean);
    visit("second", self.second);
    visit("size", self.size);
    visit("number", self.number);
  }
};

template <class T> void check_type() {
  using limits = std::numeric_limits<T>;
  CHECK(all_finite(tensor<T>(shape{0})));
  CHECK(all_finite(from<T>({6}, {0, -T{0}, limits::max(), limits::lowest(), limits::min(), limits::denorm_min()})));
  for (const T bad : {limits::infinity(), -limits::infinity(), limits::quiet_NaN(), -limits::quiet_NaN()})
    for (const std::int64_t at : {0, 4, 8}) {
      tensor<T> t({3, 3}, T{1});
      t.write([&](std::span<T> values) { values[static_cast<std::size_t>(at)] = bad; });
      CHECK_FALSE(all_finite(t));
      CHECK_FALSE(all_finite(any_tensor(t)));
    }
  CHECK(all_finite(any_tensor(tensor<T>({3}, T{1}))));
}

}  // namespace

TEST_CASE("finite: every number of a tensor") {
  check_type<float>();
  check_type<double>();
  CHECK(all_finite(any_tensor(tensor<std::int64_t>({3}, -1))));
  CHECK(all_finite(any_tensor(tensor<bool>({3}, true))));
}

TEST_CASE("finite: the first weight that is bad, or whose gradient is") {
  two_weights net;
  const std::vector<member> list = members_of(net);
  CHECK(first_bad(list, part_of_weight::value).empty());
  CHECK(first_bad(list, part_of_weight::gradient).empty());  // there is none yet

  net.second.assign(from<float>({3}, {1, std::numeric_limits<float>::quiet_NaN(), 1}));
  CHECK(first_bad(list, part_of_weight::value) == "second");
  const autograd::tape tape;
  const auto x = tape.input(tensor<float>({3}, 2.0f));
  sum(net.second.in(x)*x).backward();
  CHECK(first_bad(list, part_of_weight::gradient).empty());
  net.second.zero_grad();
  sum(net.second.in(x) / (x - x)).backward();
  CHECK(first_bad(list, part_of_weight::gradient) == "second");

  net.first.assign(from<double>({2}, {1, -std::numeric_limits<double>::infinity()}));
  CHECK(first_bad(list, part_of_weight::value) == "first");
  CHECK(first_bad(list, part_of_weight::gradient) == "second");
}

TEST_CASE("finite: what stands for a weight or a gradient is looked into without its elements") {
  const any_tensor weight(
      tensor<float>::represented(std::make_shared<int8_weight<>>(support::made_up<float>({4, 3}, 1))));
  CHECK(all_finite(weight));
  CHECK_FALSE(weight.as<float>().has_elements());

  nn::embedding<float> table{{.vocabulary = 100, .features = 2}};
  const autograd::tape tape;
  const auto tokens = from<std::int64_t>({2}, {7, 3});
  for (const float factor : {1.0f, std::numeric_limits<float>::infinity()}) {
    table.weight.zero_grad();
    const auto read = table(tape.input(tokens));
    sum(read * factor).backward();
    CHECK(first_bad(members_of(table), part_of_weight::gradient) == (factor == 1 ? "" : "weight"));
    CHECK_FALSE(table.weight.grad().has_elements());
  }
}
