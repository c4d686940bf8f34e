// Shows: transposed convolution
// Transposed convolution against PyTorch and its definition: every option in one, two and three axes, everywhere.
#include <inlay/ops/conv_transpose.hpp>

#include <doctest/doctest.h>

#include <inlay/ops/functions.hpp>

#include "naive/conv.hpp"
#include "naive/waves.hpp"

using namespace inlay;
using support::made_up;
using support::numbers;
using support::variables;

namespace {

template <int Axes> struct problem {
  std::int64_t batch, in, out;
  std::array<std::int64_t, Axes> sizes, kernel;
  conv_transpose_options<Axes> options = {};
  bool biased = true;
};

template <class T> numbers wide(const tensor<T>& t) { return {t.values().begin(), t.values().end()}; }

// The convolution that goes the other way, whose input gradient is y, and whose output gradient is x.
template <int Axes> naive::conv twin(const problem<Axes>& p, const shape& y) {
  naive::conv c{p.batch,
                p.options.groups,
                p.in / p.options.groups,
                p.out / p.options.groups,
                {1, 1, 1},
                {1, 1, 1},
                {1, 1, 1},
                {1, 1, 1},
                {1, 1, 1},
                {0, 0, 0}};
  for (std::size_t axis = 0; axis < Axes; ++axis) {
    const std::size_t i = 3 - Axes + axis;
    c.in[i] = y[static_cast<std::int64_t>(axis) + 2], c.kernel[i] = p.kernel[axis], c.out[i] = p.sizes[axis];
    c.stride[i] = p.options.stride[axis], c.dilation[i] = p.options.dilation[axis];
    c.padding[i] = p.options.padding[axis];
  }
  return c;
}

template <int Axes> void check(const problem<Axes>& p) {
  shape of_x{p.batch, p.in}, of_w{p.in, p.out / p.options.groups};
  for (const std::int64_t size : p.sizes) of_x.append(size);
  for (const std::int64_t size : p.kernel) of_w.append(size);
  const auto x = made_up<float>(of_x, 1), w = made_up<float>(of_w, 2),
             b = p.biased ? made_up<float>({p.out}, 3) : tensor<float>();
  INFO("x ", of_x.text(), " w ", of_w.text(), " groups ", p.options.groups);
  const conv_transpose_op<Axes> op{p.options};
  const shape of_y = op.forward(x, w, b).shape();
  for (std::size_t i = 0; i < Axes; ++i)
    CHECK(of_y.begin()[i + 2] == (p.sizes[i] - 1) * p.options.stride[i] - 2 * p.options.padding[i] +
                                     p.options.dilation[i] * (p.kernel[i] - 1) + p.options.output_padding[i] + 1);
  const naive::conv other = twin(p, of_y);
  const auto dy = made_up<float>(of_y, 4);
  const std::int64_t plane = of_y.count(2, of_y.rank());
  numbers y = other.backward(numbers(static_cast<std::size_t>(of_y.size())), wide(w), wide(x)).x, db;
  for (std::size_t i = 0; p.biased && i < y.size(); ++i)
    y[i] += static_cast<double>(b.values()[i / static_cast<std::size_t>(plane) % b.values().size()]);
  numbers all = other.forward(wide(dy), wide(w), {});
  const numbers dw = other.backward(wide(dy), wide(w), wide(x)).w;
  all.insert(all.end(), dw.begin(), dw.end());
  if (p.biased) {
    db.resize(static_cast<std::size_t>(p.out));
    for (std::size_t i = 0; i < y.size(); ++i)
      db[i / static_cast<std::size_t>(plane) % db.size()] += static_cast<double>(dy.values()[i]);
    all.insert(all.end(), db.begin(), db.end());
  }
  const double close = support::rounding<float> * (4 + std::sqrt(static_cast<double>(p.batch * plane + of_w.size())));
  support::check_everywhere<float>([&] { return op.forward(x, w, b); }, y, close);
  support::check_everywhere<float>(
      [&] {
        const autograd::tape tape;
        const auto vx = tape.leaf(x), vw = tape.leaf(w), vb = tape.leaf(b);
        apply(op, vx, vw, vb).backward(dy);
        std::vector<float> out(vx.grad().values().begin(), vx.grad().values().end());
        out.insert(out.end(), vw.grad().values().begin(), vw.grad().values().end());
        if (p.biased) out.insert(out.end(), vb.grad().values().begin(), vb.grad().values().end());
        return from<float>({static_cast<std::int64_t>(out.size())}, std::span<const float>(out));
      },
      all, close);
}

}  // namespace

TEST_CASE("conv_transpose: PyTorch's values and gradients") {
  naive::check_waves(
      "1d",
      [](const variables& v) {
        return conv_transpose1d(v[0], v[1], v[2],
                                {.stride = 3, .padding = 1, .output_padding = 2, .dilation = 2, .groups = 2});
      },
      {{1, 4, 3}, {4, 1, 2}, {2}},
      {0, 0.36891831573511613, 0.3262274164015973, 0, 0.6478002455646482, -0.34160941523734284, 0, 0.6220115977470723,
       0, 0.8912073600614354, 1.7434816346724353, 0.8182668134260643, 0.8912073600614354, 1.8626308853708897,
       0.40693443361888054, 0.8912073600614354, 1.5249044732050188, 0.8912073600614354},
      {{0.7547810556291153, -0.6920338052612798, 0.24995833404630888, 0.41180538188192667, 0.12444904470909376,
        0.34587031063754214, -0.41072593294814147, 0.47157993843196166, -0.6402744257638008, 0.007064646744006868,
        -0.7781645299950215, 0.4830099966999461},
       {0.5440850356989393, -0.25468172007047873, 0.09722636718730719, 0.42387125660161973, -0.5876459120907964,
        -0.03970454058979827, 0.050619374611777505, 0.3144485679211825},
       {0.6127739690606488, 0.6444507427137722}});
  naive::check_waves(
      "2d",
      [](const variables& v) {
        return conv_transpose2d(
            v[0], v[1], v[2],
            {.stride = {2, 1}, .padding = {0, 1}, .output_padding = {1, 0}, .activation = activation::tanh});
      },
      {{1, 2, 2, 3}, {2, 1, 3, 2}, {1}},
      {0.6318862389493766, 0.7513006449609521, -0.760628063754753, -0.21545341708153823, -0.12181923931160375,
       -0.8779248124839908, 0.8434133996273956, 0.8405485610115543, -0.622446379135555, -0.06549093807299783, 0, 0},
      {{0.9436383279499857, 0.5969612073658405, -0.6605114296170681, -0.06287946958584692, 1.3254157534892972,
        0.4269463292034403, 0.6089275822132909, -0.8378561424460766, -0.8245052083018817, 0.496934340509644,
        1.1311472943208827, -0.27646444552829286},
       {0.10471463978995471, -0.4644069018390148, -0.4426330029978064, -0.142326842237932, -0.4158186695793356,
        -0.6601186510931156, -0.787999127752755, -0.394545042897257, 0.4824725072404867, 0.5213491324905926,
        -0.2589517304627416, 0.20312842945238335},
       {-0.31692613262093694}});
  naive::check_waves(
      "3d",
      [](const variables& v) {
        return conv_transpose3d(v[0], v[1], tensor<double>(),
                                {.stride = 2, .padding = {1, 0, 1}, .output_padding = {1, 0, 1}});
      },
      {{1, 1, 2, 1, 2}, {1, 2, 2, 1, 2}},
      {0, 0.6273698684862555, 0.2753256780161594, 0.7719292915850984, 0, 0.6761751255385595, 0.42116138757892835,
       0.8406343966628733, 0.36891831573511613, 0, -0.49782855095273787, 0.010831812083471892, -0.9633067905086575,
       -0.3819877915857282, -0.8438131537498876, 0.016569253692354388, -0.6670575438719457, 0.014513916387991944},
      {{-0.012811916150722066, 0.8505750913380603, -0.2071393579678062, 0.4082981744818083},
       {-0.7626063338271923, -0.492065387192251, 0.8961899209906874, 0.601521809529258, -0.8020285505706956,
        -0.4159115499940235, 1.0724237824722798, 1.1386489270375033}});
}

TEST_CASE("conv_transpose: its definition, every option, everywhere") {
  for (const std::int64_t n : {1, 7, 8, 9, 15, 16, 17, 33}) {
    check<1>({2, 3, 5, {n}, {3}, {.stride = 2, .output_padding = 1}});
    check<1>({1, 2, 4, {n}, {4}, {.stride = 3, .padding = 1, .dilation = 2, .groups = 2}, false});
    check<1>({1, 2, 1, {n}, {1}});
  }
  check<1>({1, 2, 2, {3}, {2}, {.stride = 2, .output_padding = 3, .dilation = 4}});  // more than the stride
  check<1>({1, 2, 2, {7}, {2}, {.padding = 3}});                                     // more than the kernel reaches
  check<2>({2, 3, 7, {5, 6}, {3, 3}, {.stride = 2, .padding = 1, .output_padding = {1, 0}}});
  check<2>({2, 6, 4, {4, 7}, {3, 2}, {.stride = {1, 3}, .padding = {2, 0}, .dilation = {2, 1}, .groups = 2}});
  check<2>({1, 5, 5, {6, 5}, {4, 4}, {.stride = 2, .padding = 1, .groups = 5}});  // depthwise
  check<2>({1, 40, 33, {9, 9}, {3, 3}, {.stride = 2, .padding = 1}});
  check<3>({1, 4, 2, {3, 4, 2}, {2, 3, 1}, {.stride = {1, 2, 3}, .output_padding = {0, 1, 2}, .groups = 2}});
}

TEST_CASE("conv_transpose2d: activations are applied as y is written") {
  const auto x = made_up<double>({2, 2, 4, 5}, 1), w = made_up<double>({2, 3, 3, 3}, 2), b = made_up<double>({3}, 3);
  for (const activation f : {activation::relu, activation::sigmoid}) {
    const autograd::tape tape;
    const auto one = tape.leaf(x), two = tape.leaf(x);
    const auto y = conv_transpose2d(one, w, b, {.stride = 2, .activation = f});
    const auto v = conv_transpose2d(two, w, b, {.stride = 2});
    const auto z = f == activation::relu ? relu(v) : sigmoid(v);
    support::check_close(y.value(), wide(z.value()), 1e-14);
    const auto dy = made_up<double>(y.shape(), 5);
    y.backward(dy), z.backward(dy);
    support::check_close(one.grad(), wide(two.grad()), 1e-13);
  }
}

TEST_CASE("conv_transpose: empty batches, and what is refused") {
  const tensor<float> w({3, 4, 3, 3}), b({4}), x({1, 3, 5, 5});
  const autograd::tape tape;
  const auto none = tape.leaf(zeros<float>({0, 3, 5, 5})), weight = tape.leaf(w), bias = tape.leaf(b);
  const auto y = conv_transpose2d(none, weight, bias);
  CHECK(y.shape() == shape{0, 4, 7, 7});
  y.backward(y.value());
  CHECK(none.grad().shape() == shape{0, 3, 5, 5});
  CHECK(weight.grad().shape() == w.shape());
  CHECK_THROWS_WITH_AS(conv_transpose2d(zeros<float>({1, 2, 5, 5}), w, b),
                       "[conv_transpose2d] expected input (N, 3, 2 spatial sizes), got (1, 2, 5, 5)", shape_error);
  CHECK_THROWS_AS(conv_transpose2d(zeros<float>({1, 3, 5}), w, b), shape_error);
  CHECK_THROWS_WITH_AS(conv_transpose2d(x, zeros<float>({3, 4, 3}), b),
                       "[conv_transpose2d] expected a weight (C, K / groups, 2 kernel sizes), got (3, 4, 3)",
                       shape_error);
  CHECK_THROWS_WITH_AS(conv_transpose2d(x, w, zeros<float>({3})), "[conv_transpose2d] expected a bias (4,), got (3,)",
                       shape_error);
  CHECK_THROWS_WITH_AS(conv_transpose2d(x, w, b, {.groups = 2}),
                       "[conv_transpose2d] expected input channels that 2 groups share out evenly, got 3", shape_error);
  CHECK_THROWS_WITH_AS(conv_transpose2d(x, w, b, {.stride = 2, .output_padding = 2}),
                       "[conv_transpose2d] expected .stride, .dilation and kernel sizes of 1 or more, .padding of 0 or "
                       "more and .output_padding below the stride or the dilation, got 2, 1, 3, 0 and 2",
                       value_error);
  CHECK_THROWS_AS(conv_transpose2d(x, w, b, {.stride = 0}), value_error);
  CHECK_THROWS_WITH_AS(
      conv_transpose2d(zeros<float>({1, 3, 1, 5}), w, b, {.padding = 2}),
      "[conv_transpose2d] expected an input that leaves an output, got (1, 3, 1, 5) for a weight (3, 4, 3, 3)",
      shape_error);
  CHECK_THROWS_AS(conv_transpose2d(zeros<float>({1, 3, 0, 5}), w, b), shape_error);
}
