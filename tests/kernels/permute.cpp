// Shows: (strided copies)
// Strided copies: every order of axes, broadcasts, slices and types give what a plain loop gives.
#include <inlay/kernels/permute.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <numeric>
#include <vector>

#include "naive/permute.hpp"
#include "support.hpp"

using namespace inlay;

namespace {

template <class T> void check(const shape& sizes, const std::vector<std::int64_t>& steps) {
  std::int64_t extent = 1;
  for (int axis = 0; axis < sizes.rank(); ++axis)
    extent += std::max<std::int64_t>(sizes[axis] - 1, 0) * steps[static_cast<std::size_t>(axis)];
  std::vector<T> in;
  for (std::int64_t i = 0; i < extent; ++i)
    in.push_back(static_cast<T>(support::noise(static_cast<std::uint64_t>(i)) % (sizeof(T) == 1 ? 2 : 1000)));
  const std::vector<T> expected = naive::copy_strided(in.data(), sizes, steps.data());
  support::for_each_isa([&](isa level) {
    support::guarded<T> out(sizes.size());
    dispatch<kernels::copy_strided<T>>(level, in.data(), out.data(), &sizes, steps.data());
    const bool right = std::equal(expected.begin(), expected.end(), out.values().begin(), out.values().end());
    if (!right || !out.intact()) {
      INFO(sizes.text(), " by steps ", shape(std::span<const std::int64_t>(steps)).text());
      CHECK(right);
      CHECK(out.intact());
    }
  });
}

// Steps of a contiguous tensor.
std::vector<std::int64_t> row_major(const std::vector<std::int64_t>& sizes) {
  std::vector<std::int64_t> steps(sizes.size());
  std::int64_t step = 1;
  for (std::size_t i = sizes.size(); i-- > 0; step *= sizes[i]) steps[i] = step;
  return steps;
}

// A contiguous tensor of these sizes with its axes in every order.
template <class T> void check_orders(const std::vector<std::int64_t>& sizes) {
  const auto steps = row_major(sizes);
  std::vector<std::size_t> order(sizes.size());
  std::iota(order.begin(), order.end(), 0u);
  do {
    std::vector<std::int64_t> to, by;
    for (const std::size_t axis : order) {
      to.push_back(sizes[axis]);
      by.push_back(steps[axis]);
    }
    check<T>(shape(std::span<const std::int64_t>(to)), by);
  } while (std::next_permutation(order.begin(), order.end()));
}

template <class T> void check_all() {
  for (const std::int64_t rows : support::edge_sizes)
    for (const std::int64_t columns : {0, 1, 3, 4, 5, 8, 33}) check_orders<T>({rows, columns});
  check_orders<T>({3, 4, 5});
  check_orders<T>({1, 9, 8});
  check_orders<T>({2, 3, 4, 5});
  check_orders<T>({2, 1, 3, 4, 5});
  check<T>({}, {});
  check<T>({7}, {1});
  check<T>({7}, {3});                    // every third element
  check<T>({6}, {0});                    // one value, repeated
  check<T>({4, 6}, {0, 1});              // one row, repeated
  check<T>({4, 6}, {1, 0});              // one column, repeated
  check<T>({9, 13}, {1, 20});            // transposed out of a wider matrix
  check<T>({9, 13}, {40, 2});            // every second column
  check<T>({3, 4, 5}, {0, 1, 0});        // a vector along the middle axis
  check<T>({2, 3, 4, 5}, {0, 5, 0, 1});  // a matrix along two axes
  check<T>({2, 0, 3}, {3, 3, 1});
  check<T>({2, 1, 2, 1, 2, 1, 2, 3}, {1, 0, 2, 0, 4, 0, 8, 16});  // the highest rank, backwards
}

}  // namespace

TEST_CASE("permute: every type") {
  check_all<float>();
  check_all<double>();
  check_all<std::int32_t>();
  check_all<std::int64_t>();
  check_all<std::uint8_t>();
}
