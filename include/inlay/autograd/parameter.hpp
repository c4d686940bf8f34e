// parameter<T>: a trainable weight of a module. buffer<T>: a value that is saved with a module and written only by a
// tape (running statistics). Copying one copies the value (memory is shared until written); moving one moves the cell;
// assigning writes into the cell that is there, so optimisers keep their place.
#pragma once

#include "trace.hpp"
#include "variable.hpp"

namespace inlay::inline v0_1 {

namespace detail {

template <class W> inline constexpr bool is_variable = false;
template <class T> inline constexpr bool is_variable<variable<T>> = true;
template <class W> inline constexpr bool is_trace = false;
template <class T> inline constexpr bool is_trace<trace<T>> = true;

template <class T> INLAY_COLD const tensor<T>& no_elements() {
  static const tensor<T> none;
  return none;
}

// A weight as an operand of the same kind as x: its tensor, a variable on x's tape whose gradient comes to the cell, or
// a trace of x's pen. Without a cell: nothing, of that kind.
template <class T, class World> INLAY_OUTLINE auto operand_in(const World& x, const counted<cell<T>>& weight) {
  const tensor<T>& value = weight ? weight->typed() : no_elements<T>();
  if constexpr (is_variable<World>) {
    counted<slot<T>> step;
    if (weight && weight->trainable) step = counted<slot<T>>(new cell_node<T>(weight));
    return variable<T>(value, x.tape(), std::move(step));
  } else if constexpr (is_trace<World>) {
    return trace<T>(value, x.pen(), x.pen()->of(weight));
  } else {
    return value;
  }
}

// x as an operand of the same kind as another: on its tape, if that has one, so that weights that meet only x get their
// gradients, too.
template <class Other, class X> decltype(auto) beside(const Other& other, const X& x) {
  if constexpr (is_variable<Other> && !is_variable<X>)
    return variable<typename X::value_type>(x, other.tape(), {});
  else
    return (x);
}

// Weights are drawn at construction from a stream numbered by the order of construction on this thread.
inline constinit thread_local std::uint64_t weights_drawn = 0;

template <class T> class cell_handle {
 public:
  using value_type = T;

  cell_handle() = default;
  cell_handle(const cell_handle& other) {
    if (other.cell_) adopt(other);
  }
  cell_handle(cell_handle&&) noexcept = default;
  cell_handle& operator=(const cell_handle& other) {
    if (this != &other) write_from(other);
    return *this;
  }
  cell_handle& operator=(cell_handle&& other) {
    if (cell_ && other.cell_)
      write_from(other);
    else
      cell_ = std::move(other.cell_);
    return *this;
  }

  // A handle without a cell stands for a part that a module does not have (a bias that was switched off).
  explicit operator bool() const noexcept { return static_cast<bool>(cell_); }

  const tensor<T>& value() const noexcept {
    static const tensor<T> none;
    return cell_ ? cell_->typed() : none;
  }
  const inlay::shape& shape() const noexcept { return value().shape(); }
  std::int64_t dim(std::int64_t axis) const { return value().dim(axis); }

  const counted<cell<T>>& shared_cell() const noexcept { return cell_; }

 protected:
  trace<T> written_by(const counted<pen_state>& pen) const { return trace<T>(value(), pen, pen->of(cell_)); }

  explicit cell_handle(tensor<T> value) : cell_(new cell<T>(std::move(value))) {}

  counted<cell<T>> cell_;

 private:
  INLAY_COLD void adopt(const cell_handle& other) {
    cell_ = counted<cell<T>>(new cell<T>(other.cell_->typed()));
    cell_->rule = other.cell_->rule;
    cell_->trainable = other.cell_->trainable;
  }
  INLAY_COLD void write_from(const cell_handle& other) {
    if (!other.cell_)
      cell_ = {};
    else if (!cell_)
      adopt(other);
    else
      overwrite(other);
  }
  INLAY_COLD void overwrite(const cell_handle& other) {
    if (cell_->optimisers > 0)
      cell_->assign(other.cell_->typed());
    else
      cell_->set(other.cell_->typed());
    cell_->rule = other.cell_->rule;
  }
};

}  // namespace detail

template <floating T> class parameter : public detail::cell_handle<T> {
 public:
  parameter() = default;

  // Starts with this value.
  explicit parameter(tensor<T> value) : detail::cell_handle<T>(std::move(value)) {}

  // Drawn from a rule, now and whenever init::weights redraws the model.
  INLAY_COLD parameter(const inlay::shape& sizes, const distribution& rule) : detail::cell_handle<T>(tensor<T>()) {
    random::generator g(0, detail::weights_drawn++);
    this->cell_->set(rule.draw<T>(g, sizes));
    this->cell_->rule = rule;
  }

  // Replaces the value. Throws shape_error when the shapes differ, state_error without a value.
  void assign(tensor<T> value) { present().assign(std::move(value)); }

  // Changes values in place: f(std::span<T>). Throws state_error without a value.
  template <class F> void write(F&& f) { present().write(std::forward<F>(f)); }

  // Gathered since the last zero_grad(). Throws state_error when there is none.
  const tensor<T>& grad() const {
    if (!has_grad())
      throw state_error("grad",
                        {"parameter ", this->shape(), " has no gradient; expected a backward() that reached it"});
    return this->cell_->gradient();
  }
  bool has_grad() const noexcept { return this->cell_ && this->cell_->has_gradient(); }
  void zero_grad() {
    if (this->cell_) this->cell_->drop_gradient();
  }

  bool trainable() const noexcept { return this->cell_ && this->cell_->trainable; }

  // This weight as an operand of the same kind as x: its tensor, a variable on x's tape whose gradient comes here, or a
  // trace of x's pen.
  template <class World> auto in(const World& x) const { return detail::operand_in(x, this->cell_); }

 private:
  detail::cell<T>& present() const {
    if (!this->cell_)
      throw state_error("parameter", {"expected a parameter with a value, got one that its module does not have"});
    return *this->cell_;
  }
};

template <element T> class buffer : public detail::cell_handle<T> {
 public:
  buffer() = default;
  explicit buffer(tensor<T> value) : detail::cell_handle<T>(std::move(value)) {}

  // This value as an operand of the same kind as x; no gradient comes back.
  template <class World> auto in(const World& x) const {
    if constexpr (detail::is_variable<World>)
      return variable<T>(this->value(), x.tape(), {});
    else if constexpr (detail::is_trace<World>)
      return this->written_by(x.pen());
    else
      return this->value();
  }

  // Hands a new value to the tape of x, which applies it once, in backward() or apply_statistics(). Nothing happens
  // without a tape, or when it only infers: inference never changes a model. Throws shape_error when the shapes differ.
  template <class World> void queue(const World& x, tensor<T> value) const {
    if (!this->cell_ || !(value.shape() == this->shape())) [[unlikely]]
      throw shape_error("queue", {"expected a value of shape ", this->shape(), ", got ", value.shape()});
    if constexpr (detail::is_variable<World>)
      if (x.tape() && x.tape()->mode == autograd::mode::train) x.tape()->queue(this->cell_, std::move(value));
  }
};

}  // namespace inlay::inline v0_1
