// Shows: norm, logsumexp
// Norms and logsumexp against PyTorch, with ties, zeros, infinities and nothing at all.
#include <inlay/ops/norm.hpp>

#include <doctest/doctest.h>

#include <inlay/testing/check_gradient.hpp>

#include "naive/arrays.hpp"
#include "naive/waves.hpp"

using namespace inlay;
using support::check_close;
using support::made_up;
using support::variables;

namespace {
constexpr double inf = std::numeric_limits<double>::infinity();
}

TEST_CASE("norm: PyTorch's values and gradients") {
  const auto of = [](double p) { return [p](const variables& v) { return norm(v[0], {.p = p, .axes = {0, 2}}); }; };
  naive::check_waves("1", of(1), {{2, 3, 2}}, {2.4982460722756112, 2.4967396349940056, 2.3309262104413144},
                     {{0, 0, 0.963558185417193, 0.963558185417193, 0.5155013718214642, -0.5155013718214642, -0, -0,
                       -0.963558185417193, 0.963558185417193, 0.5155013718214642, 0.5155013718214642}});
  naive::check_waves("2", of(2), {{2, 3, 2}}, {1.4628307802547083, 1.4543114715716168, 1.2819414116537837},
                     {{0, 0, 0.6529125102901204, 0.5719218112640421, 0.13470728800821483, -0.14105889196034252, -0, -0,
                       -0.41824749924123317, 0.011140097398102282, 0.2641910853561854, 0.39736767649687427}});
  naive::check_waves("3", of(3), {{2, 3, 2}}, {1.2337030497600812, 1.2279874913138582, 1.0995187765971526},
                     {{0, 0, 0.6205246079347247, 0.4761264930999367, 0.04785016217695988, -0.05246892479134408, -0, -0,
                       -0.2546336143134311, 0.0001806454405157519, 0.18405073094901536, 0.4163765882688478}});
  naive::check_waves("0.5", of(0.5), {{2, 3, 2}}, {7.438718547565552, 8.099602981838006, 8.854580866034965},
                     {{0, 0, 2.762438215885595, 2.951560833829415, 2.6503248420405416, -2.5899681278258506, -0, -0,
                       -3.451464350773974, 21.14830545782363, 1.892498631778479, 1.5431153281976624}});
  naive::check_waves("inf", of(inf), {{2, 3, 2}}, {0.9824526126243326, 0.9854497299884601, 0.9881682338770003},
                     {{0, 0, 0.963558185417193, 0, 0, -0, -0, -0, -0, 0, 0, 0.5155013718214642}});
  support::check_golden("inf with ties", [](const variables& v) { return norm(v[0], {.p = HUGE_VAL, .axes = {1}}); },
                        {from<double>({2, 3}, {2, -2, 1, 0, 0, 0})}, {3, -1}, {2, 0}, {{1.5, -1.5, 0, -0, -0, -0}});
  support::check_golden("2 of zeros", [](const variables& v) { return norm(v[0], {.axes = {-1}}); },
                        {from<double>({2, 2}, {3, -4, 0, 0})}, {3, -1}, {5, 0},
                        {{1.7999999999999998, -2.4000000000000004, -0, -0}});
}

TEST_CASE("logsumexp: PyTorch's values and gradients") {
  naive::check_waves("logsumexp",
                     [](const variables& v) {
                       return logsumexp(v[0], {.axes = {0, 2}});
                     },
                     {{2, 3, 2}}, {1.3075704115785762, 1.886864665986493, 1.9046922832472424},
                     {{0, 0, 0.3911996093914399, 0.3461864754731512, 0.10727931260947218, 0.05403675448597228, 0, 0,
                       0.0776725234911134, 0.1484995770614885, 0.14803286058111648, 0.20615244414490327}});
}

TEST_CASE("norm, logsumexp: loops, everywhere") {
  for (const std::int64_t n : {1, 7, 8, 9, 15, 16, 17, 33}) {
    const auto x = made_up<float>({3, n}, 1);
    const auto add = [](double a, double b) { return a + b; };
    const auto folded = [&](auto&& before, auto&& after) {
      return naive::map(naive::fold(naive::map(x, before), {false, true}, 0, add), after).values;
    };
    const double close = 8 * support::rounding<float>;
    support::check_everywhere<float>([&] { return norm(x, {.axes = {1}, .keep_dims = true}); },
                                     folded([](double v) { return v * v; }, [](double v) { return std::sqrt(v); }),
                                     close);
    support::check_everywhere<float>([&] { return norm(x, {.p = 1, .axes = {1}}); },
                                     folded([](double v) { return std::abs(v); }, [](double v) { return v; }), close);
    support::check_everywhere<float>([&] { return logsumexp(x, 1); },
                                     folded([](double v) { return std::exp(v); }, [](double v) { return std::log(v); }),
                                     close);
  }
}

TEST_CASE("norm, logsumexp: special values, nothing, what is refused") {
  const auto x = from<double>({4, 2}, {1000, 1000, -inf, -inf, inf, 0, NAN, 0});
  check_close(logsumexp(x, 1), {1000 + std::log(2.0), -inf, inf, NAN});
  check_close(norm(x, {.axes = {1}}), {std::sqrt(2e6), inf, inf, NAN});
  check_close(norm(x, {.p = inf, .axes = {1}}), {1000, inf, inf, NAN});
  const autograd::tape tape;
  const auto v = tape.leaf(from<double>({2}, {-inf, -inf}));
  logsumexp(v, 0).backward();
  check_close(v.grad(), {0, 0});
  CHECK(logsumexp(tensor<double>({0})).item() == -inf);
  CHECK(logsumexp(tensor<double>({0, 2}), {.axes = {1}, .keep_dims = true}).shape() == shape{0, 1});
  CHECK(norm(tensor<double>({2, 0}), {.axes = {1}}).shape() == shape{2});
  CHECK(norm(tensor<double>({0, 2}), {.p = inf, .axes = {1}}).shape() == shape{0});
  CHECK_THROWS_WITH_AS(norm(x, {.p = 0}), "[norm] expected .p above 0, got 0", value_error);
  CHECK_THROWS_AS(norm(x, {.p = NAN}), value_error);
  CHECK_THROWS_AS(norm(x, {.p = -inf}), value_error);
  CHECK_THROWS_AS(logsumexp(x, 2), shape_error);
}

TEST_CASE("norm, logsumexp: central differences, with and without the axes") {
  for (const bool keep : {false, true}) {
    const auto r = testing::check_gradient(
        [&](const auto& x) {
          return norm(x, {.axes = {1}, .keep_dims = keep}) + norm(x, {2.5, {1}, keep}) + norm(x, {1, {1}, keep}) +
                 logsumexp(x, {.axes = {1}, .keep_dims = keep});
        },
        made_up<double>({2, 5}, 3));
    CHECK_MESSAGE(r.ok(), r.text());
  }
}
