// The safetensors format: u64 length of a JSON header, the header, the tensors' bytes. A file is checked whole before
// anything is allocated from what it says: header length, JSON, names, shapes, offsets without holes or overlap.
#pragma once

#include <algorithm>
#include <bit>
#include <map>

#include "../core/any_tensor.hpp"
#include "safetensors_header.hpp"

namespace inlay::inline v0_1::io {

// Named tensors, and the file's free text ("__metadata__").
struct tensor_file {
  std::map<std::string, any_tensor, std::less<>> tensors;
  std::map<std::string, std::string, std::less<>> metadata;
};

struct load_tensors_options {
  bool map = false;  // use the file's pages instead of a copy; for files that nobody truncates
};

// Reads a file. Throws io_error, which names the file and what is wrong in it, and type_error for element types that
// have no C++ counterpart here.
template <class = void>  // compiled only where it is used
INLAY_COLD tensor_file load_tensors(const std::string& path, const load_tensors_options& options = {}) {
  const tensor<std::uint8_t> bytes = options.map ? map_file(path) : read_file(path);
  const detail::header header = detail::read_header(path, bytes.values());
  tensor_file out{{}, header.metadata};
  for (const detail::entry& e : header.entries) {
    const tensor<std::uint8_t> part = bytes.slice(header.start + e.begin, header.start + e.end);
    if (e.type == dtype::boolean)
      for (const std::uint8_t value : part.values())
        if (value > 1) throw io_error("safetensors", {"expected 0 or 1 in ", e.name, ", got ", value, " in ", path});
    out.tensors.emplace(e.name, any_tensor(e.type, e.sizes, part));
  }
  return out;
}

// Writes a file atomically: the old one stays until the new one is complete on disk. Throws io_error, and value_error
// for names and texts that no reader could take back.
template <class = void>  // compiled only where it is used
INLAY_COLD void save_tensors(const tensor_file& file, const std::string& path) {
  static_assert(std::endian::native == std::endian::little, "the format is little-endian");
  std::vector<const std::pair<const std::string, any_tensor>*> order;
  for (const auto& item : file.tensors) order.push_back(&item);
  // Wider elements first, then by name: every tensor is aligned for its type.
  std::sort(order.begin(), order.end(), [](const auto* a, const auto* b) {
    const std::int64_t wide = size_of(a->second.type()), other = size_of(b->second.type());
    return wide != other ? wide > other : a->first < b->first;
  });

  std::string text = "{";
  if (!file.metadata.empty()) {
    text += "\"__metadata__\":{";
    for (const auto& [key, value] : file.metadata) text += detail::quoted(key) + ":" + detail::quoted(value) + ",";
    text.back() = '}';
    text += ',';
  }
  std::int64_t at = 0;
  for (const auto* item : order) {
    const any_tensor& t = item->second;
    const auto end = at + static_cast<std::int64_t>(t.bytes().size());
    text += detail::quoted(item->first) + ":{\"dtype\":\"" + detail::format_name(t.type()) + "\",\"shape\":[";
    for (int i = 0; i < t.shape().rank(); ++i) text += (i ? "," : "") + std::to_string(t.shape()[i]);
    text += "],\"data_offsets\":[" + std::to_string(at) + "," + std::to_string(end) + "]},";
    at = end;
  }
  if (text.size() > 1) text.pop_back();
  text += '}';
  text.resize((text.size() + 7) / 8 * 8, ' ');
  if (file.tensors.contains("__metadata__") || text.size() > detail::longest_header || !detail::valid_utf8(text))
    throw value_error("safetensors", {"expected names in UTF-8, none of them __metadata__, and a header of at most ",
                                      detail::longest_header, " bytes for ", path, ", got ", text.size(), " bytes"});

  const std::uint64_t length = text.size();
  atomic_writer out(path);
  out.write({reinterpret_cast<const std::uint8_t*>(&length), 8});
  out.write(text);
  for (const auto* item : order) out.write(item->second.bytes());
  out.commit();
}

}  // namespace inlay::inline v0_1::io
