// One operation, three meanings. An operation is a struct that says what it computes on tensors and how gradients
// come back; apply() derives what it does to variables and traces, for any mix of operands:
//
//   struct square_op {
//     static constexpr const char* name = "square";
//     template <class T> tensor<T> forward(const tensor<T>& x) const;                       // what a tensor gives
//     template <class T> auto keep(const tensor<T>& x, const tensor<T>& y) const { return x; }  // what backward needs
//     template <class T> void backward(const tensor<T>& dy, const tensor<T>& x, gradient<T>& dx) const {
//       if (dx.wanted()) dx.add(dy * x * T{2});
//     }
//   };
//   auto square(const auto& x) { return apply(square_op{}, x); }
//
// keep(y) alone keeps only the result: temporaries among the operands are then given to forward to write into.
// Without keep, backward has no second argument. An operation whose two sides are made together, or that does
// something else while training, has record(tape_state*, operands...) -> recorded{result, kept} in place of keep; the
// tape is null for variables without one. One that holds something lists it, so that it can be written down:
//   static void attributes(auto& self, auto&& visit) { visit("axis", self.axis); }
#pragma once

#include "parameter.hpp"

namespace inlay::inline v0_1 {

// Where an operation puts the gradient of one operand.
template <class T> class gradient {
 public:
  INLAY_INLINE explicit gradient(detail::slot<T>* of) noexcept : slot_(of) {}
  bool wanted() const noexcept { return slot_ != nullptr; }
  const inlay::shape& shape() const noexcept { return slot_->shape(); }  // of the operand; only when wanted
  void add(tensor<T> value) const { slot_->add(std::move(value)); }

 private:
  detail::slot<T>* slot_;
};

template <class T, class Kept> struct recorded {
  tensor<T> result;
  Kept kept;
};
template <class T, class Kept> recorded(tensor<T>, Kept) -> recorded<T, Kept>;

namespace detail {

template <class A> inline constexpr bool is_tensor = false;
template <class T> inline constexpr bool is_tensor<tensor<T>> = true;
template <class A> inline constexpr bool is_handle = false;
template <class T> inline constexpr bool is_handle<parameter<T>> = true;
template <class T> inline constexpr bool is_handle<buffer<T>> = true;

// The element type of an operand.
template <class A> using element_of = typename std::remove_cvref_t<A>::value_type;

struct nothing {};

}  // namespace detail

// What an operation can be applied to.
template <class A>
concept operand = detail::is_tensor<std::remove_cvref_t<A>> || detail::is_variable<std::remove_cvref_t<A>> ||
    detail::is_trace<std::remove_cvref_t<A>> || detail::is_handle<std::remove_cvref_t<A>>;

namespace detail {

// A recorded step of an operation.
template <class Op, class T, class Kept, class... In> class step final : public slot<T> {
 public:
  INLAY_OUTLINE step(const inlay::shape& sizes, const Op& op, Kept kept, slot<In>*... inputs)
      : slot<T>(sizes), op_(op), kept_(std::move(kept)), inputs_{inputs...} {
    node::acquire_all(inputs_);
  }

  INLAY_OUTLINE void end() noexcept override { delete this; }
  INLAY_OUTLINE void propagate(backward_pass&) override {
    if (!this->filled()) return;
    run(std::index_sequence_for<In...>{});
  }
  INLAY_OUTLINE void forget() noexcept override {
    std::destroy_at(&kept_);
    std::construct_at(&kept_);
    node::release_all(inputs_);
    this->spent_ = true;
  }
  std::span<node* const> inputs() const noexcept override { return inputs_; }

 private:
  template <std::size_t... I> INLAY_INLINE void run(std::index_sequence<I...>) {
    backward(gradient<In>(static_cast<slot<In>*>(inputs_[I]))...);
  }
  INLAY_INLINE void backward(gradient<In>... into) {
    if constexpr (std::is_same_v<Kept, nothing>)
      op_.backward(this->take(), into...);
    else
      op_.backward(this->take(), kept_, into...);
  }

  Op op_;
  Kept kept_;
  std::array<node*, sizeof...(In)> inputs_;
};

// The tape that the operands have in common; a variable without one joins any.
inline void join_tape(const char* name, tape_state*& common, tape_state* other) {
  if (other == nullptr) return;
  if (common != nullptr && common != other) [[unlikely]]
    throw state_error(
        name, {"expected operands of one tape, got two; give the other one as .value() or through tape.input()"});
  common = other;
}

// Any operand's value, its tape and its step; a tensor among variables is a constant.
template <class A> INLAY_INLINE decltype(auto) as_tensor(A&& a) {
  if constexpr (is_tensor<std::remove_cvref_t<A>>)
    return std::forward<A>(a);
  else
    return std::forward<A>(a).value();
}
template <class T> INLAY_INLINE tape_state* tape_of(const variable<T>& a) { return a.tape().get(); }
template <class T> INLAY_INLINE tape_state* tape_of(const tensor<T>&) { return nullptr; }
template <class T> INLAY_INLINE slot<T>* step_of(const variable<T>& a) { return a.step().get(); }
template <class T> INLAY_INLINE slot<T>* step_of(const tensor<T>&) { return nullptr; }

template <class Op, class... Operand> INLAY_OUTLINE auto record(const Op& op, Operand&&... operands) {
  tape_state* tape = nullptr;
  (join_tape(Op::name, tape, tape_of(operands)), ...);
  const bool wanted = (static_cast<bool>(step_of(operands)) || ...);

  const auto finish = [&](auto result, auto kept) {
    using T = typename decltype(result)::value_type;
    using recorded_step = step<Op, T, decltype(kept), typename std::remove_cvref_t<Operand>::value_type...>;
    counted<slot<T>> made;
    if (wanted) made = counted<slot<T>>(new recorded_step(result.shape(), op, std::move(kept), step_of(operands)...));
    return variable<T>(std::move(result), counted<tape_state>(tape), std::move(made));
  };

  if constexpr (requires { op.record(tape, as_tensor(operands)...); }) {
    auto both = op.record(tape, as_tensor(operands)...);
    return finish(std::move(both.result), std::move(both.kept));
  } else if constexpr (requires { op.keep(op.forward(as_tensor(operands)...)); }) {
    auto result = op.forward(as_tensor(std::forward<Operand>(operands))...);
    auto kept = op.keep(result);
    return finish(std::move(result), std::move(kept));
  } else if constexpr (requires { op.keep(as_tensor(operands)..., op.forward(as_tensor(operands)...)); }) {
    auto result = op.forward(as_tensor(operands)...);
    auto kept = op.keep(as_tensor(operands)..., result);
    return finish(std::move(result), std::move(kept));
  } else {
    return finish(op.forward(as_tensor(std::forward<Operand>(operands))...), nothing{});
  }
}

// What record takes: a parameter becomes a variable on the tape of the others.
template <class World, class A> decltype(auto) as_recorded(const World& world, A&& a) {
  if constexpr (is_handle<std::remove_cvref_t<A>>)
    return a.in(world);
  else
    return std::forward<A>(a);
}

template <class First, class... Rest> const auto& first_variable(const First& first, const Rest&... rest) {
  if constexpr (is_variable<First>)
    return first;
  else
    return first_variable(rest...);
}

// The pen that the operands have in common.
template <class A> void join_pen(const char* name, counted<pen_state>& common, const A& operand) {
  static_assert(!is_variable<A>, "an operation is recorded for gradients or written down, not both; use .value()");
  if constexpr (is_trace<A>) {
    if (common && common.get() != operand.pen().get()) [[unlikely]]
      throw state_error(name, {"expected operands written by one pen, got two; give the other one as .value()"});
    common = operand.pen();
  }
}

// An operand's number in what was written: weights stand for themselves, tensors are constants.
template <class A> std::int64_t written(pen_state& pen, const A& operand) {
  if constexpr (is_trace<A>)
    return operand.id();
  else if constexpr (is_handle<A>)
    return pen.of(operand.shared_cell());
  else
    return pen.of(operand);
}

template <class Op, class... Operand> auto write_down(const Op& op, const Operand&... operands) {
  counted<pen_state> pen;
  (join_pen(Op::name, pen, operands), ...);
  auto result = op.forward(as_tensor(operands)...);
  using T = element_of<decltype(result)>;
  const std::int64_t id = pen->write(std::make_unique<operation_of<Op, element_of<Operand>...>>(op),
                                     {written(*pen, operands)...}, dtype_of<T>, result.shape());
  return trace<T>(std::move(result), std::move(pen), id);
}

}  // namespace detail

// Applies an operation: tensors (and parameters) give a tensor; with a variable among them, the step is recorded; with
// a trace, it is written down.
template <class Op, operand... Operand> auto apply(const Op& op, Operand&&... operands) {
  if constexpr ((detail::is_trace<std::remove_cvref_t<Operand>> || ...)) {
    return detail::write_down(op, operands...);
  } else if constexpr ((detail::is_variable<std::remove_cvref_t<Operand>> || ...)) {
    const auto& world = detail::first_variable(operands...);
    return detail::record(op, detail::as_recorded(world, std::forward<Operand>(operands))...);
  } else {
    return op.forward(detail::as_tensor(std::forward<Operand>(operands))...);
  }
}

}  // namespace inlay::inline v0_1
