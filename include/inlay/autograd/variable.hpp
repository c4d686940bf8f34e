// variable<T>: a tensor whose history is recorded, so that gradients can be taken.
#pragma once

#include "node.hpp"
#include "tape.hpp"

namespace inlay::inline v0_1 {

struct backward_options {
  bool keep_graph = false;  // allow another backward() through the same steps
};

template <element T> class variable {
 public:
  using value_type = T;

  // A leaf of its own, without a tape: for experiments and checks. Operations that draw random numbers refuse it.
  explicit variable(tensor<T> value) : value_(std::move(value)) { make_leaf(); }

  // For operations (see apply.hpp): a result and the step that made it. Either may be missing.
  variable(tensor<T> value, detail::counted<detail::tape_state> tape, detail::counted<detail::slot<T>> step)
      : value_(std::move(value)), tape_(std::move(tape)), step_(std::move(step)) {}

  variable(const variable&) = default;
  variable(variable&&) noexcept = default;
  variable& operator=(const variable&) = default;
  variable& operator=(variable&&) noexcept = default;
  INLAY_OUTLINE ~variable() {}  // in one place: variables end in many

  const tensor<T>& value() const& noexcept { return value_; }
  tensor<T> value() && { return std::move(value_); }
  const inlay::shape& shape() const noexcept { return value_.shape(); }
  std::int64_t dim(std::int64_t axis) const { return value_.dim(axis); }
  int rank() const noexcept { return value_.rank(); }
  std::int64_t size() const noexcept { return value_.size(); }
  T item() const { return value_.item(); }

  // Gathered by backward(), for variables made by tape.leaf() or variable{t}. Throws state_error when there is none:
  // intermediate results keep no gradient.
  const tensor<T>& grad() const {
    if (!has_grad())
      throw state_error("grad",
                        {"this variable has no gradient; expected a leaf (tape.leaf) that a backward() has reached"});
    return step_->gradient();
  }
  bool has_grad() const noexcept { return step_ && step_->filled(); }
  bool requires_grad() const noexcept { return static_cast<bool>(step_); }
  void zero_grad() const noexcept {
    if (step_) step_->take();
  }

  // The same value on the same tape, with its history cut off.
  variable detach() const { return variable(value_, tape_, {}); }

  // Adds the gradient of this one-element result to every leaf and parameter it was computed from, and applies the
  // tape's queued statistics. Throws shape_error when there are more elements: pass their gradient then.
  INLAY_OUTLINE void backward(const backward_options& options = {}) const {
    if (size() != 1)
      throw shape_error("backward", {"expected a result of one element, got ", shape(),
                                     "; reduce it (sum, mean) or pass its gradient"});
    backward(tensor<T>(shape(), T{1}), options);
  }
  INLAY_OUTLINE void backward(tensor<T> gradient, const backward_options& options = {}) const {
    if (!step_)
      throw state_error(
          "backward",
          {"nothing here needs a gradient; expected a trainable parameter or tape.leaf() among the inputs"});
    step_->add(std::move(gradient));
    step_->run_backward(options.keep_graph);
    if (tape_) tape_->apply_statistics();
  }

  const detail::counted<detail::tape_state>& tape() const noexcept { return tape_; }
  const detail::counted<detail::slot<T>>& step() const noexcept { return step_; }

 private:
  void make_leaf() {
    if constexpr (floating<T>) step_ = detail::counted<detail::slot<T>>(new detail::leaf_node<T>(value_.shape()));
  }

  tensor<T> value_;
  detail::counted<detail::tape_state> tape_;
  detail::counted<detail::slot<T>> step_;
};

template <element T> variable<T> autograd::tape::input(tensor<T> value) const {
  return variable<T>(std::move(value), state_, {});
}

template <floating T> variable<T> autograd::tape::leaf(tensor<T> value) const {
  detail::counted<detail::slot<T>> step(new detail::leaf_node<T>(value.shape()));
  return variable<T>(std::move(value), state_, std::move(step));
}

}  // namespace inlay::inline v0_1
