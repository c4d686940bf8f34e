// The attributes of a recorded operation, to read and to replace: an axis, a stride, an epsilon.
#pragma once

#include <string>

#include "../autograd/trace.hpp"

namespace inlay::inline v0_1::graph::detail {

struct attribute {
  enum class kind { integer, choice, number, word };
  std::string name;
  kind of;
  std::int64_t integer = 0;
  double number = 0;
  std::string word = {};

  friend bool operator==(const attribute&, const attribute&) = default;
};

class attribute_reader final : public autograd::attribute_visitor {
 public:
  explicit attribute_reader(const autograd::operation& of) { of.copy()->attributes(*this); }
  void integer(std::string_view name, std::int64_t& value) override {
    seen.push_back({std::string(name), attribute::kind::integer, value, 0});
  }
  void choice(std::string_view name, std::int64_t& value) override {
    seen.push_back({std::string(name), attribute::kind::choice, value, 0});
  }
  void number(std::string_view name, double& value) override {
    seen.push_back({std::string(name), attribute::kind::number, 0, value});
  }
  void word(std::string_view name, std::string_view value) override {
    seen.push_back({std::string(name), attribute::kind::word, 0, 0, std::string(value)});
  }

  std::vector<attribute> seen;
};

// Replaces integers by number.
class attribute_writer final : public autograd::attribute_visitor {
 public:
  explicit attribute_writer(std::vector<std::pair<std::int64_t, std::int64_t>> values) : values_(std::move(values)) {}
  void integer(std::string_view, std::int64_t& value) override {
    for (const auto& [number, wanted] : values_)
      if (number == at_) value = wanted;
    ++at_;
  }
  void choice(std::string_view, std::int64_t&) override { ++at_; }
  void number(std::string_view, double&) override { ++at_; }
  void word(std::string_view, std::string_view) override { ++at_; }

 private:
  std::vector<std::pair<std::int64_t, std::int64_t>> values_;
  std::int64_t at_ = 0;
};

}  // namespace inlay::inline v0_1::graph::detail
