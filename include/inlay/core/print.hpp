// Tensors as text: to_string(t), and << into anything that takes strings.
#pragma once

#include <algorithm>
#include <charconv>
#include <string>

#include "tensor.hpp"

namespace inlay::inline v0_1 {

struct print_options {
  int precision = 4;              // significant digits, 1 to 17
  std::int64_t edge_items = 3;    // shown at each end of an axis that is cut, 1 or more
  std::int64_t threshold = 1000;  // more elements than this are cut
};

namespace detail {

template <class T> auto printed(T value) {
  if constexpr (is_half<T>)
    return static_cast<float>(value);
  else
    return value;
}

template <class T> void append_value(std::string& out, T value, int precision) {
  char text[64];
  std::to_chars_result end{};
  if constexpr (std::is_floating_point_v<T>) {
    if (is_nan(value)) {  // of either sign
      out += "nan";
      return;
    }
    end = std::to_chars(text, text + sizeof(text), value, std::chars_format::general, std::clamp(precision, 1, 17));
  } else {
    end = std::to_chars(text, text + sizeof(text), static_cast<std::int64_t>(value));
  }
  out.append(text, end.ptr);
}

template <class T>
void append_axis(std::string& out, const tensor<T>& t, const print_options& options, int axis, std::int64_t& at) {
  if (axis == t.rank()) return append_value(out, printed(t.data()[at++]), options.precision);
  const std::int64_t size = t.dim(axis), inner = t.shape().count(axis + 1, t.rank());
  const std::int64_t edge = std::clamp<std::int64_t>(options.edge_items, 1, size / 2 + 1);
  const bool cut = t.size() > options.threshold && size > 2 * edge;
  out += '[';
  for (std::int64_t i = 0; i < size; ++i) {
    if (i > 0) out += axis + 1 == t.rank() ? ", " : ",\n" + std::string(static_cast<std::size_t>(axis) + 1, ' ');
    if (cut && i == edge) {
      out += axis + 1 == t.rank() ? "..., " : "...,\n" + std::string(static_cast<std::size_t>(axis) + 1, ' ');
      const std::int64_t skipped = size - 2 * edge;
      i += skipped;
      at += skipped * inner;
    }
    append_axis(out, t, options, axis + 1, at);
  }
  out += ']';
}

}  // namespace detail

// "[[1, 2],\n [3, 4]]  float32 (2, 2)"; long axes show their ends only.
template <element T> std::string to_string(const tensor<T>& t, const print_options& options = {}) {
  std::string out;
  std::int64_t at = 0;
  if (t.size() > 0)
    detail::append_axis(out, t, options, 0, at);
  else
    out = "[]";
  return out + "  " + name(dtype_of<T>) + " " + t.shape().text();
}

template <class Stream, element T>
requires requires(Stream& stream, const std::string& text) { stream << text; }
Stream& operator<<(Stream& stream, const tensor<T>& t) {
  stream << to_string(t);
  return stream;
}

}  // namespace inlay::inline v0_1
