// autograd::checkpoint(module, x): module(x), keeping only x for the backward pass, which computes the rest again.
// Saves memory for time. Chen et al., Training Deep Nets with Sublinear Memory Cost, 2016.
#pragma once

#include <optional>
#include <tuple>

#include "apply.hpp"

namespace inlay::inline v0_1 {

namespace detail {

// The gradient of a whole module, by running it again. Random numbers are drawn from where they were; statistics were
// queued by the first run, those of the second are dropped with its tape.
template <class M> struct recompute_op {
  static constexpr const char* name = "checkpoint";
  const M* module;
  std::optional<autograd::mode> mode;  // of the tape, if there is one
  random::generator random;

  template <class T, class... In>
  void backward(tensor<T> dy, const std::tuple<tensor<In>...>& values, const gradient<In>&... into) const {
    counted<tape_state> tape;
    if (mode) {
      tape = counted<tape_state>(new tape_state({.mode = *mode}));
      tape->random = random;
    }
    std::apply(
        [&](const tensor<In>&... value) {
          const std::tuple<variable<In>...> x{leaf(value, into.wanted(), tape)...};
          const variable<T> y = std::apply(*module, x);
          if (!y.step()) return;  // it does not depend on what needs a gradient
          y.step()->add(std::move(dy));
          y.step()->run_backward(false);
          std::apply([&](const variable<In>&... operand) { (pass_on(operand, into), ...); }, x);
        },
        values);
  }

 private:
  template <class U> static variable<U> leaf(const tensor<U>& value, bool wanted, const counted<tape_state>& tape) {
    counted<slot<U>> step;
    if (wanted) step = counted<slot<U>>(new leaf_node<U>(value.shape()));
    return variable<U>(value, tape, std::move(step));
  }
  template <class U> static void pass_on(const variable<U>& x, const gradient<U>& into) {
    if (x.has_grad()) into.add(x.step()->take());
  }
};

template <class M, class... In> auto recomputed(const M& module, const variable<In>&... x) {
  using op = recompute_op<M>;
  tape_state* tape = nullptr;
  (join_tape(op::name, tape, tape_of(x)), ...);
  op again{&module, {}, random::generator()};
  if (tape != nullptr) again.mode = tape->mode, again.random = tape->random;
  const auto y = module(x.detach()...);
  using T = element_of<decltype(y)>;
  using kept = std::tuple<tensor<In>...>;
  counted<slot<T>> made;
  if (y.requires_grad() || (x.requires_grad() || ...))
    made = counted<slot<T>>(new step<op, T, kept, In...>(y.shape(), again, kept(x.value()...), step_of(x)...));
  return variable<T>(y.value(), counted<tape_state>(tape), std::move(made));
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
