// Every failure of the library: one exception hierarchy, messages that say what was expected, what came, how to repair.
//   [dense] expected input (N, 784), got (32, 10); did you forget to flatten?
#pragma once

#include <bit>
#include <cinttypes>
#include <cstdio>
#include <initializer_list>
#include <stdexcept>
#include <string>
#include <string_view>

#include "config.hpp"

namespace inlay::inline v0_1 {

// A place in the source (std::source_location, which clang 14 does not have yet).
struct source_place {
  const char* file;
  int line;
  static constexpr source_place current(const char* file = __builtin_FILE(), int line = __builtin_LINE()) noexcept {
    return {file, line};
  }
};

// Stable numbers, for hosts that map errors to status codes.
enum class error_code : int { shape = 1, value = 2, type = 3, io = 4, memory = 5, state = 6 };

namespace detail {

// One piece of a message: a reference to text, a number, or the sizes of a shape. It owns nothing, so a throw costs its
// function little code; the message is put together out of line.
class piece {
 public:
  constexpr piece(const char* text) : piece(std::string_view(text)) {}
  constexpr piece(std::string_view text)
      : at_(text.data()), number_(static_cast<std::int64_t>(text.size())), kind_(kind::text) {}
  piece(const std::string& text) : piece(std::string_view(text)) {}
  template <class Integer>
  requires std::is_integral_v<Integer>
  constexpr piece(Integer number)
      : number_(static_cast<std::int64_t>(number)), kind_(std::is_signed_v<Integer> ? kind::number : kind::count) {}
  constexpr piece(const std::int64_t* sizes, int rank) : at_(sizes), number_(rank), kind_(kind::sizes) {}
  template <class Shape>
  requires requires(const Shape& shape) { shape.rank(); }
  constexpr piece(const Shape& shape) : piece(shape.begin(), shape.rank()) {}

  constexpr piece(double number) : number_(std::bit_cast<std::int64_t>(number)), kind_(kind::real) {}

  INLAY_COLD void append_to(std::string& out) const {
    if (kind_ == kind::text) return void(out.append(static_cast<const char*>(at_), static_cast<std::size_t>(number_)));
    if (kind_ == kind::sizes) return append_sizes(out);
    char text[32];
    const int length = kind_ == kind::number ? std::snprintf(text, sizeof text, "%" PRId64, number_)
                       : kind_ == kind::count
                           ? std::snprintf(text, sizeof text, "%" PRIu64, static_cast<std::uint64_t>(number_))
                           : std::snprintf(text, sizeof text, "%g", std::bit_cast<double>(number_));
    out.append(text, static_cast<std::size_t>(length));
  }

 private:
  enum class kind : char { text, number, count, real, sizes };

  INLAY_COLD void append_sizes(std::string& out) const {  // "(32, 784)", "(5,)", "()"
    piece("(").append_to(out);
    for (std::int64_t i = 0; i < number_; ++i) {
      if (i > 0) piece(", ").append_to(out);
      piece(static_cast<const std::int64_t*>(at_)[i]).append_to(out);
    }
    piece(number_ == 1 ? ",)" : ")").append_to(out);
  }

  const void* at_ = nullptr;  // the text, or the sizes
  std::int64_t number_ = 0;   // or the length of the text, or the rank
  kind kind_;
};

INLAY_COLD inline std::string join(std::string_view operation, std::initializer_list<piece> pieces) {
  std::string message;
  for (const piece& part : {piece("["), piece(operation), piece("] ")}) part.append_to(message);
  for (const piece& part : pieces) part.append_to(message);
  return message;
}

}  // namespace detail

// Base of all exceptions thrown by the library. what() is the full message; operation() the part in brackets;
// where() the place inside the library that noticed.
class error : public std::runtime_error {
 public:
  INLAY_COLD error(error_code code, std::string_view operation, std::initializer_list<detail::piece> message,
                   source_place where)
      : std::runtime_error(detail::join(operation, message)), code_(code), length_(operation.size()), where_(where) {}

  error_code code() const noexcept { return code_; }
  std::string_view operation() const noexcept { return {what() + 1, length_}; }
  const source_place& where() const noexcept { return where_; }

 private:
  error_code code_;
  std::size_t length_;  // of the operation's name
  source_place where_;
};

// One kind of error; has its code.
template <error_code Code> class error_of : public error {
 public:
  INLAY_COLD error_of(std::string_view operation, std::initializer_list<detail::piece> message,
                      source_place where = source_place::current())
      : error(Code, operation, message, where) {}
};

using shape_error = error_of<error_code::shape>;    // sizes do not fit
using value_error = error_of<error_code::value>;    // a value is out of range
using type_error = error_of<error_code::type>;      // element types differ
using io_error = error_of<error_code::io>;          // files and their contents
using memory_error = error_of<error_code::memory>;  // no memory to be had
using state_error = error_of<error_code::state>;    // not possible now

}  // namespace inlay::inline v0_1
