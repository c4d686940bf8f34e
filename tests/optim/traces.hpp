// A small model and a loss that couples its weights: what the optimisers are traced on, here and in golden/make.py.
#pragma once

#include <doctest/doctest.h>

#include <functional>

#include <inlay/autograd/members.hpp>
#include <inlay/ops/functions.hpp>
#include <inlay/ops/reduce.hpp>

#include "tensors.hpp"

namespace traces {

template <class T> struct model {
  inlay::parameter<T> w{inlay::from<T>({3}, {T(0.5), T(-1), T(2)})}, b{inlay::from<T>({2}, {T(0.25), T(-0.75)})};
  static void members(auto& self, auto&& visit) {
    visit("w", self.w);
    visit("b", self.b);
  }
};

template <class T> void backward(const model<T>& m, const inlay::autograd::tape& tape) {
  const auto a = tape.input(inlay::from<T>({3}, {T(1), T(0.5), T(0.25)}));
  const auto w = m.w.in(a), b = m.b.in(a);
  (sum(a * w * w) + sum(w) * sum(tanh(b))).backward();
}

// The weights after steps 1, 2, 5 and 12, as PyTorch has them.
template <class T, class Optimiser, class Config>
void check(const char* name, const Config& config, const std::vector<support::numbers>& expected) {
  INFO(std::string(name));
  support::for_each_isa([&](inlay::isa) {
    model<T> m;
    Optimiser optimiser{m, config};
    const inlay::autograd::tape tape;
    std::size_t at = 0;
    for (int step = 1; step <= 12; ++step) {
      optimiser.zero_grad();
      backward(m, tape);
      optimiser.step();
      if (step != 1 && step != 2 && step != 5 && step != 12) continue;
      INFO("step ", step);
      support::numbers got(m.w.value().values().begin(), m.w.value().values().end());
      got.insert(got.end(), m.b.value().values().begin(), m.b.value().values().end());
      CHECK(support::difference(std::span<const double>(got), expected[at++]) <= (sizeof(T) == 4 ? 2e-6 : 1e-12));
    }
    CHECK(optimiser.steps() == 12);
  });
}

template <class T> struct large {
  inlay::parameter<T> w{support::made_up<T>({100003}, 1)};
  static void members(auto& self, auto&& visit) { visit("w", self.w); }
};

// The same bits for 1, 2 and 4 threads, on a weight large enough to be shared out.
template <class T, class Optimiser, class Config> void check_threads(const Config& config) {
  inlay::tensor<T> first;
  support::for_each_thread_count([&](int threads) {
    large<T> m;
    Optimiser optimiser{m, config};
    for (int step = 0; step < 3; ++step) {
      optimiser.zero_grad();
      const inlay::autograd::tape tape;
      const auto w = m.w.in(tape.input(inlay::tensor<T>()));
      sum(w * w * w).backward();
      optimiser.step();
    }
    if (threads == 1)
      first = m.w.value();
    else
      CHECK(support::same_bits(m.w.value(), first));
  });
}

}  // namespace traces
