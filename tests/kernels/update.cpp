// Shows: steps of optimisers in one pass
// Ten steps of every optimiser equal the formulas in long double, for every size and option, and stay inside their
// arrays.
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

// One member of every twin.
template <class Twin> std::vector<long double> all(const std::vector<Twin>& twins, long double Twin::*member) {
  std::vector<long double> out;
  for (const Twin& twin : twins) out.push_back(twin.*member);
  return out;
}

// w close to the twins' weights and inside its array, and so each state {array, member} that there is.
template <class T, class Twin>
void check_all(const std::vector<Twin>& twins, const support::guarded<T>& w,
               const std::vector<std::pair<const support::guarded<T>*, long double Twin::*>>& states) {
  CHECK(support::difference(w.values(), all(twins, &Twin::weight)) <= tolerance<T>);
  CHECK(w.intact());
  for (const auto& [state, member] : states) {
    if (!state->values().empty() || twins.empty())
      CHECK(support::difference(state->values(), all(twins, member)) <= tolerance<T>);
    CHECK(state->intact());
  }
}

template <class T> struct adam_options {
  T decay;
  bool decoupled, amsgrad;
};

template <class T> void check_adam(const adam_options<T>& o, std::int64_t count) {
  const T rate = T(0.01), beta1 = T(0.9), beta2 = T(0.75), epsilon = T(1e-8);
  const auto start = support::noise_values<T>(count, 2);
  support::for_each_isa([&](isa level) {
    std::vector<naive::adam> twins;
    for (const T w : start) twins.push_back({rate, beta1, beta2, epsilon, o.decay, o.decoupled, o.amsgrad, w});
    support::guarded<T> w{std::span<const T>(start)}, first(count), second(count), largest(o.amsgrad ? count : 0);
    for (int t = 0; t < steps; ++t) {
      const auto g = gradients<T>(count, t);
      const double correction1 = 1 - std::pow(static_cast<double>(beta1), t + 1),
                   correction2 = 1 - std::pow(static_cast<double>(beta2), t + 1);
      dispatch<kernels::adam_update<T>>(
          level, count, w.data(), g.data(), first.data(), second.data(), o.amsgrad ? largest.data() : second.data(),
          kernels::adam_numbers{static_cast<double>(rate) / correction1, beta1, beta2, epsilon, 1 - beta1, 1 - beta2,
                                1 / std::sqrt(correction2), o.decoupled ? 0 : o.decay,
                                o.decoupled ? 1 - static_cast<double>(rate) * o.decay : 1, o.amsgrad});
      for (std::size_t i = 0; i < g.size(); ++i) twins[i].step(g[i]);
    }
    check_all<T, naive::adam>(
        twins, w, {{&first, &naive::adam::first}, {&second, &naive::adam::second}, {&largest, &naive::adam::largest}});
  });
}

template <class T> struct rmsprop_options {
  T momentum, decay;
  bool centered;
};

template <class T> void check_rmsprop(const rmsprop_options<T>& o, std::int64_t count) {
  const T rate = T(0.01), alpha = T(0.75), epsilon = T(1e-2);
  const auto start = support::noise_values<T>(count, 3);
  support::for_each_isa([&](isa level) {
    std::vector<naive::rmsprop> twins;
    for (const T w : start) twins.push_back({rate, alpha, epsilon, o.momentum, o.decay, o.centered, w});
    support::guarded<T> w{std::span<const T>(start)}, square(count), average(o.centered ? count : 0),
        velocity(o.momentum != 0 ? count : 0);
    for (int t = 0; t < steps; ++t) {
      const auto g = gradients<T>(count, t);
      dispatch<kernels::rmsprop_update<T>>(
          level, count, w.data(), g.data(), square.data(), o.centered ? average.data() : nullptr,
          o.momentum != 0 ? velocity.data() : nullptr,
          kernels::rmsprop_numbers{rate, alpha, 1 - alpha, epsilon, o.momentum, o.decay});
      for (std::size_t i = 0; i < g.size(); ++i) twins[i].step(g[i]);
    }
    check_all<T, naive::rmsprop>(twins, w,
                                 {{&square, &naive::rmsprop::square},
                                  {&average, &naive::rmsprop::average},
                                  {&velocity, &naive::rmsprop::velocity}});
  });
}

template <class T> void check_adagrad(T decay, std::int64_t count) {
  const T rate = T(0.1), epsilon = T(1e-6);
  const auto start = support::noise_values<T>(count, 4);
  support::for_each_isa([&](isa level) {
    std::vector<naive::adagrad> twins;
    for (const T w : start) twins.push_back({rate, epsilon, decay, w, T(0.5)});
    support::guarded<T> w{std::span<const T>(start)}, sum(count, T(0.5));
    for (int t = 0; t < steps; ++t) {
      const auto g = gradients<T>(count, t);
      dispatch<kernels::adagrad_update<T>>(level, count, w.data(), g.data(), sum.data(),
                                           kernels::adagrad_numbers{rate, epsilon, decay});
      for (std::size_t i = 0; i < g.size(); ++i) twins[i].step(g[i]);
    }
    check_all<T, naive::adagrad>(twins, w, {{&sum, &naive::adagrad::sum}});
  });
}

template <class T> void check_lion(T decay, std::int64_t count) {
  const T rate = T(0.01), beta1 = T(0.5), beta2 = T(0.75);
  const auto start = support::noise_values<T>(count, 5);
  support::for_each_isa([&](isa level) {
    std::vector<naive::lion> twins;
    for (const T w : start) twins.push_back({rate, beta1, beta2, decay, w});
    support::guarded<T> w{std::span<const T>(start)}, mean(count);
    for (int t = 0; t < steps; ++t) {
      const auto g = gradients<T>(count, t);
      dispatch<kernels::lion_update<T>>(
          level, count, w.data(), g.data(), mean.data(),
          kernels::lion_numbers{rate, beta1, 1 - beta1, beta2, 1 - beta2, 1 - static_cast<double>(rate) * decay});
      for (std::size_t i = 0; i < g.size(); ++i) twins[i].step(g[i]);
    }
    check_all<T, naive::lion>(twins, w, {{&mean, &naive::lion::mean}});
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

TEST_CASE_TEMPLATE("update: Adam, with decay of either kind, with the largest square", T, float, double) {
  const adam_options<T> table[] = {
      {0, false, false}, {T(0.01), false, false}, {0, false, true}, {T(0.5), true, false}, {T(0.5), true, true}};
  for (const auto& options : table)
    for (const std::int64_t count : counts) check_adam(options, count);
}

TEST_CASE_TEMPLATE("update: RMSprop, plain, centered, with momentum and decay", T, float, double) {
  const rmsprop_options<T> table[] = {
      {0, 0, false}, {0, T(0.01), false}, {0, 0, true}, {T(0.5), 0, false}, {T(0.5), T(0.01), true}};
  for (const auto& options : table)
    for (const std::int64_t count : counts) check_rmsprop(options, count);
}

TEST_CASE_TEMPLATE("update: Adagrad and Lion, with and without decay", T, float, double) {
  for (const T decay : {T{0}, T(0.1)})
    for (const std::int64_t count : counts) {
      check_adagrad(decay, count);
      check_lion(decay, count);
    }
}

TEST_CASE_TEMPLATE("update: a weight without gradient history stays finite, NaN keeps to its weight", T, float,
                   double) {
  support::for_each_isa([](isa level) {
    std::vector<T> start(20, T{1}), g(20, T{0});
    g[7] = std::numeric_limits<T>::quiet_NaN();
    const auto check = [&](auto&& update) {
      std::vector<T> w = start, first(20, T{0}), second(20, T{0}), third(20, T{0});
      update(w.data(), first.data(), second.data(), third.data());
      bool right = true;
      for (std::size_t i = 0; i < 20; ++i) right = right && (i == 7 ? support::is_nan(w[i]) : w[i] == 1);
      CHECK(right);
    };
    constexpr std::int64_t count = 20;
    for (const bool amsgrad : {false, true})
      check([&](T* w, T* m, T* v, T* most) {
        dispatch<kernels::adam_update<T>>(level, count, w, g.data(), m, v, amsgrad ? most : v,
                                          kernels::adam_numbers{0.01, 0.9, 0.999, 1e-8, 0.1, 0.001, 30, 0, 1, amsgrad});
      });
    for (const bool centered : {false, true})
      check([&](T* w, T* square, T* average, T* velocity) {
        dispatch<kernels::rmsprop_update<T>>(level, count, w, g.data(), square, centered ? average : nullptr, velocity,
                                             kernels::rmsprop_numbers{0.01, 0.9, 0.1, 1e-8, 0.9, 0});
      });
    check([&](T* w, T* sum, T*, T*) {
      dispatch<kernels::adagrad_update<T>>(level, count, w, g.data(), sum, kernels::adagrad_numbers{0.01, 1e-10, 0});
    });
    check([&](T* w, T* mean, T*, T*) {
      dispatch<kernels::lion_update<T>>(level, count, w, g.data(), mean,
                                        kernels::lion_numbers{0.01, 0.9, 0.1, 0.99, 0.01, 1});
    });
  });
}
