// Shows: (GPT-2's pieces of text)
// The pieces that its pattern gives as a regular expression, for many texts; long runs in a line with their length;
// where a text may be cut.
#include <inlay/text/pretokens.hpp>

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "golden/bpe.inc"
#include "support.hpp"

using namespace inlay;

namespace {

std::vector<std::size_t> pieces(std::string_view text) {
  std::vector<std::size_t> out;
  for (; !text.empty(); text.remove_prefix(out.back())) out.push_back(text::detail::pretoken_size(text));
  return out;
}

}  // namespace

TEST_CASE("pretoken_size: as the regular expression has it") {
  for (const bpe_golden& g : bpe_goldens) {
    INFO(g.text);
    CHECK(pieces(g.text) == g.pieces);
  }
}

TEST_CASE("pretoken_size: long runs") {
  const std::string letters(1000000, 'x'), spaces(1000000, '\n');
  CHECK(pieces(letters) == std::vector<std::size_t>{1000000});
  CHECK(pieces(spaces) == std::vector<std::size_t>{1000000});
  CHECK(pieces(spaces + "x") == std::vector<std::size_t>{999999, 1, 1});
  CHECK(pieces(spaces + " x") == std::vector<std::size_t>{1000000, 2});
}

TEST_CASE("pretoken_cut: both sides fall into the pieces of the whole") {
  std::int64_t cuts = 0, wrong = 0;
  for (const bpe_golden& g : bpe_goldens)
    for (std::size_t seen = 0; seen <= g.text.size(); ++seen) {
      const std::string_view whole = g.text;
      const std::size_t cut = text::detail::pretoken_cut(whole.substr(0, seen), seen % 7);
      std::vector<std::size_t> both = pieces(whole.substr(0, cut));
      for (const std::size_t p : pieces(whole.substr(cut))) both.push_back(p);
      cuts += cut > 0;
      wrong += both != g.pieces || (cut > 0 && cut + 4 > seen);
    }
  CHECK(wrong == 0);
  CHECK(cuts > 1000);
  CHECK(text::detail::pretoken_cut("the hills are", 0) == 9);
  CHECK(text::detail::pretoken_cut("the hills are", 7) == 3);
  CHECK(text::detail::pretoken_cut("the", 0) == 0);
}
