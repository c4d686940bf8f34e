// First weights: rules by fan-in and fan-out, and the seeded redraw of a whole model.
#pragma once

#include "../autograd/members.hpp"

namespace inlay::inline v0_1::nn::init {

// Uniform in ±1 / sqrt(fan_in): what PyTorch draws for dense and convolution weights and biases.
inline distribution fan_in_uniform(std::int64_t fan_in) {
  const double bound = fan_in > 0 ? 1 / __builtin_sqrt(static_cast<double>(fan_in)) : 0;
  return distribution::uniform(-bound, bound);
}

// Glorot and Bengio, 2010: variance gain^2 · 2 / (fan_in + fan_out).
inline distribution xavier_uniform(std::int64_t fan_in, std::int64_t fan_out, double gain = 1) {
  const double bound = gain * __builtin_sqrt(6.0 / static_cast<double>(fan_in + fan_out));
  return distribution::uniform(-bound, bound);
}
inline distribution xavier_normal(std::int64_t fan_in, std::int64_t fan_out, double gain = 1) {
  return distribution::normal(0, gain * __builtin_sqrt(2.0 / static_cast<double>(fan_in + fan_out)));
}

// He, Zhang, Ren and Sun, 2015, for ReLU: variance 2 / fan_in.
inline distribution he_uniform(std::int64_t fan_in) {
  const double bound = __builtin_sqrt(6.0 / static_cast<double>(fan_in));
  return distribution::uniform(-bound, bound);
}
inline distribution he_normal(std::int64_t fan_in) {
  return distribution::normal(0, __builtin_sqrt(2.0 / static_cast<double>(fan_in)));
}

struct weights_config {
  std::uint64_t seed = 0;
};

// Redraws every parameter of a model by its own rule; one that was made from a value keeps it. A weight depends on the
// seed and on its path alone, so adding a layer leaves the others as they were.
template <module M> void weights(M& model, const weights_config& config) {
  for (const member& m : members_of(model)) {
    if (!m.is_parameter()) continue;
    std::uint64_t stream = 0xcbf29ce484222325u;  // FNV-1a of the path
    for (const char c : m.path) stream = (stream ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
    random::generator g(config.seed, stream);
    m.cell->draw(g);
  }
}

}  // namespace inlay::inline v0_1::nn::init

namespace inlay::inline v0_1 {
namespace init = nn::init;
}
