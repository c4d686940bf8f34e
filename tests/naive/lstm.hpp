// A plain loop to judge the LSTM's fast kernels by: one element of one step, in long double.
#pragma once

#include <array>
#include <cmath>

namespace naive {

struct lstm_element {
  long double i, f, g, o, c, h;  // the gates after their functions, the next cell and the output
};

// Sums of the gates in the order i, f, g, o; peepholes of i, f, o.
inline lstm_element lstm_step(const std::array<long double, 4>& gates, long double c,
                              const std::array<long double, 3>& peepholes) {
  const auto sigmoid = [](long double x) { return 1 / (1 + std::exp(-x)); };
  lstm_element out{};
  out.i = sigmoid(gates[0] + peepholes[0] * c);
  out.f = sigmoid(gates[1] + peepholes[1] * c);
  out.g = std::tanh(gates[2]);
  out.c = out.f * c + out.i * out.g;
  out.o = sigmoid(gates[3] + peepholes[2] * out.c);
  out.h = out.o * std::tanh(out.c);
  return out;
}

}  // namespace naive
