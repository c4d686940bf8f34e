// Parts of datasets: subset views, splits that keep the proportions of classes, and folds for cross-validation, as
// scikit-learn makes them. The seed alone decides what is drawn.
#pragma once

#include <vector>

#include "dataset.hpp"

namespace inlay::inline v0_1::data {

// Some rows of a dataset, in their order, as a dataset. Nothing is copied.
template <dataset Source> class subset {
 public:
  // Throws value_error for a row that is not there.
  subset(Source source, std::span<const std::int64_t> rows)
      : source_(std::move(source)), rows_(from<std::int64_t>({static_cast<std::int64_t>(rows.size())}, rows)) {
    for (const std::int64_t row : rows)
      if (row < 0 || row >= source_.size())
        throw value_error("subset", {"expected rows from 0 to ", source_.size() - 1, ", got ", row});
  }

  std::int64_t size() const { return rows_.size(); }
  auto batch(std::span<const std::int64_t> rows) const {
    const tensor<std::int64_t> of_source = take_rows(rows_, rows);
    return source_.batch(of_source.values());
  }
  void set_epoch(std::uint64_t epoch) requires requires(Source& s) { s.set_epoch(epoch); }
  { source_.set_epoch(epoch); }

 private:
  Source source_;
  tensor<std::int64_t> rows_;
};

// The rows of one round: to train on, and to test on. In ascending order.
struct fold {
  std::vector<std::int64_t> train, test;
};

struct fold_options {
  bool shuffle = false;  // otherwise neighbours are tested together
  std::uint64_t seed = 0;
};

namespace detail {

// The rows of each class, in order; classes by their first row.
template <class = void>  // compiled only where it is used
INLAY_COLD std::vector<std::vector<std::int64_t>> rows_by_class(const tensor<std::int64_t>& classes) {
  std::vector<std::int64_t> order(static_cast<std::size_t>(classes.size()));
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = static_cast<std::int64_t>(i);
  const auto class_of = [&](std::int64_t row) { return classes.values()[static_cast<std::size_t>(row)]; };
  std::stable_sort(order.begin(), order.end(),
                   [&](std::int64_t a, std::int64_t b) { return class_of(a) < class_of(b); });
  std::vector<std::vector<std::int64_t>> out;
  for (std::size_t i = 0; i < order.size(); ++i) {
    if (i == 0 || class_of(order[i]) != class_of(order[i - 1])) out.emplace_back();
    out.back().push_back(order[i]);
  }
  std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a[0] < b[0]; });
  return out;
}

// Into another order; that of the tensor of a permutation.
template <class T> void shuffle(std::vector<T>& what, random::generator& g) {
  const tensor<std::int64_t> order = random::permutation(g, static_cast<std::int64_t>(what.size()));
  const std::vector<T> before = what;
  for (std::size_t i = 0; i < what.size(); ++i) what[i] = before[static_cast<std::size_t>(order.values()[i])];
}

// Row i is tested in round test_in[i].
template <class = void>  // compiled only where it is used
INLAY_COLD std::vector<fold> folds_of(const std::vector<std::int64_t>& test_in, std::int64_t k) {
  std::vector<fold> out(static_cast<std::size_t>(k));
  for (std::size_t row = 0; row < test_in.size(); ++row)
    for (std::size_t i = 0; i < out.size(); ++i)
      (static_cast<std::int64_t>(i) == test_in[row] ? out[i].test : out[i].train)
          .push_back(static_cast<std::int64_t>(row));
  return out;
}

INLAY_COLD inline void check_folds(const char* who, std::int64_t k, std::int64_t most) {
  if (k < 2 || k > most) throw value_error(who, {"expected 2 to ", most, " folds, got ", k});
}

}  // namespace detail

// k rounds in which every row is tested once; the first n mod k rounds test one row more. Throws value_error unless
// 2 <= k <= n.
template <class = void>  // compiled only where it is used
INLAY_COLD std::vector<fold> k_fold(std::int64_t n, std::int64_t k, const fold_options& options = {}) {
  detail::check_folds("k_fold", k, n);
  std::vector<std::int64_t> test_in;
  for (std::int64_t i = 0; i < k; ++i) test_in.insert(test_in.end(), static_cast<std::size_t>(n / k + (i < n % k)), i);
  random::generator g(options.seed);
  if (options.shuffle) detail::shuffle(test_in, g);
  return detail::folds_of(test_in, k);
}

// The same, with as many rows of each class (N,) in every round as can be. Throws shape_error, and value_error unless
// 2 <= k and the largest class has k rows or more.
template <class = void>  // compiled only where it is used
INLAY_COLD std::vector<fold> stratified_k_fold(const tensor<std::int64_t>& classes, std::int64_t k,
                                               const fold_options& options = {}) {
  if (classes.rank() != 1) throw shape_error("stratified_k_fold", {"expected classes (N,), got ", classes.shape()});
  const auto members = detail::rows_by_class(classes);
  std::size_t most = 0;
  for (const auto& rows : members) most = std::max(most, rows.size());
  detail::check_folds("stratified_k_fold", k, static_cast<std::int64_t>(most));

  std::vector<std::int64_t> test_in(static_cast<std::size_t>(classes.size()));
  random::generator g(options.seed);
  std::int64_t first = 0;  // rows sorted by class are dealt out like cards: row j goes to round j mod k
  for (const auto& rows : members) {
    const auto count = static_cast<std::int64_t>(rows.size());
    std::vector<std::int64_t> rounds;
    for (std::int64_t i = 0; i < k; ++i) {
      const std::int64_t before = (i - first % k + k) % k;  // of this class that come before the first for round i
      rounds.insert(rounds.end(), static_cast<std::size_t>(count > before ? (count - before + k - 1) / k : 0), i);
    }
    if (options.shuffle) detail::shuffle(rounds, g);
    for (std::size_t i = 0; i < rows.size(); ++i) test_in[static_cast<std::size_t>(rows[i])] = rounds[i];
    first += count;
  }
  return detail::folds_of(test_in, k);
}

// Two parts in random order, the first of `first_size` samples, with the classes (N,) in the same proportions as near
// as whole rows allow. Throws value_error for a size that is not there, shape_error for targets that are no classes.
template <element X>
std::pair<tensor_dataset<X, std::int64_t>, tensor_dataset<X, std::int64_t>> stratified_split(
    const tensor_dataset<X, std::int64_t>& all, std::int64_t first_size, std::uint64_t seed) {
  if (first_size < 0 || first_size > all.size())
    throw value_error("stratified_split", {"expected a first part of 0 to ", all.size(), " samples, got ", first_size});
  if (all.y().rank() != 1) throw shape_error("stratified_split", {"expected classes (N,), got ", all.y().shape()});
  auto members = detail::rows_by_class(all.y());
  random::generator g(seed);

  // Whole rows first, then one more for the classes with the largest remainders.
  std::vector<std::pair<double, std::size_t>> remainders;
  std::vector<std::size_t> take(members.size());
  std::int64_t left = first_size;
  for (std::size_t i = 0; i < members.size(); ++i) {
    const double share =
        static_cast<double>(members[i].size()) * static_cast<double>(first_size) / static_cast<double>(all.size());
    take[i] = static_cast<std::size_t>(share);
    left -= static_cast<std::int64_t>(take[i]);
    remainders.emplace_back(static_cast<double>(take[i]) - share, i);
  }
  std::sort(remainders.begin(), remainders.end());
  for (std::size_t i = 0; i < static_cast<std::size_t>(left); ++i) ++take[remainders[i].second];

  std::vector<std::int64_t> first, second;
  for (std::size_t i = 0; i < members.size(); ++i) {
    detail::shuffle(members[i], g);
    const auto middle = members[i].begin() + static_cast<std::ptrdiff_t>(take[i]);
    first.insert(first.end(), members[i].begin(), middle);
    second.insert(second.end(), middle, members[i].end());
  }
  const auto part = [&](std::vector<std::int64_t>& rows) {
    detail::shuffle(rows, g);
    const auto both = all.batch(rows);
    return tensor_dataset<X, std::int64_t>(both.x, both.y);
  };
  auto one = part(first);
  return {std::move(one), part(second)};
}

}  // namespace inlay::inline v0_1::data
