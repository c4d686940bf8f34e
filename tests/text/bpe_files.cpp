// Shows: (the files of byte-pair encodings)
// GPT-2's characters for bytes; what is read from a vocab.json and a merges.txt, and what is refused with its place.
#include <inlay/text/bpe_files.hpp>

#include <doctest/doctest.h>

#include "files.hpp"

using namespace inlay;
using namespace inlay::text::detail;

namespace {

std::string message(auto&& f) {
  try {
    f();
    return "";
  } catch (const io_error& e) {
    return e.what();
  }
}

}  // namespace

TEST_CASE("bytes_as_text: a character for each byte, there and back") {
  std::string all;
  for (int b = 0; b < 256; ++b) all += static_cast<char>(b);
  CHECK(unspelled(spelled(all)) == all);
  CHECK(spelled(" \n\t!~\x7F\xA0\xA1\xAD\xFF") == "ĠĊĉ!~ġł¡Ńÿ");
  CHECK(bytes_as_text.order[0] == '!');
  CHECK(bytes_as_text.order[93] == '~');
  CHECK(bytes_as_text.order[94] == 0xA1);
  CHECK(bytes_as_text.order[188] == 0);
  CHECK(bytes_as_text.order[220] == ' ');
  CHECK(bytes_as_text.order[255] == 0xAD);
  for (const char* none : {" ", "\n", "a b", "ń", "€", "\xFF", "\u00AD"}) CHECK(!unspelled(none));
}

TEST_CASE("read_vocabulary: tokens by their ids") {
  const support::temporary_folder folder;
  const std::string path = folder / "vocab.json";
  const auto read = [&](std::string_view text) {
    support::write_bytes(path, text);
    return read_vocabulary(path);
  };
  CHECK(read(R"( {"b" : 1, "\u0120a":0,"Ċ":2} )"
             "\n") == std::vector<std::string>{"Ġa", "b", "Ċ"});
  CHECK(read("{}").empty());
  const auto refused = [&](std::string_view text, const std::string& what) {
    const std::string got = message([&] { read(text); });
    INFO(text, " ", got);
    CHECK(got == "[bpe_tokenizer] expected " + what + path);
  };
  refused("", "a '{' at byte 0 of ");
  refused("[]", "a '{' at byte 0 of ");
  refused(R"({"a":0,"a":1})", "tokens that differ, none of them empty at byte 10 of ");
  refused(R"({"":0})", "tokens that differ, none of them empty at byte 3 of ");
  refused(R"({"a":0,})", "a '\"' at byte 7 of ");
  refused(R"({"a":0)", "a '}' at byte 6 of ");
  refused(R"({"a":-1})", "a whole number at byte 5 of ");
  refused(R"({"a":0.5})", "a '}' at byte 6 of ");
  refused(R"({"a":"0"})", "a whole number at byte 5 of ");
  refused(R"({"a":{"b":0}})", "a whole number at byte 5 of ");
  refused(R"({"a":0}x)", "nothing but spaces after the vocabulary at byte 7 of ");
  refused("{\"\xFF\":0}", "UTF-8 in ");
  refused(R"({"a":0,"b":0})", "each id from 0 to 1 once, got 0 for \"b\" in ");
  refused(R"({"a":0,"b":9223372036854775807})", "each id from 0 to 1 once, got 9223372036854775807 for \"b\" in ");
  CHECK(message([&] { read_vocabulary(folder / "none"); }).find("[read] expected to read ") == 0);
}

TEST_CASE("read_merges: the bytes of both parts, line by line") {
  const support::temporary_folder folder;
  const std::string path = folder / "merges.txt";
  std::string seen;
  const auto read = [&](std::string_view text) {
    support::write_bytes(path, text);
    seen.clear();
    read_merges(path, [&](const std::string& left, const std::string& right, std::int64_t line) {
      seen += std::to_string(line) + "<" + left + "|" + right + ">";
    });
    return seen;
  };
  CHECK(read("#version: 0.2\nĠ t\nh e\n# #\n") == "2< |t>3<h|e>4<#|#>");
  CHECK(read("Ġ t\r\nĊ Ċ") == "1< |t>2<\n|\n>");
  CHECK(read("#version: 0.2").empty());
  CHECK(read("").empty());
  const auto refused = [&](std::string_view text, const std::string& line, int number) {
    const std::string got = message([&] { read(text); });
    INFO(text, " ", got);
    CHECK(got == "[bpe_tokenizer] expected two parts in GPT-2's characters for bytes, with a space between, got \"" +
                     line + "\" on line " + std::to_string(number) + " of " + path);
  };
  refused("#version: 0.2\na b\nab\n", "ab", 3);
  refused("a b\n\nc d\n", "", 2);
  refused("a b c\n", "a b c", 1);
  refused("a  b\n", "a  b", 1);
  refused(" a\n", " a", 1);
  refused("a \n", "a ", 1);
  refused("a\tb c\n", "a\tb c", 1);
  refused("a €\n", "a €", 1);
  refused(std::string(100000, 'a'), std::string(80, 'a') + "…", 1);  // the wrong file may be one long line
  CHECK(read("a b\n#version: 0.2\n") == "1<a|b>2<#version:|0.2>");   // only the first line is a version
}
