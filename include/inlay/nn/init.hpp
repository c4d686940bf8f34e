// First weights: rules by fan-in and fan-out, and the seeded redraw of a whole model.
#pragma once

#include "../autograd/members.hpp"

namespace inlay::inline v0_1::nn::init {

// Uniform in ±1 / sqrt(fan_in): what PyTorch draws for dense and convolution weights and biases.
inline distribution fan_in_uniform(std::int64_t fan_in) {
  const double bound = fan_in > 0 ? 1 / __builtin_sqrt(static_cast<double>(fan_in)) : 0;
  return distribution::uniform(-bound, bound);
}

inline distribution constant(double value) { return distribution::constant(value); }
inline distribution uniform(double low, double high) { return distribution::uniform(low, high); }
inline distribution normal(double mean = 0, double stddev = 1) { return distribution::normal(mean, stddev); }
template <class Late = void> distribution truncated_normal(double mean = 0, double stddev = 1) {
  return distribution::truncated_normal<Late>(mean, stddev);
}
template <class Late = void> distribution orthogonal(double gain = 1) { return distribution::orthogonal<Late>(gain); }

// Glorot and Bengio, 2010: variance gain^2 · 2 / (fan_in + fan_out).
inline distribution xavier_uniform(double gain = 1) { return distribution::scaled_uniform(gain * gain, fan::average); }
inline distribution xavier_normal(double gain = 1) { return distribution::scaled_normal(gain * gain, fan::average); }

// He, Zhang, Ren and Sun, 2015, for ReLU: variance 2 / fan.
inline distribution he_uniform(inlay::fan fan = inlay::fan::in) { return distribution::scaled_uniform(2, fan); }
inline distribution he_normal(inlay::fan fan = inlay::fan::in) { return distribution::scaled_normal(2, fan); }

// For the parameters whose path matches (`*` any characters, `?` one).
struct rule {
  std::string match;
  distribution draw;
};

struct weights_config {
  std::uint64_t seed = 0;
  std::vector<rule> rules = {};  // in place of the layers' own; the first that matches counts, now and at later redraws
};

namespace detail {
template <class = void>  // compiled only where it is used
INLAY_COLD void draw_weights(const std::vector<member>& members, const weights_config& config) {
  const auto rule_of = [&](const member& m) {
    const rule *r = config.rules.data(), *end = r + config.rules.size();
    while (r < end && !(m.is_parameter() && inlay::detail::matches(r->match, m.path))) ++r;
    return r;
  };
  for (const rule& r : config.rules) {
    bool used = false;
    for (const member& m : members) used = used || rule_of(m) == &r;
    if (!used)
      throw value_error("init", {"expected rules that match a parameter first, got .match = \"", r.match, "\""});
  }
  for (const member& m : members) {
    if (!m.is_parameter()) continue;
    if (const rule* r = rule_of(m); r < config.rules.data() + config.rules.size()) m.cell->rule = r->draw;
    std::uint64_t stream = 0xcbf29ce484222325u;  // FNV-1a of the path
    for (const char c : m.path) stream = (stream ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
    random::generator g(config.seed, stream);
    m.cell->draw(g);
  }
}
}  // namespace detail

// Redraws every parameter of a model by its rule; one that was made from a value keeps it. A weight depends on the seed
// and on its path alone, so adding a layer leaves the others as they were. Throws value_error for a rule that no
// parameter is drawn by, shape_error for one that does not fit its shape.
template <module M> void weights(M& model, const weights_config& config) {
  detail::draw_weights(members_of(model), config);
}

}  // namespace inlay::inline v0_1::nn::init

namespace inlay::inline v0_1 {
namespace init = nn::init;
}
