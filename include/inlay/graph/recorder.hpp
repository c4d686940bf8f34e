// How a model is recorded: it is run on traces at several sizes, and what was written is compared. An integer that
// moved becomes an expression of sizes; operations that differ, or a change that nothing explains, are an error that
// names the first of them.
#pragma once

#include <algorithm>
#include <string>
#include <tuple>

#include "../autograd/apply.hpp"
#include "../autograd/members.hpp"
#include "attributes.hpp"
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

// What was found out about a model.
struct recording {
  // A place where a dynamic axis enters.
  struct entry {
    std::size_t input;
    std::int64_t axis;
    std::size_t name;
  };

  std::vector<value> values;
  std::vector<step> steps;
  std::vector<std::int64_t> inputs, outputs;  // values
  std::vector<std::string> names;             // of the dynamic axes
  std::vector<entry> entries;
};

namespace detail {

// A model without its type, and what runs it: gives the numbers of its results.
struct model {
  const void* net;
  std::vector<std::int64_t> (*run)(const void* net, const autograd::pen& pen, std::span<const any_tensor> inputs);
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
inline any_tensor resized(const any_tensor& x, const shape& sizes) {
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

class recorder {
 public:
  recorder(const model& net, const std::vector<any_tensor>& example, const record_options& options,
           const std::vector<member>& members) {
    enter(example, options);
    take_samples(net, example);
    for (const sample& other : samples_) same_operations(samples_[0], other);
    const inlay::detail::pen_state& base = samples_[0].pen.written();
    for (std::size_t i = 0; i < base.values.size(); ++i) add_value(i, members);
    for (std::size_t i = 0; i < base.steps.size(); ++i) add_step(i);
    out_.outputs = samples_[0].outputs;
    for (const std::int64_t id : out_.outputs) out_.values[static_cast<std::size_t>(id)].last_step = -1;
  }

  recording take() && { return std::move(out_); }

 private:
  // One run: sizes of the dynamic axes, what was written, the values it returned.
  struct sample {
    std::vector<std::int64_t> sizes;
    autograd::pen pen;
    std::vector<std::int64_t> outputs;
  };

  void enter(const std::vector<any_tensor>& example, const record_options& options) {
    for (const dynamic_axis& d : options.dynamic) {
      if (d.input < 0 || static_cast<std::size_t>(d.input) >= example.size() || d.step < 1)
        throw value_error("record", {"expected an .input from 0 to ", example.size() - 1,
                                     " and a .step of 1 or more, got ", d.input, " and ", d.step});
      const auto input = static_cast<std::size_t>(d.input);
      const std::int64_t axis = example[input].shape().index(d.axis), size = example[input].shape()[axis];
      if (size < 1)
        throw value_error(
            "record", {"expected an example that is not empty along its dynamic axes, got ", example[input].shape()});
      const auto known = std::find(out_.names.begin(), out_.names.end(), d.name);
      const auto name = static_cast<std::size_t>(known - out_.names.begin());
      if (known == out_.names.end()) {
        out_.names.push_back(d.name);
        sizes_.push_back(size);
        increments_.push_back(d.step);
      } else if (sizes_[name] != size) {
        throw value_error("record",
                          {"expected one size for axes named ", d.name, ", got ", sizes_[name], " and ", size});
      }
      out_.entries.push_back({input, axis, name});
    }
  }

  // The example, each axis longer on its own, then all of them twice, by different amounts.
  void take_samples(const model& net, const std::vector<any_tensor>& example) {
    std::vector<std::vector<std::int64_t>> wanted{sizes_};
    for (std::size_t i = 0; i < out_.names.size(); ++i) {
      wanted.push_back(sizes_);
      wanted.back()[i] += increments_[i];
    }
    for (std::int64_t round = 1; round <= 2 && !out_.names.empty(); ++round) {
      wanted.push_back(sizes_);
      for (std::size_t i = 0; i < out_.names.size(); ++i)
        wanted.back()[i] += increments_[i] * (2 * round + static_cast<std::int64_t>(i));
    }
    for (std::vector<std::int64_t>& sizes : wanted) {
      std::vector<any_tensor> inputs = example;
      for (const recording::entry& e : out_.entries)
        inputs[e.input] = resized(inputs[e.input], inputs[e.input].shape().with(e.axis, sizes[e.name]));
      sample one{std::move(sizes), {}, {}};
      one.outputs = net.run(net.net, one.pen, inputs);
      samples_.push_back(std::move(one));
    }
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

  void add_value(std::size_t i, const std::vector<member>& members) {
    const inlay::detail::written_value& from = samples_[0].pen.written().values[i];
    value out{from.of, from.type, from.shape};
    if (from.of == value::kind::input) out_.inputs.push_back(static_cast<std::int64_t>(i));
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
          over([&](const inlay::detail::pen_state& written) { return written.values[i].shape.begin()[axis]; });
      out.sizes.push_back(moved(seen) ? explain(seen, axes_seen()) : std::nullopt);
    }
    if (from.of == value::kind::constant) hold_constant(i, out);
    out_.values.push_back(std::move(out));
  }

  // A constant that moves is one number that does, or one number that fills a shape that does.
  void hold_constant(std::size_t i, value& out) const {
    const any_tensor& first = samples_[0].pen.written().values[i].constant;
    out.constant = first;
    bool same = true, filled = first.shape().size() > 0, numbers = true;
    std::vector<std::int64_t> seen;
    const auto size = static_cast<std::size_t>(size_of(first.type()));
    for (const sample& s : samples_) {
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
    if (numbers) out.number = explain(seen, axes_seen());
    if (out.number) return;
    for (int axis = 0; axis < out.shape.rank(); ++axis)
      filled = filled && (out.sizes[static_cast<std::size_t>(axis)] ||
                          !moved(over([&](const auto& written) { return written.values[i].shape.begin()[axis]; })));
    if (!filled)
      throw state_error("record", {"a constant of shape ", out.shape, " moves with ", names_text(),
                                   ", and no size explains how; compute it from the input, or give it as one"});
  }

  void add_step(std::size_t i) {
    const inlay::detail::written_step& from = samples_[0].pen.written().steps[i];
    step out{from.op->copy(), from.operands, from.result, {}, false, {}};
    for (const std::int64_t id : from.operands) {
      value& v = out_.values[static_cast<std::size_t>(id)];
      v.last_step = static_cast<std::int64_t>(i);
      if (v.of != value::kind::cell || out.reads_weights) continue;
      out.reads_weights = true;
      const std::size_t dot = v.path.rfind('.');
      out.path = dot == std::string::npos ? std::string() : v.path.substr(0, dot);
    }
    if (!out.reads_weights && !from.operands.empty()) {
      const auto first = static_cast<std::size_t>(from.operands[0]);
      if (const std::int64_t made = samples_[0].pen.written().values[first].step; made >= 0)
        out.path = out_.steps[static_cast<std::size_t>(made)].path;
    }
    explain_attributes(i, out);
    out_.steps.push_back(std::move(out));
  }

  void explain_attributes(std::size_t i, step& out) const {
    std::vector<std::vector<attribute>> read;
    for (const sample& s : samples_) read.push_back(attribute_reader(*s.pen.written().steps[i].op).seen);
    std::vector<observed> sizes;
    for (std::size_t operand = 0; operand < out.operands.size(); ++operand) {
      const auto id = static_cast<std::size_t>(out.operands[operand]);
      for (int axis = 0; axis < out_.values[id].shape.rank(); ++axis) {
        std::vector<std::int64_t> seen =
            over([&](const inlay::detail::pen_state& written) { return written.values[id].shape.begin()[axis]; });
        if (moved(seen)) sizes.push_back({{static_cast<std::int64_t>(operand), axis}, std::move(seen)});
      }
    }
    for (observed& axis : axes_seen()) sizes.push_back(std::move(axis));
    for (std::size_t at = 0; at < read[0].size(); ++at) {
      std::vector<std::int64_t> seen;
      bool differs = false;
      for (const auto& attributes : read) {
        differs = differs || attributes.size() != read[0].size() || !(attributes[at] == read[0][at]);
        if (attributes.size() > at) seen.push_back(attributes[at].integer);
      }
      if (!differs) continue;
      std::optional<size_expression> found;
      if (read[0][at].of == attribute::kind::integer && seen.size() == samples_.size()) found = explain(seen, sizes);
      if (!found)
        throw state_error("record", {"attribute ", read[0][at].name, " of ", out.op->name(), ", operation number ", i,
                                     ", moves with ", names_text(), ", and no size explains how"});
      out.moved.emplace_back(static_cast<std::int64_t>(at), *std::move(found));
    }
  }

  template <class F> std::vector<std::int64_t> over(F&& f) const {
    std::vector<std::int64_t> out;
    for (const sample& s : samples_) out.push_back(f(s.pen.written()));
    return out;
  }
  static bool moved(std::span<const std::int64_t> seen) {
    for (const std::int64_t size : seen)
      if (size != seen[0]) return true;
    return false;
  }
  std::vector<observed> axes_seen() const {
    std::vector<observed> out;
    for (std::size_t name = 0; name < out_.names.size(); ++name) {
      out.push_back({{-1, static_cast<std::int64_t>(name)}, {}});
      for (const sample& s : samples_) out.back().sizes.push_back(s.sizes[name]);
    }
    return out;
  }

  std::string names_text() const {
    std::string out;
    for (const std::string& name : out_.names) out += (out.empty() ? "" : ", ") + name;
    return out;
  }
  std::string sizes_text(std::span<const std::int64_t> sizes) const {
    std::string out;
    for (std::size_t i = 0; i < sizes.size(); ++i)
      out += (i > 0 ? ", " : "") + out_.names[i] + " = " + std::to_string(sizes[i]);
    return out;
  }

  recording out_;
  std::vector<std::int64_t> sizes_, increments_;  // of the dynamic axes: in the example, and from one run to the next
  std::vector<sample> samples_;
};

}  // namespace detail

}  // namespace inlay::inline v0_1::graph
