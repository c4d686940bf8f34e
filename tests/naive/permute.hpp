// Plain loops to judge the fast kernels by: out[i, j, …] = in[i * steps[0] + j * steps[1] + …], out contiguous.
#pragma once

#include <vector>

#include <inlay/core/shape.hpp>

namespace naive {

template <class T> std::vector<T> copy_strided(const T* in, const inlay::shape& sizes, const std::int64_t* steps) {
  std::vector<T> out;
  for (std::int64_t at = 0; at < sizes.size(); ++at) {
    std::int64_t rest = at, from = 0;
    for (int axis = sizes.rank() - 1; axis >= 0; --axis) {
      from += rest % sizes[axis] * steps[axis];
      rest /= sizes[axis];
    }
    out.push_back(in[from]);
  }
  return out;
}

}  // namespace naive
