// Shows: models and optimisers saved and loaded by member, with a report of every mismatch, floats in 16 bits
// Models to and from files: every member of a struct by its path, the same bits back into the same cells; weights at
// several paths once; a file that does not fit changes nothing and the error tells every difference.
#include <inlay/io/save.hpp>

#include <doctest/doctest.h>

#include <array>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <inlay/optim/sgd.hpp>

#include "files.hpp"
#include "io/models.hpp"

using namespace inlay;
using models::bits_of, models::block, models::failure, models::names, models::norm, models::scramble;

namespace {

struct net {
  std::vector<block> blocks;
  std::array<parameter<double>, 2> heads{parameter<double>(tensor<double>({2})),
                                         parameter<double>(tensor<double>({2, 0}))};
  std::unique_ptr<norm> last = std::make_unique<norm>();
  buffer<bool> mask{tensor<bool>({4})};
  buffer<std::int8_t> codes{tensor<std::int8_t>({4})};
  buffer<std::uint8_t> bytes{tensor<std::uint8_t>({4})};
  buffer<std::int32_t> table{tensor<std::int32_t>({4})};
  net() {
    for (const bool normed : {false, true, false}) blocks.emplace_back(normed);
  }
  static void members(auto& self, auto&& visit) {
    visit("blocks", self.blocks);
    visit("heads", self.heads);
    visit("last", self.last);
    visit("mask", self.mask);
    visit("codes", self.codes);
    visit("bytes", self.bytes);
    visit("table", self.table);
  }
};

struct two {
  parameter<float> a{tensor<float>({3}, 1)}, b{tensor<float>({2, 2}, 2)};
  std::int64_t size = 3;
  static void members(auto& self, auto&& visit) {
    visit("a", self.a);
    visit("b", self.b);
    visit("size", self.size);
  }
};

struct clash {
  parameter<float> a{tensor<float>({1})}, b{tensor<float>({1})};
  static void members(auto& self, auto&& visit) {
    visit("same", self.a);
    visit("same", self.b);
  }
};

io::tensor_file file_of_two() {
  io::tensor_file file;
  file.tensors["a"] = tensor<float>({3}, 10);
  file.tensors["b"] = tensor<float>({2, 2}, 20);
  file.tensors["size"] = tensor<std::int64_t>(shape{}, 30);
  return file;
}

}  // namespace

TEST_CASE("save, load: every member of a nested model, bit for bit") {
  const support::temporary_folder folder;
  const std::string path = folder / "net.safetensors";
  net saved;
  scramble(saved, 1);
  io::save(saved, path);

  const io::tensor_file file = io::load_tensors(path);
  names paths;
  for (const auto& item : file.tensors) paths.push_back(item.first);
  CHECK(paths == names{"blocks.0.groups", "blocks.0.weight", "blocks.1.after.mean", "blocks.1.after.scale",
                       "blocks.1.after.seen", "blocks.1.groups", "blocks.1.weight", "blocks.2.groups",
                       "blocks.2.weight", "bytes", "codes", "heads.0", "heads.1", "last.mean", "last.scale",
                       "last.seen", "mask", "table"});
  CHECK(file.tensors.at("blocks.0.groups").type() == dtype::int64);
  CHECK(file.tensors.at("blocks.0.groups").shape() == shape{});

  for (const bool map : {false, true}) {
    net fresh;
    scramble(fresh, 2);
    REQUIRE(bits_of(fresh) != bits_of(saved));
    const io::load_report report = io::load(fresh, path, {.map = map});
    CHECK(bits_of(fresh) == bits_of(saved));
    CHECK(report.complete());
    CHECK(report.loaded.size() == 18);
    CHECK(report.text() == "18 loaded");
    io::save(fresh, folder / "again");
    CHECK(support::read_bytes(folder / "again") == support::read_bytes(path));
  }
}

TEST_CASE("save: a const model, and over the file it was mapped from") {
  const support::temporary_folder folder;
  const std::string path = folder / "f";
  net model;
  scramble(model, 3);
  io::save(std::as_const(model), path);
  const auto bits = bits_of(model);
  io::load(model, path, {.map = true});
  io::save(std::as_const(model), path);
  CHECK(bits_of(model) == bits);
  model.blocks[0].weight.write([](std::span<float> to) { to[0] = 42; });  // the mapped pages stay as they are
  CHECK(model.blocks[0].weight.value()(0, 0) == 42);
  net other;
  io::load(other, path);
  CHECK(bits_of(other) == bits);
}

TEST_CASE("load: values go into the cells that are there; optimisers keep their place and their state") {
  const support::temporary_folder folder;
  // One step of momentum, then the saved weights again, then another step: as if the state had nothing to do with them.
  two model, saved;
  io::save(saved, folder / "f");
  optim::sgd opt{model, {.learning_rate = 1, .momentum = 0.5}};
  const auto step = [&] {
    opt.zero_grad();
    model.a.shared_cell()->accumulate(tensor<float>({3}, 1), [](auto&, const auto&) {});
    opt.step();
  };
  step();
  CHECK(model.a.value()(0) == 0);  // 1 - 1
  const auto* cell = model.a.shared_cell().get();
  const std::uint64_t version = cell->version;
  const tensor<float> before = model.a.value();
  io::load(model, folder / "f");
  CHECK(model.a.shared_cell().get() == cell);
  CHECK(cell->version > version);
  CHECK(cell->optimisers == 1);
  CHECK(cell->has_gradient());
  CHECK(model.a.value()(0) == 1);
  CHECK(before(0) == 0);
  step();
  CHECK(model.a.value()(0) == -0.5);  // 1 - (1 + 0.5)
  freeze(model, "b");
  io::load(model, folder / "f");
  CHECK_FALSE(model.b.trainable());
}

TEST_CASE("load: a strict load that does not fit tells every difference and changes nothing") {
  const support::temporary_folder folder;
  const std::string path = folder / "f";
  const struct {
    const char* name;
    void (*change)(io::tensor_file&);
    std::string difference;
  } table[] = {
      {"nothing in common", [](io::tensor_file& f) { f = {}; }, "0 loaded; missing: a, b, size"},
      {"missing", [](io::tensor_file& f) { f.tensors.erase("b"); }, "0 loaded; missing: b"},
      {"unexpected", [](io::tensor_file& f) { f.tensors["c.d"] = tensor<float>(shape{1}); },
       "0 loaded; unexpected: c.d"},
      {"shape", [](io::tensor_file& f) { f.tensors["b"] = tensor<float>({4}); },
       "0 loaded; mismatched: b: expected float32 (2, 2), got float32 (4,)"},
      {"type", [](io::tensor_file& f) { f.tensors["a"] = tensor<double>({3}); },
       "0 loaded; mismatched: a: expected float32 (3,), got float64 (3,)"},
      {"type of a size", [](io::tensor_file& f) { f.tensors["size"] = tensor<std::int32_t>(shape{}); },
       "0 loaded; mismatched: size: expected a single int64, got a single int32"},
      {"shape of a size", [](io::tensor_file& f) { f.tensors["size"] = tensor<std::int64_t>({1}); },
       "0 loaded; mismatched: size: expected a single int64, got int64 (1,)"},
      {"a number for a vector", [](io::tensor_file& f) { f.tensors["a"] = tensor<float>(shape{}); },
       "0 loaded; mismatched: a: expected float32 (3,), got a single float32"},
      {"all of it",
       [](io::tensor_file& f) {
         f.tensors.erase("size");
         f.tensors["a"] = tensor<bool>({3});
         f.tensors["b"] = tensor<float>({2, 3});
         f.tensors["x"] = f.tensors["y"] = tensor<float>(shape{});
       },
       "0 loaded; missing: size; unexpected: x, y; mismatched: a: expected float32 (3,), got bool (3,), b: expected "
       "float32 (2, 2), got float32 (2, 3)"},
  };
  for (const auto& row : table) {
    INFO(std::string(row.name));
    io::tensor_file file = file_of_two();
    row.change(file);
    io::save_tensors(file, path);
    for (const bool map : {false, true}) {
      two model;
      const auto before = bits_of(model);
      const std::uint64_t version = model.a.shared_cell()->version;
      const std::string message = failure([&] { io::load(model, path, {.map = map}); });
      CHECK(message == "[load] expected " + path + " to fit the model, got " + row.difference +
                           "; pass {.strict = false} to load what fits");
      CHECK(bits_of(model) == before);
      CHECK(model.a.shared_cell()->version == version);
    }
  }
}

TEST_CASE("load: without strict, what fits is loaded and the report tells the rest") {
  const support::temporary_folder folder;
  io::tensor_file file = file_of_two();
  file.tensors.erase("size");
  file.tensors["b"] = tensor<double>({2, 2});
  file.tensors["more"] = tensor<float>({9});
  io::save_tensors(file, folder / "f");
  two model;
  const io::load_report report = io::load(model, folder / "f", {.strict = false});
  CHECK_FALSE(report.complete());
  CHECK(report.loaded == names{"a"});
  CHECK(report.missing == names{"size"});
  CHECK(report.unexpected == names{"more"});
  CHECK(report.mismatched == names{"b: expected float32 (2, 2), got float64 (2, 2)"});
  CHECK(report.text() ==
        "1 loaded; missing: size; unexpected: more; mismatched: b: expected float32 (2, 2), got float64 (2, 2)");
  CHECK(model.a.value()(2) == 10);
  CHECK(model.b.value()(0, 0) == 2);
  CHECK(model.size == 3);
}

TEST_CASE("save: floats in 16 bits, widened when they are loaded") {
  const support::temporary_folder folder;
  net model;
  scramble(model, 8);
  io::save(model, folder / "whole");
  for (const dtype type : {dtype::bfloat16, dtype::float16}) {
    io::save(model, folder / "half", {.floats = type});
    const io::tensor_file file = io::load_tensors(folder / "half");
    CHECK(file.tensors.at("blocks.0.weight").type() == type);
    CHECK(file.tensors.at("blocks.0.groups").type() == dtype::int64);
    CHECK(file.tensors.at("mask").type() == dtype::boolean);
    for (const bool map : {false, true}) {
      net fresh;
      scramble(fresh, 9);
      CHECK(io::load(fresh, folder / "half", {.map = map}).complete());
      const auto got = fresh.blocks[0].weight.value().values(), exact = model.blocks[0].weight.value().values();
      for (std::size_t i = 0; i < got.size(); ++i)
        CHECK(got[i] == (type == dtype::bfloat16 ? static_cast<float>(bfloat16(exact[i]))
                                                 : static_cast<float>(float16(exact[i]))));
      io::save(fresh, folder / "again", {.floats = type});
      CHECK(support::read_bytes(folder / "again") == support::read_bytes(folder / "half"));
    }
  }
  CHECK_THROWS_AS(io::save(model, folder / "half", {.floats = dtype::int8}), value_error);
}

TEST_CASE("load: a report names eight of many") {
  const support::temporary_folder folder;
  io::tensor_file file = file_of_two();
  for (int i = 0; i < 30; ++i) file.tensors["x" + std::to_string(10 + i)] = tensor<float>(shape{});
  io::save_tensors(file, folder / "f");
  two model;
  const io::load_report report = io::load(model, folder / "f", {.strict = false});
  CHECK(report.unexpected.size() == 30);
  CHECK(report.text() == "3 loaded; unexpected: x10, x11, x12, x13, x14, x15, x16, x17 and 22 more");
}

TEST_CASE("load: damaged files change nothing, whatever is asked for") {
  const support::temporary_folder folder;
  const std::string path = folder / "f";
  io::save_tensors(file_of_two(), path);
  const std::string good = support::read_bytes(path);
  two model;
  const auto before = bits_of(model);
  for (const std::string& bad :
       {std::string(), good.substr(0, 7), good.substr(0, 100), good.substr(0, good.size() - 1), good + "x"}) {
    INFO("of ", good.size(), " bytes ", bad.size());
    support::write_bytes(path, bad);
    for (const bool strict : {false, true})
      for (const bool map : {false, true}) {
        const std::string message = failure([&] { io::load(model, path, {.strict = strict, .map = map}); });
        CHECK(message.find(path) != std::string::npos);
      }
  }
  CHECK_FALSE(failure([&] { io::load(model, folder / "missing", {.strict = false}); }).empty());
  CHECK(bits_of(model) == before);
}

TEST_CASE("load: tensors off their alignment") {
  const support::temporary_folder folder;
  two saved;
  saved.a.write([](std::span<float> to) { to[0] = std::numeric_limits<float>::signaling_NaN(); });
  io::save(saved, folder / "f");
  const std::string good = support::read_bytes(folder / "f");
  std::uint64_t length = 0;
  std::memcpy(&length, good.data(), 8);
  for (std::uint64_t more = 0; more < 8; ++more) {
    INFO("moved by ", more);
    std::string moved = support::u64_bytes(length + more) + good.substr(8);
    moved.insert(8 + length, more, ' ');
    support::write_bytes(folder / "g", moved);
    for (const bool map : {false, true}) {
      two model;
      model.size = 0;
      io::load(model, folder / "g", {.map = map});
      CHECK(bits_of(model) == bits_of(saved));
    }
  }
}

namespace {

struct numbered {
  std::int64_t count = 3;
  double rate = 0.1, limit = std::numeric_limits<double>::infinity();
  buffer<float> sum{tensor<float>({0})};
  buffer<std::int8_t> none{tensor<std::int8_t>({2, 0})};
  static void members(auto& self, auto&& visit) {
    visit("count", self.count);
    visit("rate", self.rate);
    visit("limit", self.limit);
    visit("sum", self.sum);
    visit("none", self.none);
  }
};

}  // namespace

TEST_CASE("save, load: numbers are scalars of 64 bits, whatever floats are asked for") {
  const support::temporary_folder folder;
  numbered saved, loaded;
  saved.rate = 1.0 / 3;
  saved.limit = -saved.limit;
  for (const bool half : {false, true}) {
    io::save(saved, folder / "f", {.floats = half ? std::optional(dtype::bfloat16) : std::nullopt});
    const io::tensor_file file = io::load_tensors(folder / "f");
    CHECK(file.tensors.at("rate").type() == dtype::float64);
    CHECK(file.tensors.at("rate").shape() == shape{});
    loaded = numbered();
    CHECK(io::load(loaded, folder / "f").complete());
    CHECK(loaded.rate == 1.0 / 3);
    CHECK(loaded.limit == saved.limit);
    CHECK(loaded.count == 3);
  }
  io::tensor_file file = io::load_tensors(folder / "f");
  file.tensors["rate"] = tensor<float>(shape{}, 2);
  file.tensors["limit"] = tensor<double>({1}, 2);
  io::save_tensors(file, folder / "f");
  CHECK(failure([&] { io::load(loaded, folder / "f"); }) ==
        "[load] expected " + (folder / "f") +
            " to fit the model, got 0 loaded; mismatched: rate: expected a single float64, got a single float32, "
            "limit: expected a single float64, got float64 (1,); pass {.strict = false} to load what fits");
  CHECK(loaded.rate == 1.0 / 3);
  CHECK(io::load(loaded, folder / "f", {.strict = false}).loaded == names{"count", "sum", "none"});
  CHECK_FALSE(failure([&] { io::load(loaded, folder / "f", {.reshape = true}); }).empty());
}

TEST_CASE("load: a buffer without elements takes the shape of the file, and not another type") {
  const support::temporary_folder folder;
  numbered saved, loaded;
  saved.sum = buffer<float>(from<float>({2, 2}, {1, 2, 3, 4}));
  io::save(saved, folder / "f");
  CHECK(io::load(loaded, folder / "f").complete());
  CHECK(loaded.sum.shape() == shape{2, 2});
  CHECK(loaded.sum.value()(1, 0) == 3);
  CHECK(loaded.none.shape() == shape{2, 0});
  CHECK(io::load(loaded, folder / "f").complete());  // and now it has one
  io::save(numbered(), folder / "empty");
  CHECK_FALSE(failure([&] { io::load(loaded, folder / "empty"); }).empty());

  io::tensor_file file = io::load_tensors(folder / "f");
  file.tensors["sum"] = tensor<double>({2, 2});
  io::save_tensors(file, folder / "f");
  numbered fresh;
  CHECK(failure([&] {
          io::load(fresh, folder / "f");
        }).find("mismatched: sum: expected float32 (0,), got float64 (2, 2)") != std::string::npos);
  CHECK(fresh.sum.shape() == shape{0});
}

TEST_CASE("save: two members of one path are refused, and the old file stays") {
  const support::temporary_folder folder;
  support::write_bytes(folder / "f", "old");
  CHECK_THROWS_AS(io::save(clash{}, folder / "f"), value_error);
  CHECK(support::read_bytes(folder / "f") == "old");
}

namespace {

// The name of a part of an int8 weight.
struct part_clash {
  parameter<float> weight{tensor<float>::represented(std::make_shared<int8_weight<>>(tensor<float>({2, 3}, 1)))};
  parameter<float> scale{tensor<float>({2})};
  bool after = true;
  static void members(auto& self, auto&& visit) {
    if (!self.after) visit("weight.scale", self.scale);
    visit("weight", self.weight);
    if (self.after) visit("weight.scale", self.scale);
  }
};

}  // namespace

TEST_CASE("save: a member with the name of another's part is refused") {
  const support::temporary_folder folder;
  for (const bool after : {false, true}) {
    part_clash model;
    model.after = after;
    CHECK_THROWS_WITH_AS(io::save(model, folder / "f"),
                         "[save] expected tensors of different names, got two of weight.scale", value_error);
  }
  CHECK(folder.names().empty());
}
