// Shows: gather, scatter_add, one_hot
// gather, scatter_add and one_hot against PyTorch and loops: smaller indices, any axis and type, every thread count.
#include <inlay/ops/gather.hpp>

#include <doctest/doctest.h>

#include <inlay/ops/arithmetic.hpp>
#include <inlay/testing/check_gradient.hpp>

#include "naive/waves.hpp"

using namespace inlay;
using support::made_up;
using support::numbers;
using support::variables;

namespace {

tensor<std::int64_t> places(const shape& sizes, std::int64_t below) {
  tensor<std::int64_t> out(sizes);
  for (std::int64_t i = 0; i < out.size(); ++i)
    out.data()[i] =
        static_cast<std::int64_t>(support::noise(static_cast<std::uint64_t>(i)) % static_cast<std::uint64_t>(below));
  return out;
}

template <class T> numbers wide(const tensor<T>& x) { return {x.values().begin(), x.values().end()}; }

}  // namespace

TEST_CASE("gather, scatter_add: PyTorch's values and gradients") {
  const auto tall = from<std::int64_t>({4, 2}, {2, 0, 0, 0, 1, 2, 2, 1}),
             sums = from<std::int64_t>({4, 2}, {2, 0, 0, 0, 1, 2, 2, 0}),
             wide = from<std::int64_t>({2, 4}, {2, 0, 2, 2, 1, 0, 0, 1}),
             flat = from<std::int64_t>({2, 3}, {2, 0, 2, 1, 0, 0});
  naive::check_waves("axis 0", [&](const variables& v) { return gather(v[0], 0, tall); }, {{3, 4}},
                     {-0.6312666378723216, 0.644217687237691, 0, 0.644217687237691, 0.3349881501559051,
                      0.016813900484349713, -0.6312666378723216, -0.35078322768961984},
                     {{0.5155013718214642, 0.27579202623321886, 0, 0, -0.8834546557201531, 0.3190983623493521, 0, 0,
                       0.998543345374605, 0.21511998808781552, 0, 0}});
  naive::check_waves("axis 1", [&](const variables& v) { return gather(v[0], -1, wide); }, {{2, 3}},
                     {0.9854497299884601, 0, 0.9854497299884601, 0.9854497299884601, 0.3349881501559051,
                      0.8632093666488739, 0.8632093666488739, 0.3349881501559051},
                     {{0.963558185417193, 0, -0.17226478736250994, 1.2136633334624205, -0.5643562933708011, 0}});
  naive::check_waves(
      "scatter axis 0", [&](const variables& v) { return scatter_add(v[0], 0, sums, v[1]); }, {{3, 3}, {4, 2}},
      {0.9738476308781953, 1.8717383775833534, 0.9854497299884601, 0.42068892335402186, 0.3349881501559051,
       -0.35078322768961984, -1.6443402599695753, -1.9599827302894295, -0.6312666378723216},
      {{0, 0.963558185417193, 0.5155013718214642, -0.6877661591839741, -0.8834546557201531, 0.21511998808781552,
        0.998543345374605, 0.3190983623493521, -0.8278264690856537},
       {0.998543345374605, 0.963558185417193, 0, 0.963558185417193, -0.6877661591839741, 0.3190983623493521,
        0.998543345374605, 0.963558185417193}});
  naive::check_waves(
      "scatter axis 1", [&](const variables& v) { return scatter_add(v[0], 1, flat, v[1]); }, {{2, 3}, {2, 3}},
      {0.7833269096274833, 0.644217687237691, 1.9592973608666555, -0.5568411943110751, 0.7623680303897353,
       -0.35078322768961984},
      {{0, 0.963558185417193, 0.5155013718214642, -0.6877661591839741, -0.8834546557201531, 0.21511998808781552},
       {0.5155013718214642, 0, 0.5155013718214642, -0.8834546557201531, -0.6877661591839741, -0.6877661591839741}});
}

TEST_CASE("gather, scatter_add: loops, everywhere") {
  for (const std::int64_t n : {1, 7, 8, 9, 15, 16, 17, 33, 300})
    for (const std::int64_t axis : {0, 1, 2}) {
      const shape sizes = shape{6, 5, 70}.with(axis, 4), of_index = shape{3, 5, 64}.with(axis, n),
                  of_source = shape{3, 6, 65}.with(axis, n + 1);
      const auto x = made_up<float>(sizes, 1), source = made_up<float>(of_source, 2);
      const auto index = places(of_index, 4);
      numbers taken, added(wide(x));
      for (std::int64_t i = 0; i < index.size(); ++i) {
        const std::int64_t at[] = {i / of_index[2] / of_index[1], i / of_index[2] % of_index[1], i % of_index[2]};
        std::int64_t from[] = {at[0], at[1], at[2]};
        from[axis] = index.values()[static_cast<std::size_t>(i)];
        taken.push_back(static_cast<double>(x(from[0], from[1], from[2])));
        added[static_cast<std::size_t>((from[0] * sizes[1] + from[1]) * sizes[2] + from[2])] +=
            static_cast<double>(source(at[0], at[1], at[2]));
      }
      support::check_everywhere<float>([&] { return gather(x, axis, index); }, taken, 0);
      support::check_everywhere<float>([&] { return scatter_add(x, axis, index, source); }, added,
                                       20 * support::rounding<float>);
    }
}

TEST_CASE("gather, scatter_add: central differences where indices and source are smaller") {
  const auto index = from<std::int64_t>({2, 2, 3}, {1, 0, 1, 1, 1, 0, 2, 2, 2, 0, 1, 2});
  const auto r = testing::check_gradient(
      [&](const auto& x, const auto& s) {
        return scatter_add(x, 1, index, s) * scatter_add(x, 1, index, gather(x, 1, index) * 2.0);
      },
      made_up<double>({2, 3, 4}, 1), made_up<double>({3, 3, 3}, 2));
  CHECK_MESSAGE(r.ok(), r.text());
}

TEST_CASE("gather, scatter_add: integers, nothing, operands stay as they were") {
  const auto x = from<std::uint8_t>({3}, {7, 8, 9});
  const auto index = from<std::int64_t>({4}, {2, 2, 0, 1});
  CHECK(wide(gather(x, 0, index)) == numbers{9, 9, 7, 8});
  CHECK(wide(scatter_add(x, 0, index, from<std::uint8_t>({4}, {1, 2, 3, 250}))) == numbers{10, 2, 12});
  CHECK(wide(x) == numbers{7, 8, 9});
  const auto own = from<std::int64_t>({3}, {2, 0, 1});
  CHECK(wide(scatter_add(own, 0, own, own)) == numbers{2, 1, 3});  // all three one tensor
  CHECK(gather(tensor<float>({2, 3}), 1, tensor<std::int64_t>({2, 0})).shape() == shape{2, 0});
  CHECK(gather(tensor<float>({2, 0}), 1, tensor<std::int64_t>({0, 5})).shape() == shape{0, 5});
  CHECK(scatter_add(tensor<float>({2, 3}), 0, tensor<std::int64_t>({0, 3}), tensor<float>({0, 3})).size() == 6);
}

TEST_CASE("gather, scatter_add: what is refused") {
  const tensor<float> x({2, 3});
  CHECK_THROWS_WITH_AS(gather(x, 1, tensor<std::int64_t>({3})),
                       "[gather] expected indices with the axes of (2, 3), none longer but axis 1; got (3,)",
                       shape_error);
  CHECK_THROWS_AS(gather(x, 1, tensor<std::int64_t>({3, 1})), shape_error);
  CHECK_THROWS_AS(gather(x, 2, tensor<std::int64_t>({2, 1})), shape_error);
  CHECK_THROWS_AS(gather(tensor<float>(shape{}), 0, tensor<std::int64_t>(shape{})), shape_error);
  CHECK_THROWS_WITH_AS(gather(x, 1, from<std::int64_t>({1, 2}, {0, 3})), "[gather] expected indices from 0 to 2, got 3",
                       value_error);
  CHECK_THROWS_AS(gather(x, 0, from<std::int64_t>({1, 1}, {-1})), value_error);
  CHECK_THROWS_WITH_AS(scatter_add(x, 1, tensor<std::int64_t>({2, 4}), tensor<float>({2, 3})),
                       "[scatter_add] expected a source as long as the indices (2, 4), got (2, 3)", shape_error);
  CHECK_THROWS_AS(scatter_add(x, 1, tensor<std::int64_t>({2, 4}), tensor<float>({1, 4})), shape_error);
  CHECK_THROWS_AS(scatter_add(x, 1, from<std::int64_t>({1, 1}, {5}), x), value_error);
}

TEST_CASE("one_hot") {
  const auto y = one_hot<float>(from<std::int64_t>({2, 1}, {2, 0}), 3);
  CHECK(y.shape() == shape{2, 1, 3});
  CHECK(wide(y) == numbers{0, 0, 1, 1, 0, 0});
  CHECK(one_hot<double>(from<std::int64_t>(shape{}, {1}), 2).shape() == shape{2});
  CHECK(one_hot<float>(tensor<std::int64_t>({0}), 0).shape() == shape{0, 0});
  CHECK_THROWS_WITH_AS(one_hot<float>(from<std::int64_t>({1}, {3}), 3), "[one_hot] expected classes from 0 to 2, got 3",
                       value_error);
  CHECK_THROWS_AS(one_hot<float>(from<std::int64_t>({1}, {-1}), 3), value_error);
  CHECK_THROWS_AS(one_hot<float>(from<std::int64_t>({1}, {0}), -1), shape_error);
}
