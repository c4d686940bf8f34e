// Sizes that follow from other sizes: what a record puts in the place of a number that moved with the input.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "../core/shape.hpp"

namespace inlay::inline v0_1::graph {

// factor · (product of some sizes) + offset.
struct size_expression {
  // A size of an operand of the operation at hand, or (operand -1) of a dynamic axis, by its number.
  struct source {
    std::int64_t operand, axis;
  };

  std::int64_t value(std::span<const shape> operands, std::span<const std::int64_t> axes) const {
    std::int64_t product = factor;
    for (const source& s : of)
      product *= s.operand < 0 ? axes[static_cast<std::size_t>(s.axis)]
                               : operands[static_cast<std::size_t>(s.operand)][s.axis];
    return product + offset;
  }

  std::int64_t factor = 1, offset = 0;
  std::vector<source> of;
};

namespace detail {

// A size seen in every sample.
struct observed {
  size_expression::source source;
  std::vector<std::int64_t> sizes;
};

// The expression when these sizes are the ones multiplied, if there is one.
inline std::optional<size_expression> fit(std::span<const std::int64_t> values,
                                          std::span<const observed* const> chosen) {
  std::vector<std::int64_t> products(values.size(), 1);
  for (const observed* one : chosen)
    for (std::size_t s = 0; s < values.size(); ++s) products[s] *= one->sizes[s];
  std::size_t other = 1;
  while (other < products.size() && products[other] == products[0]) ++other;
  if (other == products.size()) return {};
  const std::int64_t run = products[other] - products[0], rise = values[other] - values[0];
  if (rise % run != 0) return {};
  size_expression out{rise / run, values[0] - rise / run * products[0], {}};
  for (std::size_t s = 0; s < values.size(); ++s)
    if (out.factor * products[s] + out.offset != values[s]) return {};
  for (const observed* one : chosen) out.of.push_back(one->source);
  return out;
}

// Explains values by products of up to three sizes; few of them and no offset first.
inline std::optional<size_expression> explain(std::span<const std::int64_t> values, std::span<const observed> sizes) {
  std::optional<size_expression> with_offset;
  const auto attempt = [&](std::initializer_list<const observed*> chosen) {
    std::optional<size_expression> found = fit(values, chosen);
    if (found && found->offset == 0) return found;
    if (found && !with_offset) with_offset = std::move(found);
    return std::optional<size_expression>{};
  };
  const std::size_t n = sizes.size();
  for (std::size_t i = 0; i < n; ++i)
    if (auto found = attempt({&sizes[i]})) return found;
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = i; j < n; ++j)
      if (auto found = attempt({&sizes[i], &sizes[j]})) return found;
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = i; j < n; ++j)
      for (std::size_t k = j; k < n; ++k)
        if (auto found = attempt({&sizes[i], &sizes[j], &sizes[k]})) return found;
  return with_offset;
}

}  // namespace detail

}  // namespace inlay::inline v0_1::graph
