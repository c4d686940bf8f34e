// Shows: (the ONNX standard's node tests)
// The node tests of the ONNX standard for SoftmaxCrossEntropyLoss and NegativeLogLikelihoodLoss.
#include <inlay/loss.hpp>

#include <doctest/doctest.h>

#include <cstdint>
#include <optional>
#include <random>
#include <string_view>
#include <vector>

#include "support.hpp"

using namespace inlay;

namespace {

#include "golden/onnx_losses.inc"

template <class T> tensor<T> shaped(const std::vector<std::int64_t>& sizes, const std::vector<T>& values) {
  return from<T>(shape(std::span<const std::int64_t>(sizes)), std::span<const T>(values));
}

reduction reduction_of(std::string_view name) {
  return name == "mean" ? reduction::mean : name == "sum" ? reduction::sum : reduction::none;
}

// The elements that the table has, and the sum of all.
void check(const tensor<float>& got, const onnx_result& expected) {
  std::vector<float> some;
  double sum = 0;
  for (std::size_t i = 0; i < got.values().size(); ++i) {
    if (i % expected.every == 0) some.push_back(got.values()[i]);
    sum += static_cast<double>(got.values()[i]);
  }
  CHECK(support::difference(std::span<const float>(some), expected.values) <= 2e-6);
  CHECK(sum == doctest::Approx(expected.sum).epsilon(1e-6));
}

tensor<float> loss_of(const onnx_loss_case& c, const tensor<float>& x, const tensor<std::int64_t>& target) {
  const std::vector<double> weights(c.weight.begin(), c.weight.end());
  const std::int64_t ignored = c.ignore_index.value_or(-100);
  const reduction how = reduction_of(c.reduction);
  if (c.softmax)
    return loss::cross_entropy(x, target, {.reduction = how, .class_weights = weights, .ignore_index = ignored});
  return loss::nll(x, target, {.reduction = how, .class_weights = weights, .ignore_index = ignored});
}

}  // namespace

TEST_CASE("losses: the node tests of ONNX") {
  int count = 0;
  for (const onnx_loss_case& c : onnx_loss_cases) {
    INFO("case ", std::string(c.name));
    const tensor<float> x = shaped(c.sizes, c.x);
    const tensor<std::int64_t> target = shaped({static_cast<std::int64_t>(c.target.size())}, c.target);
    check(loss_of(c, x, target.reshape(x.shape().without(1))), c.loss);
    if (!c.log_probability.values.empty()) check(log_softmax(x, 1), c.log_probability);
    ++count;
  }
  CHECK(count == 52);
}
