// Shows: (scores of classes and their averages)
// Precision, recall and F1 of classes and their averages: by hand, nothing divided by nothing, sums in NumPy's order.
#include <inlay/metrics/class_scores.hpp>

#include <doctest/doctest.h>

#include "support.hpp"

using namespace inlay;
using metrics::average;

namespace {

void check(const metrics::class_scores& got, double precision, double recall, double f1, std::int64_t support) {
  CHECK(got.precision == doctest::Approx(precision).epsilon(1e-15));
  CHECK(got.recall == doctest::Approx(recall).epsilon(1e-15));
  CHECK(got.f1 == doctest::Approx(f1).epsilon(1e-15));
  CHECK(got.support == support);
}

}  // namespace

TEST_CASE("class_scores: counts of classes, their scores, their averages") {
  const auto counts = metrics::detail::counts_of_classes(from<std::int64_t>({3, 3}, {3, 1, 0, 2, 4, 0, 0, 0, 0}));
  REQUIRE(counts.size() == 3);
  CHECK(counts[0].right == 3);
  CHECK(counts[0].predicted == 5);
  CHECK(counts[0].support == 4);
  CHECK(counts[0].occurs());
  CHECK(counts[1].support == 6);
  CHECK(!counts[2].occurs());
  check(metrics::detail::scores_of(counts[0], 0), 0.6, 0.75, 2.0 / 3, 4);
  check(metrics::detail::scores_of(counts[1], 0), 0.8, 2.0 / 3, 8.0 / 11, 6);
  check(metrics::detail::averaged(counts, average::micro, 0), 0.7, 0.7, 0.7, 10);
  check(metrics::detail::averaged(counts, average::macro, 0), 1.4 / 3, (0.75 + 2.0 / 3) / 3, (2.0 / 3 + 8.0 / 11) / 3,
        10);
  check(metrics::detail::averaged(counts, average::weighted, 0), 0.72, 0.7, (8.0 / 3 + 48.0 / 11) / 10, 10);
}

TEST_CASE("class_scores: nothing divided by nothing") {
  using metrics::detail::averaged;
  for (const double z : {0.0, 1.0}) {
    check(metrics::detail::scores_of({0, 0, 0}, z), z, z, z, 0);
    check(metrics::detail::scores_of({0, 0, 5}, z), z, 0, 0, 5);
    check(metrics::detail::scores_of({0, 5, 0}, z), 0, z, 0, 0);
    // precision_recall_fscore_support(…, average="weighted") for labels without rows
    check(averaged({{0, 0, 0}, {0, 0, 0}}, average::weighted, z), z, z, z, 0);
    check(averaged({{0, 0, 0}, {0, 2, 0}}, average::weighted, z), 0, z, 0, 0);
    CHECK(metrics::detail::checked_zero_division("f", z) == z);
  }
  CHECK_THROWS_WITH_AS(metrics::detail::checked_zero_division("f", 0.5),
                       "[f] expected .zero_division of 0 or 1, got 0.5", value_error);
}

TEST_CASE("class_scores: sums in NumPy's order") {
  // noise_values(n, 11).sum() in NumPy 1.24; adding from left to right gives other last digits for half of them.
  const struct {
    std::int64_t count;
    double expected;
  } table[] = {{1, 0.33114370007892724},   {7, -0.08440970403068015}, {8, -0.8886594487185551},
               {9, -1.8320685909313934},   {31, 0.10302233471096356}, {128, -3.289232095679094},
               {129, -4.187377114379439},  {150, -7.512819966587377}, {300, -8.788694907587402},
               {1000, -21.620725364843054}};
  for (const auto& row : table) {
    INFO(row.count, " numbers");
    CHECK(metrics::detail::numpy_sum(support::noise_values<double>(row.count, 11)) == row.expected);
  }
  CHECK(metrics::detail::numpy_sum({}) == 0);
}
