// A model's weights, buffers and sizes to and from a safetensors file, by the paths of its members.
#pragma once

#include "../autograd/members.hpp"
#include "safetensors.hpp"

namespace inlay::inline v0_1::io {

struct load_options {
  bool strict =
      true;          // every member is in the file, and every tensor of the file is a member; otherwise nothing changes
  bool map = false;  // use the file's pages as the weights' memory until they are written
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
    static_cast<inlay::detail::cell<decltype(zero)>&>(cell).assign(value.template as<decltype(zero)>());
  });
}

template <class = void>  // compiled only where it is used
INLAY_COLD void save(const std::vector<member>& members, const std::string& path) {
  tensor_file file;
  for (const member& m : members) {
    if (m.of == member::kind::size)
      file.tensors.emplace(m.path, any_tensor(tensor<std::int64_t>(shape{}, *m.size)));
    else
      file.tensors.emplace(m.path, inlay::detail::value_of(*m.cell));
  }
  save_tensors(file, path);
}

template <class = void>  // compiled only where it is used
INLAY_COLD load_report load(const std::vector<member>& members, const std::string& path, const load_options& options) {
  tensor_file file = load_tensors(path, {.map = options.map});
  load_report report;
  std::vector<std::pair<const member*, const any_tensor*>> found;
  for (const member& m : members) {
    const auto it = file.tensors.find(m.path);
    if (it == file.tensors.end()) {
      report.missing.push_back(m.path);
      continue;
    }
    const any_tensor& t = it->second;
    const bool size = m.of == member::kind::size;
    const dtype type = size ? dtype::int64 : m.cell->type;
    const shape expected = size ? shape{} : m.cell->shape();
    if (t.type() != type || !(t.shape() == expected))
      report.mismatched.push_back(m.path + ": expected " + name(type) + " " + expected.text() + ", got " +
                                  name(t.type()) + " " + t.shape().text());
    else
      found.emplace_back(&m, &t);
  }
  std::vector<std::string_view> paths;  // sorted: a hostile file may have a million names
  for (const member& m : members) paths.push_back(m.path);
  std::sort(paths.begin(), paths.end());
  for (const auto& [name, t] : file.tensors)
    if (!std::binary_search(paths.begin(), paths.end(), name)) report.unexpected.push_back(name);
  if (options.strict && !report.complete())
    throw io_error("load", {"expected ", path, " to fit the model, got ", report.text(),
                            "; pass {.strict = false} to load what fits"});

  for (const auto& [m, t] : found) {
    if (m->of == member::kind::size)
      *m->size = t->template as<std::int64_t>().item();
    else
      assign(*m->cell, *t);
    report.loaded.push_back(m->path);
  }
  return report;
}

}  // namespace detail

// Writes all members, atomically: the old file stays until the new one is complete. Throws io_error.
template <module M> void save(const M& model, const std::string& path) { detail::save(members_of(model), path); }

// Reads members by path. The file is checked whole first; when it does not fit and .strict holds, io_error tells every
// difference and the model is as it was. Without .strict, what fits is loaded and the report tells the rest.
template <module M> load_report load(M& model, const std::string& path, const load_options& options = {}) {
  return detail::load(members_of(model), path, options);
}

}  // namespace inlay::inline v0_1::io
