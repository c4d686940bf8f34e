// What a recorded model consists of: one row per operation, with the shape it gives, the weights it brings, what they
// are made of, and the multiplications it takes.
#pragma once

#include "record.hpp"

namespace inlay::inline v0_1::graph {

struct summary {
  struct row {
    std::string path, operation, output;  // module, "conv2d", "(N, 16, 28, 28)"
    std::string weights = {};             // "float32", or what represents the first of them: "int8"
    std::int64_t parameters = 0;          // first read here; shared ones count once
    std::int64_t multiply_adds = 0;       // for the recorded example
  };

  explicit summary(const record& of) {
    std::vector<bool> counted(of.values().size());
    for (const step& s : of.steps()) {
      const value& result = of.values()[static_cast<std::size_t>(s.result)];
      row r{s.path, s.op->name(), of.shape_text(result)};
      std::vector<shape> operands;
      for (const std::int64_t id : s.operands) {
        const value& v = of.values()[static_cast<std::size_t>(id)];
        operands.push_back(v.shape);
        if (v.trainable && r.weights.empty()) r.weights = weights_text(v);
        if (v.trainable && !counted[static_cast<std::size_t>(id)]) r.parameters += v.shape.size();
        counted[static_cast<std::size_t>(id)] = true;
      }
      r.multiply_adds = s.op->multiply_adds(operands, result.shape);
      parameters += r.parameters;
      multiply_adds += r.multiply_adds;
      rows.push_back(std::move(r));
    }
  }

  // A table with a line of totals.
  std::string text() const {
    std::vector<std::array<std::string, 6>> cells{
        {"module", "operation", "output", "weights", "parameters", "multiply-adds"}};
    for (const row& r : rows)
      cells.push_back({r.path, r.operation, r.output, r.weights, number(r.parameters), number(r.multiply_adds)});
    cells.push_back({"total", "", "", "", std::to_string(parameters), std::to_string(multiply_adds)});
    std::array<std::size_t, 6> widths{};
    for (const auto& line : cells)
      for (std::size_t i = 0; i < widths.size(); ++i) widths[i] = std::max(widths[i], length(line[i]));
    std::string out;
    for (const auto& line : cells) {
      for (std::size_t i = 0; i < widths.size(); ++i) {
        const std::string gap(widths[i] - length(line[i]), ' ');
        out += i < 4 ? line[i] + gap : gap + line[i];
        out += i + 1 < widths.size() ? "  " : "\n";
      }
    }
    return out;
  }

  std::vector<row> rows;
  std::int64_t parameters = 0, multiply_adds = 0;

 private:
  static std::string weights_text(const value& v) {
    const any_tensor now = inlay::detail::value_of(*v.cell);
    return now.representation() != nullptr ? now.representation()->name() : name(v.type);
  }
  static std::string number(std::int64_t n) { return n == 0 ? std::string() : std::to_string(n); }
  // Characters, not bytes: a product sign takes two.
  static std::size_t length(const std::string& text) {
    std::size_t characters = 0;
    for (const char c : text) characters += (c & 0xC0) != 0x80;
    return characters;
  }
};

}  // namespace inlay::inline v0_1::graph
