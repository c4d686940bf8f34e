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
  bool decoupled, amsgrad;
  long double weight, first = 0, second = 0, largest = 0;
  int steps = 0;

  void step(long double gradient) {
    ++steps;
    const long double g = decoupled ? gradient : gradient + decay * weight;
    if (decoupled) weight -= rate * decay * weight;
    first = beta1 * first + (1 - beta1) * g;
    second = beta2 * second + (1 - beta2) * g * g;
    largest = std::fmax(largest, second);
    const long double m = first / (1 - std::pow(beta1, steps)),
                      v = (amsgrad ? largest : second) / (1 - std::pow(beta2, steps));
    weight -= rate * m / (std::sqrt(v) + epsilon);
  }
};

struct rmsprop {
  long double rate, alpha, epsilon, momentum, decay;
  bool centered;
  long double weight, square = 0, average = 0, velocity = 0;

  void step(long double gradient) {
    const long double g = gradient + decay * weight;
    square = alpha * square + (1 - alpha) * g * g;
    average = alpha * average + (1 - alpha) * g;
    velocity = momentum * velocity + g / (std::sqrt(centered ? square - average * average : square) + epsilon);
    weight -= rate * velocity;
  }
};

struct adagrad {
  long double rate, epsilon, decay;
  long double weight, sum = 0;

  void step(long double gradient) {
    const long double g = gradient + decay * weight;
    sum += g * g;
    weight -= rate * g / (std::sqrt(sum) + epsilon);
  }
};

struct lion {
  long double rate, beta1, beta2, decay;
  long double weight, mean = 0;

  void step(long double gradient) {
    const long double direction = beta1 * mean + (1 - beta1) * gradient;
    weight -= rate * decay * weight;
    weight -= rate * (direction > 0 ? 1 : direction < 0 ? -1 : 0);
    mean = beta2 * mean + (1 - beta2) * gradient;
  }
};

}  // namespace naive
