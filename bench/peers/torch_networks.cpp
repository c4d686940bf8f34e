// The perceptron as libtorch's own examples write it; inference under InferenceMode.
#include "network.hpp"

#include <torch/torch.h>

#include <cstring>

#include <omp.h>

namespace {

class perceptron final : public bench::network {
 public:
  explicit perceptron(std::span<const bench::layer> layers) {
    at::set_num_threads(omp_get_max_threads());
    const torch::NoGradGuard guard;
    std::vector<torch::Tensor> parameters;
    for (const bench::layer& l : layers) {
      torch::nn::Linear linear(l.in, l.out);
      linear->weight.copy_(torch::from_blob(const_cast<float*>(l.weight), {l.out, l.in}));
      linear->bias.copy_(torch::from_blob(const_cast<float*>(l.bias), {l.out}));
      for (const torch::Tensor& p : linear->parameters()) parameters.push_back(p);
      layers_.push_back(linear);
    }
    optimizer_ = std::make_unique<torch::optim::Adam>(parameters, torch::optim::AdamOptions(1e-3));
  }

  void add_batch(const float* x, const std::int64_t* y, std::int64_t rows) override {
    const auto in = layers_.front()->options.in_features();
    batches_.push_back({torch::from_blob(const_cast<float*>(x), {rows, in}).clone(),
                        torch::from_blob(const_cast<std::int64_t*>(y), {rows}, torch::kInt64).clone()});
  }

  void train(std::size_t at) override {
    optimizer_->zero_grad();
    loss_ = torch::nn::functional::cross_entropy(forward(batches_[at].x), batches_[at].y);
    loss_.backward();
    optimizer_->step();
  }
  float loss() override { return loss_.item<float>(); }

  void infer(std::size_t at) override {
    const c10::InferenceMode guard;
    scores_ = forward(batches_[at].x);
  }
  const float* scores() override { return scores_.data_ptr<float>(); }

  void call(const float* in, float* out) override {
    const c10::InferenceMode guard;
    const torch::Tensor y =
        forward(torch::from_blob(const_cast<float*>(in), {1, layers_.front()->options.in_features()}));
    std::memcpy(out, y.data_ptr<float>(), static_cast<std::size_t>(y.numel()) * sizeof(float));
  }

 private:
  struct batch {
    torch::Tensor x, y;
  };

  torch::Tensor forward(torch::Tensor x) {
    for (std::size_t i = 0; i < layers_.size(); ++i) {
      x = layers_[i](x);
      if (i + 1 < layers_.size()) x = torch::relu(x);
    }
    return x;
  }

  std::vector<torch::nn::Linear> layers_;
  std::unique_ptr<torch::optim::Adam> optimizer_;
  std::vector<batch> batches_;
  torch::Tensor loss_, scores_;
};

}  // namespace

std::unique_ptr<bench::network> bench::make_torch(std::span<const layer> layers) {
  return std::make_unique<perceptron>(layers);
}
