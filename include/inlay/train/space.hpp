// What a search may choose: named options with their ranges, and one choice of all of them.
//   train::space space{{"learning_rate", train::log_uniform(1e-4, 1e-1)},
//                      {"width", train::choice({16, 32, 64})},
//                      {"activation", train::choice({"relu", "tanh"})}};
#pragma once

#include <charconv>
#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "kept.hpp"

namespace inlay::inline v0_1::train {

// The values that an option may have.
class range {
 public:
  enum class kind { uniform, log_uniform, integers, numbers, words };

  // Throws value_error for a range without values.
  range(kind of, double low, double high) : kind_(of), low_(low), high_(high) {
    const double least = of == kind::log_uniform ? std::numeric_limits<double>::min() : low;
    if (!(low <= high) || !(low >= least) || !inlay::detail::is_finite(high) || !inlay::detail::is_finite(low))
      throw value_error("range", {"expected a low and a high end in this order",
                                  of == kind::log_uniform ? ", both above 0" : "", ", got ", low, " and ", high});
  }
  explicit range(std::vector<double> numbers) : kind_(kind::numbers), numbers_(std::move(numbers)) { check(); }
  explicit range(std::vector<std::string> words) : kind_(kind::words), words_(std::move(words)) { check(); }

  // How many values there are; 0: as many as floating-point numbers.
  std::int64_t count() const noexcept {
    return kind_ == kind::integers  ? static_cast<std::int64_t>(high_ - low_) + 1
           : kind_ == kind::numbers ? static_cast<std::int64_t>(numbers_.size())
           : kind_ == kind::words   ? static_cast<std::int64_t>(words_.size())
                                    : 0;
  }

  // One of them, as text.
  std::string text(std::int64_t i) const {
    if (kind_ == kind::words) return words_[static_cast<std::size_t>(i)];
    return detail::exact_text(kind_ == kind::integers ? low_ + static_cast<double>(i)
                                                      : numbers_[static_cast<std::size_t>(i)]);
  }
  std::string draw(random::generator& g) const {
    if (const std::int64_t n = count(); n > 0)
      return text(static_cast<std::int64_t>(g.below(static_cast<std::uint64_t>(n))));
    const random::words w = g.next();
    const double part = random::to_unit(w[0], w[1]);
    return detail::exact_text(kind_ == kind::uniform
                                  ? low_ + part * (high_ - low_)
                                  : std::exp(std::log(low_) + part * (std::log(high_) - std::log(low_))));
  }

 private:
  void check() const {
    if (count() == 0) throw value_error("choice", {"expected at least one value, got none"});
    for (const double number : numbers_)
      if (!inlay::detail::is_finite(number)) throw value_error("choice", {"expected finite numbers, got ", number});
  }

  kind kind_;
  double low_ = 0, high_ = 0;
  std::vector<double> numbers_;
  std::vector<std::string> words_;
};

inline range uniform(double low, double high) { return {range::kind::uniform, low, high}; }
inline range log_uniform(double low, double high) { return {range::kind::log_uniform, low, high}; }
inline range integers(std::int64_t low, std::int64_t high) {  // both may be chosen
  return {range::kind::integers, static_cast<double>(low), static_cast<double>(high)};
}
inline range choice(std::vector<double> numbers) { return range(std::move(numbers)); }
inline range choice(std::initializer_list<const char*> words) {
  return range(std::vector<std::string>(words.begin(), words.end()));
}

struct option {
  std::string name;
  range values;
};
using space = std::vector<option>;

// One choice of all options, and what the search says beside it.
class trial {
 public:
  trial(std::int64_t which, std::int64_t budget, std::shared_ptr<const space> of, std::vector<std::string> values)
      : number(which), epochs(budget), space_(std::move(of)), values_(std::move(values)) {}

  std::int64_t number;               // of this trial, from 0
  std::int64_t epochs;               // that it may train, in all
  std::string model_path = {};       // save the model there, and the best one is kept; empty without a folder
  std::string checkpoint_path = {};  // for fit, which then goes on where this trial was; empty without a folder

  // The value of an option. Throws value_error for a name that is not there, or a word that is no number.
  const std::string& word(std::string_view name) const {
    for (std::size_t i = 0; i < space_->size(); ++i)
      if ((*space_)[i].name == name) return values_[i];
    throw value_error("search", {"expected an option of the space, got ", name});
  }
  double value(std::string_view name) const {
    const std::string& text = word(name);
    double out = 0;
    if (std::from_chars(text.data(), text.data() + text.size(), out).ptr != text.data() + text.size() || text.empty())
      throw value_error("search", {"expected a number as ", name, ", got ", text});
    return out;
  }
  std::int64_t integer(std::string_view name) const {
    const double out = value(name);
    if (out != std::floor(out)) throw value_error("search", {"expected an integer as ", name, ", got ", out});
    return static_cast<std::int64_t>(out);
  }

  const std::vector<std::string>& values() const noexcept { return values_; }  // in the order of the space
  std::string text() const {                                                   // "learning_rate = 0.01, width = 32"
    std::string out;
    for (std::size_t i = 0; i < values_.size(); ++i)
      out += (i == 0 ? "" : ", ") + (*space_)[i].name + " = " + values_[i];
    return out;
  }

 private:
  std::shared_ptr<const space> space_;
  std::vector<std::string> values_;
};

}  // namespace inlay::inline v0_1::train
