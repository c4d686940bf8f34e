// Weights to and from PyTorch's files: safetensors of a state_dict, under PyTorch's names.
//   models::resnet<> net{{.depth = 50}};
//   models::load_torch(net, "resnet50.safetensors");  // safetensors.torch.save_file(model.state_dict(), …) in Python
// Layers keep their weights in the same form as PyTorch's and under the same names, so only what a model calls its
// parts can differ, and how a file lays them out: its torch_names() tells it.
#pragma once

#include <optional>

#include "../io/save.hpp"
#include "../io/shards.hpp"
#include "../ops/transpose.hpp"
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

// A tensor of the file that is not simply a member: transposed, or the rows of several.
struct torch_tensor {
  std::string name;
  bool transposed;
  std::vector<std::size_t> parts;  // members whose rows lie behind each other in it
};

// The parameters and buffers under PyTorch's names; a state_dict has no numbers. Rows of a tensor that has others' too
// have a name of their own: "attn.c_attn.weight[0:768]".
struct torch_layout {
  std::vector<member> members;
  std::vector<member> also;  // under further names
  std::vector<torch_tensor> tensors;
};

template <class = void>  // compiled only where it is used
INLAY_COLD void add_tensor(torch_layout& layout, torch_tensor tensor) {
  const shape first = layout.members[tensor.parts[0]].cell->shape();
  std::int64_t begin = 0;
  for (const std::size_t i : tensor.parts) {
    member& m = layout.members[i];
    const shape sizes = m.cell->shape();
    if (sizes.rank() == 0 || sizes.rank() != first.rank() || !(sizes.with(0, 0) == first.with(0, 0)))
      throw value_error("torch_names", {"expected parts of one name, ", tensor.name,
                                        ", that can be rows of one tensor, got ", first, " and ", sizes});
    const std::int64_t end = begin + sizes[0];
    if (tensor.parts.size() > 1) m.path += "[" + std::to_string(begin) + ":" + std::to_string(end) + "]";
    begin = end;
  }
  layout.tensors.push_back(std::move(tensor));
}

template <class = void>  // compiled only where it is used
INLAY_COLD torch_layout torch_layout_of(std::vector<member> members, const std::vector<torch_name>& names,
                                        const std::string& prefix) {
  torch_layout out;
  std::vector<bool> used(names.size());
  std::map<std::string, std::map<std::size_t, std::vector<std::size_t>>> parts;  // of each tensor, by the names' order
  for (member& m : members) {
    if (!m.cell) continue;
    std::size_t of = names.size();
    std::string path = prefix + m.path;
    for (std::size_t i = 0; i < names.size(); ++i) {
      const torch_name& by = names[i];
      const bool also = by.form == torch_form::also;
      if (by.form == torch_form::unused || (of < i && !also) || !lies_in(m.path, by.ours)) continue;
      used[i] = true;
      const std::size_t length = by.ours.size();
      const std::string name =
          prefix + joined(by.torch, m.path.substr(length + (length > 0 && length < m.path.size() ? 1 : 0)));
      if (also)
        out.also.push_back({.path = name, .of = m.of, .cell = m.cell});
      else
        of = i, path = name;
    }
    parts[path][of].push_back(out.members.size());
    m.path = path;
    out.members.push_back(std::move(m));
  }
  for (std::size_t i = 0; i < used.size(); ++i)
    if (!used[i] && names[i].form != torch_form::unused)
      throw value_error("torch_names", {"expected parts that the model has, got ", names[i].ours});
  for (const auto& [name, by_place] : parts) {
    torch_tensor tensor{name, false, {}};
    for (const auto& [at, list] : by_place) {
      tensor.parts.insert(tensor.parts.end(), list.begin(), list.end());
      tensor.transposed = tensor.transposed || (at < names.size() && names[at].form == torch_form::transposed &&
                                                out.members[list[0]].cell->shape().rank() == 2);
    }
    if (tensor.transposed || tensor.parts.size() > 1) add_tensor(out, std::move(tensor));
  }
  inlay::detail::check_paths(out.members);
  return out;
}

template <class = void> any_tensor transposed(const any_tensor& t) {
  return visit(t.type(), [&](auto zero) { return any_tensor(transpose(t.as<decltype(zero)>())); });
}

// Tensors of the file as the model has them. One that has another count of rows than its parts stays whole, and does
// not fit the first of them.
template <class = void>  // compiled only where it is used
INLAY_COLD void take_apart(io::tensor_file& file, const torch_layout& layout) {
  for (const torch_tensor& tensor : layout.tensors) {
    auto found = file.tensors.extract(tensor.name);
    if (!found) continue;
    any_tensor t = std::move(found.mapped());
    if (tensor.transposed && t.shape().rank() == 2) t = transposed(t);
    std::int64_t rows = 0;
    for (const std::size_t i : tensor.parts) rows += layout.members[i].cell->shape()[0];
    const bool fits = t.shape().rank() > 0 && t.shape()[0] == rows;
    std::int64_t begin = 0;
    for (const std::size_t i : tensor.parts) {
      const std::int64_t end = begin + layout.members[i].cell->shape()[0];
      file.tensors.insert_or_assign(
          layout.members[i].path,
          fits ? visit(t.type(), [&](auto zero) { return any_tensor(t.as<decltype(zero)>().slice(begin, end)); }) : t);
      if (!fits) break;
      begin = end;
    }
  }
}

// Tensors as the file has them.
template <class = void>  // compiled only where it is used
INLAY_COLD void put_together(io::tensor_file& file, const torch_layout& layout) {
  for (const torch_tensor& tensor : layout.tensors) {
    std::vector<any_tensor> parts;
    std::int64_t rows = 0;
    for (const std::size_t i : tensor.parts) {
      parts.push_back(std::move(file.tensors.extract(layout.members[i].path).mapped()));
      rows += parts.back().shape()[0];
    }
    any_tensor whole = parts[0];
    if (parts.size() > 1) {
      inlay::tensor<std::uint8_t> bytes(
          {rows * parts[0].shape().count(1, parts[0].shape().rank()) * size_of(parts[0].type())});
      std::uint8_t* to = bytes.data();
      for (const any_tensor& part : parts) to = std::copy(part.bytes().begin(), part.bytes().end(), to);
      whole = any_tensor(parts[0].type(), parts[0].shape().with(0, rows), std::move(bytes));
    }
    file.tensors.emplace(tensor.name, tensor.transposed ? transposed(whole) : whole);
  }
}

// Whether the model needs nothing of it: a count of batches is in every state_dict with batch normalisation, and no
// result depends on it.
template <class = void>
bool is_unused(const std::string& name, const std::vector<member>& members, const std::vector<torch_name>& names,
               const std::string& prefix) {
  const auto is_member = [&](const member& m) { return m.path == name; };
  if (std::any_of(members.begin(), members.end(), is_member)) return false;
  return name.ends_with("num_batches_tracked") || std::any_of(names.begin(), names.end(), [&](const torch_name& by) {
           return by.form == torch_form::unused && inlay::detail::matches(prefix + by.torch, name);
         });
}

template <class = void>  // compiled only where it is used
INLAY_COLD io::load_report load_torch(torch_layout layout, const std::vector<torch_name>& names,
                                      const std::string& path, const load_torch_options& options) {
  io::tensor_file file = path.ends_with(".index.json") ? io::load_shards(path, {.map = options.map})
                                                       : io::load_tensors(path, {.map = options.map});
  layout.members.insert(layout.members.end(), layout.also.begin(), layout.also.end());
  std::erase_if(file.tensors,
                [&](const auto& item) { return is_unused(item.first, layout.members, names, options.prefix); });
  take_apart(file, layout);
  return io::detail::load(layout.members, std::move(file), path, {.strict = options.strict, .map = options.map});
}

template <class = void>  // compiled only where it is used
INLAY_COLD void save_torch(const torch_layout& layout, const std::string& path, const io::save_options& options) {
  for (const member& m : layout.members) {
    const any_tensor value = inlay::detail::value_of(*m.cell);
    if (const representation* what = value.representation())
      throw value_error("save_torch", {"expected elements, which PyTorch reads, got ", what->name(), " in ", m.path});
  }
  io::tensor_file file = io::detail::gather(layout.members, options);
  io::detail::expand_ties(file);  // a state_dict has a tensor for every name
  put_together(file, layout);
  file.metadata.clear();
  io::save_tensors(file, path);
}

}  // namespace detail

// As io::load, of a file under PyTorch's names, which the report and errors have too, or of several by their
// "….index.json". Throws value_error for names of parts that the model does not have.
template <module M>
io::load_report load_torch(M& model, const std::string& path, const load_torch_options& options = {}) {
  const std::vector<torch_name> names = options.names ? *options.names : detail::torch_names_of(model);
  return detail::load_torch(detail::torch_layout_of(members_of(model), names, options.prefix), names, path, options);
}

// As io::save, under PyTorch's names: model.load_state_dict(safetensors.torch.load_file(…)) takes it in Python. Numbers
// of the model are left out. Throws value_error for weights that have no elements, such as those of 8 bits.
template <module M> void save_torch(const M& model, const std::string& path, const io::save_options& options = {}) {
  detail::save_torch(detail::torch_layout_of(members_of(model), detail::torch_names_of(model), ""), path, options);
}

}  // namespace inlay::inline v0_1::models
