// Gradients kept within bounds, between backward() and the optimiser's step().
#pragma once

#include <limits>

#include "../autograd/members.hpp"
#include "../ops/functions.hpp"
#include "../ops/reduce.hpp"

namespace inlay::inline v0_1 {

namespace optim {
struct clip_grad_norm_options {
  double norm_type = 2;  // the p of the norm; infinity: the largest absolute value
  bool error_if_nonfinite = false;
};
}  // namespace optim

namespace detail {

template <class T> double power_sum(const tensor<T>& g, double p) {
  if (!is_finite(p)) return g.size() == 0 ? 0 : static_cast<double>(max(abs(g)).item());
  if (p == 2) return static_cast<double>(sum(g * g).item());
  return static_cast<double>(sum(pow(abs(g), p)).item());
}

// Calls f(cell<T>&) for each parameter that has a gradient.
template <class F> void each_gradient(const std::vector<member>& members, F&& f) {
  each_parameter(members, [&](const member& m) {
    if (!m.cell->has_gradient()) return;
    if (m.cell->type == dtype::float32)
      f(static_cast<cell<float>&>(*m.cell));
    else
      f(static_cast<cell<double>&>(*m.cell));
  });
}

// Every gradient changed by a function of one value.
template <class Function> void change_gradients(const std::vector<member>& members, const Function& function) {
  each_gradient(members, [&]<class T>(cell<T>& cell) {
    cell.write_gradient([&](std::span<T> g) {
      run_map(function, g.data(), static_cast<std::int64_t>(g.size()), static_cast<const T*>(g.data()));
    });
  });
}

template <class = void>  // compiled only where it is used
double clip_grad_norm(const std::vector<member>& members, double max_norm,
                      const optim::clip_grad_norm_options& options) {
  const double p = options.norm_type;
  if (!(max_norm >= 0) || !(p > 0))
    throw value_error("clip_grad_norm",
                      {"expected a norm of 0 or more and .norm_type above 0, got ", max_norm, " and ", p});
  double total = 0;
  each_gradient(members, [&](const auto& cell) {
    const double part = power_sum(cell.gradient(), p);
    if (is_finite(p))
      total += part;
    else if (!is_nan(total) && (is_nan(part) || part > total))
      total = part;
  });
  const double norm = !is_finite(p) ? total : p == 2 ? __builtin_sqrt(total) : __builtin_pow(total, 1 / p);
  if (options.error_if_nonfinite && !is_finite(norm))
    throw value_error("clip_grad_norm", {"expected a finite norm of all gradients, got ", norm});
  const double factor = max_norm / (norm + 1e-6);
  if (!is_finite(norm) || factor < 1) change_gradients(members, kernels::scale{factor});
  return norm;
}

template <class = void>  // compiled only where it is used
void clip_grad_value(const std::vector<member>& members, double limit) {
  if (!(limit >= 0)) throw value_error("clip_grad_value", {"expected a limit of 0 or more, got ", limit});
  change_gradients(members, kernels::function::clamp{-limit, limit});
}

}  // namespace detail

namespace optim {

// Scales all gradients of a model together so that their norm is at most max_norm, as torch's clip_grad_norm_.
// Returns the norm they had. Throws value_error for numbers out of range.
template <module M> double clip_grad_norm(const M& model, double max_norm, const clip_grad_norm_options& options = {}) {
  return inlay::detail::clip_grad_norm(members_of(model), max_norm, options);
}

// Each element of each gradient within [-limit, limit]. Throws value_error for a negative limit.
template <module M> void clip_grad_value(const M& model, double limit) {
  inlay::detail::clip_grad_value(members_of(model), limit);
}

}  // namespace optim

}  // namespace inlay::inline v0_1
