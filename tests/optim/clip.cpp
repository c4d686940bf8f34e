// Shows: clipping
// Gradients after torch.nn.utils.clip_grad_norm_ and clip_grad_value_, and the norms that they had.
#include <inlay/optim/clip.hpp>

#include <doctest/doctest.h>

#include <inlay/autograd/sparse_rows.hpp>

#include "optim/traces.hpp"

using namespace inlay;
using support::numbers;

namespace {

struct matrix {
  parameter<float> w{tensor<float>({4, 2})};
  static void members(auto& self, auto&& visit) { visit("w", self.w); }
};

constexpr double infinity = std::numeric_limits<double>::infinity();

template <class T> void give(const traces::model<T>& m, const numbers& w, const numbers& b) {
  const auto as = [](const numbers& values) {
    return from<double>({static_cast<std::int64_t>(values.size())}, std::span<const double>(values)).template cast<T>();
  };
  m.w.shared_cell()->drop_gradient();
  m.b.shared_cell()->drop_gradient();
  m.w.shared_cell()->accumulate(as(w), [](auto&, const auto&) {});
  m.b.shared_cell()->accumulate(as(b), [](auto&, const auto&) {});
}

template <class T> numbers gradients(const traces::model<T>& m) {
  numbers out(m.w.grad().values().begin(), m.w.grad().values().end());
  out.insert(out.end(), m.b.grad().values().begin(), m.b.grad().values().end());
  return out;
}

template <class T> void check(const numbers& got, const numbers& expected) {
  CHECK(support::difference(std::span<const double>(got), expected) <= support::rounding<T>);
}

}  // namespace

TEST_CASE_TEMPLATE("clip_grad_norm: the norms of torch, and its gradients", T, float, double) {
  const struct {
    double p, max_norm, norm;
    numbers gradients;
  } table[] = {
      {1,
       1.5,
       10.5,
       {0.42857138775510595, -0.571428517006808, 0.071428564625851, -0.285714258503404, 0.142857129251702}},
      {2,
       1.5,
       5.5,
       {0.8181816694215147, -1.0909088925620196, 0.13636361157025245, -0.5454544462810098, 0.2727272231405049}},
      {3,
       1.5,
       4.643522023687861,
       {0.969091781615874, -1.292122375487832, 0.161515296935979, -0.646061187743916, 0.323030593871958}},
      {0.5,
       1.5,
       46.96869613512065,
       {0.09580849106915386, -0.1277446547588718, 0.015968081844858976, -0.0638723273794359, 0.03193616368971795}},
      {infinity,
       1.5,
       4,
       {1.1249997187500704, -1.4999996250000938, 0.18749995312501172, -0.7499998125000469, 0.37499990625002344}},
      {2, 10, 5.5, {3, -4, 0.5, -2, 1}},
      {2, infinity, 5.5, {3, -4, 0.5, -2, 1}},
      {2, 0, 5.5, {0, 0, 0, 0, 0}},
  };
  for (const auto& t : table) {
    INFO("p ", t.p, ", at most ", t.max_norm);
    const traces::model<T> m;
    give(m, {3, -4, 0.5}, {-2, 1});
    check<T>({optim::clip_grad_norm(m, t.max_norm, {.norm_type = t.p})}, {t.norm});
    check<T>(gradients(m), t.gradients);
  }
}

TEST_CASE("clip_grad_norm: weights without a gradient do not count, and none gives 0") {
  const traces::model<double> m;
  CHECK(optim::clip_grad_norm(m, 1) == 0);
  CHECK(optim::clip_grad_norm(m, 1, {.norm_type = infinity}) == 0);
  m.b.shared_cell()->accumulate(from<double>({2}, {3, 4}), [](auto&, const auto&) {});
  CHECK(optim::clip_grad_norm(m, 10) == 5);
  CHECK_FALSE(m.w.has_grad());
  optim::clip_grad_value(m, 3.5);
  support::check_close(m.b.grad(), {3, 3.5});
}

TEST_CASE("clip_grad_norm: infinities and NaN as in PyTorch, or an error") {
  const traces::model<double> m;
  const struct {
    double bad, p;
    numbers after;
  } table[] = {{infinity, 2, {0, NAN, 0, 0, 0}},
               {-infinity, infinity, {0, NAN, 0, 0, 0}},
               {NAN, 2, {NAN, NAN, NAN, NAN, NAN}},
               {NAN, infinity, {NAN, NAN, NAN, NAN, NAN}}};
  for (const auto& t : table) {
    INFO(t.bad, " with p ", t.p);
    give(m, {3, t.bad, 0.5}, {-2, 1});
    const double expected = support::is_nan(t.bad) ? t.bad : infinity;
    const std::string text =
        std::string("[clip_grad_norm] expected a finite norm of all gradients, got ") + (expected > 1 ? "inf" : "nan");
    CHECK_THROWS_WITH_AS(optim::clip_grad_norm(m, 1, {.norm_type = t.p, .error_if_nonfinite = true}), text.c_str(),
                         value_error);
    check<double>(gradients(m), {3, t.bad, 0.5, -2, 1});
    check<double>({optim::clip_grad_norm(m, 1, {.norm_type = t.p})}, {expected});
    check<double>(gradients(m), t.after);
  }
}

TEST_CASE("clip_grad_norm, clip_grad_value: a gradient of rows") {
  const auto gradient = [] {
    return detail::sparse_rows<float>::gradient({4, 2}, from<std::int64_t>({2}, {1, 3}),
                                                from<float>({2, 2}, {3, 0, 0, -4}));
  };
  const matrix m;
  m.w.shared_cell()->accumulate(gradient(), [](auto&, const auto&) {});
  CHECK(optim::clip_grad_norm(m, 2.5) == 5);
  support::check_close(m.w.grad(), {0, 0, 1.5, 0, 0, 0, 0, -2}, 1e-6);
  m.w.shared_cell()->drop_gradient();
  m.w.shared_cell()->accumulate(gradient(), [](auto&, const auto&) {});
  optim::clip_grad_value(m, 1);
  support::check_close(m.w.grad(), {0, 0, 1, 0, 0, 0, 0, -1});
}

TEST_CASE_TEMPLATE("clip_grad_value: each element by itself", T, float, double) {
  const traces::model<T> m;
  give(m, {3, -4, 0.5}, {-2, 1});
  optim::clip_grad_value(m, 1.5);
  check<T>(gradients(m), {1.5, -1.5, 0.5, -1.5, 1.0});
  give(m, {infinity, -infinity, NAN}, {-2, 1});
  optim::clip_grad_value(m, 1.5);
  check<T>(gradients(m), {1.5, -1.5, NAN, -1.5, 1});
}

TEST_CASE("clip: numbers out of range") {
  const traces::model<float> m;
  CHECK_THROWS_WITH_AS(optim::clip_grad_norm(m, -1),
                       "[clip_grad_norm] expected a norm of 0 or more and .norm_type above 0, got -1 and 2",
                       value_error);
  CHECK_THROWS_AS(optim::clip_grad_norm(m, NAN), value_error);
  CHECK_THROWS_AS(optim::clip_grad_norm(m, 1, {.norm_type = 0}), value_error);
  CHECK_THROWS_AS(optim::clip_grad_norm(m, 1, {.norm_type = NAN}), value_error);
  CHECK_THROWS_WITH_AS(optim::clip_grad_value(m, -1), "[clip_grad_value] expected a limit of 0 or more, got -1",
                       value_error);
}
