// The header of a safetensors file: a closed subset of JSON, so it has its own strict parser. It reads from memory
// that is there, allocates in proportion to what it has read, and does not recurse.
#pragma once

#include <map>
#include <vector>

#include "../core/dtype.hpp"
#include "../core/shape.hpp"
#include "file.hpp"

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
class header_parser {
 public:
  header_parser(const std::string& path, std::string_view text) : path_(path), text_(text) {}

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
    space();
    if (at_ != text_.size()) fail("nothing but spaces after the header");
    return out;
  }

 private:
  [[noreturn]] INLAY_COLD void fail(std::string_view expected) const {
    throw io_error("safetensors", {"expected ", expected, " at byte ", 8 + at_, " of ", path_});
  }

  void space() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n' || text_[at_] == '\r'))
      ++at_;
  }
  bool accept(char c) {
    space();
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  void expect(char c) {
    if (!accept(c)) fail(std::string("a '") + c + "'");
  }

  INLAY_COLD std::string string() {
    expect('"');
    std::string out;
    for (;;) {
      if (at_ >= text_.size()) fail("the end of a string");
      const char c = text_[at_++];
      if (c == '"') return out;
      if (static_cast<unsigned char>(c) < 0x20) fail("no control characters in a string");
      if (c != '\\')
        out += c;
      else
        escape(out);
    }
  }

  INLAY_COLD void escape(std::string& out) {
    if (at_ >= text_.size()) fail("the end of a string");
    const char c = text_[at_++];
    constexpr std::string_view from = "\"\\/bfnrt", to = "\"\\/\b\f\n\r\t";
    if (c == 'u') {
      std::uint32_t code = hex();
      if (code >= 0xD800 && code < 0xDC00) {
        if (text_.substr(at_, 2) != "\\u") fail("the second half of a surrogate pair");
        at_ += 2;
        const std::uint32_t low = hex();
        if (low < 0xDC00 || low > 0xDFFF) fail("the second half of a surrogate pair");
        code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
      } else if (code >= 0xDC00 && code <= 0xDFFF) {
        fail("the first half of a surrogate pair");
      }
      append_utf8(out, code);
    } else if (const std::size_t i = from.find(c); i != std::string_view::npos) {
      out += to[i];
    } else {
      fail("an escape that JSON has");
    }
  }

  std::uint32_t hex() {
    std::uint32_t out = 0;
    for (int i = 0; i < 4; ++i) {
      const char c = at_ < text_.size() ? text_[at_++] : '\0';
      const int digit = c >= '0' && c <= '9'   ? c - '0'
                        : c >= 'a' && c <= 'f' ? c - 'a' + 10
                        : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                               : -1;
      if (digit < 0) fail("four hexadecimal digits");
      out = out * 16 + static_cast<std::uint32_t>(digit);
    }
    return out;
  }

  static void append_utf8(std::string& out, std::uint32_t code) {
    const auto put = [&](std::uint32_t byte) { out += static_cast<char>(byte); };
    if (code < 0x80) return put(code);
    if (code < 0x800) {
      put(0xC0 | code >> 6);
    } else if (code < 0x10000) {
      put(0xE0 | code >> 12);
      put(0x80 | (code >> 6 & 0x3F));
    } else {
      put(0xF0 | code >> 18);
      put(0x80 | (code >> 12 & 0x3F));
      put(0x80 | (code >> 6 & 0x3F));
    }
    put(0x80 | (code & 0x3F));
  }

  INLAY_COLD std::int64_t number() {
    space();
    const std::size_t first = at_;
    std::int64_t out = 0;
    while (at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9')
      if (__builtin_mul_overflow(out, 10, &out) || __builtin_add_overflow(out, text_[at_++] - '0', &out))
        fail("a number below 2^63");
    if (at_ == first || (text_[first] == '0' && at_ - first > 1)) fail("a whole number");
    return out;
  }

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
    for (const dtype type :
         {dtype::float32, dtype::float64, dtype::int32, dtype::int64, dtype::uint8, dtype::int8, dtype::boolean,
          dtype::float16, dtype::bfloat16})
      if (text == format_name(type)) return type;
    throw type_error("safetensors",
                     {"expected an element type of F32, F64, F16, BF16, I32, I64, U8, I8 or BOOL, got ", text, " in ", path_});
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

  const std::string& path_;
  std::string_view text_;
  std::size_t at_ = 0;
};

INLAY_COLD inline bool valid_utf8(std::string_view text) noexcept {
  for (std::size_t i = 0; i < text.size();) {
    const auto byte = [&](std::size_t j) { return j < text.size() ? static_cast<unsigned char>(text[j]) : 0u; };
    const unsigned c = byte(i);
    const std::size_t length = c < 0x80                ? 1
                               : c >= 0xC2 && c < 0xE0 ? 2
                               : c >= 0xE0 && c < 0xF0 ? 3
                               : c >= 0xF0 && c < 0xF5 ? 4
                                                       : 0;
    if (length == 0) return false;
    for (std::size_t j = 1; j < length; ++j)
      if ((byte(i + j) & 0xC0) != 0x80) return false;
    if ((c == 0xE0 && byte(i + 1) < 0xA0) || (c == 0xED && byte(i + 1) > 0x9F) || (c == 0xF0 && byte(i + 1) < 0x90) ||
        (c == 0xF4 && byte(i + 1) > 0x8F))
      return false;
    i += length;
  }
  return true;
}

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

// A string as JSON.
INLAY_COLD inline std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\')
      (out += '\\') += c;
    else if (static_cast<unsigned char>(c) >= 0x20)
      out += c;
    else {
      constexpr char digits[] = "0123456789abcdef";
      out += "\\u00";
      out += digits[(c >> 4) & 15];
      out += digits[c & 15];
    }
  }
  return out + "\"";
}

}  // namespace inlay::inline v0_1::io::detail
