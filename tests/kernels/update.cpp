// Ten steps of SGD and Adam equal the formulas in long double, for every size and option, and stay inside their arrays.
#include <inlay/kernels/update.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "naive/update.hpp"
#include "support.hpp"

using namespace inlay;

namespace {

constexpr int steps = 10;
constexpr std::int64_t counts[] = {0, 1, 7, 8, 9, 15, 17, 33, 65};

template <class T> constexpr double tolerance = sizeof(T) == 4 ? 3e-6 : 3e-15;

template <class T> std::vector<T> gradients(std::int64_t count, int step) {
  return support::noise_values<T>(count, 100 + static_cast<std::uint64_t>(step), -2, 2);
}

template <class T> struct sgd_options {
  T momentum, dampening, decay;
  bool nesterov;
};

template <class T> void check_sgd(const sgd_options<T>& o, std::int64_t count) {
  const T rate = T(0.1);
  const auto start = support::noise_values<T>(count, 1);
  support::for_each_isa([&](isa level) {
    std::vector<naive::sgd> twins;
    for (const T w : start) twins.push_back({rate, o.momentum, o.dampening, o.decay, o.nesterov, w});
    support::guarded<T> w{std::span<const T>(start)}, velocity(o.momentum == 0 ? 0 : count);
    for (int t = 0; t < steps; ++t) {
      const auto g = gradients<T>(count, t);
      const T share = o.momentum == 0 || t == 0 ? T{1} : 1 - o.dampening;
      dispatch<kernels::sgd_update<T>>(level, count, w.data(), g.data(), o.momentum == 0 ? nullptr : velocity.data(),
                                       kernels::sgd_numbers{rate, o.momentum, share, o.decay, o.nesterov});
      for (std::size_t i = 0; i < g.size(); ++i) twins[i].step(g[i]);
    }
    std::vector<long double> weights, velocities;
    for (const naive::sgd& twin : twins) {
      weights.push_back(twin.weight);
      if (o.momentum != 0) velocities.push_back(twin.velocity);
    }
    CHECK(support::difference(w.values(), weights) <= tolerance<T>);
    CHECK(support::difference(velocity.values(), velocities) <= tolerance<T>);
    CHECK((w.intact() && velocity.intact()));
  });
}

template <class T> void check_adam(T decay, std::int64_t count) {
  const T rate = T(0.01), beta1 = T(0.9), beta2 = T(0.999), epsilon = T(1e-8);
  const auto start = support::noise_values<T>(count, 2);
  support::for_each_isa([&](isa level) {
    std::vector<naive::adam> twins;
    for (const T w : start) twins.push_back({rate, beta1, beta2, epsilon, decay, w});
    support::guarded<T> w{std::span<const T>(start)}, first(count), second(count);
    for (int t = 0; t < steps; ++t) {
      const auto g = gradients<T>(count, t);
      const double correction1 = 1 - std::pow(static_cast<double>(beta1), t + 1),
                   correction2 = 1 - std::pow(static_cast<double>(beta2), t + 1);
      dispatch<kernels::adam_update<T>>(
          level, count, w.data(), g.data(), first.data(), second.data(),
          kernels::adam_numbers{static_cast<double>(rate) / correction1, beta1, beta2, epsilon, 1 - beta1, 1 - beta2,
                                1 / std::sqrt(correction2), decay});
      for (std::size_t i = 0; i < g.size(); ++i) twins[i].step(g[i]);
    }
    std::vector<long double> weights, firsts, seconds;
    for (const naive::adam& twin : twins) {
      weights.push_back(twin.weight);
      firsts.push_back(twin.first);
      seconds.push_back(twin.second);
    }
    CHECK(support::difference(w.values(), weights) <= tolerance<T>);
    CHECK(support::difference(first.values(), firsts) <= tolerance<T>);
    CHECK(support::difference(second.values(), seconds) <= tolerance<T>);
    CHECK((w.intact() && first.intact() && second.intact()));
  });
}

}  // namespace

TEST_CASE_TEMPLATE("update: SGD, plain, with momentum, dampening, Nesterov and decay", T, float, double) {
  const sgd_options<T> table[] = {{0, 0, 0, false},           {0, 0, T(0.01), false},
                                  {T(0.9), 0, 0, false},      {T(0.9), T(0.3), 0, false},
                                  {T(0.9), 0, T(0.01), true}, {T(0.9), T(0.3), T(0.01), false}};
  for (const auto& options : table)
    for (const std::int64_t count : counts) check_sgd(options, count);
}

TEST_CASE_TEMPLATE("update: Adam with and without decay", T, float, double) {
  for (const T decay : {T{0}, T(0.01)})
    for (const std::int64_t count : counts) check_adam(decay, count);
}

TEST_CASE_TEMPLATE("update: a weight without gradient history stays finite, NaN keeps to its weight", T, float,
                   double) {
  support::for_each_isa([](isa level) {
    std::vector<T> w(20, T{1}), g(20, T{0}), first(20, T{0}), second(20, T{0});
    g[7] = std::numeric_limits<T>::quiet_NaN();
    dispatch<kernels::adam_update<T>>(
        level, std::int64_t{20}, w.data(), g.data(), first.data(), second.data(),
        kernels::adam_numbers{T(0.01), T(0.9), T(0.999), T(1e-8), T(0.1), T(0.001), T{30}, T{0}});
    bool right = true;
    for (std::size_t i = 0; i < 20; ++i) right = right && (i == 7 ? support::is_nan(w[i]) : w[i] == 1);
    CHECK(right);
  });
}
