// The rule that a weight's first values are drawn from.
#pragma once

#include "../core/random.hpp"

namespace inlay::inline v0_1 {

// What a scaled rule looks at: how many elements of the input an output sees, how many outputs see one of the input, or
// the mean of both. Of a weight (out, in, kernel…): fan_in = in · kernel, fan_out = out · kernel.
enum class fan { in, out, average };

struct distribution {
  enum class kind { given, constant, uniform, normal, scaled_uniform, scaled_normal, other };
  kind of = kind::given;  // no rule: the value that was given stays
  // The constant · lower and upper bound · mean and standard deviation · variance times fan.
  double first = 0, second = 0;
  inlay::fan fan = inlay::fan::in;
  std::int64_t zero_row = -1;  // of a matrix: starts as zeros
  double shift = 0;            // added to the elements from shift_first to before shift_last
  std::int64_t shift_first = 0, shift_last = 0;
  tensor<double> (*make)(random::generator&, const shape&, const distribution&) = nullptr;  // of an `other` kind

  static constexpr distribution constant(double value) { return {.of = kind::constant, .first = value}; }
  static constexpr distribution uniform(double low, double high) {
    return {.of = kind::uniform, .first = low, .second = high};
  }
  static constexpr distribution normal(double mean, double stddev) {
    return {.of = kind::normal, .first = mean, .second = stddev};
  }
  // Normal, drawn again where it is more than two standard deviations off.
  template <class Late = void>  // these two are compiled only where they are used
  static constexpr distribution truncated_normal(double mean, double stddev) {
    return {.of = kind::other, .first = mean, .second = stddev, .make = &truncated_values<Late>};
  }
  // Rows (or columns, if there are fewer) at right angles and of length gain (Saxe, McClelland and Ganguli, 2013).
  template <class Late = void>
  static constexpr distribution orthogonal(double gain = 1) {
    return {.of = kind::other, .first = gain, .make = &orthogonal_values<Late>};
  }
  // Variance `times_fan` / fan.
  static constexpr distribution scaled_uniform(double times_fan, inlay::fan of_fan) {
    return {.of = kind::scaled_uniform, .first = times_fan, .fan = of_fan};
  }
  static constexpr distribution scaled_normal(double times_fan, inlay::fan of_fan) {
    return {.of = kind::scaled_normal, .first = times_fan, .fan = of_fan};
  }

  // Throws shape_error for a rule that needs a matrix and got a vector.
  template <floating T> INLAY_COLD tensor<T> draw(random::generator& g, const shape& sizes) const {
    tensor<T> out;
    switch (of) {
      case kind::uniform:
        out = uniform_values<T>(g, sizes, second, first);
        break;
      case kind::normal:
        out = random::normal<T>(g, sizes, static_cast<T>(first), static_cast<T>(second));
        break;
      case kind::other:
        out = make(g, sizes, *this).template cast<T>();
        break;
      case kind::scaled_uniform: {
        const double bound = __builtin_sqrt(3 * variance(sizes));
        out = uniform_values<T>(g, sizes, bound, -bound);
        break;
      }
      case kind::scaled_normal:
        out = random::normal<T>(g, sizes, T{0}, static_cast<T>(__builtin_sqrt(variance(sizes))));
        break;
      default:
        out = tensor<T>(sizes, static_cast<T>(first));
    }
    if (zero_row >= 0)
      out.write([&](std::span<T> values) { std::fill_n(values.begin() + zero_row * sizes[1], sizes[1], T{0}); });
    if (shift != 0)
      out.write([&](std::span<T> values) {
        for (std::int64_t i = shift_first; i < shift_last; ++i)
          values[static_cast<std::size_t>(i)] += static_cast<T>(shift);
      });
    return out;
  }

 private:
  template <class = void>
  static tensor<double> truncated_values(random::generator& g, const shape& sizes, const distribution& rule) {
    return random::truncated_normal(g, sizes, rule.first, rule.second);
  }
  template <class = void>
  static tensor<double> orthogonal_values(random::generator& g, const shape& sizes, const distribution& rule) {
    check_matrix(sizes);
    return random::orthogonal(g, sizes[0], sizes.size() / sizes[0], rule.first).reshape(sizes);
  }

  template <class T>
  static tensor<T> uniform_values(random::generator& g, const shape& sizes, double high, double low) {
    return random::uniform<T>(g, sizes, static_cast<T>(low), static_cast<T>(high));
  }

  static void check_matrix(const shape& sizes) {
    if (sizes.rank() < 2 || sizes.size() == 0)
      throw shape_error("init", {"expected a weight (out, in, …) for this rule, got ", sizes});
  }

  double variance(const shape& sizes) const {
    check_matrix(sizes);
    const double in = static_cast<double>(sizes.count(1, sizes.rank())),
                 out = static_cast<double>(sizes[0] * sizes.count(2, sizes.rank()));
    return first / (fan == inlay::fan::in ? in : fan == inlay::fan::out ? out : (in + out) / 2);
  }
};

}  // namespace inlay::inline v0_1
