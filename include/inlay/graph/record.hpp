// graph::record: what a model computes: operations in order with their attributes, the weights they read by path,
// shapes. It can be replayed, at other sizes of chosen axes too:
//   graph::record r(net, x, {.dynamic = {{.axis = 0, .name = "N"}}});
//   tensor<float> y = r(other);  // the bits that net(other) has
#pragma once

#include <functional>

#include "recorder.hpp"

namespace inlay::inline v0_1::graph {

class record {
 public:
  // One input. Throws what the model throws; value_error for axes that do not exist, state_error when the model does
  // not compute the same at other sizes, or reads a weight that members() does not list.
  template <module M, element T>
  record(const M& net, const tensor<T>& x, const record_options& options = {})
      : record(net, std::tuple<tensor<T>>(x), options) {}

  // Several inputs, in the order the model takes them.
  template <module M, element... T>
  record(const M& net, const std::tuple<tensor<T>...>& inputs, const record_options& options = {}) {
    const detail::model erased{
        &net, [](const void* of, const autograd::pen& pen, std::span<const any_tensor> given) {
          const auto traces = [&]<std::size_t... I>(std::index_sequence<I...>) {
            return std::tuple<trace<T>...>{pen.input(given[I].template as<T>())...};  // in this order
          }
          (std::index_sequence_for<T...>{});
          std::vector<std::int64_t> ids;
          detail::collect(std::apply(*static_cast<const M*>(of), traces), ids);
          return ids;
        }};
    std::apply(
        [&](const auto&... one) {
          recording_ = detail::recorder(erased, {any_tensor(one)...}, options, members_of(net)).take();
        },
        inputs);
  }

  // Sees a step before it is run.
  using watcher = std::function<void(const step& here, std::span<const any_tensor> operands)>;

  // Computes again, from the weights as they are now. Throws shape_error or type_error for inputs that are not the
  // recorded ones, but for sizes of dynamic axes. Safe from any number of threads.
  std::vector<any_tensor> run(std::vector<any_tensor> inputs, const watcher& watch = {}) const {
    const std::vector<std::int64_t> axes = axes_of(inputs);
    std::vector<any_tensor> held(recording_.values.size());
    for (std::size_t i = 0; i < inputs.size(); ++i)
      held[static_cast<std::size_t>(recording_.inputs[i])] = std::move(inputs[i]);
    for (std::size_t s = 0; s < recording_.steps.size(); ++s) {
      const step& here = recording_.steps[s];
      std::vector<any_tensor> operands;
      for (const std::int64_t id : here.operands)
        operands.push_back(read(id, held, static_cast<std::int64_t>(s), axes));
      if (watch) watch(here, operands);
      held[static_cast<std::size_t>(here.result)] = run(here, operands, axes);
    }
    std::vector<any_tensor> out;
    for (const std::int64_t id : recording_.outputs) out.push_back(read(id, held, -1, axes));
    return out;
  }

  // For one input and one result of its element type.
  template <element T> tensor<T> operator()(const tensor<T>& x) const {
    std::vector<any_tensor> out = run({any_tensor(x)});
    if (out.size() != 1)
      throw state_error("record", {"expected a model with one result, got ", out.size(), "; use run()"});
    return std::move(out[0]).template as<T>();
  }

  // The same record with one more result: what leaves the module of this path (for one with parts: what its last step
  // gives before another module's begins). Throws value_error when no step belongs to it.
  record tap(std::string_view path) const {
    record out = *this;
    const std::int64_t id = result_of(path);
    out.recording_.outputs.push_back(id);
    out.recording_.values[static_cast<std::size_t>(id)].last_step = -1;
    return out;
  }

  std::span<const value> values() const noexcept { return recording_.values; }
  std::span<const step> steps() const noexcept { return recording_.steps; }
  std::span<const std::int64_t> inputs() const noexcept { return recording_.inputs; }    // values
  std::span<const std::int64_t> outputs() const noexcept { return recording_.outputs; }  // values
  std::span<const std::string> axes() const noexcept { return recording_.names; }        // names of the dynamic axes

  // "(N, 16, 28, 28)"
  std::string shape_text(const value& of) const {
    std::string out = "(";
    for (int axis = 0; axis < of.shape.rank(); ++axis) {
      if (axis > 0) out += ", ";
      const auto& e = of.sizes.empty() ? std::optional<size_expression>() : of.sizes[static_cast<std::size_t>(axis)];
      out += e ? text(*e) : std::to_string(of.shape[axis]);
    }
    return out + (of.shape.rank() == 1 ? ",)" : ")");
  }

 private:
  std::string text(const size_expression& e) const {
    std::string out = e.factor == 1 ? "" : std::to_string(e.factor) + "·";
    for (std::size_t i = 0; i < e.of.size(); ++i)
      out += (i > 0 ? "·" : "") + recording_.names[static_cast<std::size_t>(e.of[i].axis)];
    if (e.offset != 0) out += (e.offset > 0 ? " + " : " - ") + std::to_string(e.offset > 0 ? e.offset : -e.offset);
    return out;
  }

  // The sizes of the dynamic axes in these inputs.
  std::vector<std::int64_t> axes_of(const std::vector<any_tensor>& inputs) const {
    if (inputs.size() != recording_.inputs.size())
      throw value_error("record", {"expected ", recording_.inputs.size(), " inputs, got ", inputs.size()});
    std::vector<std::int64_t> axes(recording_.names.size(), -1);
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      const value& wanted = recording_.values[static_cast<std::size_t>(recording_.inputs[i])];
      if (inputs[i].type() != wanted.type)
        throw type_error("record", {"expected input ", i, " of ", name(wanted.type), ", got ", name(inputs[i].type())});
      shape sizes = wanted.shape;
      for (const recording::entry& e : recording_.entries) {
        if (e.input != i || inputs[i].shape().rank() != sizes.rank()) continue;
        std::int64_t& axis = axes[e.name];
        if (axis < 0) axis = inputs[i].shape()[e.axis];
        sizes = sizes.with(e.axis, axis);
      }
      if (!(inputs[i].shape() == sizes))
        throw shape_error("record", {"expected input ", i, " of ", shape_text(wanted), ", got ", inputs[i].shape()});
    }
    return axes;
  }

  any_tensor read(std::int64_t id, std::vector<any_tensor>& held, std::int64_t step,
                  std::span<const std::int64_t> axes) const {
    const value& v = recording_.values[static_cast<std::size_t>(id)];
    any_tensor& here = held[static_cast<std::size_t>(id)];
    switch (v.of) {
      case value::kind::cell:
        return inlay::detail::value_of(*v.cell);
      case value::kind::constant:
        return constant(v, axes);
      case value::kind::input:
      case value::kind::result:
        break;
    }
    return step >= 0 && step == v.last_step && step_reads_once(step, id) ? std::move(here) : here;
  }
  bool step_reads_once(std::int64_t at, std::int64_t id) const {
    const std::vector<std::int64_t>& operands = recording_.steps[static_cast<std::size_t>(at)].operands;
    return std::count(operands.begin(), operands.end(), id) == 1;
  }

  static any_tensor constant(const value& v, std::span<const std::int64_t> axes) {
    bool shaped = false;
    for (const std::optional<size_expression>& e : v.sizes) shaped = shaped || e.has_value();
    if (!v.number && !shaped) return v.constant;
    return visit(v.type, [&](auto zero) {
      using T = decltype(zero);
      shape sizes;
      for (int axis = 0; axis < v.shape.rank(); ++axis) {
        const std::optional<size_expression>& e = v.sizes[static_cast<std::size_t>(axis)];
        sizes.append(e ? e->value({}, axes) : v.shape[axis]);
      }
      const T fill =
          v.number ? inlay::detail::convert<T>(v.number->value({}, axes)) : v.constant.template as<T>().values()[0];
      return any_tensor(tensor<T>(sizes, fill));
    });
  }

  static any_tensor run(const step& s, std::vector<any_tensor>& operands, std::span<const std::int64_t> axes) {
    if (s.moved.empty()) return s.op->run(operands);
    std::vector<shape> shapes;
    for (const any_tensor& operand : operands) shapes.push_back(operand.shape());
    std::vector<std::pair<std::int64_t, std::int64_t>> values;
    for (const auto& [number, expression] : s.moved) values.emplace_back(number, expression.value(shapes, axes));
    const std::unique_ptr<autograd::operation> here = s.op->copy();
    detail::attribute_writer writer(std::move(values));
    here->attributes(writer);
    return here->run(operands);
  }

  std::int64_t result_of(std::string_view path) const {
    const auto within = [&](const std::string& other) {
      return other == path || (other.size() > path.size() && other.starts_with(path) && other[path.size()] == '.');
    };
    std::int64_t last = -1;
    for (std::size_t i = 0; i < recording_.steps.size(); ++i)
      if (recording_.steps[i].reads_weights && within(recording_.steps[i].path)) last = static_cast<std::int64_t>(i);
    if (last < 0) throw value_error("tap", {"expected the path of a module that the model runs, got ", path});
    const bool has_parts = recording_.steps[static_cast<std::size_t>(last)].path != path;
    while (has_parts && static_cast<std::size_t>(last) + 1 < recording_.steps.size() &&
           within(recording_.steps[static_cast<std::size_t>(last) + 1].path))
      ++last;
    return recording_.steps[static_cast<std::size_t>(last)].result;
  }

  recording recording_;
};

}  // namespace inlay::inline v0_1::graph
