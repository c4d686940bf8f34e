// What all optimisers share: the list of weights with their state, groups of weights with other numbers, the step
// counter, and the check that no weight was forgotten. An optimiser is a module too: io::save and io::load keep its
// state, by the paths of the weights.
#pragma once

#include "../autograd/members.hpp"

namespace inlay::inline v0_1::optim {

// Weights that are moved in another way than the rest: those whose path matches (`*` any characters, `?` one).
// A weight belongs to the first group that matches.
struct group {
  std::string match;
  double learning_rate_scale = 1;           // its learning rate is the optimiser's times this
  std::optional<double> weight_decay = {};  // in place of the optimiser's
};

// A weight and an optimiser's state for it: cells of the weight's shape and element type.
struct weight {
  // The elements of a state, to be written at once; null when there is none.
  void* state(std::size_t which) const { return states[which] ? states[which]->lend() : nullptr; }

  // Makes the state that is not there yet.
  INLAY_COLD void prepare(const std::array<const char*, 3>& names, double first) {
    for (std::size_t i = 0; i < states.size(); ++i) {
      if (names[i] == nullptr || states[i]) continue;
      states[i] = cell->like(first);
    }
  }

  // Takes out of the state what was taken out of the weight.
  INLAY_INLINE void follow() {
    if (followed != cell->selections.size()) [[unlikely]]
      select();
  }

  // Throws state_error when the weight got another shape than its state, as from a file.
  void check() const {
    for (const auto& state : states)
      if (state && !(state->shape() == cell->shape())) [[unlikely]]
        misfit(state->shape());
  }

  std::string path;
  detail::counted<detail::cell_base> cell;
  double learning_rate_scale = 1, decay = 0;
  std::int64_t steps = 0;    // that moved this weight
  std::size_t followed = 0;  // of the cell's selections
  std::array<detail::counted<detail::cell_base>, 3> states = {};

 private:
  INLAY_COLD void select() {
    for (; followed < cell->selections.size(); ++followed)
      for (const auto& state : states)
        if (state) state->select(*cell->selections[followed]);
  }

  [[noreturn]] INLAY_COLD void misfit(const shape& sizes) const {
    throw state_error("optimizer", {"expected ", path, " to have the shape of its state, ", sizes, ", got ",
                                    cell->shape(), "; make a new optimiser for weights of other shapes"});
  }
};

// What an optimiser tells its base.
struct optimizer_setup {
  const char* name;
  double learning_rate;
  double weight_decay = 0;
  std::span<const group> groups = {};
  std::array<const char*, 3> states = {};  // names of the tensors it keeps for a weight
  double first_state = 0;                  // their first elements
  double momentum = -1;                    // or the first beta; negative: it has none
};

// Base of the optimisers. It holds the model's weights by count, so the model may be moved.
class optimizer {
 public:
  optimizer(const optimizer&) = delete;
  optimizer& operator=(const optimizer&) = delete;
  INLAY_OUTLINE virtual ~optimizer() {
    for (weight& w : weights_) {
      --w.cell->optimisers;
      w.cell->stray = {};
    }
  }

  // Moves every trainable weight that has a gradient. Throws state_error, before any moves, when a weight outside the
  // model got a gradient in the same backward pass (it would never be trained), or one got another shape from a file.
  INLAY_OUTLINE void step() {
    for (weight& w : weights_) {
      const detail::counted<detail::cell_base>& stray = w.cell->stray;
      if (stray && stray->optimisers == 0 && stray->has_gradient()) [[unlikely]]
        forgotten(*stray);
      w.follow();
      w.check();
    }
    ++steps_;
    for (weight& w : weights_) {
      if (!w.cell->trainable || !w.cell->has_gradient()) continue;
      if (w.steps++ == 0) w.prepare(states_, first_state_);
      update(w);
    }
  }

  // Drops all gradients; the next backward() starts new ones.
  INLAY_OUTLINE void zero_grad() noexcept {
    for (weight& w : weights_) {
      w.cell->drop_gradient();
      w.cell->stray = {};
    }
  }

  double learning_rate() const noexcept { return learning_rate_; }
  // Throws value_error when the rate is negative or NaN.
  void set_learning_rate(double rate) {
    if (inlay::detail::is_nan(rate) || rate < 0)
      throw value_error("learning_rate", {"expected a rate of 0 or more, got ", rate});
    learning_rate_ = rate;
  }

  // Momentum, or Adam's and Lion's first beta.
  double momentum() const noexcept { return momentum_; }
  // Throws value_error unless it is from 0 to below 1, state_error for an optimiser without.
  INLAY_COLD void set_momentum(double momentum) {
    if (momentum_ < 0) throw state_error("momentum", {"expected an optimiser with momentum, got one without"});
    if (!(momentum >= 0 && momentum < 1))
      throw value_error("momentum", {"expected a momentum from 0 to below 1, got ", momentum});
    momentum_ = momentum;
  }

  std::int64_t steps() const noexcept { return steps_; }

  // Everything that the next steps depend on. A weight that is frozen and was never moved has no state.
  static void members(auto& self, auto&& visit) {
    visit("steps", self.steps_);
    visit("learning_rate", self.learning_rate_);
    visit("momentum", self.momentum_);
    for (weight& w : self.weights_) {
      if (!w.cell->trainable && w.steps == 0) continue;
      w.follow();
      w.prepare(self.states_, self.first_state_);
      visit("state." + w.path + ".steps", w.steps);
      for (std::size_t i = 0; i < w.states.size(); ++i)
        if (w.states[i]) visit("state." + w.path + "." + self.states_[i], w.states[i]);
    }
  }

 protected:
  INLAY_COLD optimizer(const std::vector<member>& members, const optimizer_setup& setup)
      : memory_(members.size()), states_(setup.states), first_state_(setup.first_state), momentum_(setup.momentum) {
    set_learning_rate(setup.learning_rate);
    check_decay(setup.name, setup.weight_decay);
    weight* to = memory_.data();
    inlay::detail::each_parameter(members, [&](const member& m) {
      to->path = m.path;
      to->decay = setup.weight_decay;
      to->followed = m.cell->selections.size();
      to->cell = m.cell;
      ++to;
    });
    const std::span<weight> all(memory_.data(), to);
    if (all.empty())
      throw value_error(setup.name, {"expected a model with parameters, got none; does its members() list them?"});
    put_into_groups(setup, all);
    weights_ = all;
    for (weight& w : weights_) ++w.cell->optimisers;
  }

  double rate_of(const weight& w) const noexcept { return learning_rate_ * w.learning_rate_scale; }

  virtual void update(const weight& w) = 0;

 private:
  [[noreturn]] INLAY_COLD static void forgotten(const detail::cell_base& cell) {
    throw state_error("optimizer", {"a weight of shape ", cell.shape(), " got a gradient, and no optimiser lists it; ",
                                    "is it missing from members()? If it must not be trained, freeze it"});
  }

  INLAY_COLD static void check_decay(const char* name, double decay) {
    if (!(decay >= 0)) throw value_error(name, {"expected .weight_decay of 0 or more, got ", decay});
  }

  INLAY_COLD static void put_into_groups(const optimizer_setup& setup, std::span<weight> weights) {
    for (std::size_t i = 0; i < setup.groups.size(); ++i) {
      const group& g = setup.groups[i];
      if (!(g.learning_rate_scale >= 0))
        throw value_error(setup.name, {"expected .learning_rate_scale of 0 or more, got ", g.learning_rate_scale});
      check_decay(setup.name, g.weight_decay.value_or(0));
      bool any = false;
      for (weight& w : weights) {
        if (!inlay::detail::matches(g.match, w.path)) continue;
        any = true;
        bool placed = false;  // by a group before
        for (std::size_t j = 0; j < i; ++j) placed = placed || inlay::detail::matches(setup.groups[j].match, w.path);
        if (placed) continue;
        w.learning_rate_scale = g.learning_rate_scale;
        w.decay = g.weight_decay.value_or(setup.weight_decay);
      }
      if (!any)
        throw value_error(setup.name, {"expected groups that match a parameter, got .match = \"", g.match, "\""});
    }
  }

  std::vector<weight> memory_;
  std::span<weight> weights_;
  const std::array<const char*, 3> states_;
  const double first_state_;
  double learning_rate_ = 0, momentum_;
  std::int64_t steps_ = 0;
};

// Gives an optimiser its update() from its template run(weight) — when it is used, so that a program that includes the
// header and does not train pays nothing.
template <class Optimizer> class optimizer_of : public optimizer {
 protected:
  using optimizer::optimizer;
  INLAY_OUTLINE void update(const weight& w) override { static_cast<const Optimizer&>(*this).template run<>(w); }
};

// Runs an update kernel on a weight, its gradient and its state, threads sharing out the elements.
template <template <class> class Kernel, class Numbers, class... State>
INLAY_OUTLINE void run_update(const weight& w, const Numbers& numbers, State*... state) {
  const void* gradient = w.cell->gradient_elements();
  void* values = w.cell->lend();
  const isa level = active_isa();
  const bool single = w.cell->type == dtype::float32;
  parallel_for(w.cell->shape().size(), 1 << 14, [&](std::int64_t first, std::int64_t last) {
    const auto run = [&]<class T>(T* to) {
      dispatch<Kernel<T>>(level, last - first, to + first, static_cast<const T*>(gradient) + first,
                          (state == nullptr ? nullptr : static_cast<T*>(state) + first)..., numbers);
    };
    single ? run(static_cast<float*>(values)) : run(static_cast<double*>(values));
  });
}

// The same for a gradient of which only some rows are not zero: the others, and their state, stay as they are. For
// updates that without a gradient change nothing. False when the gradient is not of that kind.
template <template <class> class Kernel, class Numbers, class... State>
bool run_update_of_rows(const weight& w, const Numbers& numbers, State*... state) {
  const representation* gradient = w.cell->gradient_representation();
  const auto rows = gradient == nullptr ? std::nullopt : gradient->rows();
  if (!rows) return false;
  void* values = w.cell->lend();
  const isa level = active_isa();
  const bool single = w.cell->type == dtype::float32;
  const std::int64_t each = w.cell->shape().count(1, w.cell->shape().rank());
  parallel_for(static_cast<std::int64_t>(rows->indices.size()), (1 << 14) / (each + 1) + 1,
               [&](std::int64_t first, std::int64_t last) {
                 const auto run = [&]<class T>(T* to) {
                   const T* from = static_cast<const T*>(rows->elements);
                   for (std::int64_t i = first; i < last; ++i) {
                     const std::int64_t row = rows->indices[static_cast<std::size_t>(i)] * each;
                     dispatch<Kernel<T>>(level, each, to + row, from + i * each,
                                         (state == nullptr ? nullptr : static_cast<T*>(state) + row)..., numbers);
                   }
                 };
                 single ? run(static_cast<float*>(values)) : run(static_cast<double*>(values));
               });
  return true;
}

}  // namespace inlay::inline v0_1::optim
