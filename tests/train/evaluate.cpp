// Shows: evaluation with any loss and metrics
// Evaluation: means over all rows of what the model predicts, with any loss and metrics.
#include <inlay/train/evaluate.hpp>

#include <inlay/metrics/accuracy.hpp>
#include <inlay/metrics/confusion_matrix.hpp>
#include <inlay/ops/reduce.hpp>

#include <doctest/doctest.h>

#include "train/problem.hpp"

using namespace inlay;
using support::cross_entropy;

namespace {

// The mean of the scores of one class, by counting rows.
struct mean_score {
  void update(const tensor<float>& scores, const tensor<std::int64_t>& classes) {
    CHECK(scores.dim(0) == classes.dim(0));
    sum += inlay::sum(scores).item();
    rows += classes.dim(0);
  }
  float value() const { return sum / static_cast<float>(rows); }
  void reset() { sum = 0, rows = 0; }
  float sum = 0;
  std::int64_t rows = 0;
};

}  // namespace

TEST_CASE("evaluate: the loss and the metrics of all rows, whatever the batches") {
  const support::problem p;
  const auto all = support::points();
  const auto scores = p.net(all.x());
  metrics::accuracy right;
  right.update(scores, all.y());
  for (const std::int64_t batch_size : {1, 8, 37, 100}) {
    INFO("batches of ", batch_size);
    const auto values =
        train::evaluate(p.net, data::loader{all, {.batch_size = batch_size, .shuffle = true}}, cross_entropy,
                        train::named{"accuracy", metrics::accuracy{}}, train::named{"mean", mean_score{}});
    REQUIRE(values.size() == 3);
    CHECK(values[0].name == "loss");
    CHECK(values[0].value == doctest::Approx(loss::cross_entropy(scores, all.y()).item()).epsilon(1e-6));
    CHECK(values[1].name == "accuracy");
    CHECK(values[1].value == right.value());
    CHECK(values[2].name == "mean");
    CHECK(values[2].value == doctest::Approx(inlay::sum(scores).item() / 37).epsilon(1e-4));
  }
}

TEST_CASE("evaluate: a forward pass of the caller's own, and batches of any kind") {
  const support::problem p;
  struct pair_of_inputs {
    tensor<float> left, right;
  };
  const auto all = support::points();
  const std::vector<pair_of_inputs> list{{all.x().slice(0, 10), all.x().slice(10, 20)},
                                         {all.x().slice(0, 30), all.x().slice(0, 30)}};
  const auto distance = [](const auto& net, const auto& world, const auto& batch) {
    const auto between = net(world.input(batch.left)) - net(world.input(batch.right));
    static_assert(std::is_same_v<decltype(between), const tensor<float>>);
    return inlay::mean(between * between);
  };
  const auto values = train::evaluate(p.net, list, distance);
  REQUIRE(values.size() == 1);
  const auto first = p.net(list[0].left) - p.net(list[0].right);
  CHECK(values[0].value == doctest::Approx(inlay::mean(first * first).item() / 2));  // batches without x count alike
}

TEST_CASE("evaluate: a loader without batches") {
  const support::problem p;
  const std::vector<data::batch<float, std::int64_t>> none;
  CHECK_THROWS_WITH_AS(train::evaluate(p.net, none, cross_entropy),
                       "[evaluate] expected a loader with batches, got none", value_error);
}

TEST_CASE("evaluate: draws nothing, drops nothing, and leaves gradients alone") {
  support::problem p;
  const auto once = train::evaluate(p.net, p.loader, cross_entropy);
  for (const member& m : members_of(p.net)) CHECK_FALSE(m.cell->has_gradient());
  p.loader.set_epochs(0);
  const auto again = train::evaluate(p.net, p.loader, cross_entropy);
  CHECK(support::same_bits(once[0].value, again[0].value));
}

TEST_CASE("row_mean: each value by its rows") {
  train::detail::row_mean mean;
  CHECK(support::is_nan(mean.value()));
  mean.add(1, 3);
  mean.add(5, 1);
  CHECK(mean.value() == 2);
  CHECK(mean.rows == 4);
}
