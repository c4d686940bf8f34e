#include <inlay/inlay.hpp>

float sum_elsewhere(const inlay::tensor<float>& x) { return sum(x).item(); }
