// Plain loops to judge the fast kernels by: activations.
#pragma once

#include <cmath>

#include <inlay/kernels/activation.hpp>

namespace naive {

template <class T> T activate(inlay::activation f, T x) {
  return f == inlay::activation::relu      ? (x < 0 ? T{0} : x)
         : f == inlay::activation::tanh    ? std::tanh(x)
         : f == inlay::activation::sigmoid ? 1 / (1 + std::exp(-x))
                                           : x;
}

}  // namespace naive
