// Shows: byte-pair encoding as GPT-2's: trained, or read from merges.txt and vocab.json
// Merges and tokens of another implementation; every text there and back; special tokens; files there and back, and
// what is refused of them; where a text may be cut.
#include <inlay/text/bpe.hpp>

#include <doctest/doctest.h>

#include <cstdio>

#include "files.hpp"
#include "golden/bpe.inc"
#include "support.hpp"

using namespace inlay;
using text::bpe_tokenizer;
using tokens = std::vector<std::int64_t>;

namespace {

const bpe_tokenizer& trained() {
  static const bpe_tokenizer out =
      bpe_tokenizer::train(bpe_training_text, {.vocabulary = bpe_vocabulary, .min_frequency = bpe_least});
  return out;
}

std::string message(auto&& f) {
  try {
    f();
    return "";
  } catch (const inlay::error& e) {
    return e.what();
  }
}

// A text of made-up words, some of them common, with bytes that are not text.
std::string made_up(std::uint64_t seed, std::size_t size) {
  std::string out;
  for (std::uint64_t i = seed * 1000000; out.size() < size; ++i) {
    const std::uint64_t n = support::noise(i);
    const char* const words[] = {" the", " river",  "'re",         "\n", "  ", "1", "é",
                                 "\xFF", "<|end|>", "<|end|>more", "x",  "東", "!"};
    out += words[n % 13];
  }
  return out;
}

}  // namespace

TEST_CASE("bpe_tokenizer: merges and tokens as the rule gives them") {
  const support::temporary_folder folder;
  trained().save(folder / "merges.txt", folder / "vocab.json");
  std::string lines = "#version: 0.2\n";
  for (const auto& [left, right] : bpe_golden_merges)
    lines +=
        text::detail::spelled(trained().text_of(left)) + " " + text::detail::spelled(trained().text_of(right)) + "\n";
  CHECK(support::read_bytes(folder / "merges.txt") == lines);
  CHECK(trained().vocabulary() == 256 + std::ssize(bpe_golden_merges));
  for (const bpe_golden& g : bpe_goldens) {
    INFO(g.text);
    CHECK(trained().encode(g.text) == g.tokens);
    CHECK(trained().decode(g.tokens) == g.text);
  }
}

TEST_CASE("bpe_tokenizer: GPT-2's numbers, and tokens by their bytes") {
  CHECK(trained().encode("!") == tokens{0});
  CHECK(trained().encode(std::string(1, '\0')) == tokens{188});
  CHECK(trained().id_of(" ") == 220);
  CHECK(trained().text_of(220) == " ");
  for (std::int64_t t = 0; t < trained().vocabulary(); ++t) CHECK(trained().id_of(trained().text_of(t)) == t);
  CHECK(!trained().id_of("xyzzy"));
  CHECK(message([] { trained().text_of(trained().vocabulary()); }) ==
        "[bpe_tokenizer] expected tokens from 0 to " + std::to_string(trained().vocabulary() - 1) + ", got " +
            std::to_string(trained().vocabulary()));
  CHECK_THROWS_AS(trained().decode(tokens{-1}), value_error);
}

TEST_CASE("bpe_tokenizer: the vocabulary has the size that is asked for") {
  const auto small = bpe_tokenizer::train(bpe_training_text, {.vocabulary = 300, .special = {"<a>", "<b>"}});
  CHECK(small.vocabulary() == 300);
  CHECK(small.id_of("<a>") == 298);
  CHECK(small.id_of("<b>") == 299);
  for (std::int64_t t = 0; t < 298; ++t) CHECK(small.text_of(t) == trained().text_of(t));
  CHECK(bpe_tokenizer::train("", {.vocabulary = 300}).vocabulary() == 256);
  CHECK(bpe_tokenizer::train("ab ab", {.vocabulary = 300, .min_frequency = 3}).vocabulary() == 256);
  CHECK(bpe_tokenizer::train("ab ab", {.vocabulary = 300, .min_frequency = 1}).vocabulary() == 258);
}

TEST_CASE("bpe_tokenizer: special tokens are tokens where that is asked for, and text elsewhere") {
  const std::string sample = "the river<|end|> the river<|end|>the<|end|>";
  const auto t =
      bpe_tokenizer::train(sample + sample, {.vocabulary = 300, .special = {"<|end|>", "<|end|>more", "<|begin|>"}});
  const std::int64_t end = *t.id_of("<|end|>"), more = *t.id_of("<|end|>more");
  CHECK(t.is_special(end));
  CHECK(!t.is_special(3));
  for (std::int64_t i = 256; i < t.vocabulary(); ++i)  // nothing is merged with them, or of them
    CHECK((t.is_special(i) || t.text_of(i).find_first_of("<|>") == std::string::npos));
  const tokens plain = t.encode(sample), special = t.encode(sample, {.special = true});
  CHECK(std::count(plain.begin(), plain.end(), end) == 0);
  CHECK(std::count(special.begin(), special.end(), end) == 3);
  CHECK(special.back() == end);
  CHECK(t.decode(plain) == sample);
  CHECK(t.decode(special) == sample);
  CHECK(t.decode(special, {.special = false}) == "the river the riverthe");
  CHECK(t.encode("<|end|>more<|end|>mor", {.special = true}) ==
        tokens{more, end, *t.id_of("m"), *t.id_of("o"), *t.id_of("r")});
  // White space before one is the last of its text.
  CHECK(t.encode("  <|end|>", {.special = true}).size() == 3);
  for (const auto& bad : std::vector<std::vector<std::string>>{{""}, {"a"}, {"x y", "x y"}, {"\xFF"}, {"Ġ"}})
    CHECK_THROWS_AS(bpe_tokenizer::train("text", {.special = bad}), value_error);
}

TEST_CASE("bpe_tokenizer: bytes of any kind, there and back") {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    std::string noise;
    for (std::uint64_t i = 0; i < 500; ++i) noise += static_cast<char>(support::noise(seed * 1000 + i) >> 20);
    CHECK(trained().decode(trained().encode(noise)) == noise);
    const std::string sample = made_up(seed, 500);
    CHECK(trained().decode(trained().encode(sample)) == sample);
  }
}

TEST_CASE("bpe_tokenizer: a long text and a long word") {
  // A word comes again and again: always the same tokens, from memory or not.
  const tokens once = trained().encode(" riverrivers");
  tokens many;
  std::string repeated;
  for (int i = 0; i < 1000; ++i) {
    repeated += " riverrivers";
    many.insert(many.end(), once.begin(), once.end());
  }
  CHECK(trained().encode(repeated) == many);
  const std::string word(100000, 'e');
  const auto t = bpe_tokenizer::train(std::string(1 << 12, 'e'), {.vocabulary = 300});
  CHECK(t.vocabulary() == 256 + 11);  // 2, 4 … 2048: a pair of 2048 comes only once
  const tokens long_word = t.encode(word);
  CHECK(long_word.size() == 48 + 4);  // 48 · 2048 and 1696 = 1024 + 512 + 128 + 32
  CHECK(t.decode(long_word) == word);
}

TEST_CASE("bpe_tokenizer: files there and back") {
  const support::temporary_folder folder;
  const std::string merges = folder / "merges.txt", vocabulary = folder / "vocab.json";
  const std::vector<std::string> special{"<|end|>", "<é \"quoted\">"};
  const auto t = bpe_tokenizer::train(bpe_training_text, {.vocabulary = 320, .special = special});
  t.save(merges, vocabulary);
  const auto same = [&](const bpe_tokenizer& again) {
    CHECK(again.vocabulary() == t.vocabulary());
    for (std::int64_t i = 0; i < std::min(t.vocabulary(), again.vocabulary()); ++i) {
      CHECK(again.text_of(i) == t.text_of(i));
      CHECK(again.is_special(i) == t.is_special(i));
    }
    const std::string sample = bpe_training_text + "<|end|> x <é \"quoted\">";
    for (const bool with : {false, true})
      CHECK(again.encode(sample, {.special = with}) == t.encode(sample, {.special = with}));
  };
  same(bpe_tokenizer::load(merges, {.vocabulary = vocabulary}));
  same(bpe_tokenizer::load(merges, {.vocabulary = vocabulary, .special = special}));
  same(bpe_tokenizer::load(merges, {.special = special}));
  const auto more =
      bpe_tokenizer::load(merges, {.vocabulary = vocabulary, .special = {{"<|end|>", special[1], "<pad>"}}});
  CHECK(more.id_of("<pad>") == t.vocabulary());
  CHECK(folder.names() == std::vector<std::string>{"merges.txt", "vocab.json"});
}

TEST_CASE("bpe_tokenizer: saving writes both files or none") {
  const support::temporary_folder folder;
  support::write_bytes(folder / "merges.txt", "old");
  CHECK_THROWS_AS(trained().save(folder / "merges.txt", folder / "none/vocab.json"), io_error);
  CHECK(support::read_bytes(folder / "merges.txt") == "old");
  CHECK(folder.names() == std::vector<std::string>{"merges.txt"});
}

TEST_CASE("bpe_tokenizer: a vocabulary with thousands of tokens that no merge makes") {
  const support::temporary_folder folder;
  std::string json = "{";
  for (int id = 0; id < 20000; ++id)
    json += (id > 0 ? "," : "") +
            io::detail::quoted(id < 256 ? text::detail::spelled(std::string(1, static_cast<char>(id)))
                                        : "<" + std::to_string(id) + ">") +
            ":" + std::to_string(id);
  support::write_bytes(folder / "vocab.json", json + "}");
  support::write_bytes(folder / "merges.txt", "#version: 0.2\n");
  const auto t = bpe_tokenizer::load(folder / "merges.txt", {.vocabulary = folder / "vocab.json"});
  CHECK(t.is_special(256));
  CHECK(t.is_special(19999));
  CHECK(t.encode("<256><19999>", {.special = true}) == tokens{256, 19999});
}

TEST_CASE("bpe_tokenizer: a vocabulary that numbers otherwise") {
  const support::temporary_folder folder;
  const std::string merges = folder / "merges.txt", vocabulary = folder / "vocab.json";
  std::string json = R"({"<s>":0,"<pad>":1,"Ġthe":2,"th":3,"the":4,"zz":5)";
  for (int b = 0; b < 256; ++b)
    json += "," + io::detail::quoted(text::detail::spelled(std::string(1, static_cast<char>(b)))) + ":" +
            std::to_string(261 - b);
  support::write_bytes(vocabulary, json + "}");
  support::write_bytes(merges, "#version: 0.2\nt h\nth e\nĠ the\n");
  const auto t = bpe_tokenizer::load(merges, {.vocabulary = vocabulary});
  CHECK(t.encode(" the them<s>") == tokens{2, 2, 261 - 'm', 261 - '<', 261 - 's', 261 - '>'});
  CHECK(t.encode("thethx") == tokens{4, 3, 261 - 'x'});
  CHECK(t.encode("<s> the<pad>", {.special = true}) == tokens{0, 2, 1});
  CHECK(t.is_special(5));  // no merge makes it
  const auto named = bpe_tokenizer::load(merges, {.vocabulary = vocabulary, .special = {{"<s>"}}});
  CHECK(!named.is_special(5));
  CHECK(named.decode(tokens{5, 1}) == "zz<pad>");
  CHECK(named.encode("<pad>", {.special = true}).size() == 5);
}

TEST_CASE("bpe_tokenizer: files that are refused") {
  const support::temporary_folder folder;
  const std::string merges = folder / "merges.txt", vocabulary = folder / "vocab.json";
  const auto lines = [&](std::string_view text) {
    support::write_bytes(merges, text);
    return message([&] { bpe_tokenizer::load(merges); });
  };
  CHECK(lines("a b\nab c\n").empty());
  CHECK(lines("a b\nac b\n") ==
        "[bpe_tokenizer] expected a byte or what a line before makes as the first part, got \"ac\" on line 2 of " +
            merges);
  CHECK(lines("a bc\nb c\n") ==
        "[bpe_tokenizer] expected a byte or what a line before makes as the second part, got \"bc\" on line 1 of " +
            merges);
  CHECK(lines("a Ġ\na b\na Ġ\n") == "[bpe_tokenizer] expected each pair once, got \"aĠ\" on line 3 of " + merges);
  const auto both = [&](std::string_view text, const std::string& extra, int bytes = 256,
                        const std::optional<std::vector<std::string>>& special = {}) {
    std::string json = "{";
    for (int b = 0; b < bytes; ++b)
      json += (b > 0 ? "," : "") + io::detail::quoted(text::detail::spelled(std::string(1, static_cast<char>(b)))) +
              ":" + std::to_string(b);
    support::write_bytes(vocabulary, json + extra + "}");
    support::write_bytes(merges, text);
    return message([&] { bpe_tokenizer::load(merges, {.vocabulary = vocabulary, .special = special}); });
  };
  CHECK(both("a b\n", R"(,"ab":256)").empty());
  CHECK(both("", "", 255) == "[bpe_tokenizer] expected a token for each byte, got none for \"ÿ\" in " + vocabulary);
  CHECK(both("a b\n", "") ==
        "[bpe_tokenizer] expected a merge into a token of the vocabulary, got \"ab\" on line 1 of " + merges);
  CHECK(both("a b\n", R"(,"ab":256)", 256, {{"ab"}}) ==
        "[bpe_tokenizer] expected special tokens that no merge makes, got \"ab\" of " + vocabulary);
  CHECK(both("", R"(,"x y":256)", 256, {{}}) ==
        "[bpe_tokenizer] expected special tokens or GPT-2's characters for bytes, got \"x y\" in " + vocabulary);
  CHECK(both("", R"(,"ab":300)").find("expected each id from 0 to 256 once, got 300 for \"ab\"") != std::string::npos);
  CHECK_THROWS_AS(bpe_tokenizer::load(folder / "none"), io_error);
  for (const text::bpe_training& bad :
       {text::bpe_training{.vocabulary = 255}, {.vocabulary = 256, .special = {"<s>"}}, {.min_frequency = 0}})
    CHECK_THROWS_AS(bpe_tokenizer::train("text", bad), value_error);
}

TEST_CASE("bpe_tokenizer: a text in pieces has the tokens of the whole") {
  const auto t =
      bpe_tokenizer::train(bpe_training_text, {.vocabulary = 330, .special = {"<|end|>", "<|end|>more", "the "}});
  std::int64_t cuts = 0;
  for (std::uint64_t seed = 0; seed < 8; ++seed)
    for (const bool special : {false, true}) {
      const std::string sample = made_up(seed, 300);
      const tokens whole = t.encode(sample, {.special = special});
      for (std::size_t seen = seed; seen <= sample.size(); seen += 11) {
        const std::size_t cut = t.cut(std::string_view(sample).substr(0, seen), {.special = special});
        REQUIRE(cut <= seen);
        tokens both = t.encode(sample.substr(0, cut), {.special = special});
        const tokens rest = t.encode(sample.substr(cut), {.special = special});
        both.insert(both.end(), rest.begin(), rest.end());
        CHECK(both == whole);
        cuts += cut > 0;
      }
    }
  CHECK(cuts > 300);
}
