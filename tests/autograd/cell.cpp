// Shows: (what a parameter owns)
// Cells count their owners and their changes, draw from their rule and refuse other shapes and types.
#include <inlay/autograd/cell.hpp>

#include <doctest/doctest.h>

#include <thread>

#include "tensors.hpp"

using namespace inlay;
using detail::cell;
using detail::counted;
using support::check_close;

namespace {

struct object {
  explicit object(int& deaths) : deaths_(deaths) {}
  ~object() { ++deaths_; }
  void acquire() noexcept { ++owners; }
  void release() noexcept {
    if (--owners == 0) delete this;
  }
  int owners = 0;

 private:
  int& deaths_;
};

}  // namespace

TEST_CASE("a counted object dies with its last owner") {
  int deaths = 0;
  {
    counted<object> a(new object(deaths));
    counted<object> b = a, c;
    CHECK_FALSE(c);
    c = std::move(b);
    CHECK_FALSE(b);
    CHECK(a->owners == 2);
    c = *&c;
    c = std::move(*&c);
    CHECK(c.get() == a.get());
    a = {};
    CHECK(deaths == 0);
    CHECK((*c).owners == 1);
  }
  CHECK(deaths == 1);
}

TEST_CASE("cells may be shared by threads") {
  const counted<cell<float>> shared(new cell<float>(tensor<float>({4}, 1.0f)));
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([shared] {
      for (int j = 0; j < 1000; ++j) {
        const counted<detail::cell_base> mine = shared;
        if (mine->shape().size() != 4) std::abort();
      }
    });
  for (std::thread& t : threads) t.join();
  check_close(shared->typed(), {1, 1, 1, 1});
}

TEST_CASE("a cell takes values of its shape only, and counts them") {
  cell<float> c(tensor<float>({2}, 1.0f));
  detail::cell_base& base = c;
  CHECK(base.type == dtype::float32);
  const char* refused = "[assign] expected a value of shape (2,), got (3,)";
  CHECK_THROWS_WITH_AS(c.assign(tensor<float>({3})), refused, shape_error);
  CHECK_THROWS_WITH_AS(base.assign_from(cell<float>(tensor<float>({3}))), refused, shape_error);
  CHECK(c.version == 0);
  base.assign_from(cell<float>(tensor<float>({2}, 4.0f)));
  c.write([](std::span<float> values) { values[0] = 2; });
  CHECK(c.version == 2);
  check_close(c.typed(), {2, 4});
  CHECK(base.shape() == shape{2});
}

TEST_CASE("the first gradient is taken as it is, the others are added") {
  cell<float> c(tensor<float>({2}));
  CHECK_FALSE(c.has_gradient());
  int added = 0;
  const auto add = [&](tensor<float>& a, const tensor<float>& b) {
    ++added;
    CHECK(support::same_bits(a, b));
  };
  const tensor<float> g({2}, 3.0f);
  c.accumulate(g, add);
  CHECK(added == 0);
  CHECK(c.gradient().shares_memory_with(g));
  c.accumulate(g, add);
  CHECK(added == 1);
  c.write_gradient([](std::span<float> values) { values[0] = 1; });
  check_close(g, {3, 3});
  check_close(c.gradient(), {1, 3});
  c.drop_gradient();
  CHECK_FALSE(c.has_gradient());
  CHECK(c.gradient().size() == 0);
}

TEST_CASE("rules draw what they say") {
  random::generator g(3);
  check_close(distribution::constant(2.5).draw<float>(g, {3}), {2.5, 2.5, 2.5});
  const tensor<double> uniform = distribution::uniform(-2, 1).draw<double>(g, {4000});
  const tensor<double> normal = distribution::normal(5, 0.5).draw<double>(g, {4000});
  double low = 9, high = -9, sum = 0, squares = 0;
  for (const double x : uniform.values()) {
    low = std::min(low, x);
    high = std::max(high, x);
  }
  for (const double x : normal.values()) {
    sum += x;
    squares += (x - 5) * (x - 5);
  }
  CHECK((low >= -2 && low < -1.98));
  CHECK((high < 1 && high > 0.98));
  CHECK(std::abs(sum / 4000 - 5) < 0.04);
  CHECK(std::abs(squares / 4000 - 0.25) < 0.03);

  cell<double> c(tensor<double>({3}));
  c.rule = distribution::constant(4);
  c.draw(g);
  check_close(c.typed(), {4, 4, 4});
  cell<std::int64_t> whole(tensor<std::int64_t>({2}, 7));
  whole.draw(g);  // integers have no rule
  CHECK(whole.typed().values()[1] == 7);
}
