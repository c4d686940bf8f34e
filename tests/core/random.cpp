// Shows: Philox random numbers, the same on every compiler, machine and thread count
// Random numbers are Philox's, the same to the last bit on every compiler, set of flags and thread count, inside their
// bounds and distributed as they should be.
#include <inlay/core/random.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>
#include <vector>

#include "support.hpp"

using namespace inlay;
using random::generator;

namespace {

template <class T> std::vector<T> list(const tensor<T>& t) { return {t.values().begin(), t.values().end()}; }

// The largest distance between the distribution of the values and the one expected (Kolmogorov and Smirnov), times
// the root of their number: above 1.63 once in a hundred times, above 1.95 once in a thousand.
template <class T, class F> double kolmogorov(const tensor<T>& t, F cumulative) {
  std::vector<T> x = list(t);
  std::sort(x.begin(), x.end());
  const auto n = static_cast<double>(x.size());
  double worst = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double expected = cumulative(static_cast<double>(x[i])), below = static_cast<double>(i) / n;
    worst = std::max({worst, std::abs(expected - below), std::abs(expected - below - 1 / n)});
  }
  return worst * std::sqrt(n);
}

double chi_square(const std::vector<int>& counts) {
  const double mean = std::accumulate(counts.begin(), counts.end(), 0.0) / static_cast<double>(counts.size());
  double sum = 0;
  for (const int count : counts) sum += (count - mean) * (count - mean) / mean;
  return sum;
}

struct moments {
  double mean = 0, variance = 0, skewness = 0, kurtosis = 0;
};
template <class T> moments moments_of(const tensor<T>& t) {
  moments m;
  const auto n = static_cast<double>(t.size());
  for (const T x : t.values()) m.mean += static_cast<double>(x) / n;
  for (const T x : t.values()) {
    const double d = static_cast<double>(x) - m.mean;
    m.variance += d * d / n;
    m.skewness += d * d * d / n;
    m.kurtosis += d * d * d * d / n;
  }
  m.skewness /= std::pow(m.variance, 1.5);
  m.kurtosis /= m.variance * m.variance;
  return m;
}

}  // namespace

TEST_CASE("random: Philox4x32-10 gives the words its authors publish") {
  using random::words;
  constexpr std::uint32_t ones = 0xffffffff;
  CHECK(random::philox(words{0, 0, 0, 0}, 0) == words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  CHECK(random::philox(words{ones, ones, ones, ones}, ~std::uint64_t{0}) ==
        words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
  CHECK(random::philox(words{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, 0x299f31d0a4093822) ==
        words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

TEST_CASE("random: a generator is a position in the stream of a seed") {
  generator g(5, 9);
  const generator start = g;
  CHECK(g.seed() == 5);
  CHECK(g.stream() == 9);
  CHECK(g.next() == random::philox({0, 0, 9, 0}, 5));
  CHECK(g.next() == start.at(1));
  CHECK(g.position() == 2);
  CHECK(start.position() == 0);
  g.skip((std::uint64_t{1} << 40) - 2);
  CHECK(g.next() == random::philox({0, 1u << 8, 9, 0}, 5));
  CHECK(generator(0, std::uint64_t{3} << 32).next() == random::philox({0, 0, 0, 3}, 0));
  CHECK(generator(1).next() != generator(2).next());
  CHECK(generator(1, 1).next() != generator(1, 2).next());
  CHECK(generator().next() == generator(0, 0).next());
}

TEST_CASE("random: a generator is a module of three whole numbers, whatever its seed") {
  for (const std::uint64_t seed : {std::uint64_t{0}, std::uint64_t{5}, std::uint64_t{1} << 63, ~std::uint64_t{0} - 1}) {
    generator from(seed, ~seed), to;
    from.skip(seed + 3);
    from.next();
    std::vector<std::string> names;
    std::vector<std::int64_t> saved;
    generator::members(from, [&](std::string_view name, const std::int64_t& part) {
      names.emplace_back(name);
      saved.push_back(part);
    });
    CHECK(names == std::vector<std::string>{"seed", "stream", "position"});
    std::size_t i = 0;
    generator::members(to, [&](std::string_view, std::int64_t& part) { part = saved[i++]; });
    CHECK(to.seed() == seed);
    CHECK(to.stream() == ~seed);
    CHECK(to.position() == seed + 4);
    CHECK(to.next() == from.next());
  }
}

TEST_CASE("random: values to the last bit") {
  generator g(42);
  CHECK(list(random::uniform<float>(g, {6})) ==
        std::vector<float>{0x1.39d5ep-1f, 0x1.dfd524p-2f, 0x1.2bf5p-4f, 0x1.5d0accp-2f, 0x1.f9b642p-1f, 0x1.4ee9bp-2f});
  CHECK(list(random::uniform<double>(g, {5}, -0.3, 0.8)) ==
        std::vector<double>{0x1.378737ec72c36p-1, 0x1.73bb1571675d9p-2, 0x1.014f7036134dep-1, 0x1.615243f544a5bp-2,
                            0x1.e3d1b6c3ef348p-5});
  CHECK(list(random::uniform<float>(g, {5}, -0.3f, 0.8f)) ==
        std::vector<float>{0x1.7b8dbp-5f, 0x1.75cb6p-6f, -0x1.f1bdc8p-3f, -0x1.0575e8p-2f, -0x1.a9bc78p-5f});
  CHECK(list(random::normal<float>(g, {5}, 1.5f, 0.3f)) ==
        std::vector<float>{0x1.bd010ep+0f, 0x1.a6e58p+0f, 0x1.d05e54p+0f, 0x1.4a11fep+0f, 0x1.742344p+0f});
  CHECK(list(random::normal<double>(g, {5})) == std::vector<double>{-0x1.39b7eb3a4c7cbp-1, 0x1.0df07705e21d7p+0,
                                                                    -0x1.ae67faa310ea1p-5, 0x1.c7205fe495f07p-1,
                                                                    -0x1.f357002c63acdp-1});
  CHECK(list(random::normal<double>(g, {4}, 1.5, 0.3)) ==
        std::vector<double>{0x1.65771add5ab25p+0, 0x1.50dd064045f68p+0, 0x1.ae14dcbf0f14ep+0, 0x1.5a6a5ad8c9a16p+0});
  CHECK(list(random::permutation(g, 10)) == std::vector<std::int64_t>{2, 4, 9, 0, 1, 3, 5, 7, 6, 8});
  CHECK(g.position() == 25);
}

TEST_CASE("random: values do not depend on threads, sizes or pieces") {
  constexpr std::int64_t count = 50001;
  generator g(3, 1);
  const auto u = list(random::uniform<float>(g, {count}));
  const auto n = list(random::normal<double>(g, {count}));
  support::for_each_thread_count([&](int) {
    generator again(3, 1);
    CHECK(list(random::uniform<float>(again, {count})) == u);
    CHECK(list(random::normal<double>(again, {count})) == n);
    CHECK(again.position() == g.position());
  });
  generator pieces(3, 1);
  const auto head = list(random::uniform<float>(pieces, {2, 2, 100})), tail = list(random::uniform<float>(pieces, {7}));
  CHECK(std::equal(head.begin(), head.end(), u.begin()));
  CHECK(std::equal(tail.begin(), tail.end(), u.begin() + 400));
  CHECK(random::uniform<float>(pieces, {0}).size() == 0);
  CHECK(pieces.position() == 102);
}

TEST_CASE("random: uniform values stay below the upper bound, where rounding would reach it too") {
  static_assert(random::to_unit(0) == 0 && random::to_unit(~0u) == 1 - 0x1p-24f);
  static_assert(random::to_unit(0, 0) == 0 && random::to_unit(~0u, ~0u) == 1 - 0x1p-53);
  generator top(7);
  top.skip(6647514);  // the third word has its 24 upper bits set
  CHECK(list(random::uniform<float>(top, {3}, 1, 2))[2] == 0x1.fffffep0f);
  generator bottom(7);
  bottom.skip(6107189);  // and here clear
  CHECK(list(random::uniform<float>(bottom, {3}, 1, 2))[2] == 1);
  generator g(1);
  for (const auto& [low, high] :
       {std::pair{0.0f, 1.0f}, {-3.0f, -2.0f}, {1000.0f, 1000.001f}, {5.0f, 5.0f}, {-1e38f, 1e38f}}) {
    const auto x = list(random::uniform<float>(g, {20000}, low, high));
    const auto [least, most] = std::minmax_element(x.begin(), x.end());
    CHECK(*least >= low);
    CHECK((*most < high || low == high));
    CHECK(*most - *least >= 0.99f * (high - low) - 0.0002f);
  }
  constexpr float inf = std::numeric_limits<float>::infinity();
  for (const auto& [low, high] : {std::pair{1.0f, 0.0f}, {-3e38f, 3e38f}, {0.0f, inf}, {std::nanf(""), 1.0f}})
    CHECK_THROWS_AS(random::uniform<float>(g, {2}, low, high), value_error);
  CHECK_THROWS_AS(random::uniform<float>(g, {-1}), shape_error);
}

TEST_CASE("random: uniform and normal values are distributed as they should be") {
  constexpr std::int64_t count = 100000;
  const auto unit = [](double x) { return x; };
  const auto bell = [](double x) { return 0.5 * std::erfc(-x / std::sqrt(2.0)); };
  generator g(2024);
  const auto check = [&]<class T>(T) {
    const tensor<T> u = random::uniform<T>(g, {count}), n = random::normal<T>(g, {count}),
                    scaled = random::normal<T>(g, {count}, T(-3), T(2));
    CHECK(kolmogorov(u, unit) < 1.95);
    CHECK(kolmogorov(n, bell) < 1.95);
    const moments of_u = moments_of(u), of_n = moments_of(n), of_scaled = moments_of(scaled);
    CHECK(std::abs(of_u.mean - 0.5) < 0.004);
    CHECK(std::abs(of_u.variance - 1.0 / 12) < 0.001);
    CHECK(std::abs(of_n.mean) < 0.013);
    CHECK(std::abs(of_n.variance - 1) < 0.018);
    CHECK(std::abs(of_n.skewness) < 0.03);
    CHECK(std::abs(of_n.kurtosis - 3) < 0.06);
    CHECK(std::abs(of_scaled.mean + 3) < 0.026);
    CHECK(std::abs(of_scaled.variance - 4) < 0.072);
  };
  check(float{});
  check(double{});
}

TEST_CASE("random: neighbours, streams and seeds are independent") {
  constexpr std::int64_t count = 50000;
  const auto correlation = [](const std::vector<double>& a, const std::vector<double>& b) {
    double sum = 0;
    for (std::size_t i = 0; i < b.size(); ++i) sum += a[i] * b[i];
    return std::abs(sum) / std::sqrt(static_cast<double>(b.size()));
  };
  const auto draw = [](std::uint64_t seed, std::uint64_t stream) {
    generator g(seed, stream);
    return list(random::normal<double>(g, {count}));
  };
  const auto x = draw(0, 0);
  CHECK(correlation(x, draw(1, 0)) < 4);
  CHECK(correlation(x, draw(0, 1)) < 4);
  CHECK(correlation(x, {x.begin() + 1, x.end()}) < 4);
  CHECK(correlation(x, {x.begin() + 2, x.end()}) < 4);
}

TEST_CASE("random: logarithm, sine and cosine of the normal values are right to a few ulp") {
  double worst_log = 0, worst_turn = 0;
  for (std::uint64_t i = 0; i < 20000; ++i) {
    const double u = random::to_unit(static_cast<std::uint32_t>(support::noise(i)),
                                     static_cast<std::uint32_t>(support::noise(i) >> 32));
    double cosine, sine;
    random::detail::exact_turn(u, cosine, sine);
    worst_log =
        std::max(worst_log, support::ulps(random::detail::exact_log(1 - u), std::log(1 - static_cast<long double>(u))));
    const int quarter = static_cast<int>(std::lround(4 * u));
    const long double within =
        (static_cast<long double>(u) - quarter / 4.0L) * (2 * 3.14159265358979323846264338327950288L);
    const long double c = std::cos(within), s = std::sin(within);
    const long double cosines[] = {c, -s, -c, s, c}, sines[] = {s, c, -s, -c, s};
    worst_turn = std::max({worst_turn, support::ulps(cosine, cosines[quarter]), support::ulps(sine, sines[quarter])});
  }
  CHECK(worst_log < 4);
  CHECK(worst_turn < 4);
  CHECK(random::detail::exact_log(1.0) == 0);
}

TEST_CASE("random: whole numbers below a bound") {
  generator g(11);
  CHECK_THROWS_AS(g.below(0), value_error);
  std::vector<int> counts(7);
  for (int i = 0; i < 70000; ++i) ++counts[g.below(7)];
  CHECK(chi_square(counts) < 22.5);  // 6 degrees of freedom, once in a thousand times
  bool inside = true, one = true;
  const std::uint64_t most = ~std::uint64_t{0};
  std::uint64_t largest = 0;
  for (int i = 0; i < 1000; ++i) {
    one = one && g.below(1) == 0;
    const std::uint64_t x = g.below(most);
    inside = inside && x < most;
    largest = std::max(largest, x);
  }
  CHECK(one);
  CHECK(inside);
  CHECK(largest > most / 100 * 98);
}

TEST_CASE("random: permutations have each number once, and each order as often") {
  generator g(12);
  for (const std::int64_t count : {0, 1, 2, 1000}) {
    auto order = list(random::permutation(g, count));
    std::sort(order.begin(), order.end());
    bool each_once = static_cast<std::int64_t>(order.size()) == count;
    for (std::size_t i = 0; i < order.size(); ++i) each_once = each_once && order[i] == static_cast<std::int64_t>(i);
    CHECK(each_once);
  }
  CHECK_THROWS_AS(random::permutation(g, -1), shape_error);
  std::vector<int> counts(24);
  for (int i = 0; i < 24000; ++i) {
    const auto order = list(random::permutation(g, 4));
    std::size_t rank = 0;  // of the order among the 24
    for (std::size_t j = 0; j < 4; ++j)
      rank = rank * (4 - j) +
             static_cast<std::size_t>(std::count_if(order.begin() + static_cast<std::ptrdiff_t>(j) + 1, order.end(),
                                                    [&](std::int64_t later) { return later < order[j]; }));
    ++counts[rank];
  }
  CHECK(chi_square(counts) < 49.7);  // 23 degrees of freedom, once in a thousand times
}
