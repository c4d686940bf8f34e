// Shows: loaders that go on within an epoch
// Where a loader is: saved within an epoch and loaded into another, it goes on with the next batch; an epoch that was
// left or failed does not.
#include <inlay/data/position.hpp>

#include <inlay/data/loader.hpp>
#include <inlay/data/stream.hpp>
#include <inlay/io/save.hpp>

#include <doctest/doctest.h>

#include <stdexcept>

#include "files.hpp"

using namespace inlay;

namespace {

using rows = std::vector<std::int64_t>;
using place = std::pair<std::int64_t, std::int64_t>;  // epochs and batches that were begun

struct numbers {
  std::int64_t count = 23;
  std::int64_t size() const { return count; }
  tensor<std::int64_t> batch(std::span<const std::int64_t> of) const {
    return from<std::int64_t>({static_cast<std::int64_t>(of.size())}, of);
  }
};

// Other values each epoch.
struct augmented : numbers {
  std::int64_t epoch = -1;
  void set_epoch(std::uint64_t now) { epoch = static_cast<std::int64_t>(now); }
  tensor<std::int64_t> batch(std::span<const std::int64_t> of) const {
    tensor<std::int64_t> out = numbers::batch(of);
    for (std::int64_t i = 0; i < out.size(); ++i) out(i) += 100 * epoch;
    return out;
  }
};

struct failing : numbers {
  std::int64_t at = 10;  // the batch with this row
  tensor<std::int64_t> batch(std::span<const std::int64_t> of) const {
    if (of[0] == at) throw std::runtime_error("damaged");
    return numbers::batch(of);
  }
};

struct counter {
  std::int64_t count = 23, next_one = 0;
  std::optional<data::sample<std::int64_t, std::int64_t>> next() {
    if (next_one == count) return {};
    const tensor<std::int64_t> i(shape{}, next_one++);
    return data::sample{i, i};
  }
  void rewind() { next_one = 0; }
};

rows values_of(const tensor<std::int64_t>& batch) { return {batch.values().begin(), batch.values().end()}; }
rows values_of(const data::batch<std::int64_t, std::int64_t>& batch) { return values_of(batch.x); }

template <class Loader> std::vector<rows> epoch_of(Loader& loader) {
  std::vector<rows> out;
  for (const auto& batch : loader) out.push_back(values_of(batch));
  return out;
}

template <class Loader> place place_of(const Loader& loader) {
  const std::vector<member> list = members_of(loader);
  REQUIRE(list.size() == 2);
  CHECK(list[0].path == "epochs");
  CHECK(list[1].path == "batch");
  return {*list[0].size, *list[1].size};
}

template <class Loader> void put(Loader& loader, place at) {
  const std::vector<member> list = members_of(loader);
  *list[0].size = at.first;
  *list[1].size = at.second;
}

// Cuts the second epoch after some of its batches.
template <class Loader> void check_going_on(const Loader& fresh) {
  const support::temporary_folder folder;
  Loader whole = fresh;
  (void)epoch_of(whole);
  const std::vector<rows> second = epoch_of(whole), third = epoch_of(whole);
  for (std::size_t cut : {std::size_t{1}, std::size_t{3}, second.size()}) {
    INFO("after ", cut, " batches");
    Loader left = fresh, other = fresh;
    (void)epoch_of(left);
    std::size_t taken = 0;
    for (const auto& batch : left) {
      CHECK(values_of(batch) == second[taken]);
      if (++taken < cut) continue;
      io::save(left, folder / "position");
      break;
    }
    CHECK(place_of(left) == place{2, 0});  // left: the next one begins anew
    CHECK(epoch_of(left) == third);

    io::load(other, folder / "position");
    CHECK(place_of(other) == place{2, cut});
    CHECK(epoch_of(other) == std::vector<rows>(second.begin() + static_cast<std::ptrdiff_t>(cut), second.end()));
    CHECK(other.epochs() == 2);
    CHECK(place_of(other) == place{2, 0});
    CHECK(epoch_of(other) == third);
    io::load(left, folder / "position");  // into one that was used
    CHECK(epoch_of(left).size() == second.size() - cut);
    CHECK(epoch_of(left) == third);
  }
}

}  // namespace

TEST_CASE("loader: a position within an epoch, saved and loaded, goes on with the next batch") {
  for (const int workers : {0, 2})
    for (const bool shuffle : {false, true})
      for (const bool drop_last : {false, true}) {
        INFO("workers ", workers, " shuffle ", shuffle, " drop ", drop_last);
        const data::loader_config config{
            .batch_size = 5, .shuffle = shuffle, .seed = 3, .drop_last = drop_last, .workers = workers};
        if (shuffle)
          check_going_on(data::loader{augmented{}, config});
        else
          check_going_on(data::loader{numbers{}, config});
      }
}

TEST_CASE("stream_loader: the same; the samples before are read once more") {
  for (const std::int64_t buffer : {0, 4})
    for (const bool drop_last : {false, true}) {
      INFO("buffer ", buffer, " drop ", drop_last);
      check_going_on(data::stream_loader<counter>(
          counter{}, {.batch_size = 5, .shuffle_buffer = buffer, .seed = 3, .drop_last = drop_last}));
    }
}

TEST_CASE("loader: a position that the batches do not have") {
  const auto check = [](auto& loader, place at, const char* message) {
    put(loader, at);
    CHECK_THROWS_WITH_AS(loader.begin(), message, state_error);
    put(loader, {1, 1});  // and no harm was done
    CHECK(epoch_of(loader).size() == 4);
    CHECK(loader.epochs() == 1);
  };
  data::loader loader{numbers{}, {.batch_size = 5}};
  data::stream_loader<counter> stream(counter{}, {.batch_size = 5});
  for (const place& at : {place{2, 6}, place{1, 1000}}) {
    INFO(at.second);
    const std::string message = "[loader] expected a position within 5 batches, got batch " +
                                std::to_string(at.second) + " of epoch " + std::to_string(at.first) +
                                "; was it saved with other data or another batch size?";
    check(loader, at, message.c_str());
    check(stream, at, message.c_str());
  }
  for (const place& at : {place{-1, 0}, place{1, -1}, place{0, 1}}) {
    put(loader, at);
    CHECK_THROWS_AS(loader.begin(), state_error);
    put(stream, at);
    CHECK_THROWS_AS(stream.begin(), state_error);
  }
  put(loader, {0, 0});
  CHECK(epoch_of(loader).size() == 5);

  data::loader none{numbers{0}};
  CHECK(epoch_of(none).empty());
  CHECK(place_of(none) == place{1, 0});
  put(none, {1, 1});
  CHECK_THROWS_AS(none.begin(), state_error);
}

TEST_CASE("loader: an epoch that is left begins anew, wherever its iterator was moved") {
  for (const int workers : {0, 2}) {
    data::loader loader{numbers{}, {.batch_size = 5, .workers = workers}};
    {
      auto first = loader.begin();
      ++first;
      CHECK(place_of(loader) == place{1, 2});
      auto second = std::move(first);
      ++second;
      CHECK(values_of(*second) == rows{10, 11, 12, 13, 14});
      CHECK(place_of(loader) == place{1, 3});
      {
        auto third = std::move(second);
        CHECK(place_of(loader) == place{1, 3});
      }
      CHECK(place_of(loader) == place{1, 0});
    }
    auto it = loader.begin();
    ++it;
    it = loader.begin();  // the epoch before goes
    CHECK(place_of(loader) == place{3, 1});
    ++it;
    CHECK(place_of(loader) == place{3, 2});
    while (it != loader.end()) ++it;
    CHECK(place_of(loader) == place{3, 0});

    put(loader, {3, 2});  // the old iterator has no hand in it
    { const auto gone = std::move(it); }
    CHECK(place_of(loader) == place{3, 2});
    CHECK(epoch_of(loader).size() == 3);
  }
}

TEST_CASE("loader: of two epochs side by side the later one counts; a copy begins its own") {
  data::loader loader{numbers{}, {.batch_size = 5, .shuffle = true}};
  auto first = loader.begin();
  ++first;
  data::loader copy = loader;
  auto second = loader.begin();
  CHECK(place_of(loader) == place{2, 1});
  CHECK(values_of(*first) != values_of(*second));
  ++first;
  CHECK(place_of(loader) == place{2, 1});
  ++second;
  CHECK(place_of(loader) == place{2, 2});
  while (first != loader.end()) ++first;
  CHECK(place_of(loader) == place{2, 2});
  while (second != loader.end()) ++second;
  CHECK(place_of(loader) == place{2, 0});
  CHECK(epoch_of(loader).size() == 5);
  CHECK(loader.epochs() == 3);

  CHECK(epoch_of(copy).size() == 5);
  CHECK(copy.epochs() == 2);
  copy.set_epochs(0);
  CHECK(epoch_of(copy).size() == 5);
  CHECK(copy.epochs() == 1);
}

TEST_CASE("loader: a batch that failed is behind the position; an epoch that could not begin is none") {
  for (const int workers : {0, 2}) {
    data::loader loader{failing{}, {.batch_size = 5, .workers = workers}};
    auto it = loader.begin();
    ++it;
    CHECK_THROWS_AS(++it, std::runtime_error);
    ++it;
    CHECK(values_of(*it) == rows{15, 16, 17, 18, 19});
    CHECK(place_of(loader) == place{1, 4});
    data::loader other{failing{}, {.batch_size = 5, .workers = workers}};
    put(other, place_of(loader));
    CHECK(epoch_of(other) == std::vector<rows>{{20, 21, 22}});

    put(other, {1, 2});
    CHECK_THROWS_AS(other.begin(), std::runtime_error);
    CHECK(place_of(other) == place{1, 0});
  }
  struct refusing : numbers {
    std::int64_t* left = nullptr;  // epochs that fail
    void set_epoch(std::uint64_t) {
      if (--*left >= 0) throw std::runtime_error("no epoch");
    }
  };
  std::int64_t left = 1;
  refusing source;
  source.left = &left;
  data::loader loader{source, {.batch_size = 5}};
  CHECK_THROWS_AS(loader.begin(), std::runtime_error);
  put(loader, {1, 3});
  CHECK(epoch_of(loader) == std::vector<rows>{{15, 16, 17, 18, 19}, {20, 21, 22}});
}
