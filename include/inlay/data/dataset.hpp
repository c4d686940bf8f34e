// Where samples come from. A dataset is anything with size() and batch(rows); copying one must be cheap.
#pragma once

#include "../core/random.hpp"

namespace inlay::inline v0_1::data {

template <class D> concept dataset = requires(const D& d, std::span<const std::int64_t> rows) {
  { d.size() } -> std::convertible_to<std::int64_t>;
  d.batch(rows);
};

template <element X, element Y> struct batch {
  tensor<X> x;
  tensor<Y> y;
};
template <element X, element Y> batch(tensor<X>, tensor<Y>) -> batch<X, Y>;

// Rows of a tensor along its first axis. Throws value_error for a row that is not there.
template <element T> tensor<T> take_rows(const tensor<T>& from, std::span<const std::int64_t> rows) {
  const std::int64_t size = from.rank() == 0 ? 0 : from.shape().count(1, from.rank());
  if (from.rank() == 0) throw shape_error("take_rows", {"expected a tensor with rows, got ", from.shape()});
  tensor<T> out = empty<T>(from.shape().with(0, static_cast<std::int64_t>(rows.size())));
  T* to = inlay::detail::writable(out);
  for (const std::int64_t row : rows) {
    if (row < 0 || row >= from.dim(0))
      throw value_error("take_rows", {"expected rows from 0 to ", from.dim(0) - 1, ", got ", row});
    to = std::copy_n(from.data() + row * size, size, to);
  }
  return out;
}

// Inputs and targets in memory, one sample per row.
template <element X, element Y> class tensor_dataset {
 public:
  // Throws shape_error when the numbers of rows differ.
  tensor_dataset(tensor<X> x, tensor<Y> y) : x_(std::move(x)), y_(std::move(y)) {
    if (x_.rank() == 0 || y_.rank() == 0 || x_.dim(0) != y_.dim(0))
      throw shape_error("tensor_dataset",
                        {"expected inputs and targets of as many rows, got ", x_.shape(), " and ", y_.shape()});
  }

  std::int64_t size() const { return x_.dim(0); }
  data::batch<X, Y> batch(std::span<const std::int64_t> rows) const {
    return {take_rows(x_, rows), take_rows(y_, rows)};
  }

  const tensor<X>& x() const noexcept { return x_; }
  const tensor<Y>& y() const noexcept { return y_; }

 private:
  tensor<X> x_;
  tensor<Y> y_;
};

// Two parts of a dataset in random order: the first has `first_size` samples. Throws value_error.
template <element X, element Y>
std::pair<tensor_dataset<X, Y>, tensor_dataset<X, Y>> random_split(const tensor_dataset<X, Y>& all,
                                                                   std::int64_t first_size, std::uint64_t seed) {
  if (first_size < 0 || first_size > all.size())
    throw value_error("random_split", {"expected a first part of 0 to ", all.size(), " samples, got ", first_size});
  random::generator g(seed);
  const tensor<std::int64_t> order = random::permutation(g, all.size());
  const auto part = [&](std::int64_t first, std::int64_t last) {
    const auto both =
        all.batch(order.values().subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(last - first)));
    return tensor_dataset<X, Y>(both.x, both.y);
  };
  return {part(0, first_size), part(first_size, all.size())};
}

}  // namespace inlay::inline v0_1::data
