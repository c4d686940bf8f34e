// Shows: (classes of characters in Unicode)
// Samples and totals of each class as Python's unicodedata counts them; characters of UTF-8, and bytes that are none.
#include <inlay/text/unicode.hpp>

#include <doctest/doctest.h>

#include <inlay/io/json.hpp>

using namespace inlay;
using text::character_class;
using text::class_of;

TEST_CASE("class_of: as many of each as Unicode 14 has") {
  std::int64_t counts[4] = {};
  for (std::uint32_t c = 0; c <= 0x10FFFF; ++c) ++counts[static_cast<int>(class_of(c))];
  CHECK(counts[static_cast<int>(character_class::letter)] == 131756);
  CHECK(counts[static_cast<int>(character_class::number)] == 1791);
  CHECK(counts[static_cast<int>(character_class::space)] == 25);
}

TEST_CASE("class_of: samples") {
  for (const std::uint32_t c :
       {0x41u, 0x7Au, 0xAAu, 0xB5u, 0xDFu, 0x416u, 0x5D0u, 0x6771u, 0xAC00u, 0x1D4DBu, 0x3134Au})
    CHECK(class_of(c) == character_class::letter);
  for (const std::uint32_t c : {0x30u, 0x39u, 0xB2u, 0xBDu, 0x663u, 0x2167u, 0x3007u, 0x1D7D8u})
    CHECK(class_of(c) == character_class::number);
  for (const std::uint32_t c : {0x9u, 0xDu, 0x20u, 0x85u, 0xA0u, 0x1680u, 0x2000u, 0x200Au, 0x2028u, 0x202Fu, 0x3000u})
    CHECK(class_of(c) == character_class::space);
  for (const std::uint32_t c : {0u, 0x1Cu, 0x1Fu, 0x21u, 0x27u, 0x5Fu, 0x7Fu, 0x301u, 0x200Bu, 0x200Du, 0x20ACu,
                                0xD800u, 0xFEFFu, 0x1F642u, 0x10FFFFu, 0x110000u, 0xFFFFFFFFu})
    CHECK(class_of(c) == character_class::other);
}

TEST_CASE("first_character: every code point as it is written") {
  std::int64_t wrong = 0;
  for (std::uint32_t c = 0; c <= 0x10FFFF; c += c < 0x3000 ? 1 : 7) {
    if (c >= 0xD800 && c < 0xE000) continue;
    std::string text;
    io::detail::append_utf8(text, c);
    const auto got = text::detail::first_character(text + "x");
    wrong += got.code != c || got.size != text.size();
  }
  CHECK(wrong == 0);
}

TEST_CASE("first_character: bytes that are not text stand for themselves") {
  for (const std::string_view text :
       {"\x80", "\xBF", "\xC0\xAF", "\xC1\xBF", "\xC3", "\xC3(", "\xE2\x82", "\xE2\x82z", "\xE0\x80\x80",
        "\xED\xA0\x80", "\xF0\x9F\x99", "\xF0\x80\x80\x80", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xFF"}) {
    const auto got = text::detail::first_character(text);
    CHECK(got.size == 1);
    CHECK(class_of(got.code) == character_class::other);
  }
}
