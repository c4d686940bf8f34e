// autograd::checkpoint(module, x): module(x), keeping only x for the backward pass, which computes the rest again.
// Saves memory for time. Chen et al., Training Deep Nets with Sublinear Memory Cost, 2016.
#pragma once

#include <array>
#include <optional>
#include <tuple>

#include "parameter.hpp"

namespace inlay::inline v0_1 {

namespace detail {

// The step of a whole module. Random numbers are drawn again from where they were; statistics were queued by the first
// run and the second one's are dropped.
template <class T, class M, class... In> class recomputed_step final : public slot<T> {
 public:
  recomputed_step(const inlay::shape& sizes, const M& module, const tape_state* tape, const random::generator& random,
                  const variable<In>&... x)
      : slot<T>(sizes), module_(module), random_(random), values_(x.value()...), inputs_{x.step().get()...} {
    if (tape != nullptr) mode_ = tape->mode;
    for (node* input : inputs_)
      if (input != nullptr) input->acquire();
  }

  void propagate(backward_pass&) override {
    if (this->filled()) run(std::index_sequence_for<In...>{});
  }
  void forget() noexcept override {
    values_ = {};
    for (node*& input : inputs_)
      if (input != nullptr) std::exchange(input, nullptr)->release();
    this->spent_ = true;
  }
  std::span<node* const> inputs() const noexcept override { return inputs_; }

 private:
  template <std::size_t... I> void run(std::index_sequence<I...>) {
    counted<tape_state> tape;
    if (mode_) {
      tape = counted<tape_state>(new tape_state({.mode = *mode_}));
      tape->random = random_;
    }
    const std::tuple<variable<In>...> x{leaf<In>(std::get<I>(values_), inputs_[I], tape)...};
    const variable<T> y = module_(std::get<I>(x)...);
    y.step()->add(this->take());
    run_backward(*y.step(), false);
    (pass_on(std::get<I>(x), inputs_[I]), ...);
  }

  template <class U>
  static variable<U> leaf(const tensor<U>& value, const node* wanted, const counted<tape_state>& tape) {
    counted<slot<U>> step;
    if (wanted != nullptr) step = counted<slot<U>>(new leaf_node<U>(value.shape()));
    return variable<U>(value, tape, std::move(step));
  }
  template <class U> static void pass_on(const variable<U>& x, node* input) {
    if (input != nullptr && x.has_grad()) static_cast<slot<U>*>(input)->add(x.step()->take());
  }

  const M& module_;
  std::optional<autograd::mode> mode_;  // of the tape, if there is one
  random::generator random_;
  std::tuple<tensor<In>...> values_;
  std::array<node*, sizeof...(In)> inputs_;
};

template <class M, class First, class... In>
auto recomputed(const M& module, const variable<First>& first, const variable<In>&... rest) {
  tape_state* tape = first.tape().get();
  const random::generator random = tape != nullptr ? tape->random : random::generator();
  const auto y = module(first.detach(), rest.detach()...);
  using T = typename std::remove_cvref_t<decltype(y)>::value_type;
  counted<slot<T>> step;
  if (y.requires_grad() || first.requires_grad() || (rest.requires_grad() || ...))
    step = counted<slot<T>>(new recomputed_step<T, M, First, In...>(y.shape(), module, tape, random, first, rest...));
  return variable<T>(y.value(), first.tape(), std::move(step));
}

}  // namespace detail

namespace autograd {

// For modules, and other callables, that give one variable. The module stays where it is, with the weights it has,
// until backward() has run. Tensors and traces go through as if nothing were said.
template <class M, class... X> auto checkpoint(const M& module, const X&... x) {
  if constexpr ((detail::is_variable<X> || ...))
    return detail::recomputed(module, x...);
  else
    return module(x...);
}

}  // namespace autograd

}  // namespace inlay::inline v0_1
