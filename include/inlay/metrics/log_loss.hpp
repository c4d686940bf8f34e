// Log loss: the mean of -log p(class) over the rows; and perplexity, its exponential, as language models report it.
// Of logits -log p(class) is log sum_j exp(x_j - max x) + max x - x_class, so that nothing overflows.
#pragma once

#include <optional>

#include "../ops/cross_entropy.hpp"
#include "predictions.hpp"

namespace inlay::inline v0_1::metrics {

enum class scores_are { logits, probabilities };

struct log_loss_config {
  scores_are from = scores_are::logits;
};

struct perplexity_config {
  std::optional<std::int64_t> ignore_index = {};  // rows of this class are passed over
};

namespace detail {

// -log p(class) of each row, of logits (N, V).
template <class T> tensor<T> losses_of(const tensor<T>& logits, const tensor<std::int64_t>& classes) {
  return cross_entropy_op{inlay::reduction::none}.forward(logits, classes, tensor<T>());
}

// -log p(class) of a row, brought away from 0 and 1 and to a sum of 1 as scikit-learn 1.2 does; NaN stays.
template <class T> double loss_of_probabilities(const T* row, std::int64_t length, std::int64_t c) {
  constexpr T epsilon = std::numeric_limits<T>::epsilon();
  const auto clipped = [&](T p) {
    return static_cast<double>(inlay::detail::is_nan(p) ? p : std::clamp(p, epsilon, T{1} - epsilon));
  };
  double sum = 0;
  for (std::int64_t j = 0; j < length; ++j) sum += clipped(row[j]);
  return __builtin_log(sum) - __builtin_log(clipped(row[c]));
}

}  // namespace detail

// As scikit-learn's log_loss with all V labels. A NaN makes the value NaN.
class log_loss {
 public:
  explicit log_loss(const log_loss_config& config = {}) : from_(config.from) {}

  // Scores (N, V) and true classes (N,). Throws shape_error and value_error.
  template <floating T> void update(const tensor<T>& scores, const tensor<std::int64_t>& classes) {
    detail::check_scored("log_loss", scores.shape(), classes);
    if (classes.size() == 0) return;
    double sum = 0;
    if (from_ == scores_are::logits) {
      for (const T loss : detail::losses_of(scores, classes).values()) sum += static_cast<double>(loss);
    } else {
      const std::int64_t length = scores.dim(1);
      for (std::int64_t i = 0; i < classes.size(); ++i)
        sum += detail::loss_of_probabilities(scores.data() + i * length, length, classes.data()[i]);
    }
    sum_ += sum;
    seen_ += classes.size();
  }

  // Throws state_error before the first row.
  double value() const {
    if (seen_ == 0) throw state_error("log_loss", {"expected an update() first, got none"});
    return sum_ / static_cast<double>(seen_);
  }
  void reset() noexcept { sum_ = 0, seen_ = 0; }

 private:
  scores_are from_;
  double sum_ = 0;
  std::int64_t seen_ = 0;
};

// As torchmetrics' Perplexity: how many classes a model that is as unsure would choose from. A NaN makes the value NaN.
class perplexity {
 public:
  explicit perplexity(const perplexity_config& config = {}) : ignored_(config.ignore_index) {}

  // Logits (…, V), such as (N, V) or (N, T, V), and classes of the leading shape. Throws shape_error and value_error.
  template <floating T> void update(const tensor<T>& logits, const tensor<std::int64_t>& classes) {
    if (logits.rank() < 2 || !(logits.shape().without(-1) == classes.shape()))
      throw shape_error("perplexity",
                        {"expected logits (…, V) and classes (…), got ", logits.shape(), " and ", classes.shape()});
    const std::int64_t rows = classes.size();
    if (rows == 0) return;
    tensor<std::int64_t> known = classes.reshape({rows});
    if (ignored_) known.write([&](std::span<std::int64_t> to) { std::replace(to.begin(), to.end(), *ignored_, {}); });
    detail::check_classes("perplexity", known, logits.dim(-1));
    const tensor<T> losses = detail::losses_of(logits.reshape({rows, logits.dim(-1)}), known);
    double sum = 0;
    for (std::int64_t i = 0; i < rows; ++i) {
      if (classes.data()[i] == ignored_) continue;
      sum += static_cast<double>(losses.data()[i]);
      ++seen_;
    }
    sum_ += sum;
  }

  // 1 or more. Throws state_error before the first row that counts.
  double value() const {
    if (seen_ == 0) throw state_error("perplexity", {"expected an update() with a row that counts, got none"});
    return __builtin_exp(sum_ / static_cast<double>(seen_));
  }
  void reset() noexcept { sum_ = 0, seen_ = 0; }

 private:
  std::optional<std::int64_t> ignored_;
  double sum_ = 0;
  std::int64_t seen_ = 0;
};

}  // namespace inlay::inline v0_1::metrics
