// Shows: scikit-learn's classification report
// classification_report: scikit-learn's text byte for byte (three in full, fifty by checksum), the numbers, the errors.
#include <inlay/metrics/classification_report.hpp>

#include <doctest/doctest.h>

#include <inlay/metrics/confusion_matrix.hpp>

#include "support.hpp"

using namespace inlay;

namespace {

std::uint64_t fnv1a(const std::string& text) {
  std::uint64_t out = 0xcbf29ce484222325;
  for (const char c : text) out = (out ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return out;
}

// The cases of tests/golden/metrics.py.
std::string report_case(std::uint64_t i) {
  const auto r = [i](std::uint64_t k) { return support::noise(i * 100003 + k); };
  const std::uint64_t size = i % 10 == 9 ? 150 : 1 + r(0) % 12, rows = i % 10 == 9 ? 1500 : 1 + r(1) % 80;
  const std::uint64_t present = 1 + r(4) % size;
  tensor<std::int64_t> classes(shape{static_cast<std::int64_t>(rows)}), predicted = classes;
  std::vector<bool> occurs(size);
  for (std::uint64_t j = 0; j < rows; ++j) {
    const std::uint64_t t = r(1000 + 2 * j) % present * size / present, u = r(1001 + 2 * j);
    const std::uint64_t p = i % 7 == 3 ? (t + 1) % size : u % 4 == 0 ? u / 4 % size : t;
    classes(j) = static_cast<std::int64_t>(t);
    predicted(j) = static_cast<std::int64_t>(p);
    occurs[t] = occurs[p] = true;
  }
  metrics::report_options options{.digits = i == 17 ? 13 : static_cast<int>(r(2) % 7),
                                  .zero_division = static_cast<double>(r(3) % 2)};
  for (std::uint64_t c = size; c-- > 0;)
    if ((r(6) % 3 == 0 && r(500 + c) % 2 == 0) || (r(6) % 3 == 1 && occurs[c]))
      options.classes.push_back(static_cast<std::int64_t>(c));
  if (r(6) % 3 == 0 && options.classes.empty()) options.classes = {static_cast<std::int64_t>(size) - 1};
  for (std::uint64_t c = 0; c < size && r(5) % 2 == 1; ++c)
    options.names.push_back((c % 5 == 2 ? "größe" : "class ") + std::string((support::noise(i) + 3 * c) % 12, 'x'));

  metrics::confusion_matrix counts(static_cast<std::int64_t>(size));
  counts.update(predicted, classes);
  return metrics::classification_report(counts.value(), options).text();
}

}  // namespace

TEST_CASE("classification_report: scikit-learn's text") {
  // every class that occurs, and that class 7 was predicted only
  CHECK(report_case(0) ==
        "              precision    recall  f1-score   support\n"
        "\n"
        "           0       0.86      1.00      0.92         6\n"
        "           2       1.00      1.00      1.00         7\n"
        "           4       1.00      1.00      1.00         3\n"
        "           6       1.00      0.40      0.57         5\n"
        "           7       0.00      0.00      0.00         0\n"
        "\n"
        "    accuracy                           0.86        21\n"
        "   macro avg       0.77      0.68      0.70        21\n"
        "weighted avg       0.96      0.86      0.88        21\n");
  // nothing right: scikit-learn then counts in floating point; zero_division = 1
  CHECK(report_case(3) ==
        "              precision    recall  f1-score   support\n"
        "\n"
        "           0      1.000     0.000     0.000      11.0\n"
        "           1      0.000     1.000     0.000       0.0\n"
        "\n"
        "    accuracy                          0.000      11.0\n"
        "   macro avg      0.500     0.500     0.000      11.0\n"
        "weighted avg      1.000     0.000     0.000      11.0\n");
  // some classes, with names and three digits
  CHECK(report_case(34) ==
        "                  precision    recall  f1-score   support\n"
        "\n"
        "       größexxxx      0.000     0.000     0.000         0\n"
        "         class x      1.000     1.000     1.000         9\n"
        "class xxxxxxxxxx      0.000     0.000     0.000         0\n"
        "          größex      0.857     1.000     0.923         6\n"
        "\n"
        "       micro avg      0.750     1.000     0.857        15\n"
        "       macro avg      0.464     0.500     0.481        15\n"
        "    weighted avg      0.943     1.000     0.969        15\n");
}

TEST_CASE("classification_report: scikit-learn's text, by checksum") {
  const std::uint64_t expected[] = {
      0x3398596064a8a3eb, 0x7675534f77d4f802, 0x67ad2f8016b70197, 0xee46fc3d4137f961, 0xd8e487f86e6c7a78,
      0x5d9deb882ec603a5, 0x76b6aab9df1baffe, 0x69f42939d9179e03, 0x57be1c87e6330bf6, 0xc2b08b5b2a0cdb72,
      0x480294aa8c02a3c8, 0x12288cd7e9dd3bfd, 0x701dd2d00c4d7b5e, 0xf659b2b04e0d01b1, 0x2616bb1c66ab41d6,
      0xceb2c330d287d0e3, 0x36e0aa7770b19e71, 0x8d44dbebae981e0c, 0x17b9b3853907b00f, 0x5b429dbd6de49708,
      0x5acd5c9220ffcc14, 0xe724f11e6b927067, 0x8348df6c7481a11d, 0x4fc4a9a9cad622d6, 0xf59dcfbc4173bfc9,
      0x7ca3a4abfe74c288, 0xee3ad5e8114b31a8, 0xafa3cf8f531465a7, 0x0916809a37db9f32, 0x961911852cac52f6,
      0x3ef21a49494e9469, 0x52d74378951631c3, 0xbc8fa4eb95becc6a, 0x58a7eb083a3b6339, 0x9d7e37eb9b624af5,
      0x89ddebf3e0c21fd5, 0xcc5476bf6e55748f, 0x69dc06953de56919, 0x7839af40d08dc3dd, 0xb4f3c3365baf0826,
      0xe0a25f28d13d45ce, 0x1a145da0b677d4fe, 0x6043214a4fc07163, 0x152cc1674723f066, 0x987a50aacd089092,
      0x092f38570b625cf6, 0xd15b1757b9effcb2, 0x94a0d4315b4121a4, 0x26c76cb96fb381de, 0x5946b6e8f0b9e5d7};
  for (std::uint64_t i = 0; i < std::size(expected); ++i) {
    const std::string text = report_case(i);
    INFO("case ", i, "\n", text);
    CHECK(fnv1a(text) == expected[i]);
  }
}

TEST_CASE("classification_report: the numbers") {
  const tensor<std::int64_t> counts = from<std::int64_t>({4, 4}, {3, 1, 0, 0, /**/ 2, 4, 0, 0, /**/ 0, 0, 0, 0, /**/
                                                                  0, 0, 0, 0});
  const metrics::classification_report all(counts);
  CHECK(all.classes() == std::vector<std::int64_t>{0, 1});
  REQUIRE(all.per_class().size() == 2);
  CHECK(all.per_class()[0].precision == 0.6);
  CHECK(all.per_class()[0].recall == 0.75);
  CHECK(all.per_class()[1].f1 == doctest::Approx(8.0 / 11));
  CHECK(all.per_class()[1].support == 6);
  CHECK(all.accuracy() == 0.7);
  CHECK(all.micro().recall == 0.7);
  CHECK(all.macro().precision == doctest::Approx(0.7));
  CHECK(all.weighted().precision == doctest::Approx(0.72));
  CHECK(all.weighted().support == 10);

  const metrics::classification_report some(counts, {.classes = {2, 1}, .zero_division = 1});
  CHECK(some.classes() == std::vector<std::int64_t>{2, 1});
  CHECK(some.per_class()[0].precision == 1);
  CHECK(some.accuracy() == 0.7);
  CHECK(some.micro().precision == 0.8);
  CHECK(some.macro().support == 6);
}

TEST_CASE("classification_report: what does not fit") {
  const auto report = [](const tensor<std::int64_t>& counts, const metrics::report_options& options = {}) {
    return metrics::classification_report(counts, options);
  };
  const tensor<std::int64_t> counts = from<std::int64_t>({2, 2}, {1, 0, 0, 1});
  CHECK_THROWS_WITH_AS(report(tensor<std::int64_t>({2, 3})),
                       "[classification_report] expected counts (V, V), got (2, 3)", shape_error);
  CHECK_THROWS_AS(report(tensor<std::int64_t>(shape{4})), shape_error);
  CHECK_THROWS_AS(report(tensor<std::int64_t>({0, 0})), shape_error);
  CHECK_THROWS_WITH_AS(report(tensor<std::int64_t>({2, 2})),
                       "[classification_report] expected counts of one row or more, got none", value_error);
  CHECK_THROWS_WITH_AS(report(from<std::int64_t>({1, 1}, {-1})),
                       "[classification_report] expected counts of 0 or more, got -1", value_error);
  CHECK_THROWS_WITH_AS(report(counts, {.names = {"a"}}),
                       "[classification_report] expected 2 .names, one per class, got 1", value_error);
  CHECK_THROWS_WITH_AS(report(counts, {.classes = {0, 2}}),
                       "[classification_report] expected different .classes from 0 to 1, got 2", value_error);
  CHECK_THROWS_WITH_AS(report(counts, {.classes = {-1}}),
                       "[classification_report] expected different .classes from 0 to 1, got -1", value_error);
  CHECK_THROWS_WITH_AS(report(counts, {.classes = {1, 1}}),
                       "[classification_report] expected different .classes from 0 to 1, got 1 twice", value_error);
  CHECK_THROWS_WITH_AS(report(counts, {.digits = -1}), "[classification_report] expected .digits of 0 or more, got -1",
                       value_error);
  CHECK_THROWS_WITH_AS(report(counts, {.zero_division = 3}),
                       "[classification_report] expected .zero_division of 0 or 1, got 3", value_error);
}
