// Shows: exp, log, tanh and their kin with stated error bounds
// The functions keep the error bounds that their header states, over the whole range and at its ends.
#include <inlay/kernels/math.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include <inlay/kernels/functions.hpp>

#include "support.hpp"

using namespace inlay;

namespace {

// A type with at least 29 more bits than T has, for references.
template <class T> using wider = std::conditional_t<sizeof(T) == 4, double, long double>;

template <class T> struct function {
  const char* name;
  void (*run)(isa level, const std::vector<T>& x, std::vector<T>& y);
  wider<T> (*exact)(wider<T>);
  double bound;  // ulp
};

template <class Kernel, class T> void run(isa level, const std::vector<T>& x, std::vector<T>& y) {
  dispatch<kernels::map<Kernel, T>>(level, static_cast<std::int64_t>(x.size()), y.data(), Kernel{}, x.data());
}

struct expm1_kernel {
  template <class V> INLAY_INLINE V operator()(const V& x) const { return kernels::expm1(x); }
};
struct exp_of_negative_kernel {
  template <class V> INLAY_INLINE V operator()(const V& x) const { return kernels::exp_of_negative(x); }
};
struct log1p_kernel {
  template <class V> INLAY_INLINE V operator()(const V& x) const { return kernels::log1p(x); }
};
struct normal_cdf_kernel {
  template <class V> INLAY_INLINE V operator()(const V& x) const { return kernels::normal_cdf(x); }
};

template <class T>
const function<T> functions[] = {
    {"exp", run<kernels::function::exp, T>, [](wider<T> x) { return std::exp(x); }, 1},
    {"log", run<kernels::function::log, T>, [](wider<T> x) { return std::log(x); }, sizeof(T) == 4 ? 1 : 1.2},
    {"tanh", run<kernels::function::tanh, T>, [](wider<T> x) { return std::tanh(x); }, 2.4},
    {"sigmoid", run<kernels::function::sigmoid, T>, [](wider<T> x) { return 1 / (1 + std::exp(-x)); }, 2.2},
    {"sqrt", run<kernels::function::sqrt, T>, [](wider<T> x) { return std::sqrt(x); }, 1.2},
};

template <class T, class U> bool denormal(U x) {
  return x != 0 && std::abs(x) < static_cast<U>(std::numeric_limits<T>::min());
}

template <class T> void check(const function<T>& f, const std::vector<T>& x) {
  std::vector<wider<T>> exact;
  for (const T value : x) exact.push_back(f.exact(denormal<T>(value) ? T{0} : value));
  std::vector<T> y(x.size());
  support::for_each_isa([&](isa level) {
    f.run(level, x, y);
    double worst = 0;
    T at = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
      if (denormal<T>(x[i]) && std::string_view(f.name) == "sqrt") continue;  // 0 or the operand itself
      if (denormal<T>(exact[i]) && y[i] == 0) continue;
      const double error = support::ulps(y[i], exact[i]) / f.bound;
      if (error > worst) worst = error, at = x[i];
    }
    INFO(std::string(f.name), " at ", at);
    CHECK(worst <= 1);
  });
}

template <class T> std::vector<T> special_values() {
  using limits = std::numeric_limits<T>;
  const T end = sizeof(T) == 4 ? T(88.7228) : T(709.782712893384);   // of exp
  const T bottom = sizeof(T) == 4 ? T(-87.3365) : T(-708.39641853);  // where exp becomes denormal
  std::vector<T> out;
  for (const T x : {T{0},
                    limits::min(),
                    limits::max(),
                    limits::infinity(),
                    limits::quiet_NaN(),
                    limits::denorm_min(),
                    limits::min() / 2,
                    limits::epsilon(),
                    T{1},
                    T{2},
                    T(0.5),
                    T(1e-5),
                    T(0.70710678118654752),
                    T(1.41421356237309505),
                    T(0.34657359027997264),
                    end,
                    bottom,
                    T{10},
                    T{9},
                    T{20},
                    T{104},
                    T{746},
                    T{1000},
                    T(1e10)})
    for (const T sign : {T{1}, T{-1}})
      for (int step = -2; step <= 2; ++step) {
        T value = sign * x;
        for (int i = 0; i < std::abs(step); ++i)
          value = std::nextafter(value, step > 0 ? limits::infinity() : -limits::infinity());
        out.push_back(value);
      }
  return out;
}

}  // namespace

TEST_CASE("math: float over all its bit patterns") {
  std::vector<float> x;
  for (std::uint64_t bits = 0; bits < std::uint64_t{1} << 32; bits += 20011)
    x.push_back(std::bit_cast<float>(static_cast<std::uint32_t>(bits)));
  for (const auto& f : functions<float>) check(f, x);
}

TEST_CASE("math: float and double where networks compute") {
  const auto both = [](double low, double high) {
    for (const auto& f : functions<float>) check(f, support::noise_values<float>(20000, 1, low, high));
    for (const auto& f : functions<double>) check(f, support::noise_values<double>(20000, 2, low, high));
  };
  both(-20, 20);
  both(-1, 1);
  both(0.5, 2);
}

TEST_CASE_TEMPLATE("math: what functions.hpp is made of, where it is used", T, float, double) {
  const function<T> below{"expm1", run<expm1_kernel, T>, [](wider<T> x) { return std::expm1(x); }, 1.3};
  const function<T> above{"log1p", run<log1p_kernel, T>, [](wider<T> x) { return std::log1p(x); }, 2.4};
  const function<T> normal{"normal_cdf", run<normal_cdf_kernel, T>,
                           [](wider<T> x) { return std::erfc(-x / std::sqrt(wider<T>{2})) / 2; },
                           sizeof(T) == 4 ? 5 : 6};
  for (const double range : {1e-6, 0.5, 1.0, 20.0, 800.0}) {
    check(below, support::noise_values<T>(20000, 4, -range, 0));
    check(above, support::noise_values<T>(20000, 5, 0, range));
    check(normal, support::noise_values<T>(20000, 6, -range, range));
  }
  constexpr T inf = std::numeric_limits<T>::infinity(), nan = std::numeric_limits<T>::quiet_NaN();
  support::for_each_isa([&](isa level) {
    const std::vector<T> x{-inf, nan, T{0}, inf};
    std::vector<T> y(4);
    run<expm1_kernel, T>(level, x, y);
    CHECK((y[0] == -1 && support::is_nan(y[1]) && y[2] == 0));
    run<log1p_kernel, T>(level, x, y);
    CHECK((support::is_nan(y[1]) && y[2] == 0));
    run<normal_cdf_kernel, T>(level, x, y);
    CHECK((y[0] == 0 && support::is_nan(y[1]) && y[2] == T(0.5) && y[3] == 1));
  });
}

TEST_CASE_TEMPLATE("math: exp_of_negative has the bits of exp, and keeps any NaN", T, float, double) {
  using bits = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
  std::vector<T> x{T{0}, T(-0.0), -std::numeric_limits<T>::infinity(), std::numeric_limits<T>::lowest(), T(-1e-40)};
  for (const double range : {1.0, 87.4, 90.0, 708.5, 800.0})
    for (const T v : support::noise_values<T>(5000, 7, -range, 0)) x.push_back(v);
  const std::size_t numbers = x.size();
  for (bits payload = 1; payload < 1025; payload *= 2)
    x.push_back(std::bit_cast<T>(std::bit_cast<bits>(std::numeric_limits<T>::quiet_NaN()) + payload));
  support::for_each_isa([&](isa level) {
    std::vector<T> y(x.size()), expected(x.size());
    run<exp_of_negative_kernel, T>(level, x, y);
    run<kernels::function::exp, T>(level, x, expected);
    CHECK(std::memcmp(y.data(), expected.data(), numbers * sizeof(T)) == 0);
    CHECK(std::all_of(y.begin() + static_cast<std::ptrdiff_t>(numbers), y.end(), support::is_nan<T>));
  });
}

TEST_CASE("math: double over all its bit patterns") {
  std::vector<double> x = support::noise_values<double>(20000, 3, -750, 750);
  for (std::uint64_t i = 0; i < 80000; ++i) x.push_back(std::bit_cast<double>(support::noise(i)));
  for (const auto& f : functions<double>) check(f, x);
}

TEST_CASE_TEMPLATE("math: the ends and their neighbours", T, float, double) {
  for (const auto& f : functions<T>) check(f, special_values<T>());
}

TEST_CASE_TEMPLATE("math: zeros, infinities and NaN exactly", T, float, double) {
  constexpr T inf = std::numeric_limits<T>::infinity(), nan = std::numeric_limits<T>::quiet_NaN();
  const T minus_nan = std::copysign(nan, T{-1});
  const std::vector<T> x{0, -T{0}, inf, -inf, nan, minus_nan, -1};
  const std::vector<T> expected[] = {{1, 1, inf, 0, nan, nan, T(0.36787944117144233)},
                                     {-inf, -inf, inf, nan, nan, nan, nan},
                                     {0, -T{0}, 1, -1, nan, nan, T(-0.76159415595576489)},
                                     {T(0.5), T(0.5), 1, 0, nan, nan, T(0.26894142136999512)},
                                     {0, -T{0}, inf, nan, nan, nan, nan}};
  support::for_each_isa([&](isa level) {
    for (std::size_t k = 0; k < std::size(functions<T>); ++k) {
      std::vector<T> y(x.size());
      functions<T>[k].run(level, x, y);
      for (std::size_t i = 0; i < x.size(); ++i) {
        INFO(std::string(functions<T>[k].name), " of ", x[i]);
        if (i == 6)
          CHECK(support::ulps(y[i], expected[k][i]) <= 3);
        else
          CHECK((support::is_nan(expected[k][i]) ? support::is_nan(y[i]) : support::same_bits(y[i], expected[k][i])));
      }
    }
  });
}

TEST_CASE_TEMPLATE("math: results of a lane do not depend on the others", T, float, double) {
  const auto x = support::noise_values<T>(257, 9, -30, 30);
  support::for_each_isa([&](isa level) {
    for (const auto& f : functions<T>) {
      std::vector<T> together(x.size()), alone(1);
      f.run(level, x, together);
      bool equal = true;
      for (std::size_t i = 0; i < x.size(); ++i) {
        f.run(level, {x[i]}, alone);
        equal = equal && (support::same_bits(alone[0], together[i]) || support::is_nan(alone[0]));
      }
      CHECK(equal);
    }
  });
}
