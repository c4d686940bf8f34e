// Shows: `quantize`: dense and convolution weights in 8 bits, products of whole numbers, a quarter of the file
// A model with weights of 8 bits is the same model: it computes with whole numbers and no elements, is saved, loaded,
// copied, recorded and summed up, and is shared by threads.
#include <inlay/compress/quantize.hpp>

#include <doctest/doctest.h>

#include <thread>

#include <inlay/graph/summary.hpp>
#include <inlay/io/save.hpp>
#include <inlay/loss.hpp>
#include <inlay/nn.hpp>
#include <inlay/ops.hpp>
#include <inlay/optim.hpp>
#include <inlay/testing/check_layer.hpp>

#include "files.hpp"
#include "support.hpp"

using namespace inlay;

namespace {

struct small_net {
  nn::conv2d<float> conv{{.in = 2, .out = 6, .kernel = 3, .padding = 1, .activation = activation::relu}};
  nn::batch_norm<float> norm{{.features = 6}};
  nn::conv2d<float> depthwise{{.in = 6, .out = 6, .kernel = 3, .groups = 6}};
  nn::dense<float> hidden{{.in = 6 * 4 * 4, .out = 20, .activation = activation::tanh}};
  nn::dense<float> head{{.in = 20, .out = 5}};
  auto operator()(const auto& x) const { return head(hidden(flatten(depthwise(norm(conv(x)))))); }
  static void members(auto& self, auto&& visit) {
    visit("conv", self.conv);
    visit("norm", self.norm);
    visit("depthwise", self.depthwise);
    visit("hidden", self.hidden);
    visit("head", self.head);
  }
};

tensor<float> images(std::int64_t count, std::uint64_t seed = 1) {
  random::generator g(seed);
  return random::uniform<float>(g, {count, 2, 6, 6}, -1, 1);
}

double relative_error(const tensor<float>& a, const tensor<float>& b) { return compress::detail::relative_error(a, b); }

bool same_bits(const tensor<float>& a, const tensor<float>& b) { return support::same_bits(a.values(), b.values()); }

// The weights that may have no elements.
template <class Net> std::vector<const parameter<float>*> products(const Net& net) {
  return {&net.conv.weight, &net.depthwise.weight, &net.hidden.weight, &net.head.weight};
}

}  // namespace

TEST_CASE("quantize: close to what it was, whole numbers only, the rest untouched") {
  for (const bool measured : {false, true}) {
    small_net net;
    init::weights(net, {.seed = 3});
    const tensor<float> x = images(8), before = net(x);
    const compress::quantize_report report = compress::quantize(net, x, {.measure_inputs = measured});
    CHECK(report.rows.size() == 4);
    for (const auto& row : report.rows) {
      CHECK(row.skipped.empty());
      CHECK(row.error > 0);
      CHECK(row.error < 0.01);
    }
    CHECK(report.text().starts_with("conv.weight: int8, relative error 0.00"));
    const tensor<float> after = net(x);
    CHECK(relative_error(before, after) < 0.02);
    CHECK(!same_bits(before, after));
    for (const parameter<float>* w : products(net)) {
      CHECK(!w->value().has_elements());
      CHECK(!w->trainable());
      const auto& form = static_cast<const int8_weight<>&>(*w->value().representation());
      CHECK(form.input().has_value() == measured);
    }
    CHECK(net.conv.bias.trainable());
    CHECK(net.norm.weight.value().representation() == nullptr);
    for (const auto& row : compress::quantize(net, x).rows) CHECK(row.skipped == "it is int8");
  }
}

TEST_CASE("quantize: saved, loaded and copied: the same bits, a quarter of the bytes, never any elements") {
  const support::temporary_folder folder;
  small_net net;
  init::weights(net, {.seed = 4});
  io::save(net, folder / "float");
  const tensor<float> x = images(8);
  compress::quantize(net, x, {.measure_inputs = true});
  const tensor<float> y = net(x);
  io::save(net, folder / "int8");
  const std::string bytes = support::read_bytes(folder / "int8");
  CHECK(static_cast<double>(bytes.size()) < 0.45 * static_cast<double>(support::read_bytes(folder / "float").size()));

  for (const bool map : {false, true}) {
    small_net loaded;
    init::weights(loaded, {.seed = 5});
    const io::load_report report = io::load(loaded, folder / "int8", {.map = map});
    CHECK(report.complete());
    CHECK(same_bits(loaded(x), y));
    const small_net copy = loaded;
    CHECK(same_bits(copy(x), y));
    small_net assigned;
    assigned = loaded;
    CHECK(same_bits(assigned(x), y));
    for (const small_net* each :
         {static_cast<const small_net*>(&loaded), &copy, static_cast<const small_net*>(&assigned)})
      for (const parameter<float>* w : products(*each)) CHECK(!w->value().has_elements());
    io::save(loaded, folder / "again");
    CHECK(support::read_bytes(folder / "again") == bytes);
  }
  io::load(net, folder / "float");  // elements take the place of the 8 bits
  CHECK(net.conv.weight.value().representation() == nullptr);
}

TEST_CASE("quantize: recorded, replayed and summed up") {
  small_net net;
  const tensor<float> x = images(3);
  compress::quantize(net, x);
  const graph::record r(net, x, {.dynamic = {{.axis = 0, .name = "N"}}});
  for (const std::int64_t count : {1, 3, 7}) CHECK(same_bits(r(images(count, 2)), net(images(count, 2))));
  for (const parameter<float>* w : products(net)) CHECK(!w->value().has_elements());
  const graph::summary s(r);
  CHECK(s.rows[0].weights == "int8");
  CHECK(s.rows[1].weights == "float32");
  CHECK(s.parameters == parameter_count(net));
  const testing::report checked = testing::check_layer(net, x);
  CHECK_MESSAGE(checked.ok(), checked.text());
}

TEST_CASE("quantize: one model, eight threads") {
  small_net net;
  const tensor<float> x = images(4);
  const small_net before = net;
  compress::quantize(net, x);
  freeze(net);
  small_net warm = before;  // has made its panels already
  compress::quantize(warm, x);
  const tensor<float> expected = warm(x);
  std::atomic<int> right{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i)
    threads.emplace_back([&] {
      const thread_scope one(1);
      for (int round = 0; round < 20; ++round) right += same_bits(std::as_const(net)(x), expected);
    });
  for (std::thread& t : threads) t.join();
  CHECK(right == 8 * 20);
  for (const parameter<float>* w : products(net)) CHECK(!w->value().has_elements());
}

namespace {

// One weight is read as a table as well as by a product, one has another element type, one too many products.
struct odd_net {
  nn::dense<float> tied{{.in = 4, .out = 4}};
  nn::dense<float> plain{{.in = 4, .out = 4}};
  parameter<float> only_added{tensor<float>({4, 4}, 1)};
  auto operator()(const auto& x) const {
    return plain(tied(x) + matmul(x, tied.weight.in(x))) + matmul(x, only_added.in(x));
  }
  static void members(auto& self, auto&& visit) {
    visit("tied", self.tied);
    visit("plain", self.plain);
    visit("only_added", self.only_added);
  }
};

}  // namespace

TEST_CASE("quantize: what cannot have 8 bits stays, and the report says why") {
  odd_net net;
  const compress::quantize_report report = compress::quantize(net, tensor<float>({2, 4}, 1));
  CHECK(report.text().find("tied.weight: as it was, matmul reads it\n") != std::string::npos);
  CHECK(report.text().find("only_added: as it was, matmul reads it\n") != std::string::npos);
  CHECK(report.text().find("plain.weight: int8") != std::string::npos);

  nn::dense<double> wide{{.in = 3, .out = 2}};
  CHECK(compress::quantize(wide, tensor<double>({1, 3})).rows[0].skipped == "its elements are float64");
  nn::dense<float> broken{{.in = 3, .out = 2}};
  broken.weight.assign(tensor<float>({2, 3}, std::numeric_limits<float>::infinity()));
  CHECK(compress::quantize(broken, tensor<float>({1, 3})).rows[0].skipped.find("finite") != std::string::npos);
  CHECK(broken.weight.trainable());

  small_net chosen;
  CHECK(compress::quantize(chosen, images(1), {.include = "h*"}).rows.size() == 2);
  CHECK(chosen.conv.weight.value().representation() == nullptr);
}

TEST_CASE("quantize: trained on, written weights have elements again, the others stay") {
  small_net net;
  const tensor<float> x = images(4);
  compress::quantize(net, x, {.include = "conv*"});
  optim::sgd sgd(net, {.learning_rate = 0.1});
  autograd::tape tape;
  const tensor<std::int64_t> classes = from<std::int64_t>({4}, {0, 1, 2, 3});
  float first = 0, last = 0;
  for (int step = 0; step < 30; ++step) {
    auto loss = loss::cross_entropy(net(tape.input(x)), classes);
    loss.backward();
    sgd.step();
    sgd.zero_grad();
    (step == 0 ? first : last) = loss.item();
  }
  CHECK(last < 0.7f * first);
  CHECK(net.conv.weight.value().representation() != nullptr);
  net.conv.weight.write([](std::span<float> values) { values[0] = 1; });
  CHECK(net.conv.weight.value().representation() == nullptr);
  CHECK(net.conv.weight.value().values()[0] == 1);
}

TEST_CASE("quantize: damaged files are refused and change nothing") {
  const support::temporary_folder folder;
  nn::dense<float> layer{{.in = 3, .out = 2}};
  compress::quantize(layer, tensor<float>({1, 3}));
  const tensor<float> x({1, 3}, 1), y = layer(x);
  const auto damaged = [&](auto&& change) {
    io::save(layer, folder / "f");
    io::tensor_file file = io::load_tensors(folder / "f");
    change(file);
    io::save_tensors(file, folder / "f");
    nn::dense<float> other = layer;
    CHECK_THROWS_AS(io::load(other, folder / "f"), io_error);
    CHECK(same_bits(other(x), y));
  };
  damaged([](io::tensor_file& file) { file.metadata["representation:weight"] = "int9"; });
  damaged([](io::tensor_file& file) { file.metadata.clear(); });
  damaged([](io::tensor_file& file) { file.tensors.erase("weight.scale"); });
  damaged([](io::tensor_file& file) { file.tensors.at("weight.scale") = tensor<float>({2}, -1); });
  damaged([](io::tensor_file& file) { file.tensors.at("weight.scale") = tensor<float>({3}, 1); });
  damaged([](io::tensor_file& file) { file.tensors.at("weight") = tensor<float>({2, 3}); });
  damaged([](io::tensor_file& file) { file.tensors.at("weight") = tensor<std::int8_t>({3, 2}); });
  damaged([](io::tensor_file& file) { file.tensors.emplace("weight.input_range", tensor<float>({3})); });
  damaged([](io::tensor_file& file) { file.tensors.emplace("weight.input_range", tensor<float>({2}, 1)); });
}
