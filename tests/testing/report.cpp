// Shows: (what a check found)
// A report is fine until one finding is not, and tells all of them.
#include <inlay/testing/report.hpp>

#include <doctest/doctest.h>

using inlay::testing::report;

TEST_CASE("a report keeps every finding, and the details of those that failed") {
  report r;
  CHECK(r.ok());
  r.add(true, "first", "not shown");
  CHECK(r.ok());
  CHECK(r.text() == "ok    first\n");
  report bad;
  bad.add(false, "second", "1 instead of 2");
  bad.add(true, "third");
  r.add(bad);
  CHECK_FALSE(r.ok());
  CHECK(r.text() == "ok    first\nFAIL  second: 1 instead of 2\nok    third\n");
  r.add(report());
  CHECK_FALSE(r.ok());
}
