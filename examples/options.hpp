// Options of an example: pairs of "--name value" over its defaults.
#pragma once

#include <charconv>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include <inlay/core.hpp>

class options {
 public:
  // Throws value_error for a name that has no default, and for one without a value.
  options(const char* program, std::map<std::string, std::string> defaults, int argc, char** argv)
      : program_(program), values_(std::move(defaults)) {
    for (int i = 1; i < argc; i += 2) {
      const std::string name = argv[i];
      std::string known;
      for (const auto& [option, value] : values_) known += ' ' + option;
      if (!values_.contains(name))
        throw inlay::value_error(program_, {"expected an option among", known, ", got ", name});
      if (i + 1 == argc) throw inlay::value_error(program_, {"expected a value behind ", name, ", got none"});
      values_[name] = argv[i + 1];
    }
  }

  const std::string& text(const std::string& name) const { return values_.at(name); }

  // One of several words.
  const std::string& word(const std::string& name, const std::vector<std::string>& among) const {
    std::string known;
    for (const std::string& word : among) {
      if (word == text(name)) return text(name);
      known += (known.empty() ? "" : ", ") + word;
    }
    throw inlay::value_error(program_, {"expected ", name, " to be one of ", known, ", got ", text(name)});
  }

  std::int64_t count(const std::string& name, std::int64_t least = 1) const {
    return parsed<std::int64_t>(name, "a whole number", least, std::numeric_limits<std::int64_t>::max());
  }
  std::uint64_t seed() const { return static_cast<std::uint64_t>(count("--seed", 0)); }
  double number(const std::string& name, double least, double most = std::numeric_limits<double>::max()) const {
    return parsed<double>(name, "a number", least, most);
  }

 private:
  template <class T> T parsed(const std::string& name, const char* what, T least, T most) const {
    const std::string& given = text(name);
    T value{};
    const char* const end = given.data() + given.size();
    const auto [stop, code] = std::from_chars(given.data(), end, value);
    if (code == std::errc{} && stop == end && value >= least && value <= most) return value;
    if (most == std::numeric_limits<T>::max())
      throw inlay::value_error(program_,
                               {"expected ", name, " to be ", what, " of ", least, " or more, got \"", given, "\""});
    throw inlay::value_error(
        program_, {"expected ", name, " to be ", what, " from ", least, " to ", most, ", got \"", given, "\""});
  }

  const char* program_;
  std::map<std::string, std::string> values_;
};
