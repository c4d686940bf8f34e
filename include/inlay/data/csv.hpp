// Tables of numbers from CSV files.
#pragma once

#include <charconv>
#include <cstdio>
#include <string>
#include <vector>

#include "../core/tensor.hpp"

namespace inlay::inline v0_1::data {

struct csv_options {
  char delimiter = ',';
  bool header = false;         // the first line (after those skipped) names the columns
  std::int64_t skip_rows = 0;  // lines before the table
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

inline std::string_view trimmed(std::string_view cell) {
  while (!cell.empty() && (cell.front() == ' ' || cell.front() == '\t')) cell.remove_prefix(1);
  while (!cell.empty() && (cell.back() == ' ' || cell.back() == '\t' || cell.back() == '\r')) cell.remove_suffix(1);
  if (cell.size() >= 2 && cell.front() == '"' && cell.back() == '"') cell = cell.substr(1, cell.size() - 2);
  return cell;
}

// Calls f(cell) for each cell of a line; a delimiter between quotes belongs to its cell.
template <class F> void each_cell(std::string_view line, char delimiter, F f) {
  for (;;) {
    std::size_t end = 0;
    for (bool quoted = false; end < line.size() && (quoted || line[end] != delimiter); ++end)
      quoted = quoted != (line[end] == '"');
    f(trimmed(line.substr(0, end)));
    if (end == line.size()) return;
    line.remove_prefix(end + 1);
  }
}

}  // namespace detail

// Reads a table of numbers, one row per line; blank lines are passed over. Throws io_error, which names the line, when
// a row has another number of cells than the first or a cell is no number, and when the file has no rows.
template <class = void>  // compiled only where it is used
INLAY_COLD table read_csv(const std::string& path, const csv_options& options = {}) {
  const std::string text = detail::read_text(path);
  table out;
  std::vector<double> values;
  std::int64_t rows = 0, columns = -1, line_number = 0;
  bool names_next = options.header;
  std::string_view rest = text;
  if (rest.starts_with("\xEF\xBB\xBF")) rest.remove_prefix(3);  // the byte-order mark that spreadsheets write
  while (!rest.empty()) {
    const std::size_t end = rest.find('\n');
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    if (++line_number <= options.skip_rows || detail::trimmed(line).empty()) continue;
    std::int64_t cells = 0;
    detail::each_cell(line, options.delimiter, [&](std::string_view cell) {
      ++cells;
      if (names_next) {
        out.names.emplace_back(cell);
        return;
      }
      double value = 0;
      if (cell.size() > 1 && cell[0] == '+' && cell[1] != '-') cell.remove_prefix(1);
      const auto [stop, failure] = std::from_chars(cell.data(), cell.data() + cell.size(), value);
      if (failure != std::errc{} || stop != cell.data() + cell.size() || cell.empty())
        throw io_error("read_csv", {"expected a number, got \"", cell.substr(0, 32), "\" in line ", line_number,
                                    ", column ", cells, " of ", path});
      values.push_back(value);
    });
    if (columns >= 0 && cells != columns)
      throw io_error("read_csv", {"expected ", columns, " cells, got ", cells, " in line ", line_number, " of ", path});
    columns = cells;
    if (!std::exchange(names_next, false)) ++rows;
  }
  if (rows == 0) throw io_error("read_csv", {"expected at least one row of numbers, got none in ", path});
  out.values = from<double>({rows, columns}, values);
  return out;
}

}  // namespace inlay::inline v0_1::data
