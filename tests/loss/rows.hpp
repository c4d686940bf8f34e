// A table of PyTorch's numbers for one loss: a row for each set of options.
#pragma once

#include <inlay/ops/reduction.hpp>

#include "tensors.hpp"

namespace support {

template <class Options> struct loss_row {
  Options options;
  numbers y;
  std::vector<numbers> gradients;
};

// f(inputs, options) against every row; the gradient of the result is `dy` without reduction, else 1.
template <class Options, class F>
void check_rows(const char* name, F f, const std::vector<inlay::tensor<double>>& inputs, const numbers& dy,
                const std::vector<loss_row<Options>>& rows) {
  for (const auto& row : rows) {
    INFO("row ", &row - rows.data());
    const bool reduced = row.options.reduction != inlay::reduction::none;
    check_golden(
        name, [&](const variables& v) { return f(v, row.options); }, inputs, reduced ? numbers{1} : dy, row.y,
        row.gradients);
  }
}

}  // namespace support
