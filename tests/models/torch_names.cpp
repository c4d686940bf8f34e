// Shows: torchvision's weights loaded and saved under PyTorch's names, for your own models too
// Files under PyTorch's names: names are mapped, counts of batches are passed over, and what does not fit is told under
// the file's names and changes nothing.
#include <inlay/models/torch_names.hpp>

#include <doctest/doctest.h>

#include "files.hpp"
#include "tensors.hpp"

using namespace inlay;

namespace {

using names = std::vector<std::string>;

struct stem {
  nn::dense<float> dense{{.in = 2, .out = 3}};
  nn::batch_norm<float> bn{{.features = 3}};
  static void members(auto& self, auto&& visit) {
    visit("dense", self.dense);
    visit("bn", self.bn);
  }
};

// PyTorch: body.0 Linear, body.1 BatchNorm1d, body.3 Linear without a bias, scale.
struct net {
  stem first;
  nn::dense<float> last{{.in = 3, .out = 1, .bias = false}};
  parameter<float> scale{tensor<float>({2}, 1)};
  std::int64_t steps = 5;
  static void members(auto& self, auto&& visit) {
    visit("first", self.first);
    visit("last", self.last);
    visit("scale", self.scale);
    visit("steps", self.steps);
  }
  std::vector<models::torch_name> torch_names() const {
    return {{"body.0", "first.dense"}, {"body.1", "first.bn"}, {"body.3", "last"}};
  }
};

io::tensor_file file_of_net(const std::string& prefix = "") {
  io::tensor_file file;
  file.tensors[prefix + "body.0.weight"] = tensor<float>({3, 2}, 1);
  file.tensors[prefix + "body.0.bias"] = tensor<float>({3}, 2);
  file.tensors[prefix + "body.1.weight"] = tensor<float>({3}, 3);
  file.tensors[prefix + "body.1.bias"] = tensor<float>({3}, 4);
  file.tensors[prefix + "body.1.running_mean"] = tensor<float>({3}, 5);
  file.tensors[prefix + "body.1.running_var"] = tensor<float>({3}, 6);
  file.tensors[prefix + "body.1.num_batches_tracked"] = tensor<std::int64_t>(shape{}, 7);
  file.tensors[prefix + "body.3.weight"] = tensor<float>({1, 3}, 8);
  file.tensors[prefix + "scale"] = tensor<float>({2}, 9);
  return file;
}

void check_loaded(const net& model) {
  CHECK(model.first.dense.weight.value()(2, 1) == 1);
  CHECK(model.first.dense.bias.value()(2) == 2);
  CHECK(model.first.bn.weight.value()(0) == 3);
  CHECK(model.first.bn.running_var.value()(0) == 6);
  CHECK(model.last.weight.value()(0, 2) == 8);
  CHECK(model.scale.value()(1) == 9);
  CHECK(model.steps == 5);
}

template <class F> std::string message_of(F&& f) {
  try {
    f();
  } catch (const error& e) {
    return e.what();
  }
  return "";
}

// One module at two places.
struct twice {
  std::shared_ptr<nn::dense<float>> one = std::make_shared<nn::dense<float>>(nn::dense_config{.in = 2, .out = 3}),
                                    other = one;
  static void members(auto& self, auto&& visit) {
    visit("one", self.one);
    visit("other", self.other);
  }
};

// Keeps a tensor of the name that state_dicts count batches under.
struct counter {
  buffer<std::int64_t> count{tensor<std::int64_t>(shape{})};
  static void members(auto& self, auto&& visit) { visit("num_batches_tracked", self.count); }
};

// A file has both layers' weights in one tensor, (in, out).
struct pair {
  nn::dense<float> first{{.in = 2, .out = 3}}, second{{.in = 2, .out = 1}};
  static void members(auto& self, auto&& visit) {
    visit("first", self.first);
    visit("second", self.second);
  }
  std::vector<models::torch_name> torch_names() const {
    using enum models::torch_form;
    return {{"both", "second", transposed},
            {"both", "first", transposed},
            {"old", "first.bias", also},
            {"h.*.mask", "", unused}};
  }
};

}  // namespace

TEST_CASE("load_torch, save_torch: a model's names, those that are given, and a prefix") {
  const support::temporary_folder folder;
  for (const bool map : {false, true}) {
    net model;
    io::save_tensors(file_of_net(), folder / "f");
    const io::load_report report = models::load_torch(model, folder / "f", {.map = map});
    CHECK(report.complete());
    CHECK(report.loaded == names{"body.0.weight", "body.0.bias", "body.1.weight", "body.1.bias", "body.1.running_mean",
                                 "body.1.running_var", "body.3.weight", "scale"});
    check_loaded(model);
  }

  net model;
  io::save_tensors(file_of_net("module."), folder / "g");
  models::load_torch(model, folder / "g", {.prefix = "module."});
  check_loaded(model);

  models::save_torch(model, folder / "again");
  io::tensor_file file = file_of_net();
  file.tensors.erase("body.1.num_batches_tracked");
  io::save_tensors(file, folder / "f");
  CHECK(support::read_bytes(folder / "again") == support::read_bytes(folder / "f"));
  models::save_torch(model, folder / "halves", {.floats = dtype::bfloat16});
  net other;
  CHECK(models::load_torch(other, folder / "halves").complete());
  check_loaded(other);

  // A part of a file for a part of a model; the first name that fits counts.
  file.tensors["mean"] = tensor<float>({3}, 10);
  io::save_tensors(file, folder / "f");
  stem part;
  const io::load_report rest = models::load_torch(
      part, folder / "f",
      {.strict = false, .names = {{{"mean", "bn.running_mean"}, {"body.1", "bn"}, {"body.0", "dense"}}}});
  CHECK(rest.loaded.size() == 6);
  CHECK(rest.unexpected == names{"body.1.running_mean", "body.3.weight", "scale"});
  CHECK(part.bn.running_mean.value()(0) == 10);
}

TEST_CASE("load_torch: names of all parts, and parts whose members lie at the top of the file") {
  const support::temporary_folder folder;
  nn::dense<float> layer{{.in = 3, .out = 1, .bias = false}};
  io::save_tensors(file_of_net(), folder / "f");
  CHECK(models::load_torch(layer, folder / "f", {.strict = false, .names = {{{"body.3", ""}}}}).loaded ==
        names{"body.3.weight"});
  CHECK(layer.weight.value()(0, 0) == 8);

  io::tensor_file file;
  file.tensors["weight"] = tensor<float>({3, 2}, 1);
  file.tensors["bias"] = tensor<float>({3}, 2);
  io::save_tensors(file, folder / "g");
  stem part;
  const io::load_report report = models::load_torch(part, folder / "g", {.strict = false, .names = {{{"", "dense"}}}});
  CHECK(report.loaded == names{"weight", "bias"});
  CHECK(report.missing == names{"bn.weight", "bn.bias", "bn.running_mean", "bn.running_var"});
}

TEST_CASE("load_torch: a file that does not fit changes nothing, and the error tells every difference") {
  const support::temporary_folder folder;
  io::tensor_file file = file_of_net();
  file.tensors.erase("body.0.bias");
  file.tensors["body.3.weight"] = tensor<float>({10, 3});
  file.tensors["body.3.bias"] = tensor<float>({10});
  io::save_tensors(file, folder / "f");
  net model;
  const tensor<float> before = model.first.dense.weight.value();
  CHECK(message_of([&] { models::load_torch(model, folder / "f"); }) ==
        "[load] expected " + folder / "f" +
            " to fit the model, got 0 loaded; missing: body.0.bias; unexpected: body.3.bias; mismatched: "
            "body.3.weight: expected float32 (1, 3), got float32 (10, 3); pass {.strict = false} to load what fits");
  CHECK(support::same_bits(model.first.dense.weight.value().values(), before.values()));
  CHECK(models::load_torch(model, folder / "f", {.strict = false}).loaded.size() == 6);
  CHECK(model.scale.value()(0) == 9);
  CHECK_FALSE(message_of([&] { models::load_torch(model, folder / "none"); }).empty());
}

TEST_CASE("load_torch: names that no part has, or two") {
  const support::temporary_folder folder;
  io::save_tensors(file_of_net(), folder / "f");
  net model;
  CHECK(message_of([&] {
          models::load_torch(model, folder / "f", {.names = {{{"body.0", "first.conv"}}}});
        }) == "[torch_names] expected parts that the model has, got first.conv");
  CHECK(message_of([&] {
          models::load_torch(model, folder / "f", {.names = {{{"body", "first"}, {"body.dense", "last"}}}});
        }) ==
        "[torch_names] expected parts of one name, body.dense.weight, that can be rows of one tensor, got (3, 2) and "
        "(1, 3)");
}

TEST_CASE(
    "load_torch, save_torch: rows of one tensor, matrices the other way round, other names, and what is not needed") {
  const support::temporary_folder folder;
  io::tensor_file file;
  file.tensors["m.both.weight"] = from<float>({2, 4}, {1, 3, 5, 7, 2, 4, 6, 8});
  file.tensors["m.both.bias"] = from<float>({4}, {9, 10, 11, 12});
  io::tensor_file more = file;
  more.tensors["m.h.0.mask"] = tensor<bool>({2, 2});
  io::save_tensors(more, folder / "f");
  for (const bool map : {false, true}) {
    pair model;
    const io::load_report report = models::load_torch(model, folder / "f", {.map = map, .prefix = "m."});
    CHECK(report.complete());
    CHECK(report.loaded[0] == "m.both.weight[1:4]");
    CHECK(support::same_bits(model.second.weight.value(), from<float>({1, 2}, {1, 2})));
    CHECK(support::same_bits(model.first.weight.value(), from<float>({3, 2}, {3, 4, 5, 6, 7, 8})));
    CHECK(model.second.bias.value()(0) == 9);
    CHECK(model.first.bias.value()(2) == 12);
    models::save_torch(model, folder / "again");
    io::tensor_file again = io::load_tensors(folder / "again");
    CHECK(again.tensors.size() == 2);
    CHECK(support::same_bits(again.tensors["both.weight"].as<float>(), file.tensors["m.both.weight"].as<float>()));
    CHECK(support::same_bits(again.tensors["both.bias"].as<float>(), file.tensors["m.both.bias"].as<float>()));
  }

  // Too few rows, and a tensor of another rank: nothing changes.
  pair model;
  const tensor<float> before = model.first.weight.value();
  for (const tensor<float>& wrong : {tensor<float>({2, 3}), tensor<float>({8}), tensor<float>(shape{})}) {
    file.tensors["m.both.weight"] = wrong;
    io::save_tensors(file, folder / "g");
    const std::string message = message_of([&] { models::load_torch(model, folder / "g", {.prefix = "m."}); });
    CHECK(message.find("missing: m.both.weight[1:4]; mismatched: m.both.weight[0:1]: expected float32 (1, 2), got") !=
          std::string::npos);
    CHECK(support::same_bits(model.first.weight.value(), before));
  }

  // The other name in place of the first, and beside it: the same bits, or it does not fit.
  io::tensor_file other = io::load_tensors(folder / "again");
  other.tensors["old"] = from<float>({3}, {10, 11, 12});
  io::save_tensors(other, folder / "h");
  CHECK(models::load_torch(model, folder / "h").complete());
  other.tensors["old"] = from<float>({3}, {10, 11, 13});
  io::save_tensors(other, folder / "h");
  CHECK(message_of([&] { models::load_torch(model, folder / "h"); }).find("old: expected the bits of") !=
        std::string::npos);
}

TEST_CASE("load_torch: a file in several parts, by its index") {
  const support::temporary_folder folder;
  io::tensor_file first = file_of_net(), second;
  second.tensors["scale"] = first.tensors["scale"], first.tensors.erase("scale");
  io::save_tensors(first, folder / "1.safetensors");
  io::save_tensors(second, folder / "2.safetensors");
  std::string index = R"({"metadata": {"total_size": 1.5e3}, "weight_map": {"scale": "2.safetensors")";
  for (const auto& [name, t] : first.tensors) index += ", \"" + name + "\": \"1.safetensors\"";
  support::write_bytes(folder / "model.safetensors.index.json", index + "}}\n");
  for (const bool map : {false, true}) {
    net model;
    CHECK(models::load_torch(model, folder / "model.safetensors.index.json", {.map = map}).complete());
    check_loaded(model);
  }
}

TEST_CASE("load_torch: a count of batches that is a member is loaded") {
  const support::temporary_folder folder;
  io::tensor_file file;
  file.tensors["num_batches_tracked"] = tensor<std::int64_t>(shape{}, 3);
  io::save_tensors(file, folder / "f");
  counter model;
  CHECK(models::load_torch(model, folder / "f").loaded.size() == 1);
  CHECK(model.count.value().item() == 3);
}

TEST_CASE("save_torch, load_torch: a weight at two paths is in the file under both, as in a state_dict") {
  const support::temporary_folder folder;
  twice model;
  models::save_torch(model, folder / "f");
  const io::tensor_file file = io::load_tensors(folder / "f");
  CHECK(file.tensors.size() == 4);
  CHECK(file.tensors.contains("other.bias"));
  CHECK(file.metadata.empty());
  const tensor<float> saved = model.one->weight.value();
  init::weights(model, {.seed = 1});
  CHECK(models::load_torch(model, folder / "f").loaded.size() == 4);
  CHECK(support::same_bits(model.one->weight.value().values(), saved.values()));
}

TEST_CASE("save_torch: weights without elements are refused") {
  const support::temporary_folder folder;
  net model;
  const tensor<float> weight({1, 3}, 1);
  model.last.weight.assign(tensor<float>::represented(std::make_shared<int8_weight<>>(weight)));
  CHECK(message_of([&] { models::save_torch(model, folder / "f"); }) ==
        "[save_torch] expected elements, which PyTorch reads, got int8 in body.3.weight");
  CHECK(folder.names().empty());
}
