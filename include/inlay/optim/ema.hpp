// Exponential moving average of a model's weights (Polyak and Juditsky, 1992): average = decay average + (1 - decay) w
// after each step. It often predicts better than the last weights. Buffers are copied; numbers that the model lists
// stay as they were in the beginning.
#pragma once

#include <algorithm>

#include "../autograd/members.hpp"
#include "../kernels/elementwise.hpp"
#include "../ops/map.hpp"

namespace inlay::inline v0_1::optim {

struct ema_config {
  double decay = 0.999;
  bool warm_up = false;  // while few updates were made a smaller decay: (1 + updates) / (10 + updates)
};

template <module M> class ema {
 public:
  // Starts with the weights that the model has. The model may be moved. Throws value_error for a decay out of range,
  // and when a copy of the model shares weights with it.
  explicit ema(const M& model, const ema_config& config = {})
      : config_(config), average_(model), from_(members_of(model)), to_(members_of(average_)) {
    if (!(config.decay >= 0 && config.decay < 1))
      throw value_error("ema", {"expected .decay from 0 to below 1, got ", config.decay});
    check_own(from_, to_);
  }
  ema(const ema&) = delete;
  ema& operator=(const ema&) = delete;

  // Call it after the optimiser's step(). Throws shape_error when the model's weights got other shapes.
  void update() {
    const double n = static_cast<double>(updates_);
    update(from_, to_, config_.warm_up ? (std::min)(config_.decay, (1 + n) / (10 + n)) : config_.decay);
    ++updates_;
  }

  const M& model() const noexcept { return average_; }
  std::int64_t updates() const noexcept { return updates_; }

  static void members(auto& self, auto&& visit) {
    visit("updates", self.updates_);
    visit("model", self.average_);
  }

 private:
  INLAY_COLD static void check_own(const std::vector<member>& from, const std::vector<member>& to) {
    for (std::size_t i = 0; i < to.size(); ++i)
      if (to[i].cell && to[i].cell.get() == from[i].cell.get())
        throw value_error("ema", {"expected a model whose copy has weights of its own, got one that shares ",
                                  to[i].path, " with its copy; a std::shared_ptr does so"});
  }

  INLAY_COLD static void update(const std::vector<member>& from, const std::vector<member>& to, double decay) {
    for (std::size_t i = 0; i < to.size(); ++i)
      if (to[i].cell && !(to[i].cell->shape() == from[i].cell->shape()))
        throw shape_error("ema", {"expected ", to[i].path, " to keep its shape ", to[i].cell->shape(), ", got ",
                                  from[i].cell->shape(), "; make a new average of the changed model"});
    for (std::size_t i = 0; i < to.size(); ++i) {
      if (!to[i].cell) {
        continue;  // its address may be that of a model that moved
      } else if (!to[i].is_parameter()) {
        to[i].cell->assign_from(*from[i].cell);
      } else if (to[i].cell->type == dtype::float32) {
        blend<float>(*from[i].cell, *to[i].cell, decay);
      } else {
        blend<double>(*from[i].cell, *to[i].cell, decay);
      }
    }
  }

  template <class T>
  static void blend(const inlay::detail::cell_base& from, inlay::detail::cell_base& to, double decay) {
    const T* w = static_cast<const inlay::detail::cell<T>&>(from).typed().data();
    static_cast<inlay::detail::cell<T>&>(to).write([&](std::span<T> values) {
      inlay::detail::run_map(kernels::approach{1 - decay}, values.data(), static_cast<std::int64_t>(values.size()),
                             static_cast<const T*>(values.data()), w);
    });
  }

  ema_config config_;
  M average_;
  std::vector<member> from_, to_;
  std::int64_t updates_ = 0;
};

}  // namespace inlay::inline v0_1::optim
