// Shows: `remove_channels`: channels leave a trained model with all that was there for them
// A model without some channels computes what it did with those at zero; biases, statistics, the layers behind and the
// optimiser's state follow. What cannot be followed is refused, and nothing is changed.
#include <inlay/compress/prune.hpp>

#include <doctest/doctest.h>

#include <cmath>

#include <inlay/compress/quantize.hpp>
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

struct conv_net {
  nn::conv2d<float> first{{.in = 2, .out = 6, .kernel = 3, .padding = 1}};
  nn::batch_norm<float> norm{{.features = 6}};
  nn::conv2d<float> depthwise{{.in = 6, .out = 12, .kernel = 3, .padding = 1, .groups = 6}};
  nn::conv2d<float> second{{.in = 12, .out = 4, .kernel = 3, .activation = activation::relu}};
  nn::dense<float> hidden{{.in = 4 * 2 * 2, .out = 10, .activation = activation::tanh}};
  nn::dense<float> head{{.in = 10, .out = 3}};
  auto operator()(const auto& x) const {
    const auto features = max_pool2d(second(relu(depthwise(hardswish(norm(first(x)))))), {.kernel = 2});
    return head(hidden(flatten(features)));
  }
  static void members(auto& self, auto&& visit) {
    visit("first", self.first);
    visit("norm", self.norm);
    visit("depthwise", self.depthwise);
    visit("second", self.second);
    visit("hidden", self.hidden);
    visit("head", self.head);
  }
};

tensor<float> images(std::int64_t count, std::uint64_t seed = 1) {
  random::generator g(seed);
  return random::uniform<float>(g, {count, 2, 6, 6}, -1, 1);
}

conv_net trained(const tensor<float>& x) {
  conv_net net;
  init::weights(net, {.seed = 5});
  autograd::tape tape;
  for (int i = 0; i < 5; ++i) {
    net(tape.input(x));
    tape.apply_statistics();
  }
  return net;
}

// Sets whole rows of a weight (out, …) to zero.
void zero(parameter<float>& p, const std::vector<std::int64_t>& rows) {
  const std::int64_t each = p.value().size() / p.dim(0);
  p.write([&](std::span<float> values) {
    for (const std::int64_t row : rows)
      std::fill_n(values.begin() + static_cast<std::ptrdiff_t>(row * each), each, 0.0f);
  });
}

double difference(const tensor<float>& a, const tensor<float>& b) {
  return support::difference(a.values(), std::vector<float>(b.values().begin(), b.values().end()));
}

// Every byte of a model.
template <class Net> std::string bits_of(const Net& net) {
  std::string out;
  for (const member& m : members_of(net)) {
    const any_tensor value = detail::value_of(*m.cell);
    out += m.path + value.shape().text();
    out.append(reinterpret_cast<const char*>(value.bytes().data()), value.bytes().size());
  }
  return out;
}

}  // namespace

TEST_CASE("prune: the first layer's channels, through norm and depthwise convolution") {
  const tensor<float> x = images(5);
  conv_net net = trained(x), masked = net;
  const std::vector<std::int64_t> gone{1, 4};
  // With scale and shift of the norm at zero nothing of the channel is left before the depthwise layer, whose bias is.
  zero(masked.norm.weight, gone);
  zero(masked.norm.bias, gone);
  zero(masked.depthwise.bias, {2, 3, 8, 9});
  const tensor<float> expected = masked(x);

  const compress::prune_report report = compress::remove_channels(net, x, "first", gone);
  CHECK(net.first.weight.shape() == shape{4, 2, 3, 3});
  CHECK(net.first.bias.shape() == shape{4});
  CHECK(net.norm.running_var.shape() == shape{4});
  CHECK(net.depthwise.weight.shape() == shape{8, 1, 3, 3});
  CHECK(net.second.weight.shape() == shape{4, 8, 3, 3});
  CHECK(difference(net(x), expected) < 1e-6);
  CHECK(report.rows.size() == 9);
  CHECK(report.text().find("second.weight: (4, 12, 3, 3) -> (4, 8, 3, 3)\n") != std::string::npos);
}

TEST_CASE("prune: through pooling and flatten, from dense to dense, in double") {
  const tensor<float> x = images(5);
  conv_net net = trained(x), masked = net;
  zero(masked.second.weight, {0});
  zero(masked.second.bias, {0});
  zero(masked.hidden.weight, {3, 9});
  zero(masked.hidden.bias, {3, 9});
  compress::remove_channels(net, x, "second", {0});
  CHECK(net.hidden.weight.shape() == shape{10, 12});
  compress::remove_channels(net, x, "hidden", {9, 3});
  CHECK(net.head.weight.shape() == shape{3, 8});
  CHECK(difference(net(x), masked(x)) < 1e-6);

  nn::sequential wide{nn::dense<double>{{.in = 3, .out = 5, .bias = false}}, nn::dense<double>{{.in = 5, .out = 2}}};
  compress::remove_channels(wide, tensor<double>({2, 3}), "0", {2});
  CHECK(wide(tensor<double>({4, 3})).shape() == shape{4, 2});
}

TEST_CASE("prune: saved, loaded, copied, recorded, summed up, quantised") {
  const support::temporary_folder folder;
  const tensor<float> x = images(3);
  conv_net net = trained(x);
  compress::remove_channels(net, x, "first", {0, 5});
  compress::remove_channels(net, x, "second", {1});
  const tensor<float> y = net(x);
  io::save(net, folder / "f");
  conv_net fresh;
  CHECK_THROWS_AS(io::load(fresh, folder / "f"), io_error);
  CHECK(io::load(fresh, folder / "f", {.reshape = true}).complete());
  CHECK(bits_of(fresh) == bits_of(net));
  CHECK(difference(fresh(x), y) == 0);
  const conv_net copy = net;
  CHECK(difference(copy(x), y) == 0);
  conv_net assigned;
  assigned = net;
  CHECK(difference(assigned(x), y) == 0);
  const testing::report checked = testing::check_layer(net, x);
  CHECK_MESSAGE(checked.ok(), checked.text());
  const graph::summary s(graph::record(net, x, {.dynamic = {{.axis = 0}}}));
  CHECK(s.rows[0].output == "(N, 4, 6, 6)");
  CHECK(s.parameters == parameter_count(net));

  compress::quantize(net, x);
  CHECK(compress::detail::relative_error(y, net(x)) < 0.05);
  io::save(net, folder / "int8");
  io::load(fresh, folder / "int8");
  CHECK(difference(fresh(x), net(x)) == 0);
  const std::string before = bits_of(net);
  CHECK_THROWS_WITH_AS(compress::remove_channels(net, x, "second", {0}),
                       "[remove_channels] second.weight is int8; prune first, then quantise", state_error);
  CHECK(bits_of(net) == before);
}

namespace {

struct two_rows {
  parameter<float> weight;
  explicit two_rows(tensor<float> value) : weight(std::move(value)) {}
  static void members(auto& self, auto&& visit) { visit("weight", self.weight); }
};

// A few steps with a gradient that differs for every element and step.
template <class Optimizer> void train(two_rows& net, Optimizer& optimizer, const tensor<float>& slope, int steps) {
  const autograd::tape tape;
  for (int i = 0; i < steps; ++i) {
    const variable<float> w = net.weight.in(tape.input(tensor<float>()));
    sum(w * w * slope).backward();
    optimizer.step();
    optimizer.zero_grad();
  }
}

}  // namespace

TEST_CASE_TEMPLATE("prune: the optimiser's state goes with the channels", Optimizer, optim::sgd, optim::adam) {
  const auto make = [](auto& net) {
    if constexpr (std::is_same_v<Optimizer, optim::sgd>)
      return Optimizer(net, {.learning_rate = 0.01, .momentum = 0.9});
    else
      return Optimizer(net, {.learning_rate = 0.01});
  };
  const auto values = support::noise_values<float>(12, 1), slopes = support::noise_values<float>(12, 2);
  const tensor<float> start = from<float>({4, 3}, std::span<const float>(values)),
                      slope = from<float>({4, 3}, std::span<const float>(slopes));
  two_rows all(start), some(start.slice(1, 3));
  auto optimizer_of_all = make(all), optimizer_of_some = make(some);
  train(all, optimizer_of_all, slope, 4);
  train(some, optimizer_of_some, slope.slice(1, 3), 4);
  all.weight.shared_cell()->take_out(
      std::make_shared<const compress::detail::kept_indices>(0, std::vector<std::int64_t>{1, 2}));
  CHECK(support::same_bits(all.weight.value().values(), some.weight.value().values()));
  train(all, optimizer_of_all, slope.slice(1, 3), 3);
  train(some, optimizer_of_some, slope.slice(1, 3), 3);
  CHECK(support::same_bits(all.weight.value().values(), some.weight.value().values()));
}

TEST_CASE("prune: a pruned model is trained on by the optimiser it has") {
  const tensor<float> x = images(8);
  conv_net net = trained(x);
  optim::adam adam(net, {.learning_rate = 0.01});
  autograd::tape tape;
  const tensor<std::int64_t> classes = from<std::int64_t>({8}, {0, 1, 2, 0, 1, 2, 0, 1});
  float first = 0, last = 0;
  for (int step = 0; step < 60; ++step) {
    if (step == 20)
      compress::remove_channels(net, x, "first", compress::smallest_channels(net.first.weight.value(), 2));
    auto loss = loss::cross_entropy(net(tape.input(x)), classes);
    loss.backward();
    adam.step();
    adam.zero_grad();
    (step == 0 ? first : last) = loss.item();
  }
  CHECK(last < 0.2f * first);
}

TEST_CASE("prune: gradients that wait follow") {
  const tensor<float> x = images(2);
  conv_net net = trained(x);
  const autograd::tape tape;
  sum(net(tape.input(x))).backward();
  const tensor<float> before = net.second.bias.grad();
  compress::remove_channels(net, x, "second", {2});
  CHECK(net.second.bias.grad().shape() == shape{3});
  CHECK(net.second.bias.grad()(2) == before(3));
}

namespace {

// Forwards of a few ways to join or end.
struct joined {
  nn::conv2d<float> a{{.in = 2, .out = 4, .kernel = 1}}, b{{.in = 2, .out = 4, .kernel = 1}};
  nn::conv2d<float> c{{.in = 4, .out = 2, .kernel = 1}};
  parameter<float> scale{tensor<float>({4, 1, 1}, 2)};
  int way = 0;
  template <class X> auto operator()(const X& x) const -> std::decay_t<decltype(c(a(x)))> {
    if (way == 1) return c(a(x) + b(x));               // residual: b would have to shrink too
    if (way == 2) return c(softmax(a(x), 1));          // mixes channels
    if (way == 3) return a(x);                         // the result itself
    if (way == 4) return c(a(x)) + c(b(x));            // one reader, two layers before it
    if (way == 5) return c(relu(a(x)) * scale.in(x));  // a vector of the model's own
    if (way == 6) return c(a(x) * mean(a(x), {.axes = {2, 3}, .keep_dims = true}));  // a gate
    if (way == 7) return c(a(x) * mean(a(x), {.axes = {1}, .keep_dims = true}));     // a mean over channels
    return c(a(x) - a(x) * a(x));
  }
  static void members(auto& self, auto&& visit) {
    visit("a", self.a);
    visit("b", self.b);
    visit("c", self.c);
    visit("scale", self.scale);
  }
};

}  // namespace

TEST_CASE("prune: what joins is followed or refused, and a refusal changes nothing") {
  const tensor<float> x({1, 2, 3, 3}, 1);
  const auto refused = [&](int way) {
    joined net;
    net.way = way;
    const std::string before = bits_of(net);
    std::string message;
    try {
      compress::remove_channels(net, x, "a", {1});
    } catch (const error& e) {
      message = e.what();
    }
    CHECK(bits_of(net) == before);
    return message;
  };
  const std::string head = "[remove_channels] expected to follow the channels through the model, but ";
  CHECK(refused(1) == head + "add in a needs them from another operand");
  CHECK(refused(2) == head + "softmax in a is not known to keep them apart");
  CHECK(refused(3) == "[remove_channels] expected channels inside the model, got those of its result");
  CHECK(refused(4) == head + "conv2d in c reads the same weight");
  CHECK(refused(7) == head + "mean in a mixes them");
  for (const int way : {0, 5, 6}) {
    joined net;
    net.way = way;
    joined masked = net;
    zero(masked.a.weight, {1});
    zero(masked.a.bias, {1});
    compress::remove_channels(net, x, "a", {1});
    CHECK(difference(net(x), masked(x)) < 1e-6);
    CHECK(net.scale.dim(0) == (way == 5 ? 3 : 4));
  }
}

TEST_CASE("prune: bad requests") {
  const tensor<float> x = images(1);
  conv_net net;
  CHECK_THROWS_AS(compress::remove_channels(net, x, "nothing", {0}), value_error);
  CHECK_THROWS_AS(compress::remove_channels(net, x, "norm", {0}), value_error);
  CHECK_THROWS_AS(compress::remove_channels(net, x, "first", {6}), value_error);
  CHECK_THROWS_AS(compress::remove_channels(net, x, "first", {-1}), value_error);
  CHECK_THROWS_AS(compress::remove_channels(net, x, "first", {1, 1}), value_error);
  CHECK_THROWS_AS(compress::remove_channels(net, x, "second", {0, 1, 2, 3}), value_error);
  CHECK_THROWS_AS(compress::remove_channels(net, x, "depthwise", {0}), state_error);
  const tensor<float> w = from<float>({3, 2}, {3, -3, 1, 1, -2, 0});
  CHECK(compress::smallest_channels(w, 2) == std::vector<std::int64_t>{1, 2});
  CHECK(compress::smallest_channels(w, 1, 2) == std::vector<std::int64_t>{1});
  CHECK(compress::smallest_channels(w, 0).empty());
  CHECK_THROWS_AS(compress::smallest_channels(w, 4), value_error);
}
