// Functions as callbacks: what is to happen at a certain moment, and what of it a checkpoint keeps.
//   train::after_step decay{[&](train::state&) { schedule.step(); }, schedule};
//   train::after_epoch plateau{[&](train::state& run) { reduce.step(run.value("val_loss")); }, reduce};
#pragma once

#include <functional>

#include "callback.hpp"

namespace inlay::inline v0_1::train {

namespace detail {

enum class moment { before_step, after_step, after_epoch };

template <moment When> class function_callback final : public callback {
 public:
  // `parts` are modules whose state belongs to the run, such as a schedule; they must live as long as this.
  template <class... Parts>
  explicit function_callback(std::function<void(state&)> f, Parts&... parts)
      : call_(std::move(f)), list_([&parts...](member_visitor& visit) {
          std::int64_t i = 0;
          (visit(std::to_string(i++), parts), ...);
        }) {}

  void before_step(state& run) override { call_at(moment::before_step, run); }
  void after_step(state& run) override { call_at(moment::after_step, run); }
  void after_epoch(state& run) override { call_at(moment::after_epoch, run); }
  void keep(member_visitor& visit) override { list_(visit); }

 private:
  void call_at(moment now, state& run) {
    if (now == When) call_(run);
  }

  std::function<void(state&)> call_;
  std::function<void(member_visitor&)> list_;
};

}  // namespace detail

using before_step = detail::function_callback<detail::moment::before_step>;  // gradients may be changed
using after_step = detail::function_callback<detail::moment::after_step>;
using after_epoch = detail::function_callback<detail::moment::after_epoch>;

}  // namespace inlay::inline v0_1::train
