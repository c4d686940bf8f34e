// Shows: binary cross-entropy
// Binary cross-entropy against PyTorch and central differences: weights of the positive part, scores of any size.
#include <inlay/loss/bce_with_logits.hpp>

#include <doctest/doctest.h>

#include <inlay/testing/check_gradient.hpp>

#include "loss/rows.hpp"

using namespace inlay;
using support::check_close;
using support::variables;
using options = loss::bce_options;

namespace {

const tensor<double> x = from<double>({2, 3}, {-1.5, 0.5, 2, 0.25, -0.75, 1}),
                     y = from<double>({2, 3}, {0, 1, 0.25, 0.5, 0, 1});

}  // namespace

TEST_CASE("bce_with_logits: PyTorch's values and gradients") {
  constexpr reduction mean_of = reduction::mean, sum_of = reduction::sum, none = reduction::none;
  // F.binary_cross_entropy_with_logits(x, y, pos_weight=..., reduction=...)
  support::check_rows<options>(
      "bce_with_logits", [](const variables& v, const options& o) { return loss::bce_with_logits(v[0], v[1], o); },
      {x, y}, {1, -2, 0.5, 0.25, 3, -1},
      {
          {options{.reduction = mean_of},
           {0.6172483977863},
           {{0.03040425396773, -0.06292344479969, 0.1051328463296, 0.01036275014763, 0.0534702168041,
             -0.04482357022833},
            {0.25, -0.08333333333333, -0.3333333333333, -0.04166666666667, 0.125, -0.1666666666667}}},
          {options{.reduction = sum_of},
           {3.703490386718},
           {{0.1824255238064, -0.3775406687981, 0.6307970779779, 0.0621765008858, 0.3208213008246, -0.26894142137},
            {1.5, -0.5, -2, -0.25, 0.75, -1}}},
          {options{.reduction = none},
           {0.2014132779828, 0.4740769841801, 1.626928011043, 0.7009394198788, 0.3868710061149, 0.3132616875182},
           {{0.1824255238064, 0.7550813375963, 0.3153985389889, 0.01554412522145, 0.9624639024738, 0.26894142137},
            {1.5, 1, -1, -0.0625, 2.25, 1}}},
          {options{.pos_weight = {2.5}, .reduction = mean_of},
           {0.8940084938859},
           {{0.03040425396773, -0.1573086119992, 0.09768266370326, -0.04436518724164, 0.0534702168041,
             -0.1120589255708},
            {0.6753533194957, 0.03518591271169, -0.3016013305726, 0.102318188303, 0.4092177515287, -0.08835124478711}}},
          {options{.pos_weight = {2.5}, .reduction = sum_of},
           {5.364050963316},
           {{0.1824255238064, -0.9438516719954, 0.5860959822196, -0.2661911234499, 0.3208213008246, -0.672353553425},
            {4.052119916974, 0.2111154762702, -1.809607983436, 0.6139091298183, 2.455306509172, -0.5301074687227}}},
          {options{.pos_weight = {2.5}, .reduction = none},
           {0.2014132779828, 1.18519246045, 1.674526015184, 1.132893984788, 0.3868710061149, 0.7831542187956},
           {{0.1824255238064, 1.887703343991, 0.2930479911098, -0.06654778086246, 0.9624639024738, 0.672353553425},
            {4.052119916974, -0.4222309525403, -0.9048039917178, 0.1534772824546, 7.365919527517, 0.5301074687227}}},
          {options{.pos_weight = {0.5, 2, 3}, .reduction = mean_of},
           {0.7872616494144},
           {{0.03040425396773, -0.1258468895994, 0.09519926949447, 0.02860539594406, 0.0534702168041, -0.134470710685},
            {0.1082155601681, -0.004320502636649, -0.291023996319, -0.08966161832324, 0.3144785010191,
             -0.06224610416059}}},
          {options{.pos_weight = {0.5, 2, 3}, .reduction = sum_of},
           {4.723569896486},
           {{0.1824255238064, -0.7550813375963, 0.5711956169668, 0.1716323756643, 0.3208213008246, -0.80682426411},
            {0.6492933610086, -0.02592301581989, -1.746143977914, -0.5379697099394, 1.886871006115, -0.3734766249636}}},
          {options{.pos_weight = {0.5, 2, 3}, .reduction = none},
           {0.2014132779828, 0.9481539683602, 1.690392016564, 0.5569545649091, 0.3868710061149, 0.9397850625547},
           {{0.1824255238064, 1.510162675193, 0.2855978084834, 0.04290809391609, 0.9624639024738, 0.80682426411},
            {0.6492933610086, 0.05184603163979, -0.873071988957, -0.1344924274849, 5.660613018345, 0.3734766249636}}},
      });
}

TEST_CASE("bce_with_logits: central differences") {
  const auto r = testing::check_gradient(
      [](const auto& a, const auto& b) {
        return loss::bce_with_logits(a, b, {.pos_weight = {0.5, 2, 3}, .reduction = reduction::none});
      },
      x, y);
  CHECK_MESSAGE(r.ok(), r.text());
}

TEST_CASE_TEMPLATE("bce_with_logits: scores of any size, nothing lost", T, float, double) {
  const variable<T> scores{from<T>({8}, {T(1e4), T(1e4), T(-1e4), T(-1e4), -20, 20, 0, 30})};
  const tensor<T> targets = from<T>({8}, {1, 0, 1, 0, 0, 1, T(0.5), 1});
  const auto each = loss::bce_with_logits(scores, targets, {.reduction = reduction::none});
  const double tiny = std::log1p(std::exp(-20.0)), less = std::log1p(std::exp(-30.0));
  check_close(each.value(), {0, 1e4, 1e4, 0, tiny, tiny, std::log(2.0), less}, support::rounding<T>);
  CHECK(each.value()(4) == doctest::Approx(tiny).epsilon(1e-5));  // a certain answer that is right
  CHECK(each.value()(7) == doctest::Approx(less).epsilon(1e-5));
  each.backward(tensor<T>({8}, T{1}));
  check_close(scores.grad(), {0, 1, -1, 0, 0, 0, 0, 0}, 1e-8);
  CHECK(scores.grad()(4) == doctest::Approx(std::exp(-20.0)).epsilon(1e-5));
  CHECK(scores.grad()(5) == doctest::Approx(-std::exp(-20.0)).epsilon(1e-5));
}

TEST_CASE("bce_with_logits: infinitely wrong, and NaN") {
  const double inf = std::numeric_limits<double>::infinity();
  const auto each = [](double score, double target) {
    return loss::bce_with_logits(full<double>({1}, score), full<double>({1}, target)).item();
  };
  CHECK(each(inf, 0) == inf);
  CHECK(each(-inf, 1) == inf);
  CHECK(support::is_nan(each(std::numeric_limits<double>::quiet_NaN(), 1)));
}

TEST_CASE("bce_with_logits: what does not fit") {
  CHECK_THROWS_WITH_AS(loss::bce_with_logits(tensor<float>({4}), tensor<float>({4, 1})),
                       "[bce_with_logits] expected prediction and target of one shape, got (4,) and (4, 1)",
                       shape_error);
  CHECK_THROWS_WITH_AS(loss::bce_with_logits(x, y, {.pos_weight = {1, 2}}),
                       "[bce_with_logits] expected one .pos_weight, or one for each of the last axis of (2, 3), got 2",
                       shape_error);
  CHECK_THROWS_AS(loss::bce_with_logits(tensor<double>(shape{}), tensor<double>(shape{}), {.pos_weight = {1, 2}}),
                  shape_error);
}
