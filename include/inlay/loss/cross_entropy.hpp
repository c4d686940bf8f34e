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
template <operand S> auto class_rows(const S& scores) {
  const int rank = scores.shape().rank();
  const std::int64_t count = scores.shape()[1];
  if (rank == 2) return reshape(scores, {-1, count});
  permute_op op{{0}, rank};
  for (int i = 2; i < rank; ++i) op.order[static_cast<std::size_t>(i) - 1] = i;
  op.order[static_cast<std::size_t>(rank) - 1] = 1;
  return reshape(apply(op, scores), {-1, count});
}

template <class T> INLAY_COLD tensor<T> class_weights(const std::vector<double>& weights) {
  tensor<T> out = tensor<T>::empty({static_cast<std::int64_t>(weights.size())});
  T* to = writable(out);
  for (std::size_t i = 0; i < weights.size(); ++i) to[i] = static_cast<T>(weights[i]);
  return out;
}

// Losses of rows that count in shares, as one number or in the shape of the classes.
template <class L, class T>
auto reduced_shares(L losses, const tensor<T>& shares, inlay::reduction how, const shape& sizes) {
  if (how == inlay::reduction::none) return reshape(std::move(losses), sizes);
  auto total = sum(std::move(losses));
  if (how == inlay::reduction::sum) return total;
  return std::move(total) * (T{1} / sum(shares).item());
}

template <class = void> void check_smoothing(const char* name, double smoothing) {
  if (is_nan(smoothing) || smoothing < 0 || smoothing > 1) [[unlikely]]
    throw value_error(name, {"expected .label_smoothing from 0 to 1, got ", smoothing});
}

}  // namespace detail

namespace loss {

// scores (N, V) or (N, V, …), not normalised; classes (N,) or (N, …) from 0 to V - 1 -> (), or the shape of the classes
// without reduction. Throws shape_error, and value_error for a class or an option that is out of range.
template <operand S>
auto cross_entropy(S&& scores, const tensor<std::int64_t>& classes, const cross_entropy_options& options = {}) {
  using T = inlay::detail::element_of<S>;
  inlay::detail::check_smoothing(cross_entropy_op::name, options.label_smoothing);
  const tensor<T> weights = inlay::detail::class_weights<T>(options.class_weights);
  return apply(cross_entropy_op{options.reduction, options.ignore_index, options.label_smoothing},
               std::forward<S>(scores), classes, weights);
}

// Targets are probabilities of the shape of the scores; a mean is over the rows, and none is ignored. A score of -inf
// is fine where the target is 0. Throws shape_error, and value_error for a label smoothing that is out of range.
template <operand S, operand Y>
requires(!std::is_same_v<inlay::detail::element_of<Y>, std::int64_t>) auto cross_entropy(
    const S& scores, const Y& targets, const cross_entropy_options& options = {}) {
  using T = inlay::detail::element_of<S>;
  const char* const name = cross_entropy_op::name;
  const double smoothing = options.label_smoothing;
  inlay::detail::check_smoothing(name, smoothing);
  inlay::detail::check_pair(name, scores.shape(), targets.shape());
  inlay::detail::check_scores(name, scores.shape());
  const auto weights = inlay::detail::class_weights<T>(options.class_weights);
  const std::int64_t count = scores.shape()[1];
  inlay::detail::check_class_weights(name, count, weights.shape());
  auto wanted = inlay::detail::class_rows(targets);
  if (smoothing > 0)
    wanted = std::move(wanted) * static_cast<T>(1 - smoothing) + static_cast<T>(smoothing / static_cast<double>(count));
  auto logs = log_softmax(inlay::detail::class_rows(scores), -1);
  logs = where(eq(wanted, T{0}), T{0}, -std::move(logs));  // 0 log 0 is 0
  if (weights.size() > 0) logs = std::move(logs) * weights;
  auto losses = reshape(sum(std::move(logs) * wanted, -1), scores.shape().without(1));
  return inlay::detail::reduced_loss(std::move(losses), options.reduction);
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
  const shape sizes = log_probabilities.shape();
  inlay::detail::check_labels("nll", sizes, classes.shape());
  inlay::detail::check_label_range("nll", sizes[1], classes, options.ignore_index);
  const auto weights = inlay::detail::class_weights<T>(options.class_weights);
  inlay::detail::check_class_weights("nll", sizes[1], weights.shape());
  const tensor<std::int64_t> flat = classes.reshape(shape{classes.size()});
  const tensor<T> shares = inlay::detail::row_weights(flat, weights, options.ignore_index);
  auto picked = gather(inlay::detail::class_rows(log_probabilities), 1,
                       inlay::detail::known_classes(flat, options.ignore_index).reshape({-1, 1}));
  auto losses = where(eq(shares, T{0}), T{0}, -reshape(std::move(picked), flat.shape())) * shares;
  return inlay::detail::reduced_shares(std::move(losses), shares, options.reduction, classes.shape());
}

}  // namespace loss

}  // namespace inlay::inline v0_1
