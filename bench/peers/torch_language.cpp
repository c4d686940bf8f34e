// Language models as libtorch's users write them: queries, keys and values by one layer, all scores of attention at
// once; inference under InferenceMode.
#include <omp.h>

#include <cmath>
#include <optional>

#include "language.hpp"
#include "torch_weights.hpp"

namespace {

using bench::layer, bench::linear, torch::Tensor;

Tensor norm(const Tensor& x, const layer& l) { return torch::layer_norm(x, {x.size(-1)}, l.weight, l.bias); }

class gpt {
 public:
  gpt(bench::source& from, std::int64_t heads) : heads_(heads) {
    embedding_ = from.trained("embedding.weight");
    places_ = from.trained("places.weight");
    for (std::string path = "blocks.0."; from.has(path + "norm1");
         path = "blocks." + std::to_string(blocks_.size()) + ".")
      blocks_.push_back({from.get(path + "norm1"),
                         from.get({path + "attention.query", path + "attention.key", path + "attention.value"}),
                         from.get(path + "attention.out"),
                         from.get(path + "norm2"),
                         from.get(path + "feed_forward.up"),
                         from.get(path + "feed_forward.down"),
                         {},
                         {}});
    last_ = from.get("norm");
    const std::int64_t most = places_.size(0);
    mask_ = torch::full({most, most}, -INFINITY).triu(1);
  }

  Tensor operator()(const Tensor& tokens) const {
    const std::int64_t steps = tokens.size(1);
    const Tensor mask = mask_.slice(0, 0, steps).slice(1, 0, steps);
    Tensor x = torch::embedding(embedding_, tokens) + places_.slice(0, 0, steps);
    for (const block& b : blocks_) {
      const std::vector<Tensor> qkv = apart(norm(x, b.norm1), b);
      x = x + linear(attention(qkv[0], qkv[1], qkv[2], mask), b.out);
      x = x + fed(norm(x, b.norm2), b);
    }
    return linear(norm(x, last_), {embedding_, {}});
  }

  // Scores behind the token at a place, of one row whose places before were seen.
  Tensor step(std::int64_t token, std::int64_t at) {
    Tensor x = (embedding_[token] + places_[at]).view({1, 1, -1});
    for (block& b : blocks_) {
      const std::vector<Tensor> qkv = apart(norm(x, b.norm1), b);
      b.keys = at == 0 ? qkv[1] : torch::cat({b.keys, qkv[1]}, 2);
      b.values = at == 0 ? qkv[2] : torch::cat({b.values, qkv[2]}, 2);
      x = x + linear(attention(qkv[0], b.keys, b.values, {}), b.out);
      x = x + fed(norm(x, b.norm2), b);
    }
    return linear(norm(x, last_), {embedding_, {}});
  }

 private:
  struct block {
    layer norm1, qkv, out, norm2, up, down;
    Tensor keys, values;
  };

  // Queries, keys and values (N, heads, T, size).
  std::vector<Tensor> apart(const Tensor& x, const block& b) const {
    const std::int64_t size = x.size(2) / heads_;
    return linear(x, b.qkv).view({x.size(0), x.size(1), 3, heads_, size}).permute({2, 0, 3, 1, 4}).unbind();
  }
  static Tensor attention(const Tensor& q, const Tensor& k, const Tensor& v, const Tensor& mask) {
    Tensor scores = torch::matmul(q * (1 / std::sqrt(static_cast<double>(q.size(-1)))), k.transpose(-2, -1));
    if (mask.defined()) scores.add_(mask);
    return torch::matmul(torch::softmax(scores, -1), v).transpose(1, 2).flatten(2);
  }
  static Tensor fed(const Tensor& x, const block& b) { return linear(torch::gelu(linear(x, b.up), "tanh"), b.down); }

  std::int64_t heads_;
  Tensor embedding_, places_, mask_;
  std::vector<block> blocks_;
  layer last_;
};

class lstm_lm {
 public:
  lstm_lm(bench::source& from, std::int64_t) {
    embedding_ = from.trained("embedding.weight");
    for (const char* name : {"weight_ih", "weight_hh", "bias_ih", "bias_hh"})
      cell_.push_back(from.trained(std::string("lstm.cells.0.") + name));
    head_ = from.get("head");
  }

  Tensor operator()(const Tensor& tokens) {
    h_ = c_ = torch::zeros({1, tokens.size(0), cell_[1].size(1)});
    return seen(tokens, true);
  }
  Tensor step(std::int64_t token, std::int64_t at) {
    if (at == 0) h_ = c_ = torch::zeros({1, 1, cell_[1].size(1)});
    return seen(torch::full({1, 1}, token, torch::kInt64), false);
  }

 private:
  Tensor seen(const Tensor& tokens, bool training) {
    Tensor y;
    std::tie(y, h_, c_) =
        torch::lstm(torch::embedding(embedding_, tokens), {h_, c_}, cell_, true, 1, 0.0, training, false, true);
    return linear(y, head_);
  }

  Tensor embedding_, h_, c_;
  std::vector<Tensor> cell_;
  layer head_;
};

template <class Net, class Optimizer, class Options> class language_model final : public bench::language_model {
 public:
  language_model(const bench::model& m, std::int64_t heads) {
    at::set_num_threads(omp_get_max_threads());
    bench::source from(m);
    net_.emplace(from, heads);
    optimizer_ = std::make_unique<Optimizer>(from.parameters, Options(1e-3));
  }

  void train(const bench::tokens& t) override {
    optimizer_->zero_grad();
    loss_ = torch::nn::functional::cross_entropy((*net_)(tensor_of(t, t.here)).flatten(0, 1),
                                                 tensor_of(t, t.next).flatten());
    loss_.backward();
    optimizer_->step();
  }
  float loss() override { return loss_.item<float>(); }

  void infer(const bench::tokens& t) override {
    const c10::InferenceMode guard;
    scores_ = (*net_)(tensor_of(t, t.here));
  }
  std::vector<float> scores() override { return bench::sampled(scores_.data_ptr<float>(), scores_.numel()); }

  std::vector<std::int64_t> generate(std::int64_t token, std::int64_t count) override {
    const c10::InferenceMode guard;
    std::vector<std::int64_t> out;
    for (std::int64_t at = 0; at < count; ++at) {
      token = net_->step(token, at).argmax().template item<std::int64_t>();
      out.push_back(token);
    }
    return out;
  }

 private:
  static Tensor tensor_of(const bench::tokens& t, const std::vector<std::int64_t>& values) {
    return torch::from_blob(const_cast<std::int64_t*>(values.data()), {t.rows, t.steps}, torch::kInt64);
  }

  std::optional<Net> net_;
  std::unique_ptr<Optimizer> optimizer_;
  Tensor loss_, scores_;
};

}  // namespace

std::unique_ptr<bench::language_model> bench::make_torch_language_model(const model& m, std::int64_t heads) {
  if (m.kind == "gpt")
    return std::make_unique<::language_model<gpt, torch::optim::AdamW, torch::optim::AdamWOptions>>(m, heads);
  return std::make_unique<::language_model<lstm_lm, torch::optim::Adam, torch::optim::AdamOptions>>(m, heads);
}
