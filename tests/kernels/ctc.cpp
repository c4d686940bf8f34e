// Shows: (connectionist temporal classification of one row)
// Loss and gradient against the plain recursion in long double, for every number of labels and classes round the widths
// of registers, at every level, between guards; without a gradient the same loss.
#include <inlay/kernels/ctc.hpp>

#include <doctest/doctest.h>

#include "support.hpp"

using namespace inlay;

namespace {

using real = long double;
using table = std::vector<std::vector<real>>;

// -log p and its gradient from products of probabilities, which are large enough for so few steps.
struct expected {
  real loss = 0;
  std::vector<double> gradient;
};
template <class T> expected plain(const kernels::ctc<T>& c) {
  const auto steps = static_cast<std::size_t>(c.steps), classes = static_cast<std::size_t>(c.classes),
             states = static_cast<std::size_t>(2 * c.labels + 1);
  table y(steps, std::vector<real>(classes)), alpha(steps, std::vector<real>(states)), beta = alpha;
  const auto class_of = [&](std::size_t s) { return static_cast<std::size_t>(s % 2 == 0 ? c.blank : c.label[s / 2]); };
  const auto skips = [&](std::size_t s) { return s % 2 == 1 && s >= 3 && class_of(s) != class_of(s - 2); };
  for (std::size_t t = 0; t < steps; ++t) {
    real sum = 0;
    for (std::size_t k = 0; k < classes; ++k) sum += y[t][k] = std::exp(static_cast<real>(c.scores[t * classes + k]));
    for (real& v : y[t]) v /= sum;
    for (std::size_t s = 0; s < states; ++s) {
      real reach = t == 0 ? s < 2 : alpha[t - 1][s];
      if (t > 0 && s > 0) reach += alpha[t - 1][s - 1];
      if (t > 0 && skips(s)) reach += alpha[t - 1][s - 2];
      alpha[t][s] = reach * y[t][class_of(s)];
    }
  }
  for (std::size_t t = steps; t-- > 0;)
    for (std::size_t s = 0; s < states; ++s) {
      const auto later = [&](std::size_t to) { return beta[t + 1][to] * y[t + 1][class_of(to)]; };
      beta[t][s] = t + 1 == steps ? s + 2 >= states : later(s);
      if (t + 1 < steps && s + 1 < states) beta[t][s] += later(s + 1);
      if (t + 1 < steps && s + 2 < states && skips(s + 2)) beta[t][s] += later(s + 2);
    }
  const real p = alpha.back().back() + (states > 1 ? alpha.back()[states - 2] : 0);
  expected out{-std::log(p), {}};
  for (std::size_t t = 0; t < steps; ++t)
    for (std::size_t k = 0; k < classes; ++k) {
      real d = y[t][k];
      for (std::size_t s = 0; s < states; ++s)
        if (class_of(s) == k) d -= alpha[t][s] * beta[t][s] / p;
      out.gradient.push_back(static_cast<double>(d));
    }
  return out;
}

}  // namespace

TEST_CASE_TEMPLATE("ctc kernel: the plain recursion", T, float, double) {
  for (const std::int64_t labels : {0, 1, 2, 3, 4, 7, 8, 11})
    for (const std::int64_t classes : {2, 3, 7, 8, 9, 17}) {
      INFO("labels ", labels, ", classes ", classes);
      const std::int64_t steps = 2 * labels + 1 + classes % 3, blank = classes / 2;
      std::vector<std::int64_t> label;
      for (std::int64_t i = 0; i < labels; ++i) {
        const auto drawn = support::noise(static_cast<std::uint64_t>(i)) % static_cast<std::uint64_t>(classes - 1);
        label.push_back(static_cast<std::int64_t>(drawn) + (static_cast<std::int64_t>(drawn) >= blank));
      }
      const support::guarded<T> scores(std::span<const T>(support::noise_values<T>(steps * classes, 1, -2, 2)));
      kernels::ctc<T> row{steps, classes, labels, blank, scores.data(), label.data(), nullptr, nullptr, nullptr, false};
      const expected wanted = plain(row);
      support::for_each_isa([&](isa level) {
        double loss[2] = {};
        support::guarded<T> gradient(steps * classes, T(77));
        for (const bool all : {false, true}) {
          row.gradient = all ? gradient.data() : nullptr;
          row.loss = loss + all;
          support::guarded<double> room(row.room_size());
          row.room = room.data();
          dispatch<kernels::ctc<T>>(level, static_cast<const kernels::ctc<T>*>(&row));
          CHECK(room.intact());
        }
        CHECK(gradient.intact());
        CHECK(support::same_bits(loss[0], loss[1]));
        CHECK(std::abs(loss[0] - static_cast<double>(wanted.loss)) <= 1e-13 * (1 + std::abs(loss[0])));
        CHECK(support::difference(gradient.values(), wanted.gradient) <= (sizeof(T) == 4 ? 2e-7 : 1e-14));
      });
    }
}
