// Small networks end to end, beside libtorch and Eigen by hand: a 784-128-10 perceptron trained with Adam on batches of
// 64 and used on batches of 64 and 1, and a call of a 16-32-32-4 perceptron from and to plain arrays.
#include "limit.hpp"

#include <inlay/inlay.hpp>

#include <memory>
#include <optional>

#include "peers/network.hpp"

#ifdef BENCH_TORCH
#include "peers/torch.hpp"
#endif
#ifdef BENCH_EIGEN
#include "peers/eigen.hpp"
#endif
#ifdef __SSE__
#include <xmmintrin.h>
#endif

namespace {

using inlay::tensor;

struct perceptron {
  std::vector<inlay::nn::dense<float>> layers;

  auto operator()(const auto& x) const {
    auto y = layers.front()(x);
    for (std::size_t i = 1; i < layers.size(); ++i) y = layers[i](y);
    return y;
  }
  static void members(auto& self, auto&& visit) { visit("layers", self.layers); }
};

class inlay_network final : public bench::network {
 public:
  explicit inlay_network(std::span<const bench::layer> layers) {
    for (const bench::layer& l : layers) {
      const bool last = &l == &layers.back();
      inlay::nn::dense<float> made{
          {.in = l.in, .out = l.out, .activation = last ? inlay::activation::none : inlay::activation::relu}};
      made.weight.assign(from_memory(l.weight, {l.out, l.in}));
      made.bias.assign(from_memory(l.bias, {l.out}));
      net_.layers.push_back(std::move(made));
    }
    optimizer_.emplace(net_);
  }

  void add_batch(const float* x, const std::int64_t* y, std::int64_t rows) override {
    batches_.push_back({from_memory(x, {rows, net_.layers.front().weight.dim(1)}), from_memory(y, {rows})});
  }

  void train(std::size_t at) override {
    const auto loss = inlay::loss::cross_entropy(net_(tape_.input(batches_[at].x)), batches_[at].y);
    loss.backward();
    optimizer_->step();
    optimizer_->zero_grad();
    loss_ = loss.item();
  }
  float loss() override { return loss_; }

  void infer(std::size_t at) override { scores_ = net_(batches_[at].x); }
  const float* scores() override { return std::as_const(scores_).data(); }

  void call(const float* in, float* out) override {
    const tensor<float> y = net_(from_memory(in, {1, net_.layers.front().weight.dim(1)}));
    std::copy_n(y.data(), y.size(), out);
  }

 private:
  struct batch {
    tensor<float> x;
    tensor<std::int64_t> y;
  };

  template <class T> static tensor<T> from_memory(const T* values, const inlay::shape& sizes) {
    return inlay::from<T>(sizes, std::span(values, static_cast<std::size_t>(sizes.size())));
  }

  perceptron net_;
  std::optional<inlay::optim::adam> optimizer_;
  inlay::autograd::tape tape_;
  std::vector<batch> batches_;
  tensor<float> scores_;
  float loss_ = 0;
};

// What a compiler makes of a perceptron whose sizes it knows: nothing but loops. One row, no training.
class loops final : public bench::network {
 public:
  explicit loops(std::span<const bench::layer> l) {
    first_.set(l[0]);
    second_.set(l[1]);
    third_.set(l[2]);
  }
  void add_batch(const float*, const std::int64_t*, std::int64_t) override {}
  void train(std::size_t) override {}
  float loss() override { return 0; }
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

    void set(const bench::layer& l) {
      for (int j = 0; j < Out; ++j) {
        bias[j] = l.bias[j];
        for (int i = 0; i < In; ++i) weight[i][j] = l.weight[j * In + i];
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

constexpr std::size_t batches = 16;  // more than one, or Adam's moments decay into denormals

// Weights and batches that all libraries start from.
struct start {
  std::vector<std::int64_t> sizes;
  std::int64_t rows;
  std::vector<tensor<float>> weights, biases, x;
  std::vector<tensor<std::int64_t>> y;

  start(std::vector<std::int64_t> given, std::int64_t rows_of_batch) : sizes(std::move(given)), rows(rows_of_batch) {
    inlay::random::generator g(7);
    for (std::size_t i = 0; i + 1 < sizes.size(); ++i) {
      const float bound = 1 / std::sqrt(static_cast<float>(sizes[i]));
      weights.push_back(inlay::random::uniform<float>(g, {sizes[i + 1], sizes[i]}, -bound, bound));
      biases.push_back(inlay::random::uniform<float>(g, {sizes[i + 1]}, -bound, bound));
    }
    for (std::size_t b = 0; b < batches; ++b) {
      x.push_back(inlay::random::uniform<float>(g, {rows, sizes.front()}));
      tensor<std::int64_t> classes = inlay::empty<std::int64_t>({rows});
      classes.write([&](std::span<std::int64_t> to) {
        for (std::int64_t& c : to) c = static_cast<std::int64_t>(g.below(static_cast<std::uint64_t>(sizes.back())));
      });
      y.push_back(std::move(classes));
    }
  }

  std::unique_ptr<bench::network> network(bench::make_network* make) const {
    std::vector<bench::layer> layers;
    for (std::size_t i = 0; i < weights.size(); ++i)
      layers.push_back({sizes[i], sizes[i + 1], weights[i].data(), biases[i].data()});
    auto out = make(layers);
    for (std::size_t b = 0; b < batches; ++b) out->add_batch(x[b].data(), y[b].data(), rows);
    return out;
  }

  // Of a training step, a third of it of inference; the first layer's input needs no gradient.
  double flop(bool training) const {
    double forward = 0;
    for (std::size_t i = 0; i + 1 < sizes.size(); ++i)
      forward += 2 * static_cast<double>(rows * sizes[i] * sizes[i + 1]);
    return training ? 3 * forward - 2 * static_cast<double>(rows * sizes[0] * sizes[1]) : forward;
  }
};

std::unique_ptr<bench::network> make_inlay(std::span<const bench::layer> layers) {
  return std::make_unique<inlay_network>(layers);
}
std::unique_ptr<bench::network> make_loops(std::span<const bench::layer> layers) {
  return std::make_unique<loops>(layers);
}

struct library {
  const char* name;
  bench::make_network* make;
};

std::vector<library> libraries() {
  return {
      {"inlay", make_inlay},
#ifdef BENCH_TORCH
      {"libtorch", bench::make_torch},
#endif
#ifdef BENCH_EIGEN
      {"Eigen -O2, by hand", eigen_plain::make},
      {"Eigen -O2 -march=native, by hand", eigen_native::make},
#endif
  };
}

// f(network) gives the timed call, g(network) what it computed.
template <class F, class G>
bench::contestant contestant(const library& l, const std::shared_ptr<const start>& from, F f, G g) {
  const auto net = std::make_shared<std::unique_ptr<bench::network>>();
  return {.name = l.name,
          .call = [=] { f(**net); },
          .result = [=] { return g(**net); },
          .restart = [=] { *net = from->network(l.make); },
          .role = l.make == make_inlay ? bench::role::ours : bench::role::peer};
}

bench::row train_row() {
  const auto from = std::make_shared<const start>(std::vector<std::int64_t>{784, 128, 10}, 64);
  bench::row out{.name = "MLP 784-128-10, train batch 64",
                 .unit = bench::sample_rate,
                 .work = static_cast<double>(batches) * 64,
                 .flop = static_cast<double>(batches) * from->flop(true),
                 .contestants = {}};
  for (const library& l : libraries()) {
    const auto epoch = [](bench::network& net) {
      for (std::size_t b = 0; b < batches; ++b) net.train(b);
    };
    out.contestants.push_back(
        contestant(l, from, epoch, [](bench::network& net) { return std::vector<float>{net.loss()}; }));
  }
  out.contestants.push_back(bench::limit());
  return out;
}

bench::row infer_row(std::int64_t rows) {
  const auto from = std::make_shared<const start>(std::vector<std::int64_t>{784, 128, 10}, rows);
  bench::row out{.name = "MLP 784-128-10, infer batch " + std::to_string(rows),
                 .unit = bench::sample_rate,
                 .work = static_cast<double>(batches) * static_cast<double>(rows),
                 .flop = static_cast<double>(batches) * from->flop(false),
                 .contestants = {}};
  for (const library& l : libraries()) {
    const auto all = [](bench::network& net) {
      for (std::size_t b = 0; b < batches; ++b) net.infer(b);
    };
    out.contestants.push_back(contestant(l, from, all, [rows](bench::network& net) {
      return std::vector<float>(net.scores(), net.scores() + rows * 10);
    }));
  }
  out.contestants.push_back(bench::limit());
  return out;
}

bench::row call_row() {
  const auto from = std::make_shared<const start>(std::vector<std::int64_t>{16, 32, 32, 4}, 1);
  bench::row out{.name = "MLP 16-32-32-4, one call",
                 .unit = bench::nanoseconds,
                 .work = 1,
                 .flop = from->flop(false),
                 .contestants = {}};
  std::vector<library> all = libraries();
  all.push_back({"plain loops of fixed sizes", make_loops});
  for (const library& l : all) {
    const auto answer = std::make_shared<std::vector<float>>(4);
    out.contestants.push_back(contestant(
        l, from,
        [=](bench::network& net) {
          net.call(from->x.front().data(), answer->data());
          benchmark::ClobberMemory();
        },
        [=](bench::network&) { return *answer; }));
  }
  out.contestants.push_back(bench::limit());
  return out;
}

}  // namespace

int main(int argc, char** argv) {
#ifdef __SSE__
  _mm_setcsr(_mm_getcsr() | 0x8040);  // flush denormals: inlay does so itself, the peers are given it
#endif
  return bench::compete(argc, argv, {train_row, [] { return infer_row(64); }, [] { return infer_row(1); }, call_row});
}
