// Shows: tapes (training and inference mode)
// A tape owns the random stream and the mode, and applies queued statistics once: in backward or on request, never
// while it only infers.
#include <inlay/autograd/tape.hpp>

#include <doctest/doctest.h>

#include <inlay/autograd/members.hpp>
#include <inlay/ops/arithmetic.hpp>
#include <inlay/ops/reduce.hpp>

#include "tensors.hpp"

using namespace inlay;
using autograd::mode;
using autograd::tape;
using support::check_close;

namespace {

// Subtracts a running mean, and moves it halfway to the batch's.
struct center {
  buffer<double> mean{tensor<double>(shape{2})};
  auto operator()(const auto& x) const {
    const auto batch = inlay::mean(x, 0);
    if constexpr (requires { batch.tape(); }) mean.queue(x, (mean.value() + batch.value()) * 0.5);
    return x - mean.in(x);
  }
  static void members(auto& self, auto&& visit) { visit("mean", self.mean); }
};

const tensor<double> batch = from<double>({2, 2}, {1, 2, 3, 6});  // means 2 and 4

}  // namespace

TEST_CASE("backward applies queued statistics once") {
  center layer;
  const tape t;
  const auto x = t.leaf(batch);
  const auto y = sum(layer(x));
  check_close(layer.mean.value(), {0, 0});  // forward alone changes nothing
  y.backward({.keep_graph = true});
  check_close(layer.mean.value(), {1, 2});
  y.backward();
  check_close(layer.mean.value(), {1, 2});
}

TEST_CASE("apply_statistics does the same without a backward") {
  center layer;
  tape t;
  (void)layer(t.input(batch));
  (void)layer(t.input(batch));  // queued again before it was applied: the last one counts
  check_close(layer.mean.value(), {0, 0});
  t.apply_statistics();
  check_close(layer.mean.value(), {1, 2});
  t.apply_statistics();
  check_close(layer.mean.value(), {1, 2});
  (void)layer(t.input(batch));
  t.apply_statistics();
  check_close(layer.mean.value(), {1.5, 3});
}

TEST_CASE("inference never changes a model") {
  center layer;
  (void)layer(batch);
  tape t({.mode = mode::infer});
  CHECK(t.mode() == mode::infer);
  const auto x = t.leaf(batch);
  sum(layer(x)).backward();
  t.apply_statistics();
  const variable<double> bare{batch};
  sum(layer(bare)).backward();
  check_close(layer.mean.value(), {0, 0});
  check_close(x.grad(), {1, 1, 1, 1});
}

TEST_CASE("statistics of a layer that is gone, or of a failed backward, do no harm") {
  const tape t;
  center kept;
  {
    center gone;
    (void)gone(t.input(batch));
  }
  const auto y = kept(t.leaf(batch));
  CHECK_THROWS_AS(y.backward(), shape_error);  // not one element
  check_close(kept.mean.value(), {0, 0});
  sum(kept(t.leaf(batch))).backward();
  check_close(kept.mean.value(), {1, 2});
}

TEST_CASE("a statistic of a wrong shape is refused where it is queued") {
  const tape t;
  const auto x = t.leaf(tensor<double>(shape{}, 1.0));
  const buffer<double> two{tensor<double>({2})}, none;
  CHECK_THROWS_WITH_AS(two.queue(x, tensor<double>({3})), "[queue] expected a value of shape (2,), got (3,)",
                       shape_error);
  CHECK_THROWS_AS(none.queue(x, tensor<double>({3})), error);
  (x * x).backward();  // nothing bad was left in the queue
  CHECK(x.grad().item() == 2);
}

TEST_CASE("a tape's random stream follows its seed and can be moved with it") {
  tape a({.seed = 5}), b({.seed = 5}), c({.seed = 6});
  const auto draw = [](tape& t) { return random::uniform<float>(t.random(), {8}); };
  const tensor<float> first = draw(a);
  CHECK(support::same_bits(first, draw(b)));
  CHECK_FALSE(support::same_bits(first, draw(c)));
  tape moved = std::move(a);
  CHECK(support::same_bits(draw(moved), draw(b)));
  CHECK(moved.mode() == mode::train);
}

TEST_CASE("a tape is a module: what its random numbers depend on, whatever the seed") {
  for (const std::uint64_t seed : {std::uint64_t{5}, (std::uint64_t{1} << 63) + 7, ~std::uint64_t{0}}) {
    tape from({.seed = seed}), to({.seed = 1});
    random::uniform<float>(from.random(), {10});
    const std::vector<member> saved = members_of(from), loaded = members_of(to);
    REQUIRE(saved.size() == 3);
    CHECK(saved[0].path == "random.seed");
    CHECK(saved[1].path == "random.stream");
    CHECK(saved[2].path == "random.position");
    for (std::size_t i = 0; i < 3; ++i) *loaded[i].size = *saved[i].size;
    CHECK(to.random().seed() == seed);
    CHECK(support::same_bits(random::uniform<float>(to.random(), {9}), random::uniform<float>(from.random(), {9})));
  }
}

TEST_CASE("input takes any element type, leaf floating ones") {
  const tape t;
  CHECK(t.input(tensor<std::int64_t>({2})).tape());
  CHECK_FALSE(t.input(tensor<float>({2})).requires_grad());
  CHECK(t.leaf(tensor<float>({2})).requires_grad());
}
