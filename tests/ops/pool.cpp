// Shows: max and average pooling
// Pooling in one, two and three axes against windows read one by one, for every option; PyTorch's numbers.
#include <inlay/ops/pool.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "allocations.hpp"
#include "tensors.hpp"

using namespace inlay;
using support::made_up;
using support::numbers;

namespace {

// Outputs and gradients of x by definition, on planes of three axes.
template <int Axes> struct twin {
  pool_options<Axes> options;
  std::array<std::int64_t, 3> in{1, 1, 1}, out{1, 1, 1}, kernel{1, 1, 1}, stride{1, 1, 1}, padding{0, 0, 0},
      dilation{1, 1, 1};

  twin(const pool_options<Axes>& of, const shape& x, const shape& y) : options(of) {
    for (std::size_t axis = 0; axis < Axes; ++axis) {
      const std::size_t i = 3 - Axes + axis;
      in[i] = x[static_cast<std::int64_t>(axis) + 2], out[i] = y[static_cast<std::int64_t>(axis) + 2];
      kernel[i] = of.kernel[axis], stride[i] = of.stride[axis] == 0 ? kernel[i] : of.stride[axis];
      padding[i] = of.padding[axis], dilation[i] = of.dilation[axis];
    }
  }

  // Places that output o of a plane sees; `room` counts padding too.
  std::vector<std::int64_t> seen(std::int64_t o, std::int64_t& room) const {
    const std::int64_t o2 = o % out[2], o1 = o / out[2] % out[1], o0 = o / out[2] / out[1];
    std::vector<std::int64_t> places;
    room = 0;
    for (std::int64_t a = 0; a < kernel[0]; ++a)
      for (std::int64_t b = 0; b < kernel[1]; ++b)
        for (std::int64_t c = 0; c < kernel[2]; ++c) {
          const std::int64_t at[] = {o0 * stride[0] - padding[0] + a * dilation[0],
                                     o1 * stride[1] - padding[1] + b * dilation[1],
                                     o2 * stride[2] - padding[2] + c * dilation[2]};
          bool inside = true, roomy = true;
          for (std::size_t i = 0; i < 3; ++i) {
            inside = inside && at[i] >= 0 && at[i] < in[i];
            roomy = roomy && at[i] < in[i] + padding[i];
          }
          room += roomy;
          if (inside) places.push_back((at[0] * in[1] + at[1]) * in[2] + at[2]);
        }
    return places;
  }
};

template <class T, int Axes, class Op> void check(const Op& op, const shape& of_x, bool largest) {
  INFO("x ", of_x.text());
  const tensor<T> x = made_up<T>(of_x, 1);
  const shape of_y = op.forward(x).shape();
  const tensor<T> dy = made_up<T>(of_y, 2);
  const twin<Axes> judge(op.options, of_x, of_y);
  const std::int64_t into = judge.out[0] * judge.out[1] * judge.out[2], from = judge.in[0] * judge.in[1] * judge.in[2];
  numbers y, dx(static_cast<std::size_t>(x.size()));
  for (std::int64_t i = 0; i < of_y.size(); ++i) {
    std::int64_t room = 0, best = -1;
    double sum = 0;
    const auto places = judge.seen(i % into, room);
    const std::int64_t plane = i / into * from;
    for (const std::int64_t at : places) {
      const double value = static_cast<double>(x.values()[static_cast<std::size_t>(plane + at)]);
      sum += value;
      if (best < 0 || value > static_cast<double>(x.values()[static_cast<std::size_t>(plane + best)])) best = at;
    }
    const double count = static_cast<double>(op.options.count_include_pad ? room : std::ssize(places)),
                 g = static_cast<double>(dy.values()[static_cast<std::size_t>(i)]);
    y.push_back(largest ? static_cast<double>(x.values()[static_cast<std::size_t>(plane + best)]) : sum / count);
    for (const std::int64_t at : places)
      if (!largest || at == best) dx[static_cast<std::size_t>(plane + at)] += largest ? g : g / count;
  }
  support::check_everywhere<T>([&] { return op.forward(x); }, y, support::rounding<T>);
  support::check_everywhere<T>(
      [&] {
        const autograd::tape tape;
        const auto v = tape.leaf(x);
        apply(op, v).backward(dy);
        return v.grad();
      },
      dx, 2 * support::rounding<T>);
}

template <class T, int Axes> void check_both(const shape& x, pool_options<Axes> options) {
  check<T, Axes>(max_pool_op<Axes>{options}, x, true);
  options.dilation = 1;
  check<T, Axes>(avg_pool_op<Axes>{options}, x, false);
  options.count_include_pad = false;
  check<T, Axes>(avg_pool_op<Axes>{options}, x, false);
}

}  // namespace

TEST_CASE_TEMPLATE("pool: every option in one, two and three axes", T, float, double) {
  for (const bool up : {false, true}) {
    for (const std::int64_t length : {4, 7, 16, 33}) {
      check_both<T, 1>({2, 3, length}, {.kernel = 2, .ceil_mode = up});
      check_both<T, 1>({2, 3, length}, {.kernel = 3, .stride = 2, .padding = 1, .ceil_mode = up});
    }
    check_both<T, 2>({2, 3, 8, 9}, {.kernel = 2, .ceil_mode = up});
    check_both<T, 2>({1, 2, 9, 7}, {.kernel = {3, 2}, .stride = {1, 3}, .padding = {1, 0}, .ceil_mode = up});
    check_both<T, 2>({1, 2, 9, 11}, {.kernel = 3, .stride = 2, .padding = 1, .dilation = 2, .ceil_mode = up});
    check_both<T, 2>({2, 2, 20, 19}, {.kernel = {17, 16}, .stride = 2, .padding = {8, 0}, .ceil_mode = up});
    check_both<T, 3>({1, 2, 4, 5, 6}, {.kernel = {2, 3, 2}, .stride = 2, .padding = {0, 1, 1}, .ceil_mode = up});
  }
}

TEST_CASE("pool: the same bits when planes are shared out, and for an image alone; a warm step allocates nothing") {
  const tensor<float> x = made_up<float>({8, 16, 56, 57}, 3);
  const auto check = [&](const auto& op) {
    const tensor<float> dy = made_up<float>(op.forward(x).shape(), 4);
    const autograd::tape tape;
    const auto step = [&] {
      const auto v = tape.leaf(x);
      const auto y = apply(op, v);
      y.backward(dy);
      return std::pair{y.value(), v.grad()};
    };
    std::pair<tensor<float>, tensor<float>> first;
    support::for_each_thread_count([&](int threads) {
      const auto both = step();
      if (threads == 1) first = both;
      CHECK(support::same_bits(both.first, first.first));
      CHECK(support::same_bits(both.second, first.second));
      CHECK(support::same_bits(op.forward(x), first.first));
      for (int i = 0; i < 10; ++i) step();
      const std::uint64_t pool = memory::stats().allocations;
      const support::allocation_watch heap;
      for (int i = 0; i < 5; ++i) step();
      CHECK(heap.count() == 0);
      CHECK(memory::stats().allocations == pool);
    });
    CHECK(support::same_bits(op.forward(x.slice(5, 6)), first.first.slice(5, 6)));
  };
  check(max_pool_op<2>{{.kernel = 2}});
  check(max_pool_op<2>{{.kernel = 3, .stride = 2, .padding = 1}});
  check(avg_pool_op<2>{{.kernel = 2}});
  check(avg_pool_op<2>{{.kernel = 3, .stride = 1, .padding = 1}});
}

TEST_CASE("pool: PyTorch's numbers") {
  const auto x = from<double>({1, 1, 3, 3}, {1, -2, 3, 4, 0, -1, 0.5, 2, 6});
  // F.max_pool2d(x, 2, 1), F.avg_pool2d(x, 2, 2, 1), the same with count_include_pad=False
  support::check_close(max_pool2d(x, {.kernel = 2, .stride = 1}), {4, 3, 4, 6});
  support::check_close(avg_pool2d(x, {.kernel = 2, .stride = 2, .padding = 1}), {0.25, 0.25, 1.125, 1.75});
  support::check_close(avg_pool2d(x, {.kernel = 2, .stride = 2, .padding = 1, .count_include_pad = false}),
                       {1, 0.5, 2.25, 1.75});
}

TEST_CASE("max_pool2d: the first of equals gets the gradient, NaN wins, all minus infinity stays") {
  const autograd::tape tape;
  const auto v = tape.leaf(ones<float>({1, 1, 2, 2}));
  max_pool2d(v, {.kernel = 2}).backward();
  support::check_close(v.grad(), {1, 0, 0, 0});
  const float nan = std::numeric_limits<float>::quiet_NaN(), low = -std::numeric_limits<float>::infinity();
  CHECK(support::is_nan(max_pool2d(from<float>({1, 1, 1, 3}, {1, nan, 2}), {.kernel = {1, 3}}).item()));
  const auto flat = tape.leaf(full<float>({1, 1, 2, 2}, low));
  const auto y = max_pool2d(flat, {.kernel = 2, .stride = 2, .padding = 1});
  CHECK(y.value()(0, 0, 1, 1) == low);
  y.backward(ones<float>({1, 1, 2, 2}));
  support::check_close(flat.grad(), {1, 1, 1, 1});
}

TEST_CASE("max_pool1d: a dilated window that sees nothing but padding") {
  const autograd::tape tape;
  const auto v = tape.leaf(ones<float>({1, 1, 2}));
  const auto y = max_pool1d(v, {.kernel = 2, .padding = 1, .dilation = 3});  // places -1 and 2
  CHECK(y.item() == -std::numeric_limits<float>::infinity());
  y.backward();
  support::check_close(v.grad(), {0, 0});
}

TEST_CASE("pool: empty batches, and what is refused") {
  CHECK_THROWS_AS(max_pool1d(zeros<float>({1, 1, 0}), {.kernel = 2, .padding = 1}), shape_error);
  CHECK(max_pool2d(zeros<float>({0, 3, 4, 4}), {.kernel = 2}).shape() == shape{0, 3, 2, 2});
  CHECK_THROWS_WITH_AS(max_pool2d(zeros<float>({3, 4, 4}), {.kernel = 2}),
                       "[max_pool2d] expected input (N, C, 2 spatial sizes), got (3, 4, 4)", shape_error);
  CHECK_THROWS_WITH_AS(max_pool2d(zeros<float>({1, 3, 1, 4}), {.kernel = 2}),
                       "[max_pool2d] expected an input that a window of 2 fits into, got (1, 3, 1, 4)", shape_error);
  CHECK_THROWS_AS(max_pool2d(zeros<float>({1, 3, 4, 4}), {}), value_error);
  CHECK_THROWS_AS(max_pool2d(zeros<float>({1, 3, 4, 4}), {.kernel = 2, .padding = 2}), value_error);
  CHECK_THROWS_AS(avg_pool2d(zeros<float>({1, 3, 4, 4}), {.kernel = 2, .dilation = 2}), value_error);
}
