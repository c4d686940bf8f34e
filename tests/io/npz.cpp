// Shows: npz
// npz files: what is written is what Python's zipfile writes, what numpy.savez wrote comes back, and a damaged or
// hostile archive does nothing but throw an error that names it.
#include <inlay/io/npz.hpp>

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "files.hpp"
#include "support.hpp"

using namespace inlay;
using namespace std::string_literals;

namespace {

std::string npy(const std::string& type, const std::string& sizes, const std::string& values) {
  const std::string text = "{'descr': '" + type + "', 'fortran_order': False, 'shape': " + sizes + ", }";
  return "\x93NUMPY\1\0v\0"s + text + std::string(117 - text.size(), ' ') + '\n' + values;
}

std::string number(std::uint64_t value, int width) {
  return (support::u64_bytes(value) + "\0\0"s).substr(0, static_cast<std::size_t>(width));
}

// A member as the archive tells it; what is not said follows from the bytes.
struct part {
  std::string name, bytes;
  std::uint32_t checksum = 0;
  std::uint64_t method = 0, flags = 0;
  std::string local_name = "";  // in its own header
  std::uint64_t length = ~0u;   // once unpacked
  std::string extra = "";       // of the list, with the three sizes at their largest
  std::uint64_t place = ~0u;
};

std::string archive(const std::vector<part>& parts, const std::string& comment = "", bool large = false) {
  std::string out, list;
  for (const part& p : parts) {
    const std::uint64_t place = p.place == ~0u ? out.size() : p.place;
    const std::string& local = p.local_name.empty() ? p.name : p.local_name;
    const std::string facts =
        number(20, 2) + number(p.flags, 2) + number(p.method, 2) + number(0, 4) + number(p.checksum, 4);
    const std::string sizes = number(p.bytes.size(), 4) + number(p.length == ~0u ? p.bytes.size() : p.length, 4);
    list += "PK\1\2" + number(0x0314, 2) + facts + (p.extra.empty() ? sizes : number(~0ull, 8)) +
            number(p.name.size(), 2) + number(p.extra.size(), 2) + number(0, 10) +
            (p.extra.empty() ? number(place, 4) : number(~0ull, 4)) + p.name + p.extra;
    out += "PK\3\4" + facts + sizes + number(local.size(), 2) + number(4, 2) + local + "xx\0\0"s + p.bytes;
  }
  const std::uint64_t at = out.size();
  out += list;
  if (large)
    out += "PK\6\6" + number(44, 8) + number(0, 4) + number(0, 8) + number(parts.size(), 8) + number(parts.size(), 8) +
           number(list.size(), 8) + number(at, 8) + "PK\6\7" + number(0, 4) + number(at + list.size(), 8) +
           number(1, 4) + "PK\5\6" + number(0, 4) + number(~0ull, 8) + number(~0ull, 4) + number(comment.size(), 2) +
           comment;
  else
    out += "PK\5\6" + number(0, 4) + number(parts.size(), 2) + number(parts.size(), 2) + number(list.size(), 4) +
           number(at, 4) + number(comment.size(), 2) + comment;
  return out;
}

// python: zlib.crc32(...)
const part a{"a.npy", npy("<f4", "(3,)", "\0\0\0\0\0\0\x80\x3f\0\0\0\x40"s), 0x53868cb6};
const part b{"b c.npy", npy("|b1", "()", "\1"), 0xd3f82d82};

// The message of the error, with the path as "the file".
std::string failure(const std::string& path, const std::string& bytes, const io::load_npz_options& options = {}) {
  support::write_bytes(path, bytes);
  memory::trim();
  const std::uint64_t before = memory::stats().allocations;
  std::string message;
  try {
    io::load_npz(path, options);
    return "";
  } catch (const io_error& e) {
    message = e.what();
  }
  CHECK(memory::stats().allocations - before <= 3);  // the file, and arrays before the damage
  const std::size_t at = message.find(path);
  return at == std::string::npos ? message : message.replace(at, path.size(), "the file");
}

}  // namespace

TEST_CASE("npz: written as Python's zipfile does") {
  const support::temporary_folder folder;
  io::named_tensors arrays;
  arrays["b c"] = tensor<bool>(shape{}, true);
  arrays["a"] = from<float>({3}, {0, 1, 2});
  io::save_npz(arrays, folder / "f");
  // golden/data.py "npz stored": zipfile.writestr(zipfile.ZipInfo("a.npy"), …)
  const std::string first =
      "PK\3\4\x14\0\0\0\0\0\0\0\x21\0\xb6\x8c\x86\x53\x8c\0\0\0\x8c\0\0\0\5\0\0\0a.npy"s + a.bytes;
  const std::string second =
      "PK\3\4\x14\0\0\0\0\0\0\0\x21\0\x82\x2d\xf8\xd3\x81\0\0\0\x81\0\0\0\7\0\0\0b c.npy"s + b.bytes;
  const std::string end =
      "PK\1\2\x14\3\x14\0\0\0\0\0\0\0\x21\0\xb6\x8c\x86\x53\x8c\0\0\0\x8c\0\0\0\5\0\0\0\0\0\0\0\0\0\0\0\x80\1\0\0\0\0a."
      "npy"
      "PK\1\2\x14\3\x14\0\0\0\0\0\0\0\x21\0\x82\x2d\xf8\xd3\x81\0\0\0\x81\0\0\0\7\0\0\0\0\0\0\0\0\0\0\0\x80\1\xaf\0\0\0"
      "b c.npy"
      "PK\5\6\0\0\0\0\2\0\2\0\x68\0\0\0\x55\1\0\0\0\0"s;
  CHECK(support::read_bytes(folder / "f") == first + second + end);

  arrays
      ["gr\xc3\xb6\xc3\x9f"
       "e/1"] = from<std::int64_t>({2, 2}, {1, -2, 3, -4});
  arrays["empty"] = tensor<float16>({0, 3});
  io::save_npz(arrays, folder / "f");
  const io::named_tensors back = io::load_npz(folder / "f");
  CHECK(back.size() == 4);
  for (const auto& item : arrays) {
    const std::string& name = item.first;
    const any_tensor& t = item.second;
    INFO(name);
    REQUIRE(back.contains(name));
    CHECK(back.at(name).type() == t.type());
    CHECK(back.at(name).shape() == t.shape());
    CHECK(support::same_bits(back.at(name).bytes(), t.bytes()));
  }
  io::save_npz({}, folder / "f");
  CHECK(io::load_npz(folder / "f").empty());

  for (const std::string& name : {""s, "/a"s, "../a"s, "a/../b"s, "a\\b"s, "a\0b"s, "\xFF"s}) {
    io::named_tensors bad;
    bad[name] = tensor<float>({1});
    CHECK_THROWS_AS(io::save_npz(bad, folder / "g"), value_error);
  }
  CHECK_THROWS_AS(io::save_npz({{"a", tensor<bfloat16>({1})}}, folder / "g"), type_error);
  CHECK(folder.names() == std::vector<std::string>{"f"});
}

TEST_CASE("npz: what others write") {
  const support::temporary_folder folder;
  part big = a;
  big.extra = "\x99\x99\1\0x\1\0\x18\0"s + number(a.bytes.size(), 8) + number(a.bytes.size(), 8) + number(0, 8);
  for (const std::string& bytes :
       {archive({a, b}), archive({b, a}), archive({a, b}, "made by hand PK\5\6"), archive({a, b}, "", true),
        archive({a, b}, "x", true), archive({big, b}), archive({a, b}, std::string(65535, 'x'))}) {
    support::write_bytes(folder / "f", bytes);
    const io::named_tensors back = io::load_npz(folder / "f");
    REQUIRE(back.size() == 2);
    CHECK(back.at("a").as<float>().values()[2] == 2);
    CHECK(back.at("b c").as<bool>().item());
  }
}

TEST_CASE("npz: an inflater is handed what is packed, once it cannot be a bomb") {
  const support::temporary_folder folder;
  part packed = a;
  packed.bytes = "packed";
  packed.method = 8;
  packed.length = a.bytes.size();
  static std::string seen;
  const auto inflate = [](const std::string& what, std::span<const std::uint8_t> from, std::span<std::uint8_t> to) {
    seen = what.substr(0, 5) + std::string(from.begin(), from.end());
    std::copy(a.bytes.begin(), a.bytes.end(), to.begin());
  };
  support::write_bytes(folder / "f", archive({packed}));
  CHECK(io::load_npz(folder / "f", {.inflate = inflate}).at("a").as<float>().values()[1] == 1);
  CHECK(seen == "a of packed");
  CHECK(failure(folder / "f", archive({packed})) ==
        "[load_npz] expected stored members, got a of the file packed; #include <inlay/zlib.hpp> and pass {.inflate = "
        "io::inflate_with_zlib}");
  CHECK(
      failure(folder / "f", archive({packed}), {.inflate = inflate, .limit = 139}) ==
      "[load_npz] expected at most 139 bytes once unpacked, got 140 in the file; raise load_npz_options::limit if the "
      "file is to be trusted");
  packed.length = 1032 * 7;
  CHECK(failure(folder / "f", archive({packed}), {.inflate = inflate}) ==
        "[load_npz] expected a.npy to unpack to what deflate can do, got 7224 bytes of 6 in the file");
  packed.length = 139;
  CHECK_THROWS_AS(
      io::load_npz(folder / "f", {.inflate = [](const auto&, auto, std::span<std::uint8_t> to) { to[0] = 1; }}),
      io_error);
}

TEST_CASE("npz: damaged and hostile archives") {
  const support::temporary_folder folder;
  const std::string path = folder / "f";
  const auto with = [](auto change) {
    part out = a;
    change(out);
    return out;
  };
  const std::string sound = archive({a, b});
  const struct {
    std::string bytes, message;
  } table[] = {
      {"", "a zip archive, got other bytes in the file; is it complete?"},
      {std::string(100, 'x'), "a zip archive, got other bytes in the file; is it complete?"},
      {sound + "x", "a zip archive, got other bytes in the file; is it complete?"},
      {sound.substr(0, sound.size() - 1), "a zip archive, got other bytes in the file; is it complete?"},
      {"x" + sound, "the list of members to end at 454 of the file, got 104 bytes at 349"},
      {archive({a, a}), "names that differ, got a twice in the file"},
      {archive({a, with([](part& p) { p.place = 0; })}), "members beside each other, got a over a in the file"},
      {archive({with([](part& p) { p.flags = 1; })}), "a.npy without encryption in the file"},
      {archive({with([](part& p) { p.method = 12; })}), "a.npy stored or deflated, got method 12 in the file"},
      {archive({with([](part& p) { p.checksum = 1; })}),
       "the checksum of a of the file to fit its bytes; the file is damaged"},
      {archive({with([](part& p) { p.bytes.back() = 1; })}),
       "the checksum of a of the file to fit its bytes; the file is damaged"},
      {archive({with([](part& p) { p.length = 141; })}), "141 bytes of a.npy stored, got 140 in the file"},
      {archive({with([](part& p) { p.local_name = "z.npy"; })}), "a.npy in the file, got a member of another name"},
      {archive({with([](part& p) { p.place = 1; })}), "a.npy at byte 1 of the file, got something else"},
      {archive({with([](part& p) { p.place = 5000; })}), "a.npy at byte 5000 of the file, got something else"},
      {archive({with(
           [](part& p) { p.extra = "\1\0\x18\0"s + number(1ull << 63, 8) + number(1ull << 63, 8) + number(0, 8); })}),
       "9223372036854775808 bytes of a.npy at 39 of the file, got the list"},
      {archive({with([](part& p) { p.extra = "\1\0\x18\0"s; })}),
       "an extra field within its entry at byte 234 of the file"},
      {archive({with([](part& p) { p.name = "a.txt"; })}), "members named like x.npy, got \"a.txt\" in the file"},
      {archive({with([](part& p) { p.name = "/a.npy"; })}), "members named like x.npy, got \"/a.npy\" in the file"},
      {archive({with([](part& p) { p.name = "../a.npy"; })}), "members named like x.npy, got \"../a.npy\" in the file"},
      {archive({with([](part& p) { p.name = "x/../a.npy"; })}),
       "members named like x.npy, got \"x/../a.npy\" in the file"},
      {archive({with([](part& p) { p.name = "a\\b.npy"; })}), "members named like x.npy, got \"a\\b.npy\" in the file"},
  };
  for (const auto& row : table) {
    INFO(row.message);
    CHECK(failure(path, row.bytes) == "[load_npz] expected " + row.message);
  }
  int wrong = 0;
  for (std::size_t i = 0; i < sound.size(); ++i) {
    wrong += failure(path, sound.substr(0, i)).empty();
    for (int bit = 0; bit < 8; ++bit) {
      std::string flipped = sound;
      flipped[i] = static_cast<char>(flipped[i] ^ 1 << bit);
      support::write_bytes(path, flipped);
      try {
        const io::named_tensors got = io::load_npz(path);
        // Only what means nothing here may change: versions, times, the extra field; and the number of arrays must
        // hold.
        wrong += got.size() != 2 || got.at("a").as<float>().values()[2] != 2;
      } catch (const io_error&) {
      }
    }
  }
  CHECK(wrong == 0);
}
