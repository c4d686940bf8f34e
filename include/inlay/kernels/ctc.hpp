// Connectionist temporal classification of one row: scores (steps, classes), not normalised -> -log p(labels) and, when
// it is asked for, its gradient for the scores. Everything between is double.
// States are the labels with a blank before, between and behind them. With y_t the softmax of step t and l(s) the class
// of state s, alpha_t(s) sums the paths that have got to s and left a step in it, beta_t(s) what may follow:
//   log alpha_t(s) = log y_t(l(s)) + log (alpha_t-1(s) + alpha_t-1(s - 1) + alpha_t-1(s - 2)), the last only where s is
//   a label that is not the one before; beta the same from the end
//   d -log p / d x_t(k) = y_t(k) - sum over s with l(s) = k of alpha_t(s) beta_t(s) / p
// Graves and others, Connectionist Temporal Classification, 2006.
#pragma once

#include "softmax.hpp"

INLAY_PRECISE_BEGIN

namespace inlay::inline v0_1::kernels {

namespace detail {

// reach(s) = log of the sum over the states that lead to s, now(s) = emit(s) + reach(s). Way 1 goes forwards, -1
// backwards. Rows have two states of log 0 before the first, and as many behind the last whole register.
template <isa Level, int Way>
INLAY_INLINE void ctc_step(std::int64_t states, const double* before, const double* skip, const double* emit,
                           double* reach, double* now) {
  using V = simd<double, Level>;
  const V lowest(-std::numeric_limits<double>::infinity());
  for (std::int64_t s = 0; s < states; s += V::size) {
    const V a = V::load(before + s), b = V::load(before + s - Way),
            c = V::load(before + s - 2 * Way) + V::load(skip + s + (Way > 0 ? 0 : 2)), most = max(max(a, b), c),
            top = select(most > lowest, most, V::zero());
    const V sum = kernels::exp(a - top) + kernels::exp(b - top) + kernels::exp(c - top);
    const V r = top + kernels::log(sum);
    r.store(reach + s);
    (r + V::load(emit + s)).store(now + s);
  }
}

}  // namespace detail

template <class T> struct ctc {
  std::int64_t steps, classes, labels, blank;
  const T* scores;
  const std::int64_t* label;
  double *room, *loss;
  T* gradient;         // null: not wanted; NaN where the loss is infinite
  bool zero_infinity;  // such a loss, and its gradient, become 0

  std::int64_t states() const { return 2 * labels + 1; }
  std::int64_t state_row() const { return (states() + 7) / 8 * 8 + 4; }
  std::int64_t class_row() const { return (classes + 7) / 8 * 8; }
  // Elements of `room`: two rows of classes, sum and logarithm of each step, five rows of states, and all alpha.
  std::int64_t room_size() const {
    const std::int64_t alphas = gradient == nullptr ? 2 : steps + 1;
    return 2 * class_row() + 2 * steps + (5 + alphas) * state_row();
  }

  template <isa Level> INLAY_INLINE static void run(const ctc* c) noexcept {
    constexpr double nothing = -std::numeric_limits<double>::infinity();
    const std::int64_t states = c->states(), row = c->state_row(), classes = c->class_row(), steps = c->steps;
    double *const values = c->room, *const mass = values + classes, *const sums = mass + classes,
                  *const logs = sums + steps, *const rows = logs + steps + 2;
    std::fill_n(rows - 2, c->room + c->room_size() - (rows - 2), nothing);
    double *const skip = rows, *const emit = skip + row, *const reach = emit + row, *const betas = reach + row,
                  *const alphas = betas + 2 * row;
    for (std::int64_t s = 3; s < states; s += 2)
      if (c->label[s / 2] != c->label[s / 2 - 1]) skip[s] = 0;

    const bool all = c->gradient != nullptr;
    const auto alpha = [&](std::int64_t t) __attribute__((always_inline)) {
      return alphas + (all ? t + 1 : (t + 1) % 2) * row;
    };
    alpha(-1)[0] = 0;
    std::fill_n(values, classes, nothing);
    for (std::int64_t t = 0; t < steps; ++t) {
      const T* const x = c->scores + t * c->classes;
      for (std::int64_t k = 0; k < c->classes; ++k) values[k] = static_cast<double>(x[k]);
      const double top = detail::row_max<Level>(values, classes);
      sums[t] = detail::exp_sum<Level, double>(values, top, classes, mass);
      logs[t] = top + detail::log_of(sums[t]);
      for (std::int64_t k = 0; all && k < c->classes; ++k) c->gradient[t * c->classes + k] = static_cast<T>(mass[k]);
      c->emissions(x, logs[t], emit);
      detail::ctc_step<Level, 1>(states, alpha(t - 1), skip, emit, reach, alpha(t));
    }
    const double *const last = alpha(steps - 1), one = last[states - 1], two = last[states - 2];
    const double more = one > two ? one : two;
    const double log_p = more > nothing ? more + detail::log_of(__builtin_exp(one - more) + __builtin_exp(two - more))
                                        : one + two;  // log 0, or NaN
    const bool impossible = log_p == nothing;
    *c->loss = impossible && c->zero_infinity ? 0 : 0 - log_p;
    if (impossible && all)
      std::fill_n(c->gradient, steps * c->classes, c->zero_infinity ? T{0} : std::numeric_limits<T>::quiet_NaN());
    else if (all)
      c->differentiate<Level>(log_p, sums, logs, mass, skip, emit, reach, betas, alphas);
  }

 private:
  INLAY_INLINE void emissions(const T* x, double log_sum, double* emit) const {
    const double of_blank = static_cast<double>(x[blank]) - log_sum;
    for (std::int64_t s = 0; s < states(); ++s)
      emit[s] = s % 2 == 0 ? of_blank : static_cast<double>(x[label[s / 2]]) - log_sum;
  }

  // `gradient` holds exp(x - max x) of each step.
  template <isa Level>
  INLAY_INLINE void differentiate(double log_p, const double* sums, const double* logs, double* mass,
                                  const double* skip, double* emit, double* reach, double* betas,
                                  const double* alphas) const {
    using V = simd<double, Level>;
    const std::int64_t row = state_row();
    betas[steps % 2 * row + states() - 1] = 0;
    for (std::int64_t t = steps - 1; t >= 0; --t) {
      emissions(scores + t * classes, logs[t], emit);
      detail::ctc_step<Level, -1>(states(), betas + (t + 1) % 2 * row, skip, emit, reach, betas + t % 2 * row);
      for (std::int64_t s = 0; s < states(); s += V::size)
        kernels::exp(V::load(reach + s) + V::load(alphas + (t + 1) * row + s) - V(log_p)).store(reach + s);
      std::fill_n(mass, classes, 0.0);
      for (std::int64_t s = 0; s < states(); ++s) mass[s % 2 == 0 ? blank : label[s / 2]] += reach[s];
      T* const g = gradient + t * classes;
      for (std::int64_t k = 0; k < classes; ++k) g[k] = static_cast<T>(static_cast<double>(g[k]) / sums[t] - mass[k]);
    }
  }
};

}  // namespace inlay::inline v0_1::kernels

INLAY_PRECISE_END
