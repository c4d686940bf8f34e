// Shows: connectionist temporal classification (CTC)
// CTC against PyTorch, against the sum over all paths, and by central differences; float and double, scores far apart,
// what cannot be spelt, threads, memory; what does not fit.
#include <inlay/loss/ctc.hpp>

#include <doctest/doctest.h>

#include <inlay/testing/check_gradient.hpp>

#include "allocations.hpp"
#include "golden/ctc.inc"
#include "naive/ctc.hpp"
#include "tensors.hpp"

using namespace inlay;
using support::check_close;
using support::made_up;
using indices = tensor<std::int64_t>;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

tensor<double> waves(const shape& sizes) {
  tensor<double> out(sizes);
  out.write([](std::span<double> to) {
    for (std::size_t i = 0; i < to.size(); ++i) to[i] = 2 * std::sin(0.7 * static_cast<double>(i));
  });
  return out;
}

indices ints(const std::vector<std::int64_t>& sizes, const std::vector<std::int64_t>& values) {
  return from<std::int64_t>(shape(std::span<const std::int64_t>(sizes)), std::span<const std::int64_t>(values));
}
indices ints(const std::vector<std::int64_t>& values) { return ints({std::ssize(values)}, values); }

// The losses of rows and the gradient of their sum.
template <class T> struct outcome { tensor<T> loss, gradient; };
template <class T>
outcome<T> run(const tensor<T>& scores, const indices& targets, const loss::ctc_options& options = {},
               const indices& input_lengths = {}, const indices& target_lengths = {}) {
  const variable<T> x{scores};
  const auto y = loss::ctc(x, targets, options, input_lengths, target_lengths);
  y.backward(tensor<T>(y.shape(), T{1}));
  return {y.value(), x.grad()};
}

}  // namespace

TEST_CASE("ctc: PyTorch's values and gradients") {
  for (const ctc_case& c : ctc_cases) {
    INFO("case ", std::string(c.name));
    const tensor<double> scores = waves(shape(std::span<const std::int64_t>(c.sizes)));
    const loss::ctc_options options{.blank = c.blank, .reduction = c.how, .zero_infinity = c.zero_infinity};
    const variable<double> x{scores};
    const auto y =
        loss::ctc(x, ints(c.target_sizes, c.targets), options, ints(c.input_lengths), ints(c.target_lengths));
    CHECK(y.shape().rank() == (c.how == reduction::none && c.sizes.size() == 3 ? 1 : 0));
    check_close(y.value(), c.loss);
    const double dy[] = {1, -2, 3};
    y.backward(from<double>(y.shape(), std::span<const double>(dy, static_cast<std::size_t>(y.shape().size()))));
    check_close(x.grad(), c.gradient);
  }
}

TEST_CASE("ctc: the sum over all paths") {
  for (const std::int64_t blank : {0, 2})
    for (const std::int64_t steps : {1, 2, 5}) {
      const auto scores = made_up<double>({steps, 3}, static_cast<std::uint64_t>(steps), -3, 3);
      const auto labellings = naive::ctc(scores, blank);
      for (const auto& [labels, p] : labellings) {
        const double loss = loss::ctc(scores, ints(labels), {.blank = blank, .reduction = reduction::sum}).item();
        CHECK(loss == doctest::Approx(-std::log(p)).epsilon(1e-12));
      }
    }
}

TEST_CASE("ctc: central differences") {
  const auto scores = made_up<double>({3, 7, 4}, 1, -2, 2);
  const indices targets = ints({3, 3}, {1, 1, 2, 3, 2, 0, 0, 0, 0}), input_lengths = ints({7, 5, 4}),
                target_lengths = ints({3, 2, 0});
  for (const reduction how : {reduction::mean, reduction::sum, reduction::none}) {
    const auto r = testing::check_gradient(
        [&](const auto& x) { return loss::ctc(x, targets, {.reduction = how}, input_lengths, target_lengths); },
        scores);
    CHECK_MESSAGE(r.ok(), r.text());
  }
}

TEST_CASE("ctc: a long row of many labels, at every level, by any number of threads, alone and in a batch") {
  const std::int64_t rows = 5, steps = 150, classes = 37, most = 40;
  std::vector<std::int64_t> labels;
  for (std::int64_t i = 0; i < rows * most; ++i)
    labels.push_back(1 + static_cast<std::int64_t>(support::noise(static_cast<std::uint64_t>(i)) % (classes - 1)));
  const indices targets = ints({rows, most}, labels), input_lengths = ints({150, 149, 90, 41, 120}),
                target_lengths = ints({40, 33, 20, 7, 1});
  const auto scores = made_up<double>({rows, steps, classes}, 2, -4, 4);
  const tensor<float> narrow = scores.cast<float>();
  const loss::ctc_options each{.reduction = reduction::none};
  const auto exact = run(scores, targets, each, input_lengths, target_lengths);
  const std::vector<double> losses(exact.loss.values().begin(), exact.loss.values().end()),
      slopes(exact.gradient.values().begin(), exact.gradient.values().end());
  support::for_each_isa([&](isa) {
    outcome<float> first;
    support::for_each_thread_count([&](int threads) {
      const auto now = run(narrow, targets, each, input_lengths, target_lengths);
      check_close(now.loss, losses, 1e-6);
      check_close(now.gradient, slopes, 1e-6);
      if (threads == 1) first = now;
      CHECK(support::same_bits(now.loss, first.loss));
      CHECK(support::same_bits(now.gradient, first.gradient));
    });
    check_close(run(scores, targets, each, input_lengths, target_lengths).gradient, slopes, 1e-11);
    for (std::int64_t n = 0; n < rows; ++n) {
      const std::int64_t length = input_lengths.data()[n], count = target_lengths.data()[n];
      const auto alone = run(narrow.slice(n, n + 1).reshape({steps, classes}).slice(0, length),
                             targets.slice(n, n + 1).reshape({most}).slice(0, count), each);
      CHECK(support::same_bits(alone.loss.item(), first.loss.values()[static_cast<std::size_t>(n)]));
      const auto row = first.gradient.slice(n, n + 1).reshape({steps, classes});
      CHECK(support::same_bits(alone.gradient, row.slice(0, length)));
      for (const float beyond : row.slice(length, steps).values()) CHECK(beyond == 0);
    }
  });
}

TEST_CASE_TEMPLATE("ctc: scores far apart", T, float, double) {
  // The likeliest path is certain, or as good as impossible.
  const tensor<T> scores = from<T>({3, 3}, {T(-1e4), T(1e4), 0, T(1e4), T(-1e4), 0, 0, T(-1e4), T(1e4)});
  const auto sure = run(scores, ints({1, 2}));
  CHECK(sure.loss.item() == 0);
  for (const T g : sure.gradient.values()) CHECK(g == 0);
  const auto absurd = run(scores, ints({2, 1}), {.reduction = reduction::sum});
  CHECK(absurd.loss.item() == T(3e4));  // 2, blank, 1: 1e4 + 0 + 2e4
  check_close(absurd.gradient, {0, 1, -1, 0, 0, 0, 0, -1, 1});
  // A class that cannot be: no path through it, and no way without it.
  const T never = -std::numeric_limits<T>::infinity();
  const tensor<T> barred = from<T>({2, 3}, {0, 0, never, 0, 0, never});
  CHECK(run(barred, ints({1})).loss.item() == doctest::Approx(-std::log(0.75)));
  for (const T g : run(barred, ints({1})).gradient.values()) CHECK(!support::is_nan(g));
  CHECK(loss::ctc(barred, ints({2})).item() == -never);
}

TEST_CASE("ctc: what cannot be spelt, and empty rows") {
  const auto scores = made_up<double>({2, 3, 3}, 3);
  const indices targets = ints({2, 2}, {1, 1, 2, 1}), input_lengths = ints({2, 3});  // 1, 1 takes 3 steps
  const auto given = run(scores, targets, {.reduction = reduction::none}, input_lengths);
  CHECK(given.loss.values()[0] == infinity);
  CHECK(given.loss.values()[1] < infinity);
  for (std::size_t i = 0; i < 18; ++i) {
    CHECK(support::is_nan(given.gradient.values()[i]) == (i < 6));
    if (i >= 6 && i < 9) CHECK(given.gradient.values()[i] == 0);
  }
  CHECK(loss::ctc(scores, targets, {}, input_lengths).item() == infinity);
  const auto zero = run(scores, targets, {.reduction = reduction::none, .zero_infinity = true}, input_lengths);
  CHECK(zero.loss.values()[0] == 0);
  for (std::size_t i = 0; i < 9; ++i) CHECK(zero.gradient.values()[i] == 0);
  // No steps spell no labels.
  const auto none =
      run(tensor<double>({2, 0, 3}), ints({2, 1}, {1, 1}), {.reduction = reduction::none}, {}, ints({0, 1}));
  check_close(none.loss, {0, infinity});
  // No labels are blanks throughout.
  const auto blanks = run(scores, indices(shape{2, 0}), {.reduction = reduction::sum});
  double expected = 0;
  for (std::int64_t t = 0; t < 6; ++t) {
    const double* x = scores.data() + 3 * t;
    expected += std::log(std::exp(x[0]) + std::exp(x[1]) + std::exp(x[2])) - x[0];
  }
  CHECK(blanks.loss.item() == doctest::Approx(expected).epsilon(1e-13));
  const double not_a_number = std::numeric_limits<double>::quiet_NaN();
  const auto lost = from<double>({2, 2}, {0, not_a_number, 0, 0});
  CHECK(support::is_nan(loss::ctc(lost, ints({1}), {.zero_infinity = true}).item()));
}

TEST_CASE("ctc: a warm step asks for no memory") {
  const auto scores = made_up<float>({4, 20, 6}, 4);
  const indices targets = ints({4, 3}, {1, 2, 3, 4, 5, 1, 2, 2, 3, 5, 5, 5});
  const auto step = [&] {
    const variable<float> x{scores};
    loss::ctc(x, targets).backward();
  };
  const thread_scope one(1);
  step(), step();
  const support::allocation_watch watch;
  step();
  CHECK(watch.count() == 0);
}

TEST_CASE("ctc: what does not fit") {
  const tensor<double> x({2, 4, 3});
  const indices y = ints({2, 2}, {1, 2, 2, 1});
  CHECK_THROWS_WITH_AS(loss::ctc(tensor<double>({3}), y), "[ctc] expected scores (N, T, C) or (T, C), got (3,)",
                       shape_error);
  CHECK_THROWS_WITH_AS(loss::ctc(tensor<double>({2, 4, 0}), y),
                       "[ctc] expected at least one row and one class, got (2, 4, 0)", shape_error);
  CHECK_THROWS_WITH_AS(loss::ctc(x, y, {.blank = 3}), "[ctc] expected .blank from 0 to 2, got 3", value_error);
  CHECK_THROWS_WITH_AS(loss::ctc(x, indices(shape{3, 2})),
                       "[ctc] expected targets (2, S), or those of all rows (sum of lengths,), got (3, 2)",
                       shape_error);
  CHECK_THROWS_WITH_AS(loss::ctc(x, ints({1, 2})), "[ctc] expected target lengths (2,) for targets (2,), got none",
                       shape_error);
  CHECK_THROWS_WITH_AS(loss::ctc(x, ints({1, 2}), {}, {}, ints({1, 2})),
                       "[ctc] expected targets (3,), the sum of their lengths, got (2,)", shape_error);
  CHECK_THROWS_WITH_AS(loss::ctc(x, ints({1, 2}), {}, {}, ints({1, 0})),
                       "[ctc] expected targets (1,), the sum of their lengths, got (2,)", shape_error);
  CHECK_THROWS_WITH_AS(loss::ctc(x, y, {}, ints({4})), "[ctc] expected input lengths (2,) or none, got (1,)",
                       shape_error);
  CHECK_THROWS_WITH_AS(loss::ctc(x, y, {}, ints({4, 5})), "[ctc] expected input lengths of 0 to 4, got 5", value_error);
  CHECK_THROWS_WITH_AS(loss::ctc(x, y, {}, {}, ints({-1, 1})), "[ctc] expected target lengths of 0 to 2, got -1",
                       value_error);
  CHECK_THROWS_WITH_AS(loss::ctc(x, y, {.blank = 2}),
                       "[ctc] expected labels from 0 to 2 that are not the blank 2, got 2 in row 0", value_error);
  CHECK_THROWS_AS(loss::ctc(x, ints({2, 2}, {1, 2, 2, 3})), value_error);
  CHECK_NOTHROW(loss::ctc(x, ints({2, 2}, {1, 2, 2, -1}), {}, {}, ints({2, 1})));  // padding may be anything
}
