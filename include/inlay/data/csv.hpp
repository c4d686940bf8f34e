// Tables from and to CSV files (RFC 4180): numbers, or text. A cell in quotes may hold delimiters, new lines and
// doubled quotes; spaces around a cell do not count.
#pragma once

#include <charconv>
#include <cstdio>
#include <string>
#include <vector>

#include "../core/tensor.hpp"
#include "../io/file.hpp"

namespace inlay::inline v0_1::data {

struct csv_options {
  char delimiter = ',';
  bool header = false;                    // the first line (after those skipped) names the columns
  std::int64_t skip_rows = 0;             // lines before the table
  std::vector<std::string> missing = {};  // cells that stand for no number, as {"", "NA", "?"}: NaN in the table
};

struct table {
  std::vector<std::string> names;  // of the columns; empty without a header
  tensor<double> values;           // (rows, columns)

  // Columns [first, last); negative numbers count from the end, and 0 as `last` is the end. Throws value_error.
  INLAY_COLD tensor<double> columns(std::int64_t first, std::int64_t last = 0) const {
    const std::int64_t width = values.dim(1);
    if (first < 0) first += width;
    if (last <= 0) last += width;
    if (first < 0 || first >= last || last > width)
      throw value_error("columns", {"expected columns within 0 to ", width, ", got [", first, ", ", last, ")"});
    tensor<double> out = empty<double>({values.dim(0), last - first});
    out.write([&](std::span<double> to) {
      auto* at = to.data();
      for (std::int64_t row = 0; row < values.dim(0); ++row)
        at = std::copy_n(values.data() + row * width + first, last - first, at);
    });
    return out;
  }
};

// Cells as they stand in the file, without their quotes.
struct text_table {
  std::vector<std::string> names;                 // of the columns; empty without a header
  std::vector<std::vector<std::string>> columns;  // all of one length

  std::int64_t rows() const noexcept { return columns.empty() ? 0 : static_cast<std::int64_t>(columns[0].size()); }

  // The column of a name. Throws value_error when there is none.
  INLAY_COLD const std::vector<std::string>& column(std::string_view name) const {
    for (std::size_t i = 0; i < names.size(); ++i)
      if (names[i] == name) return columns[i];
    throw value_error("column", {"expected the name of a column, got \"", name, "\""});
  }

  // Columns [first, last), counted as those of a table, as numbers. Throws value_error, which names row and column of a
  // cell that is no number.
  template <class = void>
  tensor<double> numbers(std::int64_t first, std::int64_t last = 0, const std::vector<std::string>& missing = {}) const;
};

namespace detail {

// The contents of a file as text. Throws io_error.
inline std::string read_text(const std::string& path) {
  std::FILE* file = std::fopen(path.c_str(), "rb");
  if (file == nullptr) throw io_error("read_csv", {"expected to read ", path, ", got: ", std::strerror(errno)});
  std::string out;
  char piece[1 << 16];
  std::size_t count = 0;
  while ((count = std::fread(piece, 1, sizeof piece, file)) > 0) out.append(piece, count);
  const bool failed = std::ferror(file) != 0;
  std::fclose(file);
  if (failed) throw io_error("read_csv", {"expected to read ", path, ", got a read error"});
  return out;
}

inline std::string_view without_spaces(std::string_view cell) {
  while (!cell.empty() && (cell.front() == ' ' || cell.front() == '\t')) cell.remove_prefix(1);
  while (!cell.empty() && (cell.back() == ' ' || cell.back() == '\t' || cell.back() == '\r')) cell.remove_suffix(1);
  return cell;
}

inline std::string_view trimmed(std::string_view cell) {
  cell = without_spaces(cell);
  if (cell.size() >= 2 && cell.front() == '"' && cell.back() == '"') cell = cell.substr(1, cell.size() - 2);
  return cell;
}

// What a cell says: a doubled quote within quotes is one.
template <class = void>  // compiled only where it is used
INLAY_COLD std::string cell_text(std::string_view cell) {
  std::string out(trimmed(cell));
  if (out.size() < without_spaces(cell).size())
    for (std::size_t at = out.find("\"\""); at != std::string::npos; at = out.find("\"\"", at + 1)) out.erase(at, 1);
  return out;
}

// Cuts a text into rows and cells.
template <class = void>  // compiled only where it is used
class csv_scanner {
 public:
  csv_scanner(std::string_view text, const csv_options& options) : rest_(text), options_(options) {
    if (rest_.starts_with("\xEF\xBB\xBF")) rest_.remove_prefix(3);  // the byte-order mark that spreadsheets write
  }

  // Calls f(cell, number of its line) for each cell of the next row that is not blank; false at the end.
  template <class F> bool next_row(F f) {
    for (;; ++line_) {
      if (rest_.empty()) return false;
      const std::size_t end = rest_.find('\n');
      if (line_ > options_.skip_rows && !without_spaces(rest_.substr(0, end)).empty()) break;
      rest_.remove_prefix(end == std::string_view::npos ? rest_.size() : end + 1);
    }
    for (bool last = false; !last;) {
      const std::size_t end = cell_end();
      const std::string_view cell = rest_.substr(0, end);
      f(cell, line_);
      line_ += std::count(cell.begin(), cell.end(), '\n');
      last = end == rest_.size() || rest_[end] == '\n';
      rest_.remove_prefix(std::min(end + 1, rest_.size()));
    }
    ++line_;
    return true;
  }

 private:
  // A cell that begins with a quote ends at a delimiter after the last one; one that is never closed has no meaning.
  std::size_t cell_end() const {
    const char ends[] = {options_.delimiter, '\n'};
    std::size_t at = 0;
    while (at < rest_.size() && (rest_[at] == ' ' || rest_[at] == '\t') && rest_[at] != options_.delimiter) ++at;
    if (at < rest_.size() && rest_[at] == '"') {
      bool quoted = false;
      for (; at < rest_.size(); ++at)
        if (rest_[at] == '"')
          quoted = !quoted;
        else if (!quoted && (rest_[at] == ends[0] || rest_[at] == ends[1]))
          return at;
      if (!quoted) return rest_.size();
    }
    return std::min(rest_.find_first_of({ends, 2}), rest_.size());
  }

  std::string_view rest_;
  const csv_options& options_;
  std::int64_t line_ = 1;
};

// The number that a cell holds, NaN for one that is missing; false when it is neither.
template <class = void>  // compiled only where it is used
bool cell_number(std::string_view cell, const std::vector<std::string>& missing, double& out) {
  for (const std::string& word : missing)
    if (cell == word) return out = std::numeric_limits<double>::quiet_NaN(), true;
  if (cell.size() > 1 && cell[0] == '+' && cell[1] != '-') cell.remove_prefix(1);
  const auto [stop, failure] = std::from_chars(cell.data(), cell.data() + cell.size(), out);
  return failure == std::errc{} && stop == cell.data() + cell.size() && !cell.empty();
}

// Calls f(cell, line, column) for each cell below the header. Every row has as many as the first, and there is one.
template <class F>
INLAY_COLD void each_csv_cell(const std::string& path, const csv_options& options, std::vector<std::string>& names,
                              F f) {
  const std::string text = read_text(path);
  csv_scanner scanner(text, options);
  std::int64_t columns = -1, rows = options.header ? -1 : 0, line = 0, cells = 0;
  const auto take = [&](std::string_view cell, std::int64_t at) {
    if (cells++ == 0) line = at;
    if (rows < 0)
      names.push_back(cell_text(cell));
    else
      f(cell, at, cells);
  };
  for (; scanner.next_row(take); cells = 0, ++rows) {
    if (columns >= 0 && cells != columns)
      throw io_error("read_csv", {"expected ", columns, " cells, got ", cells, " in line ", line, " of ", path});
    columns = cells;
  }
  if (rows <= 0) throw io_error("read_csv", {"expected at least one row of numbers, got none in ", path});
}

// A cell so that it is read back as it is.
template <class = void>  // compiled only where it is used
INLAY_COLD void append_cell(std::string& to, std::string_view cell, char delimiter) {
  const bool plain = cell.find_first_of("\"\r\n") == std::string_view::npos &&
                     cell.find(delimiter) == std::string_view::npos && without_spaces(cell) == cell;
  if (plain) return void(to += cell);
  to += '"';
  for (const char c : cell) to.append(c == '"' ? 2 : 1, c);
  to += '"';
}

// Writes rows by pieces; cell(row, column, text) appends one.
template <class F>
INLAY_COLD void write_csv_rows(const std::string& path, const std::vector<std::string>& names, std::int64_t rows,
                               std::int64_t columns, char delimiter, F cell) {
  if (!names.empty() && static_cast<std::int64_t>(names.size()) != columns)
    throw value_error("write_csv", {"expected a name for each of ", columns, " columns, or none, got ", names.size()});
  io::atomic_writer out(path);
  std::string text;
  const bool may_look_blank = columns == 1 || delimiter == ' ' || delimiter == '\t';
  for (std::int64_t row = names.empty() ? 0 : -1; row < rows; ++row) {
    for (std::int64_t i = 0; i < columns; ++i) {
      if (i > 0) text += delimiter;
      const std::size_t start = text.size();
      if (row < 0)
        append_cell(text, names[static_cast<std::size_t>(i)], delimiter);
      else
        cell(row, i, text);
      if (i == 0 && may_look_blank && text.size() == start) text += "\"\"";  // readers pass over blank lines
    }
    text += '\n';
    if (text.size() < 1 << 16) continue;
    out.write(text);
    text.clear();
  }
  out.write(text);
  out.commit();
}

}  // namespace detail

// Reads a table of numbers, one row per line; blank lines are passed over. Throws io_error, which names the line, when
// a row has another number of cells than the first or a cell is no number, and when the file has no rows.
template <class = void>  // compiled only where it is used
INLAY_COLD table read_csv(const std::string& path, const csv_options& options = {}) {
  table out;
  std::vector<double> values;
  std::int64_t columns = 0;
  detail::each_csv_cell(path, options, out.names, [&](std::string_view raw, std::int64_t line, std::int64_t column) {
    const std::string_view cell = detail::trimmed(raw);
    double value = 0;
    if (!detail::cell_number(cell, options.missing, value))
      throw io_error("read_csv", {"expected a number, got \"", cell.substr(0, 32), "\" in line ", line, ", column ",
                                  column, " of ", path});
    values.push_back(value);
    columns = column;
  });
  out.values = from<double>({static_cast<std::int64_t>(values.size()) / columns, columns}, values);
  return out;
}

// Reads a table of text; rows and errors are those of read_csv.
template <class = void>  // compiled only where it is used
INLAY_COLD text_table read_csv_text(const std::string& path, const csv_options& options = {}) {
  text_table out;
  detail::each_csv_cell(path, options, out.names, [&](std::string_view cell, std::int64_t, std::int64_t column) {
    const auto i = static_cast<std::size_t>(column - 1);
    if (out.columns.size() == i) out.columns.emplace_back();
    if (i < out.columns.size()) out.columns[i].push_back(detail::cell_text(cell));
  });
  return out;
}

template <class>  // compiled only where it is used
INLAY_COLD tensor<double> text_table::numbers(std::int64_t first, std::int64_t last,
                                              const std::vector<std::string>& missing) const {
  const auto width = static_cast<std::int64_t>(columns.size());
  if (first < 0) first += width;
  if (last <= 0) last += width;
  if (first < 0 || first >= last || last > width)
    throw value_error("numbers", {"expected columns within 0 to ", width, ", got [", first, ", ", last, ")"});
  tensor<double> out = empty<double>({rows(), last - first});
  double* to = inlay::detail::writable(out);
  for (std::int64_t row = 0; row < rows(); ++row)
    for (std::int64_t column = first; column < last; ++column) {
      const std::string& cell = columns[static_cast<std::size_t>(column)][static_cast<std::size_t>(row)];
      if (!detail::cell_number(cell, missing, *to++))
        throw value_error("numbers", {"expected a number, got \"", std::string_view(cell).substr(0, 32), "\" in row ",
                                      row, ", column ", column});
    }
  return out;
}

// Writes a table, atomically; read_csv gives back the same numbers. The names become a header. Throws io_error, and
// value_error when the names are not one for each column.
template <class = void>  // compiled only where it is used
INLAY_COLD void write_csv(const table& what, const std::string& path, char delimiter = ',') {
  const std::int64_t columns = what.values.dim(1);
  const double* values = what.values.data();
  detail::write_csv_rows(path, what.names, what.values.dim(0), columns, delimiter,
                         [&](std::int64_t row, std::int64_t column, std::string& to) {
                           char digits[32];  // the shortest that round-trip
                           const auto end =
                               std::to_chars(digits, digits + sizeof digits, values[row * columns + column]);
                           to.append(digits, end.ptr);
                         });
}

template <class = void>  // compiled only where it is used
INLAY_COLD void write_csv(const text_table& what, const std::string& path, char delimiter = ',') {
  for (const std::vector<std::string>& column : what.columns)
    if (column.size() != what.columns[0].size())
      throw value_error("write_csv", {"expected columns of one length, got ", what.columns[0].size(), " and ",
                                      column.size(), " rows"});
  detail::write_csv_rows(path, what.names, what.rows(), static_cast<std::int64_t>(what.columns.size()), delimiter,
                         [&](std::int64_t row, std::int64_t column, std::string& to) {
                           detail::append_cell(
                               to, what.columns[static_cast<std::size_t>(column)][static_cast<std::size_t>(row)],
                               delimiter);
                         });
}

}  // namespace inlay::inline v0_1::data
