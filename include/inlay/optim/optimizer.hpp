// What all optimisers share: the list of weights, their state keyed by path, the step counter, and the check that no
// weight was forgotten.
#pragma once

#include "../autograd/members.hpp"

namespace inlay::inline v0_1::optim {

// A weight and an optimiser's state for it; state tensors have the weight's shape, and are empty until they are needed.
template <class T>
struct weight {
  std::string path;
  detail::counted<detail::cell<T>> cell;
  tensor<T> first = {}, second = {};
  std::int64_t steps = 0;  // that moved this weight
};

// Base of the optimisers. It holds the model's weights by count, so the model may be moved.
class optimizer {
 public:
  optimizer(const optimizer&) = delete;
  optimizer& operator=(const optimizer&) = delete;
  virtual ~optimizer() {
    each([](auto& w) { --w.cell->optimisers; });
  }

  // Moves every trainable weight that has a gradient. Throws state_error when a weight outside the model got a
  // gradient in the same backward pass: it would never be trained.
  void step() {
    each([](auto& w) {
      const detail::counted<detail::cell_base>& stray = w.cell->stray;
      if (stray && stray->optimisers == 0 && stray->has_gradient()) [[unlikely]] forgotten(*stray);
    });
    ++steps_;
    each([this](auto& w) {
      if (!w.cell->trainable || !w.cell->has_gradient()) return;
      ++w.steps;
      update(w);
    });
  }

  // Drops all gradients; the next backward() starts new ones.
  void zero_grad() noexcept {
    each([](auto& w) {
      w.cell->drop_gradient();
      w.cell->stray = {};
    });
  }

  double learning_rate() const noexcept { return learning_rate_; }
  // Throws value_error when the rate is negative or NaN.
  void set_learning_rate(double rate) {
    if (!(rate >= 0)) throw value_error("learning_rate", {"expected a rate of 0 or more, got ", std::to_string(rate)});
    learning_rate_ = rate;
  }

  std::int64_t steps() const noexcept { return steps_; }

 protected:
  template <module M>
  optimizer(const char* name, const M& model, double learning_rate) {
    set_learning_rate(learning_rate);
    for (const member& m : members_of(model)) {
      if (!m.is_parameter()) continue;
      if (m.cell->type == dtype::float32) add(floats_, m);
      else add(doubles_, m);
    }
    if (floats_.empty() && doubles_.empty())
      throw value_error(name, {"expected a model with parameters, got none; does its members() list them?"});
  }

  virtual void update(weight<float>& w) = 0;
  virtual void update(weight<double>& w) = 0;

 private:
  template <class T>
  static void add(std::vector<weight<T>>& list, const member& m) {
    ++m.cell->optimisers;
    list.push_back({m.path, detail::counted<detail::cell<T>>(static_cast<detail::cell<T>*>(m.cell.get()))});
  }

  template <class F>
  void each(F f) {
    for (weight<float>& w : floats_) f(w);
    for (weight<double>& w : doubles_) f(w);
  }

  [[noreturn]] INLAY_COLD static void forgotten(const detail::cell_base& cell) {
    throw state_error("optimizer", {"a weight of shape ", cell.shape().text(), " got a gradient, and no optimiser lists it; ",
                                    "is it missing from members()? If it must not be trained, freeze it"});
  }

  std::vector<weight<float>> floats_;
  std::vector<weight<double>> doubles_;
  double learning_rate_ = 0;
  std::int64_t steps_ = 0;
};

namespace detail {

// Runs an update kernel on a weight, its gradient and its state, threads sharing out the elements.
template <class Kernel, class T, class Numbers, class... State>
void run_update(inlay::detail::cell<T>& cell, const Numbers& numbers, State*... state) {
  const T* gradient = cell.gradient().data();
  cell.write([&](std::span<T> values) {
    const isa level = active_isa();
    T* to = values.data();
    parallel_for(static_cast<std::int64_t>(values.size()), 1 << 14, [&](std::int64_t first, std::int64_t last) {
      dispatch<Kernel>(level, last - first, to + first, gradient + first, (state == nullptr ? state : state + first)..., numbers);
    });
  });
}

// The state tensor, made of zeros when it is first needed.
template <class T>
T* state_of(tensor<T>& state, const shape& sizes) {
  if (!(state.shape() == sizes)) state = tensor<T>(sizes);
  return inlay::detail::writable(state);
}

}  // namespace detail

}  // namespace inlay::inline v0_1::optim
