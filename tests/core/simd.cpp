// Shows: (registers of every level)
// Every operation on registers does what the scalar does in each lane, at every level; partial loads and stores touch
// nothing else; reductions of lanes have their order.
#include <inlay/core/simd.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "support.hpp"

using namespace inlay;

namespace {

constexpr int most_lanes = 64 / 4;

// What each operation gave, and what a scalar gives. Rows are operations, columns lanes.
enum operation {
  plus,
  minus,
  times,
  over,
  negative,
  plus_assign,
  larger,
  smaller,
  chosen,
  broadcast,
  nothing,
  multiplied_added,
  bit_copy,
  absolute,
  anded,
  ored,
  xored,
  inverted,
  shifted_left,
  shifted_right,
  operations
};
enum comparison { less, greater, less_equal, greater_equal, equal, not_equal, comparisons };

template <class T> using int_of = detail::int_of_size<sizeof(T)>;

template <class T> struct results {
  T values[operations][most_lanes] = {};
  int_of<T> masks[comparisons][most_lanes] = {};
};

template <class T> struct all_operations {
  template <isa Level> INLAY_INLINE static void run(const T* a, const T* b, const T* c, results<T>* out) noexcept {
    using V = simd<T, Level>;
    const V x = V::load(a), y = V::load(b), z = V::load(c);
    (x + y).store(out->values[plus]);
    (x - y).store(out->values[minus]);
    (x * y).store(out->values[times]);
    (x / y).store(out->values[over]);
    (-x).store(out->values[negative]);
    V sum = x;
    sum += y;
    sum.store(out->values[plus_assign]);
    max(x, y).store(out->values[larger]);
    min(x, y).store(out->values[smaller]);
    select(x < y, z, x).store(out->values[chosen]);
    V(a[1]).store(out->values[broadcast]);
    V::zero().store(out->values[nothing]);
    multiply_add(x, y, z).store(out->values[multiplied_added]);
    V::from_bits(x.bits()).store(out->values[bit_copy]);
    if constexpr (std::is_floating_point_v<T>) {
      abs(x).store(out->values[absolute]);
    } else {
      (x & y).store(out->values[anded]);
      (x | y).store(out->values[ored]);
      (x ^ y).store(out->values[xored]);
      (~x).store(out->values[inverted]);
      (x << 3).store(out->values[shifted_left]);
      (x >> 3).store(out->values[shifted_right]);
    }
    (x < y).store(out->masks[less]);
    (x > y).store(out->masks[greater]);
    (x <= y).store(out->masks[less_equal]);
    (x >= y).store(out->masks[greater_equal]);
    (x == y).store(out->masks[equal]);
    (x != y).store(out->masks[not_equal]);
  }
};

template <class T> results<T> expected(const T* a, const T* b, const T* c, int lanes) {
  results<T> out;
  for (int i = 0; i < lanes; ++i) {
    const T x = a[i], y = b[i], z = c[i];
    const auto put = [&](operation o, auto value) { out.values[o][i] = static_cast<T>(value); };
    put(plus, x + y);
    put(minus, x - y);
    put(times, x * y);
    put(over, x / y);
    put(negative, -x);
    put(plus_assign, x + y);
    put(larger, x > y ? x : y);
    put(smaller, x < y ? x : y);
    put(chosen, x < y ? z : x);
    put(broadcast, a[1]);
    put(multiplied_added, x * y + z);
    put(bit_copy, x);
    if constexpr (std::is_floating_point_v<T>) {
      put(absolute, std::abs(x));
    } else {
      put(anded, x & y);
      put(ored, x | y);
      put(xored, x ^ y);
      put(inverted, ~x);
      put(shifted_left, x * 8);
      put(shifted_right, x >> 3);
    }
    const bool compared[] = {x<y, x> y, x <= y, x >= y, x == y, x != y};
    for (int k = 0; k < comparisons; ++k) out.masks[k][i] = compared[k] ? int_of<T>{-1} : int_of<T>{0};
  }
  return out;
}

template <class T> int lanes_of(isa level) { return register_bytes(level) / static_cast<int>(sizeof(T)); }

// Bits equal, but the sign of a NaN is nobody's; a product may have been rounded before it was added, or not.
template <class T> bool agree(int o, T got, T want, T x, T y, T z) {
  if constexpr (std::is_floating_point_v<T>) {
    if (support::is_nan(got) && support::is_nan(want)) return true;
    if (std::fpclassify(want) == FP_SUBNORMAL) return got == 0 || support::same_bits(got, want);  // flushed
    if (o == multiplied_added && support::same_bits(got, std::fma(x, y, z))) return true;
  }
  (void)o, (void)x, (void)y, (void)z;
  return support::same_bits(got, want);
}

template <class T> void check_operations(std::vector<T> a, std::vector<T> b, std::vector<T> c) {
  support::for_each_isa([&](isa level) {
    const int lanes = lanes_of<T>(level);
    for (std::size_t start = 0; start + most_lanes <= a.size(); start += most_lanes) {
      results<T> got;
      std::fill_n(got.values[nothing], most_lanes, T{7});
      const T *x = a.data() + start, *y = b.data() + start, *z = c.data() + start;
      dispatch<all_operations<T>>(level, x, y, z, &got);
      const results<T> want = expected(x, y, z, lanes);
      for (int o = 0; o < operations; ++o)
        for (int i = 0; i < lanes; ++i) {
          INFO("operation ", o, " on ", x[i], ", ", y[i], ", ", z[i]);
          if (!agree(o, got.values[o][i], want.values[o][i], x[i], y[i], z[i]))
            CHECK(got.values[o][i] == want.values[o][i]);
        }
      CHECK(std::memcmp(got.masks, want.masks, sizeof(got.masks)) == 0);
    }
  });
}

template <class T> struct copy_first {
  template <isa Level>
  INLAY_INLINE static void run(const T* from, std::int64_t count, T* to, T* lanes, T* up_to) noexcept {
    using V = simd<T, Level>;
    const V some = V::load_first(from, count);
    some.store(lanes);
    some.store_first(to, count);
    V::load_up_to(from, count).store_up_to(up_to, count);
  }
};

template <class T> void check_partial() {
  support::for_each_isa([](isa level) {
    const int lanes = lanes_of<T>(level);
    for (int count = 0; count <= lanes; ++count) {
      INFO("count ", count);
      const auto values = support::noise_values<T>(count, 3, 1, 100);
      const std::vector<T> exact(values);  // its end is the end of its memory
      support::guarded<T> to(count), up_to(count), all(lanes);
      dispatch<copy_first<T>>(level, exact.data(), std::int64_t{count}, to.data(), all.data(), up_to.data());
      CHECK(support::same_bits(to.values(), std::span<const T>(values)));
      CHECK(support::same_bits(up_to.values(), std::span<const T>(values)));
      CHECK(to.intact());
      CHECK(up_to.intact());
      CHECK(all.intact());
      bool rest_is_zero = true;
      for (int i = count; i < lanes; ++i) rest_is_zero = rest_is_zero && all[i] == T{0};
      CHECK(rest_is_zero);
    }
  });
}

template <class T> struct over_lanes {
  template <isa Level> INLAY_INLINE static void run(const T* x, T* sum, T* most) noexcept {
    *sum = sum_lanes(simd<T, Level>::load(x));
    *most = max_lanes(simd<T, Level>::load(x));
  }
};

// Pairs a half apart first.
template <class T> T tree_sum(std::vector<T> x) {
  while (x.size() > 1) {
    const std::size_t half = x.size() / 2;
    for (std::size_t i = 0; i < half; ++i) x[i] += x[i + half];
    x.resize(half);
  }
  return x[0];
}

template <class T> void check_lanes() {
  support::for_each_isa([](isa level) {
    const int lanes = lanes_of<T>(level);
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
      auto x = support::noise_values<T>(lanes, seed, -1000, 1000);
      T sum = 0, most = 0;
      dispatch<over_lanes<T>>(level, x.data(), &sum, &most);
      CHECK(support::same_bits(sum, tree_sum(x)));
      CHECK(most == *std::max_element(x.begin(), x.end()));
      if constexpr (std::is_floating_point_v<T>) {
        x[seed % x.size()] = std::numeric_limits<T>::quiet_NaN();
        dispatch<over_lanes<T>>(level, x.data(), &sum, &most);
        CHECK(support::is_nan(sum));
        CHECK(support::is_nan(most));
      }
    }
  });
}

}  // namespace

TEST_CASE("simd: register sizes") {
  CHECK(simd<float, isa::plain>::size == 4);
  CHECK(simd<float, isa::avx2>::size == 8);
  CHECK(simd<double, isa::avx512>::size == 8);
  CHECK(simd<std::int8_t, isa::avx512>::size == 64);
  static_assert(std::is_same_v<simd<double, isa::avx2>::integer, simd<std::int64_t, isa::avx2>>);
}

TEST_CASE_TEMPLATE("simd: floating-point operations, NaN and infinities among them", T, float, double) {
  using limits = std::numeric_limits<T>;
  const T special[] = {0,
                       -T{0},
                       1,
                       -1,
                       T(0.1),
                       limits::infinity(),
                       -limits::infinity(),
                       limits::quiet_NaN(),
                       limits::max(),
                       limits::min(),
                       T(1e10)};
  std::vector<T> a, b, c;
  for (const T x : special)
    for (const T y : special) {
      a.push_back(x);
      b.push_back(y);
      c.push_back(T(3));
    }
  const auto more_a = support::noise_values<T>(263, 1, -10, 10), more_b = support::noise_values<T>(263, 2, -10, 10),
             more_c = support::noise_values<T>(263, 3, -10, 10);
  a.insert(a.end(), more_a.begin(), more_a.end());
  b.insert(b.end(), more_b.begin(), more_b.end());
  c.insert(c.end(), more_c.begin(), more_c.end());
  check_operations(a, b, c);
}

TEST_CASE_TEMPLATE("simd: integer operations", T, std::int32_t, std::int64_t) {
  check_operations(support::noise_values<T>(256, 4, -20000, 20000), support::noise_values<T>(256, 5, 1, 3000),
                   support::noise_values<T>(256, 6, -9000, 9000));
  check_operations(support::noise_values<T>(256, 7, -3, 3), std::vector<T>(256, T{1}), std::vector<T>(256, T{5}));
}

TEST_CASE("simd: the first lanes only, and no byte beyond") {
  check_partial<float>();
  check_partial<double>();
  check_partial<std::int32_t>();
  check_partial<std::int64_t>();
  check_partial<std::int8_t>();
}

TEST_CASE("simd: sums of lanes have the order of a tree, maxima see NaN") {
  check_lanes<float>();
  check_lanes<double>();
  check_lanes<std::int32_t>();
}

namespace {

// out = x + 1, and in `seen` the smallest of each register with its padding.
template <class T> struct along {
  template <isa Level>
  INLAY_INLINE static void run(std::int64_t count, T fill, const T* x, T* out, std::int64_t* calls,
                               T* smallest) noexcept {
    using V = simd<T, Level>;
    V least(std::numeric_limits<T>::max());
    const auto body = [&](const T* from, T* to) __attribute__((always_inline)) {
      const V v = V::load(from);
      least = min(least, v);
      (v + V(T{1})).store(to);
      ++*calls;
    };
    each_register<V>(count, fill, body, x, out);
    *smallest = -max_lanes(-least);
  }
};

}  // namespace

TEST_CASE_TEMPLATE("simd: along arrays of every size, the last register is padded", T, float, double) {
  for (const std::int64_t count : support::edge_sizes)
    for (const T fill : {T{0}, T{-100}})
      support::for_each_isa([&](isa level) {
        const auto x = support::noise_values<T>(count, 1, 2, 3);
        support::guarded<T> in{std::span<const T>(x)}, out(count);
        std::int64_t calls = 0;
        T smallest = 0;
        dispatch<along<T>>(level, count, fill, static_cast<const T*>(in.data()), out.data(), &calls, &smallest);
        bool right = in.intact() && out.intact();
        for (std::size_t i = 0; i < x.size(); ++i) right = right && out.values()[i] == x[i] + T{1};
        CHECK(right);
        const std::int64_t lanes = register_bytes(level) / static_cast<int>(sizeof(T));
        CHECK(calls == (count + lanes - 1) / lanes);
        if (count % lanes != 0) CHECK(smallest == fill);
        if (count > 0 && count % lanes == 0) CHECK(smallest >= 2);
      });
}

namespace {

template <class T> struct masked {
  template <isa Level> INLAY_INLINE static void run(const T* a, const T* b, bool* mask, T* out) noexcept {
    using V = simd<T, Level>;
    const V x = V::load(a), y = V::load(b);
    V::store_mask(x < y, mask);
    select(V::load_mask(mask), x, y).store(out);
  }
};

}  // namespace

TEST_CASE_TEMPLATE("simd: masks as bytes, and back", T, float, double, std::uint8_t, std::int64_t) {
  support::for_each_isa([](isa level) {
    const int lanes = register_bytes(level) / static_cast<int>(sizeof(T));
    const auto a = support::noise_values<T>(lanes, 1, 0, 200), b = support::noise_values<T>(lanes, 2, 0, 200);
    support::guarded<std::uint8_t> mask(lanes);
    support::guarded<T> out(lanes);
    dispatch<masked<T>>(level, a.data(), b.data(), reinterpret_cast<bool*>(mask.data()), out.data());
    bool right = mask.intact() && out.intact();
    for (std::size_t i = 0; i < a.size(); ++i)
      right = right && mask.values()[i] == (a[i] < b[i]) && out.values()[i] == std::min(a[i], b[i]);
    CHECK(right);
  });
}
