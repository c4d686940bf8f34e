// Shows: any function over arrays and single values
// Every elementwise function equals its scalar twin at every size, level and mix of arrays and single values, in place
// too, and writes nothing but its output.
#include <inlay/kernels/elementwise.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "support.hpp"

using namespace inlay;
using kernels::operand;

namespace {

template <class T> struct function {
  const char* name;
  int operands;
  void (*run)(isa level, std::int64_t count, T* out, const operand<T>* in);
  double (*twin)(double a, double b, double c);
};

// Contiguous operands come as pointers, as the library gives them; `in` says which are.
template <class F, class T, int Operands> void run(isa level, std::int64_t count, T* out, const operand<T>* in) {
  using kernel = kernels::map<F, T>;
  const bool contiguous = std::all_of(in, in + Operands, [](const operand<T>& x) { return x.step == 1; });
  [&]<std::size_t... I>(std::index_sequence<I...>) {
    if (contiguous)
      dispatch<kernel>(level, count, out, F{}, in[I].data...);
    else
      dispatch<kernel>(level, count, out, F{}, in[I]...);
  }
  (std::make_index_sequence<Operands>{});
}

// Functions with a number in them.
struct scale_by_three : kernels::scale {
  scale_by_three() : kernels::scale{3} {}
};
struct approach_slowly : kernels::approach {
  approach_slowly() : kernels::approach{0.125} {}
};
struct blended : kernels::blend {
  blended() : blend{0.75, 0.5} {}
};

template <class T>
const function<T> functions[] = {
    {"add", 2, run<kernels::add, T, 2>, [](double a, double b, double) { return a + b; }},
    {"subtract", 2, run<kernels::subtract, T, 2>, [](double a, double b, double) { return a - b; }},
    {"multiply", 2, run<kernels::multiply, T, 2>, [](double a, double b, double) { return a * b; }},
    {"divide", 2, run<kernels::divide, T, 2>, [](double a, double b, double) { return a / b; }},
    {"power", 2, run<kernels::power, T, 2>, [](double a, double b, double) { return std::pow(a, b); }},
    {"blend", 2, run<blended, T, 2>, [](double a, double b, double) { return 0.75 * a + 0.5 * b; }},
    {"negate", 1, run<kernels::negate, T, 1>, [](double a, double, double) { return -a; }},
    {"add_product", 3, run<kernels::add_product, T, 3>, [](double a, double b, double c) { return a + b * c; }},
    {"scale", 1, run<scale_by_three, T, 1>, [](double a, double, double) { return 3 * a; }},
    {"approach", 2, run<approach_slowly, T, 2>, [](double a, double b, double) { return 0.875 * a + 0.125 * b; }},
    {"where_equal", 3, run<kernels::where_equal, T, 3>, [](double dy, double a, double b) { return a == b ? dy : 0; }},
};

template <class T> constexpr double tolerance = sizeof(T) == 4 ? 5e-7 : 1e-15;

// Three operands; the third often equals the second.
template <class T> std::vector<std::vector<T>> operands(std::int64_t count) {
  std::vector<std::vector<T>> in;
  for (std::uint64_t i = 0; i < 3; ++i) in.push_back(support::noise_values<T>(count, 10 + i, -3, 3));
  for (std::size_t i = 0; i < in[2].size(); i += 3) in[2][i] = in[1][i];
  return in;
}

template <class T>
std::vector<double> expected(const function<T>& f, const std::vector<std::vector<T>>& in, const operand<T>* shape,
                             std::int64_t count) {
  std::vector<double> out;
  for (std::int64_t i = 0; i < count; ++i) {
    const auto at = [&](std::size_t k) {
      return static_cast<double>(in[k][static_cast<std::size_t>(i * shape[k].step)]);
    };
    out.push_back(f.twin(at(0), at(1), at(2)));
  }
  return out;
}

}  // namespace

TEST_CASE_TEMPLATE("elementwise: every function, size, level and mix of steps", T, float, double) {
  for (const auto& f : functions<T>)
    for (const std::int64_t count : support::edge_sizes)
      for (int single = 0; single < 1 << f.operands; ++single) {  // bit k: operand k is one value
        auto in = operands<T>(count);
        operand<T> from[3];
        for (std::size_t k = 0; k < 3; ++k) {
          const bool one = (single >> k & 1) != 0;
          if (one) in[k].assign(1, T(0.75) + static_cast<T>(k));
          from[k] = {in[k].data(), one ? 0 : 1};
        }
        const auto want = expected(f, in, from, count);
        support::for_each_isa([&](isa level) {
          support::guarded<T> out(count);
          f.run(level, count, out.data(), from);
          INFO(std::string(f.name), " of ", count, ", single values ", single);
          const bool right = support::difference(out.values(), want) <= tolerance<T> && out.intact();
          if (!right) CHECK(support::difference(out.values(), want) <= tolerance<T>);
          CHECK(right);
        });
      }
}

TEST_CASE_TEMPLATE("elementwise: the output may be any of the operands", T, float, double) {
  for (const auto& f : functions<T>)
    for (const std::int64_t count : {1, 9, 65})
      for (int onto = 0; onto < f.operands; ++onto)
        support::for_each_isa([&](isa level) {
          const auto in = operands<T>(count);
          support::guarded<T> copies[3] = {support::guarded<T>(in[0]), support::guarded<T>(in[1]),
                                           support::guarded<T>(in[2])};
          const operand<T> apart[3] = {{in[0].data(), 1}, {in[1].data(), 1}, {in[2].data(), 1}};
          const operand<T> from[3] = {{copies[0].data(), 1}, {copies[1].data(), 1}, {copies[2].data(), 1}};
          std::vector<T> out(static_cast<std::size_t>(count));
          f.run(level, count, out.data(), apart);
          f.run(level, count, copies[onto].data(), from);
          INFO(std::string(f.name), " onto ", onto);
          CHECK(support::same_bits(copies[onto].values(), std::span<const T>(out)));
          CHECK(copies[onto].intact());
        });
}

TEST_CASE_TEMPLATE("elementwise: pointers and operands give the same bits", T, float, double) {
  for (const std::int64_t count : support::edge_sizes)
    support::for_each_isa([&](isa level) {
      const auto in = operands<T>(count);
      std::vector<T> y(in[0].size()), z = y;
      dispatch<kernels::map<kernels::add_product, T>>(level, count, y.data(), kernels::add_product{}, in[0].data(),
                                                      in[1].data(), in[2].data());
      dispatch<kernels::map<kernels::add_product, T>>(level, count, z.data(), kernels::add_product{},
                                                      operand<T>{in[0].data(), 1}, operand<T>{in[1].data(), 1},
                                                      operand<T>{in[2].data(), 1});
      CHECK(support::same_bits(std::span<const T>(y), std::span<const T>(z)));
    });
}

TEST_CASE_TEMPLATE("elementwise: a piece has the bits of the whole", T, float, double) {
  constexpr std::int64_t count = 100;
  const auto in = operands<T>(count);
  const operand<T> from[3] = {{in[0].data(), 1}, {in[1].data(), 1}, {in[2].data(), 0}};
  support::for_each_isa([&](isa level) {
    for (const auto& f : functions<T>) {
      std::vector<T> whole(count), pieces(count);
      f.run(level, count, whole.data(), from);
      for (const auto& [first, last] : {std::pair{0, 1}, {1, 38}, {38, 38}, {38, 71}, {71, 100}}) {
        const operand<T> part[3] = {{from[0].data + first, 1}, {from[1].data + first, 1}, from[2]};
        f.run(level, last - first, pieces.data() + first, part);
      }
      INFO(std::string(f.name));
      CHECK(support::same_bits(std::span<const T>(pieces), std::span<const T>(whole)));
    }
  });
}

TEST_CASE_TEMPLATE("elementwise: what approaches stays where it has got, and goes on until then", T, float, double) {
  support::for_each_isa([](isa level) {
    const std::vector<T> target = support::noise_values<T>(37, 4, 1, 2);
    std::vector<T> mean = target;
    const kernels::approach slow{1e-4};  // the other share, as a float, would be off by 1e-8
    const auto step = [&](int times) {
      for (int i = 0; i < times; ++i)
        dispatch<kernels::map<kernels::approach, T>>(level, 37, mean.data(), slow, mean.data(), target.data());
    };
    step(1000);
    CHECK(support::same_bits(std::span<const T>(mean), std::span<const T>(target)));
    for (T& x : mean) x += 1;
    step(40000);
    const double left = std::pow(0.9999, 40000);
    std::vector<double> expected;
    for (const T x : target) expected.push_back(static_cast<double>(x) + left);
    CHECK(support::difference(std::span<const T>(mean), expected) <= (sizeof(T) == 4 ? 2e-3 : 1e-12));
  });
}

TEST_CASE_TEMPLATE("elementwise: NaN and infinities go where they should", T, float, double) {
  constexpr T inf = std::numeric_limits<T>::infinity(), nan = std::numeric_limits<T>::quiet_NaN();
  support::for_each_isa([&](isa level) {
    const std::vector<T> dy{1, nan, 3, inf, 5}, output{0, 0, 4, 4, nan};
    std::vector<T> y(5);
    const operand<T> equal[3] = {{dy.data(), 1}, {output.data(), 1}, {output.data(), 1}};
    run<kernels::where_equal, T, 3>(level, 5, y.data(), equal);
    CHECK(std::vector<T>{y[0], y[2], y[3], y[4]} == std::vector<T>{1, 3, inf, 0});  // NaN equals nothing
    CHECK(support::is_nan(y[1]));
  });
}
