// What each of the two shared libraries offers: the same header, compiled with different -m flags.
#pragma once
#include <inlay/inlay.hpp>

struct library {
  inlay::tensor<float> (*make)(std::uint64_t seed);
  inlay::tensor<float> (*multiply)(const inlay::tensor<float>&, const inlay::tensor<float>&);
  void (*drop)(inlay::tensor<float>&&);
};
