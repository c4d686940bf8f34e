// Penalties on a model's weights, to be added to a loss: factor Σ |w| (L1) and factor Σ w^2 (L2).
#pragma once

#include "../autograd/members.hpp"
#include "../ops/functions.hpp"
#include "../ops/reduce.hpp"

namespace inlay::inline v0_1 {

namespace loss {
struct regularization_options {
  double factor = 1e-4;
  std::string_view match = "*";  // paths of the parameters (`*` any characters, `?` one)
};
}  // namespace loss

namespace detail {

// f(weight) summed over the parameters that match, as operands of the same kind as `like`.
template <class World, class F>
auto penalty(const char* name, const std::vector<member>& members, const World& like,
             const loss::regularization_options& options, F&& f) {
  using T = element_of<World>;
  std::optional<decltype(f(std::declval<parameter<T>>().in(like)))> total;
  each_parameter(members, [&](const member& m) {
    if (!matches(options.match, m.path)) return;
    if (m.cell->type != dtype_of<T>)
      throw type_error(name, {"expected parameters of ", inlay::name(dtype_of<T>), ", got ", m.path, " of ",
                              inlay::name(m.cell->type)});
    auto part = f(operand_in(like, counted<cell<T>>(static_cast<cell<T>*>(m.cell.get()))));
    total = total ? *total + part : part;
  });
  if (!total) throw value_error(name, {"expected a pattern that matches a parameter, got ", options.match});
  return *total * static_cast<T>(options.factor);
}

}  // namespace detail

namespace loss {

// `like`: a variable of the same tape, such as the loss it is added to. Throw value_error when no parameter matches,
// type_error when one has other elements.
template <module M, class World>
auto l1(const M& model, const World& like, const regularization_options& options = {}) {
  return inlay::detail::penalty("l1", members_of(model), like, options, [](const auto& w) { return sum(abs(w)); });
}
template <module M, class World>
auto l2(const M& model, const World& like, const regularization_options& options = {}) {
  return inlay::detail::penalty("l2", members_of(model), like, options, [](const auto& w) { return sum(w * w); });
}

}  // namespace loss

}  // namespace inlay::inline v0_1
