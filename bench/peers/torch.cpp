// Single operations as libtorch's users call them: inference under InferenceMode; a training step records, goes back
// from a given dy, and drops the gradients of the step before.
#include "torch.hpp"

#include <omp.h>
#include <torch/torch.h>

namespace bench {

namespace {

using torch::Tensor;
namespace f = torch::nn::functional;

Tensor tensor_of(const view& v) { return torch::from_blob(const_cast<float*>(v.values), v.sizes).clone(); }

std::vector<float> sample(const Tensor& t) {
  const Tensor rows = t.detach().contiguous();
  return sampled(rows.data_ptr<float>(), rows.numel());
}

Tensor evaluate(const std::string& name, const std::vector<Tensor>& a, const window& at) {
  if (name == "conv2d")
    return torch::conv2d(a[0], a[1], a[2], {at.stride, at.stride}, {at.padding, at.padding}, {1, 1}, at.groups);
  if (name == "max_pool2d") return torch::max_pool2d(a[0], {at.kernel, at.kernel});
  if (name == "batch_norm") return torch::batch_norm(a[0], a[1], a[2], a[3], a[4], true, 0.1, 1e-5, false);
  if (name == "layer_norm") return torch::layer_norm(a[0], {a[0].size(-1)}, a[1], a[2]);
  if (name == "softmax") return torch::softmax(a[0], -1);
  if (name == "linear") return torch::nn::functional::linear(a[0], a[1], a[2]);
  if (name == "tanh") return torch::tanh(a[0]);
  if (name == "sigmoid") return torch::sigmoid(a[0]);
  if (name == "exp") return torch::exp(a[0]);
  if (name == "gelu") return torch::gelu(a[0]);
  if (name == "gelu_tanh") return torch::gelu(a[0], "tanh");
  if (name == "relu") return torch::relu(a[0]);
  if (name == "add") return a[0] + a[1];
  throw std::invalid_argument(name);
}

struct operation {
  std::string name;
  window at;
  std::vector<Tensor> operands, states;
  Tensor dy, y;

  void run() {
    y = Tensor();
    if (!dy.defined() && states.empty()) {
      const c10::InferenceMode guard;
      y = evaluate(name, operands, at);
      return;
    }
    for (Tensor& t : operands) t.mutable_grad() = Tensor();
    std::vector<Tensor> all = operands;
    all.insert(all.end(), states.begin(), states.end());
    y = evaluate(name, all, at);
    if (dy.defined()) y.backward(dy);
  }
};

}  // namespace

contestant torch_operation(const std::string& name, const std::vector<view>& operands, const view& dy,
                           const window& at) {
  at::set_num_threads(omp_get_max_threads());
  const auto o = std::make_shared<operation>(operation{name, at, {}, {}, {}, {}});
  const bool train = dy.values != nullptr || name == "batch_norm";
  for (const view& v : operands) o->operands.push_back(tensor_of(v).set_requires_grad(train));
  if (name == "batch_norm") {
    const std::vector<std::int64_t> channels{operands[0].sizes[1]};
    o->states = {torch::zeros(channels), torch::ones(channels)};
  }
  if (dy.values != nullptr) o->dy = tensor_of(dy);
  return {.name = "libtorch",
          .call = [=] { o->run(); },
          .result =
              [=] {
                results out{sample(o->y)};
                if (o->dy.defined())
                  for (const Tensor& t : o->operands) out.push_back(sample(t.grad()));
                return out;
              }};
}

contestant torch_adam(const view& weights, const view& gradient) {
  at::set_num_threads(omp_get_max_threads());
  struct state {
    Tensor weights;
    std::unique_ptr<torch::optim::Adam> optimizer;
  };
  const auto s = std::make_shared<state>();
  const auto restart = [=] {
    s->weights = tensor_of(weights).set_requires_grad(true);
    s->weights.mutable_grad() = tensor_of(gradient);
    s->optimizer =
        std::make_unique<torch::optim::Adam>(std::vector<Tensor>{s->weights}, torch::optim::AdamOptions(1e-3));
  };
  return {.name = "libtorch",
          .call = [=] { s->optimizer->step(); },
          .result = [=] { return results{sample(s->weights)}; },
          .restart = restart};
}

}  // namespace bench
