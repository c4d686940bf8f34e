// The definition of connectionist temporal classification: every path through the steps, and what it spells.
#pragma once

#include <cmath>
#include <cstdint>
#include <map>
#include <vector>

#include <inlay/core/tensor.hpp>

namespace naive {

using labelling = std::vector<std::int64_t>;

// The probability of every labelling that scores (T, C) can spell.
inline std::map<labelling, double> ctc(const inlay::tensor<double>& scores, std::int64_t blank) {
  const std::int64_t steps = scores.dim(0), classes = scores.dim(1);
  std::map<labelling, double> out;
  std::vector<std::int64_t> path(static_cast<std::size_t>(steps));
  for (bool more = true; more;) {
    double p = 1;
    labelling labels;
    std::int64_t before = blank;
    for (std::int64_t t = 0; t < steps; ++t) {
      const std::int64_t c = path[static_cast<std::size_t>(t)];
      double sum = 0;
      for (std::int64_t k = 0; k < classes; ++k) sum += std::exp(std::as_const(scores)(t, k));
      p *= std::exp(std::as_const(scores)(t, c)) / sum;
      if (c != blank && c != before) labels.push_back(c);
      before = c;
    }
    out[labels] += p;
    more = false;
    for (std::int64_t& c : path) {  // the next path
      if (++c < classes) {
        more = true;
        break;
      }
      c = 0;
    }
  }
  return out;
}

}  // namespace naive
