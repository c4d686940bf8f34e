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
  if (name == "lstm" || name == "gru") {
    const Tensor zero = torch::zeros({1, a[0].size(1), a[2].size(1)});
    const std::vector<Tensor> cell{a[1], a[2], a[3], a[4]};
    if (name == "gru") return std::get<0>(torch::gru(a[0], zero, cell, true, 1, 0.0, false, false, false));
    return std::get<0>(torch::lstm(a[0], {zero, zero}, cell, true, 1, 0.0, false, false, false));
  }
  throw std::invalid_argument(name);
}

// (N, T, heads size) -> (N, heads, T, size)
Tensor apart(const Tensor& x, std::int64_t heads) {
  return x.view({x.size(0), x.size(1), heads, x.size(2) / heads}).transpose(1, 2);
}
Tensor together(const Tensor& x) { return x.transpose(1, 2).flatten(2); }

Tensor attention(const Tensor& q, const Tensor& k, const Tensor& v) {
  const double scale = 1 / std::sqrt(static_cast<double>(q.size(-1)));
  return torch::matmul(torch::softmax(torch::matmul(q * scale, k.transpose(-2, -1)), -1), v);
}

using function = std::function<Tensor(const std::vector<Tensor>&)>;

struct operation {
  function evaluate;
  std::vector<Tensor> operands, states;
  Tensor dy, y;

  void run() {
    y = Tensor();
    if (!dy.defined() && states.empty()) {
      const c10::InferenceMode guard;
      y = evaluate(operands);
      return;
    }
    for (Tensor& t : operands) t.mutable_grad() = Tensor();
    std::vector<Tensor> all = operands;
    all.insert(all.end(), states.begin(), states.end());
    y = evaluate(all);
    if (dy.defined()) y.backward(dy);
  }
};

contestant contestant_of(std::string name, function evaluate, const std::vector<view>& operands, const view& dy,
                         std::vector<Tensor> states = {}) {
  at::set_num_threads(omp_get_max_threads());
  const auto o = std::make_shared<operation>(operation{std::move(evaluate), {}, std::move(states), {}, {}});
  const bool train = dy.values != nullptr || !o->states.empty();
  for (const view& v : operands) o->operands.push_back(tensor_of(v).set_requires_grad(train));
  if (dy.values != nullptr) o->dy = tensor_of(dy);
  return {.name = std::move(name),
          .call = [=] { o->run(); },
          .result =
              [=] {
                results out{sample(o->y)};
                if (o->dy.defined())
                  for (const Tensor& t : o->operands) out.push_back(sample(t.grad()));
                return out;
              }};
}

}  // namespace

contestant torch_operation(const std::string& name, const std::vector<view>& operands, const view& dy,
                           const window& at) {
  std::vector<Tensor> states;
  if (name == "batch_norm") {
    const std::vector<std::int64_t> channels{operands[0].sizes[1]};
    states = {torch::zeros(channels), torch::ones(channels)};
  }
  return contestant_of(
      "libtorch", [name, at](const std::vector<Tensor>& a) { return evaluate(name, a, at); }, operands, dy, states);
}

contestant torch_attention(const view& q, const view& k, const view& v, std::int64_t heads) {
  at::set_num_threads(omp_get_max_threads());
  struct state {
    Tensor q, k, v, y;
  };
  const auto of = [heads](const view& x) { return apart(tensor_of(x), heads).contiguous(); };
  const auto s = std::make_shared<state>(state{of(q), of(k), of(v), {}});
  return {.name = "libtorch, all scores at once",
          .call =
              [=] {
                const c10::InferenceMode guard;
                s->y = Tensor();
                s->y = attention(s->q, s->k, s->v);
              },
          .result = [=] { return results{sample(together(s->y))}; }};
}

contestant torch_multi_head_attention(const std::vector<view>& operands, const view& dy, std::int64_t heads,
                                      bool native) {
  if (!native)
    return contestant_of(
        "libtorch",
        [heads](const std::vector<Tensor>& a) {
          const auto of = [&](std::size_t i) { return apart(f::linear(a[0], a[i], a[i + 1]), heads); };
          return f::linear(together(attention(of(1), of(3), of(5))), a[7], a[8]);
        },
        operands, dy);
  const auto joined = [&](std::size_t i) {
    return torch::cat({tensor_of(operands[i]), tensor_of(operands[i + 2]), tensor_of(operands[i + 4])});
  };
  return contestant_of(
      "libtorch, native",
      [heads, weight = joined(1), bias = joined(2)](const std::vector<Tensor>& a) {
        return std::get<0>(at::_native_multi_head_attention(a[0], a[0], a[0], a[0].size(2), heads, weight, bias, a[7],
                                                            a[8], {}, false));
      },
      operands, dy);
}

contestant torch_lstm_step(const view& x, const std::vector<view>& cell, const view& weight, const view& bias) {
  at::set_num_threads(omp_get_max_threads());
  struct state {
    Tensor x, weight, bias, h, c, y;
    std::vector<Tensor> cell;
  };
  const auto s = std::make_shared<state>(state{tensor_of(x), tensor_of(weight), tensor_of(bias), {}, {}, {}, {}});
  for (const view& v : cell) s->cell.push_back(tensor_of(v));
  return {.name = "libtorch",
          .call =
              [=] {
                const c10::InferenceMode guard;
                Tensor y;
                std::tie(y, s->h, s->c) = torch::lstm(s->x, {s->h, s->c}, s->cell, true, 1, 0.0, false, false, false);
                s->y = f::linear(y, s->weight, s->bias);
              },
          .result = [=] { return results{sample(s->y)}; },
          .restart =
              [=] {
                s->h = s->c = torch::zeros({1, 1, s->cell[1].size(1)});
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
