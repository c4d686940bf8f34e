// Shows: adaptive and global pooling
// Adaptive pooling against PyTorch and against windows read one by one; pooling of whole planes.
#include <inlay/ops/adaptive_pool.hpp>

#include <doctest/doctest.h>

#include <inlay/ops/reshape.hpp>
#include <inlay/testing/check_gradient.hpp>

#include "naive/waves.hpp"

using namespace inlay;
using support::check_close;
using support::made_up;
using support::numbers;
using support::variables;

TEST_CASE("adaptive pools: PyTorch's values and gradients") {
  naive::check_waves("avg 1d", [](const variables& v) { return adaptive_avg_pool1d(v[0], 3); }, {{2, 1, 7}},
                     {0.543222472408717, 0.7278824155977465, -0.2957902833157675, -0.5323017833374348,
                      0.5539895776933798, 0.7206218347715446},
                     {{0, 0, 0.321186061805731, 0.321186061805731, 0.4930198524128857, 0.17183379060715473,
                       0.17183379060715473, -0.22925538639465803, -0.22925538639465803, -0.523740271634709,
                       -0.29448488524005106, -0.22277822254411256, 0.0717066626959385, 0.0717066626959385}});
  naive::check_waves("avg 1d up", [](const variables& v) { return adaptive_avg_pool1d(v[0], 5); }, {{1, 1, 3}},
                     {0, 0.3221088436188455, 0.644217687237691, 0.8148337086130756, 0.9854497299884601},
                     {{0.4817790927085965, 0.6533973849380735, -1.2273377353121402}});
  naive::check_waves("avg 2d",
                     [](const variables& v) {
                       return adaptive_avg_pool2d(v[0], {2, 3});
                     },
                     {{1, 2, 5, 4}},
                     {0.002328312052667387, 0.18018481938768038, 0.2732975906992005, -0.1730117180564484,
                      0.006984277880777705, 0.18369545879832172, 0.2746485289486973, 0.23297140073102654,
                      0.08172418247100163, 0.19055995262344058, 0.27520761215641637, 0.23042083145466907},
                     {{0,
                       0.1605930309028655,
                       0.24650992620644285,
                       0.08591689530357736,
                       0,
                       0.1605930309028655,
                       0.24650992620644285,
                       0.08591689530357736,
                       -0.11462769319732902,
                       -0.10127710491448905,
                       0.13512081493438657,
                       0.12177022665154662,
                       -0.11462769319732902,
                       -0.2618701358173545,
                       -0.11138911127205628,
                       0.03585333134796925,
                       -0.11462769319732902,
                       -0.2618701358173545,
                       -0.11138911127205628,
                       0.03585333134796925,
                       0.1664238908957675,
                       0.21960695128732619,
                       -0.08478801778938361,
                       -0.13797107818094229,
                       0.1664238908957675,
                       0.21960695128732619,
                       -0.08478801778938361,
                       -0.13797107818094229,
                       0.03942662690926216,
                       0.16263752677192767,
                       0.14970181572749208,
                       0.026490915864826603,
                       -0.12699726398650535,
                       -0.056969424515398534,
                       0.2344898335168757,
                       0.1644619940457689,
                       -0.12699726398650535,
                       -0.056969424515398534,
                       0.2344898335168757,
                       0.1644619940457689}});
  naive::check_waves("avg 3d",
                     [](const variables& v) {
                       return adaptive_avg_pool3d(v[0], {1, 2, 2});
                     },
                     {{1, 1, 2, 3, 3}},
                     {0.4612391217104053, 0.4014558006732064, -0.16762588586481192, -0.40927624204016194},
                     {{0, 0.12044477317714912, 0.12044477317714912, 0.06443767147768302, 0.09891167475683538,
                       0.03447400327915236, 0.06443767147768302, -0.021533098420313743, -0.08597076989799676, 0,
                       0.12044477317714912, 0.12044477317714912, 0.06443767147768302, 0.09891167475683538,
                       0.03447400327915236, 0.06443767147768302, -0.021533098420313743, -0.08597076989799676}});
  naive::check_waves("max 1d", [](const variables& v) { return adaptive_max_pool1d(v[0], 3); }, {{2, 1, 7}},
                     {0.9854497299884601, 0.9854497299884601, 0.3349881501559051, 0.016813900484349713,
                      0.9881682338770003, 0.9881682338770003},
                     {{0, 0, 0.963558185417193, 0, 0.5155013718214642, 0, 0, 0, 0, -0.6877661591839741, 0,
                       -0.6683346676323376, 0, 0}});
  naive::check_waves("max 1d up", [](const variables& v) { return adaptive_max_pool1d(v[0], 5); }, {{1, 1, 3}},
                     {0, 0.644217687237691, 0.644217687237691, 0.9854497299884601, 0.9854497299884601},
                     {{0, 1.4790595572386571, -1.5712208149041271}});
  naive::check_waves("max 2d",
                     [](const variables& v) {
                       return adaptive_max_pool2d(v[0], {2, 3});
                     },
                     {{1, 2, 5, 4}},
                     {0.644217687237691, 0.9854497299884601, 0.9881682338770003, 0.8545989080882814, 0.6569865987187891,
                      0.9881682338770003, 0.9927664058359067, 0.9927664058359067, 0.8366556385360561,
                      0.9927664058359067, 0.9946447738778378, 0.9946447738778378},
                     {{0,
                       0,
                       0.963558185417193,
                       0,
                       0,
                       0,
                       0,
                       0,
                       0,
                       0,
                       -0.8834546557201531,
                       0.7306213599092797,
                       -0.6877661591839741,
                       0,
                       0,
                       0,
                       0,
                       0,
                       0,
                       0,
                       0,
                       0,
                       0,
                       0,
                       0,
                       0,
                       0,
                       0,
                       0,
                       0.555658123804925,
                       -0.8278264690856537,
                       0,
                       0,
                       0,
                       0,
                       0,
                       0,
                       0,
                       1.4069390011012541,
                       0}});
  naive::check_waves(
      "max 3d",
      [](const variables& v) {
        return adaptive_max_pool3d(v[0], {1, 2, 2});
      },
      {{1, 1, 2, 3, 3}}, {0.8632093666488739, 0.9881682338770003, 0.8632093666488739, 0.3349881501559051},
      {{0, 0, 0, 0.5155013718214642, -0.6877661591839741, 0, 0, 0, 0, 0, 0, 0.963558185417193, 0, 0, 0, 0, 0, 0}});
}

TEST_CASE("adaptive pools: windows read one by one, everywhere") {
  for (const std::int64_t n : {1, 7, 8, 9, 15, 16, 17, 33})
    for (const std::int64_t out : {1, 3, 8, 20}) {
      const auto x = made_up<float>({30, 4, n, 6}, 1);
      numbers means, maxima;
      for (std::int64_t plane = 0; plane < 120; ++plane)
        for (std::int64_t o = 0; o < out * 4; ++o) {
          const std::int64_t row = o / 4, column = o % 4, top = row * n / out, end = ((row + 1) * n + out - 1) / out,
                             left = column * 6 / 4, right = ((column + 1) * 6 + 3) / 4;
          double sum = 0, most = -HUGE_VAL;
          for (std::int64_t i = top; i < end; ++i)
            for (std::int64_t j = left; j < right; ++j) {
              const auto value = static_cast<double>(x(plane / 4, plane % 4, i, j));
              sum += value, most = std::max(most, value);
            }
          means.push_back(sum / static_cast<double>((end - top) * (right - left)));
          maxima.push_back(most);
        }
      support::check_everywhere<float>(
          [&] {
            return adaptive_avg_pool2d(x, {out, 4});
          },
          means, support::rounding<float>);
      support::check_everywhere<float>([&] { return adaptive_max_pool2d(x, {out, 4}); }, maxima, 0);
    }
}

TEST_CASE("adaptive pools: central differences, whole planes too") {
  const auto r = testing::check_gradient(
      [](const auto& x) {
        return adaptive_max_pool2d(x, {2, 3}) * adaptive_avg_pool2d(x, {2, 3}) +
               reshape(global_avg_pool(x) * global_max_pool(x), {2, 2, 1, 1});
      },
      made_up<double>({2, 2, 5, 7}, 1));
  CHECK_MESSAGE(r.ok(), r.text());
}

TEST_CASE("adaptive_max_pool: the first of equals gets the gradient, NaN wins") {
  const autograd::tape tape;
  const auto v = tape.leaf(ones<float>({1, 1, 2, 2}));
  adaptive_max_pool2d(v, 1).backward();
  check_close(v.grad(), {1, 0, 0, 0});
  const auto x = from<double>({1, 1, 4}, {NAN, 1, -INFINITY, -INFINITY});
  check_close(adaptive_max_pool1d(x, 2), {NAN, -HUGE_VAL});
  check_close(global_max_pool(x), {NAN});
}

TEST_CASE("global pools: means and maxima of planes") {
  const auto x = from<double>({1, 2, 2, 2}, {1, 2, 3, 4, -1, 5, 0, 0});
  check_close(global_avg_pool(x), {2.5, 1});
  check_close(global_max_pool(x), {4, 5});
  CHECK(global_max_pool(x).shape() == shape{1, 2});
}

TEST_CASE("adaptive pools: empty batches, and what is refused") {
  const tensor<float> none({0, 3, 4, 4}), flat({1, 3, 0, 4}), x({1, 3, 4, 4});
  CHECK(adaptive_avg_pool2d(none, 2).shape() == shape{0, 3, 2, 2});
  CHECK(adaptive_max_pool2d(none, 2).shape() == shape{0, 3, 2, 2});
  CHECK(global_avg_pool(none).shape() == shape{0, 3});
  CHECK(global_max_pool(none).shape() == shape{0, 3});
  CHECK_THROWS_WITH_AS(adaptive_avg_pool1d(x, 2),
                       "[adaptive_avg_pool1d] expected input (N, C, spatial sizes), got (1, 3, 4, 4)", shape_error);
  CHECK_THROWS_WITH_AS(adaptive_max_pool2d(x, {2, 0}),
                       "[adaptive_max_pool2d] expected output sizes of 1 or more, got 0", value_error);
  CHECK_THROWS_WITH_AS(
      adaptive_max_pool2d(flat, 2),
      "[adaptive_max_pool] expected at least one element along axis 2 before and after, got (1, 3, 0, 2) and 2",
      shape_error);
  CHECK_THROWS_AS(adaptive_avg_pool2d(flat, 2), shape_error);
  CHECK_THROWS_AS(global_max_pool(flat), shape_error);
  CHECK_THROWS_WITH_AS(global_avg_pool(tensor<float>({2, 3})),
                       "[global_avg_pool] expected input (N, C, spatial sizes), got (2, 3)", shape_error);
}
