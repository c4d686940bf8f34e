// GPT-2's pieces of text, within which pairs are merged (Radford and others, Language Models are Unsupervised Multitask
// Learners, 2019): contractions, letters, numbers and other characters with the space before them, and white space.
//   's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
// Bytes that are not text are other characters.
#pragma once

#include "unicode.hpp"

namespace inlay::inline v0_1::text::detail {

// Bytes of the contraction's letters that follow an apostrophe here, or 0.
inline std::size_t contraction_size(std::string_view rest) noexcept {
  if (rest.starts_with("re") || rest.starts_with("ve") || rest.starts_with("ll")) return 2;
  return !rest.empty() && std::string_view("stmd").find(rest[0]) != std::string_view::npos ? 1 : 0;
}

// The class of a piece's characters, or of those that a text begins with; one space before them does not count.
inline character_class pretoken_class(std::string_view text) noexcept {
  const std::size_t space = text[0] == ' ' && text.size() > 1 ? 1 : 0;
  return class_of(first_character(text.substr(space)).code);
}

// Bytes of the piece that a text, which is not empty, begins with.
inline std::size_t pretoken_size(std::string_view text) noexcept {
  if (text[0] == '\'')
    if (const std::size_t letters = contraction_size(text.substr(1)); letters > 0) return 1 + letters;
  const character_class kind = pretoken_class(text);
  std::size_t end = text[0] == ' ' && kind != character_class::space ? 1 : 0, last = end;
  for (character c{}; end < text.size(); last = end, end += c.size) {
    c = first_character(text.substr(end));
    if (class_of(c.code) == kind) continue;
    // White space leaves its last character to what follows, unless it is the only one.
    return kind == character_class::space && last > 0 ? last : end;
  }
  return end;
}

// The bytes of a text's beginning that fall into the same pieces when they stand alone; `ahead`: how many bytes of what
// follows are seen at least. 0 when there are none.
inline std::size_t pretoken_cut(std::string_view text, std::size_t ahead) noexcept {
  ahead = std::max<std::size_t>(ahead, 4);  // a piece ends in front of a character
  std::size_t cut = 0;
  for (std::size_t at = 0, size = 0; at < text.size(); at += size) {
    size = pretoken_size(text.substr(at));
    if (at + size + ahead > text.size()) break;
    // White space that nothing follows would keep its last character.
    if (pretoken_class(text.substr(at, size)) != character_class::space) cut = at + size;
  }
  return cut;
}

}  // namespace inlay::inline v0_1::text::detail
