// Byte-pair encoding of bytes, as GPT-2's: a text is cut into pieces (pretokens.hpp), and within each the bytes are
// merged pair by pair. Every text can be encoded, and decoding gives its bytes, whatever they are.
// Sennrich, Haddow, Birch: Neural Machine Translation of Rare Words with Subword Units, 2016; Radford and others,
// Language Models are Unsupervised Multitask Learners, 2019.
#pragma once

#include "bpe_files.hpp"
#include "bpe_merges.hpp"
#include "bpe_trainer.hpp"
#include "pretokens.hpp"

namespace inlay::inline v0_1::text {

struct bpe_training {
  std::int64_t vocabulary = 1000;         // tokens at most: the 256 bytes, what is merged, the special ones
  std::vector<std::string> special = {};  // never made of merges; where the text has one, nothing is merged across it
  std::int64_t min_frequency = 2;         // pairs that come less often are not merged
};

struct bpe_files {
  std::string vocabulary = {};  // a vocab.json; without one, ids are GPT-2's: bytes, merges, special tokens
  // The special tokens; those that the vocabulary lacks come behind it. Without a list: what no merge makes.
  std::optional<std::vector<std::string>> special = {};
};

struct bpe_encoding {
  // Special tokens in the text become those tokens, as in Hugging Face always. Else they are text like any other, so
  // that no user's text can end a document or take another's part: ask for them where the text is the program's own.
  bool special = false;
};

struct bpe_decoding {
  bool special = true;  // as their text; else they are left out
};

class bpe_tokenizer {
 public:
  // Learns merges from a text: always the pair that comes most often, of several the one with the lowest ids. Ids are
  // GPT-2's: the bytes, the merges in their order, the special tokens. A short text may give fewer tokens than asked
  // for. Throws value_error for numbers that do not fit, and special tokens that are not UTF-8 or are there twice.
  template <class = void>  // compiled only where it is used
  static bpe_tokenizer train(std::string_view text, const bpe_training& options = {}) {
    const std::int64_t least = 256 + std::ssize(options.special);
    if (options.vocabulary < least || options.vocabulary > most || options.min_frequency < 1)
      throw value_error("bpe_tokenizer",
                        {"expected .vocabulary from ", least, " to ", most, " and .min_frequency of 1 or more, got ",
                         options.vocabulary, " and ", options.min_frequency});
    bpe_tokenizer out;
    out.add_bytes();
    bpe_tokenizer marks = out;  // knows the special tokens, whose ids come behind those of merges
    for (const std::string& special : options.special) marks.add_special(special);
    std::unordered_map<std::string_view, std::int64_t> counts;
    std::vector<std::string_view> words;  // in the order of the text
    const auto count = [&](std::string_view piece) {
      if (piece.size() > 1 && ++counts[piece] == 1) words.push_back(piece);
    };
    marks.for_pieces(text, true, count, [](std::uint32_t) {});
    detail::bpe_trainer<> trainer;
    for (const std::string_view word : words) {
      std::vector<std::uint32_t> bytes;
      out.bytes_of(word, bytes);
      trainer.add(std::move(bytes), counts[word]);
    }
    while (out.vocabulary() + std::ssize(options.special) < options.vocabulary) {
      std::optional<detail::bpe_merge> next = trainer.most_frequent(options.min_frequency);
      if (!next) break;
      next->result = out.merged(next->left, next->right);
      out.merges_.add(*next);
      trainer.merge(*next);
    }
    for (const std::string& special : options.special) out.add_special(special);
    return out;
  }

  // Reads a merges.txt and, if there is one, its vocab.json, as GPT-2 and Hugging Face write them. Throws io_error,
  // which names the file and the place, for what is not such a file: characters that stand for no byte, unknown or
  // repeated parts, bytes without a token, ids that are not 0 to n - 1; and value_error as train() for special tokens
  // that come behind the vocabulary.
  template <class = void>  // compiled only where it is used
  INLAY_COLD static bpe_tokenizer load(const std::string& merges, const bpe_files& files = {}) {
    bpe_tokenizer out;
    std::vector<std::string> spelling;  // of the vocabulary's tokens
    if (files.vocabulary.empty())
      out.add_bytes();
    else
      out.take(spelling = detail::read_vocabulary(files.vocabulary), files.vocabulary);
    std::vector<bool> made(spelling.size());
    detail::read_merges(merges, [&](const std::string& left, const std::string& right, std::int64_t line) {
      const auto bad = [&](const char* what, const std::string& bytes) {
        throw io_error("bpe_tokenizer",
                       {"expected ", what, ", got \"", detail::spelled(bytes), "\" on line ", line, " of ", merges});
      };
      const auto a = out.ids_.find(left), b = out.ids_.find(right);
      if (a == out.ids_.end()) bad("a byte or what a line before makes as the first part", left);
      if (b == out.ids_.end()) bad("a byte or what a line before makes as the second part", right);
      if (!spelling.empty() && !out.ids_.contains(left + right))
        bad("a merge into a token of the vocabulary", left + right);
      const std::uint32_t result = out.merged(a->second, b->second);
      if (!out.merges_.add({a->second, b->second, result})) bad("each pair once", left + right);
      if (result < made.size()) made[result] = true;
    });
    for (std::uint32_t id = 0; id < spelling.size(); ++id) {
      const bool plain = made[id] || out.tokens_[id].size() == 1;
      if (files.special ? !contains(*files.special, spelling[id]) : plain) {
        if (out.tokens_[id].empty())
          throw io_error("bpe_tokenizer", {"expected special tokens or GPT-2's characters for bytes, got \"",
                                           spelling[id], "\" in ", files.vocabulary});
        continue;
      }
      if (plain)
        throw io_error("bpe_tokenizer", {"expected special tokens that no merge makes, got \"", spelling[id], "\" of ",
                                         files.vocabulary});
      out.make_special(id, spelling[id]);
    }
    if (files.special)
      for (const std::string& name : *files.special)
        if (!contains(spelling, name)) out.add_special(name);
    return out;
  }

  // Writes both files, each as a whole or not at all; load() gives this tokenizer again, its special tokens too (from a
  // list of them where other tokens are made of no merge). Throws io_error.
  template <class = void>  // compiled only where it is used
  INLAY_COLD void save(const std::string& merges, const std::string& vocabulary) const {
    std::string lines = "#version: 0.2\n", json = "{";
    for (std::size_t i = 0; i < merges_.size(); ++i)
      ((lines += detail::spelled(tokens_[merges_[i].left])) += ' ') +=
          detail::spelled(tokens_[merges_[i].right]) + "\n";
    for (std::uint32_t id = 0; id < tokens_.size(); ++id)
      (json += (id > 0 ? "," : "") + io::detail::quoted(is_special(id) ? tokens_[id] : detail::spelled(tokens_[id])))
          .append(":" + std::to_string(id));
    io::atomic_writer first(merges), second(vocabulary);
    first.write(lines);
    second.write(json += "}\n");
    first.commit();  // only where both could be written: one alone would be of no use
    second.commit();
  }

  std::int64_t vocabulary() const noexcept { return std::ssize(tokens_); }
  // The bytes of a token. Throws value_error for a number that is no token.
  const std::string& text_of(std::int64_t token) const {
    if (token < 0 || token >= vocabulary()) [[unlikely]]
      throw value_error("bpe_tokenizer", {"expected tokens from 0 to ", vocabulary() - 1, ", got ", token});
    return tokens_[static_cast<std::size_t>(token)];
  }
  // The token with exactly these bytes, if there is one.
  std::optional<std::int64_t> id_of(const std::string& bytes) const {
    if (const auto found = ids_.find(bytes); found != ids_.end()) return found->second;
    for (const std::uint32_t id : special_)
      if (tokens_[id] == bytes) return id;
    return {};
  }
  bool is_special(std::int64_t token) const noexcept {
    return std::find(special_.begin(), special_.end(), token) != special_.end();
  }

  std::vector<std::int64_t> encode(std::string_view text, const bpe_encoding& options = {}) const {
    std::vector<std::int64_t> out;
    std::unordered_map<std::string_view, std::pair<std::size_t, std::size_t>> known;  // words that were: where in `out`
    detail::bpe_merges::merger merger(merges_);
    const auto put = [&](std::string_view piece) {
      if (piece.size() == 1) return out.push_back(byte_ids_[static_cast<unsigned char>(piece[0])]);
      const bool common = piece.size() < 64 && known.size() < 65536;  // memory stays within bounds
      if (const auto found = known.find(piece); found != known.end()) {
        const auto [first, count] = found->second;
        out.resize(out.size() + count);
        std::copy_n(out.begin() + static_cast<std::ptrdiff_t>(first), count,
                    out.end() - static_cast<std::ptrdiff_t>(count));
        return;
      }
      bytes_of(piece, merger.word());
      merger.run();
      if (common) known.emplace(piece, std::pair(out.size(), merger.word().size()));
      out.insert(out.end(), merger.word().begin(), merger.word().end());
    };
    for_pieces(text, options.special, put, [&](std::uint32_t id) { out.push_back(id); });
    return out;
  }

  // Throws value_error for a number that is no token.
  std::string decode(std::span<const std::int64_t> tokens, const bpe_decoding& options = {}) const {
    std::string out;
    for (const std::int64_t token : tokens) {
      const std::string& text = text_of(token);
      if (options.special || !is_special(token)) out += text;
    }
    return out;
  }

  // Bytes of the beginning of a longer text whose tokens do not depend on what follows: encoding it, and then the rest,
  // gives the tokens of the whole. 0 when more of the text must be seen.
  std::size_t cut(std::string_view text, const bpe_encoding& options = {}) const {
    std::size_t longest = 0, first = 0;  // special tokens are whole in what is seen
    if (options.special && !special_.empty()) {
      longest = tokens_[special_[0]].size();
      for (mark m = next_special(text, 0); m.at + longest <= text.size(); m = next_special(text, first))
        first = m.at + tokens_[m.id].size();
    }
    return first + detail::pretoken_cut(text.substr(first), longest);
  }

 private:
  static constexpr std::int64_t most = 1 << 30;

  struct mark {
    std::size_t at;
    std::uint32_t id;
  };

  bpe_tokenizer() = default;

  static bool contains(const std::vector<std::string>& texts, const std::string& text) {
    return std::find(texts.begin(), texts.end(), text) != texts.end();
  }

  std::uint32_t add(std::string bytes) {
    const auto id = static_cast<std::uint32_t>(tokens_.size());
    tokens_.push_back(std::move(bytes));
    return id;
  }
  INLAY_COLD void add_bytes() {
    for (const unsigned char b : detail::bytes_as_text.order) {
      const std::string bytes(1, static_cast<char>(b));
      byte_ids_[b] = ids_[bytes] = add(bytes);
    }
  }
  // The token that a pair becomes: a new one, unless another pair makes the same.
  std::uint32_t merged(std::uint32_t left, std::uint32_t right) {
    std::string bytes = tokens_[left] + tokens_[right];
    const auto found = ids_.find(bytes);
    return found != ids_.end() ? found->second : ids_[bytes] = add(bytes);
  }

  INLAY_COLD void add_special(const std::string& text) {
    const std::optional<std::string> other = detail::unspelled(text);
    if (text.empty() || !io::detail::valid_utf8(text) || id_of(text) || (other && ids_.contains(*other)))
      throw value_error(
          "bpe_tokenizer",
          {"expected special tokens in UTF-8 that differ from each other and from all tokens, got \"", text, "\""});
    make_special(add(text), text);
  }
  INLAY_COLD void make_special(std::uint32_t id, const std::string& text) {
    if (const auto found = ids_.find(tokens_[id]); found != ids_.end() && found->second == id) ids_.erase(found);
    tokens_[id] = text;
    // The longest first: where several begin at one place, it is the one that is meant.
    special_.insert(std::upper_bound(special_.begin(), special_.end(), id,
                                     [&](auto a, auto b) { return tokens_[a].size() > tokens_[b].size(); }),
                    id);
    begins_special_[static_cast<unsigned char>(text[0])] = true;
  }

  // The tokens of a file, which may be special ones.
  INLAY_COLD void take(const std::vector<std::string>& spelling, const std::string& path) {
    for (const std::string& text : spelling) {
      const std::optional<std::string> bytes = detail::unspelled(text);
      const std::uint32_t id = add(bytes.value_or(""));
      if (bytes) ids_[*bytes] = id;
    }
    for (const unsigned char b : detail::bytes_as_text.order) {
      const auto found = ids_.find(std::string(1, static_cast<char>(b)));
      if (found == ids_.end())
        throw io_error("bpe_tokenizer", {"expected a token for each byte, got none for \"",
                                         detail::spelled(std::string(1, static_cast<char>(b))), "\" in ", path});
      byte_ids_[b] = found->second;
    }
  }

  void bytes_of(std::string_view piece, std::vector<std::uint32_t>& out) const {
    out.clear();
    for (const char b : piece) out.push_back(byte_ids_[static_cast<unsigned char>(b)]);
  }

  // The first special token from a place on; at the text's end: none.
  mark next_special(std::string_view text, std::size_t at) const {
    for (; at < text.size(); ++at) {
      if (!begins_special_[static_cast<unsigned char>(text[at])]) continue;
      for (const std::uint32_t id : special_)
        if (text.substr(at).starts_with(tokens_[id])) return {at, id};
    }
    return {at, 0};
  }

  // Calls piece(text) and special(id) in the text's order.
  template <class F, class G>
  void for_pieces(std::string_view text, bool with_special, const F& piece, const G& special) const {
    const bool any = with_special && !special_.empty();
    while (!text.empty()) {
      const mark next = any ? next_special(text, 0) : mark{text.size(), 0};
      for (std::string_view rest = text.substr(0, next.at); !rest.empty();) {
        const std::size_t size = detail::pretoken_size(rest);
        piece(rest.substr(0, size));
        rest.remove_prefix(size);
      }
      text.remove_prefix(next.at);
      if (text.empty()) return;
      special(next.id);
      text.remove_prefix(tokens_[next.id].size());
    }
  }

  std::vector<std::string> tokens_;                     // their bytes
  std::unordered_map<std::string, std::uint32_t> ids_;  // of all but the special ones
  std::array<std::uint32_t, 256> byte_ids_{};
  detail::bpe_merges merges_;
  std::vector<std::uint32_t> special_;  // the longest first
  std::array<bool, 256> begins_special_{};
};

}  // namespace inlay::inline v0_1::text
