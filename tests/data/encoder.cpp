// Shows: encoders of categories and labels
// Encoders against scikit-learn: categories sorted, unknown ones an error or zeros, and back again; texts survive a
// file.
#include <inlay/data/encoder.hpp>

#include <doctest/doctest.h>

#include <limits>
#include <string>
#include <vector>

#include <inlay/io/save.hpp>

#include "files.hpp"
#include "tensors.hpp"

using namespace inlay;
using texts = std::vector<std::string>;

TEST_CASE("one_hot_encoder") {
  data::one_hot_encoder<double> encode, lenient({.ignore_unknown = true});
  CHECK_THROWS_WITH_AS(encode(zeros<double>({1, 2})),
                       "[one_hot_encoder] expected fit() or a loaded file first, got neither", state_error);
  const auto x = from<double>({4, 2}, {3, 0.5, -1, 2, 3, 2, 7, 0.5});
  encode.fit(x);
  lenient.fit(x);
  // golden/data.py: preprocessing.OneHotEncoder(handle_unknown="ignore")
  const std::vector<double> golden = {0, 0, 1, 0, 1, 0, 1, 0, 0, 0, 1, 0, 0, 1, 0};
  const auto other = from<double>({3, 2}, {7, 2, 3, 9, -1, 0.5});
  const tensor<double> y = lenient(other);
  CHECK(y.shape() == shape{3, 5});
  support::check_close(y, golden);
  const tensor<double> back = lenient.inverse(y);
  support::check_close(back, {7, 2, 3, std::numeric_limits<double>::quiet_NaN(), -1, 0.5});
  CHECK(support::same_bits(encode.inverse(encode(x)), x));
  CHECK_THROWS_WITH_AS(encode(other),
                       "[one_hot_encoder] expected a category that was fitted, got 9 in row 1, column 1; "
                       ".ignore_unknown makes it zeros",
                       value_error);
  const auto hole = from<double>({1, 2}, {std::numeric_limits<double>::quiet_NaN(), 2});
  CHECK_THROWS_AS(encode(hole), value_error);
  support::check_close(lenient(hole), {0, 0, 0, 0, 1});
  CHECK_THROWS_AS(encode(zeros<double>({1, 3})), shape_error);
  CHECK_THROWS_AS(encode(zeros<double>({1, 1, 2})), shape_error);
  CHECK_THROWS_AS(encode.inverse(zeros<double>({1, 4})), shape_error);
  CHECK_THROWS_AS(encode.fit(hole), value_error);
  CHECK_THROWS_AS(encode.fit(zeros<double>({0, 2})), value_error);
  CHECK_THROWS_AS(encode.fit(zeros<double>({2})), shape_error);

  data::one_hot_encoder<float> integers;
  integers.fit(from<std::int64_t>({3, 1}, {30, 10, 20}));
  support::check_close(integers(from<std::int32_t>({2, 1}, {20, 10})), {0, 1, 0, 1, 0, 0});
  integers.fit(from<bool>({2, 1}, {true, false}));
  CHECK(integers.categories.shape() == shape{2});
  CHECK_THROWS_AS(integers.fit(tensor<std::int64_t>({1, 1}, (std::int64_t{1} << 53) + 1000)), value_error);

  const support::temporary_folder folder;
  io::save(lenient, folder / "f");
  data::one_hot_encoder<double> loaded({.ignore_unknown = true});
  io::load(loaded, folder / "f", {.reshape = true});
  CHECK(support::same_bits(loaded(other), y));
  loaded.sizes = buffer<std::int64_t>(from<std::int64_t>({2}, {3, 3}));
  CHECK_THROWS_AS(loaded(other), state_error);
  loaded.sizes = buffer<std::int64_t>(from<std::int64_t>({2}, {6, -1}));
  CHECK_THROWS_AS(loaded.inverse(y), state_error);
}

TEST_CASE("label_encoder") {
  data::label_encoder encode;
  CHECK_THROWS_WITH_AS(encode.classes(), "[label_encoder] expected fit() or a loaded file first, got neither",
                       state_error);
  CHECK_THROWS_AS(encode(texts{"a"}), state_error);
  encode.fit(texts{"elm", "oak", "Ash", "elm", ""});
  // golden/data.py: preprocessing.LabelEncoder
  CHECK(encode.classes() == texts{"", "Ash", "elm", "oak"});
  const tensor<std::int64_t> y = encode(texts{"oak", "elm", ""});
  CHECK(support::same_bits(y, from<std::int64_t>({3}, {3, 2, 0})));
  CHECK(encode.inverse(y) == texts{"oak", "elm", ""});
  CHECK(encode(texts{}).shape() == shape{0});
  CHECK_THROWS_WITH_AS(encode(texts{"oak", "fir"}), "[label_encoder] expected a label that was fitted, got \"fir\"",
                       value_error);
  CHECK_THROWS_WITH_AS(encode.inverse(from<std::int64_t>({1}, {4})),
                       "[label_encoder] expected classes from 0 to 3, got 4", value_error);
  CHECK_THROWS_AS(encode.inverse(from<std::int64_t>({1}, {-1})), value_error);
  CHECK_THROWS_AS(encode.fit(texts{}), value_error);
  CHECK_THROWS_AS(encode.fit(texts{std::string("a\0b", 3)}), value_error);

  const support::temporary_folder folder;
  io::save(encode, folder / "f");
  data::label_encoder loaded;
  io::load(loaded, folder / "f", {.reshape = true});
  CHECK(loaded.classes() == encode.classes());
  loaded.fit(texts{"x"});
  CHECK(loaded.classes() == texts{"x"});
  CHECK(encode.classes().size() == 4);
}
