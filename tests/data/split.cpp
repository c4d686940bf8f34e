// Shows: splits and folds
// Splits and folds: every row where it belongs once, classes in proportion, scikit-learn's folds, and the seed decides.
#include <inlay/data/split.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tensors.hpp"

using namespace inlay;
using list = std::vector<std::int64_t>;

namespace {

tensor<std::int64_t> classes_of(const list& of) {
  return from<std::int64_t>({static_cast<std::int64_t>(of.size())}, of);
}
list numbers(const tensor<std::int64_t>& t) { return {t.values().begin(), t.values().end()}; }

std::vector<list> tests_of(const std::vector<data::fold>& folds, std::int64_t n) {
  std::vector<list> out;
  for (const data::fold& f : folds) {
    list both = f.train;
    both.insert(both.end(), f.test.begin(), f.test.end());
    CHECK(std::is_sorted(f.train.begin(), f.train.end()));
    CHECK(std::is_sorted(f.test.begin(), f.test.end()));
    std::sort(both.begin(), both.end());
    CHECK(both == numbers(support::counting<std::int64_t>({n})));
    out.push_back(f.test);
  }
  return out;
}

}  // namespace

TEST_CASE("k_fold and stratified_k_fold: scikit-learn's folds") {
  // golden/data.py: model_selection.KFold, model_selection.StratifiedKFold
  CHECK(tests_of(data::k_fold(10, 3), 10) == std::vector<list>{{0, 1, 2, 3}, {4, 5, 6}, {7, 8, 9}});
  CHECK(tests_of(data::k_fold(5, 5), 5) == std::vector<list>{{0}, {1}, {2}, {3}, {4}});
  const auto mixed = classes_of({2, 0, 0, 2, 1, 0, 2, 0, 1, 0, 0, 5});
  CHECK(tests_of(data::stratified_k_fold(mixed, 3), 12) ==
        std::vector<list>{{0, 1, 2, 4}, {3, 5, 7, 8}, {6, 9, 10, 11}});
  CHECK(tests_of(data::stratified_k_fold(classes_of({1, 1, 0, 0, 0, 1, 1}), 2), 7) ==
        std::vector<list>{{0, 1, 2, 3}, {4, 5, 6}});
}

TEST_CASE("folds, shuffled: other rows, as many of them and of each class") {
  const auto tests = tests_of(data::k_fold(10, 3, {.shuffle = true, .seed = 1}), 10);
  CHECK(tests[0].size() == 4);
  CHECK(tests[2].size() == 3);
  CHECK(tests == tests_of(data::k_fold(10, 3, {.shuffle = true, .seed = 1}), 10));
  CHECK(tests != tests_of(data::k_fold(10, 3, {.shuffle = true, .seed = 2}), 10));
  CHECK(tests != tests_of(data::k_fold(10, 3), 10));

  list classes;
  for (std::int64_t i = 0; i < 90; ++i) classes.push_back(i % 9 < 6 ? 0 : i % 9 < 8 ? 1 : 2);
  const auto folds = data::stratified_k_fold(classes_of(classes), 5, {.shuffle = true, .seed = 3});
  for (const list& test : tests_of(folds, 90)) {
    list counts(3);
    for (const std::int64_t row : test) ++counts[static_cast<std::size_t>(classes[static_cast<std::size_t>(row)])];
    CHECK(counts == list{12, 4, 2});
  }
  CHECK(tests_of(folds, 90) != tests_of(data::stratified_k_fold(classes_of(classes), 5), 90));

  CHECK_THROWS_WITH_AS(data::k_fold(3, 4), "[k_fold] expected 2 to 3 folds, got 4", value_error);
  CHECK_THROWS_AS(data::k_fold(3, 1), value_error);
  CHECK_THROWS_WITH_AS(data::stratified_k_fold(classes_of({0, 1, 1}), 3),
                       "[stratified_k_fold] expected 2 to 2 folds, got 3", value_error);
  CHECK_THROWS_AS(data::stratified_k_fold(tensor<std::int64_t>({2, 2}), 2), shape_error);
  CHECK_THROWS_AS(data::stratified_k_fold(tensor<std::int64_t>(shape{0}), 2), value_error);
}

TEST_CASE("stratified_split: classes in proportion, every row in one part") {
  tensor<std::int64_t> y({100});
  y.write([](std::span<std::int64_t> to) {
    for (std::size_t i = 0; i < 100; ++i) to[i] = i < 70 ? 4 : i < 95 ? 7 : 9;
  });
  const data::tensor_dataset<std::int64_t, std::int64_t> all(support::counting<std::int64_t>({100, 1}), y);
  const struct {
    std::int64_t size;
    list counts;
  } table[] = {{0, {0, 0, 0}},  {20, {14, 5, 1}},  {50, {35, 13, 2}},
               {10, {7, 3, 0}}, {99, {69, 25, 5}}, {100, {70, 25, 5}}};
  for (const auto& row : table) {
    INFO(row.size);
    const auto [first, second] = data::stratified_split(all, row.size, 1);
    CHECK(first.size() == row.size);
    list counts(3), rows = numbers(first.x());
    for (const std::int64_t c : first.y().values()) ++counts[c == 4 ? 0 : c == 7 ? 1 : 2];
    CHECK(counts == row.counts);
    for (const auto* part : {&first, &second})
      for (std::int64_t i = 0; i < part->size(); ++i) CHECK(part->y()(i) == y(part->x()(i, 0)));
    for (const std::int64_t r : numbers(second.x())) rows.push_back(r);
    std::sort(rows.begin(), rows.end());
    CHECK(rows == numbers(all.x()));
  }
  const auto rows_of = [&](std::uint64_t seed) { return numbers(data::stratified_split(all, 50, seed).first.x()); };
  CHECK(rows_of(1) == rows_of(1));
  CHECK(rows_of(1) != rows_of(2));
  CHECK_THROWS_WITH_AS(data::stratified_split(all, 101, 1),
                       "[stratified_split] expected a first part of 0 to 100 samples, got 101", value_error);
}

TEST_CASE("subset: rows of a dataset without a copy") {
  const data::tensor_dataset<std::int64_t, std::int64_t> all(support::counting<std::int64_t>({9, 1}),
                                                             support::counting<std::int64_t>({9}));
  const data::subset part(all, data::k_fold(9, 3)[1].test);
  CHECK(part.size() == 3);
  CHECK(numbers(part.batch(list{2, 0}).y) == list{5, 3});
  const data::subset of_part(part, list{1, 1});
  CHECK(numbers(of_part.batch(list{0, 1}).x) == list{4, 4});
  CHECK_THROWS_AS(part.batch(list{3}), value_error);
  CHECK_THROWS_WITH_AS(data::subset(all, list{9}), "[subset] expected rows from 0 to 8, got 9", value_error);
}
