// Shows: safetensors
// safetensors files: the bytes on disk are exactly the format's, every value comes back bit for bit, and no damaged or
// hostile file does anything but throw an error that names it; no size in it is believed before it is checked; memory
// may run out at any moment.
#include <inlay/io/safetensors.hpp>

#include <doctest/doctest.h>

#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <inlay/io/save.hpp>

#include "allocations.hpp"
#include "files.hpp"
#include "io/models.hpp"
#include "support.hpp"

using namespace inlay;
using namespace std::string_literals;
using support::u64_bytes;

namespace {

std::string unhex(std::string_view hex) {
  std::string out;
  int high = -1;
  for (const char c : hex) {
    const int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
    if (digit < 0) continue;
    if (high >= 0) out += static_cast<char>(high * 16 + digit);
    high = high < 0 ? digit : -1;
  }
  return out;
}

std::string file_of(std::string_view header, std::string_view data = "") {
  return u64_bytes(header.size()) + std::string(header) + std::string(data);
}

std::string text_of(std::span<const std::uint8_t> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// All that was read, bit for bit.
std::string contents(const io::tensor_file& file) {
  std::string out;
  for (const auto& [name, t] : file.tensors)
    out += name + ' ' + inlay::name(t.type()) + ' ' + t.shape().text() + ' ' + text_of(t.bytes()) + '\n';
  for (const auto& [key, value] : file.metadata) out += key + '=' + value + '\n';
  return out;
}

// Writes the bytes and reads them as a file, copied and mapped: the contents, or the message of the error.
struct loaded {
  std::string text;
  error_code code{};
  std::size_t largest = 0;  // allocation
  bool same = true;         // whether mapped or not
};
loaded load(const std::string& path, const std::string& bytes) {
  support::write_bytes(path, bytes);
  loaded out;
  for (const bool map : {false, true}) {
    memory::trim();  // nothing is kept for reuse, so that every allocation is seen
    const support::allocation_watch watch;
    std::string text;
    try {
      text = contents(io::load_tensors(path, {.map = map}));
    } catch (const error& e) {
      text = e.what();
      out.code = e.code();
    }
    out.largest = std::max(out.largest, watch.largest());
    out.same = out.same && (!map || text == out.text);
    out.text = text;
  }
  return out;
}

template <class T> any_tensor of_bits(const shape& sizes, std::uint64_t seed) {
  tensor<T> out = empty<T>(sizes);
  out.write([&](std::span<T> to) {
    for (std::size_t i = 0; i < to.size(); ++i) {
      const std::uint64_t bits = support::noise(seed + i) & (std::is_same_v<T, bool> ? 1 : ~std::uint64_t{0});
      std::memcpy(&to[i], &bits, sizeof(T));
    }
  });
  return out;
}

}  // namespace

TEST_CASE("safetensors: the bytes of a file, written out by hand") {
  // {"__metadata__":{"k":"v"},"z":{"dtype":"I64","shape":[],"data_offsets":[0,8]},
  //  "b":{"dtype":"F32","shape":[2,1],"data_offsets":[8,16]},"a":{"dtype":"U8","shape":[3],"data_offsets":[16,19]}}
  const std::string golden = unhex(R"(
      c0 00 00 00 00 00 00 00
      7b 22 5f 5f 6d 65 74 61 64 61 74 61 5f 5f 22 3a 7b 22 6b 22 3a 22 76 22 7d 2c
      22 7a 22 3a 7b 22 64 74 79 70 65 22 3a 22 49 36 34 22 2c 22 73 68 61 70 65 22 3a 5b 5d 2c
      22 64 61 74 61 5f 6f 66 66 73 65 74 73 22 3a 5b 30 2c 38 5d 7d 2c
      22 62 22 3a 7b 22 64 74 79 70 65 22 3a 22 46 33 32 22 2c 22 73 68 61 70 65 22 3a 5b 32 2c 31 5d 2c
      22 64 61 74 61 5f 6f 66 66 73 65 74 73 22 3a 5b 38 2c 31 36 5d 7d 2c
      22 61 22 3a 7b 22 64 74 79 70 65 22 3a 22 55 38 22 2c 22 73 68 61 70 65 22 3a 5b 33 5d 2c
      22 64 61 74 61 5f 6f 66 66 73 65 74 73 22 3a 5b 31 36 2c 31 39 5d 7d 7d 20 20 20 20
      fe ff ff ff ff ff ff ff  00 00 80 3f 00 00 00 c0  01 02 ff)");
  const support::temporary_folder folder;
  io::tensor_file file;
  file.tensors["a"] = from<std::uint8_t>({3}, {1, 2, 255});
  file.tensors["b"] = from<float>({2, 1}, {1, -2});
  file.tensors["z"] = tensor<std::int64_t>(shape{}, -2);
  file.metadata["k"] = "v";
  io::save_tensors(file, folder / "f");
  CHECK(support::read_bytes(folder / "f") == golden);

  support::write_bytes(folder / "g", golden);
  const io::tensor_file back = io::load_tensors(folder / "g");
  REQUIRE(back.tensors.size() == 3);
  CHECK(back.tensors.at("a").as<std::uint8_t>().values()[2] == 255);
  CHECK(back.tensors.at("b").as<float>().values()[1] == -2);
  CHECK(back.tensors.at("z").as<std::int64_t>().item() == -2);
  CHECK(back.metadata.at("k") == "v");

  io::save_tensors({}, folder / "empty");
  CHECK(support::read_bytes(folder / "empty") == u64_bytes(8) + "{}      ");
}

TEST_CASE("safetensors: every type and shape comes back bit for bit, mapped or not") {
  const support::temporary_folder folder;
  io::tensor_file file;
  const shape shapes[] = {{}, {0}, {1}, {3}, {2, 0, 3}, {2, 3}, {1, 2, 1, 2, 1, 2, 1, 3}, {1000}};
  for (const dtype type : {dtype::boolean, dtype::int8, dtype::uint8, dtype::int64, dtype::int32, dtype::float64,
                           dtype::float32, dtype::float16, dtype::bfloat16})
    for (const shape& sizes : shapes)
      visit(type, [&](auto zero) {
        file.tensors[std::string(name(type)) + sizes.text()] = of_bits<decltype(zero)>(sizes, file.tensors.size());
      });
  using limits = std::numeric_limits<float>;
  file.tensors["special"] = from<float>(
      {5}, {limits::quiet_NaN(), limits::signaling_NaN(), -limits::infinity(), -0.0f, limits::denorm_min()});
  for (int round = 0; round < 2; ++round) {
    io::save_tensors(file, folder / "f");
    for (const bool map : {false, true}) {
      const io::tensor_file back = io::load_tensors(folder / "f", {.map = map});
      CHECK(contents(back) == contents(file));
      std::size_t misplaced = 0;
      for (const auto& [name, t] : back.tensors)
        misplaced += reinterpret_cast<std::uintptr_t>(t.bytes().data()) % static_cast<std::size_t>(size_of(t.type()));
      CHECK(misplaced == 0);
    }
    file.metadata["round"] = "two";
  }
}

TEST_CASE("safetensors: names and metadata of any characters") {
  const support::temporary_folder folder;
  io::tensor_file file;
  for (const std::string& text : {""s, " "s, "\"quoted\" \\ / \b\f\n\r\t"s, "\0\1\x1F\x7F"s, "é€𝄞"s,
                                  "\xF4\x8F\xBF\xBF"s, "{\"json\":[1]}"s, std::string(100000, 'x')}) {
    file.tensors[text] = tensor<std::int8_t>(shape{1}, 1);
    file.metadata[text] = text;
  }
  file.metadata["__metadata__"] = "a key like any other";
  io::save_tensors(file, folder / "f");
  CHECK(contents(io::load_tensors(folder / "f")) == contents(file));
}

TEST_CASE("safetensors: the same tensors make the same file") {
  const support::temporary_folder folder;
  std::string first;
  for (const bool reversed : {false, true}) {
    io::tensor_file file;
    for (int i = 0; i < 20; ++i) {
      const int at = reversed ? 19 - i : i;
      file.tensors[std::to_string(at)] = at % 2 == 0 ? of_bits<double>({2}, 7) : of_bits<std::int8_t>({3}, 7);
    }
    io::save_tensors(file, folder / "f");
    const std::string bytes = support::read_bytes(folder / "f");
    if (!reversed) first = bytes;
    CHECK(bytes == first);
  }
  io::save_tensors(io::load_tensors(folder / "f"), folder / "again");
  CHECK(support::read_bytes(folder / "again") == first);
}

TEST_CASE("safetensors: what no reader could take back is not written, and the old file stays") {
  const support::temporary_folder folder;
  support::write_bytes(folder / "f", "old");
  for (const std::string& bad : {"__metadata__"s, "\xFF"s, "\xED\xA0\x80"s}) {
    INFO(bad);
    io::tensor_file named;
    named.tensors[bad] = tensor<float>(shape{1});
    CHECK_THROWS_AS(io::save_tensors(named, folder / "f"), value_error);
    if (bad[0] == '_') continue;
    io::tensor_file described;
    described.metadata["k"] = bad;
    CHECK_THROWS_AS(io::save_tensors(described, folder / "f"), value_error);
  }
  CHECK(support::read_bytes(folder / "f") == "old");
  CHECK(folder.names() == std::vector<std::string>{"f"});
}

TEST_CASE("safetensors: tensors at any offset load") {
  const support::temporary_folder folder;
  const std::string doubles(reinterpret_cast<const char*>(std::array{1.5, -2.5}.data()), 16);
  for (std::size_t spaces = 0; spaces < 16; ++spaces) {
    INFO("spaces ", spaces);
    const std::string header =
        R"({"i":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"d":{"dtype":"F64","shape":[2],"data_offsets":[1,17]},)"
        R"("f":{"dtype":"F32","shape":[4],"data_offsets":[17,33]}})" +
        std::string(spaces, ' ');
    support::write_bytes(folder / "f", file_of(header, "\7" + doubles + doubles));
    for (const bool map : {false, true}) {
      const io::tensor_file file = io::load_tensors(folder / "f", {.map = map});
      const tensor<double> d = file.tensors.at("d").as<double>();
      CHECK(d(0) == 1.5);
      CHECK(d(1) == -2.5);
      const tensor<float> f = file.tensors.at("f").as<float>();
      CHECK(text_of(any_tensor(f).bytes()) == doubles);
      CHECK(reinterpret_cast<std::uintptr_t>(std::as_const(d).data()) % alignof(double) == 0);
      CHECK(file.tensors.at("i").as<std::uint8_t>().item() == 7);
    }
  }
}

TEST_CASE("safetensors: damaged and hostile files") {
  const auto many = [](int count, const char* offsets) {
    std::string header = "{";
    for (int i = 0; i < count; ++i)
      header +=
          (i ? ",\"" : "\"") + std::to_string(i) + R"(":{"dtype":"U8","shape":[4],"data_offsets":)" + offsets + "}";
    return header + "}";
  };
  const std::string u8 = R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}})", data = "\1\2\3\4"s;
  const std::string good = file_of(u8, data);
  const auto sized = [&](const char* type, const char* sizes, const char* offsets) {
    return file_of(
        std::string(R"({"a":{"dtype":")") + type + R"(","shape":)" + sizes + R"(,"data_offsets":)" + offsets + "}}",
        data);
  };
  const auto two = [&](std::string size, std::string place, std::string name, std::string other_size,
                       std::string other_place) {
    return file_of(R"({"a":{"dtype":"U8","shape":)" + size + R"(,"data_offsets":)" + place + R"(},")" + name +
                       R"(":{"dtype":"U8","shape":)" + other_size + R"(,"data_offsets":)" + other_place + "}}",
                   data);
  };
  const struct {
    const char* name;
    std::string bytes;
    const char* expected;  // of the message, or of the contents when the file is good
    error_code code = error_code::io;
  } table[] = {
      {"good", good, "a uint8 (4,) \1\2\3\4\n", {}},
      {"empty", "", "expected 8 bytes or more, got 0"},
      {"seven bytes", std::string(7, '\0'), "expected 8 bytes or more, got 7"},
      {"eight bytes of zero", std::string(8, '\0'), "starts with '{'"},
      {"eight bytes", u64_bytes(2), "expected a header of 2 bytes, got a file of 8"},
      {"length of 2^64 - 1", std::string(8, '\xFF') + "{}", "at most 100000000 bytes, got 18446744073709551615"},
      {"length of 2^63", u64_bytes(std::uint64_t{1} << 63) + "{}", "at most 100000000 bytes"},
      {"length beyond the limit", u64_bytes(100000001) + "{}", "at most 100000000 bytes, got 100000001"},
      {"length beyond the file", u64_bytes(100000000) + "{}", "expected a header of 100000000 bytes, got a file of 10"},
      {"length one too large", u64_bytes(3) + "{}", "expected a header of 3 bytes, got a file of 10"},
      {"length one too small", u64_bytes(1) + "{}", "expected a '\"'"},
      {"length that takes in data", u64_bytes(u8.size() + 1) + u8 + data, "nothing but spaces after the header"},
      {"header 0xff", file_of("\xFF"), "starts with '{'"},
      {"header {", file_of("{"), "expected a '\"'"},
      {"header { and no UTF-8", file_of("{\xFF}"), "UTF-8"},
      {"deep nesting of lists", file_of(std::string(R"({"a":{"shape":)") + std::string(1000000, '[')),
       "a whole number"},
      {"deep nesting of objects", file_of([] {
         std::string out;
         for (int i = 0; i < 100000; ++i) out += "{\"a\":";
         return out;
       }()),
       "each of dtype, shape and data_offsets once"},
      {"deep nesting of metadata", file_of("{\"__metadata__\":" + std::string(100000, '{')), "expected a '\"'"},
      {"a long string without an end", file_of("{\"" + std::string(1000000, 'x')), "the end of a string"},
      {"many escapes", file_of("{\"" + std::string(1000000, '\\')), "the end of a string"},
      {"trailing byte", good + "x", "1 bytes more"},
      {"trailing file", good + good, "bytes more"},
      {"one byte short", good.substr(0, good.size() - 1), "end within the file, got offset 4 of 3"},
      {"two bytes short", good.substr(0, good.size() - 2), "end within the file, got offset 4 of 2"},
      {"no data", good.substr(0, good.size() - 4), "end within the file, got offset 4 of 0"},
      {"data without a tensor", file_of("{}", data), "4 bytes more"},
      {"overlap", two("[3]", "[0,3]", "b", "[2]", "[2,4]"), "expected b to begin at 3"},
      {"one range for two", file_of(many(2, "[0,4]"), data), "expected 1 to begin at 4, got offsets 0 and 4"},
      {"one range for thousands", file_of(many(30000, "[0,4]"), data), "to begin at 4"},
      {"hole", two("[1]", "[0,1]", "b", "[2]", "[2,4]"), "expected b to begin at 1"},
      {"hole at the start", sized("U8", "[3]", "[1,4]"), "expected a to begin at 0"},
      {"backwards", sized("U8", "[4]", "[4,0]"), "expected a to begin at 0"},
      {"end before the beginning", two("[4]", "[0,4]", "b", "[4]", "[4,0]"),
       "expected b to begin at 4, got offsets 4 and 0"},
      {"4 bytes for 16", sized("F32", "[2,2]", "[0,4]"), "a (2, 2) of float32 to have its size in bytes, got 4"},
      {"4 bytes for none", sized("F32", "[0]", "[0,4]"), "to have its size in bytes, got 4"},
      {"4 bytes for 2", sized("U8", "[2]", "[0,4]"), "to have its size in bytes, got 4"},
      {"shape [2, 2^64 - 2]", sized("U8", "[2,18446744073709551614]", "[0,4]"), "a number below 2^63"},
      {"shape [2, 2^63 - 1]", sized("U8", "[2,9223372036854775807]", "[0,4]"), "whose size does not overflow"},
      {"shape [2^32, 2^32]", sized("U8", "[4294967296,4294967296]", "[0,4]"), "whose size does not overflow"},
      {"2^56 elements", sized("F64", "[72057594037927936]", "[0,4]"), "to have its size in bytes, got 4"},
      {"2^56 elements with their offsets", sized("U8", "[72057594037927936]", "[0,72057594037927936]"),
       "end within the file"},
      {"nine axes", sized("U8", "[1,1,1,1,1,1,1,1,4]", "[0,4]"), "at most 8 numbers"},
      {"axes without an end",
       file_of(R"({"a":{"shape":[)" +
               [] {
                 std::string out;
                 for (int i = 0; i < 100000; ++i) out += "1,";
                 return out;
               }()),
       "at most 8 numbers"},
      {"no size", file_of(R"({"a":{"dtype":"U8","shape":[2,0],"data_offsets":[0,0]}})"), "a uint8 (2, 0) \n", {}},
      {"padded", file_of("{}\r \t\n"), "", {}},
      {"same name", two("[4]", "[0,4]", "a", "[0]", "[4,4]"), "names that differ, got a twice"},
      {"metadata twice", file_of(R"({"__metadata__":{},"__metadata__":{}})"), "__metadata__ once"},
      {"metadata of numbers", file_of(R"({"__metadata__":{"k":1}})"), "expected a '\"'"},
      {"half a surrogate pair", file_of(R"({"\ud800":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}})"), "surrogate"},
      {"unknown type", sized("U16", "[2]", "[0,4]"), "got U16", error_code::type},
      {"a type of no name", sized("", "[4]", "[0,4]"), "got  in", error_code::type},
      {"truth of 2", sized("BOOL", "[4]", "[0,4]"), "expected 0 or 1 in a, got 2"},
      {"truth",
       file_of(R"({"a":{"dtype":"BOOL","shape":[2],"data_offsets":[0,2]}})", "\0\1"s),
       "a bool (2,) \0\1\n",
       {}},
  };
  const support::temporary_folder folder;
  const std::string path = folder / "model.safetensors";
  for (const auto& row : table) {
    INFO(std::string(row.name));
    const loaded out = load(path, row.bytes);
    CHECK(out.code == row.code);
    if (row.code == error_code{}) {
      CHECK(out.text == std::string(row.expected, out.text.size()));
    } else {
      CHECK(out.text.starts_with("[safetensors] expected "));
      CHECK_MESSAGE(out.text.find(row.expected) != std::string::npos, out.text.substr(0, 200));
      CHECK_MESSAGE(out.text.find(path) != std::string::npos, out.text.substr(0, 200));
    }
    CHECK(out.same);
    CHECK(out.largest <= 8192 + 4 * row.bytes.size());
  }
}

TEST_CASE("safetensors: random damage is read as something valid or refused, and nothing else") {
  const support::temporary_folder folder;
  const std::string path = folder / "f";
  io::tensor_file file;
  file.tensors["layer.weight"] = of_bits<float>({2, 3}, 1);
  file.tensors["layer.bias"] = of_bits<double>({2}, 2);
  file.tensors["seen"] = of_bits<bool>({5}, 3);
  file.tensors["size"] = tensor<std::int64_t>(shape{}, 3);
  file.metadata["note"] = "a \"note\" \u20ac";
  io::save_tensors(file, path);
  const std::string good = support::read_bytes(path);

  std::uint64_t drawn = 0;
  const auto below = [&](std::size_t bound) { return static_cast<std::size_t>(support::noise(drawn++) % bound); };
  int accepted = 0, refused = 0, unnamed = 0, unequal = 0, unaccounted = 0, oversized = 0;
  constexpr int rounds = support::sanitized ? 5000 : 20000;
  for (int round = 0; round < rounds; ++round) {
    std::string bytes = good;
    for (std::size_t changes = 1 + below(3); changes > 0 && !bytes.empty(); --changes) {
      // Most of them in the header, where they mean something.
      const std::size_t at = below(below(4) == 0 ? bytes.size() : std::min(bytes.size(), good.size() - 60));
      constexpr std::string_view telling = "0123456789,:[]{}\"\\u-. ";
      switch (below(7)) {
        case 0:
          bytes[at] = static_cast<char>(bytes[at] ^ (1 << below(8)));
          break;
        case 1:
          bytes[at] = static_cast<char>(below(256));
          break;
        case 2:
          bytes[at] = telling[below(telling.size())];
          break;
        case 3:
          bytes.erase(at, 1 + below(3));
          break;
        case 4:
          bytes.insert(at, bytes.substr(below(bytes.size()), 1 + below(8)));
          break;
        case 5:
          bytes.resize(at);
          break;
        default:
          bytes.replace(0, std::min<std::size_t>(8, bytes.size()),
                        u64_bytes(below(2) == 0 ? below(400) : support::noise(drawn++)));
          break;
      }
    }
    const loaded out = load(path, bytes);
    if (out.code == error_code{}) {
      ++accepted;
      std::uint64_t length = 0;
      std::memcpy(&length, bytes.data(), 8);
      std::size_t total = 8 + static_cast<std::size_t>(length);
      for (const auto& [name, t] : io::load_tensors(path).tensors) total += t.bytes().size();
      unaccounted += total != bytes.size();
    } else {
      ++refused;
      unnamed +=
          (out.code != error_code::io && out.code != error_code::type) || out.text.find(path) == std::string::npos;
    }
    unequal += !out.same;
    oversized += out.largest > 8192 + 4 * bytes.size();
  }
  CHECK(accepted > rounds / 100);
  CHECK(refused > rounds / 2);
  CHECK(unnamed == 0);
  CHECK(unequal == 0);
  CHECK(unaccounted == 0);
  CHECK(oversized == 0);
}

TEST_CASE("safetensors: files that are not there") {
  const support::temporary_folder folder;
  for (const bool map : {false, true})
    for (const std::string& path : {folder / "missing", folder.path()}) {
      std::string message;
      try {
        io::load_tensors(path, {.map = map});
      } catch (const io_error& e) {
        message = e.what();
      }
      CHECK(message.starts_with("[read] expected "));
      CHECK(message.find(path) != std::string::npos);
    }
  CHECK_THROWS_AS(io::save_tensors({}, folder / "missing/f"), io_error);
  CHECK(folder.names().empty());
}

#if TESTS_COUNT_ALLOCATIONS
TEST_CASE("load: when memory runs out, all members have their old values or all the new ones") {
  const support::temporary_folder folder;
  const std::string path = folder / "f";
  memory::set_cache_limit(0);  // or the pool would have what is asked for
  for (const bool half : {false, true}) {
    models::block saved(true);
    saved.weight = parameter<float>(tensor<float>({2, 3}, 1));
    saved.after->seen = buffer<std::int64_t>(tensor<std::int64_t>(shape{}, 1));
    io::save(saved, path, {.floats = half ? std::optional(dtype::bfloat16) : std::nullopt});
    std::uint64_t n = 1;
    for (bool failed = true; failed; ++n) {
      models::block model(true);
      model.groups = 9;
      const auto before = models::bits_of(model);
      bool threw = false;
      {
        const support::allocation_failure failure(n);
        try {
          io::load(model, path, {.strict = n % 2 == 0});
        } catch (const std::exception&) {
          threw = true;
        }
        failed = failure.happened();
      }
      if (models::bits_of(model) != (threw ? before : models::bits_of(saved))) FAIL("half loaded after failure ", n);
    }
    CHECK(n > 20);
  }
  memory::set_cache_limit(std::size_t{1} << 30);
}
#endif
