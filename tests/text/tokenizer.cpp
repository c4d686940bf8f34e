// Shows: byte and character tokenizers
// Text to tokens and back, in any script, and for bytes that are not text; a tokenizer from its characters; what is
// refused.
#include <inlay/text/tokenizer.hpp>

#include <doctest/doctest.h>

#include <inlay/io/json.hpp>

using namespace inlay;

TEST_CASE("byte_tokenizer: every byte, there and back") {
  const text::byte_tokenizer bytes;
  std::string all;
  for (int i = 0; i < 256; ++i) all.push_back(static_cast<char>(i));
  const auto tokens = bytes.encode(all);
  CHECK(bytes.vocabulary() == 256);
  CHECK(tokens.size() == 256);
  CHECK(tokens[200] == 200);
  CHECK(bytes.decode(tokens) == all);
  CHECK_THROWS_WITH_AS(bytes.decode(std::vector<std::int64_t>{3, 256}),
                       "[byte_tokenizer] expected tokens from 0 to 255, got 256", value_error);
}

TEST_CASE("char_tokenizer: characters of any script") {
  const std::string sample = "naïve Straße, 東京 🙂 naïve";
  const text::char_tokenizer characters(sample);
  CHECK(characters.vocabulary() == 14);
  const auto tokens = characters.encode(sample);
  CHECK(tokens.size() == 24);
  CHECK(tokens[0] == tokens[19]);
  CHECK(characters.decode(tokens) == sample);
  CHECK(characters.encode("東").size() == 1);
  const text::char_tokenizer again(characters.characters());
  CHECK(again.encode(sample) == tokens);
}

TEST_CASE("char_tokenizer: bytes that are not text stand for themselves") {
  const std::string broken = "a\xff\xc3(\xe2\x82z\xf0\x9f";
  const text::char_tokenizer characters(broken);
  const auto tokens = characters.encode(broken);
  CHECK(tokens.size() == 9);
  CHECK(characters.decode(tokens) == broken);
}

TEST_CASE("char_tokenizer, byte_tokenizer: a text may be cut") {
  const std::string sample =
      "aé東🙂\xF0\x9F"
      "b\x80\x80\x80\x80\x80z";
  const text::char_tokenizer characters(sample);
  std::size_t cuts = 0;
  for (std::size_t seen = 0; seen <= sample.size(); ++seen) {
    const std::size_t cut = characters.cut(std::string_view(sample).substr(0, seen));
    REQUIRE(cut <= seen);
    auto both = characters.encode(sample.substr(0, cut));
    const auto rest = characters.encode(sample.substr(cut));
    both.insert(both.end(), rest.begin(), rest.end());
    CHECK(both == characters.encode(sample));
    cuts += cut > 0;
  }
  CHECK(cuts > 10);
  CHECK(text::byte_tokenizer{}.cut("abc") == 3);
}

TEST_CASE("char_tokenizer: characters in their shortest form only") {
  const text::char_tokenizer characters("\xC0\x80\xED\xA0\x80");
  CHECK(characters.encode("\xED\xA0\x80").size() == 3);
}

TEST_CASE("char_tokenizer: a long text") {
  std::string sample;
  for (int i = 0; i < 50000; ++i) sample += "abcdefghij"[(i % 97 * i % 89 + i / 7) % 10];
  const text::char_tokenizer characters(sample);
  CHECK(characters.characters() == "abcdefghij");
  CHECK(characters.decode(characters.encode(sample)) == sample);
}

TEST_CASE("char_tokenizer: a long text of thousands of characters") {
  std::string sample;
  for (int repeat = 0; repeat < 20; ++repeat)  // it takes minutes where each character costs as much as all of them
    for (std::uint32_t code = 0x4E00 + 4095; code-- > 0x4E00;) io::detail::append_utf8(sample, code);
  const text::char_tokenizer characters(sample);
  CHECK(characters.vocabulary() == 4095);
  CHECK(characters.encode("\u4E00\u4E01") == std::vector<std::int64_t>{0, 1});
}

TEST_CASE("char_tokenizer: what is refused") {
  CHECK_THROWS_WITH_AS(text::char_tokenizer(""), "[char_tokenizer] expected a text with characters, got none",
                       value_error);
  const text::char_tokenizer characters("abc");
  CHECK_THROWS_WITH_AS(characters.encode("abd"),
                       "[char_tokenizer] expected characters of the text it was made of, got \"d\"", value_error);
  CHECK_THROWS_WITH_AS(characters.decode(std::vector<std::int64_t>{3}),
                       "[char_tokenizer] expected tokens from 0 to 2, got 3", value_error);
  CHECK_THROWS_AS(characters.decode(std::vector<std::int64_t>{-1}), value_error);
}
