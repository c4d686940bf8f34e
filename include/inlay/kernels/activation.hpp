// The activations a layer can apply as it writes its output. Each can be differentiated from its output alone, so
// nothing else has to be kept. A new one is a line among the constants and its table; a program compiles those it
// names.
#pragma once

#include "functions.hpp"

INLAY_PRECISE_BEGIN

namespace inlay::inline v0_1 {

namespace kernels {

// An activation over `count` elements at a level.
template <class T> struct activation_kernels {
  void (*apply)(isa level, std::int64_t count, T* y);  // y = f(y); null: the product does it
  void (*gradient)(isa level, std::int64_t count, const T* dy, const T* y, T* dx);  // dx = dy f'(x), from y = f(x)
};

struct activation_table {
  const char* name;
  activation_kernels<float> of_float;
  activation_kernels<double> of_double;
};

template <class F, class T> void activate(isa level, std::int64_t count, T* y) {
  dispatch<map<F, T>>(level, count, y, F{}, static_cast<const T*>(y));
}
template <class F, class T> void activate_gradient(isa level, std::int64_t count, const T* dy, const T* y, T* dx) {
  dispatch<map<gradient_of<F>, T>>(level, count, dx, gradient_of<F>{}, dy, y);
}

// One element at a time: in double it is seldom run, and every program with an activation compiles it.
inline void relu_gradient(isa, std::int64_t count, const double* dy, const double* y, double* dx) {
  for (std::int64_t i = 0; i < count; ++i) dx[i] = y[i] > 0 ? dy[i] : 0;
}

inline constexpr activation_table relu_table{
    "relu", {nullptr, activate_gradient<function::relu, float>}, {nullptr, relu_gradient}};

// One that is a pass of its own. A is there to be waited for (see activations).
template <class F, class A>
inline constexpr activation_table table_of{
    F::name, {activate<F, float>, activate_gradient<F, float>}, {activate<F, double>, activate_gradient<F, double>}};

}  // namespace kernels

class activation;

// Members of a template, so that a table is compiled only where its name is used.
template <class A> struct activations { static const A none, relu, tanh, sigmoid; };

class activation : public activations<activation> {
 public:
  constexpr const char* name() const noexcept { return table_ == nullptr ? "none" : table_->name; }
  // Whether the product that writes the values applies it (see gemm_panel).
  constexpr bool in_product() const noexcept { return table_ != nullptr && table_->of_float.apply == nullptr; }
  template <class T> const kernels::activation_kernels<T>& kernels() const noexcept {  // not of `none`
    if constexpr (sizeof(T) == 4)
      return table_->of_float;
    else
      return table_->of_double;
  }
  friend constexpr bool operator==(const activation& a, const activation& b) noexcept { return a.table_ == b.table_; }

 private:
  friend struct activations<activation>;
  constexpr explicit activation(const kernels::activation_table* table) noexcept : table_(table) {}
  const kernels::activation_table* table_;
};

template <class A> inline constexpr A activations<A>::none{nullptr};
template <class A> inline constexpr A activations<A>::relu{&kernels::relu_table};
template <class A> inline constexpr A activations<A>::tanh{&kernels::table_of<kernels::function::tanh, A>};
template <class A> inline constexpr A activations<A>::sigmoid{&kernels::table_of<kernels::function::sigmoid, A>};

}  // namespace inlay::inline v0_1

INLAY_PRECISE_END
