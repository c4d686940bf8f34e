// A model's weights, buffers and sizes to and from a safetensors file, by the paths of its members. A weight that a
// representation stands for keeps it: the parts lie beside each other ("head.weight", "head.weight.scale"), and the
// file's metadata says what they are ("representation:head.weight" is "int8").
#pragma once

#include "../autograd/members.hpp"
#include "../ops/int8.hpp"
#include "safetensors.hpp"

namespace inlay::inline v0_1::io {

struct save_options {
  // Element type of floating-point weights and buffers in the file: dtype::bfloat16 or float16 take half the bytes of a
  // float. Empty: as they are in the model.
  std::optional<dtype> floats = {};
};

// Weights in 16 bits are converted to what the model has. A buffer without elements yet takes what the file has.
struct load_options {
  bool strict =
      true;          // every member is in the file, and every tensor of the file is a member; otherwise nothing changes
  bool map = false;  // use the file's pages as the weights' memory until they are written
  bool reshape = false;  // take the file's shapes of weights and buffers: of a model whose channels were pruned
};

// What load did, or why it refused.
struct load_report {
  std::vector<std::string> loaded;
  std::vector<std::string> missing;     // members that the file does not have
  std::vector<std::string> unexpected;  // tensors that the model does not have
  std::vector<std::string> mismatched;  // "path: expected float32 (3, 2), got float32 (2, 3)"

  bool complete() const noexcept { return missing.empty() && unexpected.empty() && mismatched.empty(); }
  std::string text() const;
};

INLAY_COLD inline std::string load_report::text() const {
  std::string out = std::to_string(loaded.size()) + " loaded";
  const auto list = [&](const char* what, const std::vector<std::string>& names) {
    for (std::size_t i = 0; i < names.size() && i < 8; ++i)
      out += (i == 0 ? std::string("; ") + what + ": " : std::string(", ")) + names[i];
    if (names.size() > 8) out += " and " + std::to_string(names.size() - 8) + " more";
  };
  list("missing", missing);
  list("unexpected", unexpected);
  list("mismatched", mismatched);
  return out;
}

namespace detail {

// A new value, with the element type known at run time only.
template <class = void> void assign(inlay::detail::cell_base& cell, const any_tensor& value) {
  visit(cell.type, [&](auto zero) {
    static_cast<inlay::detail::cell<decltype(zero)>&>(cell).set(value.template as<decltype(zero)>());
  });
}

inline constexpr const char* representation_key = "representation:";

inline std::string part_path(const std::string& path, const std::string& part) {
  return part.empty() ? path : path + "." + part;
}

// Floating-point elements of another type; anything else as it is.
template <class = void> any_tensor as_floats(const any_tensor& t, dtype type) {
  if (t.type() == type || !is_floating(t.type()) || !is_floating(type)) return t;
  return visit(t.type(), [&](auto zero) {
    using From = decltype(zero);
    return visit(type, [&](auto wanted) {
      using To = decltype(wanted);
      if constexpr (std::is_integral_v<From> || std::is_integral_v<To>)
        return t;
      else
        return any_tensor(t.template as<From>().template cast<To>());
    });
  });
}

// What save writes.
template <class = void>  // compiled only where it is used
INLAY_COLD tensor_file gather(const std::vector<member>& members, const save_options& options) {
  if (options.floats && !is_floating(*options.floats))
    throw value_error("save", {"expected .floats of a floating-point type, got ", name(*options.floats)});
  tensor_file file;
  for (const member& m : members) {
    if (!m.cell) {
      file.tensors.emplace(m.path, m.of == member::kind::size ? any_tensor(tensor<std::int64_t>(shape{}, *m.size))
                                                              : any_tensor(tensor<double>(shape{}, *m.number)));
      continue;
    }
    const any_tensor value = inlay::detail::value_of(*m.cell);
    if (const representation* what = value.representation()) {
      file.metadata.emplace(representation_key + m.path, what->name());
      for (const auto& [part, t] : what->parts()) file.tensors.emplace(part_path(m.path, part), t);
    } else {
      file.tensors.emplace(m.path, as_floats(value, options.floats.value_or(value.type())));
    }
  }
  return file;
}

// What a file holds for a member; takes it out of the file. Throws io_error for a representation that is unknown or
// damaged.
template <class = void> std::optional<any_tensor> take(tensor_file& file, const std::string& path) {
  const auto part = [&](const char* name) -> std::optional<any_tensor> {
    auto found = file.tensors.extract(part_path(path, name));
    return found ? std::optional<any_tensor>(std::move(found.mapped())) : std::nullopt;
  };
  const auto kind = file.metadata.find(representation_key + path);
  std::optional<any_tensor> first = part("");
  if (!first || kind == file.metadata.end()) return first;
  try {
    if (kind->second != "int8") throw value_error("load", {"expected a representation of int8, got ", kind->second});
    const std::optional<any_tensor> scale = part("scale"), range = part("input_range");
    std::optional<value_range> input;
    if (range && range->shape() == shape{2}) input = {range->as<float>().values()[0], range->as<float>().values()[1]};
    if (!scale || range.has_value() != input.has_value())
      throw value_error("load", {"expected scales, and an input range of two numbers or none"});
    return any_tensor(tensor<float>::represented(
        std::make_shared<int8_weight<>>(first->as<std::int8_t>(), scale->as<float>(), input)));
  } catch (const error& e) {
    throw io_error("load", {path, ": ", e.what()});
  }
}

// Fits what a file holds; its path is for messages.
template <class = void>  // compiled only where it is used
INLAY_COLD load_report load(const std::vector<member>& members, tensor_file file, const std::string& path,
                            const load_options& options) {
  load_report report;
  std::vector<std::pair<const member*, any_tensor>> found;
  for (const member& m : members) {
    std::optional<any_tensor> t = take(file, m.path);
    if (!t) {
      report.missing.push_back(m.path);
      continue;
    }
    const dtype type = m.cell ? m.cell->type : m.of == member::kind::size ? dtype::int64 : dtype::float64;
    if (size_of(t->type()) == 2) *t = as_floats(*t, type);
    const shape expected = m.cell ? m.cell->shape() : shape{};
    const bool unfilled = m.of == member::kind::buffer && expected.size() == 0;
    const bool reshaped = unfilled || (options.reshape && m.cell && t->shape().rank() == expected.rank());
    if (t->type() != type || !(t->shape() == expected || reshaped))
      report.mismatched.push_back(m.path + ": expected " + name(type) + " " + expected.text() + ", got " +
                                  name(t->type()) + " " + t->shape().text());
    else
      found.emplace_back(&m, std::move(*t));
  }
  for (const auto& [name, t] : file.tensors) report.unexpected.push_back(name);
  if (options.strict && !report.complete())
    throw io_error("load", {"expected ", path, " to fit the model, got ", report.text(),
                            "; pass {.strict = false} to load what fits"});

  for (const auto& [m, t] : found) {
    if (m->cell)
      assign(*m->cell, t);
    else if (m->of == member::kind::size)
      *m->size = t.template as<std::int64_t>().item();
    else
      *m->number = t.template as<double>().item();
    report.loaded.push_back(m->path);
  }
  return report;
}

template <class = void>  // compiled only where it is used
load_report load(const std::vector<member>& members, const std::string& path, const load_options& options) {
  return load(members, load_tensors(path, {.map = options.map}), path, options);
}

}  // namespace detail

// Writes all members, atomically: the old file stays until the new one is complete. Throws io_error.
template <module M> void save(const M& model, const std::string& path, const save_options& options = {}) {
  save_tensors(detail::gather(members_of(model), options), path);
}

// Reads members by path. The file is checked whole first; when it does not fit and .strict holds, io_error tells every
// difference and the model is as it was. Without .strict, what fits is loaded and the report tells the rest.
template <module M> load_report load(M& model, const std::string& path, const load_options& options = {}) {
  return detail::load(members_of(model), path, options);
}

}  // namespace inlay::inline v0_1::io
