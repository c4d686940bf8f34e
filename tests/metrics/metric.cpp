// Shows: (what every metric has)
// The concept that code for any metric asks for, and every metric of the room that meets it.
#include <inlay/metrics/metric.hpp>

#include <doctest/doctest.h>

#include <inlay/metrics.hpp>

using namespace inlay;

namespace {

using classes = tensor<std::int64_t>;

// By scores and classes, in float and in double.
template <class M>
constexpr bool of_scores = metrics::metric<M, tensor<float>, classes>&& metrics::metric<M, tensor<double>, classes>;
template <class M>
constexpr bool of_values =
    metrics::metric<M, tensor<float>, tensor<float>>&& metrics::metric<M, tensor<double>, tensor<double>>;

static_assert(of_scores<metrics::accuracy> && of_scores<metrics::top_k_accuracy>);
static_assert(of_scores<metrics::precision> && of_scores<metrics::recall> && of_scores<metrics::f1_score>);
static_assert(of_scores<metrics::roc_auc> && of_scores<metrics::average_precision>);
static_assert(of_scores<metrics::log_loss> && of_scores<metrics::perplexity>);
static_assert(of_values<metrics::mean_squared_error> && of_values<metrics::mean_absolute_error>);
static_assert(of_values<metrics::r2_score>);

static_assert(metrics::metric<metrics::precision, classes, classes>);
static_assert(!metrics::metric<metrics::precision, tensor<std::int32_t>, classes>);
static_assert(!metrics::metric<metrics::accuracy, tensor<float>, tensor<float>>);
static_assert(!metrics::metric<metrics::r2_score, tensor<float>, tensor<double>>);
static_assert(!metrics::metric<metrics::confusion_matrix, tensor<float>, classes>);  // no number
static_assert(!metrics::metric<metrics::throughput, tensor<float>, classes>);

double value_after(metrics::metric<tensor<float>, classes> auto metric, const tensor<float>& x, const classes& y) {
  metric.update(x, y);
  metric.reset();
  metric.update(x, y);
  return metric.value();
}

}  // namespace

TEST_CASE("metric: code for any of them") {
  const tensor<float> scores = from<float>({3, 2}, {2, 1, 0, 1, 3, 1});
  const classes y = from<std::int64_t>({3}, {0, 1, 1});
  CHECK(value_after(metrics::accuracy(), scores, y) == 2.0 / 3);
  CHECK(value_after(metrics::top_k_accuracy{2}, scores, y) == 1);
  CHECK(value_after(metrics::precision{{.classes = 2}}, scores, y) == 0.75);
  CHECK(value_after(metrics::recall{{.classes = 2}}, scores, y) == 0.75);
  CHECK(value_after(metrics::f1_score{{.classes = 2}}, scores, y) == doctest::Approx(2.0 / 3));
  CHECK(value_after(metrics::roc_auc(), scores, y) == 0.5);
  CHECK(value_after(metrics::average_precision(), scores, y) == doctest::Approx((0.5 + 2.0 / 3) / 2));
}
