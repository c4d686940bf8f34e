// graph::record: what a model computes, found by running it on traces: operations in order with their attributes, the
// weights they read by path, shapes. Sizes of chosen axes may differ when it is replayed:
//   graph::record r(net, x, {.dynamic = {{.axis = 0, .name = "N"}}});
// The model is run again with other sizes. An integer that moved becomes an expression of sizes; operations that
// differ, or a change that nothing explains, are an error that names the first of them.
#pragma once

#include <algorithm>
#include <string>
#include <tuple>

#include "../autograd/apply.hpp"
#include "../autograd/members.hpp"
#include "sizes.hpp"

namespace inlay::inline v0_1::graph {

// An axis of an input whose size may differ from the example's.
struct dynamic_axis {
  std::int64_t axis = 0;
  std::string name = "N";  // axes of one name have one size
  std::int64_t input = 0;  // of a model with several
  std::int64_t step = 1;   // sizes the model takes are the example's plus multiples of this
};

struct record_options {
  std::vector<dynamic_axis> dynamic = {};
};

// Something an operation reads or gives.
struct value {
  using kind = inlay::detail::written_value::kind;  // input, cell (a parameter or buffer), constant, result
  kind of;
  dtype type;
  inlay::shape shape;      // in the example
  std::string path = {};   // of a parameter or buffer
  bool trainable = false;  // a parameter
  inlay::detail::counted<inlay::detail::cell_base> cell = {};
  any_tensor constant = {};
  std::int64_t last_step = -1;  // that reads it
  // How sizes follow from the dynamic axes; empty where the example's size is the only one, or nothing simple explains
  // it.
  std::vector<std::optional<size_expression>> sizes = {};
  std::optional<size_expression> number = {};  // of a constant that moved
};

struct step {
  std::shared_ptr<const autograd::operation> op;
  std::vector<std::int64_t> operands;  // values
  std::int64_t result = 0;
  std::string path;  // of the module whose weights it reads; else of the step that made its first operand
  bool reads_weights = false;
  std::vector<std::pair<std::int64_t, size_expression>> moved = {};  // attributes by number
};

namespace detail {

struct attribute {
  enum class kind { integer, choice, number };
  std::string name;
  kind of;
  std::int64_t integer = 0;
  double number = 0;

  friend bool operator==(const attribute&, const attribute&) = default;
};

// The traces in a model's result: one, or a tuple, a range, or a struct that lists them as members.
template <class R> void collect(const R& result, std::vector<std::int64_t>& ids) {
  if constexpr (inlay::detail::is_trace<R>) {
    ids.push_back(result.id());
  } else if constexpr (requires { R::members(result, [](const char*, const auto&) {}); }) {
    R::members(result, [&](const char*, const auto& part) { collect(part, ids); });
  } else if constexpr (requires { std::tuple_size<R>::value; }) {
    std::apply([&](const auto&... part) { (collect(part, ids), ...); }, result);
  } else {
    static_assert(
        requires { result.begin(); }, "a model is recorded when it returns what it computed from its input");
    for (const auto& part : result) collect(part, ids);
  }
}

// The example's elements, repeated to fill other sizes.
template <class = void> any_tensor resized(const any_tensor& x, const shape& sizes) {
  if (x.shape() == sizes) return x;
  return visit(x.type(), [&](auto zero) {
    using T = decltype(zero);
    const tensor<T> from = x.as<T>();
    tensor<T> to = empty<T>(sizes);
    T* out = inlay::detail::writable(to);
    for (std::int64_t i = 0; i < to.size(); ++i) {
      std::int64_t rest = i, at = 0, place = 1;
      for (int axis = sizes.rank() - 1; axis >= 0; --axis) {
        at += rest % sizes[axis] % from.dim(axis) * place;
        rest /= sizes[axis];
        place *= from.dim(axis);
      }
      out[i] = from.data()[at];
    }
    return any_tensor(std::move(to));
  });
}

}  // namespace detail

// A template so that programs which include it and record nothing compile none of it.
template <class = void> class basic_record {
 public:
  // One input. Throws what the model throws; value_error for axes that do not exist, state_error when the model does
  // not compute the same at other sizes, or reads a weight that members() does not list.
  template <module M, element T>
  basic_record(const M& net, const tensor<T>& x, const record_options& options = {})
      : basic_record(net, std::tuple<tensor<T>>(x), options) {}

  // Several inputs, in the order the model takes them.
  template <module M, element... T>
  basic_record(const M& net, const std::tuple<tensor<T>...>& inputs, const record_options& options = {}) {
    const model erased{&net, [](const void* of, const autograd::pen& pen, std::span<const any_tensor> given) {
                         const auto traces = [&]<std::size_t... I>(std::index_sequence<I...>) {
                           return std::tuple<trace<T>...>{pen.input(given[I].template as<T>())...};  // in this order
                         }
                         (std::index_sequence_for<T...>{});
                         std::vector<std::int64_t> ids;
                         detail::collect(std::apply(*static_cast<const M*>(of), traces), ids);
                         return ids;
                       }};
    std::apply([&](const auto&... one) { build(erased, {any_tensor(one)...}, options, members_of(net)); }, inputs);
  }

  // Computes again, from the weights as they are now. Throws shape_error or type_error for inputs that are not the
  // recorded ones, but for sizes of dynamic axes. Safe from any number of threads.
  std::vector<any_tensor> run(std::vector<any_tensor> inputs) const {
    const std::vector<std::int64_t> axes = axes_of(inputs);
    std::vector<any_tensor> held(values_.size());
    for (std::size_t i = 0; i < inputs.size(); ++i) held[static_cast<std::size_t>(inputs_[i])] = std::move(inputs[i]);
    for (std::size_t s = 0; s < steps_.size(); ++s) {
      std::vector<any_tensor> operands;
      std::vector<shape> shapes;
      for (const std::int64_t id : steps_[s].operands) {
        operands.push_back(read(id, held, static_cast<std::int64_t>(s), axes));
        shapes.push_back(operands.back().shape());
      }
      held[static_cast<std::size_t>(steps_[s].result)] = run(steps_[s], operands, shapes, axes);
    }
    std::vector<any_tensor> out;
    for (const std::int64_t id : outputs_) out.push_back(read(id, held, -1, axes));
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
  basic_record tap(std::string_view path) const {
    basic_record out = *this;
    const std::int64_t id = result_of(path);
    out.outputs_.push_back(id);
    out.values_[static_cast<std::size_t>(id)].last_step = -1;
    return out;
  }

  std::span<const value> values() const noexcept { return values_; }
  std::span<const step> steps() const noexcept { return steps_; }
  std::span<const std::int64_t> inputs() const noexcept { return inputs_; }    // values
  std::span<const std::int64_t> outputs() const noexcept { return outputs_; }  // values
  std::span<const std::string> axes() const noexcept { return names_; }        // names of the dynamic axes

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
  // A model without its type, and what runs it: gives the numbers of its results.
  struct model {
    const void* net;
    std::vector<std::int64_t> (*run)(const void* net, const autograd::pen& pen, std::span<const any_tensor> inputs);
  };
  // One run: sizes of the dynamic axes, what was written, the values it returned.
  struct sample {
    std::vector<std::int64_t> sizes;
    autograd::pen pen;
    std::vector<std::int64_t> outputs;
  };

  class attribute_reader final : public autograd::attribute_visitor {
   public:
    explicit attribute_reader(const autograd::operation& of) { of.copy()->attributes(*this); }
    void integer(std::string_view name, std::int64_t& value) override {
      seen.push_back({std::string(name), detail::attribute::kind::integer, value, 0});
    }
    void choice(std::string_view name, std::int64_t& value) override {
      seen.push_back({std::string(name), detail::attribute::kind::choice, value, 0});
    }
    void number(std::string_view name, double& value) override {
      seen.push_back({std::string(name), detail::attribute::kind::number, 0, value});
    }

    std::vector<detail::attribute> seen;
  };

  // Replaces integers by number.
  class attribute_writer final : public autograd::attribute_visitor {
   public:
    explicit attribute_writer(std::vector<std::pair<std::int64_t, std::int64_t>> values) : values_(std::move(values)) {}
    void integer(std::string_view, std::int64_t& value) override {
      for (const auto& [number, wanted] : values_)
        if (number == at_) value = wanted;
      ++at_;
    }
    void choice(std::string_view, std::int64_t&) override { ++at_; }
    void number(std::string_view, double&) override { ++at_; }

   private:
    std::vector<std::pair<std::int64_t, std::int64_t>> values_;
    std::int64_t at_ = 0;
  };

  // A place where a dynamic axis enters.
  struct entry {
    std::size_t input;
    std::int64_t axis;
    std::size_t name;
  };

  INLAY_COLD void build(const model& net, std::vector<any_tensor> example, const record_options& options,
                        const std::vector<member>& members) {
    std::vector<std::int64_t> steps;
    enter(example, options, steps);
    const std::vector<sample> samples = sampled(net, example, steps);
    const inlay::detail::pen_state& base = samples[0].pen.written();
    for (const sample& other : samples) same_operations(samples[0], other);
    for (std::size_t i = 0; i < base.values.size(); ++i) add_value(i, samples, members);
    for (std::size_t i = 0; i < base.steps.size(); ++i) add_step(i, samples);
    outputs_ = samples[0].outputs;
    for (const std::int64_t id : outputs_) values_[static_cast<std::size_t>(id)].last_step = -1;
  }

  void enter(const std::vector<any_tensor>& example, const record_options& options, std::vector<std::int64_t>& steps) {
    for (const dynamic_axis& d : options.dynamic) {
      if (d.input < 0 || static_cast<std::size_t>(d.input) >= example.size() || d.step < 1)
        throw value_error("record", {"expected an .input from 0 to ", example.size() - 1,
                                     " and a .step of 1 or more, got ", d.input, " and ", d.step});
      const auto input = static_cast<std::size_t>(d.input);
      const std::int64_t axis = example[input].shape().index(d.axis), size = example[input].shape()[axis];
      if (size < 1)
        throw value_error(
            "record", {"expected an example that is not empty along its dynamic axes, got ", example[input].shape()});
      const auto known = std::find(names_.begin(), names_.end(), d.name);
      const auto name = static_cast<std::size_t>(known - names_.begin());
      if (known == names_.end()) {
        names_.push_back(d.name);
        sizes_.push_back(size);
        steps.push_back(d.step);
      } else if (sizes_[name] != size) {
        throw value_error("record",
                          {"expected one size for axes named ", d.name, ", got ", sizes_[name], " and ", size});
      }
      entries_.push_back({input, axis, name});
    }
  }

  // The example, each axis longer on its own, then all of them twice, by different amounts.
  std::vector<sample> sampled(const model& net, const std::vector<any_tensor>& example,
                              const std::vector<std::int64_t>& steps) const {
    std::vector<std::vector<std::int64_t>> wanted{sizes_};
    for (std::size_t i = 0; i < names_.size(); ++i) {
      wanted.push_back(sizes_);
      wanted.back()[i] += steps[i];
    }
    for (std::int64_t round = 1; round <= 2 && !names_.empty(); ++round) {
      wanted.push_back(sizes_);
      for (std::size_t i = 0; i < names_.size(); ++i)
        wanted.back()[i] += steps[i] * (2 * round + static_cast<std::int64_t>(i));
    }
    std::vector<sample> out;
    for (std::vector<std::int64_t>& sizes : wanted) {
      std::vector<any_tensor> inputs = example;
      for (const entry& e : entries_)
        inputs[e.input] = detail::resized(inputs[e.input], inputs[e.input].shape().with(e.axis, sizes[e.name]));
      sample one{std::move(sizes), {}, {}};
      one.outputs = net.run(net.net, one.pen, inputs);
      out.push_back(std::move(one));
    }
    return out;
  }

  void same_operations(const sample& base, const sample& other) const {
    const auto &a = base.pen.written(), &b = other.pen.written();
    for (std::size_t i = 0; i < std::max(a.steps.size(), b.steps.size()); ++i) {
      const char* expected = i < a.steps.size() ? a.steps[i].op->name() : "nothing";
      const char* got = i < b.steps.size() ? b.steps[i].op->name() : "nothing";
      if (std::string_view(expected) != got || a.steps[i].operands != b.steps[i].operands)
        throw state_error(
            "record", {"expected the same operations at ", sizes_text(other.sizes), " as at ", sizes_text(base.sizes),
                       ", got ", got, " where there was ", expected, ", as operation number ", i});
    }
    bool same = a.values.size() == b.values.size() && base.outputs == other.outputs;
    for (std::size_t i = 0; same && i < a.values.size(); ++i)
      same = a.values[i].of == b.values[i].of && a.values[i].cell.get() == b.values[i].cell.get() &&
             a.values[i].type == b.values[i].type && a.values[i].shape.rank() == b.values[i].shape.rank();
    if (!same)
      throw state_error("record", {"expected the same weights, types and axes at ", sizes_text(other.sizes), " as at ",
                                   sizes_text(base.sizes)});
  }

  void add_value(std::size_t i, const std::vector<sample>& samples, const std::vector<member>& members) {
    const inlay::detail::written_value& from = samples[0].pen.written().values[i];
    value out{from.of, from.type, from.shape};
    if (from.of == value::kind::input) inputs_.push_back(static_cast<std::int64_t>(i));
    if (from.of == value::kind::cell) {
      auto listed = members.begin();
      while (listed != members.end() && listed->cell.get() != from.cell.get()) ++listed;
      if (listed == members.end())
        throw state_error("record", {"the model reads a weight of shape ", from.shape,
                                     " that it does not list; is it missing from members()?"});
      out.cell = from.cell;
      out.path = listed->path;
      out.trainable = listed->is_parameter();
    }
    for (int axis = 0; axis < from.shape.rank(); ++axis) {
      const std::vector<std::int64_t> seen =
          over(samples, [&](const inlay::detail::pen_state& written) { return written.values[i].shape.begin()[axis]; });
      out.sizes.push_back(moved(seen) ? detail::explain(seen, axes_seen(samples)) : std::nullopt);
    }
    if (from.of == value::kind::constant) hold_constant(i, samples, out);
    values_.push_back(std::move(out));
  }

  // A constant that moves is one number that does, or one number that fills a shape that does.
  void hold_constant(std::size_t i, const std::vector<sample>& samples, value& out) const {
    const any_tensor& first = samples[0].pen.written().values[i].constant;
    out.constant = first;
    bool same = true, filled = first.shape().size() > 0, numbers = true;
    std::vector<std::int64_t> seen;
    const auto size = static_cast<std::size_t>(size_of(first.type()));
    for (const sample& s : samples) {
      const any_tensor& t = s.pen.written().values[i].constant;
      const std::span<const std::uint8_t> bytes = t.bytes();
      same = same && t.shape() == first.shape() && std::equal(bytes.begin(), bytes.end(), first.bytes().begin());
      for (std::size_t at = 0; filled && at < bytes.size(); ++at) filled = bytes[at] == first.bytes()[at % size];
      numbers = numbers && t.shape().size() == 1;
      if (!numbers) continue;
      const double number = t.cast<double>().item();
      const auto whole = inlay::detail::convert<std::int64_t>(number);
      numbers = static_cast<double>(whole) == number;
      seen.push_back(whole);
    }
    if (same) return;
    if (numbers) out.number = detail::explain(seen, axes_seen(samples));
    if (out.number) return;
    for (int axis = 0; axis < out.shape.rank(); ++axis)
      filled =
          filled && (out.sizes[static_cast<std::size_t>(axis)] ||
                     !moved(over(samples, [&](const auto& written) { return written.values[i].shape.begin()[axis]; })));
    if (!filled)
      throw state_error("record", {"a constant of shape ", out.shape, " moves with ", names_text(),
                                   ", and no size explains how; compute it from the input, or give it as one"});
  }

  void add_step(std::size_t i, const std::vector<sample>& samples) {
    const inlay::detail::written_step& from = samples[0].pen.written().steps[i];
    step out{from.op->copy(), from.operands, from.result, {}, false, {}};
    for (const std::int64_t id : from.operands) {
      value& v = values_[static_cast<std::size_t>(id)];
      v.last_step = static_cast<std::int64_t>(i);
      if (v.of != value::kind::cell || out.reads_weights) continue;
      out.reads_weights = true;
      const std::size_t dot = v.path.rfind('.');
      out.path = dot == std::string::npos ? std::string() : v.path.substr(0, dot);
    }
    if (!out.reads_weights && !from.operands.empty()) {
      const auto first = static_cast<std::size_t>(from.operands[0]);
      if (const std::int64_t made = samples[0].pen.written().values[first].step; made >= 0)
        out.path = steps_[static_cast<std::size_t>(made)].path;
    }
    explain_attributes(i, samples, out);
    steps_.push_back(std::move(out));
  }

  void explain_attributes(std::size_t i, const std::vector<sample>& samples, step& out) const {
    std::vector<std::vector<detail::attribute>> read;
    for (const sample& s : samples) read.push_back(attribute_reader(*s.pen.written().steps[i].op).seen);
    std::vector<detail::observed> sizes;
    for (std::size_t operand = 0; operand < out.operands.size(); ++operand) {
      const auto id = static_cast<std::size_t>(out.operands[operand]);
      for (int axis = 0; axis < values_[id].shape.rank(); ++axis) {
        std::vector<std::int64_t> seen = over(
            samples, [&](const inlay::detail::pen_state& written) { return written.values[id].shape.begin()[axis]; });
        if (moved(seen)) sizes.push_back({{static_cast<std::int64_t>(operand), axis}, std::move(seen)});
      }
    }
    for (detail::observed& axis : axes_seen(samples)) sizes.push_back(std::move(axis));
    for (std::size_t at = 0; at < read[0].size(); ++at) {
      std::vector<std::int64_t> seen;
      bool differs = false;
      for (const auto& attributes : read) {
        differs = differs || attributes.size() != read[0].size() || !(attributes[at] == read[0][at]);
        if (attributes.size() > at) seen.push_back(attributes[at].integer);
      }
      if (!differs) continue;
      std::optional<size_expression> found;
      if (read[0][at].of == detail::attribute::kind::integer && seen.size() == samples.size())
        found = detail::explain(seen, sizes);
      if (!found)
        throw state_error("record", {"attribute ", read[0][at].name, " of ", out.op->name(), ", operation number ", i,
                                     ", moves with ", names_text(), ", and no size explains how"});
      out.moved.emplace_back(static_cast<std::int64_t>(at), *std::move(found));
    }
  }

  template <class F> static std::vector<std::int64_t> over(const std::vector<sample>& samples, F&& f) {
    std::vector<std::int64_t> out;
    for (const sample& s : samples) out.push_back(f(s.pen.written()));
    return out;
  }
  static bool moved(std::span<const std::int64_t> seen) {
    for (const std::int64_t size : seen)
      if (size != seen[0]) return true;
    return false;
  }
  std::vector<detail::observed> axes_seen(const std::vector<sample>& samples) const {
    std::vector<detail::observed> out;
    for (std::size_t name = 0; name < names_.size(); ++name) {
      out.push_back({{-1, static_cast<std::int64_t>(name)}, {}});
      for (const sample& s : samples) out.back().sizes.push_back(s.sizes[name]);
    }
    return out;
  }

  std::string names_text() const {
    std::string out;
    for (const std::string& name : names_) out += (out.empty() ? "" : ", ") + name;
    return out;
  }
  std::string sizes_text(std::span<const std::int64_t> sizes) const {
    std::string out;
    for (std::size_t i = 0; i < sizes.size(); ++i)
      out += (i > 0 ? ", " : "") + names_[i] + " = " + std::to_string(sizes[i]);
    return out;
  }
  std::string text(const size_expression& e) const {
    std::string out = e.factor == 1 ? "" : std::to_string(e.factor) + "·";
    for (std::size_t i = 0; i < e.of.size(); ++i)
      out += (i > 0 ? "·" : "") + names_[static_cast<std::size_t>(e.of[i].axis)];
    if (e.offset != 0) out += (e.offset > 0 ? " + " : " - ") + std::to_string(e.offset > 0 ? e.offset : -e.offset);
    return out;
  }

  // The sizes of the dynamic axes in these inputs.
  std::vector<std::int64_t> axes_of(const std::vector<any_tensor>& inputs) const {
    if (inputs.size() != inputs_.size())
      throw value_error("record", {"expected ", inputs_.size(), " inputs, got ", inputs.size()});
    std::vector<std::int64_t> axes(names_.size(), -1);
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      const value& wanted = values_[static_cast<std::size_t>(inputs_[i])];
      if (inputs[i].type() != wanted.type)
        throw type_error("record", {"expected input ", i, " of ", name(wanted.type), ", got ", name(inputs[i].type())});
      shape sizes = wanted.shape;
      for (const entry& e : entries_) {
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
    const value& v = values_[static_cast<std::size_t>(id)];
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
    const std::vector<std::int64_t>& operands = steps_[static_cast<std::size_t>(at)].operands;
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
      const T fill = v.number ? static_cast<T>(v.number->value({}, axes)) : v.constant.template as<T>().values()[0];
      return any_tensor(tensor<T>(sizes, fill));
    });
  }

  static any_tensor run(const step& s, std::vector<any_tensor>& operands, std::span<const shape> shapes,
                        std::span<const std::int64_t> axes) {
    if (s.moved.empty()) return s.op->run(operands);
    std::vector<std::pair<std::int64_t, std::int64_t>> values;
    for (const auto& [number, expression] : s.moved) values.emplace_back(number, expression.value(shapes, axes));
    const std::unique_ptr<autograd::operation> here = s.op->copy();
    attribute_writer writer(std::move(values));
    here->attributes(writer);
    return here->run(operands);
  }

  std::int64_t result_of(std::string_view path) const {
    const auto within = [&](const std::string& other) {
      return other == path || (other.size() > path.size() && other.starts_with(path) && other[path.size()] == '.');
    };
    std::int64_t last = -1;
    for (std::size_t i = 0; i < steps_.size(); ++i)
      if (steps_[i].reads_weights && within(steps_[i].path)) last = static_cast<std::int64_t>(i);
    if (last < 0) throw value_error("tap", {"expected the path of a module that the model runs, got ", path});
    const bool has_parts = steps_[static_cast<std::size_t>(last)].path != path;
    while (has_parts && static_cast<std::size_t>(last) + 1 < steps_.size() &&
           within(steps_[static_cast<std::size_t>(last) + 1].path))
      ++last;
    return steps_[static_cast<std::size_t>(last)].result;
  }

  std::vector<value> values_;
  std::vector<step> steps_;
  std::vector<std::int64_t> inputs_, outputs_;
  std::vector<std::string> names_;
  std::vector<std::int64_t> sizes_;  // of the dynamic axes in the example
  std::vector<entry> entries_;
};

using record = basic_record<>;

}  // namespace inlay::inline v0_1::graph
