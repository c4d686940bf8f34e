// Text as numbers and back: one for each byte, or one for each character of a text that was shown.
// A tokenizer has vocabulary(), encode(text) and decode(tokens); cut(text) says how many bytes of the beginning of a
// longer text can be encoded before the rest is seen.
#pragma once

#include <algorithm>
#include <span>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "../core/error.hpp"
#include "unicode.hpp"

namespace inlay::inline v0_1::text {

// A token is a byte: 256 of them, and every text has one way to be written.
class byte_tokenizer {
 public:
  std::int64_t vocabulary() const noexcept { return 256; }
  std::vector<std::int64_t> encode(std::string_view text) const {
    std::vector<std::int64_t> out;
    out.reserve(text.size());
    for (const char c : text) out.push_back(static_cast<unsigned char>(c));
    return out;
  }
  // Throws value_error for a number that is no token.
  std::string decode(std::span<const std::int64_t> tokens) const {
    std::string out;
    out.reserve(tokens.size());
    for (const std::int64_t t : tokens) {
      if (t < 0 || t > 255) [[unlikely]]
        throw value_error("byte_tokenizer", {"expected tokens from 0 to 255, got ", t});
      out.push_back(static_cast<char>(t));
    }
    return out;
  }
  std::size_t cut(std::string_view text) const noexcept { return text.size(); }
};

// A token is a character (a code point of UTF-8), numbered in the order of their bytes.
class char_tokenizer {
 public:
  // The characters of a text. Throws value_error for one without any.
  explicit char_tokenizer(std::string_view text) {
    if (text.empty()) throw value_error("char_tokenizer", {"expected a text with characters, got none"});
    std::unordered_set<std::string_view> seen;
    for (std::size_t size = 0; !text.empty(); text.remove_prefix(size)) {
      size = detail::first_character(text).size;
      seen.insert(text.substr(0, size));
    }
    characters_.assign(seen.begin(), seen.end());
    std::sort(characters_.begin(), characters_.end());
  }

  std::int64_t vocabulary() const noexcept { return std::ssize(characters_); }
  // The characters in their order: a tokenizer that is made of them is the same one.
  std::string characters() const {
    std::string out;
    for (const std::string& c : characters_) out += c;
    return out;
  }

  // Throws value_error for a character that was not in the text.
  std::vector<std::int64_t> encode(std::string_view text) const {
    std::vector<std::int64_t> out;
    out.reserve(text.size());
    while (!text.empty()) {
      const std::string_view c = text.substr(0, detail::first_character(text).size);
      const auto at = std::lower_bound(characters_.begin(), characters_.end(), c);
      if (at == characters_.end() || *at != c) [[unlikely]]
        throw value_error("char_tokenizer", {"expected characters of the text it was made of, got \"", c, "\""});
      out.push_back(at - characters_.begin());
      text.remove_prefix(c.size());
    }
    return out;
  }
  // Throws value_error for a number that is no token.
  std::string decode(std::span<const std::int64_t> tokens) const {
    std::string out;
    for (const std::int64_t t : tokens) {
      if (t < 0 || t >= vocabulary()) [[unlikely]]
        throw value_error("char_tokenizer", {"expected tokens from 0 to ", vocabulary() - 1, ", got ", t});
      out += characters_[static_cast<std::size_t>(t)];
    }
    return out;
  }
  // In front of the last character, which may go on.
  std::size_t cut(std::string_view text) const noexcept {
    for (std::size_t back = 1; back <= std::min<std::size_t>(text.size(), 4); ++back)
      if ((static_cast<unsigned char>(text[text.size() - back]) & 0xC0) != 0x80) return text.size() - back;
    return text.size() < 4 ? 0 : text.size();
  }

 private:
  std::vector<std::string> characters_;
};

}  // namespace inlay::inline v0_1::text
