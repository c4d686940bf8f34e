// Plain loops to judge the fast kernels by: optimiser steps on one weight, in long double, as the papers write them.
#pragma once

#include <cmath>

namespace naive {

struct sgd {
  long double rate, momentum, dampening, decay;
  bool nesterov;
  long double weight, velocity = 0;
  int steps = 0;

  void step(long double gradient) {
    const long double g = gradient + decay * weight;
    if (momentum == 0) {
      weight -= rate * g;
      return;
    }
    velocity = steps++ == 0 ? g : momentum * velocity + (1 - dampening) * g;
    weight -= rate * (nesterov ? g + momentum * velocity : velocity);
  }
};

struct adam {
  long double rate, beta1, beta2, epsilon, decay;
  long double weight, first = 0, second = 0;
  int steps = 0;

  void step(long double gradient) {
    ++steps;
    const long double g = gradient + decay * weight;
    first = beta1 * first + (1 - beta1) * g;
    second = beta2 * second + (1 - beta2) * g * g;
    const long double m = first / (1 - std::pow(beta1, steps)), v = second / (1 - std::pow(beta2, steps));
    weight -= rate * m / (std::sqrt(v) + epsilon);
  }
};

}  // namespace naive
