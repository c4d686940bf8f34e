// Shows: Kullback-Leibler
// The Kullback-Leibler divergence against PyTorch and central differences; shares of 0.
#include <inlay/loss/kl_div.hpp>

#include <doctest/doctest.h>

#include <inlay/ops/softmax.hpp>
#include <inlay/testing/check_gradient.hpp>

#include "loss/rows.hpp"

using namespace inlay;
using support::check_close;
using support::variables;
using options = loss::kl_div_options;

namespace {

const tensor<double> logs = log_softmax(from<double>({2, 3}, {-1.5, 0.5, 2, 0.25, -0.75, 1})),
                     shares = from<double>({2, 3}, {0.2, 0.3, 0.5, 0.7, 0.1, 0.2});
const support::numbers dy{1, -2, 0.5, 0.25, 3, -1};

}  // namespace

TEST_CASE("kl_div: PyTorch's values and gradients") {
  const auto f = [](const variables& v, const options& o) { return loss::kl_div(v[0], v[1], o); };
  // F.kl_div(logs, shares, reduction=...)
  support::check_rows<options>(
      "kl_div", f, {logs, shares}, dy,
      {
          {options{},
           {0.3713819686834},
           {{-0.1, -0.15, -0.25, -0.35, -0.05, -0.1},
            {1.558182068399, 0.7609146224528, 0.2663274343358, 0.9458792554022, 0.4729241808746, -0.05550222884548}}},
          {options{.batch_mean = false, .reduction = reduction::mean},
           {0.1237939895611},
           {{-0.03333333333333, -0.05, -0.08333333333333, -0.1166666666667, -0.01666666666667, -0.03333333333333},
            {0.5193940227996, 0.2536382074843, 0.08877581144528, 0.3152930851341, 0.1576413936249, -0.01850074294849}}},
          {options{.reduction = reduction::sum},
           {0.7427639373668},
           {{-0.2, -0.3, -0.5, -0.7, -0.1, -0.2},
            {3.116364136797, 1.521829244906, 0.5326548686717, 1.891758510804, 0.9458483617491, -0.111004457691}}},
          {options{.reduction = reduction::none},
           {0.4232728273595, 0.1565487734717, -0.2336725656642, 0.6242309575631, -0.00541516382509, -0.2222008915382},
           {{-0.2, 0.6, -0.25, -0.175, -0.3, 0.2},
            {3.116364136797, -3.043658489811, 0.2663274343358, 0.4729396277011, 2.837545085247, 0.111004457691}}},
      });
  // F.kl_div(logs, shares.log(), reduction=..., log_target=True)
  support::check_rows<options>(
      "kl_div, log_target", f, {logs, log(shares)}, dy,
      {
          {options{.log_target = true},
           {0.3713819686834},
           {{-0.1, -0.15, -0.25, -0.35, -0.05, -0.1},
            {0.3116364136797, 0.2282743867358, 0.1331637171679, 0.6621154787815, 0.04729241808746, -0.0111004457691}}},
          {options{.log_target = true, .batch_mean = false, .reduction = reduction::mean},
           {0.1237939895611},
           {{-0.03333333333333, -0.05, -0.08333333333333, -0.1166666666667, -0.01666666666667, -0.03333333333333},
            {0.1038788045599, 0.07609146224528, 0.04438790572264, 0.2207051595938, 0.01576413936249,
             -0.003700148589698}}},
          {options{.log_target = true, .reduction = reduction::sum},
           {0.7427639373668},
           {{-0.2, -0.3, -0.5, -0.7, -0.1, -0.2},
            {0.6232728273595, 0.4565487734717, 0.2663274343358, 1.324230957563, 0.09458483617491, -0.02220089153819}}},
          {options{.log_target = true, .reduction = reduction::none},
           {0.4232728273595, 0.1565487734717, -0.2336725656642, 0.6242309575631, -0.00541516382509, -0.2222008915382},
           {{-0.2, 0.6, -0.25, -0.175, -0.3, 0.2},
            {0.6232728273595, -0.9130975469434, 0.1331637171679, 0.3310577393908, 0.2837545085247, 0.02220089153819}}},
      });
  // F.kl_div(logs, zeros, reduction="batchmean")
  const tensor<double> zeros = from<double>({2, 3}, {0, 0.4, 0.6, 1, 0, 0});
  support::check_rows<options>("kl_div, shares of 0",
                               [&](const variables& v, const options& o) { return loss::kl_div(v[0], zeros, o); },
                               {logs}, dy, {{options{}, {0.7006119184827}, {{0, -0.2, -0.3, -0.5, 0, 0}}}});
}

TEST_CASE("kl_div: central differences") {
  for (const bool log_target : {false, true}) {
    const auto r = testing::check_gradient(
        [&](const auto& a, const auto& b) { return loss::kl_div(a, b, {.log_target = log_target}); }, logs,
        log_target ? log(shares) : shares);
    CHECK_MESSAGE(r.ok(), r.text());
  }
}

TEST_CASE_TEMPLATE("kl_div: shares of 0, where a chance may be 0 as well", T, float, double) {
  const T inf = std::numeric_limits<T>::infinity();
  const tensor<T> share = from<T>({1, 3}, {0, 1, 0});
  for (const bool log_target : {false, true}) {
    const variable<T> x{from<T>({1, 3}, {-inf, T(-0.5), T(-1e4)})}, y{log_target ? log(share) : share};
    const auto divergence = loss::kl_div(x, y, {.log_target = log_target});
    CHECK(divergence.item() == T(0.5));
    divergence.backward();
    check_close(x.grad(), {0, -1, 0});
    check_close(y.grad(), {0, 1.5, 0});
  }
  const tensor<T> wrong = from<T>({2}, {-inf, 0}), half = from<T>({2}, {T(0.5), T(0.5)});
  CHECK(loss::kl_div(wrong, half).item() == inf);
}

TEST_CASE("kl_div: NaN is not hidden") {
  const double not_a_number = std::numeric_limits<double>::quiet_NaN();
  CHECK(support::is_nan(loss::kl_div(from<double>({1}, {not_a_number}), from<double>({1}, {1})).item()));
  CHECK(support::is_nan(loss::kl_div(from<double>({1}, {-1}), from<double>({1}, {not_a_number})).item()));
  CHECK(support::is_nan(loss::kl_div(from<double>({1}, {-1}), from<double>({1}, {-0.5})).item()));  // no share
}

TEST_CASE("kl_div: rows and single numbers") {
  const tensor<double> one(shape{}, -1.0), share(shape{}, 1.0);
  CHECK(loss::kl_div(one, share).item() == 1);
  CHECK(loss::kl_div(logs, shares, {.reduction = reduction::none}).shape() == shape{2, 3});
  CHECK_THROWS_WITH_AS(loss::kl_div(logs, one),
                       "[kl_div] expected prediction and target of one shape, got (2, 3) and ()", shape_error);
  CHECK_THROWS_WITH_AS(loss::kl_div(tensor<double>({0, 3}), tensor<double>({0, 3})),
                       "[kl_div] expected at least one element, got an empty batch (0, 3)", shape_error);
}
