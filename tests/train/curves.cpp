// Shows: (curves as SVG)
// The picture of a run: panels, curves with gaps, marks of round numbers, names that are text and no markup.
#include <inlay/train/curves.hpp>

#include <doctest/doctest.h>

#include "tensors.hpp"

using namespace inlay;
using train::detail::curves;
using train::detail::measure_table;

namespace {

std::int64_t count(const std::string& text, std::string_view part) {
  std::int64_t n = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++n;
  return n;
}

}  // namespace

TEST_CASE("curves: one panel for each measure, its validation in it") {
  measure_table t;
  for (int i = 1; i <= 5; ++i)
    t.add({{"epoch", static_cast<double>(i)},
           {"step", 10.0 * i},
           {"loss", 1.0 / i},
           {"val_loss", 1.5 / i},
           {"val_accuracy", 0.5 + 0.1 * i}});
  const std::string svg = curves::svg(t);
  CHECK(count(svg, "<g ") == 2);
  CHECK(count(svg, "<polyline") == 3);
  CHECK(count(svg, ">loss</text>") == 2);  // the title and the legend
  CHECK(count(svg, ">val_loss</text>") == 1);
  CHECK(count(svg, ">accuracy</text>") == 1);
  CHECK(count(svg, ">epoch</text>") == 2);
  for (const char* mark : {">0.5</text>", ">1</text>", ">1.5</text>", ">0.6</text>", ">5</text>"})
    CHECK(count(svg, mark) >= 1);
  CHECK(svg.starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"840\" height=\"260\""));
  CHECK(svg.ends_with("</svg>\n"));
  CHECK(count(svg, "<g ") == count(svg, "</g>"));
}

TEST_CASE("curves: gaps, single points, values that are all the same, nothing at all") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  measure_table t;
  for (const double value : {1.0, 2.0, nan, 3.0, nan, 4.0, 5.0}) t.add({{"loss", value}});
  const std::string gaps = curves::svg(t);
  CHECK(count(gaps, "<polyline") == 2);
  CHECK(count(gaps, "<circle") == 1);

  measure_table same;
  for (int i = 0; i < 3; ++i) same.add({{"loss", 0.25}});
  CHECK(count(curves::svg(same), "<polyline") == 1);
  CHECK(count(curves::svg(same), "nan") == 0);

  measure_table none;
  CHECK(count(curves::svg(none), "<g ") == 0);
  none.add({{"loss", nan}});
  CHECK(count(curves::svg(none), "nan") == 0);
}

TEST_CASE("curves: names are text") {
  measure_table t;
  t.add({{"<a> & \"b\"", 1}});
  CHECK(count(curves::svg(t), ">&lt;a&gt; &amp; &quot;b&quot;</text>") == 1);
}
