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
  double keep;             // the weight is multiplied by it first: 1 - rate * decay, or 1
  bool amsgrad;            // divide by the root of the largest v so far
};

template <class T> struct adam_update : update_level<T> {
  // `largest` is `second` itself unless amsgrad: what is written to both is the same then.
  template <isa Level>
  INLAY_INLINE static void run(std::int64_t count, T* w, const T* g, T* first, T* second, T* largest,
                               adam_numbers n) noexcept {
    using V = simd<T, Level>;
    const auto update = [&](T * to, const T* gradient, T* mean, T* square, T* most) __attribute__((always_inline)) {
      const V weight = V::load(to), grad = multiply_add(V(n.decay), weight, V::load(gradient));
      const V m = multiply_add(V(n.beta1), V::load(mean), V(n.share1) * grad);
      const V v = multiply_add(V(n.beta2), V::load(square), V(n.share2) * grad * grad);
      const V top = n.amsgrad ? max(V::load(most), v) : v;
      const V denominator = multiply_add(kernels::sqrt(top), V(n.root_correction), V(n.epsilon));
      (weight * V(n.keep) - V(n.rate) * m / denominator).store(to);
      m.store(mean);
      v.store(square);
      top.store(most);
    };
    each_register<V>(count, T{0}, update, w, g, first, second, largest);
  }
};

// Hinton, 2012, as in PyTorch: s = alpha s + (1 - alpha) g^2, w -= rate g / (sqrt(s) + epsilon); see optim/rmsprop.hpp.
struct rmsprop_numbers {
  double rate, alpha, share, epsilon, momentum, decay;  // share: 1 - alpha
};

template <class T> struct rmsprop_update : update_level<T> {
  // `average` and `velocity` may be null.
  template <isa Level>
  INLAY_INLINE static void run(std::int64_t count, T* w, const T* g, T* square, T* average, T* velocity,
                               rmsprop_numbers n) noexcept {
    using V = simd<T, Level>;
    for (std::int64_t i = 0; i < count; i += V::size) {
      const std::int64_t left = count - i;
      const V weight = V::load_up_to(w + i, left);
      const V grad = multiply_add(V(n.decay), weight, V::load_up_to(g + i, left));
      const V s = multiply_add(V(n.alpha), V::load_up_to(square + i, left), V(n.share) * grad * grad);
      s.store_up_to(square + i, left);
      V spread = s;
      if (average != nullptr) {
        const V a = multiply_add(V(n.alpha), V::load_up_to(average + i, left), V(n.share) * grad);
        a.store_up_to(average + i, left);
        spread = max(V::zero(), s - a * a);  // rounding could leave less than nothing
      }
      V direction = grad / (kernels::sqrt(spread) + V(n.epsilon));
      if (velocity != nullptr) {
        direction = multiply_add(V(n.momentum), V::load_up_to(velocity + i, left), direction);
        direction.store_up_to(velocity + i, left);
      }
      multiply_add(V(-n.rate), direction, weight).store_up_to(w + i, left);
    }
  }
};

// Duchi, Hazan and Singer, 2011: s += g^2, w -= rate g / (sqrt(s) + epsilon).
struct adagrad_numbers {
  double rate, epsilon, decay;
};

template <class T> struct adagrad_update : update_level<T> {
  template <isa Level>
  INLAY_INLINE static void run(std::int64_t count, T* w, const T* g, T* sum, adagrad_numbers n) noexcept {
    using V = simd<T, Level>;
    const auto update = [&](T * to, const T* gradient, T* squares) __attribute__((always_inline)) {
      const V weight = V::load(to), grad = multiply_add(V(n.decay), weight, V::load(gradient));
      const V s = multiply_add(grad, grad, V::load(squares));
      s.store(squares);
      (weight - V(n.rate) * grad / (kernels::sqrt(s) + V(n.epsilon))).store(to);
    };
    each_register<V>(count, T{1}, update, w, g, sum);
  }
};

// Chen et al., 2023: w -= rate sign(b1 m + (1 - b1) g), m = b2 m + (1 - b2) g.
struct lion_numbers {
  double rate, beta1, share1, beta2, share2;
  double keep;  // the weight is multiplied by it first: 1 - rate * decay
};

template <class T> struct lion_update : update_level<T> {
  template <isa Level>
  INLAY_INLINE static void run(std::int64_t count, T* w, const T* g, T* mean, lion_numbers n) noexcept {
    using V = simd<T, Level>;
    const auto update = [&](T * to, const T* gradient, T* average) __attribute__((always_inline)) {
      const V grad = V::load(gradient), m = V::load(average);
      const V direction = multiply_add(V(n.beta1), m, V(n.share1) * grad);
      const V step = select(direction > V::zero(), V(n.rate), select(direction < V::zero(), V(-n.rate), direction));
      (V::load(to) * V(n.keep) - step).store(to);
      multiply_add(V(n.beta2), m, V(n.share2) * grad).store(average);
    };
    each_register<V>(count, T{0}, update, w, g, mean);
  }
};

}  // namespace inlay::inline v0_1::kernels

INLAY_PRECISE_END
