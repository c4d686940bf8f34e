// Tokens in a file: whole numbers of 8, 16, 32 or 64 bits, little-endian, and nothing else, as nanoGPT's train.bin (of
// 16 bits). Reading maps the file, so it may be larger than memory; writing goes piece by piece.
#pragma once

#include <bit>
#include <memory>
#include <vector>

#include "../io/file.hpp"

namespace inlay::inline v0_1::text {

// How a token is stored.
template <class E>
concept token_element = std::is_same_v<E, std::uint8_t> || std::is_same_v<E, std::uint16_t> ||
    std::is_same_v<E, std::uint32_t> || std::is_same_v<E, std::int64_t>;

// Tokens that nobody changes; copies share them.
template <token_element E> class token_array {
 public:
  token_array() = default;
  explicit token_array(std::vector<E> tokens) {
    const auto owner = std::make_shared<const std::vector<E>>(std::move(tokens));
    first_ = owner->data(), size_ = std::ssize(*owner), owner_ = owner;
  }
  // Those of a file, which is mapped: it must not be truncated meanwhile (io::map_file). Throws io_error, also for a
  // size that is no multiple of an element's.
  INLAY_COLD static token_array open(const std::string& path) {
    static_assert(std::endian::native == std::endian::little, "the file is little-endian");
    const auto bytes = std::make_shared<const tensor<std::uint8_t>>(io::map_file(path));
    if (bytes->size() % static_cast<std::int64_t>(sizeof(E)) != 0)
      throw io_error("token_array", {"expected tokens of ", sizeof(E), " bytes in ", path, ", got ", bytes->size(),
                                     " bytes; was it written with another type?"});
    token_array out;
    out.first_ = reinterpret_cast<const E*>(bytes->data());
    out.size_ = bytes->size() / static_cast<std::int64_t>(sizeof(E));
    out.owner_ = bytes;
    return out;
  }

  std::int64_t size() const noexcept { return size_; }
  std::span<const E> values() const noexcept { return {first_, static_cast<std::size_t>(size_)}; }

  // Tokens [first, last), of the same memory. Throws value_error.
  token_array slice(std::int64_t first, std::int64_t last) const {
    if (first < 0 || last < first || last > size_)
      throw value_error("token_array", {"expected 0 <= first <= last <= ", size_, ", got [", first, ", ", last, ")"});
    token_array out = *this;
    out.first_ += first, out.size_ = last - first;
    return out;
  }

 private:
  std::shared_ptr<const void> owner_;
  const E* first_ = nullptr;
  std::int64_t size_ = 0;
};

// Writes such a file; nothing is there, or what was there stays, until commit() (io::atomic_writer).
template <token_element E> class token_writer {
 public:
  explicit token_writer(std::string path) : file_(std::move(path)) {}

  // Throws value_error for a token that E does not hold, behind those before it, and io_error.
  void write(std::span<const std::int64_t> tokens) {
    for (const std::int64_t token : tokens) {
      if (token < 0 || !std::in_range<E>(token)) [[unlikely]]
        throw value_error("token_writer", {"expected tokens from 0 to ", std::numeric_limits<E>::max(), ", got ", token,
                                           "; wider elements hold more"});
      buffer_.push_back(static_cast<E>(token));
      ++size_;
      if (buffer_.size() == 65536) flush();
    }
  }
  std::int64_t size() const noexcept { return size_; }  // tokens so far
  INLAY_COLD void commit() {
    flush();
    file_.commit();
  }

 private:
  INLAY_COLD void flush() {
    file_.write({reinterpret_cast<const std::uint8_t*>(buffer_.data()), buffer_.size() * sizeof(E)});
    buffer_.clear();
  }

  io::atomic_writer file_;
  std::vector<E> buffer_;
  std::int64_t size_ = 0;
};

// Puts the tokens of a text file behind what was written, the same as of the whole text at once. Memory: `piece` bytes
// of text, or twice the longest part that has to be seen whole, and their tokens. `how`: options of the tokenizer's
// encode(). Throws io_error, and what the tokenizer throws.
template <token_element E, class Tokenizer, class... How>
void write_text(token_writer<E>& to, const Tokenizer& tokenizer, const std::string& path, std::size_t piece = 1 << 20,
                const How&... how) {
  if (piece == 0) throw value_error("write_text", {"expected pieces of one byte or more, got 0"});
  io::file_reader file(path);
  std::string seen;
  for (bool more = true; more;) {
    const std::size_t had = seen.size(), room = std::max(piece, had);
    seen.resize(had + room);
    const std::size_t count = file.read({reinterpret_cast<std::uint8_t*>(seen.data()) + had, room});
    seen.resize(had + count);
    more = count == room;
    const std::size_t cut = more ? tokenizer.cut(seen, how...) : seen.size();
    to.write(tokenizer.encode(std::string_view(seen).substr(0, cut), how...));
    seen.erase(0, cut);
  }
}

// One text file as a token file. Throws as above, and value_error for a vocabulary that E does not hold.
template <token_element E, class Tokenizer, class... How>
void write_tokens(const Tokenizer& tokenizer, const std::string& text, const std::string& tokens, const How&... how) {
  if (!std::in_range<E>(tokenizer.vocabulary() - 1))
    throw value_error("write_tokens", {"expected a vocabulary that ", sizeof(E), " bytes hold, got ",
                                       tokenizer.vocabulary(), "; wider elements hold more"});
  token_writer<E> to(tokens);
  write_text(to, tokenizer, text, 1 << 20, how...);
  to.commit();
}

}  // namespace inlay::inline v0_1::text
