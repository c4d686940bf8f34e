// Shows: (memory and broadcasts of elementwise operations)
// The way from tensors to elementwise kernels: which memory a result takes, and how broadcasts are cut into runs.
#include <inlay/ops/map.hpp>

#include <doctest/doctest.h>

#include "naive/arrays.hpp"
#include "tensors.hpp"

using namespace inlay;
using support::check_close;
using support::made_up;

TEST_CASE("map and zip write into memory that nobody else has, and nowhere else") {
  tensor<float> mine = made_up<float>({9}, 1), shared = mine, other = made_up<float>({9}, 2);
  const tensor<float> copy = other;
  const float* memory = std::as_const(mine).data();
  const tensor<float> apart = detail::map(kernels::negate{}, shared);
  CHECK(apart.data() != memory);
  shared = tensor<float>();
  tensor<float> negated = detail::map(kernels::negate{}, std::move(mine));
  CHECK(std::as_const(negated).data() == memory);
  const tensor<float> sum =
      detail::zip("add", kernels::add{}, other, std::move(negated));  // the right operand's memory
  CHECK(std::as_const(sum).data() == memory);
  CHECK(support::same_bits(other, copy));
  float* pinned = other.data();
  const tensor<float> fresh = detail::map(kernels::negate{}, std::move(other));
  CHECK(std::as_const(fresh).data() != pinned);
  const auto twice = detail::zip("add", kernels::add{}, copy, copy);
  for (int i = 0; i < 9; ++i) CHECK(twice(i) == 2 * copy(i));
}

TEST_CASE("a broadcast is cut into the longest runs") {
  struct row {
    shape a, b;
    std::int64_t run, runs, left_step, right_step;
  };
  for (const row& r :
       {row{{4, 5, 6}, {}, 120, 1, 1, 0}, row{{4, 5, 6}, {6}, 6, 20, 1, 1}, row{{4, 5, 6}, {5, 6}, 30, 4, 1, 1},
        row{{4, 5, 6}, {4, 1, 1}, 30, 4, 1, 0}, row{{4, 1}, {1, 5}, 5, 4, 0, 1}, row{{4, 5, 1}, {4, 1, 1}, 5, 4, 1, 0},
        row{{1, 1}, {1}, 1, 1, 0, 0}, row{{0, 5}, {5}, 5, 0, 1, 1}}) {
    const detail::zip_plan plan("add", r.a, r.b);
    INFO(r.a.text(), " ", r.b.text());
    CHECK(plan.run == r.run);
    CHECK(plan.runs == r.runs);
    CHECK(plan.left_step == r.left_step);
    CHECK(plan.right_step == r.right_step);
  }
}

TEST_CASE("broadcast_to and sum_to go there and back") {
  const shape large{2, 3, 4};
  for (const shape& sizes : {shape{}, shape{4}, shape{3, 1}, shape{2, 1, 4}, shape{1, 1, 1}, large}) {
    const tensor<double> x = made_up<double>(sizes, 1), wide = detail::broadcast_to(x, large);
    INFO(sizes.text());
    CHECK(support::difference(wide.values(),
                              naive::zip(x, tensor<double>(large), [](double a, double) { return a; }).values) == 0);
    const double copies = static_cast<double>(large.size()) / static_cast<double>(sizes.size());
    check_close(detail::sum_to(wide, sizes), naive::map(x, [&](double v) { return v * copies; }).values);
  }
  CHECK_THROWS_WITH_AS(detail::broadcast_to(tensor<double>({4}), {4, 1}),
                       "[expand] expected a shape that (4,) broadcasts to, got (4, 1)", shape_error);
  CHECK_THROWS_AS(detail::broadcast_to(tensor<double>({2}), {3}), shape_error);
}

TEST_CASE("sum_rows is the sum over the first axis") {
  const tensor<double> x = made_up<double>({700, 130}, 1);
  support::check_everywhere<double>([&] { return detail::sum_rows(x, 700, 130); },
                                    naive::fold(x, {true, false}, 0, [](double a, double b) { return a + b; }).values,
                                    1e-12);
}
