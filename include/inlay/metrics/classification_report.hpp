// Classification report: precision, recall, F1 and support of each class and on average; the text is that of
// scikit-learn's classification_report (1.2), byte for byte.
#pragma once

#include <algorithm>
#include <charconv>
#include <string>

#include "class_scores.hpp"

namespace inlay::inline v0_1::metrics {

struct report_options {
  std::vector<std::string> names = {};     // one per class of the matrix; none: "0", "1", …
  std::vector<std::int64_t> classes = {};  // which to list, in this order; none: those that occur, true or predicted
  int digits = 2;                          // behind the point
  double zero_division = 0;                // 0 or 1: precision of what was never predicted, recall of what never was
};

class classification_report {
 public:
  // From the counts of a confusion matrix (V, V): rows are true classes, columns predicted ones. Throws shape_error,
  // and value_error for counts that are negative or all 0 and for options that do not fit.
  template <class = void>  // compiled only where it is used
  explicit classification_report(const tensor<std::int64_t>& counts, const report_options& options = {})
      : digits_(options.digits) {
    check(counts, options);
    const std::vector<detail::class_counts> all = detail::counts_of_classes(counts);
    const class_scores whole = detail::averaged(all, average::micro, 0);
    if (whole.support == 0) throw value_error(metric, {"expected counts of one row or more, got none"});
    accuracy_ = whole.recall;
    const std::vector<std::int64_t> occurring = classes_that_occur(all);
    classes_ = options.classes.empty() ? occurring : options.classes;
    complete_ = std::is_permutation(classes_.begin(), classes_.end(), occurring.begin(), occurring.end());

    std::vector<detail::class_counts> chosen;
    for (const std::int64_t c : classes_) {
      chosen.push_back(all[static_cast<std::size_t>(c)]);
      per_class_.push_back(detail::scores_of(chosen.back(), options.zero_division));
      names_.push_back(options.names.empty() ? std::to_string(c) : options.names[static_cast<std::size_t>(c)]);
    }
    micro_ = detail::averaged(chosen, average::micro, options.zero_division);
    macro_ = detail::averaged(chosen, average::macro, options.zero_division);
    weighted_ = detail::averaged(chosen, average::weighted, options.zero_division);
  }

  const std::vector<std::int64_t>& classes() const noexcept { return classes_; }      // listed, in order
  const std::vector<class_scores>& per_class() const noexcept { return per_class_; }  // in the same order
  const class_scores& micro() const noexcept { return micro_; }                       // of the listed classes
  const class_scores& macro() const noexcept { return macro_; }
  const class_scores& weighted() const noexcept { return weighted_; }
  double accuracy() const noexcept { return accuracy_; }  // of all rows

  // The table a user reads. The micro average is called accuracy when exactly the classes that occur are listed.
  template <class = void> INLAY_COLD std::string text() const {
    std::size_t width = std::max(std::string_view("weighted avg").size(), static_cast<std::size_t>(digits_));
    for (const std::string& name : names_) width = std::max(width, characters(name));
    std::string out(width + 1, ' ');
    for (const char* title : {"precision", "recall", "f1-score", "support"}) append(out += ' ', title, 9);
    out += "\n\n";
    for (std::size_t i = 0; i < names_.size(); ++i) append_row(out, width, names_[i], per_class_[i]);
    out += '\n';
    append_row(out, width, complete_ ? "accuracy" : "micro avg", micro_, complete_);
    append_row(out, width, "macro avg", macro_);
    append_row(out, width, "weighted avg", weighted_);
    return out;
  }

 private:
  static constexpr const char* metric = "classification_report";

  template <class = void> static void check(const tensor<std::int64_t>& counts, const report_options& options) {
    if (counts.rank() != 2 || counts.dim(0) != counts.dim(1) || counts.dim(0) == 0)
      throw shape_error(metric, {"expected counts (V, V), got ", counts.shape()});
    for (const std::int64_t n : counts.values())
      if (n < 0) throw value_error(metric, {"expected counts of 0 or more, got ", n});
    const std::int64_t size = counts.dim(0);
    if (!options.names.empty() && options.names.size() != static_cast<std::size_t>(size))
      throw value_error(metric, {"expected ", size, " .names, one per class, got ", options.names.size()});
    std::vector<bool> listed(static_cast<std::size_t>(size));
    for (const std::int64_t c : options.classes) {
      if (c < 0 || c >= size || listed[static_cast<std::size_t>(c)])
        throw value_error(metric, {"expected different .classes from 0 to ", size - 1, ", got ", c,
                                   c < 0 || c >= size ? "" : " twice"});
      listed[static_cast<std::size_t>(c)] = true;
    }
    if (options.digits < 0) throw value_error(metric, {"expected .digits of 0 or more, got ", options.digits});
    detail::checked_zero_division(metric, options.zero_division);
  }

  template <class = void>
  static std::vector<std::int64_t> classes_that_occur(const std::vector<detail::class_counts>& all) {
    std::vector<std::int64_t> out;
    for (std::size_t c = 0; c < all.size(); ++c)
      if (all[c].occurs()) out.push_back(static_cast<std::int64_t>(c));
    return out;
  }

  // Characters, not bytes: a letter with an accent takes two.
  static std::size_t characters(std::string_view text) {
    std::size_t out = 0;
    for (const char c : text) out += (c & 0xC0) != 0x80;
    return out;
  }
  static void append(std::string& out, std::string_view text, std::size_t width) {
    const std::size_t taken = characters(text);
    out.append(width > taken ? width - taken : 0, ' ').append(text);
  }

  template <class = void> std::string number(double value) const {
    std::string out(static_cast<std::size_t>(digits_) + 8, '\0');  // from 0 to 1
    const auto end = std::to_chars(out.data(), out.data() + out.size(), value, std::chars_format::fixed, digits_);
    out.resize(static_cast<std::size_t>(end.ptr - out.data()));
    return out;
  }

  template <class = void>
  void append_row(std::string& out, std::size_t width, std::string_view name, const class_scores& row,
                  bool last_only = false) const {
    append(out, name, width);
    append(out += "  ", last_only ? "" : number(row.precision), 9);
    append(out += ' ', last_only ? "" : number(row.recall), 9);
    append(out += ' ', number(row.f1), 9);
    // scikit-learn counts in floating point when no row at all is right, and it shows.
    append(out += ' ', std::to_string(row.support) + (accuracy_ == 0 ? ".0" : ""), 9);
    out += '\n';
  }

  std::vector<std::int64_t> classes_;
  std::vector<class_scores> per_class_;
  std::vector<std::string> names_;
  class_scores micro_, macro_, weighted_;
  double accuracy_ = 0;
  int digits_;
  bool complete_ = false;  // exactly the classes that occur are listed
};

}  // namespace inlay::inline v0_1::metrics
