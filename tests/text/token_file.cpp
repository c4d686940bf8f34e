// Shows: files of tokens that are larger than memory, made of text piece by piece
// Every element type there and back; the tokens of the whole text for pieces of any size, with every tokenizer; nothing
// is left behind where writing fails; what is refused.
#include <inlay/text/token_file.hpp>

#include <doctest/doctest.h>

#include <inlay/text/bpe.hpp>
#include <inlay/text/tokenizer.hpp>

#include "files.hpp"
#include "golden/bpe.inc"

using namespace inlay;
using text::token_array;
using text::token_writer;
using list = std::vector<std::int64_t>;

namespace {

template <class E> list read(const std::string& path) {
  const auto all = token_array<E>::open(path);
  return {all.values().begin(), all.values().end()};
}

template <class E> void there_and_back(const list& numbers) {
  const support::temporary_folder folder;
  token_writer<E> to(folder / "tokens");
  to.write(numbers);
  to.write(numbers);
  CHECK(folder.names().size() == 1);  // not under its name yet
  to.commit();
  CHECK(to.size() == 2 * std::ssize(numbers));
  CHECK(folder.names() == std::vector<std::string>{"tokens"});
  list twice = numbers;
  twice.insert(twice.end(), numbers.begin(), numbers.end());
  CHECK(read<E>(folder / "tokens") == twice);
  CHECK(support::read_bytes(folder / "tokens").size() == sizeof(E) * twice.size());
}

}  // namespace

TEST_CASE("token_writer, token_array: every element type") {
  there_and_back<std::uint8_t>({0, 255, 7});
  there_and_back<std::uint16_t>({0, 65535, 50256});
  there_and_back<std::uint32_t>({0, 4294967295, 151643});
  there_and_back<std::int64_t>({0, 9223372036854775807, 1});
  there_and_back<std::uint16_t>({});
  there_and_back<std::uint16_t>(list(100000, 12345));  // more than the buffer
}

TEST_CASE("token_array: parts share the memory") {
  const support::temporary_folder folder;
  support::write_bytes(folder / "tokens", std::string("\1\0\2\0\377\377\4\0", 8));
  token_array<std::uint16_t> part;
  {
    const auto all = token_array<std::uint16_t>::open(folder / "tokens");
    part = all.slice(1, 3);
    CHECK(part.values().data() == all.values().data() + 1);
  }
  CHECK(list(part.values().begin(), part.values().end()) == list{2, 65535});
  CHECK(part.slice(2, 2).size() == 0);
  CHECK_THROWS_WITH_AS(part.slice(1, 3), "[token_array] expected 0 <= first <= last <= 2, got [1, 3)", value_error);
  CHECK_THROWS_AS(part.slice(-1, 1), value_error);
  CHECK(token_array<std::uint8_t>(std::vector<std::uint8_t>{3, 4}).size() == 2);
  CHECK(token_array<std::uint8_t>().size() == 0);
}

TEST_CASE("write_text: pieces of any size give the tokens of the whole") {
  const support::temporary_folder folder;
  std::string sample =
      bpe_training_text + "<|end|>\n\n  \xFF\xE2\x82" + std::string(200, 'x') + "<|end|>" + std::string(50, ' ');
  support::write_bytes(folder / "text", sample);
  const auto bpe = text::bpe_tokenizer::train(bpe_training_text, {.vocabulary = 330, .special = {"<|end|>"}});
  const text::char_tokenizer characters(sample);
  const text::byte_tokenizer bytes;
  const auto same = [&](const auto& tokenizer, std::size_t piece, const auto&... how) {
    token_writer<std::uint16_t> to(folder / "tokens");
    text::write_text(to, tokenizer, folder / "text", piece, how...);
    to.commit();
    CHECK(read<std::uint16_t>(folder / "tokens") == tokenizer.encode(sample, how...));
  };
  for (const std::size_t piece : {1u, 2u, 7u, 64u, 1000u, 100000u}) {
    INFO("pieces of ", piece);
    same(bpe, piece);
    same(bpe, piece, text::bpe_encoding{.special = true});
    same(characters, piece);
    same(bytes, piece);
  }
  same(bytes, sample.size());
  text::write_tokens<std::uint16_t>(bpe, folder / "text", folder / "tokens", text::bpe_encoding{.special = true});
  CHECK(read<std::uint16_t>(folder / "tokens") == bpe.encode(sample, {.special = true}));
}

TEST_CASE("write_text: several texts in one file, with a token between") {
  const support::temporary_folder folder;
  support::write_bytes(folder / "a", "ab");
  support::write_bytes(folder / "b", "");
  support::write_bytes(folder / "c", "c");
  token_writer<std::uint16_t> to(folder / "tokens");
  for (const char* name : {"a", "b", "c"}) {
    text::write_text(to, text::byte_tokenizer{}, folder / name);
    to.write(list{256});
  }
  to.commit();
  CHECK(read<std::uint16_t>(folder / "tokens") == list{'a', 'b', 256, 256, 'c', 256});
}

TEST_CASE("token files: what is refused, and what stays") {
  const support::temporary_folder folder;
  const std::string path = folder / "tokens";
  support::write_bytes(path, "old");
  CHECK_THROWS_WITH_AS(
      token_array<std::uint16_t>::open(path),
      ("[token_array] expected tokens of 2 bytes in " + path + ", got 3 bytes; was it written with another type?")
          .c_str(),
      io_error);
  CHECK_THROWS_AS(token_array<std::uint8_t>::open(folder / "none"), io_error);
  {
    token_writer<std::uint8_t> to(path);
    CHECK_THROWS_WITH_AS(to.write(list{1, 256}),
                         "[token_writer] expected tokens from 0 to 255, got 256; wider elements hold more",
                         value_error);
    CHECK(to.size() == 1);  // what came before is written
    CHECK_THROWS_AS(to.write(list{-1}), value_error);
    CHECK_THROWS_AS(text::write_text(to, text::byte_tokenizer{}, folder / "none"), io_error);
    CHECK_THROWS_AS(text::write_text(to, text::byte_tokenizer{}, path, 0), value_error);
  }
  token_writer<std::int64_t> wide(folder / "wide");
  CHECK_THROWS_AS(wide.write(list{-1}), value_error);
  const auto bpe = text::bpe_tokenizer::train(bpe_training_text, {.vocabulary = 300});
  CHECK_THROWS_WITH_AS(text::write_tokens<std::uint8_t>(bpe, path, path),
                       "[write_tokens] expected a vocabulary that 1 bytes hold, got 300; wider elements hold more",
                       value_error);
  CHECK(support::read_bytes(path) == "old");
}
