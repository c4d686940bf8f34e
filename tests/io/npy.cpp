// Shows: npy of every type and order
// npy files: what is written is NumPy's to the byte, what NumPy wrote in any version, type, byte order and order of
// axes comes back, and a damaged or hostile file does nothing but throw an error that names it.
#include <inlay/io/npy.hpp>

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "files.hpp"
#include "support.hpp"

using namespace inlay;
using namespace std::string_literals;

namespace {

// A version 1 file as numpy.save pads it; tests/golden/data.py prints NumPy's own bytes.
std::string file_of(const std::string& text, const std::string& values = "") {
  return "\x93NUMPY\1\0v\0"s + text + std::string(117 - text.size(), ' ') + '\n' + values;
}
std::string dictionary(const std::string& type, const std::string& sizes, const std::string& order = "False") {
  return "{'descr': '" + type + "', 'fortran_order': " + order + ", 'shape': " + sizes + ", }";
}
template <class T> std::string raw(std::initializer_list<T> values) {
  return {reinterpret_cast<const char*>(values.begin()), values.size() * sizeof(T)};
}

// The message of the error, with the path as "the file".
template <class F> std::string failure(const std::string& path, F f) {
  try {
    f();
    return "";
  } catch (const error& e) {
    std::string message = e.what();
    const std::size_t at = message.find(path);
    return at == std::string::npos ? message : message.replace(at, path.size(), "the file");
  }
}

template <class T> std::vector<double> numbers(const tensor<T>& t) {
  std::vector<double> out;
  for (const T value : t.values()) out.push_back(static_cast<double>(inlay::detail::convert<double>(value)));
  return out;
}

template <class T> void check_both_ways(const std::string& type, const std::string& values) {
  INFO(type);
  const support::temporary_folder folder;
  tensor<T> t = empty<T>({2, 3});
  t.write([&](std::span<T> to) { std::memcpy(to.data(), values.data(), values.size()); });
  io::save_npy(t, folder / "f");
  CHECK(support::read_bytes(folder / "f") == file_of(dictionary(type, "(2, 3)"), values));
  const tensor<T> back = io::load_npy<T>(folder / "f");
  CHECK(back.shape() == shape{2, 3});
  CHECK(std::memcmp(back.values().data(), values.data(), values.size()) == 0);
  CHECK(io::load_npy(folder / "f").type() == dtype_of<T>);
  CHECK(folder.names() == std::vector<std::string>{"f"});
}

}  // namespace

TEST_CASE("npy: every type, as numpy.save writes it") {
  // golden/data.py: np.array([[1, 0, 3], [1, 1, 0]], dtype)
  check_both_ways<float>("<f4", raw<float>({1, 0, 3, 1, 1, 0}));
  check_both_ways<double>("<f8", raw<double>({1, 0, 3, 1, 1, 0}));
  check_both_ways<std::int32_t>("<i4", raw<std::int32_t>({1, 0, 3, 1, 1, 0}));
  check_both_ways<std::int64_t>("<i8", raw<std::int64_t>({1, 0, 3, 1, 1, 0}));
  check_both_ways<std::uint8_t>("|u1", "\1\0\3\1\1\0"s);
  check_both_ways<std::int8_t>("|i1", "\1\0\3\1\1\0"s);
  check_both_ways<bool>("|b1", "\1\0\1\1\1\0"s);
  check_both_ways<float16>("<f2", "\x00\x3c\0\0\x00\x42\x00\x3c\x00\x3c\0\0"s);

  const support::temporary_folder folder;
  const struct {
    shape sizes;
    const char* text;
  } table[] = {
      {{}, "()"}, {{2}, "(2,)"}, {{0, 2, 1}, "(0, 2, 1)"}, {{1, 1, 1, 1, 1, 1, 1, 1}, "(1, 1, 1, 1, 1, 1, 1, 1)"}};
  for (const auto& row : table) {
    const tensor<double> t(row.sizes, 0.5);
    io::save_npy(t, folder / "f");
    const std::string bytes = support::read_bytes(folder / "f");
    CHECK(bytes.substr(0, 128) == file_of(dictionary("<f8", row.text)));
    CHECK(io::load_npy<double>(folder / "f").shape() == row.sizes);
  }
  CHECK_THROWS_WITH_AS(io::save_npy(tensor<bfloat16>({2}), folder / "g"),
                       "[save_npy] expected a type that NumPy has, got bfloat16; cast<float>() it", type_error);
  CHECK(folder.names() == std::vector<std::string>{"f"});
}

TEST_CASE("npy: Fortran's order, big-endian values, versions 2 and 3, other types") {
  const support::temporary_folder folder;
  const std::string path = folder / "f";
  // np.asfortranarray(np.arange(24, dtype="i2").reshape(2, 3, 4))
  support::write_bytes(path, file_of(dictionary("<i2", "(2, 3, 4)", "True"),
                                     raw<std::int16_t>({0, 12, 4, 16, 8,  20, 1, 13, 5, 17, 9,  21,
                                                        2, 14, 6, 18, 10, 22, 3, 15, 7, 19, 11, 23})));
  const any_tensor cube = io::load_npy(path);
  CHECK(cube.type() == dtype::int32);
  CHECK(cube.shape() == shape{2, 3, 4});
  std::vector<double> counted(24);
  for (std::size_t i = 0; i < 24; ++i) counted[i] = static_cast<double>(i);
  CHECK(numbers(cube.as<std::int32_t>()) == counted);
  CHECK(numbers(io::load_npy<float>(path, {.cast = true})) == counted);

  const std::string big = "{'descr': '>f8', 'fortran_order': False, 'shape': (3,), }" + std::string(58, ' ') + "\n";
  support::write_bytes(path, "\x93NUMPY\2\0\x74\0\0\0"s + big +
                                 "\x3f\xf0\0\0\0\0\0\0\xc0\0\0\0\0\0\0\0\x7e\x37\xe4\x3c\x88\x00\x75\x9c"s);
  CHECK(numbers(io::load_npy<double>(path)) == std::vector<double>{1, -2, 1e300});
  CHECK(numbers(io::load_npy(path).as<double>()) == std::vector<double>{1, -2, 1e300});

  const std::string third = "{'descr': '<u8', 'fortran_order': False, 'shape': (2,), }" + std::string(58, ' ') + "\n";
  support::write_bytes(path, "\x93NUMPY\3\0\x74\0\0\0"s + third + "\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x80"s);
  CHECK(numbers(io::load_npy<float>(path, {.cast = true})) == std::vector<double>{1, 0x1p63});
  CHECK(failure(path, [&] { io::load_npy(path); }) ==
        "[load_npy] expected numbers below 2^63, got larger ones in the file; load_npy<T>(path, {.cast = true}) reads "
        "them");

  const struct {
    std::string text, values;
    dtype type;
    std::vector<double> expected;
  } table[] = {
      {dictionary(">i2", "(2,)"), "\1\2\xFF\xFE"s, dtype::int32, {258, -2}},
      {dictionary(">u2", "(2,)"), "\1\2\xFF\xFE"s, dtype::int32, {258, 65534}},
      {dictionary(">i4", "(1,)"), "\0\0\1\0"s, dtype::int32, {256}},
      {dictionary("<u4", "(1,)"), "\xFF\xFF\xFF\xFF"s, dtype::int64, {4294967295.0}},
      {dictionary("=u4", "(1,)"), "\1\0\0\0"s, dtype::int64, {1}},
      {dictionary(">f2", "(2,)"), "\x3c\x00\xc2\x00"s, dtype::float16, {1, -3}},
      {dictionary(">f4", "(1,)"), "\x3f\x80\0\0"s, dtype::float32, {1}},
      {dictionary(">u8", "(1,)"), "\0\0\0\0\0\0\1\0"s, dtype::int64, {256}},
      {dictionary("|b1", "(2, 2)", "True"), "\0\1\0\0"s, dtype::boolean, {0, 0, 1, 0}},
      {dictionary("<i4", "(0, 3)", "True"), "", dtype::int32, {}},
      {"{\"shape\":(1 ,),'fortran_order':False,\n'descr' : \"|u1\"}", "\7", dtype::uint8, {7}},
      {"{'descr': '|u1', 'fortran_order': False, 'shape': (1L, 2L)}", "\7\1", dtype::uint8, {7, 1}},
  };
  for (const auto& row : table) {
    INFO(row.text);
    support::write_bytes(path, file_of(row.text, row.values));
    const any_tensor got = io::load_npy(path);
    CHECK(got.type() == row.type);
    CHECK(numbers(got.cast<double>()) == row.expected);
    CHECK(numbers(io::load_npy<double>(path, {.cast = true})) == row.expected);
  }
}

TEST_CASE("npy: other types, with the way to convert them") {
  const support::temporary_folder folder;
  const std::string path = folder / "f";
  support::write_bytes(path, file_of(dictionary("<f8", "(2,)"), raw<double>({1.5, -1e9})));
  CHECK(failure(path, [&] { io::load_npy<std::int32_t>(path); }) ==
        "[load_npy] expected int32, got f8 in the file; pass {.cast = true} to convert");
  CHECK(numbers(io::load_npy<std::uint8_t>(path, {.cast = true})) == std::vector<double>{1, 0});
  const std::pair<const char*, const char*> table[] = {{"|O", "|O (Python's objects)"},
                                                       {"<c8", "<c8"},
                                                       {"<U3", "<U3"},
                                                       {"|S5", "|S5"},
                                                       {"<f16", "<f16"},
                                                       {"<f3", "<f3"},
                                                       {"?", "?"},
                                                       {"xf4", "xf4"},
                                                       {"", ""}};
  for (const auto& [type, words] : table) {
    support::write_bytes(path, file_of(dictionary(type, "(2,)"), raw<double>({1.5, -1e9})));
    CHECK(failure(path, [&] { io::load_npy(path); }) ==
          "[load_npy] expected bool, integers, or floating point of 16, 32 or 64 bits, got "s + words +
              " in the file; convert it in Python: array.astype('float32')");
  }
  support::write_bytes(path, file_of("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }", "1234"));
  CHECK_THROWS_AS(io::load_npy(path), type_error);
}

TEST_CASE("npy: damaged and hostile files are refused before anything is allocated for them") {
  const support::temporary_folder folder;
  const std::string path = folder / "f";
  const std::string good = dictionary("<f4", "(2,)");
  const struct {
    std::string bytes, message;
  } table[] = {
      {"", "an npy file, which starts with \\x93NUMPY, got other bytes in the file"},
      {"\x93NUMPX\1\0", "an npy file, which starts with \\x93NUMPY, got other bytes in the file"},
      {"\x93NUMPY\1\0"s, "12 bytes or more, got 8 in the file"},
      {"\x93NUMPY\4\0v\0abcd"s, "version 1.0, 2.0 or 3.0, got 4.0 in the file"},
      {"\x93NUMPY\1\1v\0abcd"s, "version 1.0, 2.0 or 3.0, got 1.1 in the file"},
      {"\x93NUMPY\1\0v\0abcd"s, "a header of 118 bytes, got 4 in the file"},
      {"\x93NUMPY\2\0\xFF\xFF\xFF\xFF"s, "a header of 4294967295 bytes, got 0 in the file"},
      {file_of("[1]"), "a '{' at byte 10 of the file"},
      {file_of("{"), "a string in quotes at byte 128 of the file"},
      {file_of("{}"), "'descr', 'fortran_order' and 'shape' in the header at byte 128 of the file"},
      {file_of("{'descr: 1"), "the end of a string at byte 12 of the file"},
      {file_of("{'more': 1}"),
       "each of 'descr', 'fortran_order' and 'shape' once, and nothing else at byte 18 of the file"},
      {file_of("{'shape': (), 'shape': ()}"),
       "each of 'descr', 'fortran_order' and 'shape' once, and nothing else at byte 32 of the file"},
      {file_of("{'fortran_order': false}"), "True or False at byte 28 of the file"},
      {file_of("{'shape': 3}"), "a '(' at byte 20 of the file"},
      {file_of("{'shape': (3)}"), "a ',' at byte 22 of the file"},
      {file_of("{'shape': (3, 4}"), "a ')' at byte 25 of the file"},
      {file_of("{'shape': (-3,)}"), "a whole number at byte 21 of the file"},
      {file_of("{'shape': (03,)}"), "a whole number at byte 23 of the file"},
      {file_of("{'shape': (9223372036854775808,)}"), "a number below 2^63 at byte 40 of the file"},
      {file_of("{'shape': (4294967296, 4294967296)}"), "a shape whose size does not overflow at byte 43 of the file"},
      {file_of("{'shape': (1, 1, 1, 1, 1, 1, 1, 1, 1)}"), "at most 8 axes at byte 46 of the file"},
      {file_of(good + "}", "12345678"), "nothing but spaces after the header at byte 67 of the file"},
      {file_of(dictionary("<f8", "(72057594037927936,)"), "1"),
       "576460752303423488 bytes for values of shape (72057594037927936,), got 1 in the file; is it complete?"},
      {file_of(good, "1234567"), "8 bytes for values of shape (2,), got 7 in the file; is it complete?"},
      {file_of(good, "123456789"),
       "8 bytes for values of shape (2,), got 9 in the file; does it hold one array and nothing else?"},
      {file_of(dictionary("|b1", "(2,)"), "\1\2"), "bool of 0 or 1, got 2 in the file"},
  };
  for (const auto& row : table) {
    INFO(row.bytes);
    support::write_bytes(path, row.bytes);
    memory::trim();
    const std::uint64_t before = memory::stats().allocations;
    CHECK(failure(path, [&] { io::load_npy(path); }) == "[load_npy] expected " + row.message);
    CHECK(memory::stats().allocations - before <= 1);  // the file
  }
  CHECK_THROWS_AS(io::load_npy(folder / "missing"), io_error);

  // Cut or flipped anywhere: an error, or another value; never anything else.
  const std::string whole = file_of(good, raw<float>({1, 2}));
  for (std::size_t i = 0; i < whole.size(); ++i) {
    support::write_bytes(path, whole.substr(0, i));
    CHECK(failure(path, [&] { io::load_npy(path); }).starts_with("[load_npy] expected "));
    for (int bit = 0; bit < 8; ++bit) {
      std::string flipped = whole;
      flipped[i] = static_cast<char>(flipped[i] ^ 1 << bit);
      support::write_bytes(path, flipped);
      const std::string message = failure(path, [&] { io::load_npy(path); });
      if (!message.empty()) CHECK(message.starts_with("[load_npy] expected "));
    }
  }
}
