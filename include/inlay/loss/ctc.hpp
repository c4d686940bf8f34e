// Connectionist temporal classification: -log of the probability that scores, step by step, spell a sequence of labels,
// summed over all ways to place the labels among the steps, with repeats and blanks between.
// Graves and others, Connectionist Temporal Classification, 2006.
#pragma once

#include "../autograd/apply.hpp"
#include "../kernels/ctc.hpp"
#include "../ops/reduction.hpp"

namespace inlay::inline v0_1 {

struct ctc_op {
  static constexpr const char* name = "ctc";
  std::int64_t blank = 0;
  inlay::reduction reduction = inlay::reduction::mean;
  bool zero_infinity = false;
  static void attributes(auto& self, auto&& visit) {
    visit("blank", self.blank);
    visit("reduction", self.reduction);
    visit("zero_infinity", self.zero_infinity);
  }

  template <class T> struct kept {
    tensor<T> slopes, shares;  // of each row's loss for its scores; what a row counts
  };

  // See loss::ctc -> (), or (N,) without reduction.
  template <floating T>
  tensor<T> forward(const tensor<T>& scores, const tensor<std::int64_t>& targets,
                    const tensor<std::int64_t>& input_lengths, const tensor<std::int64_t>& target_lengths) const {
    return both(scores, targets, input_lengths, target_lengths, false).result;
  }
  template <class T>
  auto record(detail::tape_state*, const tensor<T>& scores, const tensor<std::int64_t>& targets,
              const tensor<std::int64_t>& input_lengths, const tensor<std::int64_t>& target_lengths) const {
    return both(scores, targets, input_lengths, target_lengths, true);
  }

  template <class T>
  INLAY_OUTLINE void backward(const tensor<T>& dy, const kept<T>& k, const gradient<T>& dx,
                              const gradient<std::int64_t>&, const gradient<std::int64_t>&,
                              const gradient<std::int64_t>&) const {
    if (!dx.wanted()) return;
    tensor<T> out = tensor<T>::empty(dx.shape());
    T* const to = detail::writable(out);
    const std::int64_t rows = k.shares.size(), each = out.size() / rows;
    parallel_for(rows, std::max<std::int64_t>(1, 16384 / std::max<std::int64_t>(each, 1)),
                 [&](std::int64_t first, std::int64_t last) {
                   for (std::int64_t n = first; n < last; ++n) {
                     const T factor = dy.data()[dy.size() > 1 ? n : 0] * k.shares.data()[n];
                     const T* const from = k.slopes.data() + n * each;
                     for (std::int64_t i = 0; i < each; ++i) to[n * each + i] = from[i] * factor;
                   }
                 });
    dx.add(std::move(out));
  }

 private:
  template <class T>
  INLAY_OUTLINE recorded<T, kept<T>> both(const tensor<T>& scores, const tensor<std::int64_t>& targets,
                                          const tensor<std::int64_t>& input_lengths,
                                          const tensor<std::int64_t>& target_lengths, bool recording) const {
    const bool single = scores.rank() == 2;
    check_scores(scores.shape());
    const std::int64_t rows = single ? 1 : scores.dim(0), steps = scores.dim(-2), classes = scores.dim(-1);
    check_lengths("input", input_lengths, rows, steps);
    const tensor<std::int64_t> first_label = places(targets, target_lengths, rows, classes);
    const std::int64_t* const at = first_label.data();  // where a row's labels begin, and how many there are
    tensor<T> losses = tensor<T>::empty({rows}), shares = tensor<T>::empty({rows}),
              slopes = recording ? tensor<T>::empty(scores.shape()) : tensor<T>();
    T *const loss = detail::writable(losses), *const share = detail::writable(shares),
             *const slope = detail::writable(slopes);
    const isa level = active_isa();
    const std::int64_t grain = std::max<std::int64_t>(1, 4096 / std::max<std::int64_t>(steps * classes, 1));
    parallel_for(rows, grain, [&](std::int64_t first, std::int64_t last) {
      for (std::int64_t n = first; n < last; ++n) {
        const std::int64_t begin = n * steps * classes,
                           length = input_lengths.size() > 0 ? input_lengths.data()[n] : steps;
        double value = 0;
        kernels::ctc<T> row{length,
                            classes,
                            at[2 * n + 1],
                            blank,
                            scores.data() + begin,
                            targets.data() + at[2 * n],
                            nullptr,
                            &value,
                            recording ? slope + begin : nullptr,
                            zero_infinity};
        tensor<double> room = tensor<double>::empty({row.room_size()});
        row.room = detail::writable(room);
        dispatch<kernels::ctc<T>>(level, static_cast<const kernels::ctc<T>*>(&row));
        loss[n] = static_cast<T>(value);
        share[n] = reduction != inlay::reduction::mean
                       ? T{1}
                       : static_cast<T>(1 / static_cast<double>(std::max<std::int64_t>(row.labels, 1) * rows));
        if (recording) std::fill_n(slope + begin + length * classes, (steps - length) * classes, T{0});
      }
    });
    if (reduction == inlay::reduction::none) {
      if (single) losses = std::move(losses).reshape(shape{});
      return {std::move(losses), {std::move(slopes), std::move(shares)}};
    }
    double total = 0;
    for (std::int64_t n = 0; n < rows; ++n) total += static_cast<double>(loss[n]) * static_cast<double>(share[n]);
    return {tensor<T>(shape{}, static_cast<T>(total)), {std::move(slopes), std::move(shares)}};
  }

  INLAY_OUTLINE void check_scores(const shape& scores) const {
    if (scores.rank() != 2 && scores.rank() != 3) [[unlikely]]
      throw shape_error(name, {"expected scores (N, T, C) or (T, C), got ", scores});
    const std::int64_t classes = scores[scores.rank() - 1];
    if (classes == 0 || (scores.rank() == 3 && scores[0] == 0)) [[unlikely]]
      throw shape_error(name, {"expected at least one row and one class, got ", scores});
    if (blank < 0 || blank >= classes) [[unlikely]]
      throw value_error(name, {"expected .blank from 0 to ", classes - 1, ", got ", blank});
  }

  INLAY_OUTLINE static void check_lengths(const char* what, const tensor<std::int64_t>& lengths, std::int64_t rows,
                                          std::int64_t most) {
    if (lengths.size() == 0) return;
    if (lengths.size() != rows || lengths.rank() > 1) [[unlikely]]
      throw shape_error(name, {"expected ", what, " lengths (", rows, ",) or none, got ", lengths.shape()});
    for (const std::int64_t length : lengths.values())
      if (length < 0 || length > most) [[unlikely]]
        throw value_error(name, {"expected ", what, " lengths of 0 to ", most, ", got ", length});
  }

  // (rows, 2): where each row's labels begin in the targets, and how many there are.
  INLAY_OUTLINE tensor<std::int64_t> places(const tensor<std::int64_t>& targets, const tensor<std::int64_t>& lengths,
                                            std::int64_t rows, std::int64_t classes) const {
    const bool flat = targets.rank() == 1;
    if (!flat && (targets.rank() != 2 || targets.dim(0) != rows)) [[unlikely]]
      throw shape_error(
          name, {"expected targets (", rows, ", S), or those of all rows (sum of lengths,), got ", targets.shape()});
    const std::int64_t most = targets.dim(-1);
    check_lengths("target", lengths, rows, most);
    if (flat && rows > 1 && lengths.size() == 0 && most > 0) [[unlikely]]
      throw shape_error(name, {"expected target lengths (", rows, ",) for targets ", targets.shape(), ", got none"});
    tensor<std::int64_t> out = tensor<std::int64_t>::empty({rows, 2});
    std::int64_t *to = detail::writable(out), next = 0;
    for (std::int64_t n = 0; n < rows; ++n) {
      const std::int64_t count = lengths.size() > 0 ? lengths.data()[n] : most;
      to[2 * n] = flat ? next : n * most;
      to[2 * n + 1] = count;
      next += count;
      if (flat && next > most) break;
      for (std::int64_t i = 0; i < count; ++i)
        if (const std::int64_t c = targets.data()[to[2 * n] + i]; c < 0 || c >= classes || c == blank) [[unlikely]]
          throw value_error(name, {"expected labels from 0 to ", classes - 1, " that are not the blank ", blank,
                                   ", got ", c, " in row ", n});
    }
    if (flat && next != most) [[unlikely]]
      throw shape_error(name, {"expected targets (", next, ",), the sum of their lengths, got ", targets.shape()});
    return out;
  }
};

namespace loss {

struct ctc_options {
  std::int64_t blank = 0;                               // the class that stands for no label
  inlay::reduction reduction = inlay::reduction::mean;  // a row's loss is divided by its number of labels first
  bool zero_infinity = false;  // targets that do not fit into the steps count 0, in place of infinity
};

// scores (N, T, C), or (T, C) of one row, not normalised: the log-softmax is part of it; it changes nothing where
// scores are log-probabilities already. targets (N, S), padded with anything, or the labels of all rows in one
// (sum of target lengths,); lengths (N,), or none where rows have T steps and S labels -> (), or (N,) without
// reduction. A row of infinite loss has the gradient NaN. Throws shape_error, and value_error for a length or label out
// of range.
template <operand S>
auto ctc(S&& scores, const tensor<std::int64_t>& targets, const ctc_options& options = {},
         const tensor<std::int64_t>& input_lengths = {}, const tensor<std::int64_t>& target_lengths = {}) {
  return apply(ctc_op{options.blank, options.reduction, options.zero_infinity}, std::forward<S>(scores), targets,
               input_lengths, target_lengths);
}

}  // namespace loss

}  // namespace inlay::inline v0_1
