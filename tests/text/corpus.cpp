// Shows: windows of a corpus for training, in order or at random
// Every window in its place, from memory and from a file; random places by seed, epoch and row alone, whatever the
// batches and threads; with a loader; what is refused.
#include <inlay/text/corpus.hpp>

#include <doctest/doctest.h>

#include <inlay/data/loader.hpp>

#include <set>

#include "files.hpp"

using namespace inlay;
using text::corpus;
using text::corpus_config;
using text::token_array;
using list = std::vector<std::int64_t>;

namespace {

list numbers(const tensor<std::int64_t>& t) { return {t.values().begin(), t.values().end()}; }

// 0, 1, 2 …, so that a token says where it stands.
token_array<std::uint16_t> counting(std::uint16_t count) {
  std::vector<std::uint16_t> out;
  for (std::uint16_t i = 0; i < count; ++i) out.push_back(i);
  return token_array<std::uint16_t>(out);
}

// The places of an epoch's windows; every window is checked.
list places(auto& loader, std::int64_t context) {
  list out;
  for (const auto& [x, y] : loader) {
    CHECK(x.shape() == y.shape());
    for (std::int64_t n = 0; n < x.dim(0); ++n) {
      out.push_back(x(n, 0));
      for (std::int64_t t = 0; t < context; ++t) {
        CHECK(x(n, t) == out.back() + t);
        CHECK(y(n, t) == out.back() + t + 1);
      }
    }
  }
  return out;
}

}  // namespace

TEST_CASE("windows: at any places") {
  const auto out = text::windows(counting(10), list{6, 0, 0}, 3);
  CHECK(out.x.shape() == shape{3, 3});
  CHECK(numbers(out.x) == list{6, 7, 8, 0, 1, 2, 0, 1, 2});
  CHECK(numbers(out.y) == list{7, 8, 9, 1, 2, 3, 1, 2, 3});
  CHECK(text::windows(counting(10), list{}, 3).x.shape() == shape{0, 3});
  CHECK_THROWS_WITH_AS(text::windows(counting(10), list{7}, 3), "[windows] expected places from 0 to 6, got 7",
                       value_error);
  CHECK_THROWS_AS(text::windows(counting(10), list{-1}, 3), value_error);
  CHECK_THROWS_AS(text::windows(counting(10), list{0}, 10), value_error);
  CHECK_THROWS_AS(text::windows(counting(10), list{0}, 0), value_error);
}

TEST_CASE("corpus: in order") {
  const auto of = [](std::uint16_t count, const corpus_config& config) {
    data::loader loader{corpus{counting(count), config}, {.batch_size = 2}};
    return places(loader, config.context);
  };
  CHECK(of(10, {.context = 3}) == list{0, 3, 6});
  CHECK(of(9, {.context = 3}) == list{0, 3});
  CHECK(of(4, {.context = 3}) == list{0});
  CHECK(of(10, {.context = 3, .stride = 2}) == list{0, 2, 4, 6});
  CHECK(of(10, {.context = 3, .stride = 5}) == list{0, 5});
  CHECK(of(10, {.context = 3, .stride = 100}) == list{0});
  CHECK(of(10, {.context = 9}) == list{0});
}

TEST_CASE("corpus: shuffled, with threads, within bounds") {
  data::loader loader{corpus{counting(1000), {.context = 8}},
                      {.batch_size = 7, .shuffle = true, .seed = 3, .workers = 2}};
  list got = places(loader, 8);
  CHECK(!std::is_sorted(got.begin(), got.end()));
  CHECK(got != places(loader, 8));
  std::sort(got.begin(), got.end());
  CHECK(got.size() == 124);
  for (std::size_t i = 0; i < got.size(); ++i) CHECK(got[i] == static_cast<std::int64_t>(8 * i));
}

TEST_CASE("corpus: random places follow seed, epoch and row alone") {
  const auto epochs = [](std::uint64_t seed, std::int64_t batch, int workers) {
    data::loader loader{corpus{counting(500), {.context = 4, .samples = 100, .seed = seed}},
                        {.batch_size = batch, .workers = workers}};
    return std::vector<list>{places(loader, 4), places(loader, 4)};
  };
  const auto two = epochs(1, 10, 0);
  CHECK(two[0].size() == 100);
  CHECK(two[0] != two[1]);
  CHECK(epochs(1, 7, 0) == two);
  CHECK(epochs(1, 10, 2) == two);
  CHECK(epochs(2, 10, 0) != two);
  // Each place can come: 6 of them in 200 draws.
  data::loader all{corpus{counting(10), {.context = 4, .samples = 200}}, {.batch_size = 50}};
  const list drawn = places(all, 4);
  CHECK(std::set<std::int64_t>(drawn.begin(), drawn.end()) == std::set<std::int64_t>{0, 1, 2, 3, 4, 5});
}

TEST_CASE("corpus: of a file") {
  const support::temporary_folder folder;
  text::token_writer<std::uint32_t> to(folder / "train.bin");
  list tokens;
  for (std::int64_t i = 0; i < 100; ++i) tokens.push_back(i);
  to.write(tokens);
  to.commit();
  data::loader loader{corpus{token_array<std::uint32_t>::open(folder / "train.bin"), {.context = 10}}};
  CHECK(places(loader, 10) == list{0, 10, 20, 30, 40, 50, 60, 70, 80});
}

TEST_CASE("corpus: what is refused") {
  CHECK_THROWS_WITH_AS((corpus{counting(5), {.context = 5}}),
                       "[corpus] expected more tokens than the 5 of a window, got 5", value_error);
  CHECK_THROWS_AS((corpus{counting(5), {}}), value_error);
  CHECK_THROWS_AS((corpus{counting(5), {.context = 2, .stride = -1}}), value_error);
  CHECK_THROWS_AS((corpus{counting(5), {.context = 2, .samples = -1}}), value_error);
  CHECK_THROWS_WITH_AS((corpus{counting(5), {.context = 2}}.batch(list{2})),
                       "[corpus] expected rows from 0 to 1, got 2", value_error);
  CHECK_THROWS_AS((corpus{counting(5), {.context = 2, .samples = 3}}.batch(list{-1})), value_error);
}
