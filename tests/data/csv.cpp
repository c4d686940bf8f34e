// Shows: CSV with missing values and text
// CSV: every number in its place whatever the file's dialect, and an error that names line and column where it is none.
#include <inlay/data/csv.hpp>

#include <doctest/doctest.h>

#include <limits>
#include <string>
#include <vector>

#include "files.hpp"
#include "support.hpp"

using namespace inlay;
using namespace std::string_literals;

namespace {

using names = std::vector<std::string>;
using rows = std::vector<std::vector<double>>;

data::table read(const std::string& text, const data::csv_options& options = {}) {
  const support::temporary_folder folder;
  support::write_bytes(folder / "t.csv", text);
  return data::read_csv(folder / "t.csv", options);
}

rows rows_of(const tensor<double>& t) {
  rows out;
  for (std::int64_t i = 0; i < t.dim(0); ++i)
    out.emplace_back(t.slice(i, i + 1).values().begin(), t.slice(i, i + 1).values().end());
  return out;
}

// The message of the error; the file's path stands in it as "the file".
std::string failure(const std::string& text, const data::csv_options& options = {}) {
  const support::temporary_folder folder;
  const std::string path = folder / "t.csv";
  support::write_bytes(path, text);
  try {
    data::read_csv(path, options);
    return "";
  } catch (const io_error& e) {
    std::string message = e.what();
    const std::size_t at = message.rfind(path);
    return at == std::string::npos ? message : message.replace(at, path.size(), "the file");
  }
}

}  // namespace

TEST_CASE("read_csv: dialects") {
  const rows expected = {{1, 2.5}, {-3, 4}};
  const struct {
    std::string text;
    data::csv_options options = {};
    names columns = {};
  } table[] = {
      {"1,2.5\n-3,4\n"},
      {"1,2.5\n-3,4"},
      {"1,2.5\r\n-3,4\r\n"},
      {"1,2.5\r\n-3,4"},
      {"\n\n1,2.5\n\r\n \t\n-3,4\n\n\n"},
      {" 1 ,\t2.5 \n -3\t, 4 \n"},
      {"\"1\",2.5\n\"-3\",\"4\"\n"},
      {" \"1\" , \"2.5\"\n-3,4\n"},
      {"+1,+2.5\n-3,+4\n"},
      {"1e0,25e-1\n-30E-1,.4e+1\n"},
      {"1.,2.50000\n-3.0,00004\n"},
      {"\xEF\xBB\xBF"
       "1,2.5\n-3,4\n"},
      {"1;2.5\n-3;4\n", {.delimiter = ';'}},
      {"1\t2.5\n-3\t4\n", {.delimiter = '\t'}},
      {"1 2.5\n-3 4\n", {.delimiter = ' '}},
      {"1|2.5\n-3|4\n", {.delimiter = '|'}},
      {"a,b\n1,2.5\n-3,4\n", {.header = true}, {"a", "b"}},
      {"\xEF\xBB\xBF"
       "a,b\r\n1,2.5\r\n-3,4\r\n",
       {.header = true},
       {"a", "b"}},
      {"\n\" first one\", \"x, y\" \n1,2.5\n-3,4\n", {.header = true}, {" first one", "x, y"}},
      {"1,2\n1,2.5\n-3,4\n", {.header = true}, {"1", "2"}},
      {",\n1,2.5\n-3,4\n", {.header = true}, {"", ""}},
      {"# made by hand\n\n1,2.5\n-3,4\n", {.skip_rows = 1}},
      {"x\n1,2,3\n1,2.5\n-3,4\n", {.skip_rows = 2}},
      {"# made by hand\na,b\n1,2.5\n-3,4\n", {.header = true, .skip_rows = 1}, {"a", "b"}},
  };
  for (const auto& row : table) {
    INFO(row.text);
    const data::table got = read(row.text, row.options);
    CHECK(got.values.shape() == shape{2, 2});
    CHECK(rows_of(got.values) == expected);
    CHECK(got.names == row.columns);
  }
}

TEST_CASE("read_csv: numbers are the nearest double to what is written") {
  using limits = std::numeric_limits<double>;
  const struct {
    const char* text;
    double expected;
  } table[] = {
      {"0", 0.0},
      {"-0", -0.0},
      {"0.1", 0.1},
      {"1e-3", 1e-3},
      {"1E+3", 1e3},
      {"1.7976931348623157e308", limits::max()},
      {"2.2250738585072014e-308", limits::min()},
      {"5e-324", limits::denorm_min()},
      {"9007199254740993", 9007199254740992.0},
      {"0.30000000000000004", 0.1 + 0.2},
      {"inf", limits::infinity()},
      {"-inf", -limits::infinity()},
      {"+Inf", limits::infinity()},
      {"INFINITY", limits::infinity()},
      {"nan", limits::quiet_NaN()},
      {"NaN", limits::quiet_NaN()},
      {"-NAN", limits::quiet_NaN()},
  };
  for (const auto& row : table) {
    INFO(std::string(row.text));
    const double got = read(row.text).values.item();
    CHECK((support::is_nan(row.expected) ? support::is_nan(got) : support::same_bits(got, row.expected)));
  }
}

TEST_CASE("read_csv: what is no number, with its place") {
  const struct {
    std::string text, cell, line, column;
    data::csv_options options = {};
  } table[] = {
      {"a,b\n1,2\n", "a", "1", "1"},
      {"1,2\n3,x\n", "x", "2", "2"},
      {"1,2\n\n\n3,x\n", "x", "4", "2"},
      {"1,2\r\n3,x\r\n", "x", "2", "2"},
      {"a,b\n1,2\n3,four\n", "four", "3", "2", {.header = true}},
      {"# x\n1,2\n3,four\n", "four", "3", "2", {.skip_rows = 1}},
      {"1,\n", "", "1", "2"},
      {",1\n", "", "1", "1"},
      {",\n", "", "1", "1"},
      {"1,,2\n", "", "1", "2"},
      {"1,\"\"\n", "", "1", "2"},
      {"1 2\n", "1 2", "1", "1"},
      {"1  2\n", "", "1", "2", {.delimiter = ' '}},
      {"1;2\n", "1;2", "1", "1"},
      {"1,5\n", "1,5", "1", "1", {.delimiter = ';'}},
      {"\"1,5\"\n", "1,5", "1", "1"},
      {"1,\"2\n", "\"2", "1", "2"},
      {"1,2\"\n", "2\"", "1", "2"},
      {"1\"\",2\n", "1\"\"", "1", "1"},
      {"1x\n", "1x", "1", "1"},
      {"--1\n", "--1", "1", "1"},
      {"+-1\n", "+-1", "1", "1"},
      {"++1\n", "++1", "1", "1"},
      {"-+1\n", "-+1", "1", "1"},
      {"+\n", "+", "1", "1"},
      {"-\n", "-", "1", "1"},
      {"1e\n", "1e", "1", "1"},
      {"e1\n", "e1", "1", "1"},
      {".\n", ".", "1", "1"},
      {"0x10\n", "0x10", "1", "1"},
      {"1_000\n", "1_000", "1", "1"},
      {"1e999\n", "1e999", "1", "1"},
      {"true\n", "true", "1", "1"},
      {"\xC2\xA0"
       "1\n",
       "\xC2\xA0"
       "1",
       "1", "1"},
      {"1\r2\n", "1\r2", "1", "1"},
      {std::string(100, 'y') + "\n", std::string(32, 'y'), "1", "1"},
  };
  for (const auto& row : table) {
    INFO(row.text);
    CHECK(failure(row.text, row.options) == "[read_csv] expected a number, got \"" + row.cell + "\" in line " +
                                                row.line + ", column " + row.column + " of the file");
  }
}

TEST_CASE("read_csv: rows of other lengths, files without rows, files that are not there") {
  const struct {
    std::string text, expected;
    data::csv_options options = {};
  } table[] = {
      {"1,2\n3\n", "2 cells, got 1 in line 2 of the file"},
      {"1,2\n\n3,4,5\n", "2 cells, got 3 in line 3 of the file"},
      {"1\n2,3\n", "1 cells, got 2 in line 2 of the file"},
      {"1,2\n3,4,", ""},
      {"a,b\n1,2,3\n", "2 cells, got 3 in line 2 of the file", {.header = true}},
      {"x\n1,2\n3\n", "2 cells, got 1 in line 3 of the file", {.skip_rows = 1}},
      {"", "at least one row of numbers, got none in the file"},
      {"\n\r\n  \n", "at least one row of numbers, got none in the file"},
      {"\xEF\xBB\xBF", "at least one row of numbers, got none in the file"},
      {"a,b\n", "at least one row of numbers, got none in the file", {.header = true}},
      {"1,2\n", "at least one row of numbers, got none in the file", {.skip_rows = 1}},
      {"1,2\n", "at least one row of numbers, got none in the file", {.skip_rows = 100}},
  };
  for (const auto& row : table) {
    INFO(row.text);
    const std::string message = failure(row.text, row.options);
    CHECK(message.starts_with("[read_csv] expected "));
    if (!row.expected.empty()) CHECK(message == "[read_csv] expected " + row.expected);
  }
  const support::temporary_folder folder;
  for (const std::string& path : {folder / "missing.csv", folder.path(), ""s}) {
    INFO(path);
    std::string message;
    try {
      data::read_csv(path);
    } catch (const io_error& e) {
      message = e.what();
    }
    CHECK(message.starts_with("[read_csv] expected to read " + path + ", got"));
  }
}

TEST_CASE("read_csv: a file of many lines, against the numbers it was made of") {
  const std::vector<double> made = support::noise_values<double>(3 * 5000, 1, -1e6, 1e6);
  std::string text;
  for (std::size_t i = 0; i < made.size(); ++i) {
    char cell[32];
    const auto end = std::to_chars(cell, cell + sizeof cell, made[i]);
    text.append(cell, end.ptr);
    text += i % 3 == 2 ? '\n' : ',';
  }
  const tensor<double> got = read(text).values;
  CHECK(got.shape() == shape{5000, 3});
  CHECK(support::same_bits(got.values(), std::span<const double>(made)));
}

TEST_CASE("table: columns") {
  const data::table t = read("1,2,3,4\n5,6,7,8\n");
  const struct {
    std::int64_t first, last;
    std::vector<double> expected;
  } table[] = {
      {0, 0, {1, 2, 3, 4, 5, 6, 7, 8}},
      {0, 4, {1, 2, 3, 4, 5, 6, 7, 8}},
      {0, -1, {1, 2, 3, 5, 6, 7}},
      {-1, 0, {4, 8}},
      {-1, 4, {4, 8}},
      {1, 3, {2, 3, 6, 7}},
      {-3, -1, {2, 3, 6, 7}},
      {-4, 1, {1, 5}},
      {3, 0, {4, 8}},
      {2, 0, {3, 4, 7, 8}},
  };
  for (const auto& row : table) {
    INFO(row.first, " to ", row.last);
    const tensor<double> got = t.columns(row.first, row.last);
    CHECK(got.shape() == shape{2, static_cast<std::int64_t>(row.expected.size()) / 2});
    CHECK(support::same_bits(got.values(), std::span<const double>(row.expected)));
  }
  CHECK(t.columns(2).shape() == shape{2, 2});
  constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();
  const std::pair<std::int64_t, std::int64_t> outside[] = {{4, 0},    {0, 5},     {2, 2},    {3, 1}, {-5, 0},
                                                           {0, -4},   {0, -5},    {-1, -1},  {5, 6}, {most, 0},
                                                           {0, most}, {-most, 1}, {0, -most}};
  for (const auto& pair : outside) {
    INFO(pair.first, " to ", pair.second);
    CHECK_THROWS_AS(t.columns(pair.first, pair.second), value_error);
  }
  CHECK_THROWS_WITH_AS(t.columns(0, 5), "[columns] expected columns within 0 to 4, got [0, 5)", value_error);
  CHECK_THROWS_AS(data::table{}.columns(0), error);
}

TEST_CASE("read_csv: missing cells are NaN where they are told") {
  const data::csv_options options{.missing = {"", "NA", "?"}};
  const data::table got = read("1,NA\n ,\" ? \"\n,4\n?,\"\"\n", {.missing = {"", "NA", "?", " ? "}});
  REQUIRE(got.values.shape() == shape{4, 2});
  for (std::int64_t i = 0; i < 8; ++i) {
    INFO(i);
    CHECK(support::is_nan(got.values.values()[static_cast<std::size_t>(i)]) == (i != 0 && i != 5));
  }
  CHECK(read("x\n\"\"\n1\n", {.header = true, .missing = {""}}).values.shape() == shape{2, 1});
  CHECK(failure("1,na\n", options) == "[read_csv] expected a number, got \"na\" in line 1, column 2 of the file");
  CHECK(failure("1,\" ?\"\n", options) == "[read_csv] expected a number, got \" ?\" in line 1, column 2 of the file");
}

TEST_CASE("read_csv: quotes hold new lines, and lines are counted through them") {
  const data::table got = read("\"a\nb\",\"c \"\"d\"\"\"\r\n\"1\n\",2\n3,4\n", {.header = true, .missing = {"1\n"}});
  CHECK(got.names == names{"a\nb", "c \"d\""});
  CHECK(rows_of(got.values.slice(1, 2)) == rows{{3, 4}});
  CHECK(failure("\"a\n\nb\",c\n1,2\n3,x\n", {.header = true}) ==
        "[read_csv] expected a number, got \"x\" in line 5, column 2 of the file");
  CHECK(failure("1,2\n3,4,\"\n\"\n") == "[read_csv] expected a number, got \"\n\" in line 2, column 3 of the file");
}

TEST_CASE("read_csv_text: cells as they are meant") {
  using columns = std::vector<names>;
  const struct {
    std::string text;
    columns expected;
    data::csv_options options = {};
    names header = {};
  } table[] = {
      {"a,b\nc,d\n", {{"a", "c"}, {"b", "d"}}},
      {" a , \"b, \"\"x\"\"\" \nc,\"\"\n", {{"a", "c"}, {"b, \"x\"", ""}}},
      {"size,label\r\n1.5,\"two\r\nlines\"\r\n\r\n,\r\n",
       {{"1.5", ""}, {"two\r\nlines", ""}},
       {.header = true},
       {"size", "label"}},
      {"5\" pipe,6\" pipe\n", {{"5\" pipe"}, {"6\" pipe"}}},
      {"\"a\"b,\"a\"\"\"\n", {{"\"a\"b"}, {"a\""}}},
      {"\"never closed,b\nc,d\n", {{"\"never closed", "c"}, {"b", "d"}}},
      {"\"\"\"\",\"\"\"\"\"\"\n", {{"\""}, {"\"\""}}},
      {"a;\"b;c\"", {{"a"}, {"b;c"}}, {.delimiter = ';'}},
      {"a\t\tb\n", {{"a"}, {""}, {"b"}}, {.delimiter = '\t'}},
  };
  const support::temporary_folder folder;
  for (const auto& row : table) {
    INFO(row.text);
    support::write_bytes(folder / "t", row.text);
    const data::text_table got = data::read_csv_text(folder / "t", row.options);
    CHECK(got.columns == row.expected);
    CHECK(got.names == row.header);
    for (const char delimiter : {',', ';', '\t', ' '}) {
      data::write_csv(got, folder / "u", delimiter);
      const data::text_table back =
          data::read_csv_text(folder / "u", {.delimiter = delimiter, .header = row.options.header});
      CHECK(back.columns == got.columns);
      CHECK(back.names == got.names);
    }
  }
  support::write_bytes(folder / "t", "size,kind,weight\n1,oak,2.5\n3,elm,NA\n");
  const data::text_table trees = data::read_csv_text(folder / "t", {.header = true});
  CHECK(trees.rows() == 2);
  CHECK(trees.column("kind") == names{"oak", "elm"});
  CHECK(rows_of(trees.numbers(0, 1)) == rows{{1}, {3}});
  CHECK(support::is_nan(trees.numbers(-1, 0, {"NA"}).values()[1]));
  CHECK_THROWS_WITH_AS(trees.column("height"), "[column] expected the name of a column, got \"height\"", value_error);
  CHECK_THROWS_WITH_AS(trees.numbers(1), "[numbers] expected a number, got \"oak\" in row 0, column 1", value_error);
  CHECK_THROWS_WITH_AS(trees.numbers(3), "[numbers] expected columns within 0 to 3, got [3, 3)", value_error);
  support::write_bytes(folder / "t", "a,b\nc\n");
  CHECK_THROWS_AS(data::read_csv_text(folder / "t"), io_error);
  support::write_bytes(folder / "t", "a\nc,d\n");
  CHECK_THROWS_AS(data::read_csv_text(folder / "t"), io_error);
}

TEST_CASE("write_csv: an empty cell has quotes only where its line would be blank") {
  const struct {
    std::vector<names> columns;
    char delimiter;
    std::string bytes;
  } table[] = {
      {{{"", "1"}, {"", ""}, {"a", ""}}, ',', ",,a\n1,,\n"},
      {{{"", "1"}, {"", ""}}, ',', ",\n1,\n"},
      {{{"", "1"}, {"", ""}}, '\t', "\"\"\t\n1\t\n"},
      {{{"", "1"}, {"", "2"}}, ' ', "\"\" \n1 2\n"},
      {{{"", "1"}}, ';', "\"\"\n1\n"},
  };
  const support::temporary_folder folder;
  for (const auto& row : table) {
    INFO(row.bytes);
    data::write_csv(data::text_table{{}, row.columns}, folder / "t", row.delimiter);
    CHECK(support::read_bytes(folder / "t") == row.bytes);
    CHECK(data::read_csv_text(folder / "t", {.delimiter = row.delimiter}).columns == row.columns);
  }
}

TEST_CASE("write_csv: the same numbers come back") {
  using limits = std::numeric_limits<double>;
  const support::temporary_folder folder;
  const data::table made{
      {"plain", "with, comma", "with \"quotes\"", " with\nline"},
      from<double>({3, 4}, {0.1, -0.0, 1e300, limits::denorm_min(), limits::max(), limits::infinity(),
                            -limits::infinity(), 0.1 + 0.2, 1, -2, 123456789012345678.0, 1.0 / 3})};
  data::write_csv(made, folder / "t");
  const data::table back = data::read_csv(folder / "t", {.header = true});
  CHECK(back.names == made.names);
  CHECK(support::same_bits(back.values.values(), made.values.values()));
  data::write_csv({{}, from<double>({1, 2}, {1, limits::quiet_NaN()})}, folder / "t", ';');
  CHECK(support::read_bytes(folder / "t") == "1;nan\n");
  const auto noise =
      from<double>({9000, 1}, std::span<const double>(support::noise_values<double>(9000, 2, -1e9, 1e9)));
  data::write_csv({{}, noise}, folder / "t");
  CHECK(support::same_bits(data::read_csv(folder / "t").values.values(), noise.values()));
  CHECK_THROWS_WITH_AS(data::write_csv({{"a"}, from<double>({1, 2}, {1, 2})}, folder / "t"),
                       "[write_csv] expected a name for each of 2 columns, or none, got 1", value_error);
  CHECK(folder.names() == names{"t"});
}
