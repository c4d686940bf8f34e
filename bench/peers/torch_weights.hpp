// Our weights as libtorch's.
#pragma once

#include <torch/torch.h>

#include "network.hpp"

namespace bench {

struct layer {
  torch::Tensor weight, bias;
};

inline torch::Tensor linear(const torch::Tensor& x, const layer& l) {
  return torch::nn::functional::linear(x, l.weight, l.bias);
}

// Weights of a model, as they are asked for; those that are trained are noted.
class source {
 public:
  explicit source(const model& m) : model_(&m) {}

  bool has(const std::string& path) const { return model_->has(path + ".weight"); }
  layer get(const std::string& path) { return {trained(path + ".weight"), trained(path + ".bias")}; }
  // Several layers of one input as one.
  layer get(const std::vector<std::string>& paths) {
    std::vector<torch::Tensor> weights, biases;
    for (const std::string& path : paths) {
      weights.push_back(plain(path + ".weight"));
      biases.push_back(plain(path + ".bias"));
    }
    return {noted(torch::cat(weights)), noted(torch::cat(biases))};
  }
  torch::Tensor trained(const std::string& name) { return model_->has(name) ? noted(plain(name)) : torch::Tensor(); }
  torch::Tensor plain(const std::string& name) const {
    const view& v = model_->at(name);
    return torch::from_blob(const_cast<float*>(v.values), v.sizes).clone();
  }

  std::vector<torch::Tensor> parameters;

 private:
  torch::Tensor noted(torch::Tensor t) {
    parameters.push_back(t.set_requires_grad(true));
    return parameters.back();
  }

  const model* model_;
};

}  // namespace bench
