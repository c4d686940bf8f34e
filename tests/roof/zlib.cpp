// Shows: packed IDX and npz files (`inlay/zlib.hpp`)
// IDX files packed with gzip: what was packed comes back, a damaged, truncated or hostile file is refused with its
// name, and however much a file unpacks to, nothing is allocated before all of it proved sound. The same for the
// members of NumPy's archives, whose sizes are known before.
#include <inlay/zlib.hpp>

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "allocations.hpp"
#include "files.hpp"
#include "support.hpp"

using namespace inlay;
using namespace std::string_literals;

namespace {

std::string header_of(int code, const std::vector<std::uint32_t>& sizes) {
  std::string out = {0, 0, static_cast<char>(code), static_cast<char>(sizes.size())};
  for (const std::uint32_t size : sizes)
    for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(size >> shift & 0xFF);
  return out;
}

// One member of a gzip file: `text`, then as many bytes of zero as asked for, which need not fit in memory.
std::string packed(std::string_view text, int level = 9, std::uint64_t zeros = 0, gz_header* header = nullptr) {
  z_stream stream{};
  REQUIRE(deflateInit2(&stream, level, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  if (header != nullptr) deflateSetHeader(&stream, header);
  std::string out, piece(1 << 16, '\0');
  const std::string zero(1 << 20, '\0');
  const auto put = [&](std::string_view from, int flush) {
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(from.data()));
    stream.avail_in = static_cast<uInt>(from.size());
    do {
      stream.next_out = reinterpret_cast<Bytef*>(piece.data());
      stream.avail_out = static_cast<uInt>(piece.size());
      deflate(&stream, flush);
      out.append(piece, 0, piece.size() - stream.avail_out);
    } while (stream.avail_out == 0);
  };
  put(text, Z_NO_FLUSH);
  for (; zeros > 0; zeros -= std::min<std::uint64_t>(zeros, zero.size()))
    put({zero.data(), static_cast<std::size_t>(std::min<std::uint64_t>(zeros, zero.size()))}, Z_NO_FLUSH);
  put("", Z_FINISH);
  deflateEnd(&stream);
  return out;
}

std::string noise_bytes(std::size_t count) {
  std::string out(count, '\0');
  for (std::size_t i = 0; i < count; ++i) out[i] = static_cast<char>(support::noise(i));
  return out;
}

// What came of reading the bytes as a file: the values, or the message of the error with the path as "the file".
struct outcome {
  std::string message = {};
  std::size_t largest = 0;  // allocation
  shape sizes = {};
  std::string values = {};
};
outcome attempt(const std::string& path, const std::string& bytes, const data::idx_gz_options& options = {}) {
  support::write_bytes(path, bytes);
  memory::trim();  // nothing is kept for reuse, so that every allocation is seen
  outcome out;
  const support::allocation_watch watch;
  try {
    const tensor<std::uint8_t> got = data::read_idx_gz<std::uint8_t>(path, options);
    out.largest = watch.largest();
    out.sizes = got.shape();
    out.values.assign(reinterpret_cast<const char*>(got.data()), got.bytes());
  } catch (const io_error& e) {
    out.largest = watch.largest();
    out.message = e.what();
    const std::size_t at = out.message.find(path);
    out.message =
        at == std::string::npos ? "no path in: " + out.message : out.message.replace(at, path.size(), "the file");
  }
  return out;
}

constexpr std::size_t little = 16384;  // room for paths and messages

}  // namespace

TEST_CASE("read_idx_gz: the bytes of a file that gzip made, and the same file unpacked") {
  const support::temporary_folder folder;
  const std::string gz =
      "\x1F\x8B\x08\0\0\0\0\0\2\3\x63\x60\xE0\x60\x62\x60\x60\0\x61\x66\x46\x26\x66\x16\x56\x36\0"
      "\x48\x94\x3E\xE5\x12\0\0\0"s;
  const std::string plain = "\0\0\x08\2\0\0\0\2\0\0\0\3\1\2\3\4\5\6"s;
  for (const std::string& bytes : {gz, plain}) {
    support::write_bytes(folder / "f", bytes);
    const tensor<float> got = data::read_idx_gz<float>(folder / "f");
    CHECK(got.shape() == shape{2, 3});
    CHECK(support::same_bits(got.values(), std::span<const float>(std::vector<float>{1, 2, 3, 4, 5, 6})));
  }
  CHECK(packed(plain) == gz.substr(0, 9) + packed(plain)[9] + gz.substr(10));
  support::write_bytes(folder / "f", gz);
  CHECK_THROWS_WITH_AS(data::read_idx<float>(folder / "f"),
                       ("[read_idx] expected an IDX file, got a gzip file: " + folder / "f" +
                        "; gunzip it, or include inlay/zlib.hpp and use data::read_idx_gz")
                           .c_str(),
                       io_error);
}

TEST_CASE("read_idx_gz: every type, level and size comes back as from the plain file") {
  const support::temporary_folder folder;
  const struct {
    int code;
    std::size_t width;
  } types[] = {{0x08, 1}, {0x09, 1}, {0x0B, 2}, {0x0C, 4}, {0x0D, 4}, {0x0E, 8}};
  for (const auto& type : types)
    for (const std::uint32_t size : {0u, 1u, 5u, 2047u, 2049u, 16384u, 40000u})
      for (const int level : {0, 1, 9}) {
        INFO("type ", type.code, ", size ", size, ", level ", level);
        const std::string bytes = header_of(type.code, {size, 1}) + noise_bytes(size * type.width);
        support::write_bytes(folder / "plain", bytes);
        support::write_bytes(folder / "gz", packed(bytes, level));
        const auto check = [&](auto zero) {
          using T = decltype(zero);
          const tensor<T> got = data::read_idx_gz<T>(folder / "gz"), expected = data::read_idx<T>(folder / "plain");
          CHECK(got.shape() == shape{size, 1});
          CHECK(support::same_bits(got.values(), expected.values()));
        };
        check(std::uint8_t{});
        check(double{});
      }
}

TEST_CASE("read_idx_gz: several members, and headers with everything in them") {
  const support::temporary_folder folder;
  const std::string path = folder / "f";
  const std::string values = noise_bytes(300), bytes = header_of(0x08, {300}) + values;
  std::string members;
  for (std::size_t at = 0; at < bytes.size(); at += 7) members += packed(bytes.substr(at, 7)) + packed("");
  std::string name(500, 'n'), extra(40000, 'e'), comment(20000, 'c');
  gz_header full{};
  full.text = full.hcrc = 1;
  full.time = 1234567890;
  full.name = reinterpret_cast<Bytef*>(name.data());
  full.comment = reinterpret_cast<Bytef*>(comment.data());
  full.extra = reinterpret_cast<Bytef*>(extra.data());
  full.extra_len = static_cast<uInt>(extra.size());
  for (const std::string& gz : {packed(bytes), members, packed(bytes, 9, 0, &full)}) {
    const outcome out = attempt(path, gz);
    CHECK(out.message.empty());
    CHECK(out.values == values);
    CHECK(out.sizes == shape{300});
  }
}

TEST_CASE("read_idx_gz: damaged and hostile contents") {
  constexpr std::uint32_t most = 0xFFFFFFFF;
  const std::string good = header_of(0x08, {2, 2}) + "1234", gz = packed(good);
  const std::string whole = "a whole gzip file, got one that is cut short: the file; is the download complete?";
  const auto sound = [](const std::string& what) {
    return "a sound gzip file, got \"" + what + "\" in the file; download it again";
  };
  const auto changed = [&](std::size_t from_end, char to) {
    std::string out = gz;
    out[out.size() - from_end] = static_cast<char>(out[out.size() - from_end] ^ to);
    return out;
  };
  const struct {
    const char* name;
    std::string bytes, expected;
  } table[] = {
      {"empty", "", "4 bytes or more, got 0 in the file; is the download complete?"},
      {"one byte", "\x1F", "4 bytes or more, got 1 in the file; is the download complete?"},
      {"magic only", "\x1F\x8B", whole},
      {"nothing, packed", packed(""), "4 bytes or more, got 0 in the file; is the download complete?"},
      {"packed twice", packed(gz),
       "an IDX file, got a gzip file: the file; gunzip it, or include inlay/zlib.hpp and use data::read_idx_gz"},
      {"text, packed", packed("hello"), "an IDX file, which starts with two bytes of 0, got 104 and 101 in the file"},
      {"unknown method", "\x1F\x8B\x07"s + gz.substr(3), sound("unknown compression method")},
      {"reserved flags", "\x1F\x8B\x08\xE0"s + gz.substr(4), sound("unknown header flags set")},
      {"a block of no type", gz.substr(0, 10) + "\xFF" + gz.substr(11), sound("invalid block type")},
      {"checksum", changed(8, 1), sound("incorrect data check")},
      {"length in the trailer", changed(4, 1), sound("incorrect length check")},
      {"trailing zeros", gz + std::string(512, '\0'), sound("incorrect header check")},
      {"trailing text", gz + "x", whole},
      {"half a second member", gz + gz.substr(0, 12), whole},
      {"two arrays", gz + gz,
       "16 bytes for values of shape (2, 2), got more in the file; does it hold one array and nothing else?"},
      {"one value short", packed(good.substr(0, 15)),
       "16 bytes for values of shape (2, 2), got 15 in the file; is the download complete?"},
      {"one value more", packed(good + "5"),
       "16 bytes for values of shape (2, 2), got more in the file; does it hold one array and nothing else?"},
      {"promises of 4 GiB", packed(header_of(0x08, {most - 16}) + "1234"),
       "4294967287 bytes for values of shape (4294967279,), got 12 in the file; is the download complete?"},
      {"promises of more than 4 GiB", packed(header_of(0x08, {most}) + "1234"),
       "at most 4294967296 bytes once unpacked, got 4294967303 in the file; raise idx_gz_options::limit if the file "
       "is to be trusted"},
      {"promises of 2^56 doubles", packed(header_of(0x0E, {1u << 31, 1u << 25}) + "1234"),
       "at most 4294967296 bytes once unpacked, got 576460752303423500 in the file; raise idx_gz_options::limit if "
       "the file is to be trusted"},
      {"promises that overflow", packed(header_of(0x0E, {most, most}) + "1234"),
       "a shape whose size does not overflow, got (4294967295,) times 4294967295 in the file"},
      {"plain, one value short", good.substr(0, 15),
       "16 bytes for values of shape (2, 2), got 15 in the file; is the download complete?"},
  };
  const support::temporary_folder folder;
  REQUIRE(attempt(folder / "f", gz).values == "1234");
  for (const auto& row : table) {
    INFO(std::string(row.name));
    const outcome out = attempt(folder / "f", row.bytes);
    CHECK(out.message == "[read_idx] expected " + row.expected);
    CHECK(out.largest <= little);
  }
}

TEST_CASE("read_idx_gz: a bomb goes off nowhere") {
  const support::temporary_folder folder;
  const std::string path = folder / "f";
  constexpr std::uint32_t size = 16 << 20;
  const std::string true_bomb = packed(header_of(0x08, {size}), 1, size);
  constexpr std::int64_t whole = 8 + std::int64_t{size};
  const struct {
    const char* name;
    std::string bytes;
    std::int64_t limit;
    std::string expected;
  } table[] = {
      {"more than the header says", packed(header_of(0x08, {3}), 1, size), whole,
       "11 bytes for values of shape (3,), got more in the file; does it hold one array and nothing else?"},
      {"no header", packed("", 1, size), whole, "element type 8 (uint8), 9 (int8), 11 (int16), 12 (int32), "},
      {"as the header says, over the limit", true_bomb, 1 << 20, "at most 1048576 bytes once unpacked, got 16777224 "},
      {"one byte over the limit", true_bomb, whole - 1, "at most 16777223 bytes once unpacked, got 16777224 "},
      {"a limit of nothing", true_bomb, 0, "at most 0 bytes once unpacked, got 16777224 "},
      {"a limit below nothing", true_bomb, -1, "at most -1 bytes once unpacked, got 16777224 "},
      {"one byte short", packed(header_of(0x08, {size}), 1, size - 1), whole,
       "16777224 bytes for values of shape (16777216,), got 16777223 in the file; is the download complete?"},
      {"without its last byte", true_bomb.substr(0, true_bomb.size() - 1), whole, "a whole gzip file, got one that"},
  };
  for (const auto& row : table) {
    INFO(std::string(row.name));
    const outcome out = attempt(path, row.bytes, {.limit = row.limit});
    CHECK_MESSAGE(out.message.starts_with("[read_idx] expected " + row.expected), out.message);
    CHECK(out.largest <= little);
  }
  const outcome out = attempt(path, true_bomb, {.limit = whole});
  CHECK(out.message.empty());
  CHECK(out.sizes == shape{size});
  CHECK(out.values == std::string(size, '\0'));

  // The limit is one of unpacking: a plain file has shown its length.
  CHECK(attempt(path, header_of(0x08, {4}) + "1234", {.limit = 0}).values == "1234");
}

TEST_CASE("read_idx_gz: a file cut anywhere is refused") {
  const support::temporary_folder folder;
  const std::string path = folder / "f";
  const std::string bytes = header_of(0x08, {20, 30}) + noise_bytes(300) + std::string(300, 'x');
  for (const int level : {0, 1, 9}) {
    const std::string gz = packed(bytes, level);
    INFO("level ", level);
    REQUIRE(attempt(path, gz).message.empty());
    int accepted = 0;
    std::size_t largest = 0;
    for (std::size_t length = 0; length < gz.size(); ++length) {
      const outcome out = attempt(path, gz.substr(0, length));
      accepted += !out.message.starts_with("[read_idx] expected ");
      largest = std::max(largest, out.largest);
    }
    CHECK(accepted == 0);
    CHECK(largest <= little);
  }
}

TEST_CASE("read_idx_gz: a flipped bit is refused, or lies where it means nothing") {
  const support::temporary_folder folder;
  const std::string path = folder / "f";
  const std::string values = noise_bytes(100) + std::string(100, 'x'), bytes = header_of(0x08, {10, 20}) + values;
  for (const int level : {0, 9}) {
    const std::string gz = packed(bytes, level);
    INFO("level ", level);
    int wrong = 0;
    std::size_t refused = 0;
    for (std::size_t bit = 0; bit < 8 * gz.size(); ++bit) {
      std::string damaged = gz;
      damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << bit % 8));
      const outcome out = attempt(path, damaged);
      if (out.message.empty())  // time, extra flags and system, the flag of text, what fills up the last byte
        wrong += out.values != values || out.sizes != shape{10, 20};
      else
        wrong += !out.message.starts_with("[read_idx] expected ") || out.largest > little;
      refused += !out.message.empty();
    }
    CHECK(wrong == 0);
    CHECK(refused >= 8 * (gz.size() - 10));
  }
}

TEST_CASE("read_idx_gz: what is no file") {
  const support::temporary_folder folder;
  const struct {
    std::string path, expected;
  } table[] = {
      {folder / "missing.gz", "to read " + folder / "missing.gz" + ", got: No such file or directory"},
      {folder.path(), "a regular file, got " + folder.path()},
      {"", "to read , got: No such file or directory"},
  };
  for (const auto& row : table) {
    INFO(row.path);
    CHECK_THROWS_WITH_AS(data::read_idx_gz<float>(row.path), ("[read] expected " + row.expected).c_str(), io_error);
  }
}

TEST_CASE("inflate_with_zlib: an archive of numpy.savez_compressed, whole, damaged and lying about its sizes") {
  // golden/data.py: np.savez_compressed(out, x=np.arange(40, dtype="i4").reshape(5, 8), y=np.array([1.5, -2]))
  std::string bytes;
  for (const char* hex = R"(
      504b030414000000080000002100699ca646940000002001000005001400782e6e707901001000200100000000000094000000000000009d
      cab90ac2400084e1c4fbbeef733d5721a58288b59d62636125c1ac2888918dd8884fe10bfbe7151cf88a19e6bbdd6f7607d378196fe928ef
      a4e552c8d575262d21cfae7e6afb7e74b5a3fc7d6ddf3cc5ee5dec87a24fe696584c2df1117f276110130104114218114411431cfe318914
      d2c8208b1cf228a08812caa8a08a1aea68a08916dae8a00b811efa18608811c690f801504b030414000000080000002100b098c5414d0000
      009000000005001400792e6e70790100100090000000000000004d000000000000009bec17ea1b10c9c850c650ad9e925a9c5ca46ea5a06e
      9366a1aea3a09e965f54529498179f5f94920a12774bcc294e058a17672416a402f91a463a9a3a0ab50a14002e0630f8610fa1190e000050
      4b0102140314000000080000002100699ca6469400000020010000050000000000000000000000800100000000782e6e7079504b01021403
      14000000080000002100b098c5414d000000900000000500000000000000000000008001cb000000792e6e7079504b050600000000020002
      00660000004f0100000000)";
       *hex != '\0'; ++hex)
    if (*hex > ' ') {
      bytes += static_cast<char>(std::stoi(std::string(hex, 2), nullptr, 16));
      ++hex;
    }
  const support::temporary_folder folder;
  const io::load_npz_options options{.inflate = io::inflate_with_zlib};
  support::write_bytes(folder / "f", bytes);
  const io::named_tensors back = io::load_npz(folder / "f", options);
  REQUIRE(back.size() == 2);
  CHECK(back.at("x").shape() == shape{5, 8});
  for (std::int32_t i = 0; i < 40; ++i)
    CHECK(back.at("x").as<std::int32_t>().values()[static_cast<std::size_t>(i)] == i);
  CHECK(back.at("y").as<double>().values()[1] == -2);
  CHECK_THROWS_AS(io::load_npz(folder / "f"), io_error);

  const auto refused = [](const std::string& packed, std::size_t size) {
    std::vector<std::uint8_t> to(size), from(packed.begin(), packed.end());
    CHECK_THROWS_WITH_AS(
        io::inflate_with_zlib("x of f", from, to),
        ("[load_npz] expected " + std::to_string(size) + " bytes from x of f, got damaged data").c_str(), io_error);
  };
  const std::string three = "\x4b\x4c\x4a\x06\0"s;  // "abc"
  std::vector<std::uint8_t> to(3), from(three.begin(), three.end());
  io::inflate_with_zlib("x", from, to);
  CHECK(std::string(to.begin(), to.end()) == "abc");
  for (const std::size_t size : {0u, 1u, 2u, 4u, 100u}) refused(three, size);
  for (std::size_t length = 0; length < three.size(); ++length) refused(three.substr(0, length), 3);
  refused(three + "x", 3);
  refused("\xFF\xFF", 3);

  int wrong = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i)
    for (int bit = 0; bit < 8; ++bit) {
      std::string flipped = bytes;
      flipped[i] = static_cast<char>(flipped[i] ^ 1 << bit);
      support::write_bytes(folder / "f", flipped);
      try {
        const io::named_tensors got = io::load_npz(folder / "f", options);
        wrong += got.size() != 2 || got.at("x").as<std::int32_t>().values()[39] != 39;
      } catch (const io_error&) {
      }
    }
  CHECK(wrong == 0);
}
