// Shows: (JSON of a known form)
// Strings with every escape, whole numbers, and what is refused, with its place in the file; code points as UTF-8;
// which bytes are UTF-8.
#include <inlay/io/json.hpp>

#include <doctest/doctest.h>

using namespace inlay;
using io::detail::json_reader;

namespace {

const std::string path = "the file";

std::string message(const std::string& text, auto&& read) {
  try {
    json_reader reader("test", path, text, 100);
    read(reader);
    return "";
  } catch (const io_error& e) {
    return e.what();
  }
}

}  // namespace

TEST_CASE("json_reader: pieces in their order, with spaces between") {
  const std::string text = " { \"a\" :\t17,\n\"b\":9223372036854775807 } \r\n";
  json_reader reader("test", path, text);
  reader.expect('{');
  CHECK(reader.string() == "a");
  reader.expect(':');
  CHECK(reader.number() == 17);
  CHECK(reader.accept(','));
  CHECK(reader.string() == "b");
  reader.expect(':');
  CHECK(reader.number() == 9223372036854775807);
  CHECK(!reader.accept(','));
  reader.expect('}');
  reader.end("the object");
}

TEST_CASE("json_reader: escapes") {
  const std::string text = R"("\"\\\/\b\f\n\r\t\u0041\u00e9\u0120\u20AC\ud834\uDD1E")";
  CHECK(json_reader("test", path, text).string() == "\"\\/\b\f\n\r\tAéĠ€𝄞");
}

TEST_CASE("json_reader: what is refused, and where") {
  const auto string = [](json_reader& r) { r.string(); };
  const auto number = [](json_reader& r) { r.number(); };
  CHECK(message("x", string) == "[test] expected a '\"' at byte 100 of the file");
  CHECK(message("\"ab", string) == "[test] expected the end of a string at byte 103 of the file");
  CHECK(message("\"a\nb\"", string) == "[test] expected no control characters in a string at byte 103 of the file");
  CHECK(message(R"("\x")", string) == "[test] expected an escape that JSON has at byte 103 of the file");
  CHECK(message(R"("\u12g4")", string) == "[test] expected four hexadecimal digits at byte 106 of the file");
  CHECK(message(R"("\ud834x")", string) ==
        "[test] expected the second half of a surrogate pair at byte 107 of the file");
  CHECK(message(R"("\udd1e")", string) == "[test] expected the first half of a surrogate pair at byte 107 of the file");
  for (const char* bad : {"", "-1", "01", "+1", "x", "\"1\""})
    CHECK(message(bad, number).find("expected a whole number") != std::string::npos);
  CHECK(message("9223372036854775808", number).find("a number below 2^63") != std::string::npos);
  CHECK(message("} x", [](json_reader& r) {
          r.expect('}');
          r.end("the object");
        }) == "[test] expected nothing but spaces after the object at byte 102 of the file");
}

TEST_CASE("valid_utf8: what encodes a code point in the shortest way, and nothing else") {
  // Reads one code point as if every lead byte and length were allowed, then says whether this was the way to write it.
  const auto valid = [](std::string_view text) {
    while (!text.empty()) {
      const auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u; };
      const unsigned lead = byte(0);
      const std::size_t length = lead < 0x80 ? 1 : lead >> 5 == 6 ? 2 : lead >> 4 == 14 ? 3 : lead >> 3 == 30 ? 4 : 0;
      if (length == 0 || length > text.size()) return false;
      unsigned code = length == 1 ? lead : lead & (0x7Fu >> length);
      for (std::size_t i = 1; i < length; ++i) {
        if (byte(i) >> 6 != 2) return false;
        code = code << 6 | (byte(i) & 0x3F);
      }
      const std::size_t shortest = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
      if (length != shortest || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF)) return false;
      text.remove_prefix(length);
    }
    return true;
  };
  std::size_t wrong = 0, accepted = 0;
  const auto compare = [&](const std::string& text) {
    accepted += valid(text);
    wrong += io::detail::valid_utf8(text) != valid(text);
  };
  constexpr unsigned char edges[] = {0x00, 0x22, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xFF};
  for (unsigned a = 0; a < 256; ++a) {
    compare({static_cast<char>(a)});
    for (unsigned b = 0; b < 256; ++b) {
      compare({static_cast<char>(a), static_cast<char>(b)});
      for (const unsigned char c : edges) {
        compare({static_cast<char>(a), static_cast<char>(b), static_cast<char>(c)});
        if (a >= 0xE0 || b >= 0xE0)
          for (const unsigned char d : edges)
            compare({static_cast<char>(a), static_cast<char>(b), static_cast<char>(c), static_cast<char>(d)});
      }
    }
  }
  CHECK(wrong == 0);
  CHECK(accepted > 100000);
}
