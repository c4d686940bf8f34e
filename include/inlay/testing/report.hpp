// What a check found: one line per thing that was looked at.
#pragma once

#include <cstdio>
#include <string>

namespace inlay::inline v0_1::testing {

class report {
 public:
  // Notes one finding; the detail is kept when it failed.
  void add(bool passed, const std::string& what, const std::string& detail = {}) {
    ok_ = ok_ && passed;
    text_ += (passed ? "ok    " : "FAIL  ") + what + (passed || detail.empty() ? std::string() : ": " + detail) + '\n';
  }
  void add(const report& other) {
    ok_ = ok_ && other.ok_;
    text_ += other.text_;
  }

  bool ok() const noexcept { return ok_; }
  const std::string& text() const noexcept { return text_; }

 private:
  bool ok_ = true;
  std::string text_;
};

namespace detail {

inline std::string number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.6g", value);
  return text;
}

}  // namespace detail

}  // namespace inlay::inline v0_1::testing
