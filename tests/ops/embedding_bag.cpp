// Shows: embedding bags (sum, mean, max)
// Sums, means and maxima of bags of rows against PyTorch; offsets, padding, shares, empty bags; sparse gradients.
#include <inlay/ops/embedding_bag.hpp>

#include <doctest/doctest.h>

#include <inlay/autograd/members.hpp>
#include <inlay/ops/arithmetic.hpp>
#include <inlay/testing/check_gradient.hpp>

#include "naive/waves.hpp"

using namespace inlay;
using support::made_up;
using support::numbers;
using support::variables;

namespace {

const tensor<std::int64_t> square = from<std::int64_t>({2, 3}, {2, 0, 2, 1, 3, 3}),
                           ragged = from<std::int64_t>({7}, {2, 0, 2, 1, 3, 3, 2}),
                           offsets = from<std::int64_t>({4}, {0, 3, 3, 6});  // the second bag is empty

constexpr bag_mode all_modes[] = {bag_mode::sum, bag_mode::mean, bag_mode::max};

auto bags(bag_mode mode) {
  return [mode](const variables& v) { return embedding_bag(square, v[0], {mode}); };
}
auto padded(bag_mode mode) {
  return [mode](const variables& v) { return embedding_bag(ragged, offsets, v[0], {mode, 3}); };
}

}  // namespace

TEST_CASE("embedding_bag: PyTorch's values and gradients") {
  naive::check_waves("sum", bags(bag_mode::sum), {{4, 2}},
                     {0.6699763003118102, -0.057348768141548656, -0.7577018148387153, -1.1016958585997911},
                     {{0, 0.963558185417193, 0.5155013718214642, -0.6877661591839741, 0, 1.927116370834386,
                       1.0310027436429283, -1.3755323183679482}});
  naive::check_waves("mean", bags(bag_mode::mean), {{4, 2}},
                     {0.22332543343727007, -0.019116256047182884, -0.2525672716129051, -0.36723195286659704},
                     {{0, 0.32118606180573095, 0.1718337906071547, -0.22925538639465803, 0, 0.6423721236114619,
                       0.3436675812143094, -0.45851077278931607}});
  naive::check_waves("max", bags(bag_mode::max), {{4, 2}},
                     {0.3349881501559051, 0.644217687237691, 0.9854497299884601, 0.8632093666488739},
                     {{0, 0.963558185417193, 0.5155013718214642, -0.6877661591839741, 0, 0, 0, 0}});
  naive::check_waves(
      "sum, offsets", padded(bag_mode::sum), {{4, 2}},
      {0.6699763003118102, -0.057348768141548656, 0, 0, 0.9854497299884601, 0.8632093666488739, 0.3349881501559051,
       -0.35078322768961984},
      {{0, 0.963558185417193, -0.8834546557201531, 0.21511998808781552, 0.998543345374605, 2.246214733183738, 0, 0}});
  naive::check_waves("mean, offsets", padded(bag_mode::mean), {{4, 2}},
                     {0.22332543343727007, -0.019116256047182884, 0, 0, 0.9854497299884601, 0.8632093666488739,
                      0.3349881501559051, -0.35078322768961984},
                     {{0, 0.32118606180573095, -0.8834546557201531, 0.21511998808781552, 0.998543345374605,
                       0.9614704859608141, 0, 0}});
  naive::check_waves(
      "max, offsets", padded(bag_mode::max), {{4, 2}},
      {0.3349881501559051, 0.644217687237691, 0, 0, 0.9854497299884601, 0.8632093666488739, 0.3349881501559051,
       -0.35078322768961984},
      {{0, 0.963558185417193, -0.8834546557201531, 0.21511998808781552, 0.998543345374605, 0.3190983623493521, 0, 0}});
  naive::check_waves("shares",
                     [](const variables& v) {
                       return weighted_embedding_bag(square, v[0], v[1], {bag_mode::sum, 3});
                     },
                     {{4, 2}, {2, 3}},
                     {0.3262274164015973, 0.1630236348339223, 0.42116138757892835, 0.36891831573511613},
                     {{0, 0.7547810556291153, 0.2203149145494325, -0.2939374187409282, 0, 0.9383588560818261, 0, 0},
                      {-0.3380000503473961, 0.6207412257284103, -0.3380000503473961, -0.08568550300158428, 0, 0}});
}

TEST_CASE("embedding_bag: loops, everywhere; gradients have the rows that were read") {
  for (const std::int64_t features : {1, 7, 8, 9, 15, 16, 17, 33}) {
    const auto w = made_up<float>({50, features}, 1);
    tensor<std::int32_t> at(shape{300, 5});
    for (std::int64_t i = 0; i < at.size(); ++i)
      at.data()[i] = static_cast<std::int32_t>(support::noise(static_cast<std::uint64_t>(i)) % 20);
    const auto dy = made_up<float>({300, features}, 2);
    numbers sums(static_cast<std::size_t>(300 * features)), maxima(sums.size(), -HUGE_VAL),
        dw(static_cast<std::size_t>(50 * features));
    for (std::int64_t i = 0; i < at.size(); ++i)
      for (std::int64_t j = 0; j < features; ++j) {
        const std::int64_t row = at.values()[static_cast<std::size_t>(i)];
        const auto place = static_cast<std::size_t>(i / 5 * features + j);
        sums[place] += static_cast<double>(w(row, j)) / 5;
        maxima[place] = std::max(maxima[place], static_cast<double>(w(row, j)));
        dw[static_cast<std::size_t>(row * features + j)] += static_cast<double>(dy(i / 5, j)) / 5;
      }
    support::check_everywhere<float>([&] { return embedding_bag(at, w); }, sums, support::rounding<float>);
    support::check_everywhere<float>([&] { return embedding_bag(at, w, {.mode = bag_mode::max}); }, maxima, 0);
    support::check_everywhere<float>(
        [&] {
          parameter<float> weight(w);
          const autograd::tape tape;
          embedding_bag(tape.input(at), weight).backward(dy);
          REQUIRE(weight.grad().representation() != nullptr);
          CHECK(weight.grad().representation()->rows()->indices.size() == 20);
          return weight.grad();
        },
        dw, 20 * support::rounding<float>);
  }
}

TEST_CASE("embedding_bag: central differences") {
  for (const bag_mode mode : all_modes) {
    const auto r = testing::check_gradient(
        [&](const auto& w) { return embedding_bag(ragged, offsets, w * w, {mode}) + 1.0; }, made_up<double>({4, 3}, 1));
    CHECK_MESSAGE(r.ok(), r.text());
  }
  const auto shared =
      testing::check_gradient([](const auto& w, const auto& s) { return weighted_embedding_bag(square, w, s); },
                              made_up<double>({4, 3}, 1), made_up<double>({2, 3}, 2));
  CHECK_MESSAGE(shared.ok(), shared.text());
}

TEST_CASE("embedding_bag: nothing at all, bags of nothing, all padding") {
  const tensor<double> w({4, 2}, 3.0);
  for (const bag_mode mode : all_modes) {
    support::check_close(embedding_bag(tensor<std::int64_t>({2, 0}), w, {mode}), {0, 0, 0, 0});
    support::check_close(embedding_bag(from<std::int64_t>({1, 2}, {1, 1}), w, {mode, 1}), {0, 0});
    CHECK(embedding_bag(tensor<std::int64_t>({0, 3}), w, {mode}).shape() == shape{0, 2});
    CHECK(embedding_bag(tensor<std::int64_t>(), tensor<std::int64_t>(), w, {mode}).shape() == shape{0, 2});
    support::check_close(embedding_bag(tensor<std::int64_t>(), from<std::int64_t>({2}, {0, 0}), w, {mode}),
                         {0, 0, 0, 0});
    const autograd::tape tape;
    const auto v = tape.leaf(w);
    embedding_bag(from<std::int64_t>({1, 2}, {1, 1}), v, {mode, 1}).backward(ones<double>({1, 2}));
    support::check_close(v.grad(), numbers(8, 0.0));
  }
}

TEST_CASE("embedding_bag: what is refused") {
  const tensor<float> w({4, 2});
  CHECK_THROWS_WITH_AS(embedding_bag(square, tensor<float>({4})), "[embedding_bag] expected a weight (V, D), got (4,)",
                       shape_error);
  CHECK_THROWS_WITH_AS(embedding_bag(ragged, w),
                       "[embedding_bag] expected indices (N, L), or (n,) with offsets (B,), got (7,) with offsets (0,)",
                       shape_error);
  CHECK_THROWS_AS(embedding_bag(square, offsets, w), shape_error);
  CHECK_THROWS_AS(embedding_bag(ragged, offsets.reshape({2, 2}), w), shape_error);
  CHECK_THROWS_AS(embedding_bag(tensor<std::int64_t>(shape{}), w), shape_error);
  CHECK_THROWS_WITH_AS(embedding_bag(ragged, from<std::int64_t>({2}, {0, 8}), w),
                       "[embedding_bag] expected offsets from 0 on that do not fall, up to 7, got 8 at 1", value_error);
  CHECK_THROWS_AS(embedding_bag(ragged, from<std::int64_t>({2}, {1, 2}), w), value_error);
  CHECK_THROWS_AS(embedding_bag(ragged, from<std::int64_t>({3}, {0, 3, 2}), w), value_error);
  CHECK_THROWS_WITH_AS(embedding_bag(from<std::int64_t>({1, 1}, {4}), w),
                       "[embedding_bag] expected indices from 0 to 3, got 4", value_error);
  CHECK_THROWS_AS(embedding_bag(from<std::int32_t>({1, 1}, {-1}), w), value_error);
  CHECK_THROWS_WITH_AS(weighted_embedding_bag(square, w, tensor<float>({2, 3}), {bag_mode::mean}),
                       "[embedding_bag] expected weights of the indices for sums only, of shape (2, 3), got (2, 3)",
                       shape_error);
  CHECK_THROWS_AS(weighted_embedding_bag(square, w, tensor<float>({3, 2})), shape_error);
}
