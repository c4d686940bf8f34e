// Weights to and from PyTorch's files: safetensors of a state_dict, under PyTorch's names.
//   models::resnet<> net{{.depth = 50}};
//   models::load_torch(net, "resnet50.safetensors");  // safetensors.torch.save_file(model.state_dict(), …) in Python
// Layers keep their weights in the same form as PyTorch's and under the same names, so only what a model calls its
// parts can differ: its torch_names() tells it.
#pragma once

#include <optional>

#include "../io/save.hpp"
#include "parts.hpp"

namespace inlay::inline v0_1::models {

struct load_torch_options {
  bool strict = true;                                 // as in io::load_options
  bool map = false;                                   // as in io::load_options
  std::string prefix = {};                            // in front of every name of the file: "module."
  std::optional<std::vector<torch_name>> names = {};  // in place of the model's torch_names()
};

namespace detail {

template <class M> std::vector<torch_name> torch_names_of(const M& model) {
  if constexpr (requires { model.torch_names(); })
    return model.torch_names();
  else
    return {};
}

// Whether it is the path of the part, or of something in it. Everything is in the part without a name.
inline bool lies_in(const std::string& path, const std::string& part) {
  return part.empty() || (path.starts_with(part) && (path.size() == part.size() || path[part.size()] == '.'));
}

inline std::string joined(const std::string& path, const std::string& name) {
  return path.empty() || name.empty() ? path + name : path + "." + name;
}

// The parameters and buffers under PyTorch's names: a state_dict has no numbers.
template <class = void>  // compiled only where it is used
INLAY_COLD std::vector<member> torch_members(std::vector<member> members, const std::vector<torch_name>& names,
                                             const std::string& prefix) {
  std::erase_if(members, [](const member& m) { return !m.cell; });
  std::vector<bool> used(names.size());
  for (member& m : members) {
    std::size_t i = 0;
    while (i < names.size() && !lies_in(m.path, names[i].ours)) ++i;
    if (i < names.size()) {
      used[i] = true;
      const std::size_t length = names[i].ours.size();
      m.path = joined(names[i].torch, m.path.substr(length + (length > 0 && length < m.path.size() ? 1 : 0)));
    }
    m.path.insert(0, prefix);
  }
  for (std::size_t i = 0; i < used.size(); ++i)
    if (!used[i]) throw value_error("torch_names", {"expected parts that the model has, got ", names[i].ours});
  inlay::detail::check_paths(members);
  return members;
}

// A count of batches is in every state_dict with batch normalisation, and no result depends on it.
template <class = void> bool counts_batches(const std::string& name, const std::vector<member>& members) {
  if (!name.ends_with("num_batches_tracked")) return false;
  for (const member& m : members)
    if (m.path == name) return false;
  return true;
}

template <class = void>  // compiled only where it is used
INLAY_COLD io::load_report load_torch(const std::vector<member>& members, const std::string& path,
                                      const load_torch_options& options) {
  io::tensor_file file = io::load_tensors(path, {.map = options.map});
  std::erase_if(file.tensors, [&](const auto& item) { return counts_batches(item.first, members); });
  return io::detail::load(members, std::move(file), path, {.strict = options.strict, .map = options.map});
}

template <class = void>  // compiled only where it is used
INLAY_COLD void save_torch(const std::vector<member>& members, const std::string& path,
                           const io::save_options& options) {
  for (const member& m : members) {
    const any_tensor value = inlay::detail::value_of(*m.cell);
    if (const representation* what = value.representation())
      throw value_error("save_torch", {"expected elements, which PyTorch reads, got ", what->name(), " in ", m.path});
  }
  io::tensor_file file = io::detail::gather(members, options);
  io::detail::expand_ties(file);  // a state_dict has a tensor for every name
  file.metadata.clear();
  io::save_tensors(file, path);
}

}  // namespace detail

// As io::load, of a file under PyTorch's names, which the report and errors have too. Throws value_error for names of
// parts that the model does not have.
template <module M>
io::load_report load_torch(M& model, const std::string& path, const load_torch_options& options = {}) {
  const std::vector<torch_name> names = options.names ? *options.names : detail::torch_names_of(model);
  return detail::load_torch(detail::torch_members(members_of(model), names, options.prefix), path, options);
}

// As io::save, under PyTorch's names: model.load_state_dict(safetensors.torch.load_file(…)) takes it in Python. Numbers
// of the model are left out. Throws value_error for weights that have no elements, such as those of 8 bits.
template <module M> void save_torch(const M& model, const std::string& path, const io::save_options& options = {}) {
  detail::save_torch(detail::torch_members(members_of(model), detail::torch_names_of(model), ""), path, options);
}

}  // namespace inlay::inline v0_1::models
