// Labels from what a net trained with loss::ctc gives: those of the likeliest path, or the likeliest ones, whose paths
// are summed as they grow from a common beginning (prefix beam search), with a language model's opinion if there is
// one. scores (N, T, C), or (T, C) of one row, not normalised; lengths (N,): steps of each row, or none. Graves and
// others, Connectionist Temporal Classification, 2006; Hannun and others, First-Pass Large Vocabulary Continuous Speech
// Recognition using Bi-Directional Recurrent DNNs, 2014.
#pragma once

#include <algorithm>
#include <functional>
#include <limits>
#include <vector>

#include "../ops/softmax.hpp"

namespace inlay::inline v0_1::text {

struct ctc_greedy_options {
  std::int64_t blank = 0;
};

// What a row spells by its likeliest path.
struct ctc_path {
  std::vector<std::int64_t> labels;
  std::vector<std::int64_t> steps;  // where each label begins
  double log_probability = 0;       // of the path
};

struct ctc_beam_options {
  std::int64_t blank = 0;
  std::int64_t beams = 16;   // beginnings that are followed at once
  std::int64_t results = 1;  // that are given for each row, the best first
  double min_p = 0;          // labels less likely than that at a step are not tried there
  double margin =
      std::numeric_limits<double>::infinity();  // beginnings whose score is that much below the best are dropped
  // What is added to the score when `label` follows `prefix`, such as the weighted log-probability of a language model;
  // at the end of the row it is asked for the blank. It must give the same for the same. Rows call it one after
  // another.
  std::function<double(const std::vector<std::int64_t>& prefix, std::int64_t label)> language_model = {};
};

struct ctc_labels {
  std::vector<std::int64_t> labels;
  double log_probability = 0;  // of all paths of these labels that were followed
  double score = 0;            // the same with what the language model adds; the order of results
};

namespace detail {

struct ctc_scores {
  const char* name;
  std::int64_t rows, steps, classes;
  const tensor<std::int64_t>& lengths;

  ctc_scores(const char* of, const shape& scores, std::int64_t blank, const tensor<std::int64_t>& given)
      : name(of), lengths(given) {
    const int rank = scores.rank();
    if ((rank != 2 && rank != 3) || scores[rank - 1] == 0) [[unlikely]]
      throw shape_error(name, {"expected scores (N, T, C) or (T, C), got ", scores});
    rows = rank == 2 ? 1 : scores[0], steps = scores[rank - 2], classes = scores[rank - 1];
    if (blank < 0 || blank >= classes) [[unlikely]]
      throw value_error(name, {"expected .blank from 0 to ", classes - 1, ", got ", blank});
    if (lengths.size() > 0 && (lengths.size() != rows || lengths.rank() > 1)) [[unlikely]]
      throw shape_error(name, {"expected lengths (", rows, ",) or none, got ", lengths.shape()});
    for (const std::int64_t length : lengths.values())
      if (length < 0 || length > steps) [[unlikely]]
        throw value_error(name, {"expected lengths of 0 to ", steps, ", got ", length});
  }

  std::int64_t length(std::int64_t row) const { return lengths.size() > 0 ? lengths.data()[row] : steps; }
  // f(row, its log-probabilities) for each row, which `threads` share.
  template <class T, class F> void each_row(const tensor<T>& scores, bool threads, const F& f) const {
    const tensor<T> logs = log_softmax(scores, -1);
    parallel_for(rows, threads ? 1 : std::max<std::int64_t>(rows, 1), [&](std::int64_t first, std::int64_t last) {
      for (std::int64_t n = first; n < last; ++n) {
        const std::int64_t size = length(n) * classes;
        const std::span<const T> all(logs.data() + n * steps * classes, static_cast<std::size_t>(size));
        for (const T x : all)
          if (inlay::detail::is_nan(x)) [[unlikely]]
            throw value_error(name, {"expected scores that have a softmax, got NaN or infinities in row ", n});
        f(static_cast<std::size_t>(n), all);
      }
    });
  }
};

// log(exp a + exp b)
inline double log_add(double a, double b) {
  const double top = std::max(a, b);
  return top < std::numeric_limits<double>::lowest() ? top : top + __builtin_log1p(__builtin_exp(std::min(a, b) - top));
}

// The search in one row. Beginnings are the nodes of a tree; a node's beginning has one parent, so a step adds to it
// what its own paths and what its parent's give, and nothing else.
template <class T> class ctc_search {
 public:
  ctc_search(const ctc_beam_options& options, std::int64_t classes)
      : o_(options), classes_(classes), child_of_(static_cast<std::size_t>(classes), -1), nodes_(1), open_{0} {
    nodes_[0].ends_blank = 0;
  }

  void step(const T* logs) {
    found_.clear();
    for (const std::int64_t i : open_) at(i).next_blank = at(i).next_label = nothing;
    for (const std::int64_t i : open_) stay(i, logs);
    for (const std::int64_t i : open_) grow(i, logs);
    // Which of them go on.
    for (const std::int64_t i : open_)
      found_.push_back({i, at(i).label, log_add(at(i).next_blank, at(i).next_label) + at(i).opinion, 0, 0});
    for (const std::int64_t i : open_) at(i).ends_blank = at(i).ends_label = nothing;
    const auto last = found_.begin() + std::min<std::ptrdiff_t>(std::ssize(found_), o_.beams);
    std::partial_sort(found_.begin(), last, found_.end(), better);
    open_.clear();
    for (auto f = found_.begin(); f != last && f->score >= found_[0].score - o_.margin; ++f) keep(*f);
  }

  std::vector<ctc_labels> results() {
    std::vector<ctc_labels> out;
    for (const std::int64_t i : open_) {
      ctc_labels& one = out.emplace_back();
      one.labels = spelt(i);
      one.log_probability = log_add(at(i).ends_blank, at(i).ends_label);
      one.score = one.log_probability + at(i).opinion + ask(one.labels, o_.blank);
    }
    std::stable_sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.score > b.score; });
    out.resize(std::min(out.size(), static_cast<std::size_t>(o_.results)));
    return out;
  }

 private:
  static constexpr double nothing = -std::numeric_limits<double>::infinity();  // log 0

  struct node {
    std::int64_t parent = -1, label = -1;
    double opinion = 0;                                 // of the language model, on the whole beginning
    double ends_blank = nothing, ends_label = nothing;  // of the paths that end so; log 0 both where it is not open
    double next_blank = nothing, next_label = nothing;
    std::vector<std::int64_t> children = {};
  };
  // A beginning that may go on: a node, or with a label that follows a node; the paths that grew into it.
  struct candidate {
    std::int64_t node, label;
    double score, log_probability, opinion;
    bool is_new = false;
  };
  static bool better(const candidate& a, const candidate& b) {
    if (a.score != b.score) return a.score > b.score;
    return a.is_new != b.is_new ? b.is_new : a.node != b.node ? a.node < b.node : a.label < b.label;
  }

  node& at(std::int64_t i) { return nodes_[static_cast<std::size_t>(i)]; }

  // A blank, or the last label again.
  void stay(std::int64_t i, const T* logs) {
    node& n = at(i);
    n.next_blank = log_add(n.ends_blank, n.ends_label) + static_cast<double>(logs[o_.blank]);
    if (n.label >= 0) n.next_label = n.ends_label + static_cast<double>(logs[n.label]);
  }

  // One label more. The same label again must come after a blank.
  void grow(std::int64_t i, const T* logs) {
    for (const std::int64_t child : at(i).children) child_of_[static_cast<std::size_t>(at(child).label)] = child;
    const std::vector<std::int64_t> prefix = o_.language_model ? spelt(i) : std::vector<std::int64_t>();
    const double all = log_add(at(i).ends_blank, at(i).ends_label);
    for (std::int64_t k = 0; k < classes_; ++k) {
      const double log_p = static_cast<double>(logs[k]);
      if (k == o_.blank || log_p < least_) continue;
      const double grown = (k == at(i).label ? at(i).ends_blank : all) + log_p;
      if (!(grown > nothing)) continue;
      const std::int64_t child = child_of_[static_cast<std::size_t>(k)];
      if (child >= 0 && is_open(child)) {
        at(child).next_label = log_add(at(child).next_label, grown);
        continue;
      }
      const double opinion = child >= 0 ? at(child).opinion : at(i).opinion + ask(prefix, k);
      found_.push_back({i, k, grown + opinion, grown, opinion, true});
    }
    for (const std::int64_t child : at(i).children) child_of_[static_cast<std::size_t>(at(child).label)] = -1;
  }

  // A node is open when paths end in it.
  bool is_open(std::int64_t i) { return at(i).ends_blank > nothing || at(i).ends_label > nothing; }

  void keep(const candidate& f) {
    if (!(f.score > nothing) && !open_.empty()) return;
    std::int64_t i = f.node;
    if (f.is_new) {
      i = child(f);
      at(i).next_blank = nothing, at(i).next_label = f.log_probability;
    }
    at(i).ends_blank = at(i).next_blank, at(i).ends_label = at(i).next_label;
    open_.push_back(i);
  }

  // The child may be there from a time when it was open.
  std::int64_t child(const candidate& f) {
    for (const std::int64_t i : at(f.node).children)
      if (at(i).label == f.label) return i;
    const auto i = std::ssize(nodes_);
    at(f.node).children.push_back(i);
    node& n = nodes_.emplace_back();
    n.parent = f.node, n.label = f.label, n.opinion = f.opinion;
    return i;
  }

  double ask(const std::vector<std::int64_t>& prefix, std::int64_t label) const {
    if (!o_.language_model) return 0;
    const double answer = o_.language_model(prefix, label);
    if (inlay::detail::is_nan(answer) || answer > std::numeric_limits<double>::max()) [[unlikely]]
      throw value_error("ctc_beam_search",
                        {"expected .language_model to give numbers, or -inf, got ", answer, " for label ", label});
    return answer;
  }

  std::vector<std::int64_t> spelt(std::int64_t i) {
    std::vector<std::int64_t> out;
    for (; i > 0; i = at(i).parent) out.push_back(at(i).label);
    return {out.rbegin(), out.rend()};
  }

  const ctc_beam_options& o_;
  const std::int64_t classes_;
  const double least_ = o_.min_p > 0 ? __builtin_log(o_.min_p) : nothing;
  std::vector<std::int64_t> child_of_;  // by label, of the node that grows; -1: none
  std::vector<node> nodes_;             // the first is the empty beginning
  std::vector<std::int64_t> open_;
  std::vector<candidate> found_;
};

}  // namespace detail

// The likeliest class of each step; repeats are one label, blanks none. Throws shape_error or value_error for sizes or
// a blank that do not fit, and value_error for scores that are NaN.
template <floating T>
std::vector<ctc_path> ctc_greedy(const tensor<T>& scores, const ctc_greedy_options& options = {},
                                 const tensor<std::int64_t>& lengths = {}) {
  const std::int64_t blank = options.blank;
  const detail::ctc_scores s("ctc_greedy", scores.shape(), blank, lengths);
  std::vector<ctc_path> out(static_cast<std::size_t>(s.rows));
  s.each_row(scores, true, [&](std::size_t n, std::span<const T> logs) {
    std::int64_t before = blank;
    const T* step = logs.data();
    for (std::int64_t t = 0; t < s.length(static_cast<std::int64_t>(n)); ++t, step += s.classes) {
      const std::int64_t best = std::max_element(step, step + s.classes) - step;
      out[n].log_probability += static_cast<double>(step[best]);
      if (best != blank && best != before) out[n].labels.push_back(best), out[n].steps.push_back(t);
      before = best;
    }
  });
  return out;
}

// The likeliest labels of each row, the best first. With as many .beams as there are labellings it is exact. Throws as
// ctc_greedy does, and value_error for options out of range.
template <floating T>
std::vector<std::vector<ctc_labels>> ctc_beam_search(const tensor<T>& scores, const ctc_beam_options& options = {},
                                                     const tensor<std::int64_t>& lengths = {}) {
  const char* const name = "ctc_beam_search";
  const detail::ctc_scores s(name, scores.shape(), options.blank, lengths);
  if (options.beams < 1 || options.results < 1 || !(options.min_p >= 0 && options.min_p <= 1) || !(options.margin >= 0))
      [[unlikely]]
    throw value_error(name, {"expected .beams and .results of 1 or more, .min_p from 0 to 1 and .margin of 0 or more, "
                             "got ",
                             options.beams, ", ", options.results, ", ", options.min_p, " and ", options.margin});
  std::vector<std::vector<ctc_labels>> out(static_cast<std::size_t>(s.rows));
  s.each_row(scores, !options.language_model, [&](std::size_t n, std::span<const T> logs) {
    detail::ctc_search<T> search(options, s.classes);
    for (std::size_t at = 0; at < logs.size(); at += static_cast<std::size_t>(s.classes)) search.step(logs.data() + at);
    out[n] = search.results();
  });
  return out;
}

}  // namespace inlay::inline v0_1::text
