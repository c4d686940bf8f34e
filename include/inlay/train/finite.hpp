// The first weight, or gradient, that has a number in it which is infinite or none.
#pragma once

#include "../autograd/members.hpp"

namespace inlay::inline v0_1::train::detail {

template <class T> bool all_finite(const tensor<T>& t) {
  bool good = true;
  for (const T value : t.values()) good &= inlay::detail::is_finite(value);
  return good;
}

template <class = void>  // compiled only where it is used
bool all_finite(const any_tensor& t) {
  if (const representation* what = t.representation()) {  // whose elements need not be made for this
    bool good = true;
    for (const auto& [name, part] : what->parts()) good = good && all_finite(part);
    return good;
  }
  if (t.type() == dtype::float32) return all_finite(t.as<float>());
  return t.type() != dtype::float64 || all_finite(t.as<double>());
}

enum class part_of_weight { value, gradient };

// The path of the first parameter that is bad; empty when there is none.
template <class = void>  // compiled only where it is used
std::string first_bad(std::span<const member> model, part_of_weight part) {
  for (const member& m : model) {
    if (!m.is_parameter() || (part == part_of_weight::gradient && !m.cell->has_gradient())) continue;
    const auto good = [&]<class T>(const inlay::detail::cell<T>& cell) {
      return all_finite(any_tensor(part == part_of_weight::value ? cell.typed() : cell.gradient()));
    };
    if (!(m.cell->type == dtype::float32 ? good(static_cast<const inlay::detail::cell<float>&>(*m.cell))
                                         : good(static_cast<const inlay::detail::cell<double>&>(*m.cell))))
      return m.path;
  }
  return {};
}

}  // namespace inlay::inline v0_1::train::detail
