// Cross-entropy of scores with class indices or with probabilities (log-softmax and negative log-likelihood in one
// stable pass), and the negative log-likelihood of log-probabilities.
#pragma once

#include "../ops/compare.hpp"
#include "../ops/cross_entropy.hpp"
#include "../ops/gather.hpp"
#include "../ops/reshape.hpp"
#include "../ops/transpose.hpp"
#include "reduced.hpp"

namespace inlay::inline v0_1 {

namespace loss {

struct cross_entropy_options {
  inlay::reduction reduction = inlay::reduction::mean;
  double label_smoothing = 0;              // this part of each target is spread over all classes (Szegedy et al., 2015)
  std::vector<double> class_weights = {};  // what each class counts; a mean is over what was counted
  std::int64_t ignore_index = -100;        // rows of this class count nothing
};

}  // namespace loss

namespace detail {

// (N, V, …) as rows (N · …, V).
template <operand S> auto class_rows(const char* name, const S& scores) {
  const int rank = scores.shape().rank();
  if (rank < 2) [[unlikely]]
    throw shape_error(name, {"expected scores (N, V) or (N, V, …), got ", scores.shape()});
  permute_op op{{0}, rank};
  for (int i = 2; i < rank; ++i) op.order[static_cast<std::size_t>(i) - 1] = i;
  op.order[static_cast<std::size_t>(rank) - 1] = 1;
  return reshape(apply(op, scores), {-1, scores.shape()[1]});
}

template <class T> INLAY_COLD tensor<T> class_weights(const std::vector<double>& weights) {
  tensor<T> out = tensor<T>::empty({static_cast<std::int64_t>(weights.size())});
  T* to = writable(out);
  for (std::size_t i = 0; i < weights.size(); ++i) to[i] = static_cast<T>(weights[i]);
  return out;
}

// Losses of rows that count in shares, as one number or in the shape of the targets.
template <class L, class T>
auto reduced_shares(L losses, const tensor<T>& shares, inlay::reduction how, const shape& sizes) {
  if (how == inlay::reduction::none) return reshape(std::move(losses), sizes);
  auto total = sum(std::move(losses));
  return how == inlay::reduction::sum ? total * T{1} : std::move(total) * (T{1} / sum(shares).item());
}

}  // namespace detail

namespace loss {

// scores (N, V) or (N, V, …), not normalised; classes (N,) or (N, …) from 0 to V - 1 -> (), or the shape of the classes
// without reduction. Throws shape_error, and value_error for a class that is out of range.
template <operand S>
auto cross_entropy(S&& scores, const tensor<std::int64_t>& classes, const cross_entropy_options& options = {}) {
  using T = inlay::detail::element_of<S>;
  return apply(cross_entropy_op{options.reduction, options.ignore_index, options.label_smoothing},
               std::forward<S>(scores), classes, inlay::detail::class_weights<T>(options.class_weights));
}

// Targets are probabilities of the shape of the scores; a mean is over the rows. Throws shape_error.
template <operand S, operand Y>
requires(!std::is_same_v<inlay::detail::element_of<Y>, std::int64_t>) auto cross_entropy(
    const S& scores, const Y& targets, const cross_entropy_options& options = {}) {
  using T = inlay::detail::element_of<S>;
  inlay::detail::check_pair(cross_entropy_op::name, scores.shape(), targets.shape());
  const auto rows = inlay::detail::class_rows(cross_entropy_op::name, scores);
  auto wanted = inlay::detail::class_rows(cross_entropy_op::name, targets);
  const std::int64_t count = rows.shape()[1];
  if (const double e = options.label_smoothing; e > 0)
    wanted = std::move(wanted) * static_cast<T>(1 - e) + static_cast<T>(e / static_cast<double>(count));
  const auto weights = inlay::detail::class_weights<T>(options.class_weights);
  if (weights.size() > 0 && weights.size() != count) [[unlikely]]
    throw shape_error(cross_entropy_op::name,
                      {"expected one weight for each class, (", count, ",), got ", weights.shape()});
  auto logs = -log_softmax(rows, -1);
  if (weights.size() > 0) logs = std::move(logs) * weights;
  const tensor<T> shares({rows.shape()[0]}, T{1});
  return inlay::detail::reduced_shares(sum(std::move(logs) * wanted, -1), shares, options.reduction,
                                       scores.shape().without(1));
}

struct nll_options {
  inlay::reduction reduction = inlay::reduction::mean;
  std::vector<double> class_weights = {};
  std::int64_t ignore_index = -100;
};

// The same of log-probabilities (N, V) or (N, V, …), such as log_softmax gives. Throws as cross_entropy does.
template <operand S>
auto nll(const S& log_probabilities, const tensor<std::int64_t>& classes, const nll_options& options = {}) {
  using T = inlay::detail::element_of<S>;
  if (classes.size() == 0 || !(classes.shape() == log_probabilities.shape().without(1))) [[unlikely]]
    throw shape_error("nll", {"expected log-probabilities (N, V, …) and classes (N, …), got ",
                              log_probabilities.shape(), " and ", classes.shape()});
  const auto rows = inlay::detail::class_rows("nll", log_probabilities);
  const tensor<std::int64_t> flat = classes.reshape(shape{classes.size()});
  const auto counted = ne(flat, options.ignore_index);
  const auto weights = inlay::detail::class_weights<T>(options.class_weights);
  if (weights.size() > 0 && weights.size() != rows.shape()[1]) [[unlikely]]
    throw shape_error("nll", {"expected one weight for each class, (", rows.shape()[1], ",), got ", weights.shape()});
  const tensor<std::int64_t> places = where(counted, flat, std::int64_t{0}).reshape({flat.size(), 1});
  auto picked = reshape(gather(rows, 1, places), flat.shape());  // refuses classes that are out of range
  const tensor<T> shares = inlay::detail::row_weights(flat, weights, options.ignore_index);
  return inlay::detail::reduced_shares(where(counted, -std::move(picked) * shares, T{0}), shares, options.reduction,
                                       classes.shape());
}

}  // namespace loss

}  // namespace inlay::inline v0_1
