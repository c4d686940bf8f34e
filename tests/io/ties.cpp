// Shows: shared weights stored once
// A module at several paths of a model is stored once and loaded once, from files that tie its names and from others.
#include <inlay/io/save.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <optional>
#include <string>

#include "files.hpp"
#include "io/models.hpp"

using namespace inlay;
using models::bits_of, models::block, models::failure, models::names, models::scramble;

namespace {

// A module that stands at two paths, and one like it that does not.
struct tied {
  std::shared_ptr<block> encoder = std::make_shared<block>(true), decoder = encoder;
  static void members(auto& self, auto&& visit) {
    visit("encoder", self.encoder);
    visit("decoder", self.decoder);
  }
};

struct untied {
  std::optional<block> encoder{true}, decoder{true};
  static void members(auto& self, auto&& visit) {
    visit("encoder", self.encoder);
    visit("decoder", self.decoder);
  }
};

const names parts{"weight", "groups", "after.scale", "after.mean", "after.seen"};

names under(const std::string& first, const std::string& second) {
  names out;
  for (const std::string& path : {first, second})
    for (const std::string& part : parts)
      if (!path.empty()) out.push_back(path + "." + part);
  return out;
}

names names_in(const io::tensor_file& file) {
  names out;
  for (const auto& item : file.tensors) out.push_back(item.first);
  return out;
}

names sorted(names list) {
  std::sort(list.begin(), list.end());
  return list;
}

// What save writes.
template <class Model> io::tensor_file file_of(const Model& model, const std::string& path) {
  io::save(model, path);
  return io::load_tensors(path);
}

std::string unfit(const std::string& path, const std::string& report) {
  return "[load] expected " + path + " to fit the model, got " + report + "; pass {.strict = false} to load what fits";
}

}  // namespace

TEST_CASE("save, load: a module at two paths is stored once") {
  const support::temporary_folder folder;
  const std::string path = folder / "f";
  tied saved;
  scramble(saved, 11);
  const io::tensor_file file = file_of(saved, path);
  CHECK(names_in(file) == sorted(under("encoder", "")));
  CHECK(file.metadata.size() == 5);
  for (const std::string& part : parts) CHECK(file.metadata.at("tied:decoder." + part) == "encoder." + part);

  for (const bool map : {false, true}) {
    tied same;
    scramble(same, 12);
    const std::uint64_t version = same.encoder->weight.shared_cell()->version;
    const io::load_report report = io::load(same, path, {.map = map});
    CHECK(report.complete());
    CHECK(report.loaded == under("encoder", "decoder"));
    CHECK(bits_of(same) == bits_of(saved));
    CHECK(same.encoder->weight.shared_cell()->version == version + 1);
    io::save(same, folder / "again");
    CHECK(support::read_bytes(folder / "again") == support::read_bytes(path));

    untied each;
    CHECK(io::load(each, path, {.map = map}).loaded == under("encoder", "decoder"));
    CHECK(bits_of(each) == bits_of(saved));
    each.decoder->weight.write([](std::span<float> to) { to[0] = 42; });
    CHECK(bits_of(each).at("encoder.weight") == bits_of(saved).at("encoder.weight"));
    each.encoder->groups = 43;
    CHECK(each.decoder->groups == saved.decoder->groups);
    CHECK(names_in(file_of(each, folder / "each")) == sorted(under("encoder", "decoder")));
    CHECK(io::load_tensors(folder / "each").metadata.empty());
  }
}

TEST_CASE("load: a file with every name goes into a module at two paths when the bits are the same") {
  const support::temporary_folder folder;
  const std::string path = folder / "f";
  tied model;
  scramble(model, 13);
  const auto expected = bits_of(model);
  untied each;
  io::save(model, path);
  io::load(each, path);
  io::tensor_file file = file_of(each, path);
  for (const bool map : {false, true}) {
    scramble(model, 14);
    const std::uint64_t version = model.encoder->weight.shared_cell()->version;
    CHECK(io::load(model, path, {.map = map}).loaded == under("encoder", "decoder"));
    CHECK(bits_of(model) == expected);
    CHECK(model.encoder->weight.shared_cell()->version == version + 1);
  }

  // One bit of a weight, another size.
  each.decoder->weight.write([](std::span<float> to) {
    std::uint32_t bits;
    std::memcpy(&bits, &to[5], 4);
    bits ^= 1;
    std::memcpy(&to[5], &bits, 4);
  });
  each.decoder->groups += 1;
  io::save(each, path);
  scramble(model, 15);
  const auto before = bits_of(model);
  CHECK(failure([&] { io::load(model, path); }) ==
        unfit(path,
              "0 loaded; mismatched: decoder.weight: expected the bits of encoder.weight, to which the model ties "
              "it, got others, decoder.groups: expected the bits of encoder.groups, to which the model ties it, "
              "got others"));
  CHECK(bits_of(model) == before);
  const io::load_report report = io::load(model, path, {.strict = false});  // the first path's
  CHECK(report.loaded.size() == 8);
  CHECK(report.mismatched.size() == 2);
  CHECK(bits_of(model) == expected);
}

TEST_CASE("load: a module at two paths takes what the file has for either") {
  const support::temporary_folder folder;
  const std::string path = folder / "f";
  tied model;
  scramble(model, 16);
  const auto expected = bits_of(model);
  untied each;
  io::save(model, path);
  io::load(each, path);
  io::tensor_file both = file_of(each, path);
  for (const char* only : {"encoder", "decoder"}) {
    io::tensor_file file;
    for (const auto& [name, t] : both.tensors)
      if (name.starts_with(only)) file.tensors.emplace(name, t);
    io::save_tensors(file, path);
    scramble(model, 17);
    const io::load_report report = io::load(model, path);
    CHECK(report.complete());
    CHECK(report.loaded == under("encoder", "decoder"));
    CHECK(bits_of(model) == expected);
    // Without a tie in the file or in the model, the other half is missing.
    const bool first = only == std::string("encoder");
    CHECK(io::load(each, path, {.strict = false}).missing == under(first ? "decoder" : "encoder", ""));
  }
  io::save_tensors({}, path);
  CHECK(io::load(model, path, {.strict = false}).missing == under("encoder", "decoder"));

  // A name that does not fit is told; the other gives the value.
  for (const char* wrong : {"encoder", "decoder"}) {
    const std::string name = wrong + std::string(".weight");
    io::tensor_file file = both;
    file.tensors[name] = tensor<float>({6});
    io::save_tensors(file, path);
    scramble(model, 18);
    CHECK(failure([&] { io::load(model, path); }) ==
          unfit(path, "0 loaded; mismatched: " + name + ": expected float32 (2, 3), got float32 (6,)"));
    CHECK(io::load(model, path, {.strict = false}).loaded.size() == 9);
    CHECK(bits_of(model) == expected);
  }
}

TEST_CASE("load: what a file ties counts as if it were written out") {
  const support::temporary_folder folder;
  const std::string path = folder / "f";
  tied model;
  scramble(model, 19);
  const io::tensor_file file = file_of(model, path);

  untied one;
  one.decoder.reset();
  CHECK(failure([&] { io::load(one, path); }) ==
        unfit(path,
              "0 loaded; unexpected: decoder.after.mean, decoder.after.scale, decoder.after.seen, decoder.groups, "
              "decoder.weight"));
  untied other;
  other.encoder.reset();
  CHECK(io::load(other, path, {.strict = false}).unexpected == sorted(under("encoder", "")));
  CHECK(bits_of(other).at("decoder.weight") == bits_of(model).at("encoder.weight"));

  untied each;
  io::tensor_file changed = file;  // a tensor of its own goes before a tie
  changed.tensors["decoder.weight"] = tensor<float>({2, 3}, 5);
  io::save_tensors(changed, path);
  CHECK(io::load(each, path).complete());
  CHECK(each.decoder->weight.value()(1, 2) == 5);
  CHECK(bits_of(each).at("encoder.weight") == bits_of(model).at("encoder.weight"));

  changed = file;  // ties to nothing, in a circle and of strangers give nothing
  changed.tensors.erase("encoder.groups");
  changed.metadata["tied:encoder.groups"] = "decoder.groups";
  changed.metadata["tied:stranger"] = "nobody";
  io::save_tensors(changed, path);
  CHECK(failure([&] { io::load(each, path); }) == unfit(path, "0 loaded; missing: encoder.groups, decoder.groups"));
}

TEST_CASE("save, load: a module at two paths in 16 bits and with other shapes") {
  const support::temporary_folder folder;
  const std::string path = folder / "f";
  tied saved;
  io::save(saved, path, {.floats = dtype::bfloat16});
  const std::string bytes = support::read_bytes(path);
  tied same;
  scramble(same, 20);
  CHECK(io::load(same, path).complete());
  CHECK(bits_of(same) == bits_of(saved));
  untied each;
  scramble(each, 21);
  CHECK(io::load(each, path).complete());
  CHECK(bits_of(each) == bits_of(saved));

  io::tensor_file file = file_of(each, path);
  file.tensors["encoder.weight"] = file.tensors["decoder.weight"] = tensor<float>({4, 2}, 7);
  file.tensors["decoder.after.scale"] = tensor<float>({5}, 1);
  io::save_tensors(file, path);
  CHECK(failure([&] { io::load(same, path, {.reshape = true}); }) ==
        unfit(path,
              "0 loaded; mismatched: decoder.after.scale: expected the bits of encoder.after.scale, to which "
              "the model ties it, got others"));
  CHECK(io::load(same, path, {.strict = false, .reshape = true}).loaded.size() == 9);
  CHECK(same.decoder->weight.shape() == shape{4, 2});
  CHECK(same.decoder->after->scale.shape() == shape{3});
}

TEST_CASE("save, load: a module at two paths whose weight is int8") {
  const support::temporary_folder folder;
  const std::string path = folder / "f";
  const auto make_int8 = [](block& b, float first, std::optional<value_range> input = {}) {
    const tensor<float> w = from<float>({2, 3}, {first, -2, 3, 4, 5, -6});
    b.weight.shared_cell()->set(tensor<float>::represented(std::make_shared<int8_weight<>>(w, input)));
  };
  const auto is_int8 = [](const block& b) {
    const tensor<float>& w = b.weight.value();
    return w.representation() != nullptr && !w.has_elements();
  };
  for (const bool measured : {false, true}) {
    tied saved;
    make_int8(*saved.encoder, 1, measured ? std::optional(value_range{-1, 2}) : std::nullopt);
    const io::tensor_file file = file_of(saved, path);
    CHECK(file.tensors.size() == (measured ? 7 : 6));
    CHECK(file.tensors.contains("encoder.weight.scale"));
    CHECK(file.metadata.at("representation:encoder.weight") == "int8");
    CHECK(file.metadata.at("tied:decoder.weight") == "encoder.weight");
    CHECK(file.metadata.size() == 6);

    tied same;
    CHECK(io::load(same, path).loaded == under("encoder", "decoder"));
    CHECK(is_int8(*same.decoder));
    untied each;
    CHECK(io::load(each, path).loaded == under("encoder", "decoder"));
    CHECK(is_int8(*each.encoder));
    CHECK(is_int8(*each.decoder));
    io::save(each, folder / "each");
    CHECK(io::load_tensors(folder / "each").tensors.size() == (measured ? 14 : 12));
    CHECK(io::load(same, folder / "each").complete());
    CHECK(is_int8(*same.decoder));
    CHECK(bits_of(same) == bits_of(saved));
    CHECK(bits_of(each) == bits_of(saved));

    io::tensor_file changed = file;  // a tensor of its own goes before a tie, and has none of the other's parts
    changed.tensors["decoder.weight"] = tensor<float>({2, 3}, 5);
    io::save_tensors(changed, folder / "changed");
    CHECK(io::load(each, folder / "changed").complete());
    CHECK(is_int8(*each.encoder));
    CHECK(each.decoder->weight.value()(1, 2) == 5);

    make_int8(*each.decoder, 1, value_range{-1, 3});  // only the measured range differs, or is there
    io::save(each, folder / "each");
    const std::string others =
        "0 loaded; mismatched: decoder.weight: expected the bits of encoder.weight, to which the model ties it, got "
        "others";
    CHECK(failure([&] { io::load(same, folder / "each"); }) == unfit(folder / "each", others));
    each.decoder->weight.shared_cell()->set(
        each.encoder->weight.value().cast<double>().cast<float>());  // the same, as floats
    io::save(each, folder / "each");
    CHECK(failure([&] { io::load(same, folder / "each"); }) == unfit(folder / "each", others));
  }
}
