// Tables made fit to train on: duplicate rows, values out of range and missing cells (NaN) are dropped, mended or
// filled, and a report says what happened. The values that fill holes come from an imputer, which goes with the result:
// hand it to the cleaning of other data, so that a test never learns from itself.
#pragma once

#include "csv.hpp"
#include "dataset.hpp"
#include "imputer.hpp"

namespace inlay::inline v0_1::data {

// The values a column may have.
struct column_range {
  std::int64_t column = 0;  // negative numbers count from the end
  double low = -std::numeric_limits<double>::max(), high = std::numeric_limits<double>::max();
};

enum class out_of_range {
  drop,  // the row
  hole,  // the cell counts as missing
  clip   // the nearer end of the range; infinite values without one count as missing
};
enum class missing { drop, fill };

struct clean_options {
  bool drop_duplicates = false;               // of rows that are equal, the first stays
  std::vector<column_range> ranges = {};      // infinite values are out of range in every column
  out_of_range outside = out_of_range::drop;  // what becomes of such values
  missing holes = missing::drop;              // what becomes of rows with a missing cell
  imputer_config fill = {};                   // how holes are filled
  std::vector<std::int64_t> required = {};  // columns, as that of the label, whose holes are never filled: the row goes
};

// What cleaning did.
struct clean_report {
  struct column {
    std::string name;                      // or its number
    std::int64_t outside = 0, filled = 0;  // cells out of range · holes that were filled, in rows that were kept
    double value = 0;                      // what filled them
  };
  std::int64_t rows_in = 0, rows_out = 0;
  std::int64_t duplicates = 0, outside = 0, incomplete = 0;  // rows dropped, each for the first of these reasons
  std::vector<column> columns;

  // "150 rows, 141 kept; dropped 4 duplicates, 3 out of range, 2 incomplete; age: 1 out of range, 5 filled with 31.5"
  template <class = void> std::string text() const;
};

struct cleaned {
  table kept;
  tensor<std::int64_t> rows;  // of the table that came in, which were kept
  imputer<double> fill;       // fitted where holes were to be filled
  clean_report report;
};

template <class>  // compiled only where it is used
INLAY_COLD std::string clean_report::text() const {
  const auto number = [](auto value) {
    std::string out;
    inlay::detail::piece(value).append_to(out);
    return out;
  };
  std::string out = number(rows_in) + " rows, " + number(rows_out) + " kept";
  if (rows_out != rows_in)
    out += "; dropped " + number(duplicates) + " duplicates, " + number(outside) + " out of range, " +
           number(incomplete) + " incomplete";
  for (const column& c : columns) {
    if (c.outside + c.filled == 0) continue;
    out += "; " + c.name + ": ";
    if (c.outside > 0) out += number(c.outside) + " out of range";
    if (c.filled > 0) out += (c.outside > 0 ? ", " : "") + number(c.filled) + " filled with " + number(c.value);
  }
  return out;
}

namespace detail {

template <class = void>  // compiled only where it is used
class cleaner {
 public:
  cleaner(const table& from, const clean_options& options)
      : values_(from.values), options_(options), features_(from.values.rank() == 2 ? from.values.dim(1) : 0) {
    if (values_.rank() != 2) throw shape_error("clean", {"expected a table (rows, columns), got ", values_.shape()});
    report_.rows_in = values_.dim(0);
    for (std::int64_t i = 0; i < features_; ++i) {
      const bool named = static_cast<std::size_t>(features_) == from.names.size();
      report_.columns.push_back({named ? from.names[static_cast<std::size_t>(i)] : "column " + std::to_string(i)});
    }
    ranges_.resize(static_cast<std::size_t>(features_));
    required_.resize(static_cast<std::size_t>(features_));
    for (const column_range& range : options.ranges) {
      if (!(range.low <= range.high))
        throw value_error(
            "clean", {"expected .low up to .high of column ", range.column, ", got ", range.low, " and ", range.high});
      ranges_[column(range.column)] = range;
    }
    for (const std::int64_t i : options.required) required_[column(i)] = true;
    kept_.resize(static_cast<std::size_t>(report_.rows_in), true);
  }

  INLAY_COLD cleaned run(const std::vector<std::string>& names, const imputer<double>* fitted) {
    if (options_.drop_duplicates) drop_duplicates();
    mend();
    tensor<std::int64_t> rows = kept_rows();
    report_.rows_out = rows.size();
    cleaned out{{names, take_rows(values_, rows.values())}, rows, imputer<double>(options_.fill), {}};
    if (options_.holes == missing::fill) {
      if (fitted != nullptr)
        out.fill = *fitted;
      else
        out.fill.fit(out.kept.values);
      count(out);
      out.kept.values = out.fill(out.kept.values);
    }
    out.report = std::move(report_);
    return out;
  }

 private:
  std::size_t column(std::int64_t i) const {
    const std::int64_t positive = i < 0 ? i + features_ : i;
    if (positive < 0 || positive >= features_)
      throw value_error("clean", {"expected columns from 0 to ", features_ - 1, ", got ", i});
    return static_cast<std::size_t>(positive);
  }

  // Rows are compared by their bits, with one NaN and one zero.
  INLAY_COLD void drop_duplicates() {
    std::vector<std::uint64_t> bits;
    for (const double value : values_.values())
      bits.push_back(inlay::detail::is_nan(value) ? ~std::uint64_t{0}
                     : value == 0                 ? 0
                                                  : std::bit_cast<std::uint64_t>(value));
    const auto row = [&](std::int64_t i) {
      return std::span(bits).subspan(static_cast<std::size_t>(i * features_), static_cast<std::size_t>(features_));
    };
    std::vector<std::int64_t> order(kept_.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = static_cast<std::int64_t>(i);
    std::stable_sort(order.begin(), order.end(), [&](std::int64_t a, std::int64_t b) {
      return std::lexicographical_compare(row(a).begin(), row(a).end(), row(b).begin(), row(b).end());
    });
    for (std::size_t i = 1; i < order.size(); ++i) {
      const auto before = row(order[i - 1]), now = row(order[i]);
      if (!std::equal(before.begin(), before.end(), now.begin())) continue;
      kept_[static_cast<std::size_t>(order[i])] = false;
      ++report_.duplicates;
    }
  }

  // Values out of range become what the options say, and rows go.
  INLAY_COLD void mend() {
    double* values = inlay::detail::writable(values_);
    for (std::size_t row = 0; row < kept_.size(); ++row, values += features_) {
      if (!kept_[row]) continue;
      bool outside = false, incomplete = false;
      for (std::size_t i = 0; i < ranges_.size(); ++i) {
        if (is_outside(values[i], ranges_[i])) {
          outside = true;
          ++report_.columns[i].outside;
          values[i] = mended(values[i], ranges_[i]);
        }
        const bool must_be_there = required_[i] || options_.holes == missing::drop;
        incomplete = incomplete || (must_be_there && inlay::detail::is_nan(values[i]));
      }
      const bool drop = outside && options_.outside == out_of_range::drop;
      kept_[row] = !drop && !incomplete;
      report_.outside += drop;
      report_.incomplete += !drop && incomplete;
    }
  }

  static bool is_outside(double value, const column_range& range) {
    if (inlay::detail::is_nan(value)) return false;
    return !inlay::detail::is_finite(value) || value < range.low || value > range.high;
  }

  double mended(double value, const column_range& range) const {
    const bool below = inlay::detail::is_finite(value) ? value < range.low : std::bit_cast<std::int64_t>(value) < 0;
    const double end = below ? range.low : range.high;
    const bool clips = options_.outside == out_of_range::clip && __builtin_fabs(end) < column_range{}.high;
    return clips ? end : std::numeric_limits<double>::quiet_NaN();
  }

  tensor<std::int64_t> kept_rows() const {
    std::vector<std::int64_t> rows;
    for (std::size_t row = 0; row < kept_.size(); ++row)
      if (kept_[row]) rows.push_back(static_cast<std::int64_t>(row));
    return from<std::int64_t>({static_cast<std::int64_t>(rows.size())}, rows);
  }

  // The holes of what is kept, and what fills them.
  void count(const cleaned& out) {
    const double* values = out.kept.values.data();
    check_fitted("clean", out.fill.statistics.shape().size(), out.kept.values.shape());
    for (std::int64_t i = 0; i < features_; ++i) {
      auto& column = report_.columns[static_cast<std::size_t>(i)];
      column.value = out.fill.statistics.value().data()[i];
      for (std::int64_t row = 0; row < report_.rows_out; ++row)
        column.filled += inlay::detail::is_nan(values[row * features_ + i]);
    }
  }

  tensor<double> values_;
  const clean_options& options_;
  std::int64_t features_;
  std::vector<column_range> ranges_;
  std::vector<bool> required_, kept_;
  clean_report report_;
};

}  // namespace detail

// Duplicates go first, then what is out of range, then what is missing. Holes are filled with what the rows that are
// left say, or with what `fitted` learnt before. Throws shape_error unless the table has two axes, and value_error for
// columns that are not there and as imputer::fit does.
template <class = void>  // compiled only where it is used
INLAY_COLD cleaned clean(const table& from, const clean_options& options = {}) {
  return detail::cleaner(from, options).run(from.names, nullptr);
}
template <class = void>  // compiled only where it is used
INLAY_COLD cleaned clean(const table& from, const clean_options& options, const imputer<double>& fitted) {
  return detail::cleaner(from, options).run(from.names, &fitted);
}

}  // namespace inlay::inline v0_1::data
