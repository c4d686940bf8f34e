// Shows: (words and tables in a checkpoint)
// Words and tables in a checkpoint: what was put in comes out; a table that something else has written is refused.
#include <inlay/train/kept.hpp>

#include <inlay/io/save.hpp>

#include <doctest/doctest.h>

#include "files.hpp"
#include "support.hpp"

using namespace inlay;
using train::detail::kept_table;
using train::detail::kept_text;
using train::detail::measure_table;

namespace {

constexpr double no_number = std::numeric_limits<double>::quiet_NaN();
using names = std::vector<std::string>;

bool same_rows(const std::vector<std::vector<double>>& a, const std::vector<std::vector<double>>& b) {
  bool same = a.size() == b.size();
  for (std::size_t i = 0; same && i < a.size(); ++i)
    same = support::same_bits(std::span<const double>(a[i]), std::span<const double>(b[i]));
  return same;
}

measure_table through_file(const measure_table& table) {
  const support::temporary_folder folder;
  kept_table from, to;
  from.set(table);
  io::save(from, folder / "table");
  io::load(to, folder / "table");
  return to.get();
}

// What get() says of two tensors in a file.
measure_table from_file(std::string_view text, const any_tensor& cells) {
  const support::temporary_folder folder;
  tensor<std::uint8_t> bytes(shape{static_cast<std::int64_t>(text.size())});
  bytes.write([&](std::span<std::uint8_t> to) { std::copy(text.begin(), text.end(), to.begin()); });
  io::save_tensors({{{"names.text", bytes}, {"cells", cells}}, {}}, folder / "table");
  kept_table out;
  io::load(out, folder / "table");
  return out.get();
}

}  // namespace

TEST_CASE("kept: a text of any length") {
  const support::temporary_folder folder;
  for (const std::string& text :
       {std::string(), std::string("why"), std::string("ä\0\n\xFF", 5), std::string(3000, 'x')}) {
    kept_text from, to;
    CHECK(from.get().empty());
    from.set("something longer or shorter before");
    from.set(text);
    CHECK(from.get() == text);
    io::save(from, folder / "text");
    io::load(to, folder / "text");
    CHECK(to.get() == text);
  }
}

TEST_CASE("kept: a table takes new columns as they come; what was not measured is NaN") {
  measure_table table;
  table.add({{"loss", 3}});
  table.add({{"loss", 2}, {"accuracy", 0.5}});
  table.add({{"accuracy", 0.75}, {"rate", 1e-300}});
  table.add({});
  CHECK(table.names == names{"loss", "accuracy", "rate"});
  CHECK(same_rows(
      table.rows,
      {{3, no_number, no_number}, {2, 0.5, no_number}, {no_number, 0.75, 1e-300}, {no_number, no_number, no_number}}));
  CHECK(table.column("accuracy") == 1);
  CHECK(table.column("new") == 3);
  for (const auto& row : table.rows) CHECK(row.size() == 4);

  const measure_table again = through_file(table);
  CHECK(again.names == table.names);
  CHECK(same_rows(again.rows, table.rows));
}

TEST_CASE("kept: tables without columns or rows") {
  CHECK(through_file({}).names.empty());
  CHECK(through_file({}).rows.empty());
  CHECK(through_file({{"loss"}, {}}).names == names{"loss"});
  measure_table nothing;
  nothing.add({});
  CHECK(through_file(nothing).rows.empty());
}

TEST_CASE("kept: a table whose parts do not fit each other") {
  const tensor<double> cells({2, 2}, 1.0);
  CHECK(from_file("loss\naccuracy\n", cells).names == names{"loss", "accuracy"});
  CHECK(from_file("loss\naccuracy", cells).names == names{"loss", "accuracy"});
  CHECK(from_file("\n\n", cells).names == names{"", ""});
  CHECK_THROWS_WITH_AS(from_file("loss\n", cells), "[fit] expected a table of 1 columns in the checkpoint, got (2, 2)",
                       io_error);
  CHECK_THROWS_WITH_AS(from_file("", cells), "[fit] expected a table of 0 columns in the checkpoint, got (2, 2)",
                       io_error);
  CHECK_THROWS_WITH_AS(from_file("a\nb\nc\nd\n", tensor<double>({4})),
                       "[fit] expected a table of 4 columns in the checkpoint, got (4,)", io_error);
  CHECK_THROWS_AS(from_file("a\n", tensor<double>(shape{})), io_error);
  CHECK_THROWS_AS(from_file("a\nb\n", tensor<float>({2, 2})), io_error);  // load() itself
  CHECK(from_file("", tensor<double>({std::int64_t{1} << 50, 0})).rows.empty());
}
