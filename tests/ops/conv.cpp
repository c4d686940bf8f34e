// Shows: convolution over one to three axes (stride, padding, dilation, groups)
// Convolution in one, two and three axes against its definition, at every level and thread count: stride, padding and
// `same`, dilation, groups, depthwise, activations, sizes around the tiles; PyTorch's numbers; what is refused.
#include <inlay/ops/conv.hpp>

#include <doctest/doctest.h>

#include <cmath>

#include <inlay/ops/functions.hpp>

#include "naive/conv.hpp"
#include "tensors.hpp"

using namespace inlay;
using support::made_up;
using support::numbers;

namespace {

template <int Axes> struct problem {
  std::int64_t batch, in, out;
  std::array<std::int64_t, Axes> sizes, kernel;
  conv_options<Axes> options = {};
  bool biased = true;
};

template <class T> numbers wide(const tensor<T>& t) { return {t.values().begin(), t.values().end()}; }

template <int Axes> naive::conv twin(const problem<Axes>& p, const shape& y) {
  naive::conv c{p.batch,
                p.options.groups,
                p.out / p.options.groups,
                p.in / p.options.groups,
                {1, 1, 1},
                {1, 1, 1},
                {1, 1, 1},
                {1, 1, 1},
                {1, 1, 1},
                {0, 0, 0}};
  for (std::size_t axis = 0; axis < Axes; ++axis) {
    const std::size_t i = 3 - Axes + axis;
    c.in[i] = p.sizes[axis], c.kernel[i] = p.kernel[axis], c.out[i] = y[static_cast<std::int64_t>(axis) + 2];
    c.stride[i] = p.options.stride[axis], c.dilation[i] = p.options.dilation[axis];
    c.padding[i] = p.options.padding[axis];
    if (p.options.padding.same)
      c.padding[i] =
          std::max<std::int64_t>(0, (c.out[i] - 1) * c.stride[i] + c.dilation[i] * (c.kernel[i] - 1) + 1 - c.in[i]) / 2;
  }
  return c;
}

template <class T, int Axes> void check(const problem<Axes>& p) {
  shape of_x{p.batch, p.in}, of_w{p.out, p.in / p.options.groups};
  for (const std::int64_t size : p.sizes) of_x.append(size);
  for (const std::int64_t size : p.kernel) of_w.append(size);
  const tensor<T> x = made_up<T>(of_x, 1), w = made_up<T>(of_w, 2), b = p.biased ? made_up<T>({p.out}, 3) : tensor<T>();
  INFO("x ", of_x.text(), " w ", of_w.text(), " groups ", p.options.groups);
  const conv_op<Axes> op{p.options};
  const shape of_y = op.forward(x, w, b).shape();
  const naive::conv judge = twin(p, of_y);
  const tensor<T> dy = made_up<T>(of_y, 4);
  const auto result = judge.forward(wide(x), wide(w), wide(b));
  const auto gradients = judge.backward(wide(x), wide(w), wide(dy));
  // The longest of the sums that y, dw and dx are of.
  const std::int64_t terms = std::max({of_w.size() / p.out, of_y.size() / p.out, of_w.size() / p.in});
  const double tolerance = support::rounding<T> * (4 + std::sqrt(static_cast<double>(terms)));
  // w also as a weight, whose packed forms are kept
  const parameter<T> weight{w}, bias{b.size() > 0 ? parameter<T>{b} : parameter<T>{}};
  support::check_everywhere<T>([&] { return op.forward(x, w, b); }, result, tolerance);
  support::check_everywhere<T>([&] { return apply(op, x, weight, bias); }, result, tolerance);
  numbers all = gradients.x;
  all.insert(all.end(), gradients.w.begin(), gradients.w.end());
  if (p.biased) all.insert(all.end(), gradients.b.begin(), gradients.b.end());
  support::check_everywhere<T>(
      [&] {
        const autograd::tape tape;
        const auto vx = tape.leaf(x), vw = tape.leaf(w), vb = tape.leaf(b);
        apply(op, vx, vw, vb).backward(dy);
        std::vector<T> out(vx.grad().values().begin(), vx.grad().values().end());
        out.insert(out.end(), vw.grad().values().begin(), vw.grad().values().end());
        if (p.biased) out.insert(out.end(), vb.grad().values().begin(), vb.grad().values().end());
        return from<T>({static_cast<std::int64_t>(out.size())}, std::span<const T>(out));
      },
      all, tolerance);
}

}  // namespace

TEST_CASE_TEMPLATE("conv1d: every option", T, float, double) {
  for (const std::int64_t length : {1, 7, 8, 16, 33})
    for (const std::int64_t kernel : {1, 2, 3, 5}) {
      check<T, 1>({2, 3, 5, {length}, {kernel}, {.padding = padding::same}});
      check<T, 1>({1, 2, 4, {length}, {kernel}, {.stride = 2, .padding = 4}});
      check<T, 1>({1, 2, 1, {length}, {kernel}, {.stride = 3, .padding = padding::same, .dilation = 2}, false});
    }
  check<T, 1>({3, 4, 6, {19}, {4}, {.stride = 2, .padding = 1, .dilation = 3, .groups = 2}});
}

TEST_CASE_TEMPLATE("conv2d: every option", T, float, double) {
  check<T, 2>({1, 1, 1, {1, 1}, {1, 1}});
  check<T, 2>({2, 3, 7, {8, 9}, {3, 3}, {.padding = 1}});
  check<T, 2>({2, 3, 7, {8, 9}, {3, 2}, {.stride = {2, 1}, .padding = {0, 2}}});
  check<T, 2>({1, 2, 13, {17, 16}, {5, 3}, {.stride = 2, .padding = padding::same}, false});
  check<T, 2>({2, 6, 4, {10, 7}, {3, 3}, {.stride = {3, 2}, .padding = 2, .dilation = {1, 2}, .groups = 2}});
  check<T, 2>({2, 5, 5, {9, 9}, {3, 3}, {.padding = 1, .groups = 5}});                // depthwise
  check<T, 2>({2, 5, 5, {7, 21}, {3, 3}, {.padding = 1, .groups = 5}});
  check<T, 2>({2, 5, 10, {9, 8}, {3, 3}, {.stride = 2, .padding = 1, .groups = 5}});  // with two outputs for each
  check<T, 2>({2, 16, 33, {6, 6}, {1, 1}});
  check<T, 2>({1, 3, 6, {4, 4}, {4, 4}});                  // one output
  check<T, 2>({1, 1, 2, {2, 2}, {3, 3}, {.padding = 4}});  // padding alone at the corners
  check<T, 2>({3, 2, 3, {7, 6}, {2, 2}, {.stride = 4}});   // the stride leaves elements out
  check<T, 2>({1, 8, 12, {40, 41}, {3, 3}, {.padding = 1}});
  check<T, 2>({2, 24, 24, {8, 16}, {1, 1}});                      // lines without gaps: written at once
  check<T, 2>({1, 24, 24, {9, 16}, {1, 1}, {.stride = {2, 1}}});  // but not by a pass of every other line
  check<T, 2>({1, 4, 4, {5, 37}, {3, 3}, {.padding = 1, .groups = 4}});
  check<T, 2>({1, 1, 2, {2, 1200}, {2, 5}, {.padding = 2}});  // longer than a band
}

TEST_CASE_TEMPLATE("conv3d: every option", T, float, double) {
  check<T, 3>({2, 2, 3, {4, 5, 6}, {2, 3, 1}});
  check<T, 3>(
      {1, 4, 2, {5, 6, 7}, {3, 3, 3}, {.stride = {1, 2, 3}, .padding = {1, 0, 2}, .dilation = {2, 1, 1}, .groups = 2}});
  check<T, 3>({1, 2, 2, {3, 4, 5}, {3, 2, 3}, {.stride = 2, .padding = padding::same, .groups = 2}, false});
}

TEST_CASE("conv2d: many channels, more columns than a chunk") {
  check<float, 2>({2, 70, 65, {9, 10}, {3, 3}, {.padding = 1}});
  check<float, 2>({1, 37, 245, {5, 5}, {3, 3}, {.padding = 1}});
  check<float, 2>({1, 400, 24, {4, 32}, {1, 1}});                 // k in parts
  check<float, 2>({1, 8, 50, {30, 30}, {3, 3}, {.padding = 1}});  // parts of the channels, planes apart
  check<double, 2>({1, 16, 74, {24, 20}, {3, 3}, {.stride = {1, 2}}});
}

TEST_CASE("conv2d: activations are applied as y is written") {
  const auto x = made_up<double>({2, 2, 5, 5}, 1), w = made_up<double>({3, 2, 3, 3}, 2), b = made_up<double>({3}, 3);
  const tensor<double> plain = conv2d(x, w, b);
  for (const activation f : {activation::relu, activation::tanh, activation::sigmoid}) {
    const tensor<double> y = conv2d(x, w, b, {.activation = f});
    const tensor<double> want = f == activation::relu   ? relu(plain)
                                : f == activation::tanh ? tanh(plain)
                                                        : sigmoid(plain);
    support::check_close(y, numbers(want.values().begin(), want.values().end()), 1e-14);
    const autograd::tape tape;
    const auto one = tape.leaf(x), two = tape.leaf(x);
    const auto dy = made_up<double>(y.shape(), 5);
    conv2d(one, w, b, {.activation = f}).backward(dy);
    const auto v = conv2d(two, w, b);
    (f == activation::relu ? relu(v) : f == activation::tanh ? tanh(v) : sigmoid(v)).backward(dy);
    support::check_close(one.grad(), numbers(two.grad().values().begin(), two.grad().values().end()), 1e-13);
  }
}

TEST_CASE("conv: results larger than the caches") {
  const tensor<float> b = made_up<float>({16}, 1), x = made_up<float>({2, 2, 368, 384}, 2);
  for (const std::int64_t kernel : {1, 3})
    for (const std::int64_t groups : {1, 2}) {
      const tensor<float> w = made_up<float>({16, 2 / groups, kernel, kernel}, 3);
      support::check_large(x, 0, [&](const auto& in) {
        return conv2d(in, w, b, {.padding = (kernel - 1) / 2, .groups = groups, .activation = activation::relu});
      });
    }
}

TEST_CASE("conv: empty batches, and what is refused") {
  const tensor<float> w(shape{4, 3, 3, 3}), b(shape{4});
  CHECK(conv2d(zeros<float>({0, 3, 5, 5}), w, b).shape() == shape{0, 4, 3, 3});
  const autograd::tape tape;
  const auto none = tape.leaf(zeros<float>({0, 3, 5, 5}));
  conv2d(none, w, b).backward(zeros<float>({0, 4, 3, 3}));
  CHECK(none.grad().shape() == shape{0, 3, 5, 5});
  const auto flat = tape.leaf(zeros<float>({1, 3, 0, 5}));  // no rows: padding alone
  const auto padded = conv2d(flat, w, ones<float>({4}), {.padding = 2});
  CHECK(padded.shape() == shape{1, 4, 2, 7});
  CHECK(padded.value().values()[0] == 1);
  padded.backward(ones<float>(padded.shape()));
  CHECK(flat.grad().shape() == shape{1, 3, 0, 5});
  CHECK_THROWS_WITH_AS(conv2d(zeros<float>({1, 2, 5, 5}), w, b),
                       "[conv2d] expected input (N, 3, 2 spatial sizes), got (1, 2, 5, 5)", shape_error);
  CHECK_THROWS_AS(conv2d(zeros<float>({1, 3, 5}), w, b), shape_error);
  CHECK_THROWS_WITH_AS(conv2d(zeros<float>({1, 3, 2, 5}), w, b),
                       "[conv2d] expected an input that the kernel fits into, got (1, 3, 2, 5) for a weight (4, 3, 3, "
                       "3); use .padding",
                       shape_error);
  CHECK_THROWS_AS(conv2d(zeros<float>({1, 3, 5, 5}), w, zeros<float>({3})), shape_error);
  CHECK_THROWS_AS(conv2d(zeros<float>({1, 3, 5, 5}), w, b, {.stride = 0}), value_error);
  CHECK_THROWS_AS(conv2d(zeros<float>({1, 3, 5, 5}), w, b, {.padding = -1}), value_error);
  CHECK_THROWS_AS(conv2d(zeros<float>({1, 9, 5, 5}), w, b, {.groups = 3}), shape_error);
  CHECK_THROWS_WITH_AS(conv2d(zeros<float>({1, 3, 5, 5}), w, b, {.stride = {1, 2, 3}}),
                       "[extents] expected one size or 2, got 3", value_error);
}
