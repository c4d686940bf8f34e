// Shows: batch norm
// batch_norm against PyTorch, index loops and central differences, with constant statistics and with those of the
// batch.
#include <inlay/ops/batch_norm.hpp>

#include <doctest/doctest.h>

#include <inlay/testing/check_gradient.hpp>

#include "naive/norm.hpp"
#include "tensors.hpp"

using namespace inlay;
using support::check_close;
using support::made_up;
using support::same_bits;
using support::variables;

namespace {

template <class T> tensor<T> waves(const shape& sizes, double step, double (*f)(double)) {
  std::vector<T> values(static_cast<std::size_t>(sizes.size()));
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<T>(f(step * static_cast<double>(i)));
  return from<T>(sizes, std::span<const T>(values));
}

const tensor<double> x = waves<double>({3, 2, 3}, 0.9, std::sin), slopes = waves<double>({3, 2, 3}, 1.3, std::cos);
const tensor<double> w = from<double>({2}, {1.5, -0.5}), b = from<double>({2}, {0.25, 2});
const tensor<double> middle = from<double>({2}, {0.1, -0.3}), variance = from<double>({2}, {0.8, 1.7});
const std::vector<double> dy(slopes.values().begin(), slopes.values().end());

// With the statistics of x itself, for tensors and variables.
constexpr auto by_batch = [](const auto& in, const auto& weight, const auto& bias) {
  const auto s = [&] {
    if constexpr (requires { in.value(); })
      return batch_statistics(in.value());
    else
      return batch_statistics(in);
  }();
  return batch_norm(in, weight, bias, s.mean, s.variance, {.batch_statistics = true});
};

}  // namespace

TEST_CASE("batch_norm: PyTorch's values and gradients") {
  // F.batch_norm(x, mean, variance, w, b), and with training=True: (y * dy).sum().backward()
  support::check_golden(
      "constant", [](const variables& v) { return batch_norm(v[0], v[1], v[2], middle, variance); }, {x, w, b}, dy,
      {0.08229594983455385, 1.3959669033156676, 1.715477869257531, 1.7210633695349775, 2.0546539343544503,
       2.259820175393522, -1.2136613940370917, 0.11049354193759588, 1.4133091023711624, 1.51302091998321,
       1.7269158301418288, 2.0604120798238985, -1.5627738375271913, -1.1955813819934842, 0.13868316181344056,
       1.5767192397415493, 1.5146438262782067, 1.7328129728927266},
      {{1.6770405016544614, 0.4486063697485587, -1.4370371448119255, 0.27838151202945416, -0.17966741335655884,
        -0.3745031572592323, 0.09048542556736208, -1.5893675110667298, -0.9407933204960153, -0.24834112891262358,
        -0.3479889318119128, 0.062167865644607315, -1.667276143271907, -0.6201163547249895, 1.3355153462721363,
        -0.30518021213642177, 0.14211563502244115, 0.3812117439319064},
       {0.35455589477062616, -0.034971900235812606},
       {-1.6117337824951137, 1.543240789479657}});
  support::check_golden(
      "of the batch", [](const variables& v) { return by_batch(v[0], v[1], v[2]); }, {x, w, b}, dy,
      {0.22943898908248148, 1.9229240374461218, 2.3348133634428154, 1.8524581351455476, 2.5131179961574364,
       2.9194397407863857, -1.4412110160409215, 0.2657891881181069, 1.9452802863442205, 1.4404401996867795,
       1.864048648244119, 2.524521722721438, -1.8912603238082184, -1.41790363454714, 0.30212910996253384,
       1.5665916185706108, 1.4436542865356328, 1.8757276521520498},
      {{2.549885164629946, 0.8993320574180959, -1.547779984554757, 0.6487058335038091, -0.11137959670187868,
        -0.40679798671487455, 0.570664751108548, -1.6623575699756001, -0.8926605543704611, -0.48615493442448543,
        -0.5892103484551068, 0.3701017788919017, -1.6775163705980787, -0.3463106331596946, 2.106743139502001,
        -0.5706415677894512, 0.2878410960987928, 0.857535725591293},
       {0.24686390464532246, -1.3189103059337683},
       {-1.6117337824951137, 1.543240789479657}});
}

TEST_CASE("batch_norm: rows without weight and bias") {
  const tensor<double> rows = from<double>({4, 3}, {-1.5, 0.5, 2, 0.25, -0.75, 1, 1, -2, 0.5, 0.25, 3, -1});
  support::check_golden("rows", [](const variables& v) { return by_batch(v[0], tensor<double>(), tensor<double>()); },
                        {rows}, {1, -2, 0.5, 0.25, 3, -1, -1.5, 0.5, 2, 0.25, -0.75, 1},
                        {-1.6329834849449545, 0.16903060367825823, 1.2701651728573338, 0.2721639141574924,
                         -0.5070918110347746, 0.34640868350654563, 1.0886556566299697, -1.1832142257478075,
                         -0.11546956116884849, 0.2721639141574924, 1.5212754331043241, -1.5011042951950309},
                        {{-0.30238786262217127, -1.1011138870205017, 0.3079152169001566, 0.5040045006995159,
                          1.2749744169224067, -1.3856357193580295, -0.7056211387768606, -0.40567176741288263,
                          1.2316756475783335, 0.5040045006995159, 0.23181123751097787, -0.15395514512046046}});
}

TEST_CASE("batch_norm: central differences, for any axes after the channels, with every part missing") {
  for (const shape& sizes : {shape{5, 2}, shape{3, 2, 7}, shape{2, 2, 3, 2}, shape{1, 2, 9}}) {
    INFO(sizes.text());
    const tensor<double> in = made_up<double>(sizes, 1, -2, 3);
    const auto constant = [](const auto& a, const auto& weight, const auto& bias) {
      return batch_norm(a, weight, bias, middle, variance, {.epsilon = 1e-3});
    };
    const testing::gradient_options options;
    const tensor<double> none;
    for (const auto& r :
         {testing::check_gradient(constant, options, in, w, b), testing::check_gradient(by_batch, options, in, w, b),
          testing::check_gradient(constant, options, in, none, b),
          testing::check_gradient(by_batch, options, in, w, none),
          testing::check_gradient(by_batch, options, in, none, none)})
      CHECK_MESSAGE(r.ok(), r.text());
  }
}

TEST_CASE_TEMPLATE("batch_norm: loops, everywhere; the same bits for any number of threads", T, float, double) {
  for (const shape& sizes : {shape{70, 33}, shape{600, 129}, shape{3, 17, 65}, shape{2, 5, 90, 100}}) {
    INFO(sizes.text());
    const tensor<T> in = made_up<T>(sizes, 1, -3, 5), slope = made_up<T>(sizes, 2);
    const std::int64_t channels = sizes[1], length = sizes.count(2, sizes.rank());
    const tensor<T> weight = made_up<T>({channels}, 3), bias = made_up<T>({channels}, 4);
    naive::list y(static_cast<std::size_t>(sizes.size()));
    for (std::int64_t c = 0; c < channels; ++c) {
      const naive::list values = naive::channel(in.data(), sizes[0], channels, length, c);
      naive::list out = naive::normalised(values, naive::moments(values), 1e-5L);
      for (auto& v : out) v = v * weight(c) + bias(c);
      naive::put_channel(y, out, sizes[0], channels, length, c);
    }
    const auto gradient_of = [&](int which) {
      const variable<T> a{in}, b1{weight}, b2{bias};
      by_batch(a, b1, b2).backward(slope);
      return which == 0 ? a.grad() : which == 1 ? b1.grad() : b2.grad();
    };
    support::check_everywhere<T>([&] { return by_batch(in, weight, bias); }, {y.begin(), y.end()},
                                 4 * support::rounding<T>);
    for (const int which : {0, 1, 2}) {
      const tensor<T> expected = gradient_of(which);
      support::check_everywhere<T>([&] { return gradient_of(which); },
                                   {expected.values().begin(), expected.values().end()}, 20 * support::rounding<T>);
    }
  }
}

TEST_CASE("batch_norm: gradients that nobody wants are not made") {
  const variable<double> in{x}, weight{w};
  by_batch(in, w, b).backward(slopes);
  batch_norm(x, weight, b, middle, variance).backward(slopes);
  check_close(weight.grad(), {0.35455589477062616, -0.034971900235812606});
  CHECK(in.has_grad());
}

TEST_CASE("batch_norm: statistics, values and gradients in one go have the bits of two steps") {
  for (const shape& sizes : {shape{40, 9, 61}, shape{3, 70, 49}, shape{300, 40}, shape{2, 3, 9000}}) {
    const autograd::tape tape;
    const auto in = waves<float>(sizes, 0.9, std::sin), slope = waves<float>(sizes, 1.3, std::cos);
    const auto scale = waves<float>({sizes[1]}, 0.7, std::cos), shift = waves<float>({sizes[1]}, 0.3, std::sin);
    const auto results = [&](int threads, bool at_once) {
      const thread_scope scope(threads);
      const auto of = tape.leaf(in), weight = tape.leaf(scale), bias = tape.leaf(shift);
      channel_moments<float> seen = batch_statistics(in);
      const auto y =
          at_once ? apply(batch_norm_training_op<float>(1e-5, &seen), of, weight, bias) : by_batch(of, weight, bias);
      y.backward(slope);
      return std::vector<tensor<float>>{y.value(), of.grad(), weight.grad(), bias.grad(), seen.mean, seen.variance};
    };
    const auto expected = results(1, false);
    for (const int threads : {1, 2, 4})
      for (const bool at_once : {false, true}) {
        const auto got = results(threads, at_once);
        for (std::size_t i = 0; i < got.size(); ++i) CHECK(support::same_bits(got[i], expected[i]));
      }
  }
}

TEST_CASE("batch_statistics: mean and biased variance; the mean of x far from 0") {
  const auto s = batch_statistics(from<double>({2, 2, 2}, {1, 2, 5, 5, 3, 6, 5, 5}));
  check_close(s.mean, {3, 5});
  check_close(s.variance, {3.5, 0});
  const auto far = batch_statistics(from<float>({4, 1}, {1e6f, 1e6f + 1, 1e6f + 2, 1e6f + 3}));
  check_close(far.variance, {1.25});
  CHECK_THROWS_WITH_AS(batch_statistics(tensor<double>({0, 3})),
                       "[batch_statistics] expected input (N, C, …) with at least one element, got (0, 3)",
                       shape_error);
  CHECK_THROWS_AS(batch_statistics(tensor<double>({3})), shape_error);
}

TEST_CASE("batch_norm: results larger than the caches") {
  const tensor<float> none, in = made_up<float>({2, 2, 1100, 1024}, 1);
  const auto trained = [&](bool gradient) {
    return [&none, gradient](const tensor<float>& of) {
      const variable<float> v{of};
      channel_moments<float> seen;
      const auto y = apply(batch_norm_training_op<float>(1e-5, &seen), v, none, none);
      if (!gradient) return y.value();
      y.backward(of * of);
      return v.grad();
    };
  };
  support::check_large(in, 1, trained(false));
  support::check_large(in, 1, trained(true));
}

TEST_CASE("batch_norm: no rows, no places, no channels") {
  for (const shape& sizes : {shape{0, 2}, shape{0, 2, 3}, shape{3, 2, 0}}) {
    const variable<double> in{tensor<double>(sizes)}, weight{w}, bias{b};
    const auto y = batch_norm(in, weight, bias, middle, variance);
    CHECK(y.shape() == sizes);
    y.backward(tensor<double>(sizes));
    CHECK(in.grad().shape() == sizes);
    check_close(weight.grad(), {0, 0});
    check_close(bias.grad(), {0, 0});
  }
  const tensor<double> none;
  const variable<double> in{tensor<double>({4, 0})};
  batch_norm(in, none, none, none, none).backward(tensor<double>({4, 0}));
  CHECK(in.grad().shape() == shape{4, 0});
}

TEST_CASE("batch_norm: shapes that do not fit, and two tapes") {
  const tensor<double> none, three({3});
  CHECK_THROWS_WITH_AS(batch_norm(tensor<double>({4, 3}), w, b, middle, variance),
                       "[batch_norm] expected input (N, 2, …), got (4, 3)", shape_error);
  CHECK_THROWS_AS(batch_norm(three, w, b, middle, variance), shape_error);
  CHECK_THROWS_WITH_AS(batch_norm(x, three, b, middle, variance), "[batch_norm] expected a weight (2,), got (3,)",
                       shape_error);
  CHECK_THROWS_WITH_AS(batch_norm(x, w, three, middle, variance), "[batch_norm] expected a bias (2,), got (3,)",
                       shape_error);
  CHECK_THROWS_WITH_AS(batch_norm(x, w, b, middle, three), "[batch_norm] expected a variance (2,), got (3,)",
                       shape_error);
  CHECK_THROWS_WITH_AS(batch_norm(x, w, b, x, variance), "[batch_norm] expected a mean (C,), got (3, 2, 3)",
                       shape_error);
  const autograd::tape one, two;
  CHECK_THROWS_WITH_AS(
      batch_norm(one.leaf(x), two.leaf(w), b, middle, variance),
      "[batch_norm] expected operands of one tape, got two; give the other one as .value() or through tape.input()",
      state_error);
}
