// What all optimisers share: the list of weights, their state keyed by path, the step counter, and the check that no
// weight was forgotten.
#pragma once

#include <tuple>

#include "../autograd/members.hpp"

namespace inlay::inline v0_1::optim {

// A weight and an optimiser's state for it: up to two tensors of the weight's shape and element type, made when needed.
struct weight {
  template <class T> INLAY_OUTLINE T* state(int which) {
    tensor<T>& t = std::get<state_of<T>>(states)[static_cast<std::size_t>(which)];
    if (!(t.shape() == cell->shape())) t = tensor<T>(cell->shape());
    return inlay::detail::writable(t);
  }

  // Takes out of the state what was taken out of the weight.
  INLAY_COLD void follow() {
    for (; followed < cell->selections.size(); ++followed) {
      const selection& part = *cell->selections[followed];
      for (auto& t : std::get<0>(states)) part.apply(t);
      for (auto& t : std::get<1>(states)) part.apply(t);
    }
  }

  template <class T> using state_of = std::array<tensor<T>, 2>;

  std::string path;
  detail::counted<detail::cell_base> cell;
  std::int64_t steps = 0;    // that moved this weight
  std::size_t followed = 0;  // of the cell's selections
  std::tuple<state_of<float>, state_of<double>> states = {};
};

// Base of the optimisers. It holds the model's weights by count, so the model may be moved.
class optimizer {
 public:
  optimizer(const optimizer&) = delete;
  optimizer& operator=(const optimizer&) = delete;
  virtual ~optimizer() {
    for (weight& w : weights_) {
      --w.cell->optimisers;
      w.cell->stray = {};
    }
  }

  // Moves every trainable weight that has a gradient. Throws state_error when a weight outside the model got a
  // gradient in the same backward pass: it would never be trained.
  void step() {
    for (const weight& w : weights_) {
      const detail::counted<detail::cell_base>& stray = w.cell->stray;
      if (stray && stray->optimisers == 0 && stray->has_gradient()) [[unlikely]]
        forgotten(*stray);
    }
    ++steps_;
    for (weight& w : weights_) {
      if (!w.cell->trainable || !w.cell->has_gradient()) continue;
      if (w.followed != w.cell->selections.size()) w.follow();
      ++w.steps;
      if (w.cell->type == dtype::float32)
        update(w, static_cast<detail::cell<float>&>(*w.cell));
      else
        update(w, static_cast<detail::cell<double>&>(*w.cell));
    }
  }

  // Drops all gradients; the next backward() starts new ones.
  void zero_grad() noexcept {
    for (weight& w : weights_) {
      w.cell->drop_gradient();
      w.cell->stray = {};
    }
  }

  double learning_rate() const noexcept { return learning_rate_; }
  // Throws value_error when the rate is negative or NaN.
  void set_learning_rate(double rate) {
    if (!(rate >= 0)) throw value_error("learning_rate", {"expected a rate of 0 or more, got ", rate});
    learning_rate_ = rate;
  }

  std::int64_t steps() const noexcept { return steps_; }

 protected:
  INLAY_COLD optimizer(const char* name, const std::vector<member>& members, double learning_rate) {
    set_learning_rate(learning_rate);
    memory_ = std::make_unique<weight[]>(members.size());
    weight* to = memory_.get();
    inlay::detail::each_parameter(members, [&](const member& m) {
      to->path = m.path;
      to->followed = m.cell->selections.size();
      (to++)->cell = m.cell;
      ++m.cell->optimisers;
    });
    weights_ = {memory_.get(), to};
    if (weights_.empty())
      throw value_error(name, {"expected a model with parameters, got none; does its members() list them?"});
  }

  virtual void update(weight& w, detail::cell<float>& cell) = 0;
  virtual void update(weight& w, detail::cell<double>& cell) = 0;

 private:
  [[noreturn]] INLAY_COLD static void forgotten(const detail::cell_base& cell) {
    throw state_error("optimizer", {"a weight of shape ", cell.shape(), " got a gradient, and no optimiser lists it; ",
                                    "is it missing from members()? If it must not be trained, freeze it"});
  }

  std::unique_ptr<weight[]> memory_;
  std::span<weight> weights_;
  double learning_rate_ = 0;
  std::int64_t steps_ = 0;
};

// Gives an optimiser its update() for both element types from its template run(weight&, cell&) — when it is used, so
// that a program that includes the header and does not train pays nothing.
template <class Optimizer> class optimizer_of : public optimizer {
 protected:
  using optimizer::optimizer;
  INLAY_OUTLINE void update(weight& w, detail::cell<float>& cell) override {
    static_cast<Optimizer&>(*this).run(w, cell);
  }
  INLAY_OUTLINE void update(weight& w, detail::cell<double>& cell) override {
    static_cast<Optimizer&>(*this).run(w, cell);
  }
};

// Runs an update kernel on a weight, its gradient and its state, threads sharing out the elements.
template <class Kernel, class T, class Numbers, class... State>
void run_update(detail::cell<T>& cell, const Numbers& numbers, State*... state) {
  const T* gradient = cell.gradient().data();
  cell.write([&](std::span<T> values) {
    const isa level = active_isa();
    T* to = values.data();
    parallel_for(static_cast<std::int64_t>(values.size()), 1 << 14, [&](std::int64_t first, std::int64_t last) {
      dispatch<Kernel>(level, last - first, to + first, gradient + first, (state == nullptr ? state : state + first)...,
                       numbers);
    });
  });
}

// The same for a gradient of which only some rows are not zero: the others stay as they are. For updates that without
// a gradient change nothing. False when the gradient is not of that kind.
template <class Kernel, class T, class Numbers> bool run_update_of_rows(detail::cell<T>& cell, const Numbers& numbers) {
  const representation* gradient = cell.gradient().representation();
  const auto rows = gradient == nullptr ? std::nullopt : gradient->rows();
  if (!rows) return false;
  const auto* from = static_cast<const T*>(rows->elements);
  cell.write([&](std::span<T> values) {
    const isa level = active_isa();
    const std::int64_t each = cell.shape().count(1, cell.shape().rank());
    parallel_for(static_cast<std::int64_t>(rows->indices.size()), (1 << 14) / (each + 1) + 1,
                 [&](std::int64_t first, std::int64_t last) {
                   for (std::int64_t i = first; i < last; ++i)
                     dispatch<Kernel>(level, each, values.data() + rows->indices[static_cast<std::size_t>(i)] * each,
                                      from + i * each, static_cast<T*>(nullptr), numbers);
                 });
  });
  return true;
}

}  // namespace inlay::inline v0_1::optim
