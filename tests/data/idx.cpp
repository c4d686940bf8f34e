// Shows: IDX (MNIST and its kin)
// IDX: every value of every stored type becomes what tensor::cast makes of it, and a damaged or hostile file is refused
// with its name before a single block is taken for it.
#include <inlay/data/idx.hpp>

#include <doctest/doctest.h>

#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "files.hpp"
#include "support.hpp"

using namespace inlay;
using namespace std::string_literals;

namespace {

template <class T> std::string big_endian(T value) {
  std::string out(sizeof(T), '\0');
  std::memcpy(out.data(), &value, sizeof(T));
  std::reverse(out.begin(), out.end());
  return out;
}

std::string header_of(int code, const std::vector<std::uint32_t>& sizes) {
  std::string out = {0, 0, static_cast<char>(code), static_cast<char>(sizes.size())};
  for (const std::uint32_t size : sizes) out += big_endian(size);
  return out;
}

template <class T> std::string values_of(const std::vector<T>& values) {
  std::string out;
  for (const T value : values) out += big_endian(value);
  return out;
}

template <class T> tensor<T> read(const std::string& bytes) {
  const support::temporary_folder folder;
  support::write_bytes(folder / "t.idx", bytes);
  return data::read_idx<T>(folder / "t.idx");
}

// What came of reading the bytes as a file: the message of the error, in which the path stands as "the file", or "".
struct outcome {
  std::string message;
  std::uint64_t blocks = 0;  // asked of the system
  tensor<std::uint8_t> values = {};
};
outcome attempt(const std::string& path, const std::string& bytes) {
  support::write_bytes(path, bytes);
  memory::trim();  // nothing is kept for reuse, so that every block is seen
  const std::uint64_t before = memory::stats().allocations;
  outcome out;
  try {
    out.values = data::read_idx<std::uint8_t>(path);
  } catch (const io_error& e) {
    out.message = e.what();
    const std::size_t at = out.message.find(path);
    out.message =
        at == std::string::npos ? "no path in: " + out.message : out.message.replace(at, path.size(), "the file");
  }
  out.blocks = memory::stats().allocations - before;
  return out;
}

// The made-up values as read into every element type, against the tensor's own conversion of `wide`.
template <class Stored, class Wide> void check_conversions(int code, const std::vector<Stored>& values) {
  const auto count = static_cast<std::int64_t>(values.size());
  const std::string bytes = header_of(code, {static_cast<std::uint32_t>(count)}) + values_of(values);
  const std::vector<Wide> wide(values.begin(), values.end());
  const tensor<Wide> expected = from<Wide>({count}, std::span<const Wide>(wide));
  for (const dtype type :
       {dtype::float32, dtype::float64, dtype::int32, dtype::int64, dtype::uint8, dtype::int8, dtype::boolean})
    visit(type, [&](auto zero) {
      using T = decltype(zero);
      INFO("from type ", code, " to ", std::string(name(type)));
      const tensor<T> got = read<T>(bytes), cast = expected.template cast<T>();
      CHECK(got.shape() == shape{count});
      CHECK(support::same_bits(got.values(), cast.values()));
    });
}

template <class T> std::vector<T> telling_integers() {
  using limits = std::numeric_limits<T>;
  std::vector<T> out = {limits::min(), limits::max(), T(limits::max() - 1), T(limits::min() + 1), 0, 1, 2, 127};
  for (const int value : {-1, -2, -127, -128, -129, 128, 129, 254, 255, 256, 257, 0x1234, 0x12345678})
    out.push_back(static_cast<T>(value));
  return out;
}

template <class T> std::vector<T> telling_reals() {
  using limits = std::numeric_limits<T>;
  return {0,
          -T{0},
          T(0.5),
          T(-0.5),
          T(1.5),
          T(-1.5),
          T(254.9),
          T(255.5),
          T(-128.5),
          T(-129),
          T(2147483647),
          T(2147483648.0),
          T(-2147483649.0),
          T(9.3e18),
          T(-9.3e18),
          T(0.1),
          limits::max(),
          limits::lowest(),
          limits::min(),
          limits::denorm_min(),
          limits::infinity(),
          -limits::infinity(),
          limits::quiet_NaN(),
          -limits::quiet_NaN()};
}

}  // namespace

TEST_CASE("read_idx: the bytes of files, written out by hand") {
  const tensor<std::uint8_t> images = read<std::uint8_t>("\0\0\x08\3\0\0\0\2\0\0\0\1\0\0\0\3\1\2\3\4\xFE\xFF"s);
  CHECK(images.shape() == shape{2, 1, 3});
  CHECK(images.at(0, 0, 2) == 3);
  CHECK(images.at(1, 0, 1) == 254);
  CHECK(read<std::int8_t>("\0\0\x09\1\0\0\0\1\xFE"s).item() == -2);
  CHECK(read<std::int32_t>("\0\0\x0B\1\0\0\0\1\xFE\xDC"s).item() == -0x124);
  CHECK(read<std::int32_t>("\0\0\x0C\1\0\0\0\1\x12\x34\x56\x78"s).item() == 0x12345678);
  CHECK(read<float>("\0\0\x0D\1\0\0\0\1\xC0\x20\0\0"s).item() == -2.5f);
  CHECK(read<double>("\0\0\x0E\1\0\0\0\1\x40\x04\0\0\0\0\0\0"s).item() == 2.5);
  CHECK(read<std::int64_t>("\0\0\x08\1\0\0\0\1\xFF"s).item() == 255);
  CHECK(read<bool>("\0\0\x08\1\0\0\0\1\2"s).item());
}

TEST_CASE("read_idx: values of every stored type become what cast makes of them") {
  check_conversions<std::uint8_t, std::uint8_t>(0x08, telling_integers<std::uint8_t>());
  check_conversions<std::int8_t, std::int8_t>(0x09, telling_integers<std::int8_t>());
  check_conversions<std::int16_t, std::int32_t>(0x0B, telling_integers<std::int16_t>());
  check_conversions<std::int32_t, std::int32_t>(0x0C, telling_integers<std::int32_t>());
  check_conversions<float, float>(0x0D, telling_reals<float>());
  check_conversions<double, double>(0x0E, telling_reals<double>());
}

TEST_CASE("read_idx: 1 to 8 axes, sizes of 0, and more values than one piece of the file holds") {
  const std::vector<std::uint32_t> several[] = {{6},
                                                {2, 3},
                                                {1, 2, 3},
                                                {2, 3, 1, 2},
                                                {1, 1, 1, 1, 5},
                                                {2, 1, 2, 1, 2, 1},
                                                {1, 2, 1, 2, 1, 2, 3},
                                                {2, 2, 2, 2, 2, 2, 2, 2},
                                                {0},
                                                {0, 28, 28},
                                                {3, 0, 2},
                                                {1, 2, 3, 4, 5, 6, 7, 0},
                                                {16383},
                                                {16384},
                                                {16385},
                                                {3, 16384},
                                                {255, 257}};
  for (const auto& sizes : several) {
    std::vector<std::int64_t> axes(sizes.begin(), sizes.end());
    const shape expected{std::span<const std::int64_t>(axes)};
    INFO("shape ", expected.text());
    const auto check = [&](int code, auto zero) {
      using T = decltype(zero);
      const std::vector<T> values = support::noise_values<T>(expected.size(), 1, 0, 100);
      const tensor<T> got = read<T>(header_of(code, sizes) + values_of(values));
      CHECK(got.shape() == expected);
      CHECK(support::same_bits(got.values(), std::span<const T>(values)));
    };
    check(0x08, std::uint8_t{});
    check(0x0C, std::int32_t{});
    check(0x0E, double{});
  }
}

TEST_CASE("read_idx: damaged and hostile files") {
  constexpr std::uint32_t most = 0xFFFFFFFF;
  const std::string expected_types =
      "element type 8 (uint8), 9 (int8), 11 (int16), 12 (int32), 13 (float32) or 14 (float64), got ";
  const auto u8 = [](const std::vector<std::uint32_t>& sizes, std::size_t count) {
    return header_of(0x08, sizes) + std::string(count, 'x');
  };
  const struct {
    const char* name;
    std::string bytes, expected;
  } table[] = {
      {"empty", "", "4 bytes or more, got 0 in the file; is the download complete?"},
      {"one byte", "\0"s, "4 bytes or more, got 1 in the file; is the download complete?"},
      {"three bytes", "\0\0\x08"s, "4 bytes or more, got 3 in the file; is the download complete?"},
      {"gzip", "\x1F\x8B\x08\0abcdefgh"s,
       "an IDX file, got a gzip file: the file; gunzip it, or include inlay/zlib.hpp and use data::read_idx_gz"},
      {"two bytes of gzip", "\x1F\x8B",
       "an IDX file, got a gzip file: the file; gunzip it, or include inlay/zlib.hpp and use data::read_idx_gz"},
      {"a picture", "\x89PNG\r\n", "an IDX file, which starts with two bytes of 0, got 137 and 80 in the file"},
      {"second byte", "\0\1\x08\1\0\0\0\1x"s, "an IDX file, which starts with two bytes of 0, got 0 and 1 in the file"},
      {"little-endian header", "\3\x08\0\0\0\0\0\1x"s,
       "an IDX file, which starts with two bytes of 0, got 3 and 8 in the file"},
      {"type 0", "\0\0\0\1\0\0\0\1x"s, expected_types + "0 in the file"},
      {"type 10", "\0\0\x0A\1\0\0\0\1x"s, expected_types + "10 in the file"},
      {"type 15", "\0\0\x0F\1\0\0\0\1x"s, expected_types + "15 in the file"},
      {"type 255", "\0\0\xFF\1\0\0\0\1x"s, expected_types + "255 in the file"},
      {"no axes", "\0\0\x08\0x"s, "1 to 8 axes, got 0 in the file"},
      {"nine axes", u8({1, 1, 1, 1, 1, 1, 1, 1, 1}, 1), "1 to 8 axes, got 9 in the file"},
      {"255 axes", "\0\0\x08\xFF"s + std::string(2000, '\1'), "1 to 8 axes, got 255 in the file"},
      {"no sizes", "\0\0\x08\2"s, "12 bytes or more, got 4 in the file; is the download complete?"},
      {"half a size", "\0\0\x08\1\0\0"s, "8 bytes or more, got 6 in the file; is the download complete?"},
      {"no values", u8({4}, 0), "12 bytes for values of shape (4,), got 8 in the file; is the download complete?"},
      {"one value short", u8({2, 2}, 3),
       "16 bytes for values of shape (2, 2), got 15 in the file; is the download complete?"},
      {"one byte short of doubles", header_of(0x0E, {2}) + std::string(15, 'x'),
       "24 bytes for values of shape (2,), got 23 in the file; is the download complete?"},
      {"trailing byte", u8({2, 2}, 5),
       "16 bytes for values of shape (2, 2), got more in the file; does it hold one array and nothing else?"},
      {"trailing file", u8({2}, 2) + u8({2}, 2),
       "10 bytes for values of shape (2,), got more in the file; does it hold one array and nothing else?"},
      {"values without a size", u8({0}, 1),
       "8 bytes for values of shape (0,), got more in the file; does it hold one array and nothing else?"},
      {"4 GiB", u8({most}, 4),
       "4294967303 bytes for values of shape (4294967295,), got 12 in the file; is the download complete?"},
      {"2^55 values", u8({1u << 31, 1u << 24}, 4),
       "36028797018963980 bytes for values of shape (2147483648, 16777216), got 16 in the file; is the download "
       "complete?"},
      {"2^56 doubles", header_of(0x0E, {1u << 31, 1u << 25}) + "1234",
       "576460752303423500 bytes for values of shape (2147483648, 33554432), got 16 in the file; is the download "
       "complete?"},
      {"2^57 values", u8({1u << 31, 1u << 26}, 4),
       "a shape whose size does not overflow, got (2147483648,) times 67108864 in the file"},
      {"almost 2^64 values", u8({most, most}, 4),
       "a shape whose size does not overflow, got (4294967295,) times 4294967295 in the file"},
      {"2^64 values, which wrap to 0", u8({1u << 16, 1u << 16, 1u << 16, 1u << 16}, 0),
       "a shape whose size does not overflow, got (65536, 65536, 65536) times 65536 in the file"},
      {"2^61 doubles, whose bytes wrap to 0", header_of(0x0E, {1u << 31, 1u << 30}),
       "a shape whose size does not overflow, got (2147483648,) times 1073741824 in the file"},
      {"no values in strides that overflow", u8({0, most, most, most}, 0),
       "a shape whose size does not overflow, got (0, 4294967295) times 4294967295 in the file"},
      {"eight sizes of 2^32 - 1", u8({most, most, most, most, most, most, most, most}, 4),
       "a shape whose size does not overflow, got (4294967295,) times 4294967295 in the file"},
  };
  const support::temporary_folder folder;
  for (const auto& row : table) {
    INFO(std::string(row.name));
    const outcome out = attempt(folder / "t.idx", row.bytes);
    CHECK(out.message == "[read_idx] expected " + row.expected);
    CHECK(out.blocks == 0);
  }
}

TEST_CASE("read_idx: a file cut anywhere, or longer by any number of bytes, is refused") {
  const support::temporary_folder folder;
  const std::string path = folder / "t.idx";
  for (const int code : {0x08, 0x0B, 0x0D, 0x0E}) {
    const std::string good = header_of(code, {3, 1, 2}) + std::string(6 * (code == 0x08   ? 1u
                                                                           : code == 0x0B ? 2u
                                                                           : code == 0x0D ? 4u
                                                                                          : 8u),
                                                                      '\x3F');
    INFO("type ", code);
    CHECK(attempt(path, good).message.empty());
    int accepted = 0;
    std::uint64_t blocks = 0;
    for (std::size_t length = 0; length < good.size() + 20; ++length) {
      if (length == good.size()) continue;
      std::string bytes = good;
      bytes.resize(length, 'x');
      const outcome out = attempt(path, bytes);
      accepted += !out.message.starts_with("[read_idx] expected ");
      blocks += out.blocks;
    }
    CHECK(accepted == 0);
    CHECK(blocks == 0);
  }
}

TEST_CASE("read_idx: random damage is read as something valid or refused, and nothing else") {
  const support::temporary_folder folder;
  const std::string path = folder / "t.idx", good = header_of(0x08, {4, 3, 2}) + std::string(24, '\1');
  std::uint64_t drawn = 0;
  const auto below = [&](std::size_t bound) { return static_cast<std::size_t>(support::noise(drawn++) % bound); };
  int accepted = 0, refused = 0, wrong = 0;
  constexpr int rounds = support::sanitized ? 2000 : 10000;
  for (int round = 0; round < rounds; ++round) {
    std::string bytes = good;
    for (std::size_t changes = 1 + below(3); changes > 0 && !bytes.empty(); --changes) {
      const std::size_t at = below(below(4) == 0 ? bytes.size() : std::min<std::size_t>(bytes.size(), 16));
      if (below(2) == 0)
        bytes[at] = static_cast<char>(bytes[at] ^ (1 << below(8)));
      else
        bytes[at] = static_cast<char>(below(below(2) == 0 ? 16 : 256));
      if (below(16) == 0) bytes.resize(at);
    }
    const outcome out = attempt(path, bytes);
    if (out.message.empty()) {
      ++accepted;
      const std::size_t width = bytes[2] <= 0x09 ? 1 : bytes[2] == 0x0B ? 2 : bytes[2] == 0x0E ? 8 : 4;
      const auto axes = static_cast<std::size_t>(out.values.rank());
      wrong += 4 + 4 * axes + static_cast<std::size_t>(out.values.size()) * width != bytes.size();
    } else {
      ++refused;
      wrong += !out.message.starts_with("[read_idx] expected ") || out.blocks != 0;
    }
  }
  CHECK(wrong == 0);
  CHECK(accepted > rounds / 100);
  CHECK(refused > rounds / 2);
}

TEST_CASE("read_idx: what is no file") {
  const support::temporary_folder folder;
  const std::string pipe = folder / "pipe";
  REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  const struct {
    std::string path, expected;
  } table[] = {
      {folder / "missing.idx", "to read " + folder / "missing.idx" + ", got: No such file or directory"},
      {folder.path(), "a regular file, got " + folder.path()},
      {pipe, "a regular file, got " + pipe},
      {"", "to read , got: No such file or directory"},
  };
  for (const auto& row : table) {
    INFO(row.path);
    std::string message;
    try {
      data::read_idx<float>(row.path);
    } catch (const io_error& e) {
      message = e.what();
    }
    CHECK(message == "[read] expected " + row.expected);
  }
}

TEST_CASE("read_idx: a file takes one block, and nothing beside it") {
  const support::temporary_folder folder;
  const outcome out = attempt(folder / "t.idx", header_of(0x0C, {1000, 30}) + std::string(120000, '\0'));
  CHECK(out.message.empty());
  CHECK(out.values.size() == 30000);
  CHECK(out.blocks == 1);
}
