// A safetensors file in several parts, as Hugging Face cuts large ones: "model.safetensors.index.json" says which of
// the files beside it has which tensor.
#pragma once

#include "safetensors.hpp"

namespace inlay::inline v0_1::io {

namespace detail {

// The names of the tensors in each file, from {…, "weight_map": {"tensor": "file", …}}.
template <class = void>  // compiled only where it is used
INLAY_COLD std::map<std::string, std::vector<std::string>> read_index(const std::string& path) {
  const tensor<std::uint8_t> bytes = read_file(path);
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), static_cast<std::size_t>(bytes.size())),
      key = "\"weight_map\"";
  const std::size_t at = text.find(key);
  if (at == std::string_view::npos) throw io_error("shards", {"expected a \"weight_map\" in ", path});
  json_reader in("shards", path, text.substr(at + key.size()), at + key.size());
  std::map<std::string, std::vector<std::string>> out;
  in.expect(':'), in.expect('{');
  if (in.accept('}')) return out;
  do {
    std::string name = in.string();
    in.expect(':');
    const std::string file = in.string();
    if (file.empty() || file.find_first_of(std::string_view("/\\\0", 3)) != std::string::npos)
      in.fail("the name of a file beside the index before what stands");
    out[file].push_back(std::move(name));
  } while (in.accept(','));
  in.expect('}');
  return out;
}

}  // namespace detail

// All tensors of the files that an index lists. Throws what load_tensors throws, and io_error for an index that is
// none, or does not fit its files.
template <class = void>  // compiled only where it is used
INLAY_COLD tensor_file load_shards(const std::string& index, const load_tensors_options& options = {}) {
  const std::size_t slash = index.find_last_of('/');
  const std::string folder = slash == std::string::npos ? "" : index.substr(0, slash + 1);
  tensor_file out;
  for (const auto& [file, names] : detail::read_index(index)) {
    tensor_file part = load_tensors(folder + file, options);
    for (const std::string& name : names)
      if (!part.tensors.contains(name)) throw io_error("shards", {"expected ", name, " in ", folder + file});
    out.tensors.merge(part.tensors);
    if (!part.tensors.empty())
      throw io_error("shards", {"expected ", part.tensors.begin()->first, " in one file of ", index, ", got two"});
  }
  return out;
}

}  // namespace inlay::inline v0_1::io
