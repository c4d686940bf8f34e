// Categories as numbers, as learnt from training data: one_hot_encoder, columns of numbers that name categories to a
// column of 0 and 1 for each, and label_encoder, texts to classes 0 to V - 1 and back. Modules, as the scalers are.
// Categories are sorted, as scikit-learn's are.
#pragma once

#include <string>

#include "../autograd/members.hpp"
#include "columns.hpp"

namespace inlay::inline v0_1::data {

struct one_hot_encoder_config {
  bool ignore_unknown = false;  // a category that was not there when fitting becomes zeros; otherwise it is an error
};

// x (N, features) of any numbers -> y (N, V) of T; V counts the categories of all columns.
template <floating T = float> class one_hot_encoder {
 public:
  explicit one_hot_encoder(const one_hot_encoder_config& config = {}) : config_(config) {}

  // Learns every column's categories. Throws shape_error without two axes, value_error without a row, for NaN, and for
  // integers beyond 2^53, which categories do not tell apart.
  template <element E> INLAY_COLD void fit(const tensor<E>& x) {
    if (x.rank() != 2) throw shape_error("one_hot_encoder", {"expected values (N, features), got ", x.shape()});
    const detail::layout of = detail::rows_to_fit("one_hot_encoder", x);
    std::vector<double> all;
    tensor<std::int64_t> counts = empty<std::int64_t>({of.features});
    for (std::int64_t i = 0; i < of.features; ++i) {
      std::vector<double> seen;
      for (std::int64_t row = 0; row < of.rows; ++row) {
        seen.push_back(inlay::detail::convert<double>(x.data()[row * of.features + i]));
        if (inlay::detail::is_nan(seen.back()) || (std::is_integral_v<E> && __builtin_fabs(seen.back()) > 0x1p53))
          throw value_error("one_hot_encoder", {"expected numbers, integers up to 2^53, got ", seen.back(), " in row ",
                                                row, ", column ", i});
      }
      std::sort(seen.begin(), seen.end());
      seen.erase(std::unique(seen.begin(), seen.end()), seen.end());
      inlay::detail::writable(counts)[i] = static_cast<std::int64_t>(seen.size());
      all.insert(all.end(), seen.begin(), seen.end());
    }
    categories = buffer<double>(from<double>({static_cast<std::int64_t>(all.size())}, all));
    sizes = buffer<std::int64_t>(std::move(counts));
  }

  // Throws state_error before fit, shape_error for other columns, and value_error for a category that was not there.
  template <element E> tensor<T> operator()(const tensor<E>& x) const {
    const std::int64_t features = check(x.shape(), sizes.shape().size());
    tensor<T> y({x.dim(0), categories.shape().size()});
    T* to = inlay::detail::writable(y);
    const E* values = x.data();
    for (std::int64_t row = 0; row < x.dim(0); ++row)
      for (std::int64_t i = 0; i < features; ++i) {
        const double value = inlay::detail::convert<double>(*values++);
        const std::span<const double> known = of_column(i);
        const auto found = std::lower_bound(known.begin(), known.end(), value);
        if (found != known.end() && *found == value && !inlay::detail::is_nan(value))
          to[found - known.begin()] = T{1};
        else if (!config_.ignore_unknown)
          throw value_error("one_hot_encoder", {"expected a category that was fitted, got ", value, " in row ", row,
                                                ", column ", i, "; .ignore_unknown makes it zeros"});
        to += known.size();
      }
    return y;
  }

  // The category with the largest value of each column; NaN where none is above 0.  y (N, V) -> x (N, features).
  tensor<double> inverse(const tensor<T>& y) const {
    check(y.shape(), categories.shape().size());
    tensor<double> x = empty<double>({y.dim(0), sizes.dim(0)});
    double* to = inlay::detail::writable(x);
    const T* from = y.data();
    for (std::int64_t row = 0; row < y.dim(0); ++row)
      for (std::int64_t i = 0; i < sizes.dim(0); ++i) {
        const std::span<const double> known = of_column(i);
        const T* best = std::max_element(from, from + known.size());
        *to++ = *best > 0 ? known[static_cast<std::size_t>(best - from)] : std::numeric_limits<double>::quiet_NaN();
        from += known.size();
      }
    return x;
  }

  static void members(auto& self, auto&& visit) {
    visit("categories", self.categories);
    visit("sizes", self.sizes);
  }

  buffer<double> categories{tensor<double>()};         // those of all columns, one after another
  buffer<std::int64_t> sizes{tensor<std::int64_t>()};  // how many each column has

 private:
  std::int64_t check(const shape& x, std::int64_t expected) const {
    detail::check_fitted("one_hot_encoder", expected, x);
    if (x.rank() != 2) throw shape_error("one_hot_encoder", {"expected values (N, ", expected, "), got ", x});
    std::int64_t total = 0;
    bool sound = true;
    for (const std::int64_t size : sizes.value().values()) {
      sound = sound && size > 0 && size <= categories.shape().size();
      total += sound ? size : 0;
    }
    if (!sound || total != categories.shape().size())
      throw state_error("one_hot_encoder", {"expected sizes that add up to ", categories.shape().size(),
                                            " categories, got others; is the loaded file sound?"});
    return expected;
  }
  std::span<const double> of_column(std::int64_t i) const {
    const std::span<const std::int64_t> all = sizes.value().values();
    std::int64_t first = 0;
    for (std::int64_t j = 0; j < i; ++j) first += all[static_cast<std::size_t>(j)];
    return categories.value().values().subspan(static_cast<std::size_t>(first),
                                               static_cast<std::size_t>(all[static_cast<std::size_t>(i)]));
  }

  one_hot_encoder_config config_;
};

class label_encoder {  // its functions are compiled only where they are used
 public:
  // Learns the texts that are there. Throws value_error when there is none, and for texts with a character 0.
  template <class = void> INLAY_COLD void fit(std::span<const std::string> labels) {
    std::vector<std::string> all(labels.begin(), labels.end());
    std::sort(all.begin(), all.end());
    all.erase(std::unique(all.begin(), all.end()), all.end());
    std::vector<std::uint8_t> bytes;
    for (const std::string& text : all) {
      if (text.find('\0') != std::string::npos)
        throw value_error("label_encoder", {"expected texts without a character 0, got ", text.c_str(), " and more"});
      bytes.insert(bytes.end(), text.c_str(), text.c_str() + text.size() + 1);
    }
    if (all.empty()) throw value_error("label_encoder", {"expected at least one label to fit, got none"});
    texts = buffer<std::uint8_t>(from<std::uint8_t>({static_cast<std::int64_t>(bytes.size())}, bytes));
  }

  // Texts to classes (N,). Throws state_error before fit, value_error for a text that was not there.
  template <class = void> INLAY_COLD tensor<std::int64_t> operator()(std::span<const std::string> labels) const {
    const std::vector<std::string> known = classes();
    tensor<std::int64_t> out = empty<std::int64_t>({static_cast<std::int64_t>(labels.size())});
    std::int64_t* to = inlay::detail::writable(out);
    for (const std::string& text : labels) {
      const auto found = std::lower_bound(known.begin(), known.end(), text);
      if (found == known.end() || *found != text)
        throw value_error("label_encoder", {"expected a label that was fitted, got \"", text, "\""});
      *to++ = found - known.begin();
    }
    return out;
  }

  // Classes to texts. Throws state_error before fit, value_error for a class that is not there.
  template <class = void> INLAY_COLD std::vector<std::string> inverse(const tensor<std::int64_t>& labels) const {
    const std::vector<std::string> known = classes();
    std::vector<std::string> out;
    for (const std::int64_t label : labels.values()) {
      if (label < 0 || label >= static_cast<std::int64_t>(known.size()))
        throw value_error("label_encoder", {"expected classes from 0 to ", known.size() - 1, ", got ", label});
      out.push_back(known[static_cast<std::size_t>(label)]);
    }
    return out;
  }

  // The texts, by class. Throws state_error before fit.
  template <class = void> INLAY_COLD std::vector<std::string> classes() const {
    std::vector<std::string> out;
    const auto bytes = texts.value().values();
    if (bytes.empty() || bytes.back() != 0)
      throw state_error("label_encoder", {"expected fit() or a loaded file first, got neither"});
    for (const auto *at = reinterpret_cast<const char*>(bytes.data()), *end = at + bytes.size(); at < end;
         at += out.back().size() + 1)
      out.emplace_back(at);
    return out;
  }

  static void members(auto& self, auto&& visit) { visit("texts", self.texts); }

  buffer<std::uint8_t> texts{tensor<std::uint8_t>()};  // each ends with a character 0
};

}  // namespace inlay::inline v0_1::data
