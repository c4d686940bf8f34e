// Shows: safetensors in several files, by their index
// Every tensor of every file, bit for bit; an index that is none, that leads out of its folder, or that does not fit
// its files.
#include <inlay/io/shards.hpp>

#include <doctest/doctest.h>

#include "files.hpp"
#include "support.hpp"
#include "tensors.hpp"

using namespace inlay;

namespace {

struct parts {
  support::temporary_folder folder;
  std::string index = folder / "model.safetensors.index.json";

  parts() {
    io::tensor_file first, second;
    first.tensors["a"] = from<float>({2}, {1, 2});
    first.tensors["b"] = from<std::int64_t>({1}, {3});
    second.tensors["c"] = from<float>({1, 2}, {4, 5});
    io::save_tensors(first, folder / "one");
    io::save_tensors(second, folder / "two");
  }
  io::tensor_file load(const std::string& text, bool map = false) const {
    support::write_bytes(index, text);
    return io::load_shards(index, {.map = map});
  }
  std::string message(const std::string& text) const {
    try {
      load(text);
    } catch (const io_error& e) {
      return e.what();
    }
    return "";
  }
};

}  // namespace

TEST_CASE("load_shards: all tensors of all files") {
  const parts p;
  for (const bool map : {false, true})
    for (const char* before : {"", R"("metadata": {"total_size": 28.0, "other": [null, {"x": -1}]}, )"}) {
      const io::tensor_file all = p.load(
          "{" + std::string(before) + R"("weight_map" : {"c": "two", "a": "one", "b" : "one"}, "more": true})", map);
      CHECK(all.tensors.size() == 3);
      CHECK(all.tensors.at("a").as<float>()(1) == 2);
      CHECK(all.tensors.at("b").as<std::int64_t>()(0) == 3);
      CHECK(support::same_bits(all.tensors.at("c").as<float>(), from<float>({1, 2}, {4, 5})));
    }
  CHECK(p.load(R"({"weight_map": {}})").tensors.empty());
}

TEST_CASE("load_shards: what is refused") {
  const parts p;
  CHECK(p.message("{}") == "[shards] expected a \"weight_map\" in " + p.index);
  CHECK(p.message("") == "[shards] expected a \"weight_map\" in " + p.index);
  CHECK(p.message(R"({"weight_map": {"d": "one"}})") == "[shards] expected d in " + (p.folder / "one"));
  for (const char* file : {"../one", "/etc/passwd", "x\\\\y", "one\\u0000", ""})
    CHECK(p.message(R"({"weight_map": {"a": ")" + std::string(file) + "\"}}").find("a file beside the index") !=
          std::string::npos);
  CHECK(!p.message(R"({"weight_map": {"a": "none"}})").empty());
  const std::string whole = R"({"weight_map": {"a": "one", "c": "two"})";
  for (std::size_t length = 0; length < whole.size(); ++length) CHECK(!p.message(whole.substr(0, length)).empty());
  io::tensor_file again;
  again.tensors["a"] = from<float>({1}, {1});
  io::save_tensors(again, p.folder / "two");
  CHECK(p.message(R"({"weight_map": {"a": "one", "x": "two"}})") == "[shards] expected x in " + (p.folder / "two"));
  CHECK(p.message(R"({"weight_map": {"b": "one", "a": "two"}})") ==
        "[shards] expected a in one file of " + p.index + ", got two");
}
