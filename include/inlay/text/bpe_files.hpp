// The files of a byte-pair encoding, as GPT-2 and Hugging Face write them. merges.txt: "#version: 0.2", then a line for
// each merge with its two parts; vocab.json: {"token": id, …}. A character stands for each byte: those that can be seen
// for themselves, the others, in their order, for U+0100 and what follows.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include "../io/file.hpp"
#include "../io/json.hpp"
#include "unicode.hpp"

namespace inlay::inline v0_1::text::detail {

struct byte_alphabet {
  std::array<std::uint32_t, 256> characters{};  // of each byte
  std::array<unsigned char, 256> order{};       // the bytes as GPT-2 numbers them: first those that can be seen
  std::array<std::int16_t, 512> bytes{};        // of each character; -1: of none
};

inline constexpr byte_alphabet bytes_as_text = [] {
  byte_alphabet out;
  std::uint32_t visible = 0, hidden = 0;
  const auto seen = [](std::uint32_t b) { return (b > 32 && b < 127) || (b > 160 && b != 173); };
  for (std::uint32_t b = 0; b < 256; ++b) visible += seen(b);
  for (std::int16_t& b : out.bytes) b = -1;
  for (std::uint32_t b = 0, at = 0; b < 256; ++b) {
    out.order[seen(b) ? at++ : visible + hidden] = static_cast<unsigned char>(b);
    out.characters[b] = seen(b) ? b : 256 + hidden++;
    out.bytes[out.characters[b]] = static_cast<std::int16_t>(b);
  }
  return out;
}();

INLAY_COLD inline std::string spelled(std::string_view bytes) {
  std::string out;
  for (const char b : bytes) io::detail::append_utf8(out, bytes_as_text.characters[static_cast<unsigned char>(b)]);
  return out;
}

// The bytes that a text of the alphabet stands for; nothing for other texts.
INLAY_COLD inline std::optional<std::string> unspelled(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const character c = first_character(text);
    if (c.code >= bytes_as_text.bytes.size() || bytes_as_text.bytes[c.code] < 0) return {};
    out += static_cast<char>(bytes_as_text.bytes[c.code]);
    text.remove_prefix(c.size);
  }
  return out;
}

inline std::string_view as_text(const tensor<std::uint8_t>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), static_cast<std::size_t>(bytes.size())};
}

// The tokens of a vocab.json as they are spelled there, by their ids. Throws io_error.
template <class = void>  // compiled only where it is used
INLAY_COLD std::vector<std::string> read_vocabulary(const std::string& path) {
  const tensor<std::uint8_t> bytes = io::read_file(path);
  io::detail::json_reader reader("bpe_tokenizer", path, as_text(bytes));
  if (!io::detail::valid_utf8(as_text(bytes))) throw io_error("bpe_tokenizer", {"expected UTF-8 in ", path});
  std::unordered_set<std::string> known;
  std::vector<std::pair<const std::string*, std::int64_t>> ids;
  reader.expect('{');
  if (!reader.accept('}')) {
    do {
      const auto [token, is_new] = known.insert(reader.string());
      if (!is_new || token->empty()) reader.fail("tokens that differ, none of them empty");
      reader.expect(':');
      ids.emplace_back(&*token, reader.number());
    } while (reader.accept(','));
    reader.expect('}');
  }
  reader.end("the vocabulary");
  std::vector<std::string> out(ids.size());
  for (const auto& [token, id] : ids) {
    if (id >= std::ssize(out) || !out[static_cast<std::size_t>(id)].empty())
      throw io_error("bpe_tokenizer", {"expected each id from 0 to ", std::ssize(out) - 1, " once, got ", id, " for \"",
                                       *token, "\" in ", path});
    out[static_cast<std::size_t>(id)] = *token;
  }
  return out;
}

// Calls merge(left, right, line), with the bytes of the parts, for each line of a merges.txt. Throws io_error.
template <class F> INLAY_COLD void read_merges(const std::string& path, F&& merge) {
  const tensor<std::uint8_t> bytes = io::read_file(path);
  std::string_view rest = as_text(bytes);
  for (std::int64_t number = 1; !rest.empty(); ++number) {
    std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (number == 1 && line.starts_with("#version")) continue;
    if (line.empty() && rest.empty()) break;
    const std::size_t space = line.find(' ');
    std::optional<std::string> left = unspelled(line.substr(0, space)), right;
    if (space != std::string_view::npos) right = unspelled(line.substr(space + 1));
    if (!left || !right || left->empty() || right->empty())
      throw io_error("bpe_tokenizer",
                     {"expected two parts in GPT-2's characters for bytes, with a space between, got \"",
                      line.size() > 80 ? std::string(line.substr(0, 80)) + "…" : std::string(line), "\" on line ",
                      number, " of ", path});
    merge(*left, *right, number);
  }
}

}  // namespace inlay::inline v0_1::text::detail
