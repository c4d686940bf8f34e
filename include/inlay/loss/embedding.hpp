// Losses of vectors that should lie close together or apart: by angle, and anchor against positive and negative.
#pragma once

#include "../ops/compare.hpp"
#include "../ops/norm.hpp"
#include "reduced.hpp"

namespace inlay::inline v0_1::loss {

// x · y / (|x| |y|) along the last axis; lengths below 1e-8 count as that.
template <operand X, operand Y> auto cosine_similarity(const X& x, const Y& y) {
  inlay::detail::check_pair("cosine_similarity", x.shape(), y.shape());
  const auto length = [](const auto& v) { return clamp(norm(v, {.axes = {-1}}), {.min = 1e-8}); };
  return sum(x * y, -1) / (length(x) * length(y));
}

struct cosine_embedding_options {
  double margin = 0;  // the similarity that unlike vectors may have
  inlay::reduction reduction = inlay::reduction::mean;
};

// x and y (N, D), alike (N,) of 1 (should agree) or -1 (should differ) -> (), or (N,) without reduction:
// 1 - similarity, or max(0, similarity - margin). As torch's cosine_embedding_loss. Throws shape_error.
template <operand X, operand Y>
auto cosine_embedding(const X& x, const Y& y, const tensor<inlay::detail::element_of<X>>& alike,
                      const cosine_embedding_options& options = {}) {
  using T = inlay::detail::element_of<X>;
  inlay::detail::check_pair("cosine_embedding", x.shape(), y.shape());
  if (!(alike.shape() == x.shape().without(-1))) [[unlikely]]
    throw shape_error("cosine_embedding",
                      {"expected a sign for each row, ", x.shape().without(-1), ", got ", alike.shape()});
  const auto similarity = cosine_similarity(x, y);
  return inlay::detail::reduced_loss(
      where(gt(alike, T{0}), T{1} - similarity, relu(similarity - static_cast<T>(options.margin))), options.reduction);
}

struct triplet_margin_options {
  double margin = 1;
  double p = 2;       // of the distance
  bool swap = false;  // the negative's distance to the positive counts where it is the shorter one
  inlay::reduction reduction = inlay::reduction::mean;
};

// max(0, |anchor - positive| - |anchor - negative| + margin) of rows (N, D) -> (), or (N,) without reduction
// (Schroff, Kalenichenko and Philbin, 2015). As torch's triplet_margin_loss. Throws shape_error.
template <operand A, operand P, operand N>
auto triplet_margin(const A& anchor, const P& positive, const N& negative, const triplet_margin_options& options = {}) {
  using T = inlay::detail::element_of<A>;
  inlay::detail::check_pair("triplet_margin", anchor.shape(), positive.shape());
  inlay::detail::check_pair("triplet_margin", anchor.shape(), negative.shape());
  const auto distance = [&](const auto& a, const auto& b) {  // with torch's constant, so that no distance is 0
    return norm(a - b + static_cast<T>(1e-6), {.p = options.p, .axes = {-1}});
  };
  const auto to_positive = distance(anchor, positive);
  const auto losses = [&](const auto& to_negative) {
    return inlay::detail::reduced_loss(relu(to_positive - to_negative + static_cast<T>(options.margin)),
                                       options.reduction);
  };
  const auto to_negative = distance(anchor, negative);
  if (!options.swap) return losses(to_negative);
  const auto swapped = distance(positive, negative);
  return losses(where(lt(swapped, to_negative), swapped, to_negative));
}

}  // namespace inlay::inline v0_1::loss
