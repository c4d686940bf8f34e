// Plain loops to judge the fast kernels by: activations.
#pragma once

#include <cmath>

#include <inlay/kernels/activation.hpp>

namespace naive {

template <class T> T activate(inlay::activation f, T x) {
  switch (f) {
    case inlay::activation::relu:
      return x < 0 ? T{0} : x;
    case inlay::activation::tanh:
      return std::tanh(x);
    case inlay::activation::sigmoid:
      return 1 / (1 + std::exp(-x));
    case inlay::activation::none:
      break;
  }
  return x;
}

}  // namespace naive
