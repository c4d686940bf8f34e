// Words and tables as members, so that a checkpoint holds them beside the numbers.
#pragma once

#include <charconv>

#include "callback.hpp"

namespace inlay::inline v0_1::train::detail {

// The shortest text that reads back as the same number.
inline std::string exact_text(double value) {
  char text[32];
  return {text, std::to_chars(text, text + sizeof text, value).ptr};
}

// Rows of numbers under names.
struct measure_table {
  std::vector<std::string> names;
  std::vector<std::vector<double>> rows;  // each as long as `names`; NaN: not measured

  // The column of a name; a new one when there is none.
  std::size_t column(const std::string& name) {
    for (std::size_t i = 0; i < names.size(); ++i)
      if (names[i] == name) return i;
    names.push_back(name);
    for (std::vector<double>& row : rows) row.push_back(std::numeric_limits<double>::quiet_NaN());
    return names.size() - 1;
  }

  void add(const std::vector<measure>& values) {
    for (const measure& m : values) column(m.name);
    rows.emplace_back(names.size(), std::numeric_limits<double>::quiet_NaN());
    for (const measure& m : values) rows.back()[column(m.name)] = m.value;
  }

  tensor<double> cells() const {
    tensor<double> out(shape{static_cast<std::int64_t>(rows.size()), static_cast<std::int64_t>(names.size())});
    out.write([&](std::span<double> to) {
      auto at = to.begin();
      for (const std::vector<double>& row : rows) at = std::copy(row.begin(), row.end(), at);
    });
    return out;
  }
};

// A text in a cell. A new one takes the length of the file's.
class kept_text {
 public:
  void set(std::string_view text) {
    tensor<std::uint8_t> bytes(shape{static_cast<std::int64_t>(text.size())});
    bytes.write([&](std::span<std::uint8_t> to) { std::copy(text.begin(), text.end(), to.begin()); });
    bytes_ = buffer<std::uint8_t>(std::move(bytes));
  }
  std::string get() const {
    const auto bytes = bytes_.value().values();
    return {bytes.begin(), bytes.end()};
  }

  static void members(auto& self, auto&& visit) { visit("text", self.bytes_); }

 private:
  buffer<std::uint8_t> bytes_{tensor<std::uint8_t>(shape{0})};
};

// A table in two cells.
class kept_table {
 public:
  void set(const measure_table& table) {
    std::string names;
    for (const std::string& name : table.names) names += name + '\n';
    names_.set(names);
    cells_ = buffer<double>(table.cells());
  }

  // Throws io_error when the two do not fit each other, as in a file that something else has written.
  measure_table get() const {
    measure_table out;
    const std::string names = names_.get();
    for (std::size_t first = 0, end; first < names.size(); first = end + 1) {
      end = std::min(names.find('\n', first), names.size());
      out.names.push_back(names.substr(first, end - first));
    }
    const tensor<double>& cells = cells_.value();
    if (cells.rank() != 2 || cells.dim(1) != static_cast<std::int64_t>(out.names.size()))
      throw io_error("fit",
                     {"expected a table of ", out.names.size(), " columns in the checkpoint, got ", cells.shape()});
    const auto width = static_cast<std::ptrdiff_t>(out.names.size());
    for (std::int64_t i = 0; width > 0 && i < cells.dim(0); ++i)
      out.rows.emplace_back(cells.values().begin() + i * width, cells.values().begin() + (i + 1) * width);
    return out;
  }

  static void members(auto& self, auto&& visit) {
    visit("names", self.names_);
    visit("cells", self.cells_);
  }

 private:
  kept_text names_;
  buffer<double> cells_{tensor<double>(shape{0, 0})};
};

}  // namespace inlay::inline v0_1::train::detail
