// The header of a safetensors file: JSON of a form that is known, so it is read strictly.
#pragma once

#include <map>
#include <vector>

#include "../core/dtype.hpp"
#include "../core/shape.hpp"
#include "file.hpp"
#include "json.hpp"

namespace inlay::inline v0_1::io::detail {

inline constexpr std::uint64_t longest_header = 100'000'000;

struct entry {
  std::string name;
  dtype type = dtype::float32;
  shape sizes;
  std::int64_t begin = 0, end = 0;
};

struct header {
  std::vector<entry> entries;  // by offset
  std::map<std::string, std::string, std::less<>> metadata;
  std::int64_t start = 0;  // of the tensors' bytes in the file
};

inline const char* format_name(dtype type) noexcept {
  constexpr const char* names[] = {"F32", "F64", "I32", "I64", "U8", "I8", "BOOL", "F16", "BF16"};
  return names[static_cast<int>(type)];
}

template <class = void>  // compiled only where it is used
class header_parser : private json_reader {
 public:
  header_parser(const std::string& path, std::string_view text) : json_reader("safetensors", path, text, 8) {}

  INLAY_COLD header parse() {
    header out;
    bool described = false;
    expect('{');
    if (!accept('}')) {
      do {
        std::string name = string();
        expect(':');
        if (name != "__metadata__")
          out.entries.push_back(entry_of(std::move(name)));
        else if (!std::exchange(described, true))
          metadata(out);
        else
          fail("__metadata__ once");
      } while (accept(','));
      expect('}');
    }
    end("the header");
    return out;
  }

 private:
  INLAY_COLD std::vector<std::int64_t> numbers(std::size_t most) {
    std::vector<std::int64_t> out;
    expect('[');
    if (accept(']')) return out;
    do {
      if (out.size() == most) fail("at most " + std::to_string(most) + " numbers");
      out.push_back(number());
    } while (accept(','));
    expect(']');
    return out;
  }

  INLAY_COLD entry entry_of(std::string name) {
    entry out;
    out.name = std::move(name);
    bool typed = false, sized = false, placed = false;
    expect('{');
    do {
      const std::string key = string();
      expect(':');
      if (key == "dtype" && !std::exchange(typed, true)) {
        out.type = type_of(string());
      } else if (key == "shape" && !std::exchange(sized, true)) {
        const std::vector<std::int64_t> sizes = numbers(shape::max_rank);
        try {
          out.sizes = shape(std::span<const std::int64_t>(sizes));
        } catch (const shape_error&) {
          fail("a shape whose size does not overflow");
        }
      } else if (key == "data_offsets" && !std::exchange(placed, true)) {
        const std::vector<std::int64_t> offsets = numbers(2);
        if (offsets.size() != 2) fail("two offsets");
        out.begin = offsets[0];
        out.end = offsets[1];
      } else {
        fail("each of dtype, shape and data_offsets once, and nothing else");
      }
    } while (accept(','));
    expect('}');
    if (!typed || !sized || !placed) fail("dtype, shape and data_offsets of " + out.name);
    return out;
  }

  INLAY_COLD dtype type_of(const std::string& text) const {
    for (const dtype type : {dtype::float32, dtype::float64, dtype::int32, dtype::int64, dtype::uint8, dtype::int8,
                             dtype::boolean, dtype::float16, dtype::bfloat16})
      if (text == format_name(type)) return type;
    throw type_error("safetensors", {"expected an element type of F32, F64, F16, BF16, I32, I64, U8, I8 or BOOL, got ",
                                     text, " in ", path()});
  }

  INLAY_COLD void metadata(header& out) {
    expect('{');
    if (accept('}')) return;
    do {
      std::string key = string();
      expect(':');
      std::string value = string();
      if (!out.metadata.emplace(std::move(key), std::move(value)).second) fail("metadata keys that differ");
    } while (accept(','));
    expect('}');
  }
};

// Checks a file's bytes from the outside in; every tensor's bytes lie inside the file when this returns.
template <class = void>  // compiled only where it is used
INLAY_COLD header read_header(const std::string& path, std::span<const std::uint8_t> bytes) {
  const auto bad = [&](std::initializer_list<inlay::detail::piece> what) { throw io_error("safetensors", what); };
  if (bytes.size() < 8) bad({"expected 8 bytes or more, got ", bytes.size(), " in ", path});
  std::uint64_t length = 0;
  std::memcpy(&length, bytes.data(), 8);
  if (length > longest_header)
    bad({"expected a header of at most ", longest_header, " bytes, got ", length, " in ", path});
  if (length > bytes.size() - 8)
    bad({"expected a header of ", length, " bytes, got a file of ", bytes.size(), ": ", path});
  const std::string_view text(reinterpret_cast<const char*>(bytes.data() + 8), static_cast<std::size_t>(length));
  if (text.empty() || text[0] != '{') bad({"expected a header that starts with '{' in ", path});
  if (!valid_utf8(text)) bad({"expected a header in UTF-8 in ", path});

  header out = header_parser(path, text).parse();
  out.start = static_cast<std::int64_t>(8 + length);
  const auto by_name = [](const entry& a, const entry& b) { return a.name < b.name; };
  std::sort(out.entries.begin(), out.entries.end(), by_name);
  for (std::size_t i = 1; i < out.entries.size(); ++i)
    if (out.entries[i].name == out.entries[i - 1].name)
      bad({"expected names that differ, got ", out.entries[i].name, " twice in ", path});
  std::sort(out.entries.begin(), out.entries.end(),
            [](const entry& a, const entry& b) { return a.begin != b.begin ? a.begin < b.begin : a.end < b.end; });

  const auto available = static_cast<std::int64_t>(bytes.size() - 8 - length);
  std::int64_t at = 0;
  for (const entry& e : out.entries) {
    if (e.begin != at || e.end < e.begin)
      bad({"expected ", e.name, " to begin at ", at, ", got offsets ", e.begin, " and ", e.end, " in ", path});
    if (e.end > available)
      bad({"expected ", e.name, " to end within the file, got offset ", e.end, " of ", available, " in ", path});
    std::int64_t size = 0;
    if (__builtin_mul_overflow(e.sizes.size(), size_of(e.type), &size) || size != e.end - e.begin)
      bad({"expected ", e.name, " ", e.sizes, " of ", name(e.type), " to have its size in bytes, got ", e.end - e.begin,
           " in ", path});
    at = e.end;
  }
  if (at != available) bad({"expected the last tensor to end the file, got ", available - at, " bytes more in ", path});
  return out;
}

}  // namespace inlay::inline v0_1::io::detail
