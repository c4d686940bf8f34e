// Shows: what a model computes: replayed bit for bit at other batch and image sizes, tapped by module path
// A record replays what the model computes, bit for bit, at the sizes it was recorded for and at others; what it cannot
// explain it refuses; its paths, taps and shapes are the model's.
#include <inlay/graph/record.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <tuple>
#include <vector>

#include <inlay/nn.hpp>
#include <inlay/nn/lstm_cell.hpp>
#include <inlay/ops.hpp>

#include "tensors.hpp"

using namespace inlay;
using support::made_up;
using support::same_bits;

namespace {

graph::record_options batch() { return {.dynamic = {{.axis = 0, .name = "N"}}}; }
graph::record_options images() {
  return {.dynamic = {{.axis = 0, .name = "N"}, {.axis = 2, .name = "H"}, {.axis = 3, .name = "W"}}};
}

// Recorded at one shape, replayed at others: the same bits as the model gives.
template <class M>
void check_replay(const M& net, const graph::record_options& options, const shape& example,
                  const std::vector<shape>& others) {
  const graph::record r(net, made_up<float>(example, 1), options);
  CHECK(same_bits(r(made_up<float>(example, 2)), net(made_up<float>(example, 2))));
  for (const shape& sizes : others) {
    INFO("at ", sizes.text());
    const auto x = made_up<float>(sizes, 3);
    CHECK(same_bits(r(x), net(x)));
  }
}

template <class F> std::string message(F&& f) {
  try {
    f();
  } catch (const error& e) {
    return e.what();
  }
  return "";
}

struct digit_net {
  nn::conv2d<float> conv{{.in = 1, .out = 8, .kernel = 3, .padding = 1}};
  nn::batch_norm<float> norm{{.features = 8}};
  nn::dropout drop{{.p = 0.25}};
  nn::dense<float> head{{.in = 8 * 4 * 4, .out = 10}};
  auto operator()(const auto& x) const { return head(drop(flatten(max_pool2d(relu(norm(conv(x))), {.kernel = 2})))); }
  static void members(auto& self, auto&& visit) {
    visit("conv", self.conv);
    visit("norm", self.norm);
    visit("drop", self.drop);
    visit("head", self.head);
  }
};

using block = nn::residual<nn::sequential<nn::conv2d<float>, nn::relu, nn::conv2d<float>>>;

// A stack of residual blocks, a mean over what is left of the image, scores: any image will do.
struct residual_net {
  nn::conv2d<float> stem{{.in = 3, .out = 4, .kernel = 3, .stride = 2, .padding = padding::same}};
  std::vector<block> blocks;
  nn::dense<float> head{{.in = 4, .out = 5, .bias = false}};

  explicit residual_net(int depth) {
    for (int i = 0; i < depth; ++i)
      blocks.push_back(
          block(nn::sequential(nn::conv2d<float>({.in = 4, .out = 4, .kernel = 3, .padding = 1}), nn::relu{},
                               nn::conv2d<float>({.in = 4, .out = 4, .kernel = 3, .padding = 1}))));
  }
  auto operator()(const auto& x) const {
    auto y = stem(x);
    for (const block& b : blocks) y = b(y);
    return head(mean(relu(y), {.axes = {2, 3}}));
  }
  static void members(auto& self, auto&& visit) {
    visit("stem", self.stem);
    visit("blocks", self.blocks);
    visit("head", self.head);
  }
};

// Reads sizes and branches on them: rows of a picture become a sequence.
struct row_reader {
  nn::dense<float> features{{.in = 6, .out = 4}};
  bool halved = false;
  auto operator()(const auto& x) const {  // (N, C, H, 6)
    auto rows = reshape(x, {x.dim(0), x.dim(1) * x.dim(2), x.dim(3)});
    auto y = features(rows);
    if (x.dim(1) > 1) y = y + features(rows);
    if (x.dim(3) == 6 && halved) y = slice(y, 1, 0, x.dim(2));
    return mean(reshape(y, {x.dim(0), x.dim(1), x.dim(2), 4}), 2) * static_cast<float>(x.dim(2));
  }
  static void members(auto& self, auto&& visit) { visit("features", self.features); }
};

// Cuts wide inputs in two, and weighs the halves.
struct two_ways {
  nn::dense<float> left{{.in = 4, .out = 3}}, right{{.in = 4, .out = 3, .activation = activation::tanh}};
  auto operator()(const auto& x) const {
    if (x.dim(-1) == 4) return left(x);
    auto y = left(slice(x, -1, 0, 4)) + right(slice(x, -1, 4, 8));
    return softmax(y + tensor<float>(shape{x.dim(0), 1}, 0.5f));
  }
  static void members(auto& self, auto&& visit) {
    visit("left", self.left);
    visit("right", self.right);
  }
};

// Two steps over a sequence (N, 2, in) from a state of zeros; gives the state.
struct two_steps {
  nn::lstm_cell<float> cell{{.in = 3, .hidden = 5}};
  auto operator()(const auto& x) const {
    const auto at = [&](std::int64_t t) { return reshape(slice(x, 1, t, t + 1), {-1, 3}); };
    return cell(at(1), cell(at(0), cell.start(x.dim(0))));
  }
  static void members(auto& self, auto&& visit) { visit("cell", self.cell); }
};

struct two_inputs {
  nn::dense<float> f{{.in = 2, .out = 2}};
  auto operator()(const auto& a, const auto& b) const { return std::pair(f(a) + b, inlay::tanh(a)); }
  static void members(auto& self, auto&& visit) { visit("f", self.f); }
};

// Choices by comparison, the best of each row and what is made of them.
struct chooser {
  auto operator()(const auto& x) const {  // (N, 6)
    const auto best = topk(x, 3);
    const auto mask = le(x, mean(x, {.axes = {1}, .keep_dims = true}));
    const auto chosen = where(mask, x * 2.0f, -1.0f) + where(gt(x, 0.0f), 0.5f, x);
    const auto hot = one_hot<float>(argmax(x, 1), x.dim(1)) + one_hot<float>(argmin(x, -1), 6);
    const auto most = scatter_add(chosen, 1, best.indices, best.values) + cumsum(hot, 1);
    const auto sums = norm(x, {.p = 3, .axes = {1}, .keep_dims = true}) + unsqueeze(logsumexp(x, 1), 1) +
                      unsqueeze(var(x, 1), -1) + min(x, {.axes = {1}, .keep_dims = true});
    return concat(1, most, gather(x, 1, best.indices), pow(abs(x), sums));
  }
  static void members(auto&, auto&&) {}
};

// Moves elements of an image about.
struct mover {
  auto operator()(const auto& x) const {  // (N, 2, H, W)
    const auto bent = pad(flip(roll(x, 2, 1), 3), {1, 2, 2, -1}, {.mode = pad_mode::reflect});
    const auto halves = split(bent, 1, 1);
    const auto rows = expand(mean(bent, {.axes = {3}, .keep_dims = true}), {-1, 2, -1, bent.dim(3)});
    const auto flat = expand(tensor<float>({1, 1}, 0.5f), {x.dim(0), x.dim(2)});
    const auto both = stack(1, squeeze(halves[1], 1), squeeze(halves[0], 1));
    const auto picked = index_select(both + rows, 1, from<std::int64_t>({2}, {1, 1}));
    return concat(2, pad(picked, {0, 1}, {.value = 2}),
                  expand(unsqueeze(unsqueeze(flat, 1), -1), {-1, 2, -1, bent.dim(3) + 1}));
  }
  static void members(auto&, auto&&) {}
};

// Up by transposed convolution and interpolation, down by pools of a given size: any image will do.
struct resizer {
  nn::conv_transpose2d<float> up{{.in = 2, .out = 4, .kernel = 3, .stride = 2, .padding = 1, .output_padding = 1}};
  nn::group_norm<float> norm{{.groups = 2, .channels = 4}};
  auto operator()(const auto& x) const {
    const auto y = norm(up(x));
    const auto z = interpolate(y, {.scale_factor = {1.5, 0.5}, .mode = interpolation::linear}) +
                   interpolate(y, {.size = {3 * x.dim(2), x.dim(3)}, .mode = interpolation::nearest});
    return flatten(adaptive_max_pool2d(z, {3, 2})) +
           concat(1, flatten(adaptive_avg_pool2d(z, 2)), global_avg_pool(y), global_max_pool(z));
  }
  static void members(auto& self, auto&& visit) {
    visit("up", self.up);
    visit("norm", self.norm);
  }
};

using any_layer = nn::any_module<tensor<float>(tensor<float>)>;

struct pile {
  std::vector<any_layer> layers;
  auto operator()(const auto& x) const {
    auto y = layers[0](x);
    for (std::size_t i = 1; i < layers.size(); ++i) y = layers[i](y);
    return y;
  }
  static void members(auto& self, auto&& visit) { visit("layers", self.layers); }
};

}  // namespace

TEST_CASE("record: a convolutional net at other batch sizes") {
  digit_net net;
  init::weights(net, {.seed = 1});
  check_replay(net, batch(), {2, 1, 8, 8}, {{1, 1, 8, 8}, {7, 1, 8, 8}});
}

TEST_CASE("record: a fully convolutional net at other images too") {
  check_replay(residual_net(3), images(), {2, 3, 8, 8}, {{1, 3, 9, 13}, {3, 3, 4, 8}, {2, 3, 16, 5}});
}

TEST_CASE("record: structs that read sizes and branch on them") {
  row_reader reader;
  const graph::record_options rows{
      .dynamic = {{.axis = 0, .name = "N"}, {.axis = 1, .name = "C"}, {.axis = 2, .name = "H"}}};
  check_replay(reader, rows, {2, 3, 4, 6}, {{1, 2, 9, 6}, {5, 4, 1, 6}});
  const two_ways net;
  check_replay(net, batch(), {3, 8}, {{1, 8}, {9, 8}});
  check_replay(net, batch(), {3, 4}, {{1, 4}, {9, 4}});
}

TEST_CASE("record: comparisons, places and gathers; images moved about, resized and pooled") {
  check_replay(chooser(), batch(), {3, 6}, {{1, 6}, {9, 6}});
  check_replay(mover(), images(), {2, 2, 6, 8}, {{1, 2, 6, 8}, {3, 2, 9, 12}});
  check_replay(resizer(), images(), {2, 2, 6, 8}, {{1, 2, 6, 8}, {3, 2, 4, 12}});
}

TEST_CASE("record: a state of zeros follows the batch; several results") {
  const two_steps net;
  const graph::record r(net, made_up<float>({2, 2, 3}, 1), batch());
  for (const std::int64_t n : {2, 1, 6}) {
    const auto x = made_up<float>({n, 2, 3}, 4);
    const auto expected = net(x);
    const std::vector<any_tensor> got = r.run({x});
    REQUIRE(got.size() == 2);
    CHECK(same_bits(got[0].as<float>(), expected.h));
    CHECK(same_bits(got[1].as<float>(), expected.c));
  }
  CHECK(message([&] {
          r(made_up<float>({2, 2, 3}, 1));
        }) == "[record] expected a model with one result, got 2; use run()");
}

TEST_CASE("record: several inputs share an axis by its name") {
  const two_inputs net;
  const std::tuple example(made_up<float>({3, 2}, 1), made_up<float>({3, 2}, 2));
  const graph::record r(net, example, {.dynamic = {{.axis = 0, .name = "N"}, {.axis = 0, .name = "N", .input = 1}}});
  const auto a = made_up<float>({7, 2}, 3), b = made_up<float>({7, 2}, 4);
  const auto [sum, bent] = net(a, b);
  const std::vector<any_tensor> got = r.run({a, b});
  CHECK(same_bits(got[0].as<float>(), sum));
  CHECK(same_bits(got[1].as<float>(), bent));
  CHECK(message([&] { r.run({a, made_up<float>({6, 2}, 4)}); }) == "[record] expected input 1 of (N, 2), got (6, 2)");
  CHECK(message([&] { r.run({a}); }) == "[record] expected 2 inputs, got 1");
  CHECK(message([&] { r.run({a, b.cast<double>()}); }) == "[record] expected input 1 of float32, got float64");
}

TEST_CASE("record: modules of any type; weights as they are now") {
  pile net;
  net.layers.emplace_back(nn::dense<float>({.in = 3, .out = 4}));
  net.layers.emplace_back(nn::relu{});
  net.layers.emplace_back(nn::layer_norm<float>({.features = 4}));
  const graph::record r(net, made_up<float>({2, 3}, 1), batch());
  init::weights(net, {.seed = 5});
  const auto x = made_up<float>({4, 3}, 2);
  CHECK(same_bits(r(x), net(x)));
}

TEST_CASE("record: operations in order, each weight once; inputs stay as they were") {
  const residual_net net(2);
  const auto x = made_up<float>({1, 3, 4, 4}, 1), before = made_up<float>({1, 3, 4, 4}, 1);
  const graph::record r(net, x);
  std::string names;
  for (const graph::step& s : r.steps()) names += std::string(s.op->name()) + ' ';
  CHECK(names == "conv2d conv2d relu conv2d add conv2d relu conv2d add relu mean linear ");
  std::vector<std::string> paths;
  for (const graph::value& v : r.values())
    if (!v.path.empty()) paths.push_back(v.path);
  std::ranges::sort(paths);
  CHECK(std::ranges::adjacent_find(paths) == paths.end());
  CHECK(paths.size() == members_of(net).size());
  CHECK(same_bits(r(x), net(x)));
  CHECK(same_bits(x, before));
}

TEST_CASE("record: other inputs than the recorded ones are refused") {
  const graph::record r(digit_net(), made_up<float>({2, 1, 8, 8}, 1), batch());
  CHECK(message([&] {
          r(made_up<float>({2, 1, 8, 9}, 1));
        }) == "[record] expected input 0 of (N, 1, 8, 8), got (2, 1, 8, 9)");
  CHECK(message([&] { r(made_up<float>({8, 8}, 1)); }) == "[record] expected input 0 of (N, 1, 8, 8), got (8, 8)");
}

TEST_CASE("record: paths, shapes and taps are the model's") {
  const residual_net net(2);
  const graph::record r(net, made_up<float>({2, 3, 8, 8}, 1), images());
  CHECK(r.steps()[1].path == "blocks.0.body.0");
  CHECK(r.steps()[2].path == "blocks.0.body.0");  // the activation behind it
  CHECK(r.values()[static_cast<std::size_t>(r.steps()[1].operands[1])].path == "blocks.0.body.0.weight");
  CHECK(r.shape_text(r.values()[static_cast<std::size_t>(r.inputs()[0])]) == "(N, 3, H, W)");
  const auto x = made_up<float>({3, 3, 6, 10}, 2);
  const std::vector<any_tensor> got = r.tap("stem").tap("blocks.0").run({x});
  REQUIRE(got.size() == 3);
  CHECK(same_bits(got[0].as<float>(), net(x)));
  CHECK(same_bits(got[1].as<float>(), net.stem(x)));
  CHECK(same_bits(got[2].as<float>(), net.blocks[0](net.stem(x))));
  CHECK(message([&] { r.tap("tail"); }) == "[tap] expected the path of a module that the model runs, got tail");
}
