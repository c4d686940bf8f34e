// One pass over a weight per optimiser step: weight, gradient and state are each read once and written once.
#pragma once

#include "math.hpp"

INLAY_PRECISE_BEGIN

namespace inlay::inline v0_1::kernels {

template <class T> struct update_level { using memory_bound = void; };
template <> struct update_level<double> { using plain_only = void; };

// Numbers come in double and are rounded once, to the weight's type.

// Momentum as in PyTorch: v = momentum v + (1 - dampening) g (the first v is g), w -= rate (g + momentum v) with
// Nesterov, else w -= rate v. Weight decay adds decay * w to g.
struct sgd_numbers {
  double rate, momentum, gradient_share, decay;  // gradient_share: 1 - dampening, or 1 in the first step
  bool nesterov;
};

template <class T> struct sgd_update : update_level<T> {
  template <isa Level>
  INLAY_INLINE static void run(std::int64_t count, T* w, const T* g, T* velocity, sgd_numbers n) noexcept {
    using V = simd<T, Level>;
    for (std::int64_t i = 0; i < count; i += V::size) {
      const std::int64_t left = count - i;
      V v = velocity != nullptr ? V::load_up_to(velocity + i, left) : V::zero();
      step(V::load_up_to(w + i, left), V::load_up_to(g + i, left), v, n).store_up_to(w + i, left);
      if (velocity != nullptr) v.store_up_to(velocity + i, left);
    }
  }

 private:
  template <class V> INLAY_INLINE static V step(const V& w, const V& gradient, V& velocity, const sgd_numbers& n) {
    const V g = multiply_add(V(n.decay), w, gradient);
    velocity = multiply_add(V(n.momentum), velocity, g * V(n.gradient_share));
    const V direction = n.nesterov ? multiply_add(V(n.momentum), velocity, g) : velocity;
    return multiply_add(V(-n.rate), direction, w);
  }
};

// Kingma and Ba, 2015, as in PyTorch: w -= rate / (1 - beta1^t) m / (sqrt(v) / sqrt(1 - beta2^t) + epsilon).
struct adam_numbers {
  double rate;  // already divided by 1 - beta1^t
  double beta1, beta2, epsilon;
  double share1, share2;   // 1 - beta1 and 1 - beta2, which in float would be off by 1e-5
  double root_correction;  // 1 / sqrt(1 - beta2^t)
  double decay;            // added to the gradient (L2)
};

template <class T> struct adam_update : update_level<T> {
  template <isa Level>
  INLAY_INLINE static void run(std::int64_t count, T* w, const T* g, T* first, T* second, adam_numbers n) noexcept {
    using V = simd<T, Level>;
    const auto update = [&](T * to, const T* gradient, T* mean, T* square) __attribute__((always_inline)) {
      V m = V::load(mean), v = V::load(square);
      step(V::load(to), V::load(gradient), m, v, n).store(to);
      m.store(mean);
      v.store(square);
    };
    each_register<V>(count, T{0}, update, w, g, first, second);
  }

 private:
  template <class V> INLAY_INLINE static V step(const V& w, const V& gradient, V& m, V& v, const adam_numbers& n) {
    const V g = multiply_add(V(n.decay), w, gradient);
    m = multiply_add(V(n.beta1), m, V(n.share1) * g);
    v = multiply_add(V(n.beta2), v, V(n.share2) * g * g);
    const V denominator = multiply_add(kernels::sqrt(v), V(n.root_correction), V(n.epsilon));
    return w - V(n.rate) * m / denominator;
  }
};

}  // namespace inlay::inline v0_1::kernels

INLAY_PRECISE_END
