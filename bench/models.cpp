// Networks end to end, beside libtorch, ONNX Runtime, dlib and Eigen by hand: a 784-128-10 perceptron and a network
// like LeNet trained with Adam on batches of 64 and used on batches of 64 and 1, a call of a 16-32-32-4 perceptron from
// and to plain arrays, and ResNet-18 on images of ImageNet's size. All start from the same weights.
//   --weights=FOLDER writes them for peers/onnx_models.py and stops  --models=FOLDER, of what that wrote
//   --onnxruntime=FILE, the library
#include "ours.hpp"

#include <inlay/graph.hpp>
#include <inlay/inlay.hpp>
#include <inlay/io.hpp>
#include <inlay/models.hpp>

#include <filesystem>

#include "peers/network.hpp"
#include "peers/onnxruntime.hpp"

#ifdef BENCH_DLIB
#include "peers/dlib.hpp"
#endif
#ifdef BENCH_EIGEN
#include "peers/eigen.hpp"
#endif
#ifdef __SSE__
#include <xmmintrin.h>
#endif

namespace {

using inlay::tensor;

// How a model is run for inference. A row's name says it.
constexpr const char* form = "plan";
template <class Model> auto prepared(const Model& net, const tensor<float>& example) {
  return inlay::graph::plan(net, example);
}

struct perceptron {
  std::vector<inlay::nn::dense<float>> layers;

  explicit perceptron(std::initializer_list<std::int64_t> sizes) {
    for (auto in = sizes.begin(), out = in + 1; out != sizes.end(); in = out++)
      layers.push_back(inlay::nn::dense<float>{
          {.in = *in,
           .out = *out,
           .activation = out + 1 == sizes.end() ? inlay::activation::none : inlay::activation::relu}});
  }
  auto operator()(const auto& x) const {
    auto y = layers.front()(x);
    for (std::size_t i = 1; i < layers.size(); ++i) y = layers[i](y);
    return y;
  }
  static void members(auto& self, auto&& visit) { visit("layers", self.layers); }
};

struct lenet {
  inlay::nn::conv2d<float> conv1{{.in = 1, .out = 32, .kernel = 3, .activation = inlay::activation::relu}};
  inlay::nn::conv2d<float> conv2{{.in = 32, .out = 64, .kernel = 3, .activation = inlay::activation::relu}};
  inlay::nn::dense<float> hidden{{.in = 64 * 5 * 5, .out = 128, .activation = inlay::activation::relu}};
  inlay::nn::dense<float> scores{{.in = 128, .out = 10}};

  auto operator()(const auto& x) const {
    const auto y = max_pool2d(conv1(x), {.kernel = 2});
    return scores(hidden(flatten(max_pool2d(conv2(y), {.kernel = 2}))));
  }
  static void members(auto& self, auto&& visit) {
    visit("conv1", self.conv1);
    visit("conv2", self.conv2);
    visit("hidden", self.hidden);
    visit("scores", self.scores);
  }
};

// A model, its sizes, and batches that all libraries start from.
template <class Model> struct start {
  std::string kind;
  Model net;
  std::int64_t outputs;
  double flop, first;  // of a row's inference, and of its first layer alone, whose input needs no gradient

  std::vector<tensor<float>> x = {};
  std::vector<tensor<std::int64_t>> classes = {};

  start& with_batches(std::size_t count, const inlay::shape& sizes) {
    inlay::random::generator g(7);
    for (std::size_t b = 0; b < count; ++b) {
      x.push_back(inlay::random::uniform<float>(g, sizes));
      classes.push_back(inlay::empty<std::int64_t>({sizes[0]}));
      classes.back().write([&](std::span<std::int64_t> to) {
        for (std::int64_t& c : to) c = static_cast<std::int64_t>(g.below(static_cast<std::uint64_t>(outputs)));
      });
    }
    return *this;
  }

  bench::model weights() const {
    bench::model out{kind, {}, outputs};
    for (const auto& m : inlay::members_of(net))
      if (m.cell) {
        const tensor<float> value = inlay::detail::value_of(*m.cell).template as<float>();
        out.weights.emplace(m.path, bench::view_of(value));
      }
    return out;
  }

  template <class Network> std::unique_ptr<bench::network> filled(std::unique_ptr<Network> net_of) const {
    for (std::size_t b = 0; b < x.size(); ++b) net_of->add_batch(bench::view_of(x[b]), classes[b].data());
    return net_of;
  }
};

template <class Model> class inlay_network final : public bench::network {
 public:
  explicit inlay_network(const start<Model>& from)
      : net_(from.net), x_(from.x), classes_(from.classes), run_(prepared(net_, from.x.front())) {}

  void add_batch(const bench::view&, const std::int64_t*) override {}

  void train(std::size_t at) override {
    if (!optimizer_) optimizer_.emplace(net_);
    const auto loss = inlay::loss::cross_entropy(net_(tape_.input(x_[at])), classes_[at]);
    loss.backward();
    optimizer_->step();
    optimizer_->zero_grad();
    loss_ = loss.item();
  }
  float loss() override { return loss_; }

  void infer(std::size_t at) override { scores_ = run_(x_[at]); }
  const float* scores() override { return std::as_const(scores_).data(); }

  void call(const float* in, float* out) override {
    run_.run(std::span(in, x_.front().values().size()), std::span(out, 4));
  }

 private:
  Model net_;
  std::vector<tensor<float>> x_;
  std::vector<tensor<std::int64_t>> classes_;
  decltype(prepared(std::declval<const Model&>(), tensor<float>())) run_;
  std::optional<inlay::optim::adam> optimizer_;
  inlay::autograd::tape tape_;
  tensor<float> scores_;
  float loss_ = 0;
};

// What a compiler makes of a perceptron whose sizes it knows: nothing but loops. One row, no training.
class loops final : public bench::network {
 public:
  explicit loops(const bench::model& m) {
    first_.set(m, "layers.0");
    second_.set(m, "layers.1");
    third_.set(m, "layers.2");
  }
  void add_batch(const bench::view&, const std::int64_t*) override {}
  void infer(std::size_t) override {}
  const float* scores() override { return nullptr; }
  void call(const float* in, float* out) override {
    float a[32], b[32];
    first_.run(in, a, true);
    second_.run(a, b, true);
    third_.run(b, out, false);
  }

 private:
  template <int In, int Out> struct dense {
    float weight[In][Out], bias[Out];

    void set(const bench::model& m, const std::string& path) {
      const float *w = m.at(path + ".weight").values, *b = m.at(path + ".bias").values;
      for (int j = 0; j < Out; ++j) {
        bias[j] = b[j];
        for (int i = 0; i < In; ++i) weight[i][j] = w[j * In + i];
      }
    }
    void run(const float* __restrict x, float* __restrict y, bool rectify) const {
      for (int j = 0; j < Out; ++j) y[j] = bias[j];
      for (int i = 0; i < In; ++i)
        for (int j = 0; j < Out; ++j) y[j] += x[i] * weight[i][j];
      if (!rectify) return;
      for (int j = 0; j < Out; ++j) y[j] = y[j] > 0 ? y[j] : 0;
    }
  };

  dense<16, 32> first_;
  dense<32, 32> second_;
  dense<32, 4> third_;
};

// Makes a library's network; empty for a library that is not here.
using maker = std::function<std::unique_ptr<bench::network>()>;

struct targets {
  std::optional<double> eigen = {}, torch = {}, onnx = {}, dlib = {};
};

class rows {
 public:
  rows(int argc, char** argv) : race_(argc, argv), models_(race_.setting("models", "")) {
    const std::string file = race_.setting("onnxruntime", "");
    if (!file.empty()) onnx_.emplace(file, race_.threads());
  }

  // Writes the weights of all models into the folder that was asked for; false when none was.
  bool write_weights() const {
    const std::string folder = race_.setting("weights", "");
    if (folder.empty()) return false;
    const auto write = [&](const auto& s) {
      inlay::io::named_tensors all;
      for (const auto& m : inlay::members_of(s.net))
        if (m.cell) all.emplace(m.path, inlay::detail::value_of(*m.cell));
      inlay::io::save_npz(all, folder + "/" + s.kind + ".npz");
    };
    write(digits()), write(small()), write(images()), write(photos());
    return true;
  }

  void run() {
    train("MLP 784-128-10, train batch 64", digits, {64, 784}, {.eigen = 1 / 1.1, .torch = 1 / 2.3});
    infer("MLP 784-128-10, infer batch 64", digits, {64, 784}, {});
    infer("MLP 784-128-10, infer batch 1", digits, {1, 784}, {});
    if (race_.threads() == 1) call();  // too small to be shared
    train("LeNet-like, train batch 64", images, {64, 1, 28, 28}, {.torch = 1 / 2.5, .dlib = 1 / 2.5});
    infer("LeNet-like, infer batch 64", images, {64, 1, 28, 28}, {.torch = 1 / 1.1, .onnx = 1 / 1.1, .dlib = 1 / 1.1});
    infer("LeNet-like, infer batch 1", images, {1, 1, 28, 28}, {.torch = 0.8, .onnx = 0.8, .dlib = 0.8});
    infer("ResNet-18 224^2, infer batch 1", photos, {1, 3, 224, 224}, {.torch = 0.85, .onnx = 0.85});
    infer("ResNet-18 224^2, infer batch 8", photos, {8, 3, 224, 224}, {.torch = 0.85, .onnx = 0.85}, bench::slow);
  }

 private:
  static constexpr std::size_t batches = 8;

  // The same weights whenever and wherever they are made: ONNX Runtime reads them from a file.
  template <class Model> static start<Model> seeded(start<Model> s) {
    inlay::init::weights(s.net, {.seed = 7});
    return s;
  }
  static start<perceptron> digits() {
    return seeded<perceptron>({"perceptron", perceptron({784, 128, 10}), 10, 2.0 * 128 * (784 + 10), 2.0 * 128 * 784});
  }
  static start<perceptron> small() {
    return seeded<perceptron>({"perceptron_small", perceptron({16, 32, 32, 4}), 4, 2.0 * 32 * (16 + 32 + 4), 0});
  }
  static start<lenet> images() {
    const double first = 2.0 * 26 * 26 * 9 * 32;
    return seeded<lenet>({"lenet", {}, 10, first + 2.0 * (11 * 11 * 9 * 32 * 64 + 1600 * 128 + 1280), first});
  }
  using resnet = inlay::models::resnet<float>;
  static start<resnet> photos() { return seeded<resnet>({"resnet18", resnet{{.depth = 18}}, 1000, 3.63e9, 0}); }

  struct library {
    const char* name;
    std::optional<double> target;
    maker make;
  };

  // All libraries that have such a network; `s` lives as long as they do.
  template <class Model> std::vector<library> libraries(const start<Model>& s, bool training, const targets& t) const {
    std::vector<library> out{
        {"inlay", {}, [&s]() -> std::unique_ptr<bench::network> { return std::make_unique<inlay_network<Model>>(s); }}};
#ifdef BENCH_TORCH
    out.push_back({"libtorch", t.torch, [&s] { return s.filled(bench::make_torch(s.weights())); }});
#endif
#ifdef BENCH_EIGEN
    if (s.kind.starts_with("perceptron")) {
      out.push_back({"Eigen -O2, by hand", 0, [&s] { return s.filled(eigen_plain::make(s.weights())); }});
      out.push_back(
          {"Eigen -O2 -march=native, by hand", t.eigen, [&s] { return s.filled(eigen_native::make(s.weights())); }});
    }
#endif
#ifdef BENCH_DLIB
    if (s.kind == "lenet") out.push_back({"dlib", t.dlib, [&s] { return s.filled(bench::make_dlib(s.weights())); }});
#endif
    const std::string file = models_ + "/" + s.kind + ".onnx";
    if (onnx_ && !training && std::filesystem::exists(file))
      out.push_back({"ONNX Runtime", t.onnx, [this, &s, file] {
                       return s.filled(std::make_unique<bench::onnx_network>(*onnx_, file, s.outputs));
                     }});
    return out;
  }

  // Starts afresh in every turn.
  template <class Model>
  void train(const std::string& name, start<Model> make(), const inlay::shape& sizes, const targets& t) {
    race_.row(name, [&] {
      const auto s = std::make_shared<start<Model>>(make());
      s->with_batches(batches, sizes);
      const double flop = (3 * s->flop - s->first) * static_cast<double>(sizes[0]);
      bench::row out{.contestants = {}, .work = static_cast<double>(sizes[0]), .rate = "samples/s"};
      for (const library& l : libraries(*s, true, t)) {
        struct state {
          std::unique_ptr<bench::network> net;
          std::size_t next = 0;
        };
        const auto now = std::make_shared<state>();
        out.contestants.push_back({.name = l.name,
                                   .call = [now] { now->net->train(now->next++ % batches); },
                                   .result = [now, s] { return bench::results{{now->net->loss()}}; },
                                   .restart =
                                       [now, made = l.make] {
                                         *now = {made(), 0};
                                       },
                                   .role = l.name == std::string("inlay") ? bench::role::ours : bench::role::peer,
                                   .target = l.target});
      }
      out.target = t.torch.value_or(0);
      out.contestants.push_back(bench::fma_limit(flop));
      return out;
    });
  }

  template <class Model>
  void infer(const std::string& name, start<Model> make(), const inlay::shape& sizes, const targets& t,
             bool is_slow = false) {
    race_.row(
        name + " (" + form + ")",
        [&] {
          const auto s = std::make_shared<start<Model>>(make());
          s->with_batches(2, sizes);
          const std::int64_t scores = sizes[0] * s->outputs;
          bench::row out{.contestants = {},
                         .target = t.onnx.value_or(0),
                         .work = static_cast<double>(sizes[0]),
                         .rate = "samples/s",
                         .tolerance = 1e-3};
          for (const library& l : libraries(*s, false, t)) {
            const std::shared_ptr<bench::network> net = l.make();
            const auto next = std::make_shared<std::size_t>(0);
            out.contestants.push_back({.name = l.name,
                                       .call = [=] { net->infer((*next)++ % 2); },
                                       .result = [=] { return bench::results{bench::sampled(net->scores(), scores)}; },
                                       .role = l.name == std::string("inlay") ? bench::role::ours : bench::role::peer,
                                       .target = l.target});
          }
          out.contestants.push_back(bench::fma_limit(s->flop * static_cast<double>(sizes[0])));
          return out;
        },
        is_slow);
  }

  void call() {
    race_.row(std::string("MLP 16-32-32-4, one call (") + form + ")", [&] {
      const auto s = std::make_shared<start<perceptron>>(small());
      s->with_batches(1, {1, 16});
      bench::row out{.contestants = {}, .target = 1};
      std::vector<library> all = libraries(*s, false, {.eigen = 0, .torch = 0});
      all.push_back({"plain loops of fixed sizes", 0, [s] { return std::make_unique<loops>(s->weights()); }});
      for (const library& l : all) {
        const std::shared_ptr<bench::network> net = l.make();
        const auto answer = std::make_shared<std::vector<float>>(4);
        out.contestants.push_back({.name = l.name,
                                   .call =
                                       [=] {
                                         net->call(std::as_const(s->x.front()).data(), answer->data());
                                         bench::touch_memory();
                                       },
                                   .result = [=] { return bench::results{*answer}; },
                                   .role = l.name == std::string("inlay") ? bench::role::ours : bench::role::peer,
                                   .target = l.target});
      }
      // Measured where fused multiply-adds reach 152 GFLOP/s; a call of the limit is a tenth of a GFLOP.
      out.contestants.push_back({.name = "RTNeural, 145 ns scaled", .of_limit = 145e-9 * 152 / 0.1});
      out.contestants.push_back(bench::fma_limit(s->flop));
      return out;
    });
  }

  bench::race race_;
  std::string models_;
  std::optional<bench::onnxruntime> onnx_;
};

}  // namespace

int main(int argc, char** argv) {
#ifdef __SSE__
  _mm_setcsr(_mm_getcsr() | 0x8040);  // flush denormals: inlay does so itself, the peers are given it
#endif
  rows all(argc, argv);
  if (!all.write_weights()) all.run();
}
