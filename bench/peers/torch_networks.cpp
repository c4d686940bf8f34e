// Networks as libtorch's own examples write them; inference under InferenceMode.
#include <omp.h>
#include <torch/torch.h>

#include <cstring>
#include <functional>

#include "torch_weights.hpp"

namespace {

using bench::layer, bench::linear, torch::Tensor;

struct norm {
  Tensor weight, bias, mean, variance;
  Tensor operator()(const Tensor& x) const {
    return torch::batch_norm(x, weight, bias, mean, variance, false, 0.1, 1e-5, false);
  }
};
using forward_function = std::function<Tensor(const Tensor&)>;

class source : public bench::source {
 public:
  using bench::source::source;
  norm batch_norm(const std::string& path) {
    return {trained(path + ".weight"), trained(path + ".bias"), plain(path + ".running_mean"),
            plain(path + ".running_var")};
  }
};

forward_function perceptron(source& from) {
  std::vector<layer> layers;
  for (std::string path = "layers.0"; from.has(path); path = "layers." + std::to_string(layers.size()))
    layers.push_back(from.get(path));
  return [layers](Tensor x) {
    for (std::size_t i = 0; i < layers.size(); ++i) {
      x = linear(x, layers[i]);
      if (i + 1 < layers.size()) x = torch::relu(x);
    }
    return x;
  };
}

forward_function lenet(source& from) {
  const layer conv1 = from.get("conv1"), conv2 = from.get("conv2"), hidden = from.get("hidden"),
              out = from.get("scores");
  return [=](Tensor x) {
    x = torch::max_pool2d(torch::relu(torch::conv2d(x, conv1.weight, conv1.bias)), {2, 2});
    x = torch::max_pool2d(torch::relu(torch::conv2d(x, conv2.weight, conv2.bias)), {2, 2});
    return linear(torch::relu(linear(x.flatten(1), hidden)), out);
  };
}

struct residual {
  layer conv1, conv2, shortcut;
  norm bn1, bn2, bn_shortcut;
  std::int64_t stride;

  Tensor operator()(const Tensor& x) const {
    const Tensor y = bn1(torch::conv2d(x, conv1.weight, {}, {stride, stride}, {1, 1})).relu_();
    const Tensor out = bn2(torch::conv2d(y, conv2.weight, {}, {1, 1}, {1, 1}));
    const Tensor passed =
        shortcut.weight.defined() ? bn_shortcut(torch::conv2d(x, shortcut.weight, {}, {stride, stride})) : x;
    return (out + passed).relu_();
  }
};

forward_function resnet18(source& from) {
  const layer conv1 = from.get("conv1"), fc = from.get("fc");
  const norm bn1 = from.batch_norm("bn1");
  std::vector<residual> blocks;
  for (int stage = 1; stage <= 4; ++stage)
    for (int i = 0; i < 2; ++i) {
      const std::string path = "layer" + std::to_string(stage) + "." + std::to_string(i) + ".";
      residual block{from.get(path + "conv1"),      from.get(path + "conv2"),      {},
                     from.batch_norm(path + "bn1"), from.batch_norm(path + "bn2"), {},
                     stage > 1 && i == 0 ? 2 : 1};
      if (from.has(path + "downsample.0")) {
        block.shortcut = from.get(path + "downsample.0");
        block.bn_shortcut = from.batch_norm(path + "downsample.1");
      }
      blocks.push_back(block);
    }
  return [=](Tensor x) {
    x = bn1(torch::conv2d(x, conv1.weight, {}, {2, 2}, {3, 3})).relu_();
    x = torch::max_pool2d(x, {3, 3}, {2, 2}, {1, 1});
    for (const residual& block : blocks) x = block(x);
    return linear(torch::adaptive_avg_pool2d(x, {1, 1}).flatten(1), fc);
  };
}

class network final : public bench::network {
 public:
  explicit network(const bench::model& m) {
    at::set_num_threads(omp_get_max_threads());
    source from(m);
    forward_ = m.kind == "lenet" ? lenet(from) : m.kind == "resnet18" ? resnet18(from) : perceptron(from);
    optimizer_ = std::make_unique<torch::optim::Adam>(from.parameters, torch::optim::AdamOptions(1e-3));
  }

  void add_batch(const bench::view& x, const std::int64_t* classes) override {
    batches_.push_back({torch::from_blob(const_cast<float*>(x.values), x.sizes).clone(),
                        torch::from_blob(const_cast<std::int64_t*>(classes), {x.sizes[0]}, torch::kInt64).clone()});
  }

  void train(std::size_t at) override {
    optimizer_->zero_grad();
    loss_ = torch::nn::functional::cross_entropy(forward_(batches_[at].x), batches_[at].classes);
    loss_.backward();
    optimizer_->step();
  }
  float loss() override { return loss_.item<float>(); }

  void infer(std::size_t at) override {
    const c10::InferenceMode guard;
    scores_ = forward_(batches_[at].x);
  }
  const float* scores() override { return scores_.data_ptr<float>(); }

  void call(const float* in, float* out) override {
    const c10::InferenceMode guard;
    std::vector<std::int64_t> sizes = batches_.front().x.sizes().vec();
    const Tensor y = forward_(torch::from_blob(const_cast<float*>(in), sizes));
    std::memcpy(out, y.data_ptr<float>(), static_cast<std::size_t>(y.numel()) * sizeof(float));
  }

 private:
  struct batch {
    Tensor x, classes;
  };

  forward_function forward_;
  std::unique_ptr<torch::optim::Adam> optimizer_;
  std::vector<batch> batches_;
  Tensor loss_, scores_;
};

}  // namespace

std::unique_ptr<bench::network> bench::make_torch(const model& m) { return std::make_unique<::network>(m); }
