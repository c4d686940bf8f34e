// Shows: parameters and buffers
// Parameters and buffers: copies are independent, moves keep the cell, assignments write into it; gradients gather in
// the cell, also when a weight is tied.
#include <inlay/autograd/parameter.hpp>

#include <doctest/doctest.h>

#include <memory>
#include <utility>

#include <inlay/ops/arithmetic.hpp>
#include <inlay/ops/reduce.hpp>

#include "tensors.hpp"

using namespace inlay;
using autograd::tape;
using support::check_close;

namespace {

const tensor<double> x2 = from<double>({2}, {3, -1}), ones2 = ones<double>({2});

const void* cell_of(const parameter<double>& p) { return p.shared_cell().get(); }

}  // namespace

TEST_CASE("a copy shares memory until one of them is written") {
  parameter<double> p{x2};
  parameter<double> copy = p;
  CHECK(cell_of(copy) != cell_of(p));
  CHECK(copy.value().shares_memory_with(p.value()));
  copy.write([](std::span<double> values) { values[0] = 7; });
  check_close(p.value(), {3, -1});
  check_close(copy.value(), {7, -1});
  p.assign(ones2);
  check_close(copy.value(), {7, -1});
}

TEST_CASE("a move keeps the cell, an assignment writes into the one that is there") {
  parameter<double> p{x2};
  const void* cell = cell_of(p);
  parameter<double> moved = std::move(p);
  CHECK(cell_of(moved) == cell);
  parameter<double> target{ones2};
  const void* own = cell_of(target);
  target = moved;
  CHECK(cell_of(target) == own);
  check_close(target.value(), {3, -1});
  target.assign(ones2);
  target = std::move(moved);
  CHECK(cell_of(target) == own);
  check_close(target.value(), {3, -1});
  target = *&target;
  check_close(target.value(), {3, -1});
  std::swap(target, moved);  // std::swap moves, so values change places, not cells
  check_close(moved.value(), {3, -1});

  parameter<double> empty;
  empty = target;
  CHECK(cell_of(empty) != own);
  check_close(empty.value(), {3, -1});
  target = parameter<double>();
  CHECK(cell_of(target) != cell_of(empty));
}

TEST_CASE("an assignment takes over another size, its rule, and no old gradient") {
  parameter<double> p(shape{2}, distribution::constant(1));
  sum(p.in(variable<double>{x2}) * x2).backward();
  CHECK(p.has_grad());
  p = parameter<double>(shape{4}, distribution::constant(5));
  CHECK(p.shape() == shape{4});
  CHECK_FALSE(p.has_grad());
  random::generator g(0);
  p.shared_cell()->draw(g);
  check_close(p.value(), {5, 5, 5, 5});
}

TEST_CASE("assign and write replace the value, and count it") {
  parameter<double> p{x2};
  const std::uint64_t version = p.shared_cell()->version;
  const tensor<double> before = p.value();
  p.assign(ones2);
  p.write([](std::span<double> values) { values[1] = 5; });
  check_close(p.value(), {1, 5});
  check_close(before, {3, -1});
  check_close(ones2, {1, 1});
  CHECK(p.shared_cell()->version == version + 2);
  CHECK_THROWS_WITH_AS(p.assign(tensor<double>({3})), "[assign] expected a value of shape (2,), got (3,)", shape_error);
  check_close(p.value(), {1, 5});
}

TEST_CASE("gradients gather in the cell, for every reading of the weight") {
  const parameter<double> p{x2};
  const tape t;
  CHECK_THROWS_WITH_AS(p.grad(), "[grad] parameter (2,) has no gradient; expected a backward() that reached it",
                       state_error);
  const auto x = t.input(ones2);
  sum(x * p + p.in(x)*p.in(x)).backward();  // tied: read three times in one forward
  check_close(p.grad(), {7, -1});           // 1 + 2 p
  const tensor<double> once = p.grad();
  sum(x * p).backward();
  check_close(p.grad(), {8, 0});
  check_close(once, {7, -1});
  parameter<double> copy = p;
  CHECK_FALSE(copy.has_grad());  // a gradient belongs to the cell
  parameter<double> moved = std::move(copy);
  moved.zero_grad();
  CHECK(p.has_grad());
}

TEST_CASE("a weight read by a tensor is a tensor") {
  const parameter<double> p{x2};
  static_assert(std::is_same_v<decltype(p.in(x2)), tensor<double>>);
  CHECK(support::same_bits(p.in(x2), x2));
  CHECK(p.in(variable<double>{x2}).requires_grad());
  p.shared_cell()->trainable = false;
  CHECK_FALSE(p.in(variable<double>{x2}).requires_grad());
}

TEST_CASE("a copy is trainable when its original is") {
  parameter<double> p{x2};
  p.shared_cell()->trainable = false;
  CHECK_FALSE(parameter<double>(p).trainable());
  CHECK_FALSE(parameter<double>(std::move(p)).trainable());
}

TEST_CASE("a parameter that a module does not have") {
  parameter<double> none;
  CHECK_FALSE(none);
  CHECK(none.value().size() == 0);
  CHECK(none.shape() == shape{0});
  CHECK_FALSE(none.trainable());
  CHECK_FALSE(none.has_grad());
  none.zero_grad();
  CHECK_FALSE(none.in(variable<double>{x2}).requires_grad());
  const parameter<double> copy = none;
  CHECK_FALSE(copy);
  const char* absent = "[parameter] expected a parameter with a value, got one that its module does not have";
  CHECK_THROWS_WITH_AS(none.assign(x2), absent, state_error);
  CHECK_THROWS_WITH_AS(none.write([](std::span<double>) {}), absent, state_error);
  CHECK_THROWS_AS(none.grad(), state_error);
}

TEST_CASE("weights nobody refers to are freed, also after a backward that no optimiser waited for") {
  const double numbers[] = {1, 2};
  auto owner = std::make_shared<int>();  // lives as long as one of the weights' values
  const std::weak_ptr<int> alive = owner;
  {
    const parameter<double> a{tensor<double>::foreign(numbers, {2}, owner)},
        b{tensor<double>::foreign(numbers, {2}, owner)};
    owner.reset();
    sum(tape().leaf(x2) * a * b).backward();
    CHECK(a.has_grad());
    CHECK_FALSE(alive.expired());
  }
  CHECK(alive.expired());
}

TEST_CASE("buffers are saved values without a gradient") {
  const buffer<std::int64_t> count{tensor<std::int64_t>(shape{}, 3)};
  CHECK(count.value().item() == 3);
  const buffer<double> b{x2};
  buffer<double> copy = b;
  copy = buffer<double>{ones2};
  check_close(b.value(), {3, -1});
  CHECK_FALSE(b.in(variable<double>{x2}).requires_grad());
  CHECK(support::same_bits(b.in(x2), x2));
}
