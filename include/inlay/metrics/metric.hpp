// What a metric is, for code that takes any of them: gathered batch by batch, asked for a number, started anew.
#pragma once

#include <concepts>

namespace inlay::inline v0_1::metrics {

// M takes batches of Prediction and Target: update(prediction, target), value(), reset().
template <class M, class Prediction, class Target>
concept metric = requires(M& m, const M& seen, const Prediction& prediction, const Target& target) {
  m.update(prediction, target);
  { seen.value() } -> std::convertible_to<double>;
  m.reset();
};

}  // namespace inlay::inline v0_1::metrics
