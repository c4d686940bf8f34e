// A model's weights, buffers and sizes to and from a safetensors file, by the paths of its members. What the file's
// metadata says beside:
// - "representation:head.weight" is "int8": a representation stands for this weight. It keeps it: the parts lie beside
//   each other ("head.weight", "head.weight.scale").
// - "tied:decoder.weight" is "encoder.weight": both are one weight, of a module that the model has twice. It is stored
//   once, under its first path.
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

// Weights in 16 bits are converted to what the model has. A buffer without elements yet takes what the file has. A
// member at several paths takes what the file has for any of them. When that is more than one tensor, they must be the
// same bit for bit; without .strict, the first that fits is taken.
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

inline constexpr std::string_view representation_key = "representation:", tied_key = "tied:";

inline std::string metadata_key(std::string_view key, const std::string& path) { return std::string(key) + path; }

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

// Which member of the list is the first that is the same as the i-th: a module that is shared stands at several paths.
template <class = void> std::size_t first_of(const std::vector<member>& members, std::size_t i) {
  const auto place = [&](std::size_t at) -> const void* {
    const member& m = members[at];
    return m.cell ? static_cast<const void*>(m.cell.get()) : m.size ? static_cast<const void*>(m.size) : m.number;
  };
  std::size_t first = 0;
  while (place(first) != place(i)) ++first;
  return first;
}

// What save writes.
template <class = void>  // compiled only where it is used
INLAY_COLD tensor_file gather(const std::vector<member>& members, const save_options& options) {
  if (options.floats && !is_floating(*options.floats))
    throw value_error("save", {"expected .floats of a floating-point type, got ", name(*options.floats)});
  tensor_file file;
  const auto put = [&](const std::string& path, any_tensor t) {
    if (!file.tensors.emplace(path, std::move(t)).second)
      throw value_error("save", {"expected tensors of different names, got two of ", path});
  };
  for (std::size_t i = 0; i < members.size(); ++i) {
    const member& m = members[i];
    const member& first = members[first_of(members, i)];
    if (&first != &m) {
      file.metadata.emplace(metadata_key(tied_key, m.path), first.path);
    } else if (!m.cell) {
      put(m.path, m.of == member::kind::size ? any_tensor(tensor<std::int64_t>(shape{}, *m.size))
                                             : any_tensor(tensor<double>(shape{}, *m.number)));
    } else if (const any_tensor value = inlay::detail::value_of(*m.cell);
               const representation* what = value.representation()) {
      file.metadata.emplace(metadata_key(representation_key, m.path), what->name());
      for (const auto& [part, t] : what->parts()) put(part_path(m.path, part), t);
    } else {
      put(m.path, as_floats(value, options.floats.value_or(value.type())));
    }
  }
  return file;
}

// Writes ties out: from here on the file has a tensor for every name, and tied ones share their memory.
template <class = void> void expand_ties(tensor_file& file) {
  tensor_file more;
  for (const auto& [key, of] : file.metadata) {
    if (!key.starts_with(tied_key)) continue;
    const std::string path = key.substr(tied_key.size());
    auto from = file.tensors.find(of);
    if (from == file.tensors.end() || file.tensors.contains(path)) continue;
    more.tensors.emplace(path, from->second);
    const auto kind = file.metadata.find(metadata_key(representation_key, of));
    if (kind == file.metadata.end()) continue;
    more.metadata.emplace(metadata_key(representation_key, path), kind->second);
    const std::string parts = of + ".";
    for (from = file.tensors.lower_bound(parts); from != file.tensors.end() && from->first.starts_with(parts); ++from)
      more.tensors.emplace(path + from->first.substr(of.size()), from->second);
  }
  file.tensors.merge(more.tensors);
  file.metadata.merge(more.metadata);
}

// What a file holds for a member; takes it out of the file. Throws io_error for a representation that is unknown or
// damaged.
template <class = void> std::optional<any_tensor> take(tensor_file& file, const std::string& path) {
  const auto part = [&](const char* name) -> std::optional<any_tensor> {
    auto found = file.tensors.extract(part_path(path, name));
    return found ? std::optional<any_tensor>(std::move(found.mapped())) : std::nullopt;
  };
  const auto kind = file.metadata.find(metadata_key(representation_key, path));
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

// The same type, shape and bits: of the elements, or of what stands for them.
template <class = void> bool equal_tensors(const any_tensor& a, const any_tensor& b) {
  if (a.type() != b.type() || !(a.shape() == b.shape())) return false;
  const representation *one = a.representation(), *other = b.representation();
  if (one == nullptr && other == nullptr)
    return a.bytes().data() == b.bytes().data() || std::ranges::equal(a.bytes(), b.bytes());
  if (one == nullptr || other == nullptr || std::string_view(one->name()) != other->name()) return false;
  const auto parts = one->parts(), others = other->parts();
  return std::equal(parts.begin(), parts.end(), others.begin(), others.end(), [](const auto& p, const auto& q) {
    return p.first == q.first && equal_tensors(p.second, q.second);
  });
}

inline std::string described(dtype type, const shape& sizes) {
  return sizes.rank() == 0 ? std::string("a single ") + name(type) : name(type) + (" " + sizes.text());
}

// Why a member cannot take what the file has for it; empty when it can.
template <class = void> std::string misfit(const member& m, const any_tensor& t, const load_options& options) {
  const dtype type = m.cell ? m.cell->type : m.of == member::kind::size ? dtype::int64 : dtype::float64;
  const dtype given = size_of(t.type()) == 2 && is_floating(type) ? type : t.type();  // 16 bits are converted
  const shape expected = m.cell ? m.cell->shape() : shape{};
  const bool unfilled = m.of == member::kind::buffer && expected.size() == 0;
  const bool reshaped = unfilled || (options.reshape && m.cell && t.shape().rank() == expected.rank());
  if (given == type && (t.shape() == expected || reshaped)) return "";
  return "expected " + described(type, expected) + ", got " + described(given, t.shape());
}

// What becomes of a member.
struct load_step {
  std::size_t first;             // that is the same; it has what follows
  const member* from = nullptr;  // whose name in the file gives the value; null when none does
  any_tensor value = {};
  bool mismatched = false;  // of this member's own name
};

// What becomes of each member, with the mismatches told; what is left in the file belongs to none.
template <class = void>
INLAY_COLD std::vector<load_step> plan_load(const std::vector<member>& members, tensor_file& file,
                                            const load_options& options, std::vector<std::string>& mismatched) {
  std::vector<load_step> plan;
  plan.reserve(members.size());
  for (const member& m : members) {
    plan.push_back({first_of(members, plan.size())});
    load_step& target = plan[plan.back().first];
    std::optional<any_tensor> t = take(file, m.path);
    if (!t) continue;
    std::string why = misfit(m, *t, options);
    if (why.empty() && target.from != nullptr && !equal_tensors(target.value, *t))
      why = "expected the bits of " + target.from->path + ", to which the model ties it, got others";
    if (!why.empty()) {
      mismatched.push_back(m.path + ": " + why);
      plan.back().mismatched = true;
    } else if (target.from == nullptr) {
      target.from = &m;
      target.value = std::move(*t);
    }
  }
  return plan;
}

// A new value, which fits: nothing here can fail.
template <class = void> void assign(const member& m, const any_tensor& value) {
  if (m.cell)
    visit(m.cell->type, [&](auto zero) {
      static_cast<inlay::detail::cell<decltype(zero)>&>(*m.cell).set(value.template as<decltype(zero)>());
    });
  else
    std::memcpy(m.size ? static_cast<void*>(m.size) : m.number, value.bytes().data(), 8);
}

// Fits what a file holds; its path is for messages.
template <class = void>  // compiled only where it is used
INLAY_COLD load_report load(const std::vector<member>& members, tensor_file file, const std::string& path,
                            const load_options& options) {
  load_report report;
  expand_ties(file);
  std::vector<load_step> plan = plan_load(members, file, options, report.mismatched);
  std::vector<std::string> loaded;
  for (std::size_t i = 0; i < members.size(); ++i)
    if (!plan[i].mismatched) (plan[plan[i].first].from != nullptr ? loaded : report.missing).push_back(members[i].path);
  for (const auto& [name, t] : file.tensors) report.unexpected.push_back(name);
  if (options.strict && !report.complete())
    throw io_error("load", {"expected ", path, " to fit the model, got ", report.text(),
                            "; pass {.strict = false} to load what fits"});

  for (load_step& step : plan)  // all that may fail comes before the first value changes
    if (step.from != nullptr && step.from->cell) step.value = as_floats(step.value, step.from->cell->type);
  for (const load_step& step : plan)
    if (step.from != nullptr) assign(*step.from, step.value);
  report.loaded = std::move(loaded);
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
