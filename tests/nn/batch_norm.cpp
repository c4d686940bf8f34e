// Shows: batch norm
// The batch normalisation layer against PyTorch: what it computes while training and after it, how its running values
// move, when they stay as they are, and that files keep them.
#include <inlay/nn/batch_norm.hpp>

#include <doctest/doctest.h>

#include <inlay/nn/dense.hpp>
#include <inlay/nn/sequential.hpp>
#include <inlay/optim/sgd.hpp>
#include <inlay/testing/check_layer.hpp>

#include "files.hpp"
#include "tensors.hpp"

using namespace inlay;
using autograd::mode;
using autograd::tape;
using support::check_close;
using support::made_up;
using support::same_bits;

namespace {

const tensor<double> rows = from<double>({4, 3}, {-1.5, 0.5, 2, 0.25, -0.75, 1, 1, -2, 0.5, 0.25, 3, -1});

tensor<double> waves() {
  std::vector<double> values(18);
  for (std::size_t i = 0; i < 18; ++i) values[i] = std::sin(0.9 * static_cast<double>(i));
  return from<double>({3, 2, 3}, std::span<const double>(values));
}

// Three steps on x, 2 x + 1 and x^2.
template <class Layer> void train(const Layer& layer, const tensor<double>& x) {
  const tape t;
  for (const tensor<double>& batch : {x, x * 2.0 + 1.0, x * x}) sum(layer(t.leaf(batch))).backward();
}

template <class T> nn::batch_norm<T> seasoned(std::int64_t features) {
  nn::batch_norm<T> layer{{.features = features}};
  layer.weight.assign(made_up<T>({features}, 5, 0.5, 2));
  layer.bias.assign(made_up<T>({features}, 6));
  layer.running_mean = buffer<T>(made_up<T>({features}, 7));
  layer.running_var = buffer<T>(made_up<T>({features}, 8, 0.25, 4));
  return layer;
}

}  // namespace

TEST_CASE("batch_norm layer: running values and predictions are PyTorch's after three steps") {
  // BatchNorm1d(3, momentum=0.3, eps=1e-3) and BatchNorm1d(2), trained on x, 2 x + 1, x * x; then .eval()(x)
  const nn::batch_norm<double> flat{{.features = 3, .epsilon = 1e-3, .momentum = 0.3}};
  train(flat, rows);
  check_close(flat.running_mean.value(), {0.463125, 1.35225, 1.033125});
  check_close(flat.running_var.value(), {1.775640625, 9.80930859375, 2.714875});
  check_close(flat(rows), {-1.4728148672136687, -0.27209820418891667, 0.5866991274949551, -0.15989489644057975,
                           -0.6711862126795543, -0.0201002286730656, 0.4027850910336012, -1.0702742211701919,
                           -0.32349990675707596, -0.15989489644057975, 0.5260778127923584, -1.233698941009107});
  const nn::batch_norm<double> deep{{.features = 2}};
  train(deep, waves());
  check_close(deep.running_mean.value(), {0.1406302783875037, 0.19961796653671013});
  check_close(deep.running_var.value(), {0.9829036131463856, 0.9579435332862597});
  check_close(deep(waves()),
              {-0.14184732870050934, 0.6482586918800289, 0.8404282280665493, 0.2327066967163004, -0.6560794373429546,
               -1.2027043405720566, -0.9212995173137906, -0.12488791643105929, 0.6586891393581763, 0.7869946891161964,
               0.2171139720230456, -0.6714208779916475, -1.131272831201998, -0.9104253129858585, -0.10793329904931635,
               0.6172831045133104, 0.7826707760203598, 0.2014022005872962});
}

TEST_CASE("batch_norm layer: while training it normalises with the batch, as PyTorch does") {
  const nn::batch_norm<double> layer{{.features = 3, .affine = false}};
  const tape t;
  const auto x = t.leaf(rows);
  const auto y = layer(x);
  // F.batch_norm(x, None, None, training=True): (y * dy).sum().backward()
  check_close(y.value(), {-1.6329834849449545, 0.16903060367825823, 1.2701651728573338, 0.2721639141574924,
                          -0.5070918110347746, 0.34640868350654563, 1.0886556566299697, -1.1832142257478075,
                          -0.11546956116884849, 0.2721639141574924, 1.5212754331043241, -1.5011042951950309});
  y.backward(from<double>({4, 3}, {1, -2, 0.5, 0.25, 3, -1, -1.5, 0.5, 2, 0.25, -0.75, 1}));
  check_close(x.grad(), {-0.30238786262217127, -1.1011138870205017, 0.3079152169001566, 0.5040045006995159,
                         1.2749744169224067, -1.3856357193580295, -0.7056211387768606, -0.40567176741288263,
                         1.2316756475783335, 0.5040045006995159, 0.23181123751097787, -0.15395514512046046});
}

TEST_CASE_TEMPLATE("batch_norm layer: every judge, as it infers", T, float, double) {
  for (const shape& sizes : {shape{5, 9}, shape{3, 9, 5}, shape{2, 9, 4, 17}}) {
    const nn::batch_norm<T> layer = seasoned<T>(9);
    const auto r = testing::check_layer(layer, made_up<T>(sizes, 1));
    CHECK_MESSAGE(r.ok(), r.text());
    CHECK(same_bits(layer.running_mean.value(), seasoned<T>(9).running_mean.value()));
    CHECK(same_bits(layer.running_var.value(), seasoned<T>(9).running_var.value()));
  }
}

TEST_CASE_TEMPLATE("batch_norm layer: training has the same bits for any number of threads", T, float, double) {
  for (const shape& sizes : {shape{600, 70}, shape{8, 70, 17, 9}}) {
    const tensor<T> x = made_up<T>(sizes, 1), slope = made_up<T>(sizes, 2);
    support::for_each_isa([&](isa) {
      std::vector<tensor<T>> first;
      support::for_each_thread_count([&](int threads) {
        const nn::batch_norm<T> layer = seasoned<T>(70);
        const tape t;
        const auto leaf = t.leaf(x);
        const auto y = layer(leaf);
        y.backward(slope);
        const std::vector<tensor<T>> all{y.value(),
                                         leaf.grad(),
                                         layer.weight.grad(),
                                         layer.bias.grad(),
                                         layer.running_mean.value(),
                                         layer.running_var.value()};
        if (threads == 1) first = all;
        for (std::size_t i = 0; i < all.size(); ++i) CHECK(same_bits(all[i], first[i]));
      });
    });
  }
}

TEST_CASE("batch_norm layer: running values move once per backward or apply_statistics") {
  const nn::batch_norm<double> layer{{.features = 3}};
  const std::vector<double> once = {0, 0.01875, 0.0625}, before = {0, 0, 0};
  tape t;
  const auto y = sum(layer(t.leaf(rows)));
  check_close(layer.running_mean.value(), before);  // forward alone changes nothing
  y.backward({.keep_graph = true});
  check_close(layer.running_mean.value(), once);
  y.backward();
  check_close(layer.running_mean.value(), once);

  const nn::batch_norm<double> other{{.features = 3}};
  (void)other(t.input(rows * 5.0));
  (void)other(t.input(rows));  // of several batches the last one counts
  check_close(other.running_mean.value(), before);
  t.apply_statistics();
  check_close(other.running_mean.value(), once);
  CHECK(same_bits(other.running_var.value(), layer.running_var.value()));
  t.apply_statistics();
  check_close(other.running_mean.value(), once);
}

TEST_CASE("batch_norm layer: inference uses the running values and leaves them alone") {
  const nn::batch_norm<double> layer = seasoned<double>(3);
  const tensor<double> mean = layer.running_mean.value(), variance = layer.running_var.value(), y = layer(rows);
  tape t({.mode = mode::infer});
  const auto on_tape = layer(t.leaf(rows));
  const auto bare = layer(variable<double>{rows});
  CHECK(same_bits(on_tape.value(), y));
  CHECK(same_bits(bare.value(), y));
  sum(on_tape).backward();
  sum(bare).backward();
  t.apply_statistics();
  CHECK(same_bits(layer.running_mean.value(), mean));
  CHECK(same_bits(layer.running_var.value(), variance));
  CHECK(layer.weight.has_grad());
}

TEST_CASE("batch_norm layer: frozen weights do not freeze the statistics; mode infer does") {
  nn::batch_norm<double> layer{{.features = 3}};
  freeze(layer);
  const tape t;
  const auto x = t.leaf(rows);
  const auto y = layer(x);
  CHECK_FALSE(same_bits(y.value(), layer(rows)));
  sum(y * y).backward();
  CHECK_FALSE(layer.weight.has_grad());
  CHECK(x.has_grad());
  check_close(layer.running_mean.value(), {0, 0.01875, 0.0625});
}

TEST_CASE("batch_norm layer: files, copies and redrawn weights") {
  const support::temporary_folder folder;
  nn::batch_norm<double> layer{{.features = 3}};
  train(layer, rows);
  io::save(layer, folder / "model.safetensors");
  nn::batch_norm<double> other{{.features = 3}};
  io::load(other, folder / "model.safetensors");
  CHECK(same_bits(other.running_mean.value(), layer.running_mean.value()));
  CHECK(same_bits(other.running_var.value(), layer.running_var.value()));
  CHECK(same_bits(other(rows), layer(rows)));

  const nn::batch_norm<double> copy = layer;
  const tensor<double> before = layer(rows);
  train(copy, rows * 3.0);
  CHECK(same_bits(layer(rows), before));
  CHECK_FALSE(same_bits(copy(rows), before));

  layer.weight.assign(from<double>({3}, {7, 7, 7}));
  init::weights(layer, {.seed = 1});
  check_close(layer.weight.value(), {1, 1, 1});
  CHECK(same_bits(layer(rows), before));  // running values are no weights
}

TEST_CASE("batch_norm layer: its members") {
  const auto paths = [](const auto& layer) {
    std::string all;
    for (const member& m : members_of(layer)) all += m.path + (m.is_parameter() ? " " : "* ");
    return all;
  };
  CHECK(paths(nn::batch_norm{{.features = 4}}) == "weight bias running_mean* running_var* ");
  CHECK(paths(nn::batch_norm{{.features = 4, .affine = false}}) == "running_mean* running_var* ");
  const nn::batch_norm<float> layer{{.features = 4}};
  check_close(layer.running_mean.value(), {0, 0, 0, 0});
  check_close(layer.running_var.value(), {1, 1, 1, 1});
  CHECK(parameter_count(layer) == 8);
}

TEST_CASE("batch_norm layer: a net learns with it") {
  nn::sequential net{nn::dense<double>{{.in = 3, .out = 8}}, nn::batch_norm<double>{{.features = 8}},
                     nn::dense<double>{{.in = 8, .out = 1}}};
  init::weights(net, {.seed = 1});
  const tensor<double> x = made_up<double>({64, 3}, 1, 90, 110), y = mean(x, {.axes = {1}, .keep_dims = true}) - 100.0;
  optim::sgd sgd{net, {.learning_rate = 0.05}};
  const tape t;
  double first = 0, last = 0;
  for (int i = 0; i < 200; ++i) {
    const auto off = net(t.input(x)) - y;
    const auto loss = mean(off * off);
    (i == 0 ? first : last) = loss.item();
    sgd.zero_grad();
    loss.backward();
    sgd.step();
  }
  CHECK(last < 0.02 * first);
  const tensor<double> off = net(x) - y;
  CHECK(std::abs(mean(off * off).item() - last) < 0.02 * first);  // predictions have caught up with training
}

TEST_CASE("batch_norm layer: what it refuses") {
  CHECK_THROWS_WITH_AS(nn::batch_norm<float>{{}}, "[batch_norm] expected .features of 1 or more, got 0", value_error);
  const nn::batch_norm<double> layer{{.features = 3}};
  const tape t, other;
  for (const shape& sizes : {shape{3}, shape{4, 2}}) {
    CHECK_THROWS_AS(layer(tensor<double>(sizes)), shape_error);
    CHECK_THROWS_AS(layer(t.input(tensor<double>(sizes))), shape_error);
  }
  CHECK_THROWS_WITH_AS(layer(t.input(tensor<double>({5, 4}))), "[batch_norm] expected input (N, 3, …), got (5, 4)",
                       shape_error);
  CHECK_THROWS_WITH_AS(layer(t.input(tensor<double>({1, 3}))),
                       "[batch_norm] expected at least 2 values per channel to train on, got (1, 3)", value_error);
  CHECK_THROWS_AS(layer(t.input(tensor<double>({0, 3}))), value_error);
  CHECK(layer(tensor<double>({1, 3})).shape() == shape{1, 3});  // one row is enough to predict
  CHECK(layer(tensor<double>({0, 3})).shape() == shape{0, 3});
  CHECK_THROWS_AS(layer(t.leaf(rows)) + layer(other.leaf(rows)), state_error);
}
