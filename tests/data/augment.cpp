// Shows: augmentation of images
// Augmentation: each step does what it says and no more, and an image depends on seed, epoch and row alone, whatever
// the batch, the order and the threads.
#include <inlay/data/augment.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <set>
#include <vector>

#include <inlay/data/loader.hpp>
#include <inlay/data/split.hpp>

#include "tensors.hpp"

using namespace inlay;
using list = std::vector<std::int64_t>;

namespace {

// One image 0, 1, 2 … of a shape after a step.
template <class Step> tensor<double> after(const Step& step, std::uint64_t seed, const shape& sizes = {1, 2, 3, 4}) {
  const list row{0};
  return data::augment(support::counting<double>(sizes), row, seed, 0, step);
}

list numbers(const tensor<double>& t) {
  list out;
  for (const double value : t.values()) out.push_back(static_cast<std::int64_t>(std::lround(value)));
  return out;
}

data::tensor_dataset<float, std::int64_t> images(std::int64_t count) {
  return {support::made_up<float>({count, 3, 8, 8}, 1, 0, 1), support::counting<std::int64_t>({count})};
}

auto varied(std::int64_t count, std::uint64_t seed) {
  return data::augmented(
      images(count), seed, data::random_resized_crop{}, data::random_affine{.degrees = 20}, data::horizontal_flip{},
      data::color_jitter{.brightness = 0.5, .contrast = 0.5, .saturation = 0.5}, data::random_erasing{});
}

}  // namespace

TEST_CASE("augment: flips") {
  CHECK(numbers(after(data::horizontal_flip{1}, 1)) ==
        list{3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12, 19, 18, 17, 16, 23, 22, 21, 20});
  CHECK(numbers(after(data::vertical_flip{1}, 1)) ==
        list{8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3, 20, 21, 22, 23, 16, 17, 18, 19, 12, 13, 14, 15});
  CHECK(numbers(after(data::horizontal_flip{0}, 1))[0] == 0);
  int flipped = 0;
  for (std::uint64_t seed = 0; seed < 1000; ++seed) flipped += numbers(after(data::horizontal_flip{0.3}, seed))[0] == 3;
  CHECK(flipped > 250);
  CHECK(flipped < 350);
}

TEST_CASE("augment: a crop moves whole pixels by up to the padding") {
  std::set<std::pair<std::int64_t, std::int64_t>> moves;
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    const list got = numbers(after(data::random_crop{.padding = 1, .fill = -7}, seed));
    int fits = 0;
    for (std::int64_t down = -1; down <= 1; ++down)
      for (std::int64_t right = -1; right <= 1; ++right) {
        list expected;
        for (std::int64_t i = 0; i < 24; ++i) {
          const std::int64_t row = i / 4 % 3 + down, column = i % 4 + right;
          expected.push_back(row >= 0 && row < 3 && column >= 0 && column < 4 ? i / 12 * 12 + row * 4 + column : -7);
        }
        if (got != expected) continue;
        ++fits;
        moves.emplace(down, right);
      }
    CHECK(fits == 1);
  }
  CHECK(moves.size() == 9);
  CHECK(numbers(after(data::random_crop{.padding = 0}, 1))[23] == 23);
  CHECK_THROWS_WITH_AS(after(data::random_crop{.padding = -1}, 1),
                       "[random_crop] expected .padding of 0 or more, got -1", value_error);
}

TEST_CASE("augment: warping against PyTorch's grid_sample") {
  tensor<double> square({1, 4, 4});
  square.write([](std::span<double> to) {
    for (std::size_t i = 0; i < to.size(); ++i) to[i] = std::sin(0.7 * static_cast<double>(i));
  });
  const double c = std::cos(std::acos(-1.0) / 6) / 1.25, s = 0.5 / 1.25;
  square.write([&](std::span<double> to) {
    data::detail::warp(data::image<double>{to.data(), 1, 4, 4}, {c, s, 0.5, -s, c, -0.25}, 0.0);
  });
  // golden/data.py: grid_sample(x, affine_grid(theta, …), align_corners=False)
  support::check_close(square,
                       {0.11498925096410986, 0.23481240428946684, 0.8812717098841755, 0.5690894041530874,
                        -0.16230216081330517, -0.49437948683659416, -0.3378611874309313, 0.3219830377075204,
                        0.13724299078861893, 0.2866646564320068, -0.23047135939607527, -0.7423794219554651,
                        -0.016485977926699407, 0.1355009373252726, 0.8077876378403455, 0.13556251799975197},
                       1e-12);
}

TEST_CASE("augment: turns, moves and scales about the middle") {
  CHECK(numbers(after(data::random_affine{}, 5)) == numbers(support::counting<double>({24})));
  bool kept = true, turned = false;
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    const tensor<double> x = data::augment(full<double>({1, 1, 9, 9}, 2), list{0}, seed, 0,
                                           data::random_affine{.degrees = 45, .translate = 0.1, .scale = {0.8, 1.2}});
    kept = kept && std::abs(x(0, 0, 4, 4) - 2) < 1e-12;
    turned = turned || x(0, 0, 0, 0) == 0;
  }
  CHECK(kept);
  CHECK(turned);
  const tensor<double> away = after(data::random_affine{.scale = {1e-3, 1e-3}, .fill = 5}, 1, {1, 1, 4, 4});
  CHECK(numbers(away) == list(16, 5));
  CHECK_THROWS_AS(after(data::random_affine{.scale = {0, 1}}, 1), value_error);
}

TEST_CASE("augment: a resized crop shows a part, an erased box is of one value") {
  bool inside = true, whole = true;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    const tensor<double> x = after(data::random_resized_crop{}, seed, {1, 1, 6, 6});
    for (std::int64_t row = 0; row < 6; ++row)  // values rise by 1 to the right and by 6 down: so they do in any part
      for (std::int64_t column = 0; column < 6; ++column) {
        inside = inside && x(0, 0, row, column) > -1e-9 && x(0, 0, row, column) < 35 + 1e-9;
        whole = whole && (column == 0 || x(0, 0, row, column) >= x(0, 0, row, column - 1) - 1e-9);
      }
  }
  CHECK(inside);
  CHECK(whole);

  int erased = 0;
  for (std::uint64_t seed = 0; seed < 400; ++seed) {
    const tensor<double> x = after(data::random_erasing{.fill = -1}, seed, {1, 2, 10, 10});
    std::int64_t holes[2] = {}, top = 10, bottom = -1, left = 10, right = -1;
    for (std::int64_t i = 0; i < 200; ++i) {
      if (x.values()[static_cast<std::size_t>(i)] != -1) continue;
      ++holes[i / 100];
      top = std::min(top, i / 10 % 10);
      bottom = std::max(bottom, i / 10 % 10);
      left = std::min(left, i % 10);
      right = std::max(right, i % 10);
    }
    if (holes[0] == 0) continue;
    ++erased;
    CHECK(holes[0] == holes[1]);
    CHECK(holes[0] == (bottom - top + 1) * (right - left + 1));
    CHECK(holes[0] <= 40);
  }
  CHECK(erased > 150);
  CHECK(erased < 250);
  CHECK_THROWS_AS(after(data::random_erasing{.p = 1, .area = {0.5, 2}}, 1), value_error);
  CHECK_THROWS_AS(after(data::random_resized_crop{.ratio = {0, 1}}, 1), value_error);
}

TEST_CASE("augment: colours") {
  const shape sizes{1, 3, 2, 2};
  const auto x = support::made_up<double>(sizes, 3, 0, 1);
  const auto jittered = [&](const data::color_jitter& step) { return data::augment(x, list{0}, 1, 0, step); };
  support::check_close(jittered({}), {x.values().begin(), x.values().end()});
  const auto gray = [](const tensor<double>& of, std::int64_t i) {
    return 0.299 * of.data()[i] + 0.587 * of.data()[4 + i] + 0.114 * of.data()[8 + i];
  };
  const tensor<double> bright = jittered({.brightness = 0.5});
  const double factor = bright.data()[0] / x.data()[0];
  CHECK(factor != 1);
  CHECK(std::abs(factor - 1) <= 0.5);
  for (std::int64_t i = 0; i < 12; ++i) CHECK(bright.data()[i] == doctest::Approx(factor * x.data()[i]));
  const tensor<double> contrast = jittered({.contrast = 0.5}), saturation = jittered({.saturation = 0.5});
  double mean = 0, same = 0;
  for (std::int64_t i = 0; i < 4; ++i) {
    mean += gray(x, i) / 4;
    same += gray(contrast, i) / 4;
    CHECK(gray(saturation, i) == doctest::Approx(gray(x, i)));
    CHECK(saturation.data()[i] != x.data()[i]);
  }
  CHECK(same == doctest::Approx(mean));
  CHECK(contrast.data()[0] != x.data()[0]);
}

TEST_CASE("augmented: the same images for any batch, order and number of workers; others each epoch") {
  const auto run = [](int workers, std::uint64_t seed, std::int64_t batch_size, bool shuffle) {
    data::loader batches(varied(10, seed), {.batch_size = batch_size, .shuffle = shuffle, .workers = workers});
    std::vector<std::vector<float>> out(20);
    for (std::size_t epoch = 0; epoch < 2; ++epoch)
      for (const auto& batch : batches)
        for (std::int64_t i = 0; i < batch.y.size(); ++i) {
          const auto one = batch.x.slice(i, i + 1);
          out[10 * epoch + static_cast<std::size_t>(batch.y(i))].assign(one.values().begin(), one.values().end());
        }
    return out;
  };
  const auto golden = run(0, 1, 10, false);
  for (const int workers : {0, 1, 2}) {
    CHECK(run(workers, 1, 3, false) == golden);
    CHECK(run(workers, 1, 4, true) == golden);
  }
  CHECK(run(0, 2, 10, false)[0] != golden[0]);
  CHECK(golden[0] != golden[10]);
  CHECK(std::set<std::vector<float>>(golden.begin(), golden.end()).size() == 20);
  support::for_each_thread_count([&](int) { CHECK(run(0, 1, 10, false) == golden); });

  // Through a subset, which passes the epoch on.
  data::loader part(data::subset(varied(10, 1), list{7, 2}), {.batch_size = 2});
  for (std::size_t epoch = 0; epoch < 2; ++epoch)
    for (const auto& batch : part) {
      const auto one = batch.x.slice(1, 2);
      CHECK(std::vector<float>(one.values().begin(), one.values().end()) == golden[10 * epoch + 2]);
    }
  part.set_epochs(1);
  CHECK(support::same_bits((*part.begin()).x, [] {
    auto again = varied(10, 1);
    again.set_epoch(1);
    return again.batch(list{7, 2}).x;
  }()));
}

TEST_CASE("augmented: bytes become numbers from 0 to 1; what is no image") {
  const data::tensor_dataset bytes(from<std::uint8_t>({1, 1, 1, 3}, {0, 51, 255}), from<std::int64_t>({1}, {4}));
  const auto batch = data::augmented(bytes, 1, data::horizontal_flip{1}).batch(list{0});
  support::check_close(batch.x, {1, 0.2, 0}, 1e-7);
  CHECK(batch.y.item() == 4);
  CHECK(data::augment(zeros<float>({0, 3, 4, 4}), {}, 1, 0, data::horizontal_flip{}).shape() == shape{0, 3, 4, 4});
  CHECK_THROWS_WITH_AS(data::augment(zeros<float>({3, 4}), list{0, 1, 2}, 1, 0),
                       "[augment] expected images (3, C, H, W), got (3, 4)", shape_error);
  CHECK_THROWS_AS(data::augment(zeros<float>({3, 1, 4, 4}), list{0, 1}, 1, 0), shape_error);
}
