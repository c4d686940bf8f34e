// What the readers of text in files share: a place in it, the error that names the place, and the pieces that all
// formats have. It reads from memory that is there.
#pragma once

#include <cstdint>
#include <string>

#include "../core/error.hpp"

namespace inlay::inline v0_1::io::detail {

class scanner {
 public:
  // `text` begins at byte `start` of a file; `spaces`: the characters that count as such. All must stay while it reads.
  scanner(const char* operation, const std::string& path, std::string_view text, std::size_t start,
          std::string_view spaces)
      : path_(path), text_(text), operation_(operation), spaces_(spaces), start_(start) {}

  const std::string& path() const noexcept { return path_; }

  [[noreturn]] INLAY_COLD void fail(std::string_view expected) const {
    throw io_error(operation_, {"expected ", expected, " at byte ", start_ + at_, " of ", path_});
  }

  void space() {
    while (at_ < text_.size() && spaces_.find(text_[at_]) != std::string_view::npos) ++at_;
  }
  bool accept(char c) {
    space();
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  bool accept(std::string_view word) {
    space();
    if (!text_.substr(at_).starts_with(word)) return false;
    at_ += word.size();
    return true;
  }
  void expect(char c) {
    if (!accept(c)) fail(std::string("a '") + c + "'");
  }

  // A whole number from 0, without zeros in front.
  INLAY_COLD std::int64_t number() {
    space();
    const std::size_t first = at_;
    std::int64_t out = 0;
    while (at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9')
      if (__builtin_mul_overflow(out, 10, &out) || __builtin_add_overflow(out, text_[at_++] - '0', &out))
        fail("a number below 2^63");
    if (at_ == first || (text_[first] == '0' && at_ - first > 1)) fail("a whole number");
    return out;
  }

  // The text has nothing behind `what`.
  INLAY_COLD void end(std::string_view what) {
    space();
    if (at_ != text_.size()) fail("nothing but spaces after " + std::string(what));
  }

 protected:
  const std::string& path_;
  std::string_view text_;
  std::size_t at_ = 0;

 private:
  const char* operation_;
  std::string_view spaces_;
  std::size_t start_;
};

}  // namespace inlay::inline v0_1::io::detail
